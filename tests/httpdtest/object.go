package httpdtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
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

// Object builds mod_go.so from packages, given as go list patterns relative to the repository's root, and returns its
// path. It is built once for each test binary and set of patterns, into build/test, and with the GOFLAGS, GOEXPERIMENT
// and CGO_CFLAGS of the environment.
//
// A variable presets the path of an object that exists: MODGO_TEST_OBJECT_ and the patterns in capital letters, whatever
// is no letter or digit as one underscore, so MODGO_TEST_OBJECT_APPS_HELLO for "./apps/hello" and MODGO_TEST_OBJECT_APPS
// for "./apps/...".
func Object(t testing.TB, patterns ...string) string {
	t.Helper()
	if preset := os.Getenv(objectVariable(patterns)); preset != "" {
		return preset
	}
	build, _ := objects.LoadOrStore(strings.Join(patterns, " "), sync.OnceValues(func() (string, error) {
		return buildObject(context.WithoutCancel(t.Context()), patterns)
	}))
	path, err := build.(func() (string, error))()
	if err != nil {
		t.Fatalf("httpdtest: cannot build mod_go.so from %s: %v", strings.Join(patterns, " "), err)
	}
	return path
}

var notNamePattern = regexp.MustCompile(`[^A-Z0-9]+`)

func objectVariable(patterns []string) string {
	name := notNamePattern.ReplaceAllString(strings.ToUpper(strings.Join(patterns, " ")), "_")
	return EnvObject + strings.Trim(name, "_")
}

// buildVariables change what is built. Objects that differ in them lie in different folders.
var buildVariables = []string{EnvValidate, "GOFLAGS", "GOEXPERIMENT", "GOARCH", "CC", "CGO_CFLAGS", "CGO_LDFLAGS"}

func buildObject(ctx context.Context, patterns []string) (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, slices.Sorted(slices.Values(patterns)))
	for _, name := range buildVariables {
		fmt.Fprintln(sum, name, os.Getenv(name))
	}
	dir := filepath.Join(root, "build", "test", hex.EncodeToString(sum.Sum(nil))[:16])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	object := filepath.Join(dir, objectName)
	var log bytes.Buffer
	if _, err := builder.Build(ctx, builder.Options{Dir: root, Patterns: patterns, Output: object, Log: &log, Validate: os.Getenv(EnvValidate) != ""}); err != nil {
		return "", fmt.Errorf("%w\n%s", err, log.String())
	}
	return object, nil
}

// repository is the root of the module that the tests belong to.
var repository = sync.OnceValues(func() (string, error) {
	output, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	file := strings.TrimSpace(string(output))
	if file == "" || file == os.DevNull {
		return "", fmt.Errorf("the tests have to run inside the repository: there is no go.mod above the current directory")
	}
	return filepath.Dir(file), nil
})
