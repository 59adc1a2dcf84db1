package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// complete is what a shell offers behind the words that are typed: cobra's own command for it, as the shell calls it.
func complete(t *testing.T, words ...string) (offered []string, directive string) {
	t.Helper()
	out, _, err := execute(append([]string{"__complete"}, words...)...)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	last := len(lines) - 1
	for _, line := range lines[:last] {
		name, _, _ := strings.Cut(line, "\t")
		offered = append(offered, name)
	}
	return offered, lines[last]
}

const (
	noFiles   = ":4"
	onlyKinds = ":8" // files with an extension
	onlyDirs  = ":16"
)

func TestPackagesAreCompleted(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{
		"shop/shop.go", "shop/cart/cart.go", "shop/cart/cart_test.go", "blog/blog.go", "docs/text.md", "testonly/a_test.go",
		"shop/testdata/t.go", ".hidden/h.go", "vendor/v/v.go",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for typed, want := range map[string][]string{
		"":           {"./...", "./blog", "./shop", "./shop/...", "./shop/cart"},
		"./s":        {"./shop", "./shop/...", "./shop/cart"},
		"./shop/":    {"./shop/...", "./shop/cart"},
		"./shop/car": {"./shop/cart"},
		"./docs/":    nil,
		"./nowhere/": nil,
	} {
		for _, command := range []string{"serve", "build", "dev"} {
			if offered, directive := complete(t, command, typed); !slices.Equal(offered, want) || directive != noFiles {
				t.Errorf("modgo %s %s<TAB> offers %q %s, want %q", command, typed, offered, directive, want)
			}
		}
	}
	if _, directive := complete(t, "serve", "/usr/"); directive != onlyDirs {
		t.Errorf("an absolute path gives %s", directive)
	}
}

func TestFlagsAreCompleted(t *testing.T) {
	if offered, directive := complete(t, "serve", "--mpm", ""); !slices.Contains(offered, "event") || directive != noFiles {
		t.Errorf("--mpm <TAB> offers %q %s", offered, directive)
	}
	for flag, want := range map[string]string{
		"--port": noFiles, "--log-level": noFiles, "--work-dir": onlyDirs, "--document-root": onlyDirs, "--tls-cert": onlyKinds, "--tls-key": onlyKinds,
	} {
		if _, directive := complete(t, "serve", flag, ""); directive != want {
			t.Errorf("%s <TAB> gives %s, want %s", flag, directive, want)
		}
	}
	if offered, directive := complete(t, "check", ""); !slices.Equal(offered, []string{"so"}) || directive != onlyKinds {
		t.Errorf("modgo check <TAB> offers %q %s", offered, directive)
	}
}

// The script for the shell itself is cobra's.
func TestCompletionScript(t *testing.T) {
	if out, _, err := execute("completion", "bash"); err != nil || !strings.Contains(out, "__complete") {
		t.Errorf("modgo completion bash: %v\n%s", err, out)
	}
}
