package httpdtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/internal/builder"
)

// objects are those of this test binary, by their patterns.
var objects sync.Map // string -> func() (string, error)

// Object builds mod_go.so from packages, given as go list patterns relative to the root of the module that the test belongs
// to: the repository, or a module of its own below it, such as tests/programs. It returns the object's path. It is built
// once for each test binary and set of patterns, into the repository's build/test, and with the GOFLAGS, GOEXPERIMENT and
// CGO_CFLAGS of the environment.
//
// A variable presets the path of an object that exists: MODGO_TEST_OBJECT_ and the patterns, as seen from the repository's
// root, in capital letters, whatever is no letter or digit as one underscore, so MODGO_TEST_OBJECT_APPS_HELLO for
// "./apps/hello", MODGO_TEST_OBJECT_APPS for "./apps/..." and MODGO_TEST_OBJECT_TESTS_PROGRAMS_APPS_CHI for "./apps/chi" of
// tests/programs.
func Object(t testing.TB, patterns ...string) string {
	t.Helper()
	m, err := testModule()
	if err != nil {
		t.Fatalf("httpdtest: %v", err)
	}
	if preset := os.Getenv(objectVariable(m.fromRepository(patterns))); preset != "" {
		return preset
	}
	build, _ := objects.LoadOrStore(strings.Join(patterns, " "), sync.OnceValues(func() (string, error) {
		return m.build(context.WithoutCancel(t.Context()), patterns)
	}))
	object, err := build.(func() (string, error))()
	if err != nil {
		t.Fatalf("httpdtest: cannot build mod_go.so from %s: %v", strings.Join(patterns, " "), err)
	}
	return object
}

var notNamePattern = regexp.MustCompile(`[^A-Z0-9]+`)

func objectVariable(patterns []string) string {
	name := notNamePattern.ReplaceAllString(strings.ToUpper(strings.Join(patterns, " ")), "_")
	return EnvObject + strings.Trim(name, "_")
}

// buildVariables change what is built. Objects that differ in them lie in different folders.
var buildVariables = []string{EnvValidate, "GOFLAGS", "GOEXPERIMENT", "GOARCH", "CC", "CGO_CFLAGS", "CGO_LDFLAGS"}

func (m module) build(ctx context.Context, patterns []string) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, slices.Sorted(slices.Values(m.fromRepository(patterns))))
	for _, name := range buildVariables {
		fmt.Fprintln(sum, name, os.Getenv(name))
	}
	dir := filepath.Join(m.repository, "build", "test", hex.EncodeToString(sum.Sum(nil))[:16])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	object := filepath.Join(dir, objectName)
	var log bytes.Buffer
	if _, err := builder.Build(ctx, builder.Options{Dir: m.dir, Patterns: patterns, Output: object, Log: &log, Validate: os.Getenv(EnvValidate) != ""}); err != nil {
		return "", fmt.Errorf("%w\n%s", err, log.String())
	}
	return object, nil
}

// module is that of the tests that run.
type module struct {
	dir        string // its root
	repository string // the root of the repository, which is the same or above
}

// repositoryModule is the module in the repository's root.
const repositoryModule = "github.com/mod-go/mod-go"

var testModule = sync.OnceValues(func() (m module, err error) {
	// A nested module has the repository's in a replace directive, so the go command knows its folder.
	for _, place := range []struct {
		dir  *string
		args []string
	}{
		{&m.dir, []string{"list", "-m", "-f", "{{.Dir}}"}},
		{&m.repository, []string{"list", "-m", "-f", "{{.Dir}}", repositoryModule}},
	} {
		output, err := exec.Command("go", place.args...).Output()
		if err != nil {
			return m, fmt.Errorf("the tests have to run inside the repository, where %s is known: go %s: %w", repositoryModule, strings.Join(place.args, " "), err)
		}
		*place.dir = strings.TrimSpace(string(output))
	}
	return m, nil
})

// fromRepository returns patterns of the module as they are from the repository's root.
func (m module) fromRepository(patterns []string) []string {
	below, err := filepath.Rel(m.repository, m.dir)
	if err != nil || below == "." {
		return patterns
	}
	var seen []string
	for _, pattern := range patterns {
		seen = append(seen, path.Join(below, pattern))
	}
	return seen
}
