package middleware

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mod-go/mod-go/modgo"
)

// Access is one request and its response, as a LogFormat sees it.
type Access struct {
	Time     time.Time     // when the request came
	Duration time.Duration // from then to the end of the response

	Method   string // as the request had it, whatever became of REQUEST_METHOD since
	URI      string // as the client sent it, with its query
	Protocol string

	// Status is what the client was sent, as far as that can be known: 500 where the application failed before anything
	// was sent. It is 0 where the client got no status, because the connection was taken over or cut.
	Status int
	Bytes  int64 // of the body, as it was handed to the server; 0 for HEAD

	// Aborted says why the response is not whole, "" where it is.
	Aborted string

	// Env is the environment as the application left it, so that a REMOTE_USER that BasicAuth found is there.
	Env *modgo.Environ
}

// A LogFormat appends to line what is to be written about a, with its newline. Where it appends nothing, nothing is
// written. It may be called by many goroutines at once, and keeps neither line nor a.
type LogFormat func(line []byte, a *Access) []byte

// CombinedLog is Apache's Combined Log Format, byte for byte as httpd writes it:
//
//	%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"
func CombinedLog(line []byte, a *Access) []byte {
	host, ok := a.Env.Lookup("REMOTE_HOST")
	if !ok {
		host, ok = a.Env.Lookup("REMOTE_ADDR")
	}
	line = appendLogItem(line, host, ok)
	line = append(line, ' ')
	ident, ok := a.Env.Lookup("REMOTE_IDENT")
	line = appendLogItem(line, ident, ok)
	line = append(line, ' ')
	user, ok := a.Env.Lookup("REMOTE_USER")
	if ok && user == "" {
		line = append(line, `""`...)
	} else {
		line = appendLogItem(line, user, ok)
	}
	line = a.Time.AppendFormat(line, ` [02/Jan/2006:15:04:05 -0700] "`)
	line = appendLogItem(line, a.Method+" "+a.URI+" "+a.Protocol, true)
	line = append(line, `" `...)
	line = appendNumber(line, int64(a.Status))
	line = append(line, ' ')
	line = appendNumber(line, a.Bytes)
	for _, name := range [...]string{"HTTP_REFERER", "HTTP_USER_AGENT"} {
		line = append(line, ` "`...)
		value, ok := a.Env.Lookup(name)
		line = appendLogItem(line, value, ok)
		line = append(line, '"')
	}
	return append(line, '\n')
}

// appendNumber writes 0 as httpd does in its Common and Combined formats.
func appendNumber(line []byte, n int64) []byte {
	if n == 0 {
		return append(line, '-')
	}
	return strconv.AppendInt(line, n, 10)
}

// appendLogItem escapes as httpd does, so that no client can forge a line or a field, or steer the reader's terminal.
func appendLogItem(line []byte, item string, present bool) []byte {
	if !present {
		return append(line, '-')
	}
	const hex = "0123456789abcdef"
	for i := range len(item) {
		switch c := item[i]; c {
		case '\b':
			line = append(line, `\b`...)
		case '\n':
			line = append(line, `\n`...)
		case '\r':
			line = append(line, `\r`...)
		case '\t':
			line = append(line, `\t`...)
		case '\v':
			line = append(line, `\v`...)
		case '\\', '"':
			line = append(line, '\\', c)
		default:
			if c < ' ' || c > '~' {
				line = append(line, '\\', 'x', hex[c>>4], hex[c&15])
			} else {
				line = append(line, c)
			}
		}
	}
	return line
}

// JSONLog writes an object for each request, on a line of its own. Duration is in seconds. What the request does not have is
// left out, and so is the status where the client got none:
//
//	{"time":"2026-03-01T09:30:00.125+01:00","method":"GET","uri":"/shop?size=2","protocol":"HTTP/1.1","status":200,
//	"bytes":5120,"duration":0.0031,"remote":"192.0.2.7","user":"ada","referer":"https://example.org/",
//	"user_agent":"curl/8.5","request_id":"aaLmV38AAQEAAB","aborted":"..."}
//
// A byte that is not UTF-8, which no JSON string can hold, is written as \xNN.
func JSONLog(line []byte, a *Access) []byte {
	get := func(name string) string { return validText(a.Env.Get(name)) }
	text, err := json.Marshal(struct {
		Time      string  `json:"time"`
		Method    string  `json:"method"`
		URI       string  `json:"uri"`
		Protocol  string  `json:"protocol"`
		Status    int     `json:"status,omitempty"`
		Bytes     int64   `json:"bytes"`
		Duration  float64 `json:"duration"`
		Remote    string  `json:"remote,omitempty"`
		User      string  `json:"user,omitempty"`
		Referer   string  `json:"referer,omitempty"`
		UserAgent string  `json:"user_agent,omitempty"`
		RequestID string  `json:"request_id,omitempty"`
		Aborted   string  `json:"aborted,omitempty"`
	}{
		Time:      a.Time.Format("2006-01-02T15:04:05.000Z07:00"),
		Method:    validText(a.Method),
		URI:       validText(a.URI),
		Protocol:  validText(a.Protocol),
		Status:    a.Status,
		Bytes:     a.Bytes,
		Duration:  float64(a.Duration.Microseconds()) / 1e6,
		Remote:    get("REMOTE_ADDR"),
		User:      get("REMOTE_USER"),
		Referer:   get("HTTP_REFERER"),
		UserAgent: get("HTTP_USER_AGENT"),
		RequestID: get(RequestIDVariable),
		Aborted:   validText(a.Aborted),
	})
	if err != nil { // strings and numbers: there is nothing that JSON does not have
		return fmt.Appendf(line, "{\"error\":%q}\n", err)
	}
	return append(append(line, text...), '\n')
}

// validText is s with \xNN for each byte that is not UTF-8.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var valid strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&valid, `\x%02x`, s[0])
		} else {
			valid.WriteString(s[:size])
		}
		s = s[size:]
	}
	return valid.String()
}
