package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/mod-go/mod-go/bench/internal/site"
)

// Workload is one kind of request with what its response has to be.
type Workload struct {
	Name   string // as in the tables
	Method string
	Path   string
	Header [][2]string
	Body   []byte

	// Check says what is wrong with the body of a response.
	Check func(body []byte) error
	// Connections is how many it is measured over unless a table says otherwise: fewer where a request is so large that
	// those under way at the end of a round would count.
	Connections int
	// LengthVaries tells that responses of one peer need not be of one length: their chunks depend on time.
	LengthVaries bool
}

const (
	kilobyte = 1 << 10
	megabyte = 1 << 20

	smallBody = 64 * kilobyte
	largeBody = 10 * megabyte
)

// The connections of a workload: those of the ratios, and those of large bodies.
const (
	usualConnections = 32
	fewConnections   = 4
)

// How long a load generator runs for one sample. wrk takes no notice of an interrupt in its first half second.
const (
	shortRound = 600 * time.Millisecond
	longRound  = time.Second // where a request is so large that it takes a good part of a short one
)

func (w Workload) roundLength() time.Duration {
	if len(w.Body) >= megabyte {
		return longRound
	}
	return shortRound
}

// The workloads.
var (
	Hello       = Workload{Name: "hello", Method: http.MethodGet, Path: "/hello", Check: is([]byte(site.HelloBody)), Connections: usualConnections}
	Headers     = Workload{Name: "30 request headers, 12 response headers", Method: http.MethodGet, Path: "/headers", Header: site.RequestHeaders, Check: is([]byte(echoedValue())), Connections: usualConnections}
	JSON        = Workload{Name: "JSON echo, 1 KB", Method: http.MethodPost, Path: "/echo", Header: [][2]string{{"Content-Type", "application/json"}}, Body: site.Sample(), Check: isDocument, Connections: usualConnections}
	MemorySmall = memoryOf(smallBody, usualConnections)
	MemoryLarge = memoryOf(largeBody, fewConnections)
	FileSmall   = fileOf(smallBody, usualConnections)
	FileLarge   = fileOf(largeBody, fewConnections)
	Upload      = Workload{Name: "10 MB upload", Method: http.MethodPost, Path: "/upload", Header: [][2]string{{"Content-Type", "application/octet-stream"}}, Body: bytes.Repeat([]byte("u"), largeBody), Check: is([]byte(strconv.Itoa(largeBody))), Connections: fewConnections}
	Flushes     = Workload{Name: "1,000 small flushes", Method: http.MethodGet, Path: "/flushes", Check: is(bytes.Repeat([]byte(site.FlushBlock), site.FlushCount)), Connections: fewConnections, LengthVaries: true}
)

func memoryOf(size, connections int) Workload {
	return Workload{
		Name: sizeName(size) + " from memory", Method: http.MethodGet, Path: "/memory/" + strconv.Itoa(size),
		Check: is(bytes.Repeat([]byte("m"), size)), Connections: connections,
	}
}

func fileOf(size, connections int) Workload {
	return Workload{
		Name: sizeName(size) + " from a file", Method: http.MethodGet, Path: "/file/" + strconv.Itoa(size),
		Check: is(fileContent(size)), Connections: connections,
	}
}

func sizeName(size int) string {
	if size >= megabyte {
		return fmt.Sprintf("%d MB", size/megabyte)
	}
	return fmt.Sprintf("%d KB", size/kilobyte)
}

// fileContent is that of the file of a size.
func fileContent(size int) []byte { return bytes.Repeat([]byte("f"), size) }

// headersOf is Hello with so many headers in the request, Host among them: the first of Headers', and of the
// organisation's own where they are not enough.
func headersOf(n int) Workload {
	w := Hello
	w.Name = fmt.Sprintf("hello, %d request headers", n)
	for i := range n - 1 {
		if i < len(site.RequestHeaders) {
			w.Header = append(w.Header, site.RequestHeaders[i])
		} else {
			w.Header = append(w.Header, [2]string{fmt.Sprintf("X-Request-%d", i), fmt.Sprintf("the value of header %d", i)})
		}
	}
	return w
}

func echoedValue() string {
	for _, h := range site.RequestHeaders {
		if h[0] == site.EchoedHeader {
			return h[1]
		}
	}
	panic(site.EchoedHeader + " is none of the request's headers")
}

// is checks for a body byte for byte.
func is(want []byte) func([]byte) error {
	return func(body []byte) error {
		if !bytes.Equal(body, want) {
			return fmt.Errorf("the body is %d bytes, %.60q; want %d bytes, %.60q", len(body), body, len(want), want)
		}
		return nil
	}
}

// isDocument checks for the document that was sent: languages differ in how they write JSON.
func isDocument(body []byte) error {
	var got, want site.Document
	if err := json.Unmarshal(body, &got); err != nil {
		return fmt.Errorf("the body %.60q is no such document: %w", body, err)
	}
	if err := json.Unmarshal(site.Sample(), &want); err != nil {
		return err
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("the document came back as %+v; want %+v", got, want)
	}
	return nil
}
