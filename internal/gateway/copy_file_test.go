package gateway_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/internal/gateway/gatewaytest"
)

// fileOf100000 is a file of that many bytes, whose offset is 7.
func fileOf100000(t *testing.T) (f *os.File, content string) {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	content = strings.Repeat("0123456789", 10_000)
	_, err = f.WriteString(content)
	if _, sought := f.Seek(7, io.SeekStart); err != nil || sought != nil {
		t.Fatal(err, sought)
	}
	return f, content
}

// TestCopyFile: the head goes with the first block, Flush with each, End with the last of a file that is there to its end.
func TestCopyFile(t *testing.T) {
	f, content := fileOf100000(t)
	head := gateway.AppendHead(nil, 200, "OK", nil)
	for _, test := range []struct {
		name           string
		offset, length int64
		flags          gateway.Flags
		blocks         []int // their lengths
		missing        int
	}{
		{"all", 0, 100_000, gateway.End, []int{32 << 10, 32 << 10, 32 << 10, 100_000 - 96<<10}, 0},
		{"flushed", 0, 40_000, gateway.Flush, []int{32 << 10, 40_000 - 32<<10}, 0},
		{"both flags", 5, 32<<10 + 1, gateway.Flush | gateway.End, []int{32 << 10, 1}, 0},
		{"a block", 1, 32 << 10, gateway.End, []int{32 << 10}, 0},
		{"the last byte", 99_999, 1, 0, []int{1}, 0},
		{"nothing", 50, 0, gateway.End, []int{0}, 0},
		{"nothing, at the end", 100_000, 0, gateway.End, []int{0}, 0},
		{"shorter", 60_000, 40_003, gateway.Flush | gateway.End, []int{32 << 10, 40_000 - 32<<10}, 3},
		{"shorter by whole blocks", 99_000, 100_000, gateway.End, []int{1000}, 99_000},
		{"gone", 100_000, 9, gateway.End, nil, 9},
	} {
		t.Run(test.name, func(t *testing.T) {
			var transport gatewaytest.Transport
			err := gateway.CopyFile(&transport, head, f, test.offset, test.length, test.flags)
			if test.missing == 0 && err != nil {
				t.Error(err)
			}
			if want := fmt.Sprintf("the last %d bytes of %s cannot be read", test.missing, f.Name()); test.missing > 0 && (err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, io.EOF)) {
				t.Errorf("error %v; want %q and io.EOF", err, want)
			}
			if len(transport.Calls) != len(test.blocks) {
				t.Fatalf("%d calls; want blocks of %d bytes", len(transport.Calls), test.blocks)
			}
			at := int(test.offset)
			for i, call := range transport.Calls {
				want := gatewaytest.Call{Body: content[at : at+test.blocks[i]], Flags: test.flags & gateway.Flush}
				if i == 0 {
					want.Status = "200 OK"
				}
				if i == len(test.blocks)-1 && test.missing == 0 {
					want.Flags = test.flags
				}
				if call.Status != want.Status || call.Body != want.Body || call.Flags != want.Flags {
					t.Errorf("call %d is %.40s of %d bytes; want %.40s of %d", i, call, len(call.Body), want, len(want.Body))
				}
				at += test.blocks[i]
			}
			if offset, err := f.Seek(0, io.SeekCurrent); offset != 7 || err != nil {
				t.Errorf("the file's offset has become %d (%v); want 7", offset, err)
			}
		})
	}
}

// TestCopyFileEndsWithTheTransport: its error comes back as it is, and nothing is sent after it.
func TestCopyFileEndsWithTheTransport(t *testing.T) {
	f, _ := fileOf100000(t)
	transport := gatewaytest.Transport{Err: func(call int) error {
		if call == 2 {
			return gateway.ErrClientGone
		}
		return nil
	}}
	err := gateway.CopyFile(&transport, nil, f, 0, 100_000, gateway.End)
	if err != gateway.ErrClientGone || len(transport.Calls) != 2 {
		t.Errorf("error %v after %d calls; want %v after 2", err, len(transport.Calls), gateway.ErrClientGone)
	}
}
