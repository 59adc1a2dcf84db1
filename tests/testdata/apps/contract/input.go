package contract

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing/iotest"

	"github.com/mod-go/mod-go/modgo"
)

// Pattern is the n bytes of a body: every byte value, in an order that repeats after 251 so that no block looks like another.
func Pattern(n int) []byte {
	pattern := make([]byte, n)
	for i := range pattern {
		pattern[i] = byte(i%251 + i/251)
	}
	return pattern
}

// testReader has testing/iotest read the input, which must be Pattern(size) (C19, C22).
func testReader(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	size, err := strconv.Atoi(query(env).Get("size"))
	if err == nil {
		err = iotest.TestReader(env.Input(), Pattern(size))
	}
	if err != nil {
		return answer(start, "200 OK", err.Error())
	}
	return answer(start, "200 OK", "as it should be")
}

// readLines reads by line, through a buffer (C19).
func readLines(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	var lines []string
	for scanner := bufio.NewScanner(env.Input()); scanner.Scan(); {
		lines = append(lines, strconv.Quote(scanner.Text()))
	}
	return answer(start, "200 OK", strings.Join(lines, " "))
}

// readRest reads the first so many bytes, then all the rest, unless rest=no (C20, C21).
func readRest(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	q := query(env)
	size, _ := strconv.Atoi(q.Get("first"))
	first := make([]byte, size)
	if _, err := io.ReadFull(env.Input(), first); err != nil {
		return answer(start, "200 OK", "first: "+err.Error())
	}
	if q.Get("rest") == "no" {
		return answer(start, "200 OK", string(first))
	}
	rest, err := io.ReadAll(env.Input())
	return answer(start, "200 OK", fmt.Sprintf("%s|%s|%v", first, rest, err))
}

// readPastEnd reads on at the end (C22).
func readPastEnd(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	text, err := io.ReadAll(env.Input())
	outcome := fmt.Sprintf("%s %v", text, err)
	for range 5 {
		n, err := env.Input().Read(make([]byte, 10))
		outcome += fmt.Sprintf(" %d:%v", n, err)
	}
	return answer(start, "200 OK", outcome)
}

// readPieces answers each read at once with what it gave (C23).
func readPieces(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", modgo.Headers{plain})
	return func(yield func([]byte, error) bool) {
		buffer := make([]byte, 4096)
		for {
			n, err := env.Input().Read(buffer)
			if n > 0 && !yield(fmt.Appendf(nil, "[%s]", buffer[:n]), nil) {
				return
			}
			if err != nil {
				yield([]byte(err.Error()), nil)
				return
			}
		}
	}
}

// writeErrors writes lines to the log in pieces that are none (C24).
func writeErrors(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	token := query(env).Get("token")
	noteEnd(env)
	_, err := fmt.Fprintf(env.Errors(), "contract: %s one: in ", token)
	_, err2 := fmt.Fprintf(env.Errors(), "pieces\ncontract: %s two: käse 漢字 🧀 \u00a0\ncontract: %s three: without an end", token, token)
	return answer(start, "200 OK", fmt.Sprint(errors.Join(err, err2)))
}

// trailer answers with what follows a chunked body (C25).
var trailer = modgo.FromHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	before := r.Trailer.Get("X-Sum")
	text, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %v before:%q after:%q header:%q", text, err, before, r.Trailer.Get("X-Sum"), r.Header.Get("X-Sum"))
}))
