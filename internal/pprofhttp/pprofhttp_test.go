package pprofhttp

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"
)

func get(t *testing.T, h http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", target, nil))
	return w
}

func TestOneCPUProfileAtATime(t *testing.T) {
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	w := get(t, Handler(), "/profile?seconds=0.01")
	if w.Code != 409 || !strings.Contains(w.Body.String(), "Another one may be running") || w.Header().Get("Content-Disposition") != "" {
		t.Errorf("a second profile is answered %d, %v: %.200q", w.Code, w.Header(), w.Body)
	}
	pprof.StopCPUProfile()
	if w := get(t, Handler(), "/profile?seconds=0.01"); w.Code != 200 || !bytes.HasPrefix(w.Body.Bytes(), []byte{0x1f, 0x8b}) {
		t.Errorf("after the first has ended a profile is %d, %.20q", w.Code, w.Body)
	}
}

// TestAProfileEndsWithItsClient: who goes away ends what was begun.
func TestAProfileEndsWithItsClient(t *testing.T) {
	server := httptest.NewServer(Handler())
	defer server.Close()
	client := &http.Client{Timeout: 200 * time.Millisecond}
	if resp, err := client.Get(server.URL + "/trace?seconds=300"); err == nil {
		resp.Body.Close() // the head came; the rest does not
	}
	for end := time.Now().Add(10 * time.Second); ; {
		if w := get(t, Handler(), "/trace?seconds=0.01"); w.Code == 200 {
			return
		} else if time.Now().After(end) {
			t.Fatalf("the trace goes on: %d, %s", w.Code, w.Body)
		}
	}
}

func TestFront(t *testing.T) {
	server := httptest.NewServer(http.StripPrefix("/pprof/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header) > 1 || r.Header.Get("Authorization") != "" { // Accept-Encoding is the transport's own
			t.Errorf("the child gets the headers %v", r.Header)
		}
		Handler().ServeHTTP(w, r)
	})))
	defer server.Close()
	children := []Child{{PID: os.Getpid(), URL: server.URL + "/pprof/"}, {PID: 2, URL: "http://127.0.0.1:1/pprof/"}}
	front := Front(func() []Child { return children }, http.DefaultTransport)
	pid := strconv.Itoa(os.Getpid())
	for target, want := range map[string]string{
		"/inside":                                `href="/inside/` + pid + `"`,
		"/inside/":                               `href="/inside/2"`,
		"/":                                      `href="/2"`,
		"/inside/" + pid:                         `href="/inside/` + pid + `/heap"`,
		"/inside/" + pid + "/goroutine?debug=1":  "goroutine profile: total",
		"/deep/inside/" + pid + "/heap/?debug=1": "heap profile:",
		"/inside/3/heap":                         "There is no child 3; there are: " + pid + ", 2.",
		"/inside/2/heap":                         "Child 2 does not answer: ",
		"/inside/" + pid + "/..%2Fsecret?seconds=1": "Choose one",
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "GET", target, nil)
		r.Header.Set("Authorization", "Basic c2VjcmV0")
		r.Header.Set("Cookie", "a=b")
		front.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s answers %d, %.300q; want %q", target, w.Code, w.Body, want)
		}
	}
}
