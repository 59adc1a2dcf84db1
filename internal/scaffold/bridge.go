package scaffold

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// modulePath is the module that an application's module requires.
const modulePath = "github.com/mod-go/mod-go"

// bridge is how a new module requires mod_go.
type bridge struct {
	Version string
	Replace string // a folder, as go.mod writes it; "" where the version can be had from a proxy
}

// findBridge takes the clone that is given, the version that this program was installed as, or the clone that it was built
// from.
func findBridge(clone string) (bridge, error) {
	if clone != "" {
		dir, err := filepath.Abs(clone)
		if err != nil {
			return bridge{}, err
		}
		if !isClone(dir) {
			return bridge{}, fmt.Errorf("--replace: %s is no clone of mod_go: no go.mod of %s lies there", dir, modulePath)
		}
		return bridge{"v0.0.0", modfile.AutoQuote(dir)}, nil
	}
	if version, ok := installedVersion(); ok {
		return bridge{Version: version}, nil
	}
	if dir := sourceDir(); isClone(dir) {
		return bridge{"v0.0.0", modfile.AutoQuote(dir)}, nil
	}
	return bridge{}, fmt.Errorf("the clone of mod_go that this program was built from is not known or gone: name one with --replace DIR, because %s is not published", modulePath)
}

// installedVersion is that of a program built by `go install ...@VERSION`. One that is built in a clone has a version
// too, of its commit, but is not in the module cache.
func installedVersion() (string, bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != modulePath || info.Main.Sum == "" {
		return "", false
	}
	return info.Main.Version, semver.IsValid(info.Main.Version)
}

// sourceDir is the root of the tree that this file was compiled in, "" where the compiler was told to forget it.
func sourceDir() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return ""
	}
	return strings.TrimSuffix(filepath.Dir(file), "/internal/scaffold")
}

func isClone(dir string) bool {
	content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return dir != "" && err == nil && modfile.ModulePath(content) == modulePath
}
