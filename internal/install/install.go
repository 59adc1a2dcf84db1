// Package install puts mod_go.so and its configuration where an installed Apache HTTP Server looks for them, and takes them
// away again. Either happens as a whole or not at all: what was done is undone when the server then refuses its
// configuration.
package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/internal/httpd"
)

// ObjectName is the name of the shared object in httpd's folder of modules.
const ObjectName = "mod_go.so"

// Options say what is installed, or uninstalled, and where.
type Options struct {
	Object  string              // path of the mod_go.so to install
	Root    string              // a folder that stands for /, as make's DESTDIR; "" is this machine itself
	DryRun  bool                // tell what would be done, and do nothing
	HTTPD   *httpd.Installation // nil is the one that httpd.Find finds
	Out     io.Writer           // gets a line for each file, and what to do next; nil discards them
	Command string              // this command as root would give it, for messages; "" is modgo install or modgo uninstall
}

// installer is one run of Install or Uninstall.
type installer struct {
	Options
	layout layout
	record *record
	steps  []step

	warnings string // what the server says of a configuration that it accepts
}

// A step is what becomes of one file.
type step struct {
	verb string                   // for people: "written", "kept"
	path string                   // within Root
	note string                   // for people; "" for none
	do   func(*transaction) error // nil leaves the file as it is
}

// Install checks the object, installs it with what loads it, and has the server check its configuration. Files that the
// administrator has changed stay as they are. The server is not restarted. An error is a sentence, and then every file
// is as it was.
func Install(ctx context.Context, options Options) error {
	content, object, err := readObject(options.Object)
	if err != nil {
		return err
	}
	i, err := newInstaller(options, "modgo install "+options.Object)
	if err != nil {
		return err
	}
	if err := checkAPI(options.Object, object.API, i.HTTPD); err != nil {
		return err
	}
	if err := trial(ctx, i.HTTPD, options.Object); err != nil {
		return err
	}
	if err := i.planInstall(content); err != nil {
		return err
	}
	if err := i.run(ctx, "with what was installed"); err != nil {
		return err
	}
	i.tellNext(ctx)
	return nil
}

// Uninstall takes away what Install has put in place. Files that were changed since stay, and so does everything where the
// server's configuration would not work without it. It is no error if there is nothing to take away.
func Uninstall(ctx context.Context, options Options) error {
	i, err := newInstaller(options, "modgo uninstall")
	if err != nil {
		return err
	}
	if err := i.planUninstall(); err != nil {
		return err
	}
	if len(i.steps) == 0 {
		fmt.Fprintf(i.Out, "There is nothing of mod_go in %s.\n", i.layout.name)
		return nil
	}
	err = i.run(ctx, "without mod_go (take GoAlias and the other directives of mod_go out of it first)")
	if err != nil {
		return err
	}
	if i.changes() && !i.DryRun && i.Root == "" {
		fmt.Fprintf(i.Out, "Running processes keep mod_go until you run\n    sudo %s\n", gracefulCommand(i.HTTPD))
	}
	return nil
}

func newInstaller(options Options, command string) (*installer, error) {
	i := &installer{Options: options}
	if i.Out == nil {
		i.Out = io.Discard
	}
	if i.Command == "" {
		i.Command = command
	}
	var err error
	if i.HTTPD == nil {
		if i.HTTPD, err = httpd.Find(); err != nil {
			return nil, err
		}
	}
	if i.Root != "" {
		if i.Root, err = filepath.Abs(i.Root); err != nil {
			return nil, err
		}
	}
	if i.layout, err = layoutOf(i.HTTPD, i.Root); err != nil {
		return nil, err
	}
	i.record, err = readRecord(i.at(i.layout.record))
	return i, err
}

// at is where a path of the installed system lies.
func (i *installer) at(path string) string { return filepath.Join(i.Root, path) }

// planInstall decides what becomes of each file.
func (i *installer) planInstall(object []byte) error {
	l := i.layout
	if err := i.notOfPackage(l.object, l.load, l.conf); err != nil {
		return err
	}
	switch old, err := os.ReadFile(i.at(l.object)); {
	case err == nil && bytes.Equal(old, object) && readable(i.at(l.object)):
		i.leave("unchanged", l.object, "")
	case err == nil || errors.Is(err, os.ErrNotExist):
		i.write(l.object, object)
	default:
		return fmt.Errorf("what stands at %s cannot be replaced: %w; move it away", i.at(l.object), err)
	}
	i.record.add(l.object, object)
	for _, file := range l.files() {
		if err := i.planFile(file); err != nil {
			return err
		}
	}
	for _, link := range l.links {
		if err := i.planLink(link); err != nil {
			return err
		}
	}
	i.planMarker()
	return i.planRecord()
}

// planFile writes a configuration file, unless the administrator has one of his own there.
func (i *installer) planFile(file configFile) error {
	path := i.at(file.path)
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		i.write(file.path, file.content)
	case err != nil:
		return fmt.Errorf("what stands at %s cannot be read: %w; move it away", path, err)
	case bytes.Equal(old, file.content):
		i.leave("unchanged", file.path, "")
	case i.record.has(file.path, old):
		i.write(file.path, file.content)
	default:
		if file.loads && !loadsObject(old, i.HTTPD.Root, i.layout.object) {
			return fmt.Errorf("%s does not load %s, which modgo install would write: correct its line LoadModule go_module, or remove the file, and install again", path, i.layout.object)
		}
		beside := file.path + newSuffix
		i.leave("kept", file.path, "it was changed here; "+filepath.Base(beside)+" beside it is the one of this version")
		if now, err := os.ReadFile(i.at(beside)); err != nil || !bytes.Equal(now, file.content) {
			i.write(beside, file.content)
		}
		i.record.add(beside, file.content)
		return nil
	}
	i.record.add(file.path, file.content)
	return nil
}

// newSuffix is the end of the name of a new configuration file beside one that was changed. httpd reads no such name.
const newSuffix = ".modgo-new"

func (i *installer) planLink(link link) error {
	path := i.at(link.path)
	info, err := os.Lstat(path)
	target := ""
	if err == nil && info.Mode()&os.ModeSymlink != 0 {
		target, err = os.Readlink(path)
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		i.steps = append(i.steps, step{"linked", path, "to " + link.target, func(t *transaction) error { return t.symlink(link.target, path) }})
	case err != nil:
		return fmt.Errorf("%s cannot be read: %w", path, err)
	case target != link.target:
		return fmt.Errorf("%s is there already, and is no link to %s: remove it and install again", path, link.target)
	default:
		i.leave("unchanged", link.path, "")
	}
	i.record.add(link.path, []byte(link.target))
	return nil
}

// planMarker notes for a2query that the administrator has enabled the module, as a2enmod does. People need not know.
func (i *installer) planMarker() {
	marker := i.layout.marker
	if marker == "" || !isDir(i.at(markerDir)) || exists(i.at(marker)) {
		return
	}
	others, _ := filepath.Glob(filepath.Join(i.at(markerDir), "*", filepath.Base(marker)))
	for _, other := range others {
		i.steps = append(i.steps, step{"", other, "", func(t *transaction) error { return t.remove(other) }})
	}
	i.steps = append(i.steps, step{"", i.at(marker), "", func(t *transaction) error { return t.write(i.at(marker), nil) }})
	i.record.add(marker, nil)
}

func (i *installer) planRecord() error {
	path, content := i.at(i.layout.record), i.record.bytes()
	if bytes.Equal(content, i.record.read) {
		return nil
	}
	i.steps = append(i.steps, step{"", path, "", func(t *transaction) error {
		if content == nil {
			return t.remove(path)
		}
		return t.write(path, content)
	}})
	return nil
}

// readable tells whether a file has the mode of what is installed.
func readable(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode() == fileMode
}

func (i *installer) write(path string, content []byte) {
	path = i.at(path)
	verb := "written"
	if _, err := os.Lstat(path); err == nil {
		verb = "replaced"
	}
	i.steps = append(i.steps, step{verb, path, "", func(t *transaction) error { return t.write(path, content) }})
}

func (i *installer) leave(verb, path, note string) {
	i.steps = append(i.steps, step{verb, i.at(path), note, nil})
}

// changes tells whether any step does something.
func (i *installer) changes() bool {
	for _, s := range i.steps {
		if s.do != nil {
			return true
		}
	}
	return false
}

// readObject reads a shared object and checks it as modgo check does.
func readObject(path string) ([]byte, *builder.Object, error) {
	object, err := builder.Inspect(path)
	if err != nil {
		return nil, nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("the shared object cannot be read: %w", err)
	}
	return content, object, nil
}
