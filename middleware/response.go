package middleware

import (
	"io"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/internal/httpfield"
	"github.com/mod-go/mod-go/modgo"
)

// statusOf is the number of a status that startResponse has checked.
func statusOf(status string) int {
	code, _, _ := strings.Cut(status, " ")
	n, _ := strconv.Atoi(code)
	return n
}

// page is a short page of a middleware's own, and its headers. Where text is "" it is the reason in status.
func page(status, text string) (modgo.Headers, []byte) {
	if text == "" {
		_, text, _ = strings.Cut(status, " ")
	}
	block := []byte(text + "\n")
	return modgo.Headers{
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Length", strconv.Itoa(len(block))},
	}, block
}

// answer answers a request with a page, and more headers than that has.
func answer(start modgo.StartResponse, status, text string, more ...[2]string) modgo.Body {
	headers, block := page(status, text)
	start(status, append(headers, more...))
	return modgo.Bytes(block)
}

// withHeader is start with a header added, unless the application has set it.
func withHeader(start modgo.StartResponse, name, value string) modgo.StartResponse {
	return func(status string, headers modgo.Headers, cause ...error) io.Writer {
		if _, set := httpfield.Get(headers, name); !set {
			// The application may use its headers again, for another request.
			headers = append(headers[:len(headers):len(headers)], [2]string{name, value})
		}
		return start(status, headers, cause...)
	}
}

// varying is headers with a Vary that names the request's header name.
func varying(headers modgo.Headers, name string) modgo.Headers {
	for _, h := range headers {
		if httpfield.EqualFold(h[0], "Vary") && (hasElement(h[1], name) || hasElement(h[1], "*")) {
			return headers
		}
	}
	return append(headers[:len(headers):len(headers)], [2]string{"Vary", name})
}

// hasElement tells whether an element is in a list, in whatever case.
func hasElement(list, element string) bool {
	for e := range httpfield.Elements(list) {
		if httpfield.EqualFold(e, element) {
			return true
		}
	}
	return false
}

// ownMeans tells whether the server sends the body by means of its own, which a wrapper would take from it. Such a body
// makes no blocks while it is sent.
func ownMeans(body modgo.Body) bool { return modgo.KindOf(body) != modgo.Iterated }

// discard begins the iteration of a body that will not be sent, for its clean-up's sake.
func discard(body modgo.Body) {
	if body == nil {
		return
	}
	for range body {
		return
	}
}
