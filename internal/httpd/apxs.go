package httpd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// namedAPXS returns the apxs that MODGO_APXS names, "" where it is not set.
func namedAPXS() (string, error) {
	named := os.Getenv(EnvAPXS)
	if named == "" {
		return "", nil
	}
	path, err := exec.LookPath(named)
	if err != nil {
		return "", fmt.Errorf("%s=%s is no program that can be run (%w): set it to the path of the server's apxs, for example /usr/bin/apxs, or leave it unset", EnvAPXS, named, err)
	}
	return filepath.Abs(path)
}

// apxsOf returns the apxs that belongs to a server's binary, "" where there is none. The first one on PATH may belong to
// another installation: it is taken only if it names this binary.
func apxsOf(binary string) string {
	dir := filepath.Dir(binary)
	candidates := []string{
		filepath.Join(dir, "apxs"), filepath.Join(dir, "apxs2"),
		filepath.Join(dir, "../bin/apxs"), filepath.Join(dir, "../bin/apxs2"),
		"apxs", "apxs2",
	}
	for _, candidate := range candidates {
		path, err := exec.LookPath(candidate)
		if err == nil && sameFile(apxsBinary(path), binary) {
			return path
		}
	}
	return ""
}

// apxsBinary returns the server that apxs belongs to, "" where that is not there.
func apxsBinary(apxs string) string {
	dir, name := query(apxs, "sbindir"), query(apxs, "progname")
	if dir == "" || name == "" {
		return ""
	}
	path, err := exec.LookPath(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return path
}

// apxsPlaces returns the directories that apxs names.
func apxsPlaces(apxs string) places {
	var p places
	if dir := query(apxs, "libexecdir"); dir != "" {
		p.modules = append(p.modules, dir)
	}
	if dir := query(apxs, "includedir"); dir != "" {
		p.includes = append(p.includes, dir)
	}
	if config := query(apxs, "APR_CONFIG"); config != "" {
		if dir, err := run(config, "--includedir"); err == nil {
			p.apr = append(p.apr, strings.TrimSpace(dir))
		}
	}
	return p
}

// query asks apxs for one variable. apxs fails for a variable that it does not know, which says no more than "".
func query(apxs, variable string) string {
	value, err := run(apxs, "-q", variable)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(value)
}

func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}
