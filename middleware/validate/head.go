package validate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/internal/httpfield"
	"github.com/mod-go/mod-go/modgo"
)

// A headProblem is what is wrong with the status or the headers of a response.
type headProblem struct {
	clause string
	raised bool // the server must raise it in startResponse
	text   string
}

// checkHead checks what an application gives to startResponse. The status is 0 and the length -1 where they are not
// known.
func checkHead(status string, headers modgo.Headers) (code int, length int64, problems []headProblem) {
	found := func(clause string, raised bool, format string, args ...any) {
		problems = append(problems, headProblem{clause, raised, fmt.Sprintf(format, args...)})
	}
	code, err := strconv.Atoi(status[:min(3, len(status))])
	switch {
	case err != nil || len(status) < 3 || len(status) > 3 && status[3] != ' ' || code < 100 || !httpfield.ValidValue(status):
		found("C31", true, "the status %q is not of the form \"200 OK\"", status)
		code = 0
	case code < 200:
		found("C31", true, "the status %q is that of an interim response; the client would wait for a final one", status)
	case len(status) == 3:
		found("V10", false, "the status %q lacks a space and the reason", status)
	}
	length = -1
	counts := make(map[string]int, len(headers))
	for _, h := range headers {
		name, value := h[0], h[1]
		switch {
		case !httpfield.ValidName(name):
			found("C31", true, "%q is no name for a header", name)
			continue
		case !httpfield.ValidValue(value):
			found("C31", true, "the header %s has a control character in its value %q", name, value)
		case httpfield.HopByHop(name):
			found("C30", true, "the header %s belongs to the connection, which is the server's", name)
		}
		lower := strings.ToLower(name)
		counts[lower]++
		if lower == "content-length" {
			length = checkLength(value, length, found)
		}
	}
	refused := len(problems) > 0 && problems[0].raised // a Content-Length that contradicts another is enough
	for name, n := range counts {
		if n > 1 && single(name) && !refused {
			found("V10", false, "the header %s was given %d times; a response has one", canonical(name), n)
		}
	}
	if counts["content-type"] > 0 && (code == 204 || code == 304) {
		found("V10", false, "a response of status %d has no body, and yet a Content-Type", code)
	}
	return code, length, problems
}

func checkLength(value string, length int64, found func(string, bool, string, ...any)) int64 {
	size, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil || !digits(value):
		found("C31", true, "the Content-Length %q is no number of bytes", value)
		return length
	case length >= 0 && size != length:
		found("C31", true, "the Content-Length is both %d and %d", length, size)
	}
	return size
}

// single tells whether a header, in lower case, stands once in a response: its value is no list (RFC 9110 section 5.3).
func single(name string) bool {
	switch name {
	case "age", "content-length", "content-location", "content-range", "content-type", "date", "etag", "expires",
		"last-modified", "location", "retry-after", "server":
		return true
	}
	return false
}

// canonical is a name of single as it is written.
func canonical(name string) string {
	if name == "etag" {
		return "ETag"
	}
	words := strings.Split(name, "-")
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "-")
}
