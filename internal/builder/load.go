package builder

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// app is a package that is linked in.
type app struct {
	Package
	pkg *packages.Package
}

// A CompileError is what the go command says about the user's code, in its own lines.
type CompileError struct {
	Output string
}

func (e *CompileError) Error() string { return e.Output }

// check loads and type-checks the packages under the user's own go.mod, and finds their callables.
func (b *build) check(ctx context.Context) error {
	loaded, err := b.load(ctx)
	if err != nil {
		return err
	}
	b.logf("checking %s", count(len(loaded), "package"))
	matched, problems := b.match(loaded)
	for _, p := range loaded {
		if err := b.listed(p); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	if broken := withErrors(loaded); len(broken) > 0 {
		return b.compileError(ctx, broken)
	}
	for _, p := range loaded {
		callables, err := callablesOf(p, b.positionIn(p))
		if err != nil {
			problems = append(problems, err)
			continue
		}
		one := &app{Package: Package{Path: p.PkgPath, Name: p.Name, Dir: p.Dir, Callables: callables}, pkg: p}
		switch {
		case one.HasDefault():
		case len(callables) > 0:
			b.logf("%s has no application: it can be used with GoCallableObject only", p.PkgPath)
		case matched[p]:
			problems = append(problems, fmt.Errorf("%s (%s) has no value named application;%s", p.PkgPath, b.relative(p.Dir), forms))
			continue
		default:
			b.verbosef("%s has no application, and is left out", p.PkgPath)
			continue
		}
		b.apps = append(b.apps, one)
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	if len(b.apps) == 0 {
		return fmt.Errorf("none of the %s that %s matches has a value named application;%s",
			count(len(loaded), "package"), strings.Join(b.Patterns, " "), forms)
	}
	slices.SortFunc(b.apps, func(a, b *app) int { return strings.Compare(a.Path, b.Path) })
	return nil
}

// load runs go list and the type checker. What the packages import comes as export data that the go command compiles
// with the flags of the link, so that nothing is compiled twice.
func (b *build) load(ctx context.Context) ([]*packages.Package, error) {
	patterns := make([]string, len(b.Patterns))
	for i, pattern := range b.Patterns {
		if strings.HasSuffix(pattern, ".go") {
			return nil, fmt.Errorf("%s is a file: name its package by its import path or directory, for example ./%s", pattern, filepath.Dir(pattern))
		}
		if strings.HasPrefix(pattern, "-") {
			return nil, fmt.Errorf("%s is no package: flags go before the packages", pattern)
		}
		patterns[i] = "pattern=" + pattern // or "file=..." would be a query of the loader
	}
	loaded, err := packages.Load(&packages.Config{
		Context: ctx,
		Dir:     b.Dir,
		Env:     b.env.vars,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedModule |
			packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax | packages.NeedExportFile,
		BuildFlags: b.compileFlags(b.readonly()...),
	}, patterns...)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("the packages %s cannot be listed: %w", strings.Join(b.Patterns, " "), err)
	}
	return loaded, nil
}

// compileFlags are the flags that decide how a package is compiled, which the check and the link share.
func (b *build) compileFlags(more ...string) []string {
	flags := append([]string{"-buildmode=" + b.buildmode}, more...)
	if len(b.Tags) > 0 {
		flags = append(flags, "-tags="+strings.Join(b.Tags, ","))
	}
	return flags
}

// match tells which packages a pattern names literally, not by a wildcard, and finds the wildcards that match nothing,
// about which the go command only warns.
func (b *build) match(loaded []*packages.Package) (literal map[*packages.Package]bool, problems []error) {
	literal = make(map[*packages.Package]bool)
	for _, pattern := range b.Patterns {
		if slices.Contains([]string{"all", "cmd", "std", "tool", "work"}, pattern) {
			continue // the go command's names for sets
		}
		matches := b.matcher(pattern)
		wildcard := strings.Contains(pattern, "...")
		found := false
		for _, p := range loaded {
			if matches(p) {
				found = true
				if !wildcard {
					literal[p] = true
				}
			}
		}
		if wildcard && !found {
			problems = append(problems, fmt.Errorf("%s matches no package: check the spelling; a pattern that begins with ./ is relative to %s, any other is an import path", pattern, b.Dir))
		}
	}
	return literal, problems
}

// matcher returns the meaning of a pattern. See `go help packages`.
func (b *build) matcher(pattern string) func(*packages.Package) bool {
	local := pattern == "." || pattern == ".." || strings.HasPrefix(pattern, "./") || strings.HasPrefix(pattern, "../") || filepath.IsAbs(pattern)
	text := strings.TrimSuffix(pattern, "/")
	if local {
		if text = filepath.Clean(text); !filepath.IsAbs(text) {
			text = filepath.Join(b.Dir, text)
		}
	}
	expression := strings.ReplaceAll(regexp.QuoteMeta(text), `\.\.\.`, `.*`)
	// "x/..." matches x as well.
	if before, ok := strings.CutSuffix(expression, `/.*`); ok {
		expression = before + `(/.*)?`
	}
	whole := regexp.MustCompile(`^` + expression + `$`)
	return func(p *packages.Package) bool {
		if local {
			return whole.MatchString(p.Dir)
		}
		return whole.MatchString(p.PkgPath)
	}
}

// listed is the error for what go list did not find, with the cure.
func (b *build) listed(p *packages.Package) error {
	if p.Name != "" || len(p.Errors) == 0 {
		return nil
	}
	problem := p.Errors[0]
	cure := ""
	switch text := problem.Msg; {
	case strings.Contains(text, "is not in std"):
		cure = fmt.Sprintf("; for a directory of this module write ./%s, for a package of another its full import path", p.PkgPath)
	case strings.Contains(text, "directory not found"), strings.Contains(text, "no such file"):
		cure = fmt.Sprintf("; a path that begins with ./ is relative to %s", b.Dir)
	case strings.Contains(text, "build constraints exclude all Go files"):
		cure = "; give the build tags that it needs with --tags"
	case strings.Contains(text, "no Go files in"):
		cure = "; name the directory that holds the package's .go files, or all below it with /..."
	case strings.Contains(text, "does not contain package"):
		cure = "; `go list ./...` lists the packages of this module"
	}
	return fmt.Errorf("there is no package %s: %s%s", p.PkgPath, strings.TrimSpace(problem.Msg), cure)
}

func withErrors(loaded []*packages.Package) []*packages.Package {
	var broken []*packages.Package
	for _, p := range loaded {
		if len(p.Errors) > 0 {
			broken = append(broken, p)
		}
	}
	return broken
}

// compileError has the go command compile the broken packages, for the lines that it prints.
func (b *build) compileError(ctx context.Context, broken []*packages.Package) error {
	args := append([]string{"list", "-export", "-f", "{{.ImportPath}}"}, b.compileFlags(b.readonly()...)...)
	for _, p := range broken {
		args = append(args, p.PkgPath)
	}
	_, err := b.env.run(ctx, b.Dir, args...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var failed *goError
	if errors.As(err, &failed) && failed.output != "" {
		return &CompileError{Output: failed.output}
	}
	// The compiler is content where the type checker is not: the two are of different releases of Go.
	var lines strings.Builder
	for _, p := range broken {
		fmt.Fprintf(&lines, "# %s\n", p.PkgPath)
		for _, e := range p.Errors {
			fmt.Fprintln(&lines, e)
		}
	}
	fmt.Fprintf(&lines, "modgo cannot type-check this, though %s compiles it: install modgo anew with this Go (go install %s/cmd/modgo)", b.env.GOVERSION, modulePath)
	return &CompileError{Output: lines.String()}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// positionIn returns positions in a package's files with short paths, for people to read.
func (b *build) positionIn(p *packages.Package) func(token.Pos) token.Position {
	return func(pos token.Pos) token.Position {
		position := p.Fset.Position(pos)
		position.Filename = b.relative(position.Filename)
		return position
	}
}
