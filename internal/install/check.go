package install

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mod-go/mod-go/internal/httpd"
	"github.com/mod-go/mod-go/internal/httpdconf"
)

// checkAPI compares what a shared object was compiled against with what the server accepts. A newer minor number need not
// matter: the trial shows whether a function is missing.
func checkAPI(path string, object httpd.API, inst *httpd.Installation) error {
	if inst.API.Major == 0 || inst.API.Major == object.Major {
		return nil
	}
	return fmt.Errorf("%s was built for servers with the module API %d, and %s has %d: build it again with modgo build, against the headers of this server",
		path, object.Major, inst.Binary, inst.API.Major)
}

// trial has the server load a shared object in a configuration of its own, so that what only the dynamic loader can know
// is known before anything is written: missing libraries and functions, a glibc that is too old.
func trial(ctx context.Context, inst *httpd.Installation, object string) error {
	object, err := filepath.Abs(object)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "modgo-install-")
	if err != nil {
		return fmt.Errorf("there is no place to try the shared object in: %w", err)
	}
	defer os.RemoveAll(dir)
	account, err := httpdconf.ChildAccount()
	if err != nil {
		return err
	}
	server := httpdconf.Server{Root: dir, Listen: []string{"127.0.0.1:8000"}, GoModule: object}
	if account != nil {
		server.User, server.Group = account.User, account.Group
	}
	config, err := server.WriteFile(inst)
	if err != nil {
		return err
	}
	if err := inst.TestFile(ctx, config); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("the server on this machine cannot use %s: build it on this machine, or on one with the same release of the distribution. %w", object, err)
	}
	return nil
}

// notOfPackage refuses to touch files that a Debian package has installed.
func (i *installer) notOfPackage(paths ...string) error {
	tool, err := exec.LookPath("dpkg-query")
	if i.Root != "" || err != nil {
		return nil
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return path == "" })
	// It fails where it does not know one of them, and lists the others all the same.
	output, _ := exec.Command(tool, append([]string{"--search"}, paths...)...).Output()
	owner, path, found := strings.Cut(strings.TrimSpace(strings.SplitN(string(output), "\n", 2)[0]), ": ")
	if !found {
		return nil
	}
	return fmt.Errorf("%s belongs to the Debian package %s: install a new version of the package (make deb), or remove it first with apt-get remove %s", path, owner, owner)
}
