package memory

import (
	"math"
	"testing"
	"testing/fstest"
)

func TestLimit(t *testing.T) {
	if limit := Limit(); limit < 1<<20 || limit > 1<<50 {
		t.Errorf("this machine has %d bytes of memory", limit)
	}
}

func TestGroupLimit(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for _, test := range []struct {
		name  string
		files fstest.MapFS
		want  uint64
	}{
		{"no control groups", fstest.MapFS{}, math.MaxUint64},
		{"version 1", fstest.MapFS{"proc/self/cgroup": file("5:memory:/a\n"), "sys/fs/cgroup/a/memory.max": file("1\n")}, math.MaxUint64},
		{"none", fstest.MapFS{"proc/self/cgroup": file("0::/a\n"), "sys/fs/cgroup/a/memory.max": file("max\n")}, math.MaxUint64},
		{"a service's", fstest.MapFS{
			"proc/self/cgroup": file("0::/system.slice/apache2.service\n"),
			"sys/fs/cgroup/system.slice/apache2.service/memory.max": file("1000\n"),
			"sys/fs/cgroup/system.slice/memory.max":                 file("2000\n"),
		}, 1000},
		{"one further out", fstest.MapFS{
			"proc/self/cgroup":               file("1:name=systemd:/x\n0::/a/b/c\n"),
			"sys/fs/cgroup/a/b/c/memory.max": file("3000\n"),
			"sys/fs/cgroup/a/memory.max":     file("2000\n"),
		}, 2000},
		{"a container's, which sees itself as the root", fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("5000\n")}, 5000},
	} {
		if got := groupLimit(test.files); got != test.want {
			t.Errorf("%s: %d; want %d", test.name, got, test.want)
		}
	}
}
