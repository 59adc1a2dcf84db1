package httpd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// The environment variables that override the search.
const (
	EnvBinary = "MODGO_HTTPD" // path of the server's binary
	EnvAPXS   = "MODGO_APXS"  // path of its apxs
)

// ErrNotFound is the error of Find where no server is installed.
var ErrNotFound = errors.New("found no Apache HTTP Server: looked for " + strings.Join(binaryNames, " and ") +
	" on PATH and in " + strings.Join(binaryDirs, ", ") +
	"; install it (Debian, Ubuntu: apt-get install apache2-bin apache2-dev; RHEL, Fedora: dnf install httpd httpd-devel) " +
	"or set " + EnvBinary + " to the path of its binary")

var (
	binaryNames = []string{"apache2", "httpd"}
	binaryDirs  = []string{
		"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin",
		"/usr/local/apache2/bin", "/opt/apache2/bin", "/opt/httpd/bin", "/opt/homebrew/bin",
	}
	systemModules = []string{
		"/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules", "/usr/lib64/apache2",
	}
	systemIncludes = []string{"/usr/include/apache2", "/usr/include/httpd"}
	systemAPR      = []string{"/usr/include/apr-1.0", "/usr/include/apr-1"}
)

// Find looks for the Apache HTTP Server of this machine. The environment variable MODGO_HTTPD gives the path of its
// binary, MODGO_APXS that of its apxs; without them the first apache2 or httpd on PATH or in a usual directory is taken.
// Neither apxs nor development headers need to be there.
func Find() (*Installation, error) {
	tool, err := namedAPXS()
	if err != nil {
		return nil, err
	}
	binary, err := findBinary(tool)
	if err != nil {
		return nil, err
	}
	version, err := serverVersion(binary)
	if err != nil {
		return nil, err
	}
	static, err := compiledIn(binary)
	if err != nil {
		return nil, err
	}
	if tool == "" {
		tool = apxsOf(binary)
	}
	compiled := readCompiled(binary)
	places := placesOf(binary, tool, compiled.root)
	return &Installation{
		Binary:     binary,
		Version:    version,
		API:        compiled.api,
		Root:       compiled.root,
		ConfigFile: compiled.config,
		ModulesDir: firstDir(places.modules),
		IncludeDir: firstWith("httpd.h", places.includes),
		APRInclude: firstWith("apr.h", places.apr),
		static:     static,
	}, nil
}

func findBinary(tool string) (string, error) {
	if named := os.Getenv(EnvBinary); named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", fmt.Errorf("%s=%s is no program that can be run (%w): set it to the path of the server's binary, for example /usr/sbin/apache2", EnvBinary, named, err)
		}
		return filepath.Abs(path)
	}
	if tool != "" {
		if path := apxsBinary(tool); path != "" {
			return path, nil
		}
		return "", fmt.Errorf("%s=%s names no server that is there: set %s to the path of the server's binary", EnvAPXS, tool, EnvBinary)
	}
	for _, name := range binaryNames {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	// An ordinary user's PATH often lacks the sbin directories.
	for _, dir := range binaryDirs {
		for _, name := range binaryNames {
			if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return path, nil
			}
		}
	}
	return "", ErrNotFound
}

var versionPattern = regexp.MustCompile(`Apache/(\d+\.\d+\.\d+)`)

func serverVersion(binary string) (string, error) {
	output, err := run(binary, "-v")
	if err != nil {
		return "", err
	}
	match := versionPattern.FindStringSubmatch(output)
	if match == nil {
		return "", fmt.Errorf("%s -v does not answer as an Apache HTTP Server does, but with %q: set %s to the path of the server's binary", binary, strings.TrimSpace(output), EnvBinary)
	}
	return match[1], nil
}

// compiledIn returns the names of the modules that `httpd -l` lists. It lists source files; those of the MPMs do not
// carry the name of the module.
func compiledIn(binary string) (map[string]bool, error) {
	output, err := run(binary, "-l")
	if err != nil {
		return nil, err
	}
	static := make(map[string]bool)
	for line := range strings.Lines(output) {
		name, ok := strings.CutSuffix(strings.TrimSpace(line), ".c")
		if !ok {
			continue
		}
		switch name {
		case "event", "worker", "prefork":
			name = "mod_mpm_" + name
		}
		static[name] = true
	}
	return static, nil
}

// places are directories to look in, best first.
type places struct{ modules, includes, apr []string }

// placesOf lists where the parts of the installation of binary may lie. An installation under a prefix of its own must
// not be mixed with the distribution's modules and headers, which are of another version.
func placesOf(binary, tool, root string) places {
	var p places
	if tool != "" {
		p = apxsPlaces(tool)
	}
	if root != "" {
		p.modules = append(p.modules, filepath.Join(root, "modules"))
	}
	real, err := filepath.EvalSymlinks(binary)
	if err != nil {
		real = binary
	}
	prefix := filepath.Dir(filepath.Dir(real))
	if prefix == "/usr" || prefix == "/" {
		p.modules = append(p.modules, systemModules...)
		p.includes = append(p.includes, systemIncludes...)
		p.apr = append(p.apr, systemAPR...)
		return p
	}
	include := filepath.Join(prefix, "include")
	p.modules = append(p.modules, filepath.Join(prefix, "modules"), filepath.Join(prefix, "libexec"), filepath.Join(prefix, "lib/httpd/modules"))
	p.includes = append(p.includes, include, filepath.Join(include, "httpd"), filepath.Join(include, "apache2"))
	p.apr = append(p.apr, filepath.Join(include, "apr-1"), filepath.Join(include, "apr-1.0"), include)
	// A server that was built from source often uses the distribution's APR.
	p.apr = append(p.apr, systemAPR...)
	return p
}

func firstDir(dirs []string) string {
	for _, dir := range dirs {
		if isDir(dir) {
			return dir
		}
	}
	return ""
}

func firstWith(file string, dirs []string) string {
	for _, dir := range dirs {
		if isFile(filepath.Join(dir, file)) {
			return dir
		}
	}
	return ""
}

// run returns what a command prints on its standard output, also where it fails.
func run(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	output, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return string(output), err
}
