package middleware_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"sync"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/modgo"
)

// errorLog is what env.Errors of a request got, one element a write.
type errorLog struct {
	mu     sync.Mutex
	writes []string
}

func (l *errorLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes = append(l.writes, string(p))
	return len(p), nil
}

func (l *errorLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

// requestOf is the environ of a request, as the reference server makes it; variables are set on top.
func requestOf(method, target, body string, variables ...string) *modgo.Environ {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	env := environ.FromRequest(r, environ.Server{Multithread: true, Errors: new(errorLog)})
	for i := 0; i < len(variables); i += 2 {
		env.Set(variables[i], variables[i+1])
	}
	return env
}

var errGone = errors.New("the client has gone")

// recorder is a Host that keeps what it is told.
type recorder struct {
	head     *modgo.Head
	blocks   []string // as they were sent
	finished bool
	atEnd    bool // the last block came with the end
	file     bool // a part of a file was sent as such
	gone     bool // the client reads no more
	sent     func(block string)
}

func (h *recorder) take(head *modgo.Head, block []byte) error {
	if h.gone {
		return errGone
	}
	if head != nil {
		if h.head != nil {
			panic("the head was sent twice")
		}
		h.head = head
	}
	if len(block) > 0 {
		h.blocks = append(h.blocks, string(block))
		if h.sent != nil {
			h.sent(string(block))
		}
	}
	return nil
}

func (h *recorder) Send(head *modgo.Head, block []byte) error { return h.take(head, block) }

func (h *recorder) Finish(head *modgo.Head, block []byte) error {
	h.finished, h.atEnd = true, len(block) > 0
	return h.take(head, block)
}

func (h *recorder) SendFile(head *modgo.Head, f *os.File, offset, length int64) error {
	h.file = true
	block := make([]byte, length)
	if _, err := f.ReadAt(block, offset); err != nil {
		return err
	}
	return h.take(head, block)
}

func (h *recorder) body() string { return strings.Join(h.blocks, "") }

func (h *recorder) status() int {
	if h.head == nil {
		return 0
	}
	return h.head.Status
}

// header is the value of a header, and how often it was given.
func (h *recorder) header(name string) (value string, times int) {
	if h.head == nil {
		return "", 0
	}
	for _, field := range h.head.Headers {
		if strings.EqualFold(field[0], name) {
			value = field[1]
			times++
		}
	}
	return value, times
}

// serve drives an application on host; raised is what it panicked with.
func serve(host *recorder, env *modgo.Environ, app modgo.Application) (raised any, err error) {
	defer func() { raised = recover() }()
	return nil, modgo.Serve(app, env, host)
}

// getRequest is the request for checkTransparent of most.
func getRequest(method string) *modgo.Environ { return requestOf(method, "/path", "") }

// errorsOf is what env.Errors of the request got.
func errorsOf(env *modgo.Environ) []string { return env.Errors().(*errorLog).all() }

// envOf is an environment with these variables alone.
func envOf(variables map[string]string) *modgo.Environ {
	env := environ.New(environ.Config{})
	for name, value := range variables {
		env.Set(name, value)
	}
	return env
}

// show answers one request, for the examples.
func show(app modgo.Application, env *modgo.Environ) {
	host := new(recorder)
	if raised, err := serve(host, env, app); err != nil || raised != nil {
		fmt.Println(err, raised)
	}
	fmt.Println(host.status(), host.body())
}
