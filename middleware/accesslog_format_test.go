package middleware_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/mod-go/mod-go/middleware"
)

func ExampleCombinedLog() {
	env := envOf(map[string]string{"REMOTE_ADDR": "192.0.2.7", "REMOTE_USER": "ada", "HTTP_USER_AGENT": `a "browser"`})
	line := middleware.CombinedLog(nil, &middleware.Access{
		Time:   time.Date(2026, 3, 1, 9, 30, 0, 0, time.FixedZone("", -8*60*60)),
		Method: "GET", URI: "/shop?size=2", Protocol: "HTTP/1.1",
		Status: 200, Bytes: 5120, Env: env,
	})
	fmt.Printf("%s", line)
	// Output: 192.0.2.7 - ada [01/Mar/2026:09:30:00 -0800] "GET /shop?size=2 HTTP/1.1" 200 5120 "-" "a \"browser\""
}

func ExampleJSONLog() {
	env := envOf(map[string]string{"REMOTE_ADDR": "192.0.2.7"})
	line := middleware.JSONLog(nil, &middleware.Access{
		Time: time.Date(2026, 3, 1, 9, 30, 0, 125e6, time.UTC), Duration: 3100 * time.Microsecond,
		Method: "GET", URI: "/shop?size=2", Protocol: "HTTP/1.1",
		Status: 200, Bytes: 5120, Env: env,
	})
	fmt.Printf("%s", line)
	// Output: {"time":"2026-03-01T09:30:00.125Z","method":"GET","uri":"/shop?size=2","protocol":"HTTP/1.1","status":200,"bytes":5120,"duration":0.0031,"remote":"192.0.2.7"}
}

func TestCombinedLogEscapesAsHttpdDoes(t *testing.T) {
	for _, test := range []struct {
		name      string
		variables map[string]string
		access    middleware.Access
		want      string
	}{
		{"nothing there", nil, middleware.Access{},
			`- - - [01/Jan/0001:00:00:00 +0000] "  " - - "-" "-"`},
		{"a name and an identity", map[string]string{"REMOTE_ADDR": "::1", "REMOTE_HOST": "client.example", "REMOTE_IDENT": "root"}, middleware.Access{},
			`client.example root - [01/Jan/0001:00:00:00 +0000] "  " - - "-" "-"`},
		{"empty is not absent", map[string]string{"REMOTE_USER": "", "HTTP_REFERER": "", "HTTP_USER_AGENT": ""}, middleware.Access{},
			`- - "" [01/Jan/0001:00:00:00 +0000] "  " - - "" ""`},
		{"control characters, quotes and bytes above 126", map[string]string{"REMOTE_USER": "a\nb\x1b[2J", "HTTP_REFERER": `"\`, "HTTP_USER_AGENT": "\b\n\r\t\v\f\x00\x7f\xe9"},
			middleware.Access{Method: "G\"ET", URI: "/\xc3\xa9", Protocol: "HTTP/1.1"},
			`- - a\nb\x1b[2J [01/Jan/0001:00:00:00 +0000] "G\"ET /\xc3\xa9 HTTP/1.1" - - "\"\\" "\b\n\r\t\v\x0c\x00\x7f\xe9"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.access.Env = envOf(test.variables)
			if got := string(middleware.CombinedLog([]byte("before: "), &test.access)); got != "before: "+test.want+"\n" {
				t.Errorf("got  %swant %s", got, test.want)
			}
		})
	}
}

// combinedLine is a line whose quoted fields end where they should.
var combinedLine = regexp.MustCompile(`^- - - \[[^]]*\] "GET ([^"\\]|\\.)* HTTP/1.1" - - "-" "([^"\\]|\\.)*"\n$`)

func FuzzLogFormats(f *testing.F) {
	f.Add("/\xff\n\"\\", "ada\x1b[2J\u2028")
	f.Add("0", `\`)
	f.Fuzz(func(t *testing.T, uri, agent string) {
		a := &middleware.Access{Method: "GET", URI: uri, Protocol: "HTTP/1.1", Env: envOf(map[string]string{"HTTP_USER_AGENT": agent})}
		combined := middleware.CombinedLog(nil, a)
		for _, c := range combined[:len(combined)-1] {
			if c < ' ' || c > '~' {
				t.Errorf("%q has the byte %q", combined, c)
			}
		}
		if !combinedLine.Match(combined) {
			t.Errorf("%q is not of three quoted fields", combined)
		}
		var object map[string]any
		line := middleware.JSONLog(nil, a)
		if err := json.Unmarshal(line, &object); err != nil || bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Errorf("%q is no object on a line: %v", line, err)
		}
	})
}
