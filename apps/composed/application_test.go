package composed

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

// A browser uses the application on the reference server.
type browser struct {
	*http.Client
	url string // of the application, with a slash at its end
	log *log
}

// log is what the server logged.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// checked is the application with the validator round it.
func checked(t *testing.T, app modgo.Application) modgo.Application {
	return modgo.Chain(app, validate.Testing(t))
}

// visit serves the application below mount until the test ends.
func visit(t *testing.T, mount string, app modgo.Application) *browser {
	t.Helper()
	b := &browser{log: new(log), Client: &http.Client{Transport: &http.Transport{DisableCompression: true}}}
	var err error
	if b.Jar, err = cookiejar.New(nil); err != nil {
		t.Fatal(err)
	}
	server := modgo.NewServer("127.0.0.1:0", app)
	server.Mount = mount
	server.ErrorLog = b.log
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	b.url = "http://" + server.Addr().String() + mount + "/"
	ended := make(chan error, 1)
	go func() { ended <- server.ServeForever() }()
	t.Cleanup(func() {
		b.CloseIdleConnections()
		if err := server.Shutdown(context.Background()); err != nil {
			t.Errorf("the server does not end: %v", err)
		}
		<-ended
	})
	return b
}

// do sends a request, with a form unless it is nil, and returns the response and its body.
func (b *browser) do(t *testing.T, method, path string, form url.Values, headers ...string) (*http.Response, string) {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(t.Context(), method, b.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := b.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(content)
}

func TestPageShowsWhatEachLayerDid(t *testing.T) {
	for _, mount := range []string{"", "/composed"} {
		b := visit(t, mount, checked(t, application))
		response, content := b.do(t, "GET", "", nil, "Accept-Encoding", "br")
		id := response.Header.Get("X-Request-Id")
		for _, want := range []string{
			`<base href="` + mount + `/">`, ">" + id + "<", "takes <span class=\"mono\">br<", `id="visits">1<`, "nobody asked who you are", "this was a GET;",
		} {
			if !strings.Contains(content, want) {
				t.Errorf("the page has no %q:\n%s", want, content)
			}
		}
		if response.StatusCode != 200 || id == "" || response.Header.Get("Content-Security-Policy") != composedPage.Policy() {
			t.Errorf("%d %v", response.StatusCode, response.Header)
		}
		if cookies := response.Cookies(); len(cookies) != 1 || cookies[0].Path != mount && mount != "" {
			t.Errorf("the cookies are %v", cookies)
		}
	}
}

func TestVisitsAreCountedAndForgotten(t *testing.T) {
	b := visit(t, "/composed", checked(t, application))
	expect := func(visits int, content string) {
		t.Helper()
		if want := fmt.Sprintf(`id="visits">%d<`, visits); !strings.Contains(content, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for visits := 1; visits <= 3; visits++ {
		_, content := b.do(t, "GET", "", nil)
		expect(visits, content)
	}
	// The button: a POST that means DELETE, and the page again.
	response, content := b.do(t, "POST", "", url.Values{"_method": {"DELETE"}})
	if response.Request.Method != "GET" || response.Request.URL.String() != b.url {
		t.Errorf("the button leads to %s %s", response.Request.Method, response.Request.URL)
	}
	expect(1, content)
	if response, _ := b.do(t, "POST", "", url.Values{}); response.StatusCode != 405 || response.Header.Get("Allow") == "" {
		t.Errorf("a POST that means nothing: %d", response.StatusCode)
	}
}

func TestMembersAreAsked(t *testing.T) {
	b := visit(t, "/composed", checked(t, application))
	if response, _ := b.do(t, "GET", "members", nil); response.StatusCode != 401 || response.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
	response, content := b.do(t, "GET", "members", nil, "Authorization", "Basic YWRhOmxvdmVsYWNl")
	if response.StatusCode != 200 || !strings.Contains(content, "you are <b>ada</b>") || !strings.Contains(content, `<base href="/composed/">`) || !strings.Contains(content, "/composed/members&#34;") {
		t.Errorf("%d %s", response.StatusCode, content)
	}
}

func TestPagesAndFilesAreCompressed(t *testing.T) {
	b := visit(t, "", checked(t, application))
	file, err := static.ReadFile("static/layers.txt")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"": "<title>Composed</title>", "static/layers.txt": string(file)} {
		response, content := b.do(t, "GET", path, nil, "Accept-Encoding", "gzip")
		reader, err := gzip.NewReader(strings.NewReader(content))
		if err != nil || response.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: %v (%v)", path, response.Header, err)
		}
		if text, err := io.ReadAll(reader); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %q (%v)", path, text, err)
		}
	}
	response, _ := b.do(t, "GET", "static/layers.txt", nil)
	if again, _ := b.do(t, "GET", "static/layers.txt", nil, "If-None-Match", response.Header.Get("Etag")); again.StatusCode != 304 {
		t.Errorf("the file that the client has: %d", again.StatusCode)
	}
	if missing, _ := b.do(t, "GET", "static/none.txt", nil); missing.StatusCode != 404 {
		t.Errorf("a file that is not there: %d", missing.StatusCode)
	}
}

func TestPartOfAFileIsLeftAlone(t *testing.T) {
	b := visit(t, "", checked(t, application))
	part, content := b.do(t, "GET", "static/layers.txt", nil, "Range", "bytes=0-9", "Accept-Encoding", "gzip")
	if part.StatusCode != 206 || content != "The layers" || part.Header.Get("Content-Encoding") != "" {
		t.Errorf("%d %v %q", part.StatusCode, part.Header, content)
	}
}

func TestPanicIsAnsweredAndLogged(t *testing.T) {
	b := visit(t, "", checked(t, application))
	response, _ := b.do(t, "GET", "panic", nil)
	id := response.Header.Get("X-Request-Id")
	if log := b.log.String(); response.StatusCode != 500 || id == "" || !strings.Contains(log, "this application panics") || !strings.Contains(log, id) {
		t.Errorf("%d %v, logged %s", response.StatusCode, response.Header, log)
	}
}

func TestSlowPageIsGivenUp(t *testing.T) {
	b := visit(t, "", checked(t, compose("", 20*time.Millisecond)))
	if response, _ := b.do(t, "GET", "slow", nil); response.StatusCode != 503 {
		t.Errorf("%d, want 503", response.StatusCode)
	}
}

func TestSessionsOfAnotherSecretAreNone(t *testing.T) {
	first, second := visit(t, "", checked(t, compose("one secret", time.Minute))), visit(t, "", checked(t, compose("another", time.Minute)))
	second.Jar = first.Jar // cookies do not know ports
	first.do(t, "GET", "", nil)
	if _, content := second.do(t, "GET", "", nil); !strings.Contains(content, `id="visits">1<`) {
		t.Error("the session of another secret was accepted")
	}
}
