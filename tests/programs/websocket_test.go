package programs

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/mod-go/mod-go/modgo"
	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/programs/apps/codersocket"
	"github.com/mod-go/mod-go/tests/programs/apps/gorillasocket"
)

// socketApps are the servers of WebSockets, by the path that each is mounted at.
var (
	socketApps  = map[string]http.Handler{"/gorillasocket": gorillasocket.Application, "/codersocket": codersocket.Application}
	socketPaths = slices.Sorted(maps.Keys(socketApps))
)

const socketConf = "GoAlias /gorillasocket " + appsPackage + "gorillasocket\n" +
	"GoAlias /codersocket " + appsPackage + "codersocket\n" +
	"GoAlias /hijack " + appsPackage + "hijack\n"

var socketConfig = httpdtest.Config{
	Packages: []string{"./apps/gorillasocket", "./apps/codersocket", "./apps/hijack"},
	Conf:     socketConf,
}

// A socketServer is a server of WebSockets as its clients see it.
type socketServer struct {
	base string // ws:// or wss://, host, and the application's path
	dial func() (net.Conn, error)
	tls  *tls.Config
}

// apacheSockets is an application in httpd over HTTP/1.1, with TLS or without.
func apacheSockets(srv *httpdtest.Server, path string) socketServer {
	return socketServer{
		base: strings.Replace(srv.URL(path), "http", "ws", 1),
		dial: func() (net.Conn, error) { return net.Dial("tcp", srv.Addr()) },
		tls:  srv.TLSConfig(),
	}
}

// TestWebSocket: the servers of both packages do under httpd what they do under net/http's server and the reference server.
func TestWebSocket(t *testing.T) {
	t.Run("net/http", func(t *testing.T) {
		mux := http.NewServeMux()
		for path, app := range socketApps {
			mux.Handle(path+"/", http.StripPrefix(path, app))
		}
		testSocketApps(t, httptest.NewServer(mux))
	})
	t.Run("reference server", func(t *testing.T) {
		mux := http.NewServeMux()
		for path, app := range socketApps {
			mux.Handle(path+"/", modgo.ToHandler(modgo.FromHandler(http.StripPrefix(path, app))))
		}
		testSocketApps(t, httptest.NewServer(mux))
	})
	httpdtest.Hosts(t, socketConfig, nil, func(t *testing.T, srv *httpdtest.Server) {
		if srv.Protocol().HTTP2() {
			testNoHijack(t, srv)
			return
		}
		for _, path := range socketPaths {
			t.Run(path[1:], func(t *testing.T) { testSockets(t, apacheSockets(srv.In(t).Over(srv.Protocol()), path)) })
		}
	})
}

func testSocketApps(t *testing.T, srv *httptest.Server) {
	t.Cleanup(srv.Close)
	for _, path := range socketPaths {
		t.Run(path[1:], func(t *testing.T) {
			testSockets(t, socketServer{
				base: strings.Replace(srv.URL, "http", "ws", 1) + path,
				dial: func() (net.Conn, error) { return net.Dial("tcp", srv.Listener.Addr().String()) },
			})
		})
	}
}

// testNoHijack: on HTTP/2 a connection is not the application's to take, which the error says that net/http has for it;
// the response can be given as if nothing had happened.
func testNoHijack(t *testing.T, srv *httpdtest.Server) {
	if got := srv.Get("/hijack"); got.StatusCode != 200 || got.Text != "HTTP/2.0: not supported" {
		t.Errorf("%s: %q", got.Status, got.Text)
	}
	for _, path := range socketPaths { // no request of HTTP/2 asks for an upgrade
		if got := srv.Get(path + "/echo"); got.StatusCode != http.StatusBadRequest && got.StatusCode != http.StatusUpgradeRequired {
			t.Errorf("%s: %s: %q", path, got.Status, got.Text)
		}
	}
}

// connect opens a WebSocket. Configure, if not nil, changes the dialer.
func (s socketServer) connect(t *testing.T, path string, configure func(*websocket.Dialer)) *websocket.Conn {
	t.Helper()
	conn, _ := s.handshake(t, path, nil, configure)
	return conn
}

func (s socketServer) handshake(t *testing.T, path string, header http.Header, configure func(*websocket.Dialer)) (*websocket.Conn, *http.Response) {
	t.Helper()
	dialer := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return s.dial() }, TLSClientConfig: s.tls}
	if configure != nil {
		configure(&dialer)
	}
	conn, response, err := dialer.DialContext(t.Context(), s.base+path, header)
	if err != nil {
		t.Fatalf("%s: %v (%v)", path, err, response)
	}
	t.Cleanup(func() { conn.Close() })
	deadline := time.Now().Add(httpdtest.Limit(30 * time.Second))
	if err := errors.Join(conn.SetReadDeadline(deadline), conn.SetWriteDeadline(deadline)); err != nil {
		t.Fatal(err)
	}
	return conn, response
}

// echoed sends a message and expects it back.
func echoed(t *testing.T, conn *websocket.Conn, kind int, message []byte) {
	t.Helper()
	if err := conn.WriteMessage(kind, message); err != nil {
		t.Fatal(err)
	}
	expectMessage(t, conn, kind, message)
}

func expectMessage(t *testing.T, conn *websocket.Conn, kind int, message []byte) {
	t.Helper()
	gotKind, got, err := conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	if gotKind != kind || !bytes.Equal(got, message) {
		t.Errorf("the echo is of kind %d and has %d bytes, want kind %d and %d bytes: %.60q", gotKind, len(got), kind, len(message), got)
	}
}

// expectClose reads until the server has closed the connection, with a code.
func expectClose(t *testing.T, conn *websocket.Conn, code int, text string) {
	t.Helper()
	for {
		_, _, err := conn.ReadMessage()
		if err == nil {
			continue
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != code || !strings.Contains(closed.Text, text) {
			t.Errorf("the connection ended with %v, want close code %d and %q", err, code, text)
		}
		return
	}
}

// message is so many bytes that compress neither well nor badly.
func message(size int) []byte {
	m := make([]byte, size)
	for i := range m {
		m[i] = byte('a' + (i*i>>7)%26)
	}
	return m
}

const megabyte = 1 << 20

func testSockets(t *testing.T, s socketServer) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s socketServer)
	}{
		{"text and binary", testKinds}, {"a megabyte", testMegabyte}, {"fragments", testFragments}, {"ping and pong", testPing},
		{"close codes", testCloseCodes}, {"a subprotocol", testSubprotocol}, {"compression", testCompression},
		{"another origin", testOrigin}, {"no upgrade", testNoUpgrade}, {"many writers", testCrowd},
		{"after the handler has returned", testBackground}, {"a client that vanishes", testVanish},
		{"frames behind the handshake", testEagerClient},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
}

func testKinds(t *testing.T, s socketServer) {
	conn, response := s.handshake(t, "/echo", nil, nil)
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("X-Greeting") != "hello" {
		t.Errorf("the handshake is answered %s, %v", response.Status, response.Header)
	}
	for _, size := range []int{0, 1, 125, 126, 65535, 65536} { // at the borders of the frame's length field
		echoed(t, conn, websocket.TextMessage, message(size))
		echoed(t, conn, websocket.BinaryMessage, bytes.Repeat([]byte{0, 255, '\n'}, size/3))
	}
}

// testMegabyte: 16 messages are under way at once, in both directions.
func testMegabyte(t *testing.T, s socketServer) {
	conn := s.connect(t, "/echo", nil)
	big := message(megabyte)
	const n = 16
	sent := make(chan error, 1)
	go func() {
		for range n {
			if err := conn.WriteMessage(websocket.BinaryMessage, big); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for range n {
		expectMessage(t, conn, websocket.BinaryMessage, big)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// testFragments: a message of many frames, and a ping between two of them.
func testFragments(t *testing.T, s socketServer) {
	conn := s.connect(t, "/echo", func(d *websocket.Dialer) { d.WriteBufferSize = 300 }) // a frame each
	pongs := 0
	conn.SetPongHandler(func(data string) error {
		if pongs++; data != "between" {
			t.Errorf("the pong has %q", data)
		}
		return nil
	})
	whole := message(10_000)
	w, err := conn.NextWriter(websocket.TextMessage)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(whole[:5000]); err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteControl(websocket.PingMessage, []byte("between"), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(whole[5000:]); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	expectMessage(t, conn, websocket.TextMessage, whole)
	if pongs != 1 {
		t.Errorf("%d pongs came, want 1", pongs)
	}
}

func testPing(t *testing.T, s socketServer) {
	conn := s.connect(t, "/echo", nil)
	var pongs []string
	conn.SetPongHandler(func(data string) error {
		pongs = append(pongs, data)
		return nil
	})
	for _, data := range []string{"", "one", strings.Repeat("x", 125)} {
		if err := conn.WriteControl(websocket.PingMessage, []byte(data), time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		echoed(t, conn, websocket.TextMessage, []byte("after the ping")) // what is read has the pong before it
		if len(pongs) == 0 || pongs[len(pongs)-1] != data {
			t.Errorf("the pongs are %q, want %q at their end", pongs, data)
		}
	}
}

func testCloseCodes(t *testing.T, s socketServer) {
	for _, code := range []int{websocket.CloseNormalClosure, websocket.CloseGoingAway, 4321} {
		conn := s.connect(t, "/echo", nil)
		if err := conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, "bye"), time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		expectClose(t, conn, code, "") // RFC 6455 section 5.5.1: typically the code is echoed
	}
	conn := s.connect(t, "/echo", nil)
	if err := conn.WriteMessage(websocket.TextMessage, []byte("close me")); err != nil {
		t.Fatal(err)
	}
	expectClose(t, conn, 4000, "as you wish")
	if _, err := conn.NetConn().Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("behind the close frame comes %v, want the orderly end of the connection", err)
	}
}

func testSubprotocol(t *testing.T, s socketServer) {
	for _, test := range []struct {
		offered []string
		want    string
	}{{[]string{"echo.v1", "echo.v2"}, "echo.v2"}, {[]string{"other", "echo.v1"}, "echo.v1"}, {[]string{"other"}, ""}, {nil, ""}} {
		conn := s.connect(t, "/echo", func(d *websocket.Dialer) { d.Subprotocols = test.offered })
		if got := conn.Subprotocol(); got != test.want {
			t.Errorf("of %q the server chose %q, want %q", test.offered, got, test.want)
		}
		echoed(t, conn, websocket.TextMessage, []byte("hello"))
	}
}

func testCompression(t *testing.T, s socketServer) {
	conn, response := s.handshake(t, "/echo", nil, func(d *websocket.Dialer) { d.EnableCompression = true })
	if got := response.Header.Get("Sec-Websocket-Extensions"); !strings.Contains(got, "permessage-deflate") {
		t.Fatalf("the extensions are %q", got)
	}
	for _, size := range []int{1, 1000, megabyte} {
		echoed(t, conn, websocket.TextMessage, message(size))
	}
}

func testCrowd(t *testing.T, s socketServer) {
	const n = 20
	conn := s.connect(t, fmt.Sprintf("/crowd?n=%d", n), nil)
	next := make(map[int]int)
	for range n * n {
		_, got, err := conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		var number, writer int
		if _, err := fmt.Sscanf(string(got), "%d of writer %d", &number, &writer); err != nil || number != next[writer] {
			t.Fatalf("%q came when number %d of the writer was due (%v)", got, next[writer], err)
		}
		next[writer]++
	}
	expectClose(t, conn, websocket.CloseNormalClosure, "")
}

func testBackground(t *testing.T, s socketServer) {
	conn := s.connect(t, "/background", nil)
	for range 3 {
		echoed(t, conn, websocket.BinaryMessage, message(100_000))
	}
	if err := conn.WriteMessage(websocket.TextMessage, []byte("close me")); err != nil {
		t.Fatal(err)
	}
	expectClose(t, conn, 4000, "as you wish")
}

// testVanish: a client that goes without a word disturbs nobody.
func testVanish(t *testing.T, s socketServer) {
	for _, path := range []string{"/echo", "/background"} {
		conn := s.connect(t, path, nil)
		echoed(t, conn, websocket.TextMessage, []byte("hello"))
		if err := conn.NetConn().Close(); err != nil {
			t.Fatal(err)
		}
	}
	echoed(t, s.connect(t, "/echo", nil), websocket.TextMessage, []byte("hello"))
}
