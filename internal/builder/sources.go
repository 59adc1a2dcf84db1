package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Sources are the files that decide what an executable of some packages is, for those who watch them. They are all in
// directories that a user edits: the main modules', and those that a replace directive names. What lies in the module cache,
// in a vendor directory or in Go's own tree is left out.
type Sources struct {
	Found    int      // packages that the patterns name and that exist
	Files    []string // go.mod, go.sum, go.work and the like, which may not exist
	Packages []SourcePackage
	Missing  []string // directories where a package is looked for and is not
}

// A SourcePackage is a package of the user's: every source file in its directory counts, and what it embeds.
type SourcePackage struct {
	Dir      string
	Embed    []string // patterns of go:embed, with slashes, relative to Dir
	Embedded []string // absolute paths of the files that they match
}

// FindSources lists what BuildExecutable reads, as far as the tree is whole. Packages that do not compile are listed like
// others; an error means that the go command cannot even tell what there is.
func FindSources(ctx context.Context, options Options) (*Sources, error) {
	b, err := newBuild(ctx, options, executable)
	if err != nil {
		return nil, err
	}
	args := []string{"-e", "-deps", "-json=Dir,ImportPath,Standard,DepOnly,Module,EmbedPatterns,EmbedFiles,Error"}
	if len(b.Tags) > 0 {
		args = append(args, "-tags="+strings.Join(b.Tags, ","))
	}
	output, err := b.env.run(ctx, b.Dir, b.listArgs(append(append(args, "--"), b.Patterns...)...)...)
	if err != nil {
		return nil, err
	}
	sources := &Sources{Files: b.moduleFiles()}
	for decoder := json.NewDecoder(bytes.NewReader(output)); decoder.More(); {
		var one listedPackage
		if err := decoder.Decode(&one); err != nil {
			return nil, fmt.Errorf("go list -json answered what is no JSON: %w", err)
		}
		b.addSource(sources, &one)
	}
	slices.Sort(sources.Files)
	sources.Files = slices.Compact(sources.Files)
	return sources, nil
}

// listedPackage is what go list tells of a package.
type listedPackage struct {
	Dir, ImportPath           string
	Standard, DepOnly         bool
	EmbedPatterns, EmbedFiles []string
	Error                     *struct{ Err string }
	Module                    *struct {
		Main    bool
		GoMod   string
		Replace *struct{ Version string }
	}
}

func (b *build) addSource(sources *Sources, p *listedPackage) {
	if p.Dir == "" {
		if dir := b.missingDir(p.ImportPath); dir != "" {
			sources.Missing = append(sources.Missing, dir)
		}
		return
	}
	if !p.DepOnly && !(p.Error != nil && !exists(p.Dir)) {
		sources.Found++
	}
	if p.Standard || within(b.env.GOMODCACHE, p.Dir) || b.vendored(p.Dir) {
		return
	}
	if m := p.Module; m != nil && m.GoMod != "" {
		sources.Files = append(sources.Files, m.GoMod)
	}
	one := SourcePackage{Dir: p.Dir, Embed: p.EmbedPatterns}
	for _, file := range p.EmbedFiles {
		one.Embedded = append(one.Embedded, filepath.Join(p.Dir, file))
	}
	sources.Packages = append(sources.Packages, one)
}

func (b *build) vendored(dir string) bool {
	return slices.ContainsFunc(b.module.main, func(m mainModule) bool { return within(filepath.Join(m.Dir, "vendor"), dir) })
}

// missingDir returns the directory where the go command would find a package, "" where that is none of the user's.
func (b *build) missingDir(path string) string {
	if strings.HasPrefix(path, "./") || strings.HasPrefix(path, "../") {
		return filepath.Join(b.Dir, path)
	}
	for _, m := range b.module.main {
		if below, ok := strings.CutPrefix(path, m.Path+"/"); ok {
			return filepath.Join(m.Dir, below)
		}
	}
	return ""
}

// moduleFiles are the files that decide which modules a build uses.
func (b *build) moduleFiles() []string {
	var files []string
	add := func(path string) { files = append(files, path, sumOf(path)) }
	if other := b.env.flag("modfile"); other != "" {
		if !filepath.IsAbs(other) {
			other = filepath.Join(b.Dir, other)
		}
		add(other)
	}
	if b.env.GOWORK != "" {
		add(b.env.GOWORK)
	}
	for _, m := range b.module.main {
		add(filepath.Join(m.Dir, "go.mod"))
		files = append(files, filepath.Join(m.Dir, "go.work")) // would make a workspace of it
		if b.module.vendor {
			files = append(files, filepath.Join(m.Dir, "vendor", "modules.txt"))
		}
	}
	return files
}
