package main

import (
	"cmp"
	"errors"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/mod-go/mod-go/internal/builder"
)

// mount is an application at a URL path.
type mount struct {
	Path     string // "/" or "/hello"
	Package  string // import path
	Callable string // "" is the package's default
	Synopsis string // the first sentence of the package's documentation, "" where it has none
}

// Title is what the application is called on a page.
func (m mount) Title() string { return strings.TrimPrefix(m.Path, "/") }

// mountPackages gives each package its URL path: "/" to a single one, else the last element of the import path. Where
// packages share that, more elements tell them apart.
func mountPackages(packages []builder.Package) ([]mount, error) {
	if len(packages) == 0 {
		return nil, errors.New("none of the packages has an application: declare one (see modgo new), or name other packages")
	}
	mounts := make([]mount, len(packages))
	for i, p := range packages {
		mounts[i] = mount{Package: p.Path, Synopsis: synopsis(p.Dir)}
		if !p.HasDefault() && len(p.Callables) > 0 {
			mounts[i].Callable = p.Callables[0].Name
		}
	}
	if len(mounts) == 1 {
		mounts[0].Path = "/"
		return mounts, nil
	}
	elements := func(m mount) []string {
		path := strings.Split(m.Package, "/")
		// example.org/shop/v2 is known as shop.
		if last := len(path) - 1; last > 0 && versionPattern.MatchString(path[last]) {
			path = slices.Delete(path, last, last+1)
		}
		return path
	}
	paths := uniqueSuffixes(mounts, elements)
	for i := range mounts {
		mounts[i].Path = "/" + paths[i]
	}
	slices.SortFunc(mounts, func(a, b mount) int { return cmp.Compare(a.Path, b.Path) })
	return mounts, nil
}

var versionPattern = regexp.MustCompile(`^v[0-9]+$`)

// uniqueSuffixes returns the shortest ends of the import paths that differ from each other.
func uniqueSuffixes(mounts []mount, elements func(mount) []string) []string {
	length := make([]int, len(mounts)) // in elements
	suffixes := make([]string, len(mounts))
	for i := range length {
		length[i] = 1
	}
	for {
		used := map[string][]int{}
		for i, m := range mounts {
			path := elements(m)
			suffixes[i] = strings.Join(path[len(path)-min(length[i], len(path)):], "/")
			used[suffixes[i]] = append(used[suffixes[i]], i)
		}
		grown := false
		for _, same := range used {
			if len(same) == 1 {
				continue
			}
			for _, i := range same {
				if length[i] < len(elements(mounts[i])) {
					length[i]++
					grown = true
				}
			}
		}
		if grown {
			continue
		}
		// Only a version is left to tell them apart: example.org/shop and example.org/shop/v2.
		for _, same := range used {
			if len(same) > 1 {
				for _, i := range same {
					suffixes[i] = mounts[i].Package
				}
			}
		}
		return suffixes
	}
}

// synopsis is the first sentence of the documentation of the package in dir; "" where there is none.
func synopsis(dir string) string {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return ""
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil || file.Doc == nil {
			continue
		}
		return packageSynopsis(file)
	}
	return ""
}

func packageSynopsis(file *ast.File) string {
	text := (&doc.Package{}).Synopsis(file.Doc.Text())
	// "Package hello is the smallest application." reads better without the name beside a link of that name.
	if rest, ok := strings.CutPrefix(text, "Package "+file.Name.Name+" "); ok {
		return rest
	}
	return text
}
