package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// descendants are processes with all that they have started and that live.
func descendants(roots []int) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := make(map[int][]int)
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		// "pid (name) state ppid ...", where the name may hold anything.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 || fields[0] == "Z" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, err
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		children[parent] = append(children[parent], pid)
	}
	all := append([]int(nil), roots...)
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all, nil
}

// cpuTimes is the CPU time that each process has used since it began, threads that have ended included.
func cpuTimes(pids []int) (map[int]time.Duration, error) {
	times := make(map[int]time.Duration, len(pids))
	for _, pid := range pids {
		used, err := cpuTime(pid)
		if err != nil {
			return nil, fmt.Errorf("the CPU time of process %d: %w", pid, err)
		}
		times[pid] = used
	}
	return times, nil
}

// cpuTime reads a process's CPU clock, in nanoseconds where /proc counts ticks of 10 ms.
func cpuTime(pid int) (time.Duration, error) {
	// clock_getcpuclockid(3) of glibc makes the same number: the process in the upper bits, and 2 for the scheduler's clock.
	clock := int32(^pid)<<3 | 2
	var used unix.Timespec
	if err := unix.ClockGettime(clock, &used); err != nil {
		return 0, err
	}
	return time.Duration(used.Nano()), nil
}

// usedBetween is the CPU time of a server's processes between two readings. Those that have begun meanwhile count in full;
// with one that has ended its time is lost, which is an error.
func usedBetween(before, after map[int]time.Duration) (total time.Duration, err error) {
	for pid, used := range after {
		total += used - before[pid]
	}
	for pid := range before {
		if _, lives := after[pid]; !lives {
			err = errors.Join(err, fmt.Errorf("process %d ended during the round, and its CPU time with it", pid))
		}
	}
	return total, err
}

// memory is what a process holds in memory, in bytes.
type memory struct {
	resident     int64 // RSS: all pages, those shared with others in full
	proportional int64 // PSS: shared pages divided by the number of processes that share them
}

func memoryOfProcess(pid int) (m memory, err error) {
	path := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
	text, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "Rss: %d kB", &kilobytes); n == 1 {
			m.resident = kilobytes << 10
		}
		if n, _ := fmt.Sscanf(line, "Pss: %d kB", &kilobytes); n == 1 {
			m.proportional = kilobytes << 10
		}
	}
	if m.resident == 0 {
		return m, fmt.Errorf("%s has no resident memory: process %d has ended", path, pid)
	}
	return m, nil
}
