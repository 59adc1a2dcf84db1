package middleware_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/middleware"
	"github.com/mod-go/mod-go/modgo"
)

// torn is a writer that would mix lines of goroutines that do not wait for each other.
type torn struct{ bytes.Buffer }

func (w *torn) Write(p []byte) (int, error) {
	for i := range p {
		w.Buffer.Write(p[i : i+1])
	}
	return len(p), nil
}

func TestAccessLogLinesAreNotMixed(t *testing.T) {
	const clients, each = 8, 20
	var log torn
	t.Run("clients", func(t *testing.T) { // at whose end the server has ended
		s := serveSite(t, "", middleware.AccessLog(&log, nil)(respond("200 OK", text, func() modgo.Body { return blocks("one", "two") })))
		var wait sync.WaitGroup
		for range clients {
			wait.Go(func() {
				for range each {
					s.do(t, "GET", "/", "User-Agent: "+strings.Repeat("agent", 50))
				}
			})
		}
		wait.Wait()
	})
	for line := range strings.Lines(log.String()) {
		if !strings.HasPrefix(line, "127.0.0.1 - - [") || !strings.HasSuffix(line, `"GET / HTTP/1.1" 200 6 "-" "`+strings.Repeat("agent", 50)+"\"\n") {
			t.Fatalf("a mixed line: %q", line)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != clients*each {
		t.Errorf("%d lines; want %d", n, clients*each)
	}
}

func TestAccessLogWithoutAWriterGoesToTheErrorLog(t *testing.T) {
	var s *site
	t.Run("request", func(t *testing.T) { // at whose end the server has ended
		s = serveSite(t, "", middleware.AccessLog(nil, nil)(respond("200 OK", text, func() modgo.Body { return modgo.Text("hello") })))
		s.do(t, "GET", "/x")
	})
	if got := s.Errors.String(); !strings.Contains(got, `"GET /x HTTP/1.1" 200 5`) {
		t.Errorf("the error log has %q", got)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestAccessLogSaysThatALineIsLost(t *testing.T) {
	var s *site
	t.Run("request", func(t *testing.T) { // at whose end the server has ended
		s = serveSite(t, "", middleware.AccessLog(fullDisk{}, nil)(respond("200 OK", text, func() modgo.Body { return modgo.Text("hello") })))
		if r := s.do(t, "GET", "/x"); r.Body != "hello" {
			t.Errorf("the client got %q", r.Body)
		}
	})
	if got := s.Errors.String(); !strings.Contains(got, "no space left on device") || !strings.Contains(got, `"GET /x HTTP/1.1" 200 5`) {
		t.Errorf("the error log has %q", got)
	}
}
