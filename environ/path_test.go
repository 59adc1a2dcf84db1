package environ_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/environ"
)

func TestURLPath(t *testing.T) {
	for _, test := range []struct {
		name               string
		target, path, rest string
		want, raw          string
	}{
		{"nothing escaped", "/app/x", "/app/x", "/x", "/x", ""},
		{"the whole path", "/app/x", "/app/x", "/app/x", "/app/x", ""},
		{"nothing left", "/%61pp", "/app", "", "", ""},
		{"escape of package url's own", "/app/a%20b", "/app/a b", "/a b", "/a b", ""},
		{"needless escape", "/app/%41", "/app/A", "/A", "/A", "/%41"},
		{"escape in the mount only", "/%61pp/x", "/app/x", "/x", "/x", ""},
		{"escape in mount and rest", "/%61pp/%78", "/app/x", "/x", "/x", "/%78"},
		{"escaped percent", "/app/100%25", "/app/100%", "/100%", "/100%", ""},
		{"escaped escape", "/app/%2520", "/app/%20", "/%20", "/%20", ""},
		{"escaped question mark", "/app/a%3Fb?c%3Fd", "/app/a?b", "/a?b", "/a?b", ""},
		{"escapes in the query only", "/app/x?a=%20", "/app/x", "/x", "/x", ""},
		{"fragment", "/app/%41#%42", "/app/A", "/A", "/A", "/%41"},
		{"character that package url would escape", "/app/a!(b)", "/app/a!(b)", "/a!(b)", "/a!(b)", "/a!(b)"},

		{"UTF-8", "/app/k%C3%A4se", "/app/käse", "/käse", "/käse", ""},
		{"no UTF-8, upper case", "/app/%E9", "/app/\xe9", "/\xe9", "/\xe9", ""},
		{"no UTF-8, lower case", "/app/%e9", "/app/\xe9", "/\xe9", "/\xe9", "/%e9"},
		{"no UTF-8, unescaped", "/app/\xe9", "/app/\xe9", "/\xe9", "/\xe9", ""},
		{"no UTF-8, unescaped beside an escape", "/app/\xe9%41", "/app/\xe9A", "/\xe9A", "/\xe9A", ""},

		{"AllowEncodedSlashes On", "/app/a%2Fb/c", "/app/a/b/c", "/a/b/c", "/a/b/c", "/a%2Fb/c"},
		{"AllowEncodedSlashes On, lower case", "/app/a%2fb", "/app/a/b", "/a/b", "/a/b", "/a%2fb"},
		{"AllowEncodedSlashes NoDecode", "/app/a%2Fb/c", "/app/a%2Fb/c", "/a%2Fb/c", "/a/b/c", "/a%2Fb/c"},
		{"AllowEncodedSlashes NoDecode, lower case", "/app/a%2fb", "/app/a%2fb", "/a%2fb", "/a/b", "/a%2fb"},
		{"AllowEncodedSlashes NoDecode, another case", "/app/a%2Fb", "/app/a%2fb", "/a%2fb", "/a%2fb", ""},
		{"AllowEncodedSlashes NoDecode, escaped twice", "/app/%252F%2F", "/app/%2F%2F", "/%2F%2F", "/%2F/", "/%252F%2F"},
		{"AllowEncodedSlashes Off: an error document", "/app/a%2Fb", "/errors/404", "/404", "/404", ""},

		{"absolute form", "http://host/app/a%20b", "/app/a b", "/a b", "/a b", ""},
		{"absolute form, raw", "http://host:80/%61pp/%78?%79", "/app/x", "/x", "/x", "/%78"},
		{"absolute form without a path", "http://host?%41", "/", "/", "/", ""},
		{"authority form", "host%41:443", "/x", "/x", "/x", ""},
		{"asterisk form", "*", "*", "*", "*", ""},
		{"no target", "", "/app/x", "/x", "/x", ""},

		{"rewritten path", "/pretty/%78", "/app/x", "/x", "/x", ""},
		{"path rewritten to a longer one", "/%61", "/a/more", "/more", "/more", ""},
		{"path rewritten to a shorter one", "/%61/more", "/a", "", "", ""},
		{"merged slashes", "/app//%78", "/app/x", "/x", "/x", ""},
		{"removed dot segments", "/app/y/../%78", "/app/x", "/x", "/x", ""},
		{"removed escaped dot segments", "/app/y/%2e%2e/x", "/app/x", "/x", "/x", ""},
		{"kept double slashes", "/app//%78", "/app//x", "//x", "//x", "//%78"},

		{"half an escape at the end", "/app/x%4", "/app/x%4", "/x%4", "/x%4", ""},
		{"a percent at the end", "/app/x%", "/app/x%", "/x%", "/x%", ""},
		{"no hexadecimal digits", "/app/%zz", "/app/%zz", "/%zz", "/%zz", ""},
		{"escape that the path has as it is", "/app/%41", "/app/%41", "/%41", "/%41", ""},
		{"no hexadecimal digits, decoded to something", "/app/%4g", "/app/@", "/@", "/@", ""},

		{"mount inside an escape that is kept", "/a%2Fb", "/a%2Fb", "2Fb", "2Fb", ""},
		{"mount at the end of an escape that is kept", "/a%2F%62", "/a%2Fb", "b", "b", "%62"},
		{"mount at a decoded slash", "/a%2F%62", "/a/b", "/b", "/b", "%2F%62"},
		{"rest of another path", "/a%2Fb/%78", "/a/b/x", "/c", "/c", ""},
		{"rest that is no end of the path", "/%61", "/a", "/longer/than/path", "/longer/than/path", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			path, raw := environ.URLPath(test.target, test.path, test.rest)
			if path != test.want || raw != test.raw {
				t.Errorf("URLPath(%q, %q, %q) = %q, %q; want %q, %q", test.target, test.path, test.rest, path, raw, test.want, test.raw)
			}
		})
	}
}

// TestURLPathIsNetHTTPs: where httpd leaves a path as it came, a handler sees what net/http would show it.
func TestURLPathIsNetHTTPs(t *testing.T) {
	for _, rest := range []string{
		"/", "/x", "/a%20b", "/%41", "/%e9", "/%E9", "/a%2Fb", "/a!b", "/a(b)", "/a*b'c", "/[a]", "/a;b=c,d", "/a:b@c", "/a$&+=",
		"/~a_b-c.d", "/100%25", "/k%C3%A4se", "/a|b", "/a\\b", "/\"<>^`{}", "/a%3Bb", "//a", "/caf\xe9", "/caf\xe9!",
	} {
		for _, mount := range []string{"", "/app", "/m%C3%B6unt", "/%61pp"} {
			target := mount + rest
			parsed, err := url.ParseRequestURI(target)
			if err != nil {
				t.Fatal(err)
			}
			var want *url.URL
			decodedMount, _ := url.PathUnescape(mount)
			strip := http.StripPrefix(decodedMount, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { want = r.URL }))
			if parsed.RawPath != "" && mount != decodedMount {
				strip = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					want = &url.URL{Path: strings.TrimPrefix(parsed.Path, decodedMount), RawPath: strings.TrimPrefix(parsed.RawPath, mount)}
				})
			}
			strip.ServeHTTP(httptest.NewRecorder(), &http.Request{URL: parsed})

			path, raw := environ.URLPath(target, parsed.Path, strings.TrimPrefix(parsed.Path, decodedMount))
			got := &url.URL{Path: path, RawPath: raw}
			if got.Path != want.Path || got.EscapedPath() != want.EscapedPath() {
				t.Errorf("%q: %q, escaped %q; net/http has %q, escaped %q", target, got.Path, got.EscapedPath(), want.Path, want.EscapedPath())
			}
		}
	}
}

func TestURLPathAllocatesNothingForAnOrdinaryPath(t *testing.T) {
	got := testing.AllocsPerRun(100, func() { environ.URLPath("/app/articles/2026", "/app/articles/2026", "/articles/2026") })
	if got != 0 {
		t.Errorf("%v allocations; want 0", got)
	}
}

// slashes decodes what AllowEncodedSlashes NoDecode leaves escaped.
var slashes = strings.NewReplacer("%2F", "/", "%2f", "/")

func FuzzURLPath(f *testing.F) {
	for _, seed := range []struct {
		target, path string
		mount        int
	}{
		{"/app/x", "/app/x", 4}, {"/%61pp/%78?q", "/app/x", 4}, {"/a%2Fb", "/a%2Fb", 3}, {"/a%2fb", "/a/b", 2}, {"/%e9", "/\xe9", 0},
		{"http://h/%41", "/A", 0}, {"/a//%78", "/a/x", 2}, {"/%zz%4", "/%zz%4", 0}, {"/%252F%2F", "/%2F%2F", 0}, {"*", "*", 0},
		{"/a!b", "/a!b", 1}, {"/a%2A", "/a*", 2}, {"/%41", "/%41", 0}, {"/\xff%41", "/\xffA", 0}, {"", "", 0}, {"/%25", "/%", 2}, {"x://y/%25", "x://y/%", 0},
	} {
		f.Add(seed.target, seed.path, seed.mount)
	}
	f.Fuzz(func(t *testing.T, target, path string, mount int) {
		mount = min(max(mount, 0), len(path))
		rest := path[mount:]
		got, raw := environ.URLPath(target, path, rest)
		if raw != "" {
			if decoded, err := url.PathUnescape(raw); err != nil || decoded != got {
				t.Errorf("URLPath(%q, %q, %q) = %q, %q, which decodes to %q, %v", target, path, rest, got, raw, decoded, err)
			}
			if !strings.Contains(target, raw) {
				t.Errorf("URLPath(%q, %q, %q) = %q, %q, which the client did not send", target, path, rest, got, raw)
			}
			if used := (&url.URL{Path: got, RawPath: raw}).EscapedPath(); used != raw {
				t.Errorf("URLPath(%q, %q, %q) = %q, %q; package url would use %q", target, path, rest, got, raw, used)
			}
		}
		// An application never sees a path that the server has not checked.
		if got != rest && slashes.Replace(got) != slashes.Replace(rest) {
			t.Errorf("URLPath(%q, %q, %q) = %q", target, path, rest, got)
		}
		// The plainest client of all. Package url leaves a path that is a lone asterisk as it is.
		if plain := (&url.URL{Path: path}).EscapedPath(); path != "*" && rest != "*" {
			if got, raw := environ.URLPath(plain, path, rest); got != rest || raw != "" {
				t.Errorf("URLPath(%q, %q, %q) = %q, %q; want %q and no raw path", plain, path, rest, got, raw, rest)
			}
		}
	})
}
