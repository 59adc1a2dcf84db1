package scaffold_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/mod-go/mod-go/internal/scaffold"
)

// goMod reads a module's go.mod.
func goMod(t *testing.T, dir string) *modfile.File {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestWriteUsesTheClone: this test's program was built from one.
func TestWriteUsesTheClone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "guest book")
	var out bytes.Buffer
	if err := scaffold.Write(scaffold.Options{Dir: dir, Module: "example.com/guestbook", Out: &out}); err != nil {
		t.Fatal(err)
	}
	file := goMod(t, dir)
	if file.Module.Mod.Path != "example.com/guestbook" || len(file.Replace) != 1 || file.Replace[0].New.Path != repository(t) {
		t.Errorf("go.mod is of %s, with the replacements %+v; want %s", file.Module.Mod.Path, file.Replace, repository(t))
	}
	if !strings.Contains(out.String(), "modgo serve .") {
		t.Errorf("it does not tell what comes next:\n%s", &out)
	}
}

func TestWriteUsesTheCloneThatIsGiven(t *testing.T) {
	clone := filepath.Join(t.TempDir(), "a clone")
	if err := os.Symlink(repository(t), clone); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir() // empty
	if err := scaffold.Write(scaffold.Options{Dir: dir, Module: "example.com/site/v2", Replace: clone}); err != nil {
		t.Fatal(err)
	}
	if file := goMod(t, dir); len(file.Replace) != 1 || file.Replace[0].New.Path != clone {
		t.Errorf("the replacements are %+v, want %s", file.Replace, clone)
	}
	source, err := os.ReadFile(filepath.Join(dir, "application.go"))
	if err != nil || !strings.Contains(string(source), "\npackage site\n") {
		t.Errorf("a version is taken for the package's name (%v):\n%s", err, source)
	}
}

func TestPackageNames(t *testing.T) {
	for name, want := range map[string]string{"blog": "blog", "My-Site": "mysite", "2048": "", "4chess": "chess", "go": "goapp", "main": "mainapp", "shop.test": "shoptest"} {
		dir := filepath.Join(t.TempDir(), name)
		err := scaffold.Write(scaffold.Options{Dir: dir})
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "no letter") {
				t.Errorf("%s: error %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		source, err := os.ReadFile(filepath.Join(dir, "application.go"))
		if err != nil || !strings.Contains(string(source), "\npackage "+want+"\n") {
			t.Errorf("%s is no package %s (%v):\n%s", name, want, err, source)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "notes.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		options scaffold.Options
		wanted  []string
	}{
		{"a folder that is not empty", scaffold.Options{Dir: full, Module: "example.com/site"}, []string{full + " is not empty (it holds notes.txt)", "choose another name"}},
		{"a file", scaffold.Options{Dir: filepath.Join(full, "notes.txt")}, []string{"no folder that can be used", "choose another name"}},
		{"no parent", scaffold.Options{Dir: filepath.Join(full, "a/b")}, []string{"cannot be made", "no such file"}},
		{"a blank in the name", scaffold.Options{Dir: "guest book"}, []string{`"guest book" cannot be part of a module's path`, "for example guestbook"}},
		{"a module without a host", scaffold.Options{Dir: "site", Module: "site"}, []string{"--module", "missing dot", "for example github.com/ada/guestbook"}},
		{"no clone", scaffold.Options{Dir: "site", Replace: full}, []string{"--replace: " + full + " is no clone of mod_go"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := scaffold.Write(test.options)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.wanted {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q:\n%v", want, err)
				}
			}
			if entries, _ := os.ReadDir(full); len(entries) != 1 {
				t.Errorf("something was written: %v", entries)
			}
		})
	}
}
