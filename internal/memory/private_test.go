package memory

import (
	"strings"
	"testing"
)

func TestPrivateGrows(t *testing.T) {
	before, err := Private()
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 64<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	after, err := Private()
	if err != nil {
		t.Fatal(err)
	}
	if grown := int64(after - before); grown < 60<<20 || grown > 100<<20 {
		t.Errorf("64 MB are %d bytes", grown)
	}
	if block[4096] != 1 {
		t.Error("the block is gone")
	}
}

func TestPrivateText(t *testing.T) {
	const rest = "Name:\thttpd\nVmRSS:\t   99999 kB\n"
	if got, err := private([]byte(rest + "RssAnon:\t    1000 kB\nRssFile:\t    7 kB\nVmSwap:\t      24 kB\n")); err != nil || got != 1024<<10 {
		t.Errorf("%d (%v); want 1 MB", got, err)
	}
	for text, want := range map[string]string{
		rest:                                "no line RssAnon:",
		"RssAnon:\t1 kB\n":                  "no line VmSwap:",
		"RssAnon:\t-1 kB\nVmSwap:\t0 kB\n":  `"RssAnon:\t-1 kB" is not a number of kB`,
		"RssAnon:\t12 MB\nVmSwap:\t0 kB\n":  `"RssAnon:\t12 MB" is not a number of kB`,
		"RssAnon:\t\nVmSwap:\t0 kB\nX: y\n": `"RssAnon:" is not a number of kB`,
	} {
		if _, err := private([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}
