package httpd

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Control returns the command by which people start, stop and check this server: apachectl, where it lies beside the
// binary, for that reads the server's environment too.
func (i *Installation) Control() (path string, ok bool) {
	for _, name := range []string{"apachectl", "apache2ctl"} {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(i.Binary), name)); err == nil {
			return path, true
		}
	}
	return "", false
}

// ConfigTest checks the server's own configuration, as a start would. The error says what the server complains of; if there
// is none, warnings are the lines that it prints beside Syntax OK.
func (i *Installation) ConfigTest(ctx context.Context) (warnings string, err error) {
	if control, ok := i.Control(); ok {
		return i.test(ctx, control, "configtest")
	}
	return i.test(ctx, i.Binary, "-t")
}

// TestFile checks a configuration file that has nothing to do with the server's own.
func (i *Installation) TestFile(ctx context.Context, path string) error {
	_, err := i.test(ctx, i.Binary, "-t", "-f", path)
	return err
}

func (i *Installation) test(ctx context.Context, name string, args ...string) (warnings string, err error) {
	output, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", fmt.Errorf("%s %s says (%w):\n%s", name, strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return strings.Replace(string(output), "Syntax OK\n", "", 1), nil
}

// Loads tells whether the server's own configuration loads a module, for example "go_module". A configuration that
// cannot be read loads none.
func (i *Installation) Loads(ctx context.Context, identifier string) bool {
	name := i.Binary
	if control, ok := i.Control(); ok {
		name = control
	}
	output, _ := exec.CommandContext(ctx, name, "-t", "-D", "DUMP_MODULES").Output()
	for line := range strings.Lines(string(output)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == identifier {
			return true
		}
	}
	return false
}
