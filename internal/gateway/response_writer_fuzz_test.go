package gateway_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/internal/gateway/gatewaytest"
)

// FuzzResponseWriter: whatever a handler does, the body that is sent is what its writes were told to have taken, after one
// head, before one end.
func FuzzResponseWriter(f *testing.F) {
	f.Add([]byte("\x01\x05\x02\x07"), 0, int64(-1), false, false)
	f.Add([]byte("\x01\x05\x03\x00\x04\xff\x01\x01"), 404, int64(-1), true, true)
	f.Add([]byte("\x04\x20\x01\x01\x04\x21"), 200, int64(300), false, false)
	f.Add([]byte("\x01\x09\x01\x01"), 204, int64(5), false, true)
	f.Add([]byte("\x01\x01\x04\x40\x02\xff"), 200, int64(-1), false, false)
	f.Fuzz(func(t *testing.T, steps []byte, status int, length int64, override, documents bool) {
		transport := gatewaytest.Transport{Documents: documents}
		w := &gateway.ResponseWriter{Transport: &transport, ErrorOverride: override}
		if length >= 0 {
			w.Header().Set("Content-Length", fmt.Sprint(length))
		}
		if status >= 200 && status <= 999 {
			w.WriteHeader(status)
		}
		var taken []byte
		for i := 0; i+1 < len(steps); i += 2 {
			block := bytes.Repeat([]byte{'a' + byte(i%26)}, int(steps[i+1]))
			var n int
			var err error
			switch steps[i] % 5 {
			case 0:
				continue
			case 1:
				n, err = w.Write(block)
			case 2:
				n, err = w.WriteString(string(block))
			case 3:
				w.Flush()
				continue
			case 4:
				block = bytes.Repeat(block, 256)
				n, err = w.Write(block)
			}
			if n != len(block) && err == nil || n != 0 && err != nil {
				t.Errorf("step %d: %d of %d bytes, %v", i, n, len(block), err)
			}
			taken = append(taken, block[:n]...)
		}
		handedOver, err := w.Finish()
		var sent []byte
		ended := false
		for i, call := range transport.Calls {
			if call.Leave {
				continue
			}
			if ended {
				t.Errorf("call %d comes after the end", i)
			}
			if (call.Status != "") != (i == 0 || transport.Calls[i-1].Leave) {
				t.Errorf("call %d has the status %q", i, call.Status)
			}
			sent, ended = append(sent, call.Body...), call.Flags&gateway.End != 0
		}
		switch {
		case handedOver != 0:
			if len(sent) > 0 || handedOver < 400 || !documents {
				t.Errorf("handed over with %d after %d bytes", handedOver, len(sent))
			}
		case err != nil:
			if ended || !bytes.HasPrefix(taken, sent) || length <= int64(len(taken)) {
				t.Errorf("%v: %d bytes sent, %d taken, Content-Length %d, ended %v", err, len(sent), len(taken), length, ended)
			}
		case !ended || !bytes.Equal(sent, taken):
			t.Errorf("%d bytes sent, %d taken, ended %v", len(sent), len(taken), ended)
		}
		if length >= 0 && int64(len(sent)) > length {
			t.Errorf("%d bytes sent, Content-Length %d", len(sent), length)
		}
	})
}
