package modgo

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/internal/httpfield"
)

// checkHead checks what an application gave to startResponse and panics with a *ContractError if it breaks the
// contract. The length is that of Content-Length, -1 without.
func checkHead(status string, headers Headers) (n int, reason string, length int64) {
	n, reason, err := parseStatus(status)
	if err != nil {
		panic(err)
	}
	if n < 200 {
		panic(&ContractError{"C31", fmt.Sprintf("the status %q is that of an interim response; the client would wait for a final one", status)})
	}
	length = -1
	for i, h := range headers {
		name, value := h[0], h[1]
		if err := checkField(name, value); err != nil {
			panic(err)
		}
		if httpfield.EqualFold(name, "Content-Length") {
			size := httpfield.ContentLength(headers[i : i+1])
			if size < 0 {
				panic(&ContractError{"C31", fmt.Sprintf("the Content-Length %q is no number of bytes", value)})
			}
			if length >= 0 && size != length {
				panic(&ContractError{"C31", fmt.Sprintf("the Content-Length is both %d and %d", length, size)})
			}
			length = size
		}
	}
	return n, reason, length
}

// checkInterim is checkHead for an interim response.
func checkInterim(status string, headers Headers) (*Head, error) {
	n, reason, err := parseStatus(status)
	if err != nil {
		return nil, err
	}
	if n >= 200 || n == http.StatusSwitchingProtocols {
		return nil, &ContractError{"C31", fmt.Sprintf("the status %q is not that of an interim response", status)}
	}
	for _, h := range headers {
		if err := checkField(h[0], h[1]); err != nil {
			return nil, err
		}
	}
	return &Head{Status: n, Reason: reason, Headers: headers}, nil
}

func parseStatus(status string) (n int, reason string, err error) {
	code, reason, _ := strings.Cut(status, " ")
	n, err = strconv.Atoi(code)
	if err != nil || len(code) != 3 || n < 100 || !httpfield.ValidValue(status) {
		return 0, "", &ContractError{"C31", fmt.Sprintf("the status %q is not of the form \"200 OK\"", status)}
	}
	return n, reason, nil
}

func checkField(name, value string) error {
	switch {
	case !httpfield.ValidName(name):
		return &ContractError{"C31", fmt.Sprintf("%q is no name for a header", name)}
	case !httpfield.ValidValue(value):
		return &ContractError{"C31", fmt.Sprintf("the header %s has a control character in its value %q", name, value)}
	case httpfield.HopByHop(name):
		return &ContractError{"C30", fmt.Sprintf("the header %s belongs to the connection, which is the server's", name)}
	}
	return nil
}

// trailerAllowed tells whether a field may come after the body (RFC 9110 section 6.5.1).
func trailerAllowed(name string) bool {
	return httpfield.ValidName(name) && !httpfield.HopByHop(name) &&
		!httpfield.EqualFold(name, "Content-Length") && !httpfield.EqualFold(name, "Host")
}

func contentLength(n int64) [2]string {
	return [2]string{"Content-Length", strconv.FormatInt(n, 10)}
}
