package contract

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/textproto"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mod-go/mod-go/modgo"
	"github.com/mod-go/mod-go/tests/httpdtest"
	apps "github.com/mod-go/mod-go/tests/testdata/apps/contract"
)

// rawServers are the reference server and an httpd, both with nothing but the application Handed.
type rawServers struct{ reference, apache string }

func startRaw(t testing.TB) rawServers {
	t.Helper()
	log := new(messages)
	t.Cleanup(func() { checkNoPanic(t, log) }) // when the server has ended
	server := modgo.NewServer("127.0.0.1:0", apps.Handed)
	server.ErrorLog = log.of("error.log")
	serve(t, server)
	return rawServers{server.Addr().String(), rawApache(t)}
}

// envRawApache has the address of an httpd that runs already: the processes that fuzz share the one of their parent, which
// outlives them. They are killed too soon to end one of their own.
const envRawApache = "MODGO_TEST_RAW_APACHE"

func rawApache(t testing.TB) string {
	t.Helper()
	if addr := os.Getenv(envRawApache); addr != "" {
		return addr
	}
	srv := httpdtest.Start(t, httpdtest.Config{
		MPM: "event", Packages: []string{appsFolder}, Conf: "GoAlias / " + appsPackage + " callable=Handed",
	})
	srv.Expect(`\[(core|http):(error|warn)\]`).Maybe() // what httpd says of requests that it refuses
	return srv.Addr()
}

func checkNoPanic(t testing.TB, log *messages) {
	for _, line := range log.all() {
		if strings.Contains(line.message, "panic") {
			t.Errorf("the reference server: %s", line.message)
		}
	}
}

// outcome is what came of the bytes that a client sent: what the application was handed, once for each request in them, and
// the status with which the server refused what followed; 0 if it refused nothing.
type outcome struct {
	handed  []apps.Request
	refused int
}

// withoutStatus is the status of an answer that has none, as that of httpd to a request line without a version (HTTP/0.9).
const withoutStatus = 9

// rawExchange sends the bytes, and nothing more ever.
func rawExchange(addr, request string) (o outcome, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return o, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(httpdtest.Limit(exchangeLimit))); err != nil {
		return o, err
	}
	go func() {
		_, _ = io.WriteString(conn, request) // the server need not read all of it
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	answers, err := io.ReadAll(conn)
	if len(answers) == 0 && err != nil && !strings.Contains(err.Error(), "reset") {
		return o, err
	}
	return parseOutcome(answers)
}

func parseOutcome(answers []byte) (o outcome, err error) {
	reader := bufio.NewReader(bytes.NewReader(answers))
	for {
		line, err := reader.ReadString('\n')
		if err == io.EOF && line == "" {
			return o, nil
		}
		var status int
		if n, _ := fmt.Sscanf(line, "HTTP/1.%d %d", new(int), &status); n != 2 {
			o.refused = withoutStatus
			return o, nil
		}
		header, err := textproto.NewReader(reader).ReadMIMEHeader()
		if err != nil {
			return o, fmt.Errorf("the answer's headers: %w", err)
		}
		if status < 200 {
			continue
		}
		text := header.Get(apps.HandedHeader)
		if text == "" {
			o.refused = status
			return o, nil // the server's own answer, and the end of the connection for all that matters
		}
		var request apps.Request
		content, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			err = json.Unmarshal(content, &request)
		}
		if err != nil {
			return o, err
		}
		o.handed = append(o.handed, request)
	}
}

// compare sends a request to both servers, takes off what the differences explain, and fails for what is left.
func (s rawServers) compare(t testing.TB, request string) {
	t.Helper()
	p := &pair{request: request}
	var err error
	if p.apache, err = rawExchange(s.apache, request); err != nil {
		t.Fatalf("%q: httpd: %v", shorten(request), err)
	}
	if p.reference, err = rawExchange(s.reference, request); err != nil {
		t.Fatalf("%q: the reference server: %v", shorten(request), err)
	}
	for _, d := range differences {
		if d.explains(p) {
			met.Store(d.name, true)
		}
	}
	if len(p.apache.handed) != len(p.reference.handed) || p.apache.refused != p.reference.refused {
		t.Errorf("%q:\nhttpd hands on %d requests and refuses with %d; the reference server %d, and %d", shorten(request),
			len(p.apache.handed), p.apache.refused, len(p.reference.handed), p.reference.refused)
		return
	}
	for i, handed := range p.apache.handed {
		for _, problem := range unlike(handed, p.reference.handed[i]) {
			t.Errorf("%q, request %d: %s", shorten(request), i+1, problem)
		}
	}
}

// met are the differences that some request has shown.
var met sync.Map

// unlike lists what is not the same of two requests that should be one.
func unlike(apache, reference apps.Request) (problems []string) {
	names := maps.Clone(apache.Variables)
	maps.Copy(names, reference.Variables)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		a, inA := apache.Variables[name]
		r, inR := reference.Variables[name]
		if inA != inR || !bytes.Equal(a, r) {
			problems = append(problems, fmt.Sprintf("%s: httpd: %q (%t); the reference server: %q (%t)", name, a, inA, r, inR))
		}
	}
	if !bytes.Equal(apache.Body, reference.Body) || (apache.BodyError == "") != (reference.BodyError == "") {
		problems = append(problems, fmt.Sprintf("the body: httpd: %q, %s; the reference server: %q, %s", apache.Body, apache.BodyError, reference.Body, reference.BodyError))
	}
	return problems
}

// TestRawRequests: what both servers hand an application is the same, but for the differences that docs/contract.md lists;
// and each of those shows.
func TestRawRequests(t *testing.T) {
	servers := startRaw(t)
	for _, request := range rawSeeds {
		servers.compare(t, request)
	}
	text, err := os.ReadFile("../../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences {
		if _, shown := met.Load(d.name); !shown {
			t.Errorf("no request shows the difference %q: it is to be struck from the table, and from docs/contract.md", d.name)
		}
		if !bytes.Contains(text, []byte("| "+d.name+" | "+d.why+" |")) {
			t.Errorf("docs/contract.md does not have the row | %s | %s |", d.name, d.why)
		}
	}
}

// FuzzRawRequest looks for a difference that is not listed. The first argument is the request line, the second all that
// follows it.
//
//	go test ./tests/contract -run '^$' -fuzz FuzzRawRequest -fuzztime 10m
func FuzzRawRequest(f *testing.F) {
	for _, request := range rawSeeds {
		if line, rest, found := strings.Cut(request, "\r\n"); found && len(request) < 1000 {
			f.Add([]byte(line), []byte(rest))
		}
	}
	servers := startRaw(f)
	f.Setenv(envRawApache, servers.apache)
	f.Fuzz(func(t *testing.T, line, rest []byte) {
		servers.compare(t, string(line)+"\r\n"+string(rest))
	})
}
