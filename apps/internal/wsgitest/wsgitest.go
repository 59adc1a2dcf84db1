// Package wsgitest calls a WSGI-style application as a server does, for the tests of the example applications.
package wsgitest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/environ"
	"github.com/mod-go/mod-go/modgo"
)

// A Request is what the application finds in its environment.
type Request struct {
	Variables map[string]string // over REQUEST_METHOD GET, SCRIPT_NAME and PATH_INFO "", QUERY_STRING ""
	Body      io.Reader
	Context   context.Context
}

// A Response is what the application answered.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	Err    error // with which the body ended
}

// Do calls the application and gathers its response. An application that never starts the response, or whose body does
// not have the length that it announced, fails the test.
func Do(t testing.TB, application modgo.Application, request Request) *Response {
	t.Helper()
	var written, iterated bytes.Buffer
	response := &Response{Header: http.Header{}}
	body := application(NewEnviron(request), func(status string, headers modgo.Headers, cause ...error) io.Writer {
		if response.Status != 0 && len(cause) == 0 {
			t.Error("the application started its response twice")
		}
		code, _, _ := strings.Cut(status, " ")
		n, err := strconv.Atoi(code)
		if err != nil {
			t.Errorf("the status %q does not begin with a number", status)
		}
		response.Status = n
		response.Header = http.Header{}
		for _, header := range headers {
			response.Header.Add(header[0], header[1])
		}
		return &written
	})
	if body != nil {
		for block, err := range body {
			if err != nil {
				response.Err = err
				break
			}
			iterated.Write(block)
		}
	}
	if response.Status == 0 && response.Err == nil {
		t.Fatal("the application never started its response")
	}
	response.Body = append(written.Bytes(), iterated.Bytes()...)
	if length := response.Header.Get("Content-Length"); length != "" && length != strconv.Itoa(len(response.Body)) {
		t.Errorf("Content-Length is %s, the body has %d bytes", length, len(response.Body))
	}
	return response
}

// NewEnviron is the environment of a request.
func NewEnviron(request Request) *modgo.Environ {
	variables := environ.Variables{"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "", "QUERY_STRING": ""}
	for name, value := range request.Variables {
		variables[name] = value
	}
	return environ.New(environ.Config{Source: variables, Input: request.Body, Context: request.Context})
}
