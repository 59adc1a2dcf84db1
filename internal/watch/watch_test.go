package watch

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/builder"
)

func TestIsSource(t *testing.T) {
	sources := &builder.Sources{
		Files:   []string{"/site/go.mod", "/site/go.sum"},
		Missing: []string{"/site/deep/missing"},
		Packages: []builder.SourcePackage{
			{Dir: "/site/shop/app", Embed: []string{"static", "pages/*.html", "all:hidden", "*.sql"}, Embedded: []string{"/site/shop/app/static/a.css"}},
			{Dir: "/site/text"},
		},
	}
	tests := []struct {
		path string
		want bool
	}{
		{"/site/go.mod", true},
		{"/site/go.sum", true},
		{"/site/README.md", false},
		{"/site/shop/app/app.go", true},
		{"/site/shop/app/new.go", true},
		{"/site/text/assembly_amd64.s", true},
		{"/site/text/text.go~", false},
		{"/site/text/.text.go.swp", false},
		{"/site/text/.#text.go", false},
		{"/site/text/_draft.go", false},
		{"/site/text/text_test.go", false},
		{"/site/text/notes.txt", false},
		{"/site/other/other.go", false},
		{"/site/text", true}, // the directory, removed or renamed
		{"/site/shop", true},
		{"/site/shopping", false},
		{"/site/deep", true}, // on the way to what is missing
		{"/site/deep/missing", true},
		{"/site/deep/missing/a.go", true},
		{"/site/deep/missing/README", false},
		{"/site/deep/elsewhere", false},
		{"/site/shop/app/static/a.css", true},
		{"/site/shop/app/static/deep/new.css", true},
		{"/site/shop/app/static/.hidden", false},
		{"/site/shop/app/hidden/.too", true},
		{"/site/shop/app/pages", true},
		{"/site/shop/app/pages/new.html", true},
		{"/site/shop/app/pages/new.txt", false},
		{"/site/shop/app/schema.sql", true},
		{"/site/shop/app/data.db", false},
	}
	for _, test := range tests {
		if got := isSource(sources, test.path); got != test.want {
			t.Errorf("isSource(%s) = %v", test.path, got)
		}
	}
}

func TestDirectories(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"shop/app/static/empty", "shop/app/static/css", "unrelated/deep"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	at := func(path string) string { return filepath.Join(root, path) }
	got := directories(&builder.Sources{
		Files:    []string{at("go.mod")},
		Missing:  []string{at("gone/below")},
		Packages: []builder.SourcePackage{{Dir: at("shop/app"), Embed: []string{"static", "later/*.html"}}},
	})
	want := []string{root, at("shop"), at("shop/app"), at("shop/app/static"), at("shop/app/static/css"), at("shop/app/static/empty")}
	if list := slices.Sorted(maps.Keys(got)); !slices.Equal(list, want) {
		t.Errorf("watched are\n%s\nwant\n%s", strings.Join(list, "\n"), strings.Join(want, "\n"))
	}
}

func TestDescribe(t *testing.T) {
	for _, test := range []struct {
		files []string
		want  string
	}{
		{[]string{"/site/app/app.go"}, "app/app.go changed"},
		{[]string{"/site/app/app.go", "/other/lib.go"}, "app/app.go, /other/lib.go changed"},
		{[]string{"/site/1", "/site/2", "/site/3", "/site/4", "/site/5"}, "1, 2, 3 and 2 more changed"},
	} {
		if got := Describe("/site", test.files); got != test.want {
			t.Errorf("Describe(%v) = %q, want %q", test.files, got, test.want)
		}
	}
}
