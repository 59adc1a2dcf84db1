package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

func TestRequestIDIsTransparent(t *testing.T) {
	checkTransparent(t, middleware.RequestID(), getRequest)
}

func TestRequestID(t *testing.T) {
	made := `^[A-Z2-7]{26}$`
	trusting := middleware.RequestID(middleware.RequestIDTrust("X-Request-Id"))
	for _, test := range []struct {
		name      string
		m         modgo.Middleware
		variables []string
		want      string // a pattern
	}{
		{"made", middleware.RequestID(), nil, made},
		{"Apache's UNIQUE_ID", middleware.RequestID(), []string{"UNIQUE_ID", "Zx@a-_9"}, `^Zx@a-_9$`},
		{"the server's own", middleware.RequestID(), []string{"mod_go.request_id", "Zx+/="}, `^Zx\+/=$`},
		{"both", middleware.RequestID(), []string{"UNIQUE_ID", "a", "mod_go.request_id", "b"}, `^a$`},
		{"UNIQUE_ID of something else", middleware.RequestID(), []string{"UNIQUE_ID", "a b"}, made},
		{"not trusted", middleware.RequestID(), []string{"HTTP_X_REQUEST_ID", "client"}, made},
		{"trusted", trusting, []string{"HTTP_X_REQUEST_ID", "client.7~f:1"}, `^client\.7~f:1$`},
		{"trusted, and the server's", trusting, []string{"HTTP_X_REQUEST_ID", "client", "UNIQUE_ID", "server"}, `^server$`},
		{"trusted, absent", trusting, nil, made},
		{"empty", trusting, []string{"HTTP_X_REQUEST_ID", ""}, made},
		{"as long as may be", trusting, []string{"HTTP_X_REQUEST_ID", strings.Repeat("a", 128)}, `^a{128}$`},
		{"too long", trusting, []string{"HTTP_X_REQUEST_ID", strings.Repeat("a", 129)}, made},
		{"a line of its own", trusting, []string{"HTTP_X_REQUEST_ID", "a\n[error] forged"}, made},
		{"an escape", trusting, []string{"HTTP_X_REQUEST_ID", "a\x1b[31m"}, made},
		{"a quote", trusting, []string{"HTTP_X_REQUEST_ID", `a"b`}, made},
		{"markup", trusting, []string{"HTTP_X_REQUEST_ID", "<script>"}, made},
		{"not ASCII", trusting, []string{"HTTP_X_REQUEST_ID", "ä"}, made},
		{"two headers", trusting, []string{"HTTP_X_REQUEST_ID", "a, b"}, made},
	} {
		t.Run(test.name, func(t *testing.T) {
			host := new(recorder)
			env := requestOf("GET", "/", "", test.variables...)
			var seen []string
			app := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
				seen = append(seen, env.Get(middleware.RequestIDVariable), middleware.RequestIDFromContext(env.Context()))
				return starting("200 OK", modgo.Text("a"))(env, start)
			}
			if raised, err := serve(host, env, checked(t, test.m)(app)); err != nil || raised != nil {
				t.Fatal(err, raised)
			}
			id, times := host.header("X-Request-Id")
			if !regexp.MustCompile(test.want).MatchString(id) || times != 1 || !slices.Equal(seen, []string{id, id}) {
				t.Errorf("id %q, %d times; the application saw %q; want %s", id, times, seen, test.want)
			}
		})
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	ids := make(map[string]bool)
	for range 1000 {
		host := new(recorder)
		serve(host, getRequest("GET"), middleware.RequestID()(starting("204 No Content", nil)))
		id, _ := host.header("X-Request-Id")
		ids[id] = true
	}
	if len(ids) != 1000 {
		t.Errorf("%d different ids of 1000", len(ids))
	}
}

func TestRequestIDLeavesTheApplicationsHeadersAlone(t *testing.T) {
	host := new(recorder)
	shared := append(make(modgo.Headers, 0, 10), [2]string{"Content-Type", "text/plain"})
	app := func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", shared)
		return modgo.Text("a")
	}
	serve(host, getRequest("GET"), middleware.RequestID()(app))
	if spare := shared[:2][1]; spare != [2]string{} {
		t.Errorf("the application's array holds %q", spare)
	}
	host = new(recorder)
	serve(host, getRequest("GET"), middleware.RequestID()(starting("200 OK", nil, [2]string{"x-request-id", "mine"})))
	if id, times := host.header("X-Request-Id"); id != "mine" || times != 1 {
		t.Errorf("X-Request-Id %q, %d times; want the application's", id, times)
	}
}

func TestRequestIDHandler(t *testing.T) {
	server := httptest.NewServer(middleware.RequestID().Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, middleware.RequestIDFromContext(r.Context())+" "+modgo.FromContext(r.Context()).Get(middleware.RequestIDVariable))
	})))
	defer server.Close()
	r := fetch(t, "GET", server.URL, "")
	if id := r.Header.Get("X-Request-Id"); r.Err != nil || len(id) != 26 || r.Body != id+" "+id {
		t.Errorf("%v: %q, header %q", r.Err, r.Body, id)
	}
}

func TestRequestIDTrustRefuses(t *testing.T) {
	for _, header := range []string{"", "X_Request_Id", "Proxy", "X Y"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("the header %q was taken", header)
				}
			}()
			middleware.RequestIDTrust(header)
		}()
	}
}

func ExampleRequestID() {
	application := func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start("200 OK", modgo.Headers{{"Content-Type", "text/plain"}})
		return modgo.Text("this is request " + env.Get(middleware.RequestIDVariable))
	}
	env := requestOf("GET", "/", "")
	env.Set("UNIQUE_ID", "Zm9vYmFy") // as mod_unique_id does
	show(middleware.RequestID()(application), env)
	// Output:
	// 200 this is request Zm9vYmFy
}

func ExampleRequestIDFromContext() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("length of the id:", len(middleware.RequestIDFromContext(r.Context())))
	})
	middleware.RequestID().Handler(handler).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	// Output:
	// length of the id: 26
}
