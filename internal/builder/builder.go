// Package builder makes mod_go.so: it links the applications of a user's packages, the bridge and the Go runtime into one
// shared object that Apache loads.
//
// It runs the go command in the user's own module, so the user's go.mod decides versions, and writes nothing into the
// user's tree: the main package and the registration of the applications exist in a build overlay only, and go.mod is
// completed in a private copy.
package builder

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/mod-go/mod-go/internal/httpd"
)

// EnvCache is the environment variable that gives Options.Cache.
const EnvCache = "MODGO_CACHE"

// DefaultOutput is the name of the shared object where Options.Output gives none.
const DefaultOutput = "mod_go.so"

// modulePath is the module that an application's module requires, and that holds the bridge.
const modulePath = "github.com/mod-go/mod-go"

// Options say what Build builds.
type Options struct {
	Dir      string              // the go command's working directory; "" is the current one
	Patterns []string            // packages, as for go build; none is "."
	Output   string              // path of the shared object, relative to Dir; "" is DefaultOutput
	Tags     []string            // build tags
	Validate bool                // wrap every application in the validator (middleware/validate)
	Cache    string              // directory; "" is $MODGO_CACHE or modgo in the user's cache directory
	HTTPD    *httpd.Installation // whose headers are used; nil is the one that httpd.Find finds
	Log      io.Writer           // gets short lines on what is being done; nil discards them
	Verbose  bool                // log the commands that are run and the packages that are compiled, too
}

// Result is what Build built.
type Result struct {
	Output    string // absolute path of the shared object
	Packages  []Package
	Duration  time.Duration
	Size      int64  // of the shared object, in bytes
	BuildID   string // Go's build ID of the shared object
	Unchanged bool   // Output held the same bytes already and was left alone
}

// A Package is a package that was linked in with its callables.
type Package struct {
	Path      string // import path
	Name      string // as in its package clause
	Dir       string // where its files lie
	Callables []Callable
}

// Build builds a shared object of the applications in the packages that the patterns name. An error is a sentence, or
// the go command's own lines on the user's code (CompileError), and leaves the output as it was.
func Build(ctx context.Context, options Options) (*Result, error) {
	started := time.Now()
	b, err := newBuild(ctx, options, sharedObject)
	if err != nil {
		return nil, err
	}
	if err := b.findHeaders(); err != nil {
		return nil, err
	}
	if err := b.check(ctx); err != nil {
		return nil, err
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	linked, err := b.link(ctx)
	if err != nil {
		return nil, err
	}
	object, unchanged, err := b.install(linked)
	if err != nil {
		return nil, err
	}
	result := &Result{
		Output:    b.output,
		Packages:  b.packages(),
		Duration:  time.Since(started),
		Size:      object.Size,
		BuildID:   object.BuildID,
		Unchanged: unchanged,
	}
	b.report(result)
	return result, nil
}

// A target is what a build links.
type target struct {
	buildmode string // as go build names it
	host      string // the package that the main package imports beside the applications
}

var sharedObject = target{buildmode: "c-shared", host: modulePath + "/apachebridge"}

// build is one run of Build or BuildExecutable.
type build struct {
	Options
	target
	program string // source of the main function; "" is one that does nothing
	output  string // absolute
	cache   string // absolute
	env     *goEnv
	module  *module    // the user's, or the workspace
	apps    []*app     // the packages with callables, in the order of their import paths
	gen     *generated // nil until link
}

func newBuild(ctx context.Context, options Options, target target) (*build, error) {
	b := &build{Options: options, target: target}
	if b.Log == nil {
		b.Log = io.Discard
	}
	if len(b.Patterns) == 0 {
		b.Patterns = []string{"."}
	}
	dir, err := filepath.Abs(b.Dir)
	if err != nil {
		return nil, fmt.Errorf("the working directory cannot be found: %w", err)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("there is no directory %s to build in", dir)
	}
	b.Dir = dir
	if b.output, err = outputPath(dir, b.Output); err != nil {
		return nil, err
	}
	if b.cache, err = cacheDir(dir, b.Cache); err != nil {
		return nil, err
	}
	if b.env, err = readGoEnv(ctx, dir); err != nil {
		return nil, err
	}
	if b.module, err = b.findModule(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// outputPath returns the absolute path of the shared object and tells where it cannot be written.
func outputPath(dir, output string) (string, error) {
	if output == "" {
		output = DefaultOutput
	}
	if !filepath.IsAbs(output) {
		output = filepath.Join(dir, output)
	}
	if info, err := os.Stat(output); err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("the output %s is no file: name the shared object to write, for example %s", output, filepath.Join(output, DefaultOutput))
	}
	parent := filepath.Dir(output)
	if info, err := os.Stat(parent); err != nil || !info.IsDir() {
		return "", fmt.Errorf("the output %s cannot be written: there is no directory %s; make it first", output, parent)
	}
	return output, nil
}

// cacheDir returns the absolute path of the builder's cache.
func cacheDir(dir, cache string) (string, error) {
	if cache == "" {
		cache = os.Getenv(EnvCache)
	}
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("there is no place for the build cache (%w): set %s or give --cache", err, EnvCache)
		}
		cache = filepath.Join(user, "modgo")
	}
	if !filepath.IsAbs(cache) {
		cache = filepath.Join(dir, cache)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("the build cache cannot be made (%w): set %s or give --cache", err, EnvCache)
	}
	return cache, nil
}

// packages lists what is linked in.
func (b *build) packages() []Package {
	list := make([]Package, len(b.apps))
	for i, a := range b.apps {
		list[i] = a.Package
	}
	return list
}

func (b *build) logf(format string, args ...any) { fmt.Fprintf(b.Log, format+"\n", args...) }

func (b *build) verbosef(format string, args ...any) {
	if b.Verbose {
		b.logf(format, args...)
	}
}

func (b *build) report(r *Result) {
	for _, p := range r.Packages {
		b.logf("  %s", p)
	}
	verb := "linked"
	if r.Unchanged {
		verb = "up to date:"
	}
	b.logf("%s %s (%.1f MB) in %.1f s", verb, b.relative(r.Output), float64(r.Size)/1e6, r.Duration.Seconds())
}

// relative shortens a path below the working directory for people to read.
func (b *build) relative(path string) string { return relativeTo(b.Dir, path) }

func relativeTo(dir, path string) string {
	short, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(short) {
		return path
	}
	return short
}
