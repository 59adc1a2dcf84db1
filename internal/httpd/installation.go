// Package httpd finds the Apache HTTP Server that is installed on this machine: its binary, its modules and the headers
// that a module is compiled against.
package httpd

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// MinimumVersion is the oldest httpd that the module is made for.
const MinimumVersion = "2.4.49"

// Installation is one installed Apache HTTP Server.
type Installation struct {
	Binary     string // path of the server, for example /usr/sbin/apache2 or /usr/sbin/httpd
	Version    string // for example "2.4.71"
	API        API    // of modules; zero where the server does not tell
	Root       string // the compiled-in ServerRoot, for example /etc/apache2; "" where the server does not tell
	ConfigFile string // the compiled-in main configuration file, which need not be there; "" where the server does not tell
	ModulesDir string // where the mod_*.so lie; "" where no such directory was found
	IncludeDir string // holds httpd.h; "" without development headers
	APRInclude string // holds apr.h; "" without development headers

	static map[string]bool // compiled-in modules by name, for example "mod_so"
}

// Module tells where a module comes from. Name is "mod_mime" or, for an MPM, "mod_mpm_event". A module that is compiled
// into the server has no path and is static; any other has the path of its shared object. Ok is false where the
// installation has no such module.
func (i *Installation) Module(name string) (path string, static, ok bool) {
	if i.static[name] {
		return "", true, true
	}
	if i.ModulesDir == "" {
		return "", false, false
	}
	path = filepath.Join(i.ModulesDir, name+".so")
	if !isFile(path) {
		return "", false, false
	}
	return path, false, true
}

// MPMs returns the multi-processing modules that are available, of event, worker and prefork, in this order. A server
// with a compiled-in MPM has that one only: it refuses to load another.
func (i *Installation) MPMs() []string {
	var available []string
	for _, mpm := range []string{"event", "worker", "prefork"} {
		_, static, ok := i.Module("mod_mpm_" + mpm)
		if static {
			return []string{mpm}
		}
		if ok {
			available = append(available, mpm)
		}
	}
	return available
}

// HasHeaders tells whether a module can be compiled against this installation.
func (i *Installation) HasHeaders() bool { return i.IncludeDir != "" && i.APRInclude != "" }

// AtLeast tells whether the server is of the given version, for example "2.4.49", or newer.
func (i *Installation) AtLeast(version string) bool {
	have, want := numbers(i.Version), numbers(version)
	for n := range want {
		if have[n] != want[n] {
			return have[n] > want[n]
		}
	}
	return true
}

// numbers splits "2.4.71" into its parts; what is missing or no number counts as 0.
func numbers(version string) (parts [3]int) {
	for n, text := range strings.SplitN(version, ".", len(parts)) {
		parts[n], _ = strconv.Atoi(text)
	}
	return parts
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
