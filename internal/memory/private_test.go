package memory

import (
	"strings"
	"syscall"
	"testing"
)

// TestPrivateGrows takes memory that is not Go's.
func TestPrivateGrows(t *testing.T) {
	const size = 64 << 20
	measure := func() int64 {
		n, err := Private()
		if err != nil {
			t.Fatal(err)
		}
		return int64(n)
	}
	before := measure()
	block, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	during := measure()
	if err := syscall.Munmap(block); err != nil {
		t.Fatal(err)
	}
	after := measure()
	const spare = 8 << 20 // what the Go runtime takes or gives meanwhile
	if taken, given := during-before, during-after; taken < size-spare || taken > size+spare || given < size-spare || given > size+spare {
		t.Errorf("%d bytes seem to be %d when they are taken, and %d when they are given back", size, taken, given)
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
