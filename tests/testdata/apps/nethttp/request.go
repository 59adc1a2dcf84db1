package nethttp

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"slices"
)

// Report is what /report sees of a request.
type Report struct {
	Method, RequestURI, Proto        string
	ProtoMajor, ProtoMinor           int
	Scheme, URLHost, Path, RawPath   string
	EscapedPath, RawQuery            string
	Header                           http.Header
	Host, RemoteAddr                 string
	ContentLength                    int64
	TransferEncoding                 []string
	Close                            bool
	Announced                        []string // names of the trailers, before the body is read
	Trailer                          http.Header
	BodyLength                       int64
	BodySum, BodyError               string // SHA-256 in hexadecimal
	TLS                              *TLS
	LocalAddr, LocalNet              string // of http.LocalAddrContextKey
	HasServer                        bool   // http.ServerContextKey
	Pattern, ID, Rest                string // PathValue of {id} and {rest...}
	UserAgent, Referer, User, Secret string
	Cookies                          []string
}

// TLS is what /report sees of Request.TLS.
type TLS struct {
	HandshakeComplete          bool
	DidResume                  bool
	Version, CipherSuite       string
	ServerName, Protocol       string
	PeerCertificates           []string // the subjects' common names, each with the issuer's
	VerifiedChains             [][]string
	FirstIsLeaf, DNSNamesThere bool
}

// routeRequests adds patterns as a router of Go 1.22 has them.
func routeRequests(mux *http.ServeMux) {
	mux.HandleFunc("/report", report)
	mux.HandleFunc("/report/", report)
	mux.HandleFunc("PUT /items/{id}", report)
	mux.HandleFunc("GET /items/{id}", report)
	mux.HandleFunc("/files/{id}/{rest...}", report)
	mux.HandleFunc("virtual.test/", report)
	mux.HandleFunc("/form", form)
	mux.HandleFunc("/multipart", parts)
}

func report(w http.ResponseWriter, r *http.Request) {
	seen := Report{
		Method: r.Method, RequestURI: r.RequestURI, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Scheme: r.URL.Scheme, URLHost: r.URL.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, EscapedPath: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery,
		Header: r.Header, Host: r.Host, RemoteAddr: r.RemoteAddr,
		ContentLength: r.ContentLength, TransferEncoding: r.TransferEncoding, Close: r.Close,
		Announced: slices.Sorted(maps.Keys(r.Trailer)),
		TLS:       tlsOf(r.TLS), Pattern: r.Pattern, ID: r.PathValue("id"), Rest: r.PathValue("rest"),
		UserAgent: r.UserAgent(), Referer: r.Referer(),
	}
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	if err != nil {
		seen.BodyError = err.Error()
	}
	seen.BodyLength, seen.BodySum, seen.Trailer = n, hex.EncodeToString(sum.Sum(nil)), r.Trailer
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		seen.LocalAddr, seen.LocalNet = local.String(), local.Network()
	}
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	seen.HasServer = ok && server != nil
	seen.User, seen.Secret, _ = r.BasicAuth()
	for _, cookie := range r.Cookies() {
		seen.Cookies = append(seen.Cookies, cookie.Name+"="+cookie.Value)
	}
	answer(w, seen)
}

func tlsOf(state *tls.ConnectionState) *TLS {
	if state == nil {
		return nil
	}
	seen := &TLS{
		HandshakeComplete: state.HandshakeComplete, DidResume: state.DidResume, Version: tls.VersionName(state.Version), CipherSuite: tls.CipherSuiteName(state.CipherSuite),
		ServerName: state.ServerName, Protocol: state.NegotiatedProtocol,
	}
	for _, certificate := range state.PeerCertificates {
		seen.PeerCertificates = append(seen.PeerCertificates, certificate.Subject.CommonName+" by "+certificate.Issuer.CommonName)
	}
	for _, chain := range state.VerifiedChains {
		var names []string
		for _, certificate := range chain {
			names = append(names, certificate.Subject.CommonName)
		}
		seen.VerifiedChains = append(seen.VerifiedChains, names)
	}
	if len(state.VerifiedChains) > 0 {
		leaf := state.VerifiedChains[0][0]
		seen.FirstIsLeaf = leaf.Equal(state.PeerCertificates[0])
		seen.DNSNamesThere = slices.Equal(leaf.DNSNames, []string{"client.test"}) // parsed, not just named
	}
	return seen
}

// Form is what /form sees by ParseMultipartForm, which ParseForm is part of, and what /multipart sees part by part.
type Form struct {
	Error          string
	Form, PostForm url.Values
	Value          string // FormValue("name")
	PostValue      string // PostFormValue("name")
	Files          []File
}

// File is a part of a multipart body.
type File struct {
	Field, Name, Type string
	Size              int64
	Sum               string // SHA-256 in hexadecimal
	OnDisk            bool
}

// memory is how much of a form's files is kept there; the rest is in temporary files.
const memory = 64 << 10

func form(w http.ResponseWriter, r *http.Request) {
	var seen Form
	if err := r.ParseMultipartForm(memory); err != nil {
		seen.Error = err.Error()
	}
	seen.Form, seen.PostForm, seen.Value, seen.PostValue = r.Form, r.PostForm, r.FormValue("name"), r.PostFormValue("name")
	if r.MultipartForm != nil {
		for _, field := range slices.Sorted(maps.Keys(r.MultipartForm.File)) {
			for _, header := range r.MultipartForm.File[field] {
				seen.Files = append(seen.Files, fileOf(field, header))
			}
		}
	}
	answer(w, seen)
}

func fileOf(field string, header *multipart.FileHeader) File {
	f, err := header.Open()
	must(err)
	defer f.Close()
	_, onDisk := f.(interface{ Fd() uintptr })
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	must(err)
	if size != header.Size {
		panic(fmt.Sprintf("the part %s has %d bytes, and says %d", field, size, header.Size))
	}
	return File{field, header.Filename, header.Header.Get("Content-Type"), size, hex.EncodeToString(sum.Sum(nil)), onDisk}
}

func parts(w http.ResponseWriter, r *http.Request) {
	var seen Form
	reader, err := r.MultipartReader()
	for err == nil {
		var part *multipart.Part
		if part, err = reader.NextPart(); err != nil {
			break
		}
		sum := sha256.New()
		var size int64
		size, err = io.Copy(sum, part)
		seen.Files = append(seen.Files, File{part.FormName(), part.FileName(), part.Header.Get("Content-Type"), size, hex.EncodeToString(sum.Sum(nil)), false})
	}
	if err != io.EOF {
		seen.Error = err.Error()
	}
	answer(w, seen)
}

func answer(w http.ResponseWriter, seen any) {
	w.Header().Set("Content-Type", "application/json")
	must(json.NewEncoder(w).Encode(seen))
}
