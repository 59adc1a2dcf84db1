package memory

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// statusFile is what the kernel tells of this process.
const statusFile = "/proc/self/status"

// Private is how much memory this process has that no file has and that it shares with no other process on purpose: what Go,
// C and thread stacks use, in RAM or swapped out; in bytes. Pages that a fork has left in common count in each process.
func Private() (uint64, error) {
	text, err := os.ReadFile(statusFile)
	if err != nil {
		return 0, err
	}
	return private(text)
}

// private adds up the lines of a status file.
func private(status []byte) (sum uint64, err error) {
	for _, name := range []string{"RssAnon:", "VmSwap:"} {
		n, err := field(status, name)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// field is the value of a line "NAME: 1234 kB", in bytes.
func field(status []byte, name string) (uint64, error) {
	for line := range bytes.Lines(status) {
		if text, found := bytes.CutPrefix(line, []byte(name)); found {
			number, kilobytes := bytes.CutSuffix(bytes.TrimSpace(text), []byte(" kB"))
			n, err := strconv.ParseUint(string(number), 10, 64)
			if err == nil && kilobytes {
				return n << 10, nil
			}
			return 0, fmt.Errorf("%s: the line %q is not a number of kB", statusFile, bytes.TrimSpace(line))
		}
	}
	return 0, fmt.Errorf("%s has no line %s", statusFile, name)
}
