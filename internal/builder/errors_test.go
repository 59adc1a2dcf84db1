package builder_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mod-go/mod-go/internal/httpd"
)

// fourForms is a part of the list of accepted forms.
const fourForms = "func application() (http.Handler, error)"

func application(declaration string) string {
	return "\n-- app/app.go --\npackage app\n\nimport \"net/http\"\n\nvar _ http.Handler\n\n" + declaration + "\n"
}

func TestWrongApplications(t *testing.T) {
	tests := []struct {
		name, declaration string
		wanted            []string
	}{
		{"none", "", []string{"example.com/site/app (app) has no value named application", fourForms}},
		{"only a type", "type application struct{}", []string{"has no value named application"}},
		{"other type", "func application(s string) int { return 0 }",
			[]string{"app/app.go:7:6: application has the type func(s string) int, which is none of an application", fourForms}},
		{"upper case", "var Application = 42", []string{"app/app.go:7:5: Application has the type int"}},
		{"constant", "const application = `x`", []string{"it is a constant"}},
		{"generic", "func application[T any](http.ResponseWriter, *http.Request) {}", []string{"it has type parameters"}},
		{"value, not pointer", "var application http.ServeMux", []string{"http.ServeMux", "declare the variable as a pointer"}},
		{"constructor of a concrete type", "func application() (*http.ServeMux, error) { return nil, nil }",
			[]string{"func() (*http.ServeMux, error)", "exactly the results (http.Handler, error)"}},
		{"constructor without error", "func application() http.Handler { return nil }", []string{"exactly the results (http.Handler, error)"}},
		{"does not compile", "func application(http.ResponseWriter, *http.Request) { undefined() }",
			[]string{"# example.com/site/app\n", "app/app.go:7:56: undefined: undefined"}},
		{"syntax error", "func application(", []string{"app/app.go:8:1: syntax error"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in(t, tree(t, goMod, application(test.declaration)), "./app").fails(t, test.wanted...)
		})
	}
}

func TestWrongPatterns(t *testing.T) {
	dir := tree(t, goMod, hello("hello"), `
-- empty/README --
No Go files here.
-- library/library.go --
package library
-- tagged/tagged.go --
//go:build special

package tagged
`)
	tests := []struct {
		name, pattern string
		wanted        []string
	}{
		{"no directory", "./nosuch", []string{"there is no package", "directory not found", dir}},
		{"no import path", "hello", []string{"there is no package hello", "write ./hello"}},
		{"not in the module", "example.com/site/nosuch", []string{"there is no package example.com/site/nosuch"}},
		{"of no module", "example.net/nosuch", []string{"example.net/nosuch", "go get example.net/nosuch"}},
		{"matches nothing", "./nosuch/...", []string{"./nosuch/... matches no package"}},
		{"without Go files", "./empty", []string{"no Go files in", "name the directory that holds"}},
		{"excluded", "./tagged", []string{"build constraints exclude all Go files", "--tags"}},
		{"a file", "hello/hello.go", []string{"hello/hello.go is a file", "./hello"}},
		{"without application", "./library/...", []string{"none of the 1 package that ./library/... matches has a value named application", fourForms}},
		{"of Go itself", "net/http/httptest", []string{"net/http/httptest", "no value named application"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in(t, dir, test.pattern).fails(t, test.wanted...)
		})
	}
}

func TestWrongSurroundings(t *testing.T) {
	tests := []struct {
		name   string
		tree   string
		env    string
		value  string
		wanted []string
	}{
		{"no module", hello("."), "", "", []string{"is in no Go module", "go mod init", "go get github.com/mod-go/mod-go"}},
		{"module not required", "-- go.mod --\nmodule example.com/site\n\ngo 1.26.0\n" + application("var application = http.NotFoundHandler()"), "", "",
			[]string{"does not require github.com/mod-go/mod-go", "run `go get github.com/mod-go/mod-go`"}},
		{"no cgo", goMod + hello("."), "CGO_ENABLED", "0", []string{"cgo is disabled"}},
		{"another system", goMod + hello("."), "GOOS", "windows", []string{"GOOS is windows"}},
		{"overlay of the user", goMod + hello("."), "GOFLAGS", "-overlay=x.json", []string{"remove it from GOFLAGS"}},
		{"no go command", goMod + hello("."), "PATH", "/nonexistent", []string{"no go command on PATH"}},
		{"no httpd where it should be", goMod + hello("."), "MODGO_HTTPD", "/nonexistent", []string{"MODGO_HTTPD=/nonexistent"}},
		{"unknown import", goMod + "-- app.go --\npackage app\n\nimport _ \"example.net/nosuch\"\n", "", "",
			[]string{"app.go:3:8: no required module provides package example.net/nosuch", "go get example.net/nosuch"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.env != "" {
				t.Setenv(test.env, test.value)
			}
			in(t, tree(t, test.tree), "./...").fails(t, test.wanted...)
		})
	}
}

func TestHeadersAreMissing(t *testing.T) {
	r := in(t, tree(t, goMod, hello("hello")), "./hello")
	r.HTTPD = &httpd.Installation{Binary: "/opt/httpd/bin/httpd", Version: "2.4.71"}
	r.fails(t, "the development headers of /opt/httpd/bin/httpd", "apache2-dev", "httpd-devel", "MODGO_APXS")
}

func TestWrongOutputs(t *testing.T) {
	dir := tree(t, goMod, hello("hello"))
	r := in(t, dir, "./hello")
	r.Output = filepath.Join(dir, "nosuch", "mod_go.so")
	r.fails(t, "there is no directory "+filepath.Join(dir, "nosuch"))

	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	r = in(t, dir, "./hello")
	r.Cache = file
	r.fails(t, "the build cache cannot be made", "--cache")

	r = in(t, filepath.Join(dir, "nosuch"), "./hello")
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.fails(t, "there is no package")
}
