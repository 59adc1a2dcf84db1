// Package probe answers with what an http.Handler is told of its request, as JSON.
package probe

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/mod-go/mod-go/modgo"
)

// Report is the answer.
type Report struct {
	Method, Path, RawPath, RawQuery, RequestURI, Proto, Host, RemoteAddr string

	Header           http.Header
	ContentLength    int64
	TransferEncoding []string
	TLS              bool

	BodyLength int64
	BodySHA256 string
	BodyError  string

	Environ  map[string]string // each value as strconv.QuoteToASCII writes it: values need not be UTF-8
	Looked   map[string]string // what Lookup finds of the names in ?lookup=, written alike
	Disagree []string          // names for which Lookup says another thing than All
}

func application(w http.ResponseWriter, r *http.Request) {
	report := Report{
		Method: r.Method, Path: strconv.QuoteToASCII(r.URL.Path), RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery,
		RequestURI: r.RequestURI, Proto: r.Proto, Host: r.Host, RemoteAddr: r.RemoteAddr,
		Header: r.Header, ContentLength: r.ContentLength, TransferEncoding: r.TransferEncoding, TLS: r.TLS != nil,
		Environ: make(map[string]string), Looked: make(map[string]string),
	}
	env := modgo.FromContext(r.Context())
	for name, value := range env.All() {
		report.Environ[name] = strconv.QuoteToASCII(value)
		if found, ok := env.Lookup(name); !ok || found != value {
			report.Disagree = append(report.Disagree, name)
		}
	}
	for _, name := range r.URL.Query()["lookup"] {
		if value, ok := env.Lookup(name); ok {
			report.Looked[name] = strconv.QuoteToASCII(value)
		}
	}
	hash := sha256.New()
	n, err := io.Copy(hash, r.Body)
	report.BodyLength, report.BodySHA256 = n, hex.EncodeToString(hash.Sum(nil))
	if err != nil {
		report.BodyError = err.Error()
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(report)
}
