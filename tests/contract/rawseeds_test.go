package contract

import (
	"slices"
	"strings"
)

// line11 is an HTTP/1.1 request of a target.
func line11(target string, headers ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: example.org\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

func post11(headers, body string) string {
	return "POST /p HTTP/1.1\r\nHost: example.org\r\n" + headers + "\r\n\r\n" + body
}

// rawSeeds are the requests of TestRawRequests, and what FuzzRawRequest begins with.
var rawSeeds = func() (seeds []string) {
	for _, target := range rawTargets {
		seeds = append(seeds, line11(target))
	}
	for _, line := range rawRequestLines {
		seeds = append(seeds, line+"\r\nHost: example.org\r\n\r\n")
	}
	for _, host := range rawHosts {
		seeds = append(seeds, "GET /a HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	}
	for _, header := range rawHeaders {
		seeds = append(seeds, line11("/a", header))
	}
	for _, r := range rawBodies {
		seeds = append(seeds, post11(r.headers, r.body))
	}
	return append(seeds, rawRequests...)
}()

var rawTargets = []string{
	"/", "/a/b?c=d", "/?", "/a?b?c", "/a#b", "/a?b#c", "//", "//a//b", "/a//b/", "/a/./b", "/a/../b", "/../a", "/a/..", "/a/.", "/.a", "/..a",
	"/a/...", "/%41", "/%2e%2e/a", "/a%2Fb", "/a%2fb", "/a%5Cb", "/a\\b", "/a%00b", "/a%0Ab", "/a%20b", "/a%", "/a%4", "/a%zz", "/a%C3%A9", "/a%E9",
	"/é", "/\xe9", "/a?\xe9", "/a;b=c", "/a:b", "/a@b", "/a'b(c)*d,e", "/a[b]{c}|d^e`f\"g<h>", "/a?[b]{c}|d^e`f\"g<h>", "/a?b=%00", "/a?%zz", "/a\tb",
	"/a b", "/a\x01b", "/a\x7fb", "a", "a/b", "?a", "*", "", "http://example.org/a?b", "http://example.org", "http://example.org?a",
	"http://other.example:81/a", "HTTP://EXAMPLE.ORG/A", "https://example.org/a", "ftp://example.org/a", "http:/a", "http://a:70000/", "http://A.:81?", "http:///a",
	"http://user:pw@example.org/a", "example.org:80", "//example.org/a", "/a+b?c+d", "/~user", "/%7Euser", "/%25%34%31", "/a%252Fb", "/a/%2e/b",
	"/a/b%2F..", "/" + strings.Repeat("a", 4000), "/" + strings.Repeat("a", 9000), "/?" + strings.Repeat("a", 9000),
}

var rawRequestLines = []string{
	"HEAD /a HTTP/1.1", "POST /a HTTP/1.1", "get /a HTTP/1.1", "BREW /a HTTP/1.1", "OPTIONS * HTTP/1.1", "OPTIONS /a HTTP/1.1", "TRACE /a HTTP/1.1",
	"CONNECT example.org:80 HTTP/1.1", "CONNECT /a HTTP/1.1", "G@T /a HTTP/1.1", "G\"T /a HTTP/1.1", " GET /a HTTP/1.1", "GET  /a HTTP/1.1",
	"GET /a  HTTP/1.1", "GET /a HTTP/1.1 ", "GET\t/a\tHTTP/1.1", "/a HTTP/1.1", "GET /a", "GET", "PRI * HTTP/2.0",
	strings.Repeat("M", 100) + " /a HTTP/1.1", "GET /a HTTP/1.0", "GET /a HTTP/1.2", "GET /a HTTP/1.9", "GET /a HTTP/2.0", "GET /a HTTP/0.9",
	"GET /a HTTP/1", "GET /a HTTP/1.10", "GET /a HTTP/01.1", "GET /a http/1.1", "GET /a HTTPS/1.1", "GET /a HTTP/1.1x", "GET /a HTTP/-1.1",
	"GET /a HTTP/3.0",
}

var rawHosts = []string{
	"", "a b", "a/b", "A.EXAMPLE", "a.", "a..b", ".a", "a:b", "a:", "a:0", "a:99999", "a:81", "a:081", "[::1]", "[::1]:81", "::1", "[::1", "<script>", "a&b",
	"a@b", "\xe9", "a_b", "a%41", "192.0.2.1", "1.2.3.4.5", "a.0",
}

var rawHeaders = []string{
	"X: a", "X:", "X:  a  b  ", "X:\ta\t", "X : a", "X\t: a", " X: a", "X: a\r\n b", "X: a\r\n\tb", "X: a\r\n ", "X", ": a", ":", "X Y: a", "X/Y: a",
	"X(Y): a", "X_Y: a", "X.Y: a", "X\x00: a", "X\xe9: a", "X: \x00", "X: a\x01b", "X: a\x7fb", "X: a\x0bb", "X: a\rb", "X: a\nY: b", "X: \xe9\xff",
	"X: é", "X: a\r\nX: b", "x: a\r\nX: b", "X: a,\r\nX: ,b", "X:\r\nX: b", "X: a\r\nX:", "X: " + strings.Repeat("a", 8000),
	"X: " + strings.Repeat("a", 9000), "Cookie: a=1\r\nCookie: b=2", "Cookie: a=1; b=\"2\"", "Authorization: Basic YTpi",
	"Proxy-Authorization: Basic YTpi", "Proxy: a", "Authorization: a\r\nAuthorization: b", "Referer: a", "Content-Type: a",
	"Content-Type: a\r\nContent-Type: b", "Content-Type:", "User-Agent: a", "Accept: a\r\nAccept: b", "Range: bytes=0-1", "If-None-Match: *",
	"If-Modified-Since: x", "If-Match: \"a\"", "Connection: close", "Connection: keep-alive, X\r\nX: a", "Connection: Upgrade\r\nUpgrade: h2c",
	"Upgrade: websocket", "TE: trailers", "Keep-Alive: 5", "Trailer: X", "Via: 1.0 x", "Expect: 100-continue", "Expect: x",
	"Transfer-Encoding: identity", "Transfer-Encoding:", "Content-Length: 0", "HTTP-X: a\r\nHttp: b", "Max-Forwards: 0",
	"Request-Method: a\r\nPath-Info: b", "X-", "-X: a", "X-: a", "X--Y: a", "0: a", "Content-Length-: 5", "!: a",
}

var rawBodies = []struct{ headers, body string }{
	{"Content-Length: 5", "hello"}, {"Content-Length: 5", "hel"}, {"Content-Length: 3", "hello"}, {"Content-Length: 0", ""}, {"X: a", "hello"},
	{"Content-Length: +5", "hello"}, {"Content-Length: -5", "hello"}, {"Content-Length: 5x", "hello"}, {"Content-Length: 0x5", "hello"},
	{"Content-Length: 05", "hello"}, {"Content-Length: 5, 5", "hello"}, {"Content-Length: 5\r\nContent-Length: 5", "hello"},
	{"Content-Length: 5\r\nContent-Length: 6", "hello!"}, {"Content-Length:", "hello"}, {"Content-Length: 99999999999999999999", "hello"},
	{"Content-Length: 9223372036854775807", "hello"}, {"Content-Length: 5 ", "hello"}, {"Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"},
	{"Transfer-Encoding: CHUNKED", "5\r\nhello\r\n0\r\n\r\n"}, {"Transfer-Encoding: chunked, chunked", "5\r\nhello\r\n0\r\n\r\n"},
	{"Transfer-Encoding: gzip, chunked", "5\r\nhello\r\n0\r\n\r\n"}, {"Transfer-Encoding: chunked, gzip", "5\r\nhello\r\n0\r\n\r\n"},
	{"Transfer-Encoding: xchunked", "5\r\nhello\r\n0\r\n\r\n"}, {"Transfer-Encoding: \"chunked\"", "5\r\nhello\r\n0\r\n\r\n"},
	{"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"},
	{"Transfer-Encoding: chunked\r\nContent-Length: 3", "5\r\nhello\r\n0\r\n\r\n"}, {"Transfer-Encoding: identity\r\nContent-Length: 5", "hello"},
	{"Transfer-Encoding:\r\nContent-Length: 5", "hello"}, {"Transfer-Encoding: chunked", "5;x=y\r\nhello\r\n0\r\n\r\n"},
	{"Transfer-Encoding: chunked", "5 \r\nhello\r\n0\r\n\r\n"}, {"Transfer-Encoding: chunked", "0x5\r\nhello\r\n0\r\n\r\n"},
	{"Transfer-Encoding: chunked", "-5\r\nhello\r\n0\r\n\r\n"}, {"Transfer-Encoding: chunked", "5\nhello\n0\n\n"},
	{"Transfer-Encoding: chunked", "5\r\nhelloX\r\n0\r\n\r\n"}, {"Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\nX: a\r\n\r\n"},
	{"Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\nX: a\n\r\n\r\n"}, {"Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\nX_\x01: a\r\n\r\n"}, {"Transfer-Encoding: chunked", "5\r\nhello\r\n"},
	{"Transfer-Encoding: chunked", "zz\r\nhello\r\n"}, {"Transfer-Encoding: chunked", "fffffffffffffffff\r\nhello\r\n"},
	{"Transfer-Encoding: chunked", "\r\nhello\r\n"}, {"Transfer-Encoding: chunked", ""}, {"Transfer-Encoding: chunked", "0\r\n\r\n"},
	{"Expect: 100-continue\r\nContent-Length: 5", "hello"}, {"Expect: 100-Continue\r\nContent-Length: 5", "hello"},
	{"Expect: x\r\nContent-Length: 5", "hello"},
}

// rawRequests are whole ones, and more than one.
var rawRequests = []string{
	"GET http://a/b HTTP/1.1\r\nHost: \"\r\n\r\n", "CONNECT :0 HTTP/1.0\r\nHost:\r\n\r\n", "GET /a HTTP/1.0\r\n\r\n", "GET /a\r\n\r\n", "GET /a\r\n",
	"\r\n" + line11("/a"), "\r\n\r\n" + line11("/a"), "\n" + line11("/a"), " \r\n" + line11("/a"), "GET /a HTTP/1.1\nHost: example.org\n\n",
	"GET /a HTTP/1.1\r\nHost: example.org\n\r\n", "GET /a HTTP/1.1\rHost: example.org\r\r", "", "\r\n", "\x00", "\x16\x03\x01\x00\x05hello",
	"GET /a HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1\r\nHost:\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	"GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET /a HTTP/1.0\r\nHost: a/b\r\n\r\n", "GET /a HTTP/1.0\r\nHost: a:81\r\n\r\n",
	"GET /a HTTP/1.1\r\nhOST: a\r\n\r\n", "GET /a HTTP/1.0\r\nHost:0\r\n\r\n",
	line11("/a", slices.Repeat([]string{"X: a"}, 99)...),
	line11("/a", slices.Repeat([]string{"X: a"}, 120)...),
	strings.Replace(post11("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"), "HTTP/1.1", "HTTP/1.0", 1),
	strings.Replace(post11("Content-Length: 5", "hello"), "HTTP/1.1", "HTTP/1.0", 1),
	strings.Replace(post11("Content-Length: 5", "hello"), "POST", "GET", 1), strings.Replace(post11("Content-Length: 5", "hello"), "POST", "HEAD", 1),
	strings.Replace(post11("Content-Length: 5", "hello"), "POST", "OPTIONS", 1), line11("/a") + line11("/b"),
	post11("Content-Length: 5", "hello") + line11("/b"), post11("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n") + line11("/b"),
	line11("/a") + "junk", line11("/a", "Connection: close") + line11("/b"),
	"GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n" + line11("/b"), "GET /a HTTP/1.0\r\nConnection: k\r\n\r\n" + line11("/b"),
	line11("/a", "Expect: x 100-continue"),
	line11("/a") + "\r\n" + line11("/b"), line11("/a") + "\n" + line11("/b"), line11("/a", "Connection: c") + line11("/b"),
}
