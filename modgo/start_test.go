package modgo_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/modgo"
)

// TestStartRefuses: what start raises while the application runs (C29).
func TestStartRefuses(t *testing.T) {
	type test struct {
		name, status string
		headers      modgo.Headers
		clause       string
	}
	tests := []test{
		{"Content-Length of letters", "200 OK", length("five"), "C31"},
		{"Content-Length below 0", "200 OK", length("-1"), "C31"},
		{"Content-Length with a sign", "200 OK", length("+5"), "C31"},
		{"Content-Length minus 0", "200 OK", length("-0"), "C31"},
		{"Content-Length of nothing", "200 OK", length(""), "C31"},
		{"Content-Length with a space", "200 OK", length(" 5"), "C31"},
		{"Content-Length as a list", "200 OK", length("5, 5"), "C31"},
		{"Content-Length in hexadecimal", "200 OK", length("0x10"), "C31"},
		{"Content-Length beyond 64 bits", "200 OK", length("9223372036854775808"), "C31"},
		{"two Content-Lengths", "200 OK", modgo.Headers{{"Content-Length", "5"}, {"content-length", "6"}}, "C31"},
	}
	for _, status := range []string{"", "OK", "20 OK", "2000 OK", "099 Low", "-20 OK", "+20 OK", "2x0 OK", "200OK", " 200 OK", "200\tOK",
		"200 O\nK", "200 OK\r\n", "200 OK\r\nX-Injected: yes", "200 \x00", "200 \x7f", "100 Continue", "101 Switching Protocols", "٢٠٠ OK"} {
		tests = append(tests, test{fmt.Sprintf("status %q", status), status, nil, "C31"})
	}
	for _, name := range []string{"", "X Y", "X:", ":", "X\r\nY", "X\n", "X\x00", "X\t", "Ä", "X(Y)", "\x7f"} {
		tests = append(tests, test{fmt.Sprintf("name %q", name), "200 OK", modgo.Headers{{name, "v"}}, "C31"})
	}
	for _, value := range []string{"\r\nX-Injected: yes", "a\nb", "a\r", "\x00", "a\x1bb", "\x7f"} {
		tests = append(tests, test{fmt.Sprintf("value %q", value), "200 OK", modgo.Headers{{"X-A", "fine"}, {"X-B", value}}, "C31"})
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailers", "Transfer-Encoding",
		"Upgrade", "Trailer", "Proxy-Connection"} { // the first eight are PEP 3333's
		for _, spelling := range []string{name, strings.ToLower(name), strings.ToUpper(name)} { // C33
			tests = append(tests, test{"hop-by-hop " + spelling, "200 OK", modgo.Headers{{spelling, "v"}}, "C30"})
		}
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			raised := raisedBy(func(start modgo.StartResponse) { start(test.status, test.headers) })
			contract, ok := raised.(*modgo.ContractError)
			if !ok || contract.Clause != test.clause || !strings.Contains(contract.Error(), test.clause) {
				t.Errorf("start(%q, %q) raised %v; want a *ContractError of %s", test.status, test.headers, raised, test.clause)
			}
		})
	}
}

// raisedBy is what an application panics with.
func raisedBy(app func(start modgo.StartResponse)) (raised any) {
	defer func() { raised = recover() }()
	_ = modgo.Serve(func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		app(start)
		return nil
	}, request("GET"), new(recorder))
	return nil
}

func TestSecondStart(t *testing.T) {
	cause := errors.New("cause")
	ok := func(start modgo.StartResponse, cause ...error) io.Writer { return start("200 OK", nil, cause...) }
	for _, test := range []struct {
		name   string
		app    func(start modgo.StartResponse)
		clause string // of what is raised; "" for the cause itself
	}{
		{"without a cause (C34)", func(s modgo.StartResponse) { ok(s); ok(s) }, "C34"},
		{"without a cause, headers sent", func(s modgo.StartResponse) { io.WriteString(ok(s), "a"); ok(s) }, "C34"},
		{"with a nil cause", func(s modgo.StartResponse) { ok(s); ok(s, nil) }, "C34"},
		{"with a nil cause, headers sent", func(s modgo.StartResponse) { io.WriteString(ok(s), "a"); ok(s, nil) }, "C34"},
		{"with a cause, headers sent (C36)", func(s modgo.StartResponse) { io.WriteString(ok(s), "a"); ok(s, cause) }, ""},
		{"third, without a cause", func(s modgo.StartResponse) { ok(s); ok(s, cause); ok(s) }, "C34"},
		{"malformed, with a cause", func(s modgo.StartResponse) { ok(s); s("OK", nil, cause) }, "C31"},
	} {
		t.Run(test.name, func(t *testing.T) {
			raised := raisedBy(test.app)
			contract, isContract := raised.(*modgo.ContractError)
			if test.clause == "" && raised != any(cause) || test.clause != "" && (!isContract || contract.Clause != test.clause) {
				t.Errorf("raised %v; want %q, or else the cause", raised, test.clause)
			}
		})
	}
}
