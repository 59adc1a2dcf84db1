// Package watch tells of changes of the source files that a build reads, for commands that build again when one changes.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mod-go/mod-go/internal/builder"
)

const (
	// quiet is for how long nothing may change before a change is told: an editor writes a file in several steps, a
	// version control system many files.
	quiet = 100 * time.Millisecond
	// patience is how long a change is held back where there is no quiet.
	patience = 2 * time.Second
)

// A Watcher tells of changes of source files. It watches directories, not files: editors replace a file by another, and new
// files count as well.
type Watcher struct {
	// Changes gives the paths of the files that have changed, while Run runs.
	Changes <-chan []string

	changes chan []string
	notify  *fsnotify.Watcher
	logf    func(format string, args ...any)

	mu      sync.Mutex
	sources *builder.Sources
}

// New returns a watcher that watches nothing yet. Logf gets what may keep changes from being noticed.
func New(logf func(format string, args ...any)) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if errors.Is(err, syscall.EMFILE) {
		return nil, errors.New("files cannot be watched: this user has too many watchers; end another program that watches files, or allow more with sysctl fs.inotify.max_user_instances=512")
	}
	if err != nil {
		return nil, fmt.Errorf("files cannot be watched: %w", err)
	}
	changes := make(chan []string)
	return &Watcher{Changes: changes, changes: changes, notify: notify, logf: logf, sources: &builder.Sources{}}, nil
}

// Run delivers changes until the watcher is closed. What changes before somebody takes them is told together.
func (w *Watcher) Run() {
	var changed []string
	var first time.Time
	var deliver chan<- []string // nil until there is quiet
	timer := time.NewTimer(0)
	defer timer.Stop()
	note := func(path string) {
		if len(changed) == 0 {
			first = time.Now()
		}
		if !slices.Contains(changed, path) {
			changed = append(changed, path)
		}
		deliver = nil
		timer.Reset(min(quiet, max(0, patience-time.Since(first))))
	}
	for {
		select {
		case event, ok := <-w.notify.Events:
			if !ok {
				return
			}
			if w.counts(event) {
				note(event.Name)
			}
		case err, ok := <-w.notify.Errors:
			if !ok {
				return
			}
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				note("more files than the kernel could tell of")
			} else {
				w.logf("watching files: %v; should a change go unnoticed, start modgo anew", err)
			}
		case <-timer.C:
			if len(changed) > 0 {
				deliver = w.changes
			}
		case deliver <- changed:
			changed, deliver = nil, nil
		}
	}
}

// Close ends Run.
func (w *Watcher) Close() { w.notify.Close() }

// FollowBuild lists the sources of a build, and watches them in place of those before. Sources that could be listed are
// returned with an error, too.
func (w *Watcher) FollowBuild(ctx context.Context, options builder.Options) (sources *builder.Sources, err error) {
	// What changed in a new directory since it was listed has gone unnoticed; but something may change for ever.
	const tries = 6
	for range tries {
		listed, err := builder.FindSources(ctx, options)
		if err != nil {
			return sources, err
		}
		sources = listed
		if added, err := w.follow(sources); err != nil || !added {
			return sources, err
		}
	}
	return sources, nil
}

// counts tells whether an event is a change of the sources.
func (w *Watcher) counts(event fsnotify.Event) bool {
	if event.Op == fsnotify.Chmod {
		return false // indexers and backups
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) {
		// Watches follow a directory to where it is moved; another may take its place.
		for _, dir := range w.notify.WatchList() {
			if within(event.Name, dir) {
				_ = w.notify.Remove(dir) // an error: it is gone already
			}
		}
	}
	return isSource(w.sources, event.Name)
}

// follow watches the sources, and what it watched before no longer. It tells whether a directory is new: what changed in it
// since the sources were listed has gone unnoticed.
func (w *Watcher) follow(sources *builder.Sources) (added bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sources = sources
	wanted := directories(sources)
	for _, dir := range w.notify.WatchList() {
		if !wanted[dir] {
			_ = w.notify.Remove(dir) // an error: it is gone already
		}
		delete(wanted, dir)
	}
	for dir := range wanted {
		err := w.notify.Add(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, syscall.ENOSPC):
			return false, fmt.Errorf("%s cannot be watched: the kernel allows this user no more watches; allow more with sysctl fs.inotify.max_user_watches=524288", dir)
		case err != nil:
			return false, fmt.Errorf("%s cannot be watched for changes: %w", dir, err)
		}
		added = true
	}
	return added, nil
}

// Describe tells in few words which files have changed; those below dir are named by their path there.
func Describe(dir string, files []string) string {
	const most = 3
	short := make([]string, 0, most)
	for _, file := range files[:min(len(files), most)] {
		if below, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(below) {
			file = below
		}
		short = append(short, file)
	}
	text := strings.Join(short, ", ")
	if more := len(files) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + " changed"
}

// directories returns those in which a change of the sources shows.
func directories(sources *builder.Sources) map[string]bool {
	dirs := make(map[string]bool)
	roots := make(map[string]bool)
	for _, file := range sources.Files {
		roots[filepath.Dir(file)] = true
		dirs[existing(filepath.Dir(file))] = true
	}
	// A directory that is renamed takes the packages below it away, which shows in its parent.
	upwards := func(dir string) {
		for {
			dirs[existing(dir)] = true
			if roots[dir] || dir == filepath.Dir(dir) || !belowAny(roots, dir) {
				return
			}
			dir = filepath.Dir(dir)
		}
	}
	for _, dir := range sources.Missing {
		upwards(dir)
	}
	for _, p := range sources.Packages {
		upwards(p.Dir)
		for _, file := range p.Embedded {
			dirs[existing(filepath.Dir(file))] = true
		}
		for _, pattern := range p.Embed {
			pattern = strings.TrimPrefix(pattern, "all:")
			dirs[existing(filepath.Join(p.Dir, path.Dir(pattern)))] = true
			matches, _ := filepath.Glob(filepath.Join(escapeGlob(p.Dir), filepath.FromSlash(pattern)))
			for _, match := range matches {
				addTree(dirs, match)
			}
		}
	}
	return dirs
}

// addTree adds a directory and all below it, those without files included.
func addTree(dirs map[string]bool, root string) {
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs[path] = true
		}
		return nil // what cannot be read cannot be embedded
	})
}

// isSource tells whether a path is one of the sources, or a directory above some.
func isSource(sources *builder.Sources, name string) bool {
	if slices.Contains(sources.Files, name) {
		return true
	}
	dir, base := filepath.Split(name)
	dir = filepath.Clean(dir)
	for _, missing := range sources.Missing {
		if within(name, missing) || dir == missing && isCode(base) {
			return true
		}
	}
	for _, p := range sources.Packages {
		if within(name, p.Dir) || dir == p.Dir && isCode(base) || slices.Contains(p.Embedded, name) {
			return true
		}
		if below, err := filepath.Rel(p.Dir, name); err == nil && filepath.IsLocal(below) {
			if slices.ContainsFunc(p.Embed, func(pattern string) bool { return embeds(pattern, filepath.ToSlash(below)) }) {
				return true
			}
		}
	}
	return false
}

// embeds tells whether a pattern of go:embed takes in a file, given as a path relative to the package, or a directory
// that can hold such files.
func embeds(pattern, name string) bool {
	pattern, all := strings.CutPrefix(pattern, "all:")
	patterns, names := strings.Split(pattern, "/"), strings.Split(name, "/")
	for i, element := range names {
		if i < len(patterns) {
			if ok, err := path.Match(patterns[i], element); !ok || err != nil {
				return false
			}
		} else if !all && (element[0] == '.' || element[0] == '_') {
			return false
		}
	}
	return true
}

// codeExtensions are those of the files that the go command compiles.
var codeExtensions = []string{
	".go", ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx", ".f", ".F", ".for", ".f90", ".s", ".S", ".sx",
	".swig", ".swigcxx", ".syso",
}

// isCode tells whether the go command compiles files of this name.
func isCode(name string) bool {
	return slices.Contains(codeExtensions, filepath.Ext(name)) && name[0] != '.' && name[0] != '_' && !strings.HasSuffix(name, "_test.go")
}

// existing returns the directory, or the nearest above it that exists.
func existing(dir string) string {
	for {
		info, err := os.Stat(dir)
		if err == nil && info.IsDir() || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func belowAny(roots map[string]bool, dir string) bool {
	for root := range roots {
		if within(root, dir) {
			return true
		}
	}
	return false
}

// within tells whether path is dir or lies below it. Both are absolute and clean.
func within(dir, path string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
