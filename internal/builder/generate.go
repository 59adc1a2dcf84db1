package builder

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// generated are the files that exist in the overlay only.
type generated struct {
	main    string // import path of the main package
	overlay string // path of the overlay's JSON
	used    map[string]bool

	dir     string              // where the files lie
	root    mainModule          // the module that holds the main package
	replace map[string]string   // the overlay: path in a module to file
	links   map[string][]string // packages that only import, by import path
	linkDir map[string]string
}

// Names of what the overlay adds to the user's tree. A number is appended where the name is taken.
const (
	mainPackage  = "modgo_main"
	linkPackage  = "modgo_link"
	registration = "zz_modgo_register" // sorts last, so that the package's own init functions run first
)

// generate writes the overlay: to each package a file that registers its callables, and a main package that imports the
// host and the packages.
func (b *build) generate() (*generated, error) {
	g := &generated{
		used: make(map[string]bool), dir: b.workDir(), root: b.mainModule(),
		replace: make(map[string]string), links: make(map[string][]string), linkDir: make(map[string]string),
	}
	name := free(g.root.Dir, mainPackage, "")
	g.main = g.root.Path + "/" + name
	imports := []string{b.host}
	if b.Validate {
		imports = append(imports, modulePath+"/middleware/validate/everywhere")
	}
	for _, a := range b.apps {
		dir, err := b.overlayDir(a)
		if err != nil {
			return nil, err
		}
		if err := g.register(a, dir); err != nil {
			return nil, err
		}
		path, err := g.reach(a.Path, dir)
		if err != nil {
			return nil, err
		}
		imports = append(imports, path)
	}
	for path, linked := range g.links {
		file := filepath.Join(g.linkDir[path], "link.go")
		if err := g.add(file, importing("link", linked)); err != nil {
			return nil, err
		}
	}
	program := b.program
	if program == "" {
		program = "package main\n\nfunc main() {}\n"
	}
	for file, source := range map[string]string{"main.go": program, "applications.go": importing("main", imports)} {
		if err := g.add(filepath.Join(g.root.Dir, name, file), source); err != nil {
			return nil, err
		}
	}
	content, err := json.MarshalIndent(map[string]any{"Replace": g.replace}, "", "\t")
	if err != nil {
		return nil, err
	}
	g.overlay, err = g.write("overlay", ".json", content)
	return g, err
}

// mainModule is the main module that gets the main package: in a workspace the one of the working directory, or else of
// the first package.
func (b *build) mainModule() mainModule {
	for _, m := range b.module.main {
		if filepath.Join(m.Dir, "go.mod") == b.env.GOMOD {
			return m
		}
	}
	for _, m := range b.module.main {
		if b.apps[0].pkg.Module != nil && b.apps[0].pkg.Module.Path == m.Path {
			return m
		}
	}
	return b.module.main[0]
}

// overlayDir returns the directory in which an overlay can add to a package. The go command refuses that in its module
// cache, so a module there is replaced by a copy.
func (b *build) overlayDir(a *app) (string, error) {
	module := a.pkg.Module
	if module == nil {
		return "", fmt.Errorf("%s is a package of Go itself: name packages of a module", a.Path)
	}
	if b.module.vendor || module.Main || !within(b.env.GOMODCACHE, a.Dir) {
		if !module.Main && !b.module.vendor && within(filepath.Join(b.mainModule().Dir, "vendor"), a.Dir) {
			return "", fmt.Errorf("%s comes from the vendor directory, which lacks %s: import that package for its effect, `_`, and run `go mod vendor`, or set GOFLAGS=-mod=readonly", a.Path, b.host)
		}
		return a.Dir, nil
	}
	original := module
	if module.Replace != nil {
		original = module.Replace
	}
	copied, err := b.copyModule(module.Path, original.Version, original.Dir)
	if err != nil {
		return "", err
	}
	r := replacement{module: module.Path + "@" + module.Version, dir: copied}
	if !slices.Contains(b.module.replace, r) {
		b.module.replace = append(b.module.replace, r)
	}
	below, err := filepath.Rel(original.Dir, a.Dir)
	if err != nil {
		return "", err
	}
	return filepath.Join(copied, below), nil
}

// register adds the file that registers a package's callables.
func (g *generated) register(a *app, dir string) error {
	packageName := a.Name
	if a.Name == "main" {
		var err error
		if packageName, err = g.renameMain(a, dir); err != nil {
			return err
		}
	}
	scope := a.pkg.Types.Scope()
	unique := func(name string) string {
		for scope.Lookup(name) != nil {
			name += "_"
		}
		return name
	}
	modgo, http := unique("modgoRegistry"), unique("modgoHTTP")
	var body strings.Builder
	usesHTTP := false
	for _, c := range a.Callables {
		value := c.Name
		// The registry knows a function by its unnamed type.
		switch {
		case c.Kind == KindApplication:
			value = fmt.Sprintf("%s.Application(%s)", modgo, c.Name)
		case c.named && c.Kind == KindHandlerFunc:
			value = fmt.Sprintf("(func(%s.ResponseWriter, *%[1]s.Request))(%s)", http, c.Name)
			usesHTTP = true
		case c.named && c.Kind == KindConstructor:
			value = fmt.Sprintf("(func() (%s.Handler, error))(%s)", http, c.Name)
			usesHTTP = true
		}
		fmt.Fprintf(&body, "\t%s.Register(%q, %q, func() interface{} { return %s })\n", modgo, a.Path, c.Name, value)
	}
	var file strings.Builder
	fmt.Fprintf(&file, "package %s\n\nimport %s %q\n", packageName, modgo, modulePath+"/modgo")
	if usesHTTP {
		fmt.Fprintf(&file, "import %s \"net/http\"\n", http)
	}
	fmt.Fprintf(&file, "\nfunc init() {\n%s}\n", body.String())
	return g.add(filepath.Join(dir, free(dir, registration, ".go")), file.String())
}

// renameMain makes an importable package of a main package: the overlay replaces its files by copies with another name in
// the package clause, as long as "main", so that positions stay. It hides the others, the tests among them, whose package
// clause the go command would compare.
func (g *generated) renameMain(a *app, dir string) (string, error) {
	const name = "prog"
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("%s: %w", a.Path, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file.Name(), ".go") {
			g.replace[filepath.Join(dir, file.Name())] = "" // to the go command it is not there
		}
	}
	for _, path := range a.pkg.GoFiles {
		content, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("%s: %w", a.Path, err)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, content, parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		start := set.File(file.Name.Pos()).Offset(file.Name.Pos())
		copy(content[start:], name)
		if err := g.add(filepath.Join(dir, filepath.Base(path)), string(content)); err != nil {
			return "", err
		}
	}
	return name, nil
}

// reach returns what the main package imports to have a package linked in: the package, or where an internal element of
// its path keeps the main package out, a package beside that element which imports it.
func (g *generated) reach(path, dir string) (string, error) {
	elements := strings.Split(path, "/")
	i := len(elements) - 1
	for i >= 0 && elements[i] != "internal" {
		i--
	}
	parent := strings.Join(elements[:max(i, 0)], "/")
	if i < 0 || strings.HasPrefix(g.root.Path+"/", parent+"/") {
		return path, nil
	}
	parentDir := dir
	for range elements[i:] {
		if exists(filepath.Join(parentDir, "go.mod")) {
			return "", fmt.Errorf("%s cannot be imported from %s: its module lies in an internal directory of %s; build it in that module", path, g.root.Path, parent)
		}
		parentDir = filepath.Dir(parentDir)
	}
	name := free(parentDir, linkPackage, "")
	link := parent + "/" + name
	if !slices.Contains(g.links[link], path) {
		g.links[link] = append(g.links[link], path)
		slices.Sort(g.links[link])
	}
	g.linkDir[link] = filepath.Join(parentDir, name)
	return g.reach(link, g.linkDir[link])
}

// add puts a file into the overlay.
func (g *generated) add(path, content string) error {
	file, err := g.write("overlay", ".go", []byte(content))
	if err != nil {
		return err
	}
	g.replace[path] = file
	return nil
}

// write writes a generated file under a name that its content decides: the go command knows a file that it has seen by
// its name.
func (g *generated) write(prefix, suffix string, content []byte) (string, error) {
	name := prefix + "-" + digest(string(content)) + suffix
	g.used[name] = true
	path := filepath.Join(g.dir, name)
	if exists(path) {
		return path, nil
	}
	if err := createFile(path, content, 0o644); err != nil {
		return "", fmt.Errorf("a generated file cannot be written to the build cache: %w", err)
	}
	return path, nil
}

// importing is the source of a package that imports others for their effects.
func importing(name string, paths []string) string {
	var source strings.Builder
	fmt.Fprintf(&source, "package %s\n\nimport (\n", name)
	paths = slices.Clone(paths)
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		fmt.Fprintf(&source, "\t_ %q\n", path)
	}
	source.WriteString(")\n")
	return source.String()
}

// free returns a name that is not taken in a directory.
func free(dir, base, suffix string) string {
	name := base + suffix
	for n := 2; exists(filepath.Join(dir, name)); n++ {
		name = base + strconv.Itoa(n) + suffix
	}
	return name
}

// within tells whether path lies in the tree below dir.
func within(dir, path string) bool {
	below, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(below)
}
