package httpfield_test

import (
	"net/textproto"
	"testing"

	"github.com/mod-go/mod-go/internal/httpfield"
)

// canonical compares with package net/textproto, whose form net/http's is.
func canonical(t *testing.T, name string) {
	t.Helper()
	got := []byte(name)
	httpfield.Canonicalize(got)
	if want := textproto.CanonicalMIMEHeaderKey(name); string(got) != want {
		t.Errorf("%q becomes %q; want %q", name, got, want)
	}
}

func TestCanonicalize(t *testing.T) {
	for _, name := range []string{
		"", "-", "--a", "host", "Host", "HOST", "content-type", "Content-Type", "cOnTeNt-tYpE", "x-a-", "x--b", "1a-2B", "a b", "a:b", "k\xc3\xa4se", "x_y", "!#$%&'*+-.^_`|~",
	} {
		canonical(t, name)
	}
}

func FuzzCanonicalize(f *testing.F) {
	f.Add("content-TYPE")
	f.Add("a b-c")
	f.Fuzz(func(t *testing.T, name string) { canonical(t, name) })
}
