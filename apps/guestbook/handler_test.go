package guestbook

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/apps/internal/wsgitest"
	"github.com/mod-go/mod-go/modgo"
)

// newApplication is the application over a new file, constructed as a server does.
func newApplication(t *testing.T) http.Handler {
	t.Helper()
	t.Setenv(file.Variable, filepath.Join(t.TempDir(), "guestbook.db"))
	h, err := application()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.(*handler).Close() })
	return h
}

func do(h http.Handler, request *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	return recorder
}

func get(h http.Handler, target, accept string) *httptest.ResponseRecorder {
	request := httptest.NewRequest("GET", target, nil)
	request.Header.Set("Accept", accept)
	return do(h, request)
}

func signature(name, message string) *http.Request {
	form := url.Values{"name": {name}, "message": {message}}
	request := httptest.NewRequest("POST", "/", strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}

func TestSignAndRead(t *testing.T) {
	h := newApplication(t)
	if page := get(h, "/", "text/html").Body.String(); !strings.Contains(page, "Nobody has signed yet.") {
		t.Errorf("the empty guestbook:\n%s", page)
	}
	signed := do(h, signature(" <b>Ada</b> ", "first line\r\nsecond\x07 & last"))
	if signed.Code != http.StatusSeeOther || signed.Header().Get("Location") != "/" {
		t.Fatalf("signing: %d to %q, want 303 to /: %s", signed.Code, signed.Header().Get("Location"), signed.Body)
	}
	page := get(h, "/", "text/html").Body.String()
	for _, want := range []string{"&lt;b&gt;Ada&lt;/b&gt;", "first line\nsecond &amp; last"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "<b>") {
		t.Errorf("the page has the visitor's markup:\n%s", page)
	}
}

func TestUnderAMount(t *testing.T) {
	h := newApplication(t)
	mounted := func(request *http.Request) *http.Request {
		env := wsgitest.NewEnviron(wsgitest.Request{Variables: map[string]string{"SCRIPT_NAME": "/our book"}})
		return request.WithContext(modgo.NewContext(request.Context(), env))
	}
	if got := do(h, mounted(signature("Ada", "Hello"))).Header().Get("Location"); got != "/our%20book/" {
		t.Errorf("after signing the browser goes to %q", got)
	}
	if page := do(h, mounted(httptest.NewRequest("GET", "/", nil))).Body.String(); !strings.Contains(page, `<base href="/our%20book/">`) {
		t.Errorf("the page's links start elsewhere:\n%s", page)
	}
}

func TestJSON(t *testing.T) {
	h := newApplication(t)
	if empty := get(h, "/", "application/json").Body.String(); !strings.Contains(empty, `"entries": []`) {
		t.Errorf("the empty list is %s", empty)
	}
	for i := range pageSize + 2 {
		request := signature("Ada", strconv.Itoa(i))
		request.Header.Set("Accept", "application/json")
		recorder := do(h, request)
		var e entry
		if err := json.Unmarshal(recorder.Body.Bytes(), &e); err != nil || recorder.Code != http.StatusCreated || e.Message != strconv.Itoa(i) || e.ID == 0 {
			t.Fatalf("signing: %d %s (%v)", recorder.Code, recorder.Body, err)
		}
	}
	var pages []int
	for next := "/"; next != ""; {
		recorder := get(h, next, "application/json")
		if recorder.Code != 200 || recorder.Header().Get("Content-Type") != "application/json" || recorder.Header().Get("Vary") != "Accept" {
			t.Fatalf("GET %s: %d %v", next, recorder.Code, recorder.Header())
		}
		var list struct {
			Entries []entry
			Older   string
		}
		if err := json.Unmarshal(recorder.Body.Bytes(), &list); err != nil {
			t.Fatalf("%v in %s", err, recorder.Body)
		}
		pages = append(pages, len(list.Entries))
		next = list.Older
	}
	if len(pages) != 2 || pages[0] != pageSize || pages[1] != 2 {
		t.Errorf("pages of %v entries, want %d and 2", pages, pageSize)
	}
}

func TestPagesOfThePage(t *testing.T) {
	h := newApplication(t)
	for i := range pageSize + 1 {
		do(h, signature("Ada", "message "+strconv.Itoa(i)+"."))
	}
	first := get(h, "/", "text/html").Body.String()
	if !strings.Contains(first, `href="./?before=2"`) || strings.Contains(first, "message 0.") || strings.Contains(first, "Newest entries") {
		t.Errorf("the first page:\n%s", first)
	}
	second := get(h, "/?before=2", "text/html").Body.String()
	if !strings.Contains(second, "message 0.") || !strings.Contains(second, "Newest entries") || strings.Contains(second, "Older entries") {
		t.Errorf("the second page:\n%s", second)
	}
}

func TestRefuses(t *testing.T) {
	h := newApplication(t)
	badForm := signature("Ada", "Hello")
	badForm.Body = http.NoBody
	badForm.URL.RawQuery = "%zz"
	for _, test := range []struct {
		name    string
		request *http.Request
		status  int
		want    string
	}{
		{"no name", signature(" ", "Hello"), 422, "The name is missing"},
		{"no message", signature("Ada", "\n \t"), 422, "The message is missing"},
		{"a long name", signature(strings.Repeat("ü", maxName+1), "Hello"), 422, "The name is too long"},
		{"a name of two lines", signature("Ada\nLovelace", "Hello"), 422, "The name is too long"},
		{"a long message", signature("Ada", strings.Repeat("ü", maxMessage+1)), 422, "The message has 1001 characters"},
		{"an enormous form", signature("Ada", strings.Repeat("x", maxForm)), 413, "larger than 16384 bytes"},
		{"a form that is none", badForm, 400, "cannot be read"},
		{"no number of an entry", httptest.NewRequest("GET", "/?before=<b>", nil), 400, "number of an entry"},
		{"another path", httptest.NewRequest("GET", "/admin", nil), 404, "not found"},
		{"another method", httptest.NewRequest("DELETE", "/", nil), 405, "Method Not Allowed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			recorder := do(h, test.request)
			if recorder.Code != test.status || !strings.Contains(recorder.Body.String(), test.want) {
				t.Errorf("%d %s, want %d with %q", recorder.Code, recorder.Body, test.status, test.want)
			}
		})
	}
	if list := get(h, "/", "application/json").Body.String(); !strings.Contains(list, `"entries": []`) {
		t.Errorf("something was kept: %s", list)
	}
}

func TestLongestEntryIsKept(t *testing.T) {
	h := newApplication(t)
	if recorder := do(h, signature(strings.Repeat("漢", maxName), strings.Repeat("漢", maxMessage))); recorder.Code != http.StatusSeeOther {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}

func TestRefusedFormKeepsWhatWasTyped(t *testing.T) {
	page := do(newApplication(t), signature("", `"quoted" </textarea>`)).Body.String()
	if !strings.Contains(page, "&#34;quoted&#34; &lt;/textarea&gt;</textarea>") {
		t.Errorf("the message is gone, or loose:\n%s", page)
	}
}

func TestOtherSitesCannotSign(t *testing.T) {
	h := newApplication(t)
	for _, test := range []struct {
		header, value string
		status        int
	}{
		{"Sec-Fetch-Site", "cross-site", 403},
		{"Origin", "https://evil.example", 403},
		{"Sec-Fetch-Site", "same-origin", 303},
		{"Origin", "http://example.com", 303}, // the Host of the request
	} {
		request := signature("Ada", "Hello")
		request.Header.Set(test.header, test.value)
		if recorder := do(h, request); recorder.Code != test.status {
			t.Errorf("%s: %s: %d %s, want %d", test.header, test.value, recorder.Code, recorder.Body, test.status)
		}
	}
}

func TestBrokenDatabaseIsNotShownToVisitors(t *testing.T) {
	h := newApplication(t)
	if _, err := h.(*handler).Write.Exec("DROP TABLE entries"); err != nil {
		t.Fatal(err)
	}
	recorder := get(h, "/", "text/html")
	if recorder.Code != 500 || strings.Contains(recorder.Body.String(), "entries") {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}
