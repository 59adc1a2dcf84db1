// Package memory tells how much memory this process and its like may use.
package memory

import (
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// Limit is that of the machine or, where it is lower, of a control group that this process is in; in bytes. 0 if the system
// does not tell.
func Limit() uint64 {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) != nil {
		return 0
	}
	return min(uint64(info.Totalram)*uint64(info.Unit), groupLimit(os.DirFS("/")))
}

// groupLimit is the lowest limit of the control groups (version 2) round this process; the largest number if there is none.
func groupLimit(root fs.FS) uint64 {
	limit := uint64(math.MaxUint64)
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return limit
	}
	for line := range strings.Lines(string(groups)) {
		group, unified := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		if !unified {
			continue
		}
		for ; ; group = path.Dir(group) {
			if text, err := fs.ReadFile(root, path.Join("sys/fs/cgroup", group, "memory.max")); err == nil {
				if n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err == nil { // else it is "max"
					limit = min(limit, n)
				}
			}
			if group == "" || group == "." {
				break
			}
		}
	}
	return limit
}
