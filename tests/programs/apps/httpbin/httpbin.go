// Package httpbin is go-httpbin, a service that answers nearly everything that HTTP has, whole and unchanged.
package httpbin

import (
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

// Application is go-httpbin as its documentation mounts it.
var Application http.Handler = httpbin.New()

// The instances that go-httpbin's own tests ask for, each by the options that it differs in.
var (
	Plain     = instance()
	Prefixed  = instance(httpbin.WithPrefix("/test-prefix"))
	Excluding = instance(httpbin.WithExcludeHeaders("x-ignore-*,x-info-this-key"))
	Dangerous = instance(httpbin.WithUnsafeAllowDangerousResponses())
	Limited   = instance(httpbin.WithAllowedRedirectDomains([]string{"httpbingo.org", "example.org", "www.example.com"}))
	Hostname  = instance(httpbin.WithHostname("real-hostname"))
	Versioned = instance(httpbin.WithVersion("go-httpbin", "1.2.3", "abc123", "1988-11-12", "go1.22.0"))
)

// instance has the limits and defaults of go-httpbin's own tests: short times and small bodies.
func instance(options ...httpbin.OptionFunc) http.Handler {
	return httpbin.New(append([]httpbin.OptionFunc{
		httpbin.WithDefaultParams(httpbin.DefaultParams{
			DripDuration: 100 * time.Millisecond, DripNumBytes: 10,
			SSECount: 10, SSEDuration: 100 * time.Millisecond,
			JSONLCount: 10,
		}),
		httpbin.WithMaxBodySize(1024),
		httpbin.WithMaxDuration(time.Second),
		httpbin.WithObserver(httpbin.StdLogObserver(slog.New(slog.NewTextHandler(io.Discard, nil)))),
	}, options...)...)
}
