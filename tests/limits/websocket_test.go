package limits

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

const (
	sockets       = 10_000
	socketThreads = 64 // of httpd
	// socketCost is how many bytes of the child's resident memory one idle WebSocket may cost.
	socketCost = 24 << 10
	// socketTimeout limits each answer that a client waits for.
	socketTimeout = time.Minute
	// socketClients is how many work at the same time.
	socketClients = 32
	// perAddress is how many connections come from one of the loopback network's addresses, each of which has some 28,000 ports.
	perAddress = 5_000
)

// TestIdleWebSockets: ten thousand WebSockets live on an httpd of 64 threads. Each answers, and costs little memory. A
// graceful restart leaves them alone: each answers again, new ones go to the new child, and the old child ends with the last
// of its own.
func TestIdleWebSockets(t *testing.T) {
	raiseFileLimit(t, sockets+1000)
	srv := httpdtest.Start(t, httpdtest.Config{
		MPM: "event", Threads: socketThreads, Packages: []string{"./tests/testdata/apps/socket"},
		Conf: "GoAlias / " + appsPath + "socket\nGoShutdownTimeout 10min\n",
	})
	child := srv.ChildPIDs()[0]
	// What the first connections cost is not paid again by the others.
	for _, s := range openSockets(t, srv, 4*socketThreads) {
		s.close(t)
	}
	before := srv.RSS(child)
	begin := time.Now()
	open := openSockets(t, srv, sockets)
	opened := time.Since(begin)
	echoAll(t, open)
	each := (srv.RSS(child) - before) / sockets
	record(t, fmt.Sprintf("an idle WebSocket, of %d on %d threads: resident memory", sockets, socketThreads), fmt.Sprintf("%.1f KB", float64(each)/1024), "24 KB")
	t.Logf("%d handshakes took %v", sockets, opened)
	if each > socketCost {
		t.Errorf("a WebSocket costs %d bytes of the child's memory, more than %d", each, socketCost)
	}

	srv.Graceful()
	begin = time.Now()
	echoAll(t, open)
	t.Logf("%d echoes after the restart took %v", sockets, time.Since(begin))
	late := openSockets(t, srv, 1)
	next := slices.DeleteFunc(srv.ChildPIDs(), func(pid int) bool { return pid == child })
	if len(next) != 1 {
		t.Fatalf("beside child %d there are %v, want one", child, next)
	}
	last := open[len(open)-1]
	for _, s := range open[:len(open)-1] {
		s.close(t)
	}
	if err := last.echo(1); err != nil {
		t.Errorf("the last WebSocket of the old child: %v", err)
	}
	if children := srv.ChildPIDs(); !slices.Contains(children, child) {
		t.Errorf("the children are %v: the old one, %d, has not waited for its last WebSocket", children, child)
	}
	last.close(t)
	srv.AwaitChildren(1)
	echoAll(t, late)
}

// raiseFileLimit lets this process, and the httpd that it starts, have n open files.
func raiseFileLimit(t *testing.T, n uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	// Set even where it suffices: what Go has raised by itself, it takes back for the processes that it starts.
	limit.Cur = max(n, limit.Cur)
	limit.Max = max(limit.Max, limit.Cur)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatalf("this test needs %d open files, and may not have them: %v; raise the limit (ulimit -Hn %[1]d)", n, err)
	}
}

// A socket is a WebSocket's client that costs little: a connection and nothing else.
type socket struct{ net.Conn }

// openSockets opens n WebSockets, whose handshakes have been answered.
func openSockets(t *testing.T, srv *httpdtest.Server, n int) []socket {
	t.Helper()
	open := make([]socket, n)
	inParallel(t, n, func(i int) error {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i/perAddress))}, Timeout: httpdtest.Limit(socketTimeout)}
		conn, err := dialer.DialContext(t.Context(), "tcp", srv.Addr())
		if err != nil {
			return err
		}
		t.Cleanup(func() { conn.Close() })
		open[i] = socket{conn}
		return open[i].handshake()
	})
	return open
}

// echoAll has every WebSocket answer.
func echoAll(t *testing.T, open []socket) {
	t.Helper()
	inParallel(t, len(open), func(i int) error { return open[i].echo(uint32(i)) })
}

// inParallel calls f with 0 to n-1, some at a time, and fails the test for their errors.
func inParallel(t *testing.T, n int, f func(i int) error) {
	t.Helper()
	var (
		clients sync.WaitGroup
		next    atomic.Int64
		mu      sync.Mutex
		failed  []error
	)
	for range min(n, socketClients) {
		clients.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					mu.Lock()
					failed = append(failed, fmt.Errorf("connection %d: %w", i, err))
					mu.Unlock()
				}
			}
		})
	}
	clients.Wait()
	if len(failed) > 0 {
		t.Fatalf("%d of %d failed: %v", len(failed), n, errors.Join(failed[:min(5, len(failed))]...))
	}
}

// handshake is that of RFC 6455 section 4.1.
func (s socket) handshake() error {
	s.limit()
	_, err := io.WriteString(s, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n")
	if err != nil {
		return err
	}
	answers := bufio.NewReader(s)
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusSwitchingProtocols || answers.Buffered() > 0 {
		return fmt.Errorf("the handshake is answered %s, with %d bytes behind it", response.Status, answers.Buffered())
	}
	return nil
}

// echo sends a binary message of 4 bytes, masked by zeros (RFC 6455 section 5.2), and expects it back.
func (s socket) echo(number uint32) error {
	s.limit()
	frame := binary.BigEndian.AppendUint32([]byte{0x82, 0x84, 0, 0, 0, 0}, number)
	if _, err := s.Write(frame); err != nil {
		return err
	}
	want := binary.BigEndian.AppendUint32([]byte{0x82, 0x04}, number)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(s, got); err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the echo is % x, want % x", got, want)
	}
	return nil
}

func (s socket) limit() { _ = s.SetDeadline(time.Now().Add(httpdtest.Limit(socketTimeout))) }

// close ends the connection as a client does that vanishes.
func (s socket) close(t *testing.T) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
