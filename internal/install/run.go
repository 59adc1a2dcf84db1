package install

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mod-go/mod-go/internal/httpd"
)

// run does the steps and has the server check its configuration as it is then, state for people. Where it does not work,
// or a step fails, everything is put back.
func (i *installer) run(ctx context.Context, state string) error {
	if i.DryRun {
		fmt.Fprintln(i.Out, "This is what would be done; nothing is:")
		i.tell()
		return nil
	}
	if err := i.checkAccess(); err != nil {
		return err
	}
	var t transaction
	err := i.try(ctx, &t, state)
	if err == nil {
		if err := t.commit(); err != nil {
			return err
		}
		i.tell()
		fmt.Fprint(i.Out, i.warnings)
		return nil
	}
	if undone := t.rollback(); undone != nil {
		return fmt.Errorf("%w\n\nNot everything could be put back as it was before: %w", err, undone)
	}
	err = fmt.Errorf("%w\n\nEverything is as it was before", err)
	var refused *refusedError
	if !errors.As(err, &refused) {
		return err
	}
	if _, before := i.HTTPD.ConfigTest(ctx); before != nil {
		return fmt.Errorf("%w, and broken then already: mend it first. %w", err, before)
	}
	return err
}

// try does the steps and checks the configuration. A folder that stands for / has none that a server could read.
func (i *installer) try(ctx context.Context, t *transaction, state string) error {
	for _, s := range i.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.do == nil {
			continue
		}
		if err := s.do(t); err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
	}
	if i.Root != "" || !i.changes() {
		return nil
	}
	var err error
	if i.warnings, err = i.HTTPD.ConfigTest(ctx); err != nil && ctx.Err() == nil {
		return &refusedError{state, err}
	}
	return err
}

// refusedError is the server's refusal of its configuration.
type refusedError struct {
	state string
	cause error
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("the server's configuration does not work %s: %v", e.state, e.cause)
}

func (e *refusedError) Unwrap() error { return e.cause }

// checkAccess tells where this process may not write, before anything is written.
func (i *installer) checkAccess() error {
	var closed []string
	for _, s := range i.steps {
		if s.do == nil {
			continue
		}
		dir := filepath.Dir(s.path)
		for !exists(dir) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
		}
		if unix.Access(dir, unix.W_OK) != nil && !slices.Contains(closed, dir) {
			closed = append(closed, dir)
		}
	}
	switch {
	case len(closed) == 0:
		return nil
	case os.Geteuid() != 0:
		return fmt.Errorf("you may not write to %s: run it as root,\n    sudo %s", strings.Join(closed, ", "), i.Command)
	}
	return fmt.Errorf("even root may not write to %s: it may lie on a file system that is mounted read-only, as in some containers; make it writable, or install into a folder with --root", strings.Join(closed, ", "))
}

// tell prints a line for each file.
func (i *installer) tell() {
	for _, s := range i.steps {
		if s.verb == "" {
			continue
		}
		line := fmt.Sprintf("%-10s %s", s.verb, s.path)
		if s.note != "" {
			line += ": " + s.note
		}
		fmt.Fprintln(i.Out, line)
	}
}

// tellNext says what is left to do after an installation.
func (i *installer) tellNext(ctx context.Context) {
	if i.layout.load == "" && (i.Root != "" || !i.HTTPD.Loads(ctx, "go_module")) {
		fmt.Fprintf(i.Out, "Where this server loads its modules is not known. Add to %s:\n    LoadModule go_module %s\n", orItsConfiguration(i.HTTPD), i.layout.object)
	}
	if i.Root == "" && !i.DryRun {
		fmt.Fprintf(i.Out, "Running processes keep what they have loaded. To change over, run\n    sudo %s\n", gracefulCommand(i.HTTPD))
	}
}

func orItsConfiguration(inst *httpd.Installation) string {
	if inst.ConfigFile == "" {
		return "its configuration"
	}
	return inst.ConfigFile
}

// gracefulCommand is what people type: the short name where it is enough.
func gracefulCommand(inst *httpd.Installation) string {
	control, ok := inst.Control()
	if !ok {
		return inst.Binary + " -k graceful"
	}
	if dir := filepath.Dir(control); dir == "/usr/sbin" || dir == "/usr/bin" {
		control = filepath.Base(control)
	}
	return control + " graceful"
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
