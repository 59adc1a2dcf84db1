package environ

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/apps/internal/wsgitest"
)

func get(t *testing.T, variables map[string]string) *wsgitest.Response {
	t.Helper()
	return wsgitest.Do(t, application, wsgitest.Request{Variables: variables})
}

func TestChoosesTheRepresentation(t *testing.T) {
	for _, test := range []struct {
		accept      string
		status      int
		contentType string
	}{
		{"", 200, "text/html; charset=utf-8"},
		{"*/*", 200, "text/html; charset=utf-8"},
		{"application/json", 200, "application/json"},
		{"text/html;q=0.5, application/json;q=0.6", 200, "application/json"},
		{"image/png", 406, "text/plain; charset=utf-8"},
	} {
		response := get(t, map[string]string{"HTTP_ACCEPT": test.accept})
		if response.Status != test.status || response.Header.Get("Content-Type") != test.contentType {
			t.Errorf("Accept %q: %d %s, want %d %s", test.accept, response.Status, response.Header.Get("Content-Type"), test.status, test.contentType)
		}
		if response.Header.Get("Vary") != "Accept" {
			t.Errorf("Accept %q: Vary is %q, want Accept", test.accept, response.Header.Get("Vary"))
		}
	}
}

func TestJSONHoldsEveryVariable(t *testing.T) {
	response := get(t, map[string]string{
		"HTTP_ACCEPT":  "application/json",
		"PATH_INFO":    "/caf\xe9/ü",
		"QUERY_STRING": `q="<&>`,
		"EMPTY":        "",
	})
	var got map[string]string
	if err := json.Unmarshal(response.Body, &got); err != nil {
		t.Fatalf("%v in %s", err, response.Body)
	}
	want := map[string]string{
		"HTTP_ACCEPT": "application/json", "PATH_INFO": `/caf\xE9/ü`, "QUERY_STRING": `q="<&>`, "EMPTY": "",
		"REQUEST_METHOD": "GET", "SCRIPT_NAME": "",
	}
	if len(got) != len(want) {
		t.Errorf("%d variables, want %d: %v", len(got), len(want), got)
	}
	for name, value := range want {
		if v, ok := got[name]; !ok || v != value {
			t.Errorf("%s is %q (present: %t), want %q", name, v, ok, value)
		}
	}
}

func TestPageEscapesNamesAndValues(t *testing.T) {
	document := string(get(t, map[string]string{
		"HTTP_USER_AGENT": "<script>alert(1)</script>",
		"<b>":             "name",
		"PATH_INFO":       "/caf\xe9",
	}).Body)
	for _, want := range []string{"&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;b&gt;", `/caf<span class="byte">\xE9</span>`} {
		if !strings.Contains(document, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, dangerous := range []string{"<script>", "<b>", "\xe9"} {
		if strings.Contains(document, dangerous) {
			t.Errorf("the page has %q", dangerous)
		}
	}
}

func TestPageGroupsAndSorts(t *testing.T) {
	document := string(get(t, map[string]string{
		"SERVER_NAME": "example.org", "HTTP_HOST": "example.org", "HTTPS": "on", "SSL_PROTOCOL": "TLSv1.3", "REDIRECT_STATUS": "200",
		"wsgi.version": "1.0", "mod_go.mount": "/", "MY_SETTING": "1", "ANOTHER_SETTING": "2",
	}).Body)
	at := -1
	for _, next := range []string{
		"The request (CGI)", ">REQUEST_METHOD<", ">SERVER_NAME<",
		"Request headers", ">HTTP_HOST<",
		"<h2>TLS", ">HTTPS<", ">SSL_PROTOCOL<",
		"Before an internal redirect", ">REDIRECT_STATUS<",
		"The application contract", ">wsgi.version<",
		"<h2>mod_go", ">mod_go.mount<",
		"configuration", ">ANOTHER_SETTING<", ">MY_SETTING<",
	} {
		i := strings.Index(document[at+1:], next)
		if i < 0 {
			t.Fatalf("no %q after position %d of\n%s", next, at, document)
		}
		at += 1 + i
	}
}

func TestPageTellsAnEmptyValue(t *testing.T) {
	if document := string(get(t, nil).Body); !strings.Contains(document, `QUERY_STRING</dt><dd class="mono"><span class="quiet">empty</span>`) {
		t.Errorf("the empty query string looks missing:\n%s", document)
	}
}

func TestPageLeavesEmptyGroupsOut(t *testing.T) {
	if document := string(get(t, nil).Body); strings.Contains(document, "<h2>TLS") {
		t.Errorf("a request without TLS has a TLS group:\n%s", document)
	}
}

func TestSegments(t *testing.T) {
	plain := func(s string) segment { return segment{Text: s} }
	escaped := func(s string) segment { return segment{Text: s, Escaped: true} }
	for value, want := range map[string][]segment{
		"":                  nil,
		"plain ü 漢":         {plain("plain ü 漢")},
		"a\x00b":            {plain("a"), escaped(`\x00`), plain("b")},
		"\x1b[31m":          {escaped(`\x1B`), plain("[31m")},
		"\xff\xfe":          {escaped(`\xFF`), escaped(`\xFE`)},
		"tail\xc3":          {plain("tail"), escaped(`\xC3`)},
		"-----BEGIN\nMII":   {plain("-----BEGIN\nMII")},
		"abc\u202edef":      {plain("abc"), escaped(`\u202E`), plain("def")},
		`backslash \x41`:    {plain(`backslash \x41`)},
		"real \ufffd stays": {plain("real \ufffd stays")},
		"\u0085":            {escaped(`\u0085`)},
		"tab\tstop":         {plain("tab"), escaped(`\x09`), plain("stop")},
	} {
		if got := segments(value); !slices.Equal(got, want) {
			t.Errorf("segments(%q) = %v, want %v", value, got, want)
		}
	}
}
