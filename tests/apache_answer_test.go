package tests

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/probe"
)

// chooseQuery is the query that has the application ask for answers, one after the other.
func chooseQuery(steps ...string) string {
	values := make(url.Values)
	for _, step := range steps {
		values.Add("do", step)
	}
	return "/choose?" + values.Encode()
}

func redirectTo(target string) string { return chooseQuery("redirect=" + target) }

func sending(file string) string { return chooseQuery("send=" + file) }

// checkAnswer compares an answer with a status and a body.
func checkAnswer(t *testing.T, what string, resp *httpdtest.Response, status int, body string) {
	t.Helper()
	if resp.StatusCode != status || resp.Text != body {
		t.Errorf("%s: %s, %.100q (%d bytes); want %d, %.100q (%d bytes)", what, resp.Status, resp.Text, len(resp.Text), status, body, len(body))
	}
}

// testRedirect: another URL of the server answers; nothing that the application makes of a response is seen.
func testRedirect(t *testing.T, srv *httpdtest.Server) {
	for _, style := range styles {
		resp := srv.Get(style + redirectTo("/page.txt"))
		checkAnswer(t, "a file", resp, 200, "a page\n")
		if resp.Header.Get("X-Own") != "" || resp.Header.Get("Content-Type") != "text/plain" || resp.Header.Get("ETag") == "" {
			t.Errorf("the headers are %v; want those of the file", resp.Header)
		}
		checkAnswer(t, "without a response", srv.Get(style+redirectTo("/page.txt")+"&silent=1"), 200, "a page\n")
		checkAnswer(t, "a part", srv.Get(style+redirectTo("/page.txt"), "Range", "bytes=2-5"), 206, "page")
		if resp := srv.Get(style + redirectTo("/missing.txt")); resp.StatusCode != 404 {
			t.Errorf("a file that is not there: %s", resp.Status)
		}
		if resp := srv.Get(style + redirectTo("/forbidden/page.txt")); resp.StatusCode != 403 {
			t.Errorf("a file that Apache forbids: %s", resp.Status)
		}
		target := style + redirectTo("/probe/x%20y?z=1")
		report := decode[probe.Report](t, srv.Get(target))
		checkVariables(t, report.Environ, map[string]string{
			"SCRIPT_NAME": "/probe", "PATH_INFO": "/x y", "QUERY_STRING": "z=1", "REDIRECT_STATUS": "200",
			"REDIRECT_URL": style + "/choose", "REQUEST_URI": target,
		})
		for _, bad := range []string{"", "page.txt", "http://localhost/page.txt", "/page.txt\x00"} {
			resp := srv.Get(style + redirectTo(bad))
			if resp.StatusCode != 500 || !strings.Contains(resp.Text, "is no URL of this server") {
				t.Errorf("a redirect to %q: %s: %s", bad, resp.Status, resp.Text)
			}
		}
	}
	for _, then := range []string{"write", "flush", "fail", "not-found"} {
		for _, first := range []string{"", "write"} {
			resp := srv.Get("/app" + redirectTo("/page.txt") + "&first=" + first + "&then=" + then)
			checkAnswer(t, first+", then "+then, resp, 200, "a page\n")
			if resp.Header.Get("X-Own") != "" || resp.Header.Get("X-Late") != "" {
				t.Errorf("%s, then %s: the headers are %v; want those of the file", first, then, resp.Header)
			}
		}
	}
}

// testRedirectOfForm: the other URL is asked for with GET, and without the body that the client sent, whatever the
// application has read of it. The connection goes on.
func testRedirectOfForm(t *testing.T, srv *httpdtest.Server) {
	body := strings.Repeat("form", 25<<10)
	for _, read := range []string{"", "&read=1000"} {
		checkAnswer(t, "a file", srv.Send("POST", "/app"+redirectTo("/page.txt")+read, strings.NewReader(body)), 200, "a page\n")
		for kind, reader := range map[string]io.Reader{"with a length": strings.NewReader(body), "without a length": io.MultiReader(strings.NewReader(body))} {
			report := decode[probe.Report](t, srv.Send("PUT", "/app"+redirectTo("/probe/x")+read, reader))
			if report.Method != "GET" || report.BodyLength != 0 || report.ContentLength != 0 || report.BodyError != "" {
				t.Errorf("%s: the other application sees %s with a body of %d bytes, said to be %d (%s); want GET without one", kind, report.Method, report.BodyLength, report.ContentLength, report.BodyError)
			}
			checkVariables(t, report.Environ, map[string]string{"CONTENT_LENGTH": absent, "REQUEST_METHOD": "GET"})
			reader = strings.NewReader(body)
			checkAnswer(t, kind+", in the WSGI style", srv.Send("PUT", "/app"+redirectTo("/other/echo")+read, reader), 200, "")
		}
	}
	if srv.Protocol().HTTP2() {
		return
	}
	c := converse(t, srv)
	defer c.Close()
	for _, target := range []string{redirectTo("/page.txt"), sending(srv.Path("files/data.txt"))} {
		c.send("POST /app" + target + " HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked("some", "body"))
		c.send("GET /page.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if resp := c.answer("POST"); resp.StatusCode != 200 {
			t.Errorf("%s: %s", target, resp.Status)
		}
		checkAnswer(t, "the next request on the connection", c.answer("GET"), 200, "a page\n")
	}
}

func testRedirectToItself(t *testing.T, srv *httpdtest.Server) {
	checkAnswer(t, "three times", srv.Get("/app/countdown?n=3"), 200, "landed")
	if resp := srv.Get("/app/countdown?n=1000"); resp.StatusCode != 500 {
		t.Errorf("for ever: %s", resp.Status)
	}
}

func testRedirectOfHead(t *testing.T, srv *httpdtest.Server) {
	resp := srv.Send("HEAD", "/app"+redirectTo("/page.txt"), nil)
	checkAnswer(t, "a file", resp, 200, "")
	if resp.ContentLength != 7 {
		t.Errorf("the length is %d; want the file's", resp.ContentLength)
	}
	resp = srv.Send("HEAD", "/app"+redirectTo("/probe/x"), nil)
	if resp.StatusCode != 200 || resp.Text != "" || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("an application: %s, %v", resp.Status, resp.Header)
	}
}

// testAnswerTooLate: when something was sent httpd cannot answer otherwise; the application learns it.
func testAnswerTooLate(t *testing.T, srv *httpdtest.Server) {
	for _, target := range []string{redirectTo("/page.txt"), sending(srv.Path("files/data.txt"))} {
		resp := srv.Get("/app" + target + "&first=flush")
		if resp.StatusCode != 200 || !strings.HasPrefix(resp.Text, "begun apache: the response has begun") {
			t.Errorf("%s: %s, %q; want the error", target, resp.Status, resp.Text)
		}
	}
}

// testWhatCounts: the last wish does, unless it failed; and nothing is answered for an application that panics after it.
func testWhatCounts(t *testing.T, srv *httpdtest.Server) {
	file, page, missing := "send="+srv.Path("files/data.txt"), "redirect=/page.txt", "send="+srv.Path("files/missing")
	for _, c := range []struct {
		steps  []string
		status int
		body   string
	}{
		{[]string{file, page}, 200, "a page\n"}, {[]string{page, file}, 200, "some data\n"},
		{[]string{file, "send=" + srv.Path("files/none")}, 200, "no extension"}, {[]string{"redirect=/missing", page}, 200, "a page\n"},
		{[]string{missing, file}, 200, "some data\n"},
	} {
		for _, style := range styles {
			checkAnswer(t, style+fmt.Sprint(c.steps), srv.Get(style+chooseQuery(c.steps...)), c.status, c.body)
		}
	}
	for _, first := range []string{file, page} {
		for _, failed := range []string{missing, "send=" + srv.Path("outside/data.txt"), "send=\x00"} {
			resp := srv.Get("/app" + chooseQuery(first, failed))
			if resp.StatusCode != 404 && resp.StatusCode != 403 || !strings.HasPrefix(resp.Text, "apache: ") {
				t.Errorf("%s, then %s: %s, %q; want the application's answer to the error", first, failed, resp.Status, resp.Text)
			}
		}
		if resp := srv.Get("/app" + chooseQuery(first) + "&then=panic"); resp.StatusCode != 500 {
			t.Errorf("%s, then a panic: %s", first, resp.Status)
		}
	}
}

// testAnswerOfErrorDocument: the error's status stays, whoever makes the document.
func testAnswerOfErrorDocument(t *testing.T, srv *httpdtest.Server) {
	for target, want := range map[string]string{"/lost/url": "a page\n", "/lost/file": "some data\n"} {
		checkAnswer(t, target, srv.Get(target), 404, want)
		checkAnswer(t, "a POST of "+target, srv.Send("POST", target, strings.NewReader("body")), 404, want)
	}
}

// testBodyOverLimit: a body that httpd refuses while it is discarded, or read after the wish, is answered once.
func testBodyOverLimit(t *testing.T, srv *httpdtest.Server) {
	body := strings.Repeat("body", 1000)
	for _, target := range []string{redirectTo("/page.txt"), sending(srv.Path("files/data.txt"))} {
		for _, then := range []string{"", "read"} {
			target := "/app/limited" + target + "&then=" + then
			if srv.Protocol().HTTP2() {
				want := 413
				if then == "" && strings.Contains(target, "send") {
					want = 200 // what nobody reads of a stream is not looked at
				}
				if resp := srv.Send("POST", target, strings.NewReader(body)); resp.StatusCode != want {
					t.Errorf("%s: %s; want %d", target, resp.Status, want)
				}
				continue
			}
			for _, request := range []string{
				fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body), "Transfer-Encoding: chunked\r\n\r\n" + chunked(body),
			} {
				c := converse(t, srv)
				c.send("POST " + target + " HTTP/1.1\r\nHost: localhost\r\n" + request)
				if resp := c.answer("POST"); resp.StatusCode != 413 {
					t.Errorf("%s: %s", target, resp.Status)
				}
				c.ends()
				c.Close()
			}
		}
	}
}

// testSendFile: httpd sends the file with its own headers and the application's.
func testSendFile(t *testing.T, srv *httpdtest.Server) {
	for _, c := range []struct{ file, body, kind string }{
		{"data.txt", "some data\n", "text/plain"}, {"report.pdf", "%PDF", "application/pdf"}, {"none", "no extension", ""},
		{"leads-in.txt", "inner", "text/plain"}, {"folder/../folder//inner.txt", "inner", "text/plain"},
	} {
		for _, style := range append(styles, "/mapped", "/mapped/report.pdf") {
			resp := srv.Get(style + sending(srv.Path("files")+"/"+c.file))
			checkAnswer(t, style+" "+c.file, resp, 200, c.body)
			header := resp.Header
			if header.Get("Content-Type") != c.kind || header.Get("X-Own") != "yes" || header.Get("ETag") == "" ||
				header.Get("Last-Modified") == "" || header.Get("Accept-Ranges") != "bytes" || resp.ContentLength != int64(len(c.body)) {
				t.Errorf("%s %s: %d bytes, %v; want the type %q, what goes with a file, and X-Own", style, c.file, resp.ContentLength, header, c.kind)
			}
		}
	}
	for _, style := range styles {
		resp := srv.Get(style + sending(srv.Path("files/report.pdf")) + "&type=text%2Fx-own")
		checkAnswer(t, "own type", resp, 200, "%PDF")
		if got := resp.Header.Get("Content-Type"); got != "text/x-own" {
			t.Errorf("%s: the type is %q; want the application's own", style, got)
		}
		resp = srv.Send("HEAD", style+sending(srv.Path("files/data.txt")), nil)
		checkAnswer(t, "HEAD", resp, 200, "")
		if resp.ContentLength != 10 || resp.Header.Get("ETag") == "" || resp.Header.Get("X-Own") != "yes" {
			t.Errorf("%s HEAD: %d bytes, %v", style, resp.ContentLength, resp.Header)
		}
	}
	checkAnswer(t, "without a response", srv.Get("/wsgi"+sending(srv.Path("files/data.txt"))+"&silent=1"), 200, "some data\n")
	for _, then := range []string{"write", "flush", "fail", "not-found"} {
		resp := srv.Get("/app" + sending(srv.Path("files/data.txt")) + "&then=" + then)
		checkAnswer(t, "then "+then, resp, 200, "some data\n")
		if resp.Header.Get("X-Own") != "yes" {
			t.Errorf("then %s: %v; want X-Own", then, resp.Header)
		}
	}
}

// testSendFileRefused: whatever is no readable file below a configured folder is an error, which tells a status.
func testSendFileRefused(t *testing.T, srv *httpdtest.Server) {
	for _, style := range styles {
		for _, c := range []struct {
			path, file string
			status     int
			text       string
		}{
			{"", srv.Path("files") + "/leads-out.txt", 403, "does not lie below a folder of GoSendFileRoot"},
			{"", srv.Path("files") + "/folder-out/data.txt", 403, "does not lie below"},
			{"", srv.Path("files") + "/../outside/data.txt", 403, "does not lie below"},
			{"", srv.Path("files-elsewhere/data.txt"), 403, "does not lie below"},
			{"", "/etc/passwd", 403, "does not lie below"},
			{"/rootless", srv.Path("files/data.txt"), 403, "does not lie below"},
			{"", srv.Path("files/unreadable.txt"), 403, "the user that httpd runs as may not reach"},
			{"", srv.Path("files"), 403, "does not lie below"},
			{"", srv.Path("files/folder"), 404, "there is no file"},
			{"", srv.Path("files") + "/data.txt/", 404, "there is no file"},
			{"", srv.Path("files/fifo"), 404, "there is no file"},
			{"", srv.Path("files/loop"), 404, "there is no file"},
			{"", srv.Path("files/missing.txt"), 404, "there is no file"},
			{"", srv.Path("files/data.txt") + "\x00.txt", 404, "there is no file"},
			{"", "data.txt", 404, "there is no file"},
			{"", "", 404, "there is no file"},
		} {
			resp := srv.Get(style + c.path + sending(c.file))
			if resp.StatusCode != c.status || !strings.Contains(resp.Text, c.text) {
				t.Errorf("%s%s %q: %s: %q; want %d: %s", style, c.path, c.file, resp.Status, resp.Text, c.status, c.text)
			}
		}
	}
}

func testSendFileConditions(t *testing.T, srv *httpdtest.Server) {
	for _, style := range styles {
		target := style + sending(srv.Path("files/data.txt"))
		whole := srv.Get(target)
		checkAnswer(t, "a part", srv.Get(target, "Range", "bytes=5-8"), 206, "data")
		if resp := srv.Get(target, "Range", "bytes=50-"); resp.StatusCode != 416 {
			t.Errorf("a part that is not there: %s", resp.Status)
		}
		checkAnswer(t, "the same version", srv.Get(target, "If-None-Match", whole.Header.Get("ETag")), 304, "")
		checkAnswer(t, "another version", srv.Get(target, "If-None-Match", `"other"`), 200, "some data\n")
		checkAnswer(t, "not modified since", srv.Get(target, "If-Modified-Since", whole.Header.Get("Last-Modified")), 304, "")
		checkAnswer(t, "modified since", srv.Get(target, "If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"), 200, "some data\n")
	}
}

func testSendBigFile(t *testing.T, srv *httpdtest.Server) {
	for _, style := range styles {
		resp := srv.Get(style + sending(srv.Path("files/big.txt")))
		checkAnswer(t, style, resp, 200, bigFile)
		if resp.ContentLength != int64(len(bigFile)) {
			t.Errorf("%s: the length is %d; want %d", style, resp.ContentLength, len(bigFile))
		}
	}
	checkAnswer(t, "a part", srv.Get("/app"+sending(srv.Path("files/big.txt")), "Range", "bytes=1000000-2999999"), 206, bigFile[1000000:3000000])
}

// testSendFileForForm: a file answers a POST, too; conditions are about what the POST does.
func testSendFileForForm(t *testing.T, srv *httpdtest.Server) {
	body := strings.Repeat("form", 25<<10)
	for _, style := range styles {
		target := style + sending(srv.Path("files/data.txt"))
		for _, method := range []string{"POST", "PUT", "DELETE", "REPORT", "PLAY"} {
			resp := srv.Send(method, target, strings.NewReader(body), "If-None-Match", "*")
			checkAnswer(t, style+" "+method, resp, http.StatusOK, "some data\n")
			if resp.Header.Get("X-Own") != "yes" {
				t.Errorf("%s: %v; want X-Own", method, resp.Header)
			}
		}
		checkAnswer(t, style+" without a length", srv.Send("POST", target, io.MultiReader(strings.NewReader(body))), 200, "some data\n")
	}
	checkAnswer(t, "partly read", srv.Send("POST", "/app"+sending(srv.Path("files/data.txt"))+"&read=1000", strings.NewReader(body)), 200, "some data\n")
}

// testDownload: the example of docs/apache.md.
func testDownload(t *testing.T, srv *httpdtest.Server) {
	resp := srv.Get("/download/report.pdf")
	checkAnswer(t, "a file", resp, 200, "%PDF")
	if resp.Header.Get("Content-Type") != "application/pdf" || resp.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("the headers are %v", resp.Header)
	}
	for target, status := range map[string]int{"/download/missing": 404, "/download/leads-out.txt": 403} {
		resp := srv.Get(target)
		checkAnswer(t, target, resp, status, "there is no such download\n")
		if resp.Header.Get("Content-Disposition") != "" {
			t.Errorf("%s: %v", target, resp.Header)
		}
	}
}

// testServicesAtOnce: several goroutines ask, while the handler writes.
func testServicesAtOnce(t *testing.T, srv *httpdtest.Server) {
	resp := srv.Get("/app/busy?" + query("note", "note1", "setting", "colour", "tls", "SSL_CIPHER", "lookup", "/page.txt", "log", "8=not logged", "setvariable", "a=b"))
	if resp.StatusCode != 200 || len(resp.Text) != 200_000 {
		t.Errorf("%s, %d bytes; want 200000", resp.Status, len(resp.Text))
	}
}

// testServicesLater: when the handler has returned everything fails, and nothing crashes.
func testServicesLater(t *testing.T, srv *httpdtest.Server) {
	before := len(linesOf(srv, "later: "))
	for range 3 {
		checkAnswer(t, "later", srv.Get("/app/later?"+query("file", srv.Path("files/data.txt"), "note", "told", "setting", "colour",
			"tls", "SSL_CIPHER", "lookup", "/", "log", "5=later: 0 mistakes, logged")), 200, "later")
	}
	for _, line := range awaitLines(srv, "later: ", before+6)[before:] {
		if !strings.HasPrefix(line.Message, "later: 0 mistakes") {
			t.Error(line.Message)
		}
	}
}

// testServicesHijacked: a connection that was taken over is not httpd's to answer on.
func testServicesHijacked(t *testing.T, srv *httpdtest.Server) {
	if srv.Protocol().HTTP2() {
		return // there is none to take over
	}
	for _, step := range []string{"redirect=/page.txt", "send=" + srv.Path("files/data.txt")} {
		for _, headers := range []string{"", "Connection: Upgrade\r\nUpgrade: other\r\n"} {
			c := converse(t, srv)
			c.send("GET /app/hijack?" + query("do", step) + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n")
			checkAnswer(t, step, c.answer("GET"), 200, "taken over, refused: true")
			c.ends()
			c.Close()
		}
	}
}
