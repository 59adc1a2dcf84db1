package modgo_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mod-go/mod-go/modgo"
)

func TestBlockBodies(t *testing.T) {
	for _, test := range []struct {
		name string
		body modgo.Body
		want string
	}{
		{"Text", modgo.Text("käse\r\n\x00"), "käse\r\n\x00"}, // C40: bytes, as they are
		{"Text of nothing", modgo.Text(""), ""},
		{"Bytes", modgo.Bytes([]byte("\xff\x00")), "\xff\x00"},
		{"Bytes of nil", modgo.Bytes(nil), ""},
	} {
		for range 2 { // a body is a value: it may be iterated again
			blocks := 0
			for block, err := range test.body {
				if blocks++; err != nil || string(block) != test.want {
					t.Errorf("%s: %q, %v; want %q", test.name, block, err, test.want)
				}
			}
			if blocks != 1 {
				t.Errorf("%s: %d blocks; want 1", test.name, blocks)
			}
		}
	}
}

// closer is a reader that counts how often it is closed.
type closer struct {
	io.Reader
	closed int
}

func (c *closer) Close() error {
	c.closed++
	return nil
}

func TestReader(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
	broken := errors.New("the disk is gone")
	for _, test := range []struct {
		name   string
		reader io.Reader
		want   string
		err    error
	}{
		{"nothing", strings.NewReader(""), "", nil},
		{"more than a block", bytes.NewReader(long), string(long), nil},
		{"byte by byte", iotest.OneByteReader(strings.NewReader("abc")), "abc", nil},
		{"data with the end", iotest.DataErrReader(strings.NewReader("abc")), "abc", nil},
		{"error", io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)), "abc", broken},
		{"data with the error", iotest.DataErrReader(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken))), "abc", broken},
		{"an unexpected end", iotest.ErrReader(io.ErrUnexpectedEOF), "", io.ErrUnexpectedEOF},
		{"an error that wraps EOF", iotest.ErrReader(fmt.Errorf("the backend went away: %w", io.EOF)), "", io.EOF},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &closer{Reader: test.reader}
			var got []byte
			var failure error
			for block, err := range modgo.Reader(r) {
				if len(block) == 0 && err == nil {
					t.Error("an empty block")
				}
				if failure != nil {
					t.Error("iteration went on after an error")
				}
				got, failure = append(got, block...), err
			}
			if string(got) != test.want || !errors.Is(failure, test.err) || (failure == nil) != (test.err == nil) {
				t.Errorf("%d bytes, %v; want %d, %v", len(got), failure, len(test.want), test.err)
			}
			if r.closed != 1 {
				t.Errorf("closed %d times; want once (C52)", r.closed)
			}
		})
	}
}

func TestReaderIsClosedWhenTheConsumerStops(t *testing.T) {
	r := &closer{Reader: iotest.OneByteReader(strings.NewReader("abc"))}
	for range modgo.Reader(r) {
		break
	}
	if r.closed != 1 {
		t.Errorf("closed %d times; want once", r.closed)
	}
	if rest, _ := io.ReadAll(r); string(rest) != "bc" {
		t.Errorf("left unread: %q; want bc", rest)
	}
}

func TestReaderDoesNotWaitToFillABlock(t *testing.T) {
	r, w := io.Pipe()
	go io.WriteString(w, "first")
	for block := range modgo.Reader(r) {
		if string(block) == "second" {
			break
		}
		if string(block) != "first" {
			t.Fatalf("block %q; want first", block)
		}
		go io.WriteString(w, "second") // only now, so that waiting for it would never end
	}
}

func TestJSON(t *testing.T) {
	host := new(recorder)
	if err := modgo.Serve(starting("200 OK", nil, modgo.JSON(map[string]int{"a": 1})), request("GET"), host); err != nil {
		t.Fatal(err)
	}
	if want := []string{"200 OK: {\"a\":1}\n end"}; !slices.Equal(host.calls, want) {
		t.Errorf("%q; want %q", host.calls, want)
	}
	if err := modgo.Serve(starting("200 OK", nil, modgo.JSON(func() {})), request("GET"), new(recorder)); err == nil ||
		!strings.Contains(err.Error(), "unsupported type") {
		t.Errorf("a func: %v", err)
	}
}
