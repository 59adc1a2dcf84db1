package builder_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/builder"
)

// listing is a main function that prints the packages and what their applications are.
func listing(packages []builder.Package) (string, error) {
	var calls strings.Builder
	for _, p := range packages {
		calls.WriteString("\tprintln(modgo.Find(`" + p.Path + "`, `" + p.Callables[0].Name + "`).Construct() == nil, `" + p.Path + "`)\n")
	}
	return "package main\n\nimport \"github.com/mod-go/mod-go/modgo\"\n\nfunc main() {\n" + calls.String() + "}\n", nil
}

// TestBuildExecutable needs neither cgo nor httpd.
func TestBuildExecutable(t *testing.T) {
	t.Setenv("CGO_ENABLED", "0")
	t.Setenv("MODGO_HTTPD", "/nonexistent")
	dir := tree(t, goMod, hello("internal/hello"), "-- cmd/site/main.go --\npackage main\n\nimport \"net/http\"\n\nvar application = http.NotFoundHandler()\n\nfunc main() { panic(`called`) }\n")
	r := in(t, dir, "./...")
	before := contents(t, dir)
	build := func() *builder.Result {
		t.Helper()
		result, err := builder.BuildExecutable(context.Background(), r.Options, listing)
		if err != nil {
			t.Fatalf("%v\n%s", err, &r.log)
		}
		unchanged(t, before, contents(t, dir))
		return result
	}
	result := build()
	output, err := exec.Command(result.Output).CombinedOutput()
	if want := "true example.com/site/cmd/site\ntrue example.com/site/internal/hello\n"; err != nil || string(output) != want {
		t.Errorf("the program printed\n%s(%v) want\n%s", output, err, want)
	}
	if result.Unchanged {
		t.Error("a new output is told to be unchanged")
	}
	if again := build(); !again.Unchanged || again.Size != result.Size {
		t.Errorf("the same program is built anew: %+v", again)
	}
	_, err = builder.BuildExecutable(context.Background(), r.Options, func([]builder.Package) (string, error) {
		return "package main\n\nimport \"github.com/mod-go/mod-go/modgo\"\n\nfunc main() { modgo.OfAnotherVersion() }\n", nil
	})
	if err == nil || !strings.Contains(err.Error(), "undefined: modgo.OfAnotherVersion") || !strings.Contains(err.Error(), "run `go get github.com/mod-go/mod-go@latest`") {
		t.Errorf("a main function that the module's version does not fit gives the error %v", err)
	}
}

func TestFindSources(t *testing.T) {
	dir := tree(t, goMod, `
-- app/app.go --
package app

import (
	_ "embed"

	"example.com/site/missing/deep"
	"example.com/site/text"
)

//go:embed *.txt
var content string

does not parse
-- app/a.txt --
-- text/text.go --
package text
-- unused/unused.go --
package unused
`)
	sources, err := builder.FindSources(context.Background(), builder.Options{Dir: dir, Patterns: []string{"./app", "./nosuch"}, Cache: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if sources.Found != 1 {
		t.Errorf("%d packages are found, want 1", sources.Found)
	}
	at := func(path string) string { return filepath.Join(dir, path) }
	for _, file := range []string{"go.mod", "go.sum", "go.work"} {
		if !slices.Contains(sources.Files, at(file)) {
			t.Errorf("%s is missing from the files %q", file, sources.Files)
		}
	}
	if missing := slices.Sorted(slices.Values(sources.Missing)); !slices.Equal(missing, []string{at("missing/deep"), at("nosuch")}) {
		t.Errorf("missing are %q", missing)
	}
	var dirs []string
	for _, p := range sources.Packages {
		dirs = append(dirs, p.Dir)
		if p.Dir == at("app") && (!slices.Equal(p.Embed, []string{"*.txt"}) || !slices.Equal(p.Embedded, []string{at("app/a.txt")})) {
			t.Errorf("app embeds %+v", p)
		}
	}
	if !slices.Equal(dirs, []string{at("text"), at("app")}) {
		t.Errorf("the packages lie in %q", dirs)
	}
}
