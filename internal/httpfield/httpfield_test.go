package httpfield_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/httpfield"
)

// RFC 9110 section 5.6.2: tchar.
const tchar = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func TestValidName(t *testing.T) {
	for c := range 256 {
		want := strings.IndexByte(tchar, byte(c)) >= 0
		for _, name := range []string{string([]byte{byte(c)}), "X" + string([]byte{byte(c)}), string([]byte{byte(c)}) + "Y"} {
			if got := httpfield.ValidName(name); got != want {
				t.Errorf("ValidName(%q) = %v; want %v", name, got, want)
			}
		}
	}
	if httpfield.ValidName("") {
		t.Error("the empty name is valid")
	}
}

func TestValidValue(t *testing.T) {
	for c := range 256 {
		// RFC 9110 section 5.5: VCHAR, obs-text, space and tab.
		want := c == '\t' || c >= ' ' && c <= '~' || c >= 0x80
		for _, value := range []string{string([]byte{byte(c)}), "a" + string([]byte{byte(c)}) + "b"} {
			if got := httpfield.ValidValue(value); got != want {
				t.Errorf("ValidValue(%q) = %v; want %v", value, got, want)
			}
		}
	}
	if !httpfield.ValidValue("") {
		t.Error("the empty value is not valid")
	}
}

func TestSanitized(t *testing.T) {
	for value, want := range map[string]string{
		"":                     "",
		"a b\tc":               "a b\tc",
		" as it is ":           " as it is ",
		"k\xc3\xa4se\xe9":      "k\xc3\xa4se\xe9",
		"a\r\nX-Injected: yes": "a  X-Injected: yes",
		"\na\n":                "a",
		"a\x00b\x7fc\x1bd":     "a b c d",
		"\r\n":                 "",
		"\n\u00a0a\x85\n":      "\u00a0a\x85", // spaces in Unicode, not in HTTP
	} {
		got := httpfield.Sanitized(value)
		if got != want {
			t.Errorf("Sanitized(%q) = %q; want %q", value, got, want)
		}
		if !httpfield.ValidValue(got) {
			t.Errorf("Sanitized(%q) = %q, which is not valid", value, got)
		}
	}
}

func TestEqualFold(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", true}, {"Content-Type", "content-TYPE", true}, {"a", "b", false}, {"a", "ab", false}, {"a", "", false},
		{"k", "\u212a", false}, {"\u212a", "k", false}, {"s", "\u017f", false}, // folded by Unicode, not by HTTP
		{"X_A", "X-A", false}, {"[", "{", false},
	} {
		if got := httpfield.EqualFold(test.a, test.b); got != test.want {
			t.Errorf("EqualFold(%q, %q) = %v; want %v", test.a, test.b, got, test.want)
		}
	}
}

func TestGet(t *testing.T) {
	fields := [][2]string{{"A", "1"}, {"content-LENGTH", "12"}, {"a", "2"}}
	if value, ok := httpfield.Get(fields, "a"); value != "1" || !ok {
		t.Errorf("a: %q, %v", value, ok)
	}
	if value, ok := httpfield.Get(fields, "b"); value != "" || ok {
		t.Errorf("b: %q, %v", value, ok)
	}
	for value, want := range map[string]int64{"0": 0, "12": 12, "": -1, "-1": -1, "+1": -1, "x": -1, "9223372036854775808": -1} {
		if got := httpfield.ContentLength([][2]string{{"Content-Length", value}}); got != want {
			t.Errorf("Content-Length %q: %d; want %d", value, got, want)
		}
	}
	if got := httpfield.ContentLength(nil); got != -1 {
		t.Errorf("without one: %d", got)
	}
}

func TestElements(t *testing.T) {
	for value, want := range map[string]string{
		"": "", ",": "", "a": "a", " a ,\tb,,c ": "a|b|c", "x;q=1, y": "x;q=1|y", "\u00a0": "\u00a0",
	} {
		if got := strings.Join(slices.Collect(httpfield.Elements(value)), "|"); got != want {
			t.Errorf("%q: %q; want %q", value, got, want)
		}
	}
	for range httpfield.Elements("a, b") {
		break
	}
	if got := slices.Collect(httpfield.TrailerNames("x-sum, Content-Length, TRAILER,transfer-encoding, a")); !slices.Equal(got, []string{"X-Sum", "A"}) {
		t.Errorf("trailers %q", got)
	}
}

func TestHopByHop(t *testing.T) {
	for _, name := range []string{"te", "Trailer", "Trailers", "UPGRADE", "Connection", "Keep-Alive", "Transfer-Encoding", "Proxy-Connection", "Proxy-Authenticate", "proxy-authorization"} {
		if !httpfield.HopByHop(name) {
			t.Errorf("%s belongs to the connection", name)
		}
	}
	for _, name := range []string{"", "Date", "Server", "Content-Length", "Content-Type", "Proxy-Status", "X-Te"} {
		if httpfield.HopByHop(name) {
			t.Errorf("%s belongs to the response", name)
		}
	}
}
