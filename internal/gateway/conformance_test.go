package gateway_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/internal/gateway/gatewaytest"
)

// exchange is a response as its client sees it, and what the handler learned while it made it.
type exchange struct {
	Interim []string // informational responses: status and headers
	Status  int
	Header  http.Header
	Body    string
	Notes   []string
	Aborted bool // the client can tell that the response is not whole
}

// TestAsNetHTTP runs each script on net/http's server and on a ResponseWriter.
func TestAsNetHTTP(t *testing.T) {
	captureLog(t)
	for _, method := range []string{"GET", "HEAD"} {
		for _, name := range slices.Sorted(maps.Keys(scripts)) {
			if method == "HEAD" && (name == "invalid Content-Length" || name == "negative Content-Length") {
				continue // net/http sends it, and its own client refuses the response
			}
			t.Run(method+" "+name, func(t *testing.T) {
				want, got := onNetHTTP(t, method, scripts[name]), onGateway(t, method, scripts[name])
				for _, x := range []*exchange{want, got} {
					x.settle(method)
				}
				if got.Status == 0 && got.Aborted && want.Aborted {
					// Nothing has been sent: the server answers with 500, where net/http sends what there is and closes.
					want = &exchange{Header: http.Header{}, Notes: want.Notes, Aborted: true}
				}
				if fmt.Sprintf("%+v", *want) != fmt.Sprintf("%+v", *got) {
					t.Errorf("net/http: %.1500s\ngateway:  %.1500s", fmt.Sprintf("%+v", *want), fmt.Sprintf("%+v", *got))
				}
			})
		}
	}
}

// settle leaves out what is the server's part of a response: it comes from httpd, behind the Transport.
func (x *exchange) settle(method string) {
	for _, name := range []string{"Date", "Transfer-Encoding", "Connection"} {
		x.Header.Del(name)
	}
	if x.Status == 204 || x.Status == 304 {
		x.Header.Del("Content-Length")
		x.Header.Del("Content-Type")
	}
	if method == "HEAD" {
		x.Body = ""
	}
}

// ownLength is where a script's handler says of its Content-Length, for responses that are compared without the one that
// a server computes.
const ownLength = "X-Own-Length"

func (s script) serve(w http.ResponseWriter, note func(...any)) {
	s(&marking{ResponseWriter: w}, note)
}

// marking notes in the head whether the handler set Content-Length, as far as it is valid.
type marking struct{ http.ResponseWriter }

func (m *marking) mark() {
	length := m.Header().Get("Content-Length")
	if n, err := strconv.Atoi(length); err == nil && n >= 0 {
		m.Header().Set(ownLength, length)
	}
}

func (m *marking) WriteHeader(status int) {
	m.mark()
	m.ResponseWriter.WriteHeader(status)
}

func (m *marking) Write(block []byte) (int, error) {
	m.mark()
	return m.ResponseWriter.Write(block)
}

func (m *marking) WriteString(block string) (int, error) {
	m.mark()
	return io.WriteString(m.ResponseWriter, block)
}

func (m *marking) Flush() { _ = m.FlushError() }

func (m *marking) FlushError() error {
	m.mark()
	return http.NewResponseController(m.ResponseWriter).Flush()
}

func onNetHTTP(t *testing.T, method string, s script) *exchange {
	x := new(exchange)
	handled := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer close(handled)
		s.serve(w, x.note)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	defer server.Close()

	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		x.Interim = append(x.Interim, fmt.Sprint(code, http.Header(header)))
		return nil
	}}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), method, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Transport.RoundTrip(r) // no redirects
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	<-handled
	x.Status, x.Header, x.Body, x.Aborted = resp.StatusCode, resp.Header, string(body), err != nil
	x.dropComputedLength()
	return x
}

func onGateway(t *testing.T, method string, s script) *exchange {
	x := &exchange{Header: http.Header{}}
	var transport gatewaytest.Transport
	w := &gateway.ResponseWriter{Transport: &transport, Head: method == "HEAD"}
	s.serve(w, x.note)
	status, err := w.Finish()
	x.Aborted = err != nil
	if status != 0 {
		t.Errorf("the error document of %d is asked for, without there being one", status)
	}
	ended := false
	for i, call := range transport.Calls {
		if call.Leave {
			continue
		}
		if ended {
			t.Errorf("call %d comes after the end", i)
		}
		ended = call.Flags&gateway.End != 0
		header := http.Header{}
		for _, h := range call.Headers {
			header.Add(h[0], strings.Trim(h[1], " \t")) // as a client reads it
		}
		code, _, _ := strings.Cut(call.Status, " ")
		if call.Flags&gateway.Interim != 0 {
			x.Interim = append(x.Interim, fmt.Sprint(code, " ", header))
			continue
		}
		if call.Status != "" {
			if x.Status != 0 {
				t.Errorf("call %d has a second head", i)
			}
			x.Status, _ = strconv.Atoi(code)
			x.Header = header
		}
		x.Body += call.Body
	}
	if ended == x.Aborted {
		t.Errorf("ended %v, and Finish returned %v", ended, err)
	}
	if x.Status == 0 { // nothing was sent: the server can still answer with 500
		return x
	}
	x.dropComputedLength()
	return x
}

func (x *exchange) note(v ...any) { x.Notes = append(x.Notes, fmt.Sprint(v...)) }

func (x *exchange) dropComputedLength() {
	if x.Header.Get(ownLength) == "" {
		x.Header.Del("Content-Length")
	}
	x.Header.Del(ownLength)
}

// captureLog keeps what is logged from the test's output; the result is what was logged so far.
func captureLog(t *testing.T) *bytes.Buffer {
	var b bytes.Buffer
	before := log.Writer()
	log.SetOutput(&b)
	t.Cleanup(func() { log.SetOutput(before) })
	return &b
}
