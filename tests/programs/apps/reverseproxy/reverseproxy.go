// Package reverseproxy hands every request on to another server, as net/http/httputil documents it.
package reverseproxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

// Upstream is the environment variable with the URL of the other server.
const Upstream = "REVERSEPROXY_UPSTREAM"

// Application makes the proxy. It fails without the URL of a server in the environment.
func Application() (http.Handler, error) {
	value := os.Getenv(Upstream)
	if value == "" {
		return nil, errors.New(Upstream + " is not set: it has to be the URL of the server that answers, for example http://127.0.0.1:8080")
	}
	target, err := url.Parse(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Upstream, err)
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
		FlushInterval: -1, // what comes is sent at once
	}, nil
}
