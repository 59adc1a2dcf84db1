package tests

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestDockerfileCopiesPackages: docker/Dockerfile copies each folder at the top of the module that its programs are made
// of. It names them, so that nothing else that changes has the object built anew.
func TestDockerfileCopiesPackages(t *testing.T) {
	const dockerfile, module = "../docker/Dockerfile", "github.com/mod-go/mod-go/"
	copied := firstOf(t, dockerfile, `(?m)^COPY ([a-z-]+) [a-z-]+$`)

	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./apachebridge", "./apps/...", "./cmd/modgo")
	list.Dir = ".."
	output, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %v", list, err)
	}
	var needed []string
	for line := range strings.Lines(string(output)) {
		path, own := strings.CutPrefix(strings.TrimSpace(line), module)
		folder, _, _ := strings.Cut(path, "/")
		if own && !slices.Contains(needed, folder) {
			needed = append(needed, folder)
		}
	}
	if len(needed) == 0 {
		t.Fatalf("%v names no package of %s", list, module)
	}
	for _, folder := range needed {
		if !slices.Contains(copied, folder) {
			t.Errorf("%s does not copy %s, which the object or the command needs: add the line COPY %[2]s %[2]s", dockerfile, folder)
		}
	}
}
