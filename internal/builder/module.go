package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
)

// module is what the go command works in: a main module, or a workspace of several. The bridge imports modules for which
// a tidy go.sum need not have entries. The user's files are not to be touched, so the go command gets a private go.mod or
// go.work, in which it may complete what is missing.
type module struct {
	main    []mainModule
	bridge  moduleInfo // the module that holds the bridge
	work    bool       // a workspace
	vendor  bool       // everything, the bridge included, comes from the vendor directory
	replace []replacement
}

type mainModule struct{ Path, Dir string }

type moduleInfo struct {
	Path, Dir string
	Main      bool
	Error     *struct{ Err string }
}

// A replacement directs a module of the module cache to a copy of it.
type replacement struct{ module, dir string }

// findModule finds the user's module, or workspace, and in it the module of the bridge.
func (b *build) findModule(ctx context.Context) (*module, error) {
	if b.env.GOWORK == "" && (b.env.GOMOD == "" || b.env.GOMOD == os.DevNull) {
		return nil, fmt.Errorf("%s is in no Go module: run `go mod init NAME` and `go get %s` there, or name the directory of a module with --dir", b.Dir, modulePath)
	}
	m := &module{work: b.env.GOWORK != ""}
	if m.work {
		// In a workspace even go list completes go.work.sum, so everything runs with the private one.
		private, err := b.privateWork(ctx, m)
		if err != nil {
			return nil, err
		}
		b.env.vars = append(b.env.vars, "GOWORK="+private)
	}
	var group errgroup.Group
	group.Go(func() error {
		output, err := b.env.run(ctx, b.Dir, b.listArgs("-m", "-json")...)
		if err != nil {
			return err
		}
		for decoder := json.NewDecoder(bytes.NewReader(output)); decoder.More(); {
			var one mainModule
			if err := decoder.Decode(&one); err != nil {
				return fmt.Errorf("go list -m -json answered what is no JSON: %w", err)
			}
			m.main = append(m.main, one)
		}
		return nil
	})
	group.Go(func() error {
		output, err := b.env.run(ctx, b.Dir, b.listArgs("-m", "-json", "-e", modulePath)...)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(output, &m.bridge); err != nil {
			return fmt.Errorf("go list -m -json answered what is no JSON: %w", err)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if m.bridge.Error != nil {
		if strings.Contains(m.bridge.Error.Err, "not a known dependency") {
			return nil, fmt.Errorf("%s does not require %s: run `go get %s` there; if no package of it imports modgo, `go get -tool %s/cmd/modgo`, which `go mod tidy` keeps",
				m.name(b.env), modulePath, modulePath, modulePath)
		}
		return nil, fmt.Errorf("%s: %s", m.name(b.env), m.bridge.Error.Err)
	}
	if m.usesVendor(b.env) {
		// `go mod vendor` leaves the bridge out unless a package of the module imports it.
		root := m.main[0].Dir
		m.vendor = m.bridge.Main || exists(filepath.Join(root, "vendor", b.host))
		if !m.vendor {
			b.logf("%s has no %s: building from the module cache instead (to build from vendor, import that package for its effect, `_`, and run `go mod vendor`)",
				b.relative(filepath.Join(root, "vendor")), b.host)
		}
	}
	return m, nil
}

// listArgs are arguments of a go list that must not change go.mod.
func (b *build) listArgs(args ...string) []string {
	return append(append([]string{"list"}, b.readonly()...), args...)
}

// readonly keeps the go command from changing the user's go.mod, where GOFLAGS asks it to.
func (b *build) readonly() []string {
	if b.env.flag("mod") == "mod" {
		return []string{"-mod=readonly"}
	}
	return nil
}

// name is how an error speaks of the user's module.
func (m *module) name(env *goEnv) string {
	if m.work {
		return "the workspace " + env.GOWORK
	}
	return "the module of " + env.GOMOD
}

// usesVendor tells whether the go command takes packages from a vendor directory, by its own rules. A workspace's is not
// used: its go.work is private.
func (m *module) usesVendor(env *goEnv) bool {
	if m.work || len(m.main) != 1 {
		return false
	}
	switch env.flag("mod") {
	case "vendor":
		return true
	case "":
		return env.flag("modfile") == "" && exists(filepath.Join(m.main[0].Dir, "vendor", "modules.txt"))
	}
	return false
}

// buildArgs are the flags that make the go command use the private go.mod. A workspace's is in the environment.
func (b *build) buildArgs(ctx context.Context) ([]string, error) {
	switch {
	case b.module.vendor:
		return []string{"-mod=vendor"}, nil
	case b.module.work:
		private, err := b.privateWork(ctx, b.module)
		b.env.vars = append(b.env.vars, "GOWORK="+private)
		return nil, err
	default:
		private, err := b.privateMod(ctx)
		return []string{"-mod=mod", "-modfile=" + private}, err
	}
}

// privateMod makes the private go.mod. Relative paths in it still start at the user's module.
func (b *build) privateMod(ctx context.Context) (string, error) {
	path := b.env.GOMOD
	if other := b.env.flag("modfile"); other != "" {
		if path = other; !filepath.IsAbs(path) {
			path = filepath.Join(b.Dir, path)
		}
	}
	return b.private(ctx, b.module, "mod", path, nil)
}

// privateWork makes the private go.work, in which relative paths are absolute.
func (b *build) privateWork(ctx context.Context, m *module) (string, error) {
	return b.private(ctx, m, "work", b.env.GOWORK, func() ([]string, error) {
		output, err := b.env.run(ctx, b.Dir, "work", "edit", "-json", b.env.GOWORK)
		if err != nil {
			return nil, err
		}
		return absoluteWork(output, filepath.Dir(b.env.GOWORK))
	})
}

// private makes a copy of the user's go.mod or go.work at path, and of its sums, with the replacements and what else
// edits gives as arguments of go mod edit or go work edit. The copy's directory is named after what it is made from, so
// what the go command adds to it is kept as long as the user's stays as it is.
func (b *build) private(ctx context.Context, m *module, kind, path string, edits func() ([]string, error)) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("go.%s cannot be read: %w", kind, err)
	}
	sum, err := m.sums(sumOf(path))
	if err != nil {
		return "", err
	}
	var args []string
	for _, r := range m.replace {
		args = append(args, "-replace="+r.module+"="+r.dir)
	}
	dir := filepath.Join(b.cache, "modules", "private-"+digest(path, string(content), string(sum), strings.Join(args, "\n")))
	private := filepath.Join(dir, "go."+kind)
	if exists(private) {
		return private, nil
	}
	err = createDir(dir, func(temporary string) error {
		file := filepath.Join(temporary, "go."+kind)
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(sumOf(file), sum, 0o644); err != nil {
			return err
		}
		if edits != nil {
			more, err := edits()
			if err != nil {
				return err
			}
			args = append(more, args...)
		}
		if len(args) == 0 {
			return nil
		}
		_, err := b.env.run(ctx, b.Dir, append(append([]string{kind, "edit"}, args...), file)...)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("a private copy of %s cannot be made: %w", path, err)
	}
	return private, nil
}

// sumOf returns the path of the checksums that belong to a go.mod or go.work.
func sumOf(path string) string {
	if module, ok := strings.CutSuffix(path, ".mod"); ok {
		return module + ".sum"
	}
	return path + ".sum"
}

// absoluteWork returns the arguments for go work edit that make the paths in a go.work absolute, given as JSON.
func absoluteWork(work []byte, dir string) ([]string, error) {
	var content struct {
		Use     []struct{ DiskPath string }
		Replace []struct {
			Old, New struct{ Path, Version string }
		}
	}
	if err := json.Unmarshal(work, &content); err != nil {
		return nil, fmt.Errorf("go work edit -json answered what is no JSON: %w", err)
	}
	var args []string
	for _, use := range content.Use {
		if !filepath.IsAbs(use.DiskPath) {
			args = append(args, "-dropuse="+use.DiskPath, "-use="+filepath.Join(dir, use.DiskPath))
		}
	}
	for _, r := range content.Replace {
		if r.New.Version != "" || filepath.IsAbs(r.New.Path) {
			continue
		}
		old := r.Old.Path
		if r.Old.Version != "" {
			old += "@" + r.Old.Version
		}
		args = append(args, "-replace="+old+"="+filepath.Join(dir, r.New.Path))
	}
	return args, nil
}

// sums returns the content of a go.sum, completed from that of the bridge's module, which knows what the bridge imports.
// It is as trustworthy as the bridge itself.
func (m *module) sums(path string) ([]byte, error) {
	sum, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the checksums of the modules cannot be read: %w", err)
	}
	if m.bridge.Dir == "" {
		return sum, nil
	}
	more, err := os.ReadFile(filepath.Join(m.bridge.Dir, "go.sum"))
	if err != nil {
		return sum, nil // only a help: the go command finds out by itself, if it reaches the network
	}
	known := make(map[string]bool)
	for line := range strings.Lines(string(sum)) {
		known[strings.TrimSpace(line)] = true
	}
	if len(sum) > 0 && !bytes.HasSuffix(sum, []byte("\n")) {
		sum = append(sum, '\n')
	}
	for line := range strings.Lines(string(more)) {
		if line = strings.TrimSpace(line); line != "" && !known[line] {
			sum = append(sum, line+"\n"...)
		}
	}
	return sum, nil
}
