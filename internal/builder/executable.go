package builder

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// linkedExecutable is the name of the linked file in the work directory.
const linkedExecutable = "program"

var executable = target{buildmode: "default", host: modulePath + "/modgo"}

// BuildExecutable builds an ordinary program of the applications in the packages that the patterns name. program returns
// the source of its main package: a file with package clause and main function, which finds the applications with
// modgo.Find. It may import the standard library and modgo.
//
// Options.Output is required. It is written under a new inode, and may be running. Neither httpd nor a C compiler is
// needed, unless the packages use cgo. Errors are those of Build.
func BuildExecutable(ctx context.Context, options Options, program func([]Package) (source string, err error)) (*Result, error) {
	started := time.Now()
	if options.Output == "" {
		return nil, errors.New("BuildExecutable was called without an output")
	}
	b, err := newBuild(ctx, options, executable)
	if err != nil {
		return nil, err
	}
	if err := b.check(ctx); err != nil {
		return nil, err
	}
	if b.program, err = program(b.packages()); err != nil {
		return nil, err
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	linked, err := b.linkExecutable(ctx)
	if err != nil {
		return nil, err
	}
	result := &Result{Output: b.output, Packages: b.packages()}
	if err := b.installExecutable(linked, result); err != nil {
		return nil, err
	}
	result.Duration = time.Since(started)
	return result, nil
}

// linkExecutable builds the program in the work directory and returns its path.
func (b *build) linkExecutable(ctx context.Context) (string, error) {
	var err error
	if b.gen, err = b.generate(); err != nil {
		return "", err
	}
	flags, err := b.buildArgs(ctx)
	if err != nil {
		return "", err
	}
	linked := filepath.Join(b.gen.dir, linkedExecutable)
	args := append([]string{"build", "-o", linked, "-overlay=" + b.gen.overlay}, b.compileFlags(flags...)...)
	if b.Verbose {
		args = append(args, "-v")
	}
	b.logf("building %s of %s", b.relative(b.output), count(len(b.apps), "package"))
	err = b.goBuild(ctx, append(args, b.gen.main))
	var failed *CompileError
	if errors.As(err, &failed) && strings.Contains(failed.Output, "# "+b.gen.main+"\n") {
		failed.Output += fmt.Sprintf("\nthis modgo and the module's %s do not fit each other: run `go get %[1]s@latest`, or install the modgo of the module's version with `go install %[1]s/cmd/modgo`", modulePath)
	}
	if err != nil {
		return "", err
	}
	b.gen.used[linkedExecutable] = true
	b.prune(b.gen.used)
	return linked, nil
}

// installExecutable gives the linked file its second name, the output, or copies it to another file system.
func (b *build) installExecutable(linked string, result *Result) error {
	info, err := os.Stat(linked)
	if err != nil {
		return fmt.Errorf("the linked file is gone from the build cache: %w; build again", err)
	}
	result.Size = info.Size()
	if result.BuildID, err = readBuildID(linked); err != nil {
		return err
	}
	if old, err := readBuildID(b.output); err == nil && old != "" && contentID(old) == contentID(result.BuildID) {
		result.Unchanged = true
		return nil
	}
	if err := os.Remove(b.output); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the output cannot be written: %w", err)
	}
	if os.Link(linked, b.output) == nil {
		return nil
	}
	content, err := os.ReadFile(linked)
	if err != nil {
		return fmt.Errorf("the linked file cannot be read: %w", err)
	}
	if err := createFile(b.output, content, 0o755); err != nil {
		return fmt.Errorf("the output cannot be written: %w", err)
	}
	return nil
}

// contentID is the part of a build ID that the linked bytes decide; the part before it changes with every input.
func contentID(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// readBuildID reads Go's build ID of an executable; "" is none, which flags in GOFLAGS can ask for.
func readBuildID(path string) (string, error) {
	file, err := elf.Open(path)
	if err != nil {
		return "", fmt.Errorf("the executable %s cannot be read: %w", path, err)
	}
	defer file.Close()
	return buildID(file), nil
}
