package limits

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

const (
	// leastRatio is the least share of a C handler's requests for each second of CPU time that hello must reach.
	leastRatio  = 0.70
	rounds      = 7
	connections = 32
	perRound    = 40000 // requests
)

// TestThroughput compares CPU time for a request: hello through the module, as an http.Handler and in the WSGI style,
// against a C handler in the same httpd that answers the same, in interleaved rounds.
func TestThroughput(t *testing.T) {
	limit := filepath.Join(t.TempDir(), "mod_climit.so")
	httpdtest.CompileModule(t, "testdata/mod_climit.c", limit)
	srv := httpdtest.Start(t, httpdtest.Config{
		// More threads than connections: when none is idle, the event MPM closes connections that are kept alive.
		MPM: "event", Processes: 2, Threads: 2 * connections, Packages: []string{"./apps/hello", "./tests/testdata/apps/hellohandler"},
		// All three through <Location>, so that httpd does the same for each before the handler.
		// The bridge alone is compared: without what the module saves httpd between two requests.
		Conf: "LoadModule climit_module " + limit + `
			GoKeepAliveWait off
			<Location />
			Require all granted
			</Location>
			<Location /c>
			SetHandler c-limit
			</Location>
			<Location /wsgi>
			SetHandler go-application
			GoApplication github.com/mod-go/mod-go/apps/hello
			</Location>
			<Location /handler>
			SetHandler go-application
			GoApplication ` + appsPath + `hellohandler
			</Location>
			MaxKeepAliveRequests 0`,
	})
	costs := make(map[string][]float64)
	paths := []string{"/c", "/wsgi", "/handler"}
	for _, path := range paths {
		drive(t, srv, path, perRound/10) // warm
	}
	for range rounds {
		for _, path := range paths {
			before := cpu(srv)
			drive(t, srv, path, perRound)
			costs[path] = append(costs[path], (cpu(srv)-before)/perRound)
		}
	}
	record(t, "hello by a C handler: CPU time for a request", fmt.Sprintf("%.1f us", median(costs["/c"])), "-")
	for i, name := range []string{"an Application", "an http.Handler"} {
		cost := costs[paths[i+1]]
		record(t, "hello by "+name+": CPU time for a request", fmt.Sprintf("%.1f us", median(cost)), "-")
		ratio := median(ratios(costs["/c"], cost))
		record(t, "C handler / "+name, fmt.Sprintf("%.2f", ratio), fmt.Sprintf("at least %.2f", leastRatio))
		if ratio < leastRatio {
			t.Errorf("%s: %.2f of the C handler's requests for the same CPU time; want %.2f", name, ratio, leastRatio)
		}
	}
}

// ratios are those of two series round by round: of neighbours in time, whatever else the machine does.
func ratios(of, to []float64) []float64 {
	result := make([]float64, len(of))
	for i := range result {
		result[i] = of[i] / to[i]
	}
	return result
}

func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// cpu is the CPU time that the children have used, in microseconds.
func cpu(srv *httpdtest.Server) float64 {
	var used time.Duration
	for _, child := range srv.ChildPIDs() {
		used += srv.CPUTime(child)
	}
	return float64(used.Microseconds())
}

// drive sends requests over connections that are kept alive.
func drive(t *testing.T, srv *httpdtest.Server, path string, requests int) {
	t.Helper()
	failures := make(chan error, connections)
	for range connections {
		go func() { failures <- driveOne(srv.Addr(), path, requests/connections) }()
	}
	for range connections {
		if err := <-failures; err != nil {
			t.Fatal(err)
		}
	}
}

func driveOne(addr, path string, requests int) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	request := []byte("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := conn.Write(request); err != nil {
		return err
	}
	// The first response is read with care and measured; the others are as long.
	var first bytes.Buffer
	resp, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &first)), nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if string(body) != "The request method was GET" {
		return fmt.Errorf("%s answers %d, %q", path, resp.StatusCode, body)
	}
	response := make([]byte, first.Len())
	for range requests - 1 {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, response); err != nil {
			return err
		}
	}
	return nil
}
