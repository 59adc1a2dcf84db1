package tests

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// firstOf returns the first group of every match of an expression in a file, sorted.
func firstOf(t *testing.T, path, expression string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range regexp.MustCompile(expression).FindAllStringSubmatch(string(content), -1) {
		found = append(found, match[1])
	}
	if len(found) == 0 {
		t.Fatalf("%s: nothing matches %s", path, expression)
	}
	slices.Sort(found)
	return found
}

// sameNames fails for names that are in one of two lists only, or twice in the second.
func sameNames(t *testing.T, source string, inSource []string, doc string, inDoc []string) {
	t.Helper()
	for _, name := range inSource {
		if !slices.Contains(inDoc, name) {
			t.Errorf("%s has %s, which %s does not describe", source, name, doc)
		}
	}
	for i, name := range inDoc {
		if !slices.Contains(inSource, name) {
			t.Errorf("%s describes %s, which is not in %s", doc, name, source)
		}
		if i > 0 && inDoc[i-1] == name {
			t.Errorf("%s describes %s twice", doc, name)
		}
	}
}

// TestDirectivesAreDocumented: every directive has its section in docs/directives.md, with syntax, context, default and
// an example, and there is none of a directive that does not exist.
func TestDirectivesAreDocumented(t *testing.T) {
	const source, doc = "../apachebridge/config.c", "../docs/directives.md"
	sameNames(t, source, firstOf(t, source, `AP_INIT_\w+\("(\w+)"`), doc, firstOf(t, doc, `(?m)^## (Go\w+)$`))

	content, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range regexp.MustCompile(`(?m)^## `).Split(string(content), -1)[1:] {
		name, body, _ := strings.Cut(section, "\n")
		if !strings.HasPrefix(name, "Go") {
			continue
		}
		for _, row := range []string{"| Syntax |", "| Context |", "| Default |", "```apache\n"} {
			if !strings.Contains(body, row) {
				t.Errorf("%s: the section of %s lacks %q", doc, name, row)
			}
		}
	}
}

// TestVariablesAreDocumented: every variable that the module itself supplies is in the tables of docs/environ.md, and no
// other is said to be its own.
func TestVariablesAreDocumented(t *testing.T) {
	const source, doc = "../apachebridge/variables.c", "../docs/environ.md"
	content, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	own, _, found := strings.Cut(string(content), "\n## Variables from elsewhere\n")
	if !found {
		t.Fatalf("%s has no section on variables from elsewhere", doc)
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([\\w.]+)` \\|").FindAllStringSubmatch(own, -1) {
		documented = append(documented, row[1])
	}
	slices.Sort(documented)
	sameNames(t, source, firstOf(t, source, `(?m)^    \{"([\w.]+)", \w+\},$`), doc, documented)
}

// TestNetHTTPIsDocumented: every row of the tables in docs/net-http.md says for each host whether it works, and names tests
// that exist; every test of nethttp is named.
func TestNetHTTPIsDocumented(t *testing.T) {
	const doc = "../docs/net-http.md"
	content, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	_, tables, found := strings.Cut(string(content), "\n## What net/http offers\n")
	tables, _, _ = strings.Cut(tables, "\n## ")
	if !found {
		t.Fatalf("%s has no section on what net/http offers", doc)
	}
	tests := testNames(t)
	var named []string
	rows := 0
	for line := range strings.Lines(tables) {
		if !strings.HasPrefix(line, "| ") || strings.Contains(line, "| event |") || strings.HasPrefix(line, "| ---") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 8 {
			t.Errorf("%s: a row has %d columns; want 8: %s", doc, len(cells), line)
			continue
		}
		for _, cell := range cells[1:7] {
			if !slices.Contains([]string{"yes", "–", "nil", "empty", "`http.ErrNotSupported`"}, cell) {
				t.Errorf("%s: %q says nothing of a host: %s", doc, cell, line)
			}
		}
		for _, match := range regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(cells[7], -1) {
			named = append(named, match[1])
			if !slices.Contains(tests, match[1]) {
				t.Errorf("%s: there is no test %s: %s", doc, match[1], line)
			}
		}
		if !strings.Contains(cells[7], "`Test") {
			t.Errorf("%s: no test is named: %s", doc, line)
		}
	}
	if rows == 0 {
		t.Errorf("%s has no row on what net/http offers", doc)
	}
	for _, test := range tests {
		if strings.HasPrefix(test, "TestNetHTTP") && test != "TestNetHTTPIsDocumented" && !slices.Contains(named, test) {
			t.Errorf("%s does not name %s", doc, test)
		}
	}
}

// testNames are the names of all tests below this folder.
func testNames(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			names = append(names, firstOf(t, path, `(?m)^func (\w+)\(`)...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var (
	linkPattern    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headingPattern = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fencePattern   = regexp.MustCompile("(?ms)^```.*?^```$")
	spanPattern    = regexp.MustCompile("`[^`\n]*`")
)

// anchors are the names that links into a Markdown file can end in.
func anchors(text string) []string {
	var names []string
	for _, heading := range headingPattern.FindAllStringSubmatch(fencePattern.ReplaceAllString(text, ""), -1) {
		name := strings.ToLower(strings.ReplaceAll(heading[1], " ", "-"))
		names = append(names, regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(name, ""))
	}
	return names
}

// TestLinksLeadSomewhere: every relative link of a Markdown file names a file that is there, and a heading of it.
func TestLinksLeadSomewhere(t *testing.T) {
	files := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); path != ".." && (strings.HasPrefix(name, ".") && name != ".github" || name == "build" || name == "bin" || name == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) == ".md" {
			files++
			checkLinks(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Error("there is no Markdown file")
	}
}

func checkLinks(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	prose := spanPattern.ReplaceAllString(fencePattern.ReplaceAllString(string(content), ""), "")
	for _, match := range linkPattern.FindAllStringSubmatch(prose, -1) {
		link := match[1]
		if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
			continue
		}
		name, anchor, _ := strings.Cut(link, "#")
		target := path
		if name != "" {
			target = filepath.Join(filepath.Dir(path), name)
		}
		info, err := os.Stat(target)
		if err != nil {
			t.Errorf("%s: the link to %s leads nowhere: %v", path, link, err)
			continue
		}
		if anchor == "" || info.IsDir() {
			continue
		}
		text, err := os.ReadFile(target)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(anchors(string(text)), anchor) {
			t.Errorf("%s: the link to %s names no heading of %s", path, link, target)
		}
	}
}
