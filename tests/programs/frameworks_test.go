package programs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/internal/httpdconf"
	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/programs/apps/chi"
	"github.com/mod-go/mod-go/tests/programs/apps/echo"
	"github.com/mod-go/mod-go/tests/programs/apps/fiber"
	"github.com/mod-go/mod-go/tests/programs/apps/gin"
	"github.com/mod-go/mod-go/tests/programs/apps/gorilla"
	"github.com/mod-go/mod-go/tests/programs/apps/servemux"
	"github.com/mod-go/mod-go/tests/programs/internal/catalog"
)

const appsPackage = "github.com/mod-go/mod-go/tests/programs/apps/"

// A framework is one whose application is run here and there.
type framework struct {
	name        string // of its package
	mount       string // URL path, "" for the top of the site
	application http.Handler
	statuses    map[string]int // by the name of a request: where the framework answers otherwise than the others
}

// frameworks in the order in which httpd looks for them. Fiber sees the whole path of the client, mount included, so that it
// has the top of the site.
var frameworks = []framework{
	{"servemux", "/servemux", servemux.Application, map[string]int{"HEAD": 200}},
	{"chi", "/chi", chi.Application, map[string]int{"an ID with other characters": 404, "an order of another type": 415, "a compressed answer": 200}},
	{"gin", "/gin", gin.Application, map[string]int{"HEAD": 404, "the wrong method": 404, "server-sent events": 200}},
	{"echo", "/echo", echo.Application, map[string]int{"an order of another type": 415}},
	{"gorilla", "/gorilla", gorilla.Application, map[string]int{"an ID with other characters": 404, "an order of another type": 404}},
	{"fiber", "", fiber.Application, map[string]int{"HEAD": 200}},
}

// frameworkConfig is an httpd with all frameworks' applications.
func frameworkConfig() httpdtest.Config {
	cfg := httpdtest.Config{Threads: 16} // under prefork, each connection that is kept alive takes one
	for _, f := range frameworks {
		cfg.Packages = append(cfg.Packages, "./apps/"+f.name)
		cfg.Mounts = append(cfg.Mounts, httpdconf.Mount{Path: f.mount + "/", Package: appsPackage + f.name})
	}
	// Fiber once more, below a path.
	cfg.Mounts = slices.Insert(cfg.Mounts, 0, httpdconf.Mount{Path: "/mounted/", Package: appsPackage + "fiber"})
	return cfg
}

// A frameworkRequest is sent to every framework's application.
type frameworkRequest struct {
	name    string
	method  string
	path    string
	headers []string // names and values in turn
	body    string
	status  int
}

var frameworkRequests = []frameworkRequest{
	{"home", "GET", "/", nil, "", 200},
	{"HEAD", "HEAD", "/users/7", nil, "", 405},
	{"a path variable", "GET", "/users/7", nil, "", 200},
	{"a path variable that is wrong", "GET", "/users/x", nil, "", 400},
	{"an ID with other characters", "GET", "/users/%C3%A9", nil, "", 400},
	{"the rest of the path", "GET", "/files/a/b%20c/d.txt", nil, "", 200},
	{"no such path", "GET", "/nowhere", nil, "", 404},
	{"the wrong method", "DELETE", "/users/7", nil, "", 405},
	{"a group without its token", "GET", "/admin/stock", nil, "", 401},
	{"a group with its token", "GET", "/admin/stock", []string{"X-Token", catalog.Token}, "", 200},
	{"JSON", "POST", "/orders", []string{"Content-Type", "application/json"}, `{"article":"tea","count":2,"tags":["green","ø"]}`, 201},
	{"broken JSON", "POST", "/orders", []string{"Content-Type", "application/json"}, `{"article":`, 400},
	{"an order of another type", "POST", "/orders", []string{"Content-Type", "text/csv"}, "tea,2", 400},
	{"a form", "POST", "/form", []string{"Content-Type", "application/x-www-form-urlencoded"}, "article=tea+leaves&count=2&tag=green&tag=%C3%B8", 200},
	{"a form with a mistake", "POST", "/form", []string{"Content-Type", "application/x-www-form-urlencoded"}, "article=tea&count=two", 400},
	{"a small upload", "POST", "/upload", []string{"Content-Type", multipartType}, multipartBody(1000), 200},
	{"a large upload", "POST", "/upload", []string{"Content-Type", multipartType}, multipartBody(3 << 20), 200},
	{"an upload without a file", "POST", "/upload", []string{"Content-Type", "text/plain"}, "no parts", 400},
	{"cookies", "GET", "/cookies", []string{"Cookie", "seen=yes; other=1"}, "", 200},
	{"a redirect", "GET", "/old", nil, "", 302},
	{"a panic", "GET", "/panic", nil, "", 500},
	{"server-sent events", "GET", "/events", nil, "", 404},
	{"a compressed answer", "GET", "/compressed", []string{"Accept-Encoding", "gzip"}, "", 404},
}

const multipartBoundary = "frameworks"

var multipartType = "multipart/form-data; boundary=" + multipartBoundary

// multipartBody is a form with a field and a file of so many bytes.
func multipartBody(size int) string {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	err := form.SetBoundary(multipartBoundary)
	if err == nil {
		err = form.WriteField("note", "a note")
	}
	var file io.Writer
	if err == nil {
		file, err = form.CreateFormFile("file", "tea.bin")
	}
	if err == nil {
		_, err = file.Write(bytes.Repeat([]byte("0123456789"), size/10))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		panic(err) // a buffer takes everything
	}
	return body.String()
}

// Every framework answers under httpd, over every protocol, what it answers under net/http's own server.
func TestFrameworks(t *testing.T) {
	httpdtest.Hosts(t, frameworkConfig(), nil, func(t *testing.T, srv *httpdtest.Server) {
		for _, f := range frameworks {
			t.Run(f.name, func(t *testing.T) {
				srv := srv.In(t)
				own := ownServer(t, http.StripPrefix(f.mount, f.application), srv.Protocol())
				for _, r := range frameworkRequests {
					t.Run(r.name, func(t *testing.T) {
						r.path = f.mount + r.path
						got, want := apache(srv).exchange(t, r), own.exchange(t, r)
						got.compare(t, r.method, want)
						status, ok := f.statuses[r.name]
						if !ok {
							status = r.status
						}
						if got.status != status {
							t.Errorf("status %d; want %d", got.status, status)
						}
					})
				}
			})
		}
		t.Run("streaming", func(t *testing.T) {
			for _, f := range frameworks {
				t.Run(f.name, func(t *testing.T) {
					t.Parallel() // each takes its time
					checkStreaming(t, apache(srv.In(t)), f.mount+"/ticks?n=3")
				})
			}
		})
	})
}

// An answer is what of a response has to be the same on every server.
type answer struct {
	status int
	header http.Header
	body   string
	length int64 // -1 if it was not announced
}

func (o origin) exchange(t testing.TB, r frameworkRequest) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), httpdtest.Limit(20*time.Second))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, o.base+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "localhost"
	for i := 0; i+1 < len(r.headers); i += 2 {
		req.Header.Add(r.headers[i], r.headers[i+1])
	}
	resp, err := o.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("the body: %v", err)
	}
	return answer{resp.StatusCode, resp.Header, string(body), resp.ContentLength}
}

// serversOwn are the header fields that belong to the server, not to the application. httpd offers HTTP/2 in Upgrade.
var serversOwn = []string{"Date", "Server", "Upgrade", "Connection", "Content-Length"}

func (got answer) compare(t testing.TB, method string, want answer) {
	t.Helper()
	if want.status >= 400 && want.body == "" && want.length <= 0 && got.header.Get("Content-Type") == errorDocument {
		got.compareErrorDocument(t, method, &want)
	}
	if got.status != want.status {
		t.Errorf("status %d; net/http's server answers %d", got.status, want.status)
	}
	if got.body != want.body {
		t.Errorf("the body is %.300q; that of net/http's server is %.300q", got.body, want.body)
	}
	// Whether a length is announced depends on how much a server gathers.
	if got.length >= 0 && want.length >= 0 && got.length != want.length {
		t.Errorf("Content-Length %d; net/http's server announces %d", got.length, want.length)
	}
	for _, header := range []http.Header{got.header, want.header} {
		for _, name := range serversOwn {
			header.Del(name)
		}
	}
	if !maps.EqualFunc(got.header, want.header, slices.Equal) {
		t.Errorf("the headers are %v; those of net/http's server are %v", got.header, want.header)
	}
}

// errorDocument is the media type of httpd's error documents.
const errorDocument = "text/html; charset=iso-8859-1"

// compareErrorDocument looks at the one thing that httpd is meant to do in its own way: the error document for an error
// without a body (GoErrorOverride). It makes want what the answer then has to be.
func (got answer) compareErrorDocument(t testing.TB, method string, want *answer) {
	t.Helper()
	title := fmt.Sprintf("<title>%d %s</title>", want.status, http.StatusText(want.status))
	if method != http.MethodHead && !strings.Contains(got.body, title) {
		t.Errorf("the error document is %.300q; want one with %s", got.body, title)
	}
	want.body, want.length = got.body, got.length
	want.header.Set("Content-Type", errorDocument)
	if want.status == http.StatusMethodNotAllowed && want.header.Get("Allow") == "" {
		got.header.Del("Allow") // which httpd adds
	}
}

// checkStreaming tells that a line arrives before the one after the next is made.
func checkStreaming(t testing.TB, o origin, path string) {
	t.Helper()
	resp, err := o.client.Get(o.base + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %s", resp.Status)
	}
	var made, came []time.Time
	for {
		var line string
		if _, err := fmt.Fscanln(resp.Body, &line); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		came = append(came, time.Now())
		nanoseconds, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, time.Unix(0, nanoseconds))
	}
	if len(made) != 3 {
		t.Fatalf("%d lines came; want 3", len(made))
	}
	if came[0].After(made[2]) {
		t.Errorf("the first line was made at %s and came at %s, after the last was made at %s", made[0], came[0], made[2])
	}
}
