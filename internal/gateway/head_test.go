package gateway_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/internal/gateway/gatewaytest"
	"github.com/mod-go/mod-go/modgo"
)

func TestAppendHead(t *testing.T) {
	for _, test := range []struct {
		name    string
		status  int
		reason  string
		headers modgo.Headers
		want    string
	}{
		{"status alone", 200, "OK", nil, "\x06\x00\x00\x00200 OK\x00"},
		{"no reason", 299, "", nil, "\x04\x00\x00\x00299 \x00"},
		{"headers, ordered and repeated", 404, "No", modgo.Headers{{"B", "1"}, {"A", ""}, {"B", "2"}},
			"\x06\x00\x00\x00404 No\x00" + "\x01\x00\x00\x00B\x00\x01\x00\x00\x001\x00" + "\x01\x00\x00\x00A\x00\x00\x00\x00\x00\x00" +
				"\x01\x00\x00\x00B\x00\x01\x00\x00\x002\x00"},
	} {
		if got := gateway.AppendHead([]byte("before"), test.status, test.reason, test.headers); string(got) != "before"+test.want {
			t.Errorf("%s: %q; want %q after what was there", test.name, got, test.want)
		}
	}
}

// TestUnpackHeadOfAnother: what is no packed head is not taken for one.
func TestUnpackHeadOfAnother(t *testing.T) {
	head := gateway.AppendHead(nil, 200, "OK", modgo.Headers{{"A", "1"}})
	for _, broken := range [][]byte{nil, head[:5], head[:len(head)-3], []byte("\xff\xff\xff\xff200 OK\x00")} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q was unpacked", broken)
				}
			}()
			_, headers := gateway.UnpackHead(broken)
			for range headers {
			}
		}()
	}
}

// FuzzAppendHead: what is unpacked is what was packed, whatever its bytes are.
func FuzzAppendHead(f *testing.F) {
	f.Add(200, "OK", "Content-Type", "text/plain", "Set-Cookie", "a=1")
	f.Add(599, "", "", "", "", "")
	f.Add(100, "\x00", "\x00\x00\x00\x00", "\xff\xff\xff\xff\x00", "A", "\r\n")
	f.Add(204, "\x05\x00\x00\x00", "B", "\x00", "\x01\x00\x00\x00\x00\x00", "\xe9")
	f.Fuzz(func(t *testing.T, status int, reason, name1, value1, name2, value2 string) {
		packed := gateway.AppendHead(nil, status, reason, modgo.Headers{{name1, value1}, {name2, value2}})
		want := []string{strconv.Itoa(status) + " " + reason, name1, value1, name2, value2}
		if got, whole := gatewaytest.Unpack(packed); !whole || !slices.Equal(got, want) {
			t.Errorf("packed %q; unpacked %q, %v", want, got, whole)
		}
		line, headers := gateway.UnpackHead(packed)
		for range 2 { // the headers may be iterated again
			got := []string{line}
			for name, value := range headers {
				got = append(got, name, value)
			}
			if !slices.Equal(got, want) {
				t.Errorf("packed %q; UnpackHead gives %q", want, got)
			}
		}
		for name := range headers { // or in part
			if name != name1 {
				t.Errorf("the first header is %q; want %q", name, name1)
			}
			break
		}
		for cut := range packed { // a head that is cut short gives a part of the fields, and never others
			got, whole := gatewaytest.Unpack(packed[:cut])
			if len(got) >= len(want) || !slices.Equal(got, want[:len(got)]) || whole && len(gateway.AppendHead(nil, status, reason, nil)) > cut && cut > 0 {
				t.Errorf("packed %q; the first %d bytes unpacked as %q, %v", want, cut, got, whole)
			}
		}
	})
}
