package contract

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var environmentChecks = []check{
	{"C1_called_with_env_and_start", checkCalled},
	{"C2_env_is_the_applications_own", checkChanges},
	{"C3_any_method_reaches_the_application", checkMethods},
	{"C4_script_name_and_path_info", checkPaths},
	{"C5_query_string_and_content_headers", checkContentVariables},
	{"C6_server_name_and_port_are_never_empty", checkServerName},
	{"C7_server_protocol_is_the_clients", checkProtocol},
	{"C8_header_variables_cannot_be_forged", checkHeaderVariables},
	{"C9_other_cgi_variables", checkCGIVariables},
	{"C10_tls_variables", checkTLSVariables},
	{"C11_variables_are_documented", checkDocumented},
	{"C12_a_variable_without_a_value_is_absent", checkAbsent},
	{"C13_values_are_raw_bytes", checkRawBytes},
	{"C14_what_pep_3333_asks_for_exists", checkObjects},
	{"C15_url_scheme_is_https_exactly_for_tls", checkURLScheme},
	{"C16_multithread_and_multiprocess_are_true", checkConcurrency},
	{"C17_own_variables_have_a_prefix", checkPrefix},
	{"C18_configured_variables_reach_env", checkConfigured},
}

func checkCalled(t *testing.T, h host) {
	for range 3 {
		target, token := marked("/called")
		checkAnswer(t, get(t, h.site(atApp), target), 200, "env: true, start: true")
		checkNotes(t, h, token, "called")
	}
}

// checkChanges uses one connection, whose requests one process answers.
func checkChanges(t *testing.T, h host) {
	s := h.site(atApp)
	c := converse(t, s)
	for range 10 {
		c.send(s.request("GET", "/changed", http11))
		checkAnswer(t, c.answer("GET"), 200, "GET added:false named:true value:<nil>; CHANGED added:true named:false value:kept")
	}
}

func checkMethods(t *testing.T, h host) {
	s := h.site(atSub)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH", "BREW", "get", "!#$%&'*+-.^_`|~1Az"} {
		resp := exchange(t, s, s.request(method, "", http11, end))
		if got := resp.Header.Get("X-Method"); resp.StatusCode != 200 || got != method {
			t.Errorf("%s: the answer is %s, and REQUEST_METHOD %q", method, resp.Status, got)
		}
	}
}

func checkPaths(t *testing.T, h host) {
	for _, c := range []struct {
		mount            mount
		target           string
		script, pathInfo string
	}{
		{atSub, "", "/environ", ""},
		{atSub, "/", "/environ", "/"},
		{atSub, "/a/b", "/environ", "/a/b"},
		{atSub, "/a/b/", "/environ", "/a/b/"},
		{atSub, "/a%20b/%C3%A9", "/environ", "/a b/é"},
		{atSub, "?query", "/environ", ""},
		{atRoot, "/", "", "/"},
		{atRoot, "/a/b", "", "/a/b"},
		{atRoot, "/a/b/", "", "/a/b/"},
		{atRoot, "/environs", "", "/environs"},
	} {
		all := variables(t, get(t, h.site(c.mount), c.target))
		checkVariables(t, all, map[string]string{"SCRIPT_NAME": c.script, "PATH_INFO": c.pathInfo})
	}
	sub := h.site(atSub)
	sub.path = "/environs" // not below the mount
	if resp := get(t, sub, ""); resp.StatusCode != 404 {
		t.Errorf("GET /environs: the answer is %s: %q; want 404, which is not the application's", resp.Status, shorten(resp.text))
	}
}

func checkContentVariables(t *testing.T, h host) {
	s := h.site(atSub)
	for request, want := range map[string]map[string]string{
		s.request("GET", "", http11, end):                     {"QUERY_STRING": "", "CONTENT_TYPE": absent, "CONTENT_LENGTH": absent},
		s.request("GET", "?", http11, end):                    {"QUERY_STRING": ""},
		s.request("GET", "?a=%41&b=?/+ü", http11, end):        {"QUERY_STRING": "a=%41&b=?/+ü"},
		s.post("", "hello", "Content-Type: Text/X; a=B", end): {"CONTENT_TYPE": "Text/X; a=B", "CONTENT_LENGTH": "5", "HTTP_CONTENT_TYPE": absent, "HTTP_CONTENT_LENGTH": absent},
		s.post("", "", end):                                   {"CONTENT_TYPE": absent, "CONTENT_LENGTH": "0"},
		s.postChunked("", []string{"hello"}, end):             {"CONTENT_LENGTH": absent},
	} {
		checkVariables(t, variables(t, exchange(t, s, request)), want)
	}
}

func checkServerName(t *testing.T, h host) {
	s := h.site(atSub)
	for _, request := range []string{
		"GET /environ HTTP/1.0\r\n\r\n",
		"GET /environ HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n",
		"GET /environ HTTP/1.1\r\nHost: example.org:81\r\nConnection: close\r\n\r\n",
		"GET http:///environ HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n",
		"GET http://example.org/environ HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n",
	} {
		checkVariables(t, variables(t, exchange(t, s, request)), map[string]string{"SERVER_NAME": present, "SERVER_PORT": present})
	}
}

func checkProtocol(t *testing.T, h host) {
	s := h.site(atSub)
	for _, protocol := range []string{http10, http11} {
		all := variables(t, exchange(t, s, s.request("GET", "", protocol, end)))
		checkVariables(t, all, map[string]string{"SERVER_PROTOCOL": protocol})
	}
}

func checkHeaderVariables(t *testing.T, h host) {
	for _, c := range []struct {
		lines []string
		want  map[string]string
	}{
		{[]string{"X-One: a"}, map[string]string{"HTTP_X_ONE": "a", "HTTP_X_TWO": absent}},
		{[]string{"x-oNe: a"}, map[string]string{"HTTP_X_ONE": "a"}},
		{[]string{"X-One:"}, map[string]string{"HTTP_X_ONE": ""}},
		{[]string{"X-One: \t a b \t "}, map[string]string{"HTTP_X_ONE": "a b"}},
		{[]string{"X-One: a", "X-Two: 2", "X-One: b"}, map[string]string{"HTTP_X_ONE": "a, b", "HTTP_X_TWO": "2"}},
		{[]string{"Cookie: a=1; b=2"}, map[string]string{"HTTP_COOKIE": "a=1; b=2"}},
		{[]string{"X_One: forged"}, map[string]string{"HTTP_X_ONE": absent}},
		{[]string{"X_One: forged", "X-One: real"}, map[string]string{"HTTP_X_ONE": "real"}},
		{[]string{"X-One: real", "X_One: forged"}, map[string]string{"HTTP_X_ONE": "real"}},
		{[]string{"X.One: a", "X!One: b", "X~One: c", "X|One: d"}, map[string]string{"HTTP_X_ONE": absent, "HTTP_X.ONE": absent, "HTTP_X!ONE": absent}},
		{[]string{"Proxy: http://192.0.2.1/"}, map[string]string{"HTTP_PROXY": absent}},
		{[]string{"pRoXy: http://192.0.2.1/"}, map[string]string{"HTTP_PROXY": absent}},
		{[]string{"Content_Length: 5", "Content_Type: text/x"}, map[string]string{"CONTENT_LENGTH": absent, "CONTENT_TYPE": absent, "HTTP_CONTENT_LENGTH": absent, "HTTP_CONTENT_TYPE": absent}},
		{[]string{"Https: on", "Remote-User: admin"}, map[string]string{"HTTPS": absent, "REMOTE_USER": absent, "HTTP_HTTPS": "on", "HTTP_REMOTE_USER": "admin"}},
		{nil, map[string]string{"HTTP_HOST": h.site(atSub).name}},
	} {
		t.Run(strings.Join(c.lines, " "), func(t *testing.T) {
			checkVariables(t, variables(t, get(t, h.site(atSub), "", c.lines...)), c.want)
		})
	}
}

func checkCGIVariables(t *testing.T, h host) {
	s := h.site(atSub)
	c := converse(t, s)
	c.send(s.request("GET", "/a%41//b?c=d", http11, end))
	_, clientPort, _ := net.SplitHostPort(c.LocalAddr().String())
	checkVariables(t, variables(t, c.answer("GET")), map[string]string{
		"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": clientPort, "SERVER_ADDR": "127.0.0.1", "SERVER_SOFTWARE": present,
		"REQUEST_SCHEME": "http", "REQUEST_URI": "/environ/a%41//b?c=d", "SCRIPT_FILENAME": absent, "AUTH_TYPE": absent, "REDIRECT_URL": absent,
	})
	if !h.facts().configured {
		return // the rest comes from a configuration
	}
	checkVariables(t, variables(t, get(t, s, "")), map[string]string{"DOCUMENT_ROOT": present})
	elsewhere := func(path string) site { return site{addr: s.addr, name: s.name, path: path} }
	checkVariables(t, variables(t, get(t, elsewhere("/private"), "", "Authorization: Basic YWxpY2U6cGFzc3dvcmQ=")),
		map[string]string{"REMOTE_USER": "alice", "AUTH_TYPE": "Basic"})
	page := variables(t, get(t, elsewhere("/docs/page"), "/more"))
	checkVariables(t, page, map[string]string{"SCRIPT_NAME": "/docs", "PATH_INFO": "/page/more", "SCRIPT_FILENAME": present})
	gone := get(t, elsewhere("/gone"), "?why")
	checkVariables(t, variables(t, gone), map[string]string{
		"REDIRECT_STATUS": "410", "REDIRECT_URL": "/gone", "REDIRECT_QUERY_STRING": "why", "PATH_INFO": "/document",
	})
}

func checkTLSVariables(t *testing.T, h host) {
	all := variables(t, get(t, h.site(atSecure), ""))
	checkVariables(t, all, map[string]string{
		"HTTPS": "on", "REQUEST_SCHEME": "https", "SSL_PROTOCOL": "TLSv1.3", "SSL_CIPHER": present, "SSL_CLIENT_VERIFY": "NONE",
	})
	if h.facts().configured { // SSLOptions +StdEnvVars
		checkVariables(t, all, map[string]string{"SSL_SERVER_S_DN_CN": "localhost"})
	}
	for name := range variables(t, get(t, h.site(atSub), "")) {
		if name == "HTTPS" || strings.HasPrefix(name, "SSL_") {
			t.Errorf("without TLS there is %s", name)
		}
	}
}

// documentedPattern is the first cell of a row in docs/environ.md.
var documentedPattern = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

func checkDocumented(t *testing.T, h host) {
	text, err := os.ReadFile("../../docs/environ.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, match := range documentedPattern.FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, match[1])
	}
	for _, resp := range []response{
		exchange(t, h.site(atSub), h.site(atSub).post("/a?b", "hello", "Content-Type: text/x", "X-One: a", end)),
		get(t, h.site(atSecure), "/a?b"),
	} {
		for name := range variables(t, resp) {
			family, _, _ := strings.Cut(name, "_")
			if family += "_*"; !slices.Contains(documented, name) && !(slices.Contains(documented, family) && slices.Contains([]string{"HTTP_*", "SSL_*"}, family)) {
				t.Errorf("docs/environ.md does not mention %s", name)
			}
		}
	}
}

func checkAbsent(t *testing.T, h host) {
	// Those that may be empty; SSL_* are mod_ssl's own.
	mayBeEmpty := []string{"QUERY_STRING", "SCRIPT_NAME", "PATH_INFO"}
	for _, s := range []site{h.site(atSub), h.site(atRoot)} {
		all := variables(t, get(t, s, "/"))
		checkVariables(t, all, map[string]string{
			"REMOTE_USER": absent, "AUTH_TYPE": absent, "CONTENT_TYPE": absent, "CONTENT_LENGTH": absent, "HTTPS": absent,
			"HTTP_REFERER": absent, "HTTP_COOKIE": absent, "REDIRECT_URL": absent, "SCRIPT_FILENAME": absent, "UNIQUE_ID": absent,
		})
		for name, value := range all {
			if value == "" && !slices.Contains(mayBeEmpty, name) {
				t.Errorf("%s is there, and empty", name)
			}
		}
	}
	s := h.site(atSub)
	checkVariables(t, variables(t, exchange(t, s, "GET /environ HTTP/1.0\r\n\r\n")), map[string]string{"HTTP_HOST": absent})
}

func checkRawBytes(t *testing.T, h host) {
	s := h.site(atSub)
	checkVariables(t, variables(t, get(t, s, "/%E9%ff%C3%28?%E9\xe9\xff", "X-One: caf\xe9 \xff\xfe\x80", "X-Two: käse")), map[string]string{
		"PATH_INFO": "/\xe9\xff\xc3(", "QUERY_STRING": "%E9\xe9\xff", "REQUEST_URI": "/environ/%E9%ff%C3%28?%E9\xe9\xff",
		"HTTP_X_ONE": "caf\xe9 \xff\xfe\x80", "HTTP_X_TWO": "käse",
	})
	checkVariables(t, variables(t, get(t, s, "/\xe9/ü")), map[string]string{"PATH_INFO": "/\xe9/ü"})
}

func checkObjects(t *testing.T, h host) {
	f := h.facts()
	checkAnswer(t, get(t, h.site(atApp), "/objects"), 200,
		fmt.Sprintf("input: true, errors: true, scheme: http, multithread: %t, multiprocess: %t, run once: false", f.multithread, f.multiprocess))
	checkVariables(t, variables(t, get(t, h.site(atSub), "")), map[string]string{"wsgi.version": "1.0", "wsgi.run_once": "false"})
}

func checkURLScheme(t *testing.T, h host) {
	s := h.site(atSub)
	checkVariables(t, variables(t, get(t, h.site(atSecure), "")), map[string]string{"wsgi.url_scheme": "https"})
	for _, resp := range []response{
		get(t, s, "", "X-Forwarded-Proto: https", "Https: on", "Forwarded: proto=https"),
		exchange(t, s, "GET /environ HTTP/1.0\r\n\r\n"),
	} {
		checkVariables(t, variables(t, resp), map[string]string{"wsgi.url_scheme": "http"})
	}
}

// checkConcurrency keeps as many requests open as prefork has processes, less one, and looks which process has them.
func checkConcurrency(t *testing.T, h host) {
	s, f := h.site(atApp), h.facts()
	checkVariables(t, variables(t, get(t, h.site(atSub), "")), map[string]string{
		"wsgi.multithread": fmt.Sprint(f.multithread), "wsgi.multiprocess": fmt.Sprint(f.multiprocess),
	})
	const open = 5
	together := concurrent(t, s, open)
	for pid, n := range together {
		if n > 1 && !f.multithread {
			t.Errorf("process %d has %d requests at the same time, and says that it has one thread", pid, n)
		}
	}
	if f.multithread && len(together) == open {
		t.Error("each of the requests had a process of its own; multithread is true")
	}
	if !f.multiprocess && len(together) > 1 {
		t.Errorf("%d processes answer, and say that there is one", len(together))
	}
}

// concurrent has n requests answered at the same time, and counts those of each process.
func concurrent(t *testing.T, s site, n int) (byProcess map[int]int) {
	t.Helper()
	byProcess = make(map[int]int)
	conversations := make([]*conversation, n)
	for i := range conversations {
		c := converse(t, s)
		c.send(s.request("POST", scripted("start", "return", "pid", "read"), http11, "Content-Length: 1", end))
		conversations[i] = c
		var pid int
		if _, err := fmt.Fscanln(c.head("POST").Body, &pid); err != nil {
			t.Fatal(err)
		}
		byProcess[pid]++
	}
	for _, c := range conversations {
		c.send("x")
	}
	return byProcess
}

func checkPrefix(t *testing.T, h host) {
	cgi := regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	for name := range variables(t, get(t, h.site(atSecure), "/a?b", "X-One: a")) {
		if !cgi.MatchString(name) && !strings.HasPrefix(name, "wsgi.") && !strings.HasPrefix(name, "mod_go.") {
			t.Errorf("the variable %s is none of CGI's, and has neither prefix", name)
		}
	}
}

func checkConfigured(t *testing.T, h host) {
	text, err := os.ReadFile("../../docs/environ.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, directive := range []string{"SetEnv", "PassEnv", "SetEnvIf", "RewriteRule [E=]"} {
		if !bytes.Contains(text, []byte(directive)) {
			t.Errorf("docs/environ.md does not mention %s", directive)
		}
	}
	if !h.facts().configured {
		resp := get(t, h.site(atApp), "/configured")
		checkVariables(t, variables(t, resp), map[string]string{"CONTRACT_SET": "by the middleware"})
		return
	}
	want := map[string]string{
		"CONTRACT_SET": "by SetEnv", "CONTRACT_IF": "the header's", "CONTRACT_PASSED": "from httpd's environment", "CONTRACT_REWRITTEN": "yes",
	}
	s := h.site(atSub)
	s.name = "configured.test"
	checkVariables(t, variables(t, get(t, s, "", "X-Contract: the header's")), want)
}
