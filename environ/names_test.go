package environ_test

import (
	"net/textproto"
	"regexp"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/environ"
)

func TestHeaderVariable(t *testing.T) {
	for header, want := range map[string]string{
		"Accept-Language":  "HTTP_ACCEPT_LANGUAGE",
		"accept-language":  "HTTP_ACCEPT_LANGUAGE",
		"ACCEPT":           "HTTP_ACCEPT",
		"X-1a-B2":          "HTTP_X_1A_B2",
		"7":                "HTTP_7",
		"-":                "HTTP__",
		"X--Y":             "HTTP_X__Y",
		"Content-Type":     "CONTENT_TYPE",
		"cONTENT-tYPE":     "CONTENT_TYPE",
		"content-length":   "CONTENT_LENGTH",
		"Content-Types":    "HTTP_CONTENT_TYPES",
		"Content-Encoding": "HTTP_CONTENT_ENCODING",
		"Proxy-Connection": "HTTP_PROXY_CONNECTION",
		"X-Proxy":          "HTTP_X_PROXY",
		// C8: these could pose as another header, or steer the application's own HTTP client (CVE-2016-5386).
		"":                    "",
		"X_Forwarded_For":     "",
		"X-Forwarded_For":     "",
		"Content_Type":        "",
		"Proxy":               "",
		"pRoXy":               "",
		"Accept.Language":     "",
		"Accept Language":     "",
		"Accept\x00":          "",
		"Accept:":             "",
		"Acc\xe9pt":           "",
		"Accept\u212Aanguage": "", // KELVIN SIGN, which folds to k
		"Proxy\x00":           "",
		" Proxy":              "",
	} {
		got, ok := environ.HeaderVariable(header)
		if got != want || ok != (want != "") {
			t.Errorf("HeaderVariable(%q) = %q, %v; want %q", header, got, ok, want)
		}
	}
}

func TestVariableHeader(t *testing.T) {
	for name, want := range map[string]string{
		"HTTP_ACCEPT_LANGUAGE": "Accept-Language",
		"HTTP_X_1A_B2":         "X-1a-B2",
		"HTTP__":               "-",
		"HTTP_X__Y":            "X--Y",
		"HTTP_ETAG":            "Etag", // as net/http has it
		"CONTENT_TYPE":         "Content-Type",
		"CONTENT_LENGTH":       "Content-Length",
		// Variables that carry no header.
		"":                    "",
		"HTTP_":               "",
		"HTTPS":               "",
		"HTTP":                "",
		"HTTP_PROXY":          "",
		"HTTP_CONTENT_TYPE":   "", // V1
		"HTTP_CONTENT_LENGTH": "",
		"HTTP_accept":         "",
		"http_ACCEPT":         "",
		"HTTP_ACCEPT-CHARSET": "",
		"HTTP_ACC\xe9PT":      "",
		"REQUEST_METHOD":      "",
		"REMOTE_USER":         "",
		"content_type":        "",
	} {
		got, ok := environ.VariableHeader(name)
		if got != want || ok != (want != "") {
			t.Errorf("VariableHeader(%q) = %q, %v; want %q", name, got, ok, want)
		}
	}
}

var safeName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

func FuzzHeaderVariable(f *testing.F) {
	for _, pair := range [][2]string{
		{"Accept-Language", "accept_language"}, {"Content-Type", "content-type"}, {"Content-Length", "Content_Length"},
		{"Proxy", "PROXY"}, {"X-A", "X_A"}, {"-", "_"}, {"", "\x00"}, {"X-\u017f", "X-S"}, {"K", "\u212a"},
		{"HTTP_CONTENT_TYPE", "HTTP_PROXY"}, {"HTTP__", "HTTP_"},
	} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, header, other string) {
		name, ok := environ.HeaderVariable(header)
		want := safeName.MatchString(header) && !strings.EqualFold(header, "Proxy")
		if ok != want || ok != (name != "") {
			t.Fatalf("HeaderVariable(%q) = %q, %v; want %v", header, name, ok, want)
		}
		if ok {
			if strings.ContainsAny(name, "-abcdefghijklmnopqrstuvwxyz") || name == "HTTP_PROXY" {
				t.Errorf("HeaderVariable(%q) = %q", header, name)
			}
			back, ok := environ.VariableHeader(name)
			if !ok || !strings.EqualFold(back, header) {
				t.Errorf("%q becomes %q, which becomes %q, %v", header, name, back, ok)
			}
			if canonical := textproto.CanonicalMIMEHeaderKey(header); back != canonical {
				t.Errorf("%q becomes %q, which becomes %q; net/http has %q", header, name, back, canonical)
			}
		}
		if second, ok := environ.HeaderVariable(other); ok && second == name && !strings.EqualFold(header, other) {
			t.Errorf("the headers %q and %q have one variable, %q", header, other, name)
		}
		// The other way: a name is some header's variable, or none's.
		if back, ok := environ.VariableHeader(header); ok {
			if name, ok := environ.HeaderVariable(back); !ok || name != header {
				t.Errorf("the variable %q becomes %q, which becomes %q, %v", header, back, name, ok)
			}
		}
	})
}
