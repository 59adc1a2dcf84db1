package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// response is what a probe has seen.
type response struct {
	first  int // bytes of head and body as they came, for the first request on a connection: it may be offered another protocol
	length int // the same for those after it
	body   int // bytes of the body
}

// probeLimit is how long one request may take.
const probeLimit = 30 * time.Second

// probe makes one request as the load generator will, and checks the response byte for byte.
func probe(t testing.TB, in *Instance, w Workload, l Load) (response, error) {
	var r response
	var err error
	if l.Protocol.HTTP2() {
		r, err = probeHTTP2(t, in, w, l)
	} else {
		r, err = probeHTTP1(t, in, w, l)
	}
	if err != nil {
		return r, fmt.Errorf("%s %s of %s: %w", w.Method, w.Path, in.Peer.Title, err)
	}
	return r, nil
}

// probeHTTP1 writes the request itself, so that the length of the response is that of the load generator's.
func probeHTTP1(t testing.TB, in *Instance, w Workload, l Load) (response, error) {
	conn, err := in.dial(t, l.Protocol)
	if err != nil {
		return response{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(probeLimit)); err != nil {
		return response{}, err
	}
	var request bytes.Buffer
	fmt.Fprintf(&request, "%s %s HTTP/1.1\r\nHost: %s\r\n", w.Method, w.Path, in.addr(l.Protocol))
	for _, h := range w.Header {
		fmt.Fprintf(&request, "%s: %s\r\n", h[0], h[1])
	}
	if l.Close {
		request.WriteString("Connection: close\r\n")
	}
	if w.Body != nil {
		request.WriteString("Content-Length: " + strconv.Itoa(len(w.Body)) + "\r\n")
	}
	request.WriteString("\r\n")
	request.Write(w.Body)
	var seen bytes.Buffer
	reader := bufio.NewReader(io.TeeReader(conn, &seen))
	exchange := func() (r response, err error) {
		seen.Reset()
		if _, err := conn.Write(request.Bytes()); err != nil {
			return r, err
		}
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			return r, err
		}
		r, err = checked(resp, w)
		r.first, r.length = seen.Len(), seen.Len()
		return r, err
	}
	first, err := exchange()
	if err != nil || l.Close {
		return first, err
	}
	r, err := exchange()
	r.first = first.first
	return r, err
}

// checked reads a response and says what is wrong with it.
func checked(resp *http.Response, w Workload) (response, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return response{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return response{}, fmt.Errorf("status %s, %.300s", resp.Status, body)
	}
	return response{body: len(body)}, w.Check(body)
}

func probeHTTP2(t testing.TB, in *Instance, w Workload, l Load) (response, error) {
	resp, err := send(t.Context(), in.srv.Over(l.Protocol).Client(), in.url(l.Protocol), w)
	if err != nil {
		return response{}, err
	}
	if !strings.HasPrefix(resp.Proto, "HTTP/2") {
		return response{}, fmt.Errorf("the protocol is %s; want HTTP/2", resp.Proto)
	}
	return checked(resp, w)
}

// send makes the request of a workload through a client.
func send(ctx context.Context, client *http.Client, url string, w Workload) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, w.Method, url+w.Path, bytes.NewReader(w.Body))
	if err != nil {
		return nil, err
	}
	for _, h := range w.Header {
		req.Header.Set(h[0], h[1])
	}
	return client.Do(req)
}

// dial opens a connection over a protocol of HTTP/1.1.
func (in *Instance) dial(t testing.TB, protocol httpdtest.Protocol) (net.Conn, error) {
	if in.srv != nil {
		return in.srv.In(t).Over(protocol).Dial(t), nil
	}
	return net.Dial("tcp", in.addr(protocol))
}
