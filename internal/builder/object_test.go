package builder_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/builder"
)

// uniqueSymbol is C for what C++ makes of static data in a template.
const uniqueSymbol = `__asm__(".data\n.globl modgo_test_unique\n.type modgo_test_unique, @gnu_unique_object\n.size modgo_test_unique, 4\nmodgo_test_unique: .long 1\n.text");`

func TestInspectFindsWhatIsWrong(t *testing.T) {
	dir := tree(t, `
-- text --
no object
-- empty.c --
-- module.c --
int go_module;
static void start(void) {}
__attribute__((used, section(".go_init"))) static void (*entry)(void) = start;
-- unique.c --
`+uniqueSymbol+`
-- plain/go.mod --
module example.com/plain

go 1.26.0
-- plain/main.go --
package main

import "C"

//export go_module
func go_module() {}

func main() {}
`)
	path := func(name string) string { return filepath.Join(dir, name) }
	command(t, dir, "gcc", "-shared", "-fPIC", "-o", "empty.so", "empty.c")
	command(t, dir, "gcc", "-shared", "-fPIC", "-o", "module.so", "module.c")
	command(t, dir, "gcc", "-shared", "-fPIC", "-Wl,-z,nodelete", "-o", "nodelete.so", "module.c")
	command(t, dir, "gcc", "-shared", "-fPIC", "-o", "unique.so", "module.c", "unique.c")
	command(t, dir, "gcc", "-c", "-o", "module.o", "module.c")
	command(t, path("plain"), "go", "build", "-buildmode=c-shared", "-o", "../plain.so")
	tests := []struct {
		file   string
		wanted []string
	}{
		{"nosuch", []string{"cannot be read", "no such file"}},
		{"text", []string{"no ELF file", "build it with modgo build"}},
		{"module.o", []string{"no shared object"}},
		{"empty.so", []string{"does not export go_module", "GNU ld"}},
		{"nodelete.so", []string{"marked NODELETE"}},
		{"unique.so", []string{"exports modgo_test_unique as a unique symbol"}},
		{"module.so", []string{"no list of packages"}},
		{"plain.so", []string{"marked NODELETE", "would start while httpd loads it"}},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			object, err := builder.Inspect(path(test.file))
			if err == nil {
				t.Fatalf("Inspect = %+v, want an error", object)
			}
			for _, want := range test.wanted {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}
