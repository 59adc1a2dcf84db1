package tests

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/internal/gateway/gatewaytest"
	"github.com/mod-go/mod-go/modgo"
)

// An unpacker is apachebridge/head.c in a process of its own, under AddressSanitizer and UndefinedBehaviorSanitizer.
type unpacker struct {
	in     io.Writer
	out    *bufio.Reader
	stderr *bytes.Buffer
	wait   func() error
}

func startUnpacker(t testing.TB) *unpacker {
	t.Helper()
	driver := filepath.Join(t.TempDir(), "driver")
	compile := exec.CommandContext(t.Context(), "gcc", "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror",
		"-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I../apachebridge", "-o", driver,
		"testdata/head/driver.c", "../apachebridge/head.c")
	if text, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", compile.Args, err, text)
	}
	u := &unpacker{stderr: new(bytes.Buffer)}
	run := exec.Command(driver)
	run.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0") // which needs ptrace, and is not what is tested
	run.Stderr = u.stderr
	in, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	u.in, u.out, u.wait = in, bufio.NewReader(out), sync.OnceValue(run.Wait)
	t.Cleanup(func() {
		in.Close()
		if err := u.wait(); err != nil && !t.Failed() {
			t.Errorf("%v\n%s", err, u.stderr)
		}
	})
	return u
}

// unpack returns the fields that head.c finds, and whether nothing is left behind them.
func (u *unpacker) unpack(t *testing.T, head []byte) (fields []string, whole bool) {
	t.Helper()
	failed := func(err error) {
		t.Helper()
		if err != nil {
			_ = u.wait() // for all of what it says on standard error
			t.Fatalf("unpacking %q: %v\n%s", head, err, u.stderr)
		}
	}
	_, err := u.in.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(head))), head...))
	failed(err)
	for {
		var length uint32
		failed(binary.Read(u.out, binary.LittleEndian, &length))
		if length == math.MaxUint32 {
			end, err := u.out.ReadByte()
			failed(err)
			return fields, end == 1
		}
		field := make([]byte, length)
		_, err := io.ReadFull(u.out, field)
		failed(err)
		fields = append(fields, string(field))
	}
}

// check compares head.c's verdict on a head with that of the format's description.
func (u *unpacker) check(t *testing.T, head []byte) {
	t.Helper()
	want, wantWhole := gatewaytest.Unpack(head)
	if got, whole := u.unpack(t, head); !slices.Equal(got, want) || whole != wantWhole {
		t.Errorf("%q: head.c finds %q, whole %v; want %q, whole %v", head, got, whole, want, wantWhole)
	}
}

// packedHeads are heads as responses have them, and odd ones.
func packedHeads() [][]byte {
	return [][]byte{
		nil,
		gateway.AppendHead(nil, 200, "OK", nil),
		gateway.AppendHead(nil, 299, "", modgo.Headers{{"Content-Type", "text/plain"}, {"X-Empty", ""}, {"Set-Cookie", "a=\xe9"}}),
		gateway.AppendHead(nil, 404, "", modgo.Headers{{"\x00\x00\x00\x00\x00", "\x01\x00\x00\x00a\x00"}}),
		gateway.AppendHead(nil, 500, string(bytes.Repeat([]byte("long "), 60)), modgo.Headers{{"A", "b"}}),
	}
}

// TestUnpackHead: heads, heads that are cut short anywhere, and heads with one byte changed.
func TestUnpackHead(t *testing.T) {
	u := startUnpacker(t)
	for _, head := range packedHeads() {
		for cut := range len(head) + 1 {
			u.check(t, head[:cut])
		}
		for i := range head {
			for _, b := range []byte{0, 1, head[i] - 1, head[i] + 1, 0x7f, 0xff} {
				changed := bytes.Clone(head)
				changed[i] = b
				u.check(t, changed)
			}
		}
	}
}

// FuzzUnpackHead: whatever the bytes are, head.c reads none beyond them and finds what the format says.
func FuzzUnpackHead(f *testing.F) {
	for _, head := range packedHeads() {
		f.Add(head)
	}
	f.Add([]byte("\xff\xff\xff\xff\x00"))
	f.Add([]byte("\xfb\xff\xff\xff\x00\x00"))
	f.Add([]byte("\x01\x00\x00\x00\x00"))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	u := startUnpacker(f)
	f.Fuzz(u.check)
}
