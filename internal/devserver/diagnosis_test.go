package devserver

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestDiagnoseBuild(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.go"), []byte("one\ntwo\n\tthree\nfour\nfive\nsix\nseven\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, output string
		want         []diagnosis // excerpts aside
		excerpt      string      // of the first
	}{
		{"compiler", "# example.com/site\n./app.go:3:2: undefined: three",
			[]diagnosis{{File: "app.go", Line: 3, Column: 2, Message: "undefined: three"}},
			"1 one|2 two|3>\tthree [\t]|4 four|5 five|6 six"},
		{"a message of several lines", "app.go:1:1: cannot use x\n\thave int\n\twant string\napp.go:7:1: more",
			[]diagnosis{
				{File: "app.go", Line: 1, Column: 1, Message: "cannot use x\nhave int\nwant string"},
				{File: "app.go", Line: 7, Column: 1, Message: "more"},
			}, "1>one []|2 two|3 \tthree|4 four"},
		{"no column", "go: errors parsing go.mod:\napp.go:7: unknown directive: x",
			[]diagnosis{{File: "app.go", Line: 7, Message: "unknown directive: x"}}, "4 four|5 five|6 six|7>seven []|8 "},
		{"beyond the line's end", "app.go:1:99: y", []diagnosis{{File: "app.go", Line: 1, Column: 99, Message: "y"}},
			"1>one [   ]|2 two|3 \tthree|4 four"},
		{"no such file", "gone.go:1:1: x", []diagnosis{{File: "gone.go", Line: 1, Column: 1, Message: "x"}}, ""},
		{"C", "hello.c:12:5: error: unknown type name 'x'", []diagnosis{{File: "hello.c", Line: 12, Column: 5, Message: "error: unknown type name 'x'"}}, ""},
		{"no place", "there is no package ./app: directory not found", nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := diagnoseBuild(test.output, dir)
			if len(got) != len(test.want) {
				t.Fatalf("%d places, want %d: %+v", len(got), len(test.want), got)
			}
			for i, d := range got {
				want := test.want[i]
				if d.File != want.File || d.Line != want.Line || d.Column != want.Column || d.Message != want.Message {
					t.Errorf("%+v, want %+v", d, want)
				}
				if i == 0 && flat(d.Excerpt) != test.excerpt {
					t.Errorf("the excerpt is %q, want %q", flat(d.Excerpt), test.excerpt)
				}
			}
		})
	}
}

func flat(excerpt []excerptLine) string {
	var lines []string
	for _, line := range excerpt {
		text := string(rune('0'+line.Number)) + " " + line.Text
		if line.Marked {
			text = string(rune('0'+line.Number)) + ">" + line.Text + " [" + line.Indent + "]"
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "|")
}

func TestDiagnoseStack(t *testing.T) {
	own := func(file string) bool { return strings.HasPrefix(file, "/home/site/") }
	const crash = `panic: out of control

goroutine 7 [running]:
example.com/site/app.f(...)
	/home/site/app/app.go:12
net/http.(*conn).serve(0x1)
	/usr/local/go/src/net/http/server.go:2100 +0x5e
example.com/site/app.g()
	/home/site/app/g.go:30 +0x1d

goroutine 8 [running]:
	/home/site/app/other.go:1 +0x1
`
	const recovered = `its constructor panicked: x

goroutine 1 [running]:
runtime/debug.Stack()
	/usr/local/go/src/runtime/debug/stack.go:26 +0x5e
example.com/site/app.recovering()
	/home/site/app/recovering.go:3 +0x1d
panic({0x1, 0x2})
	/usr/local/go/src/runtime/panic.go:860 +0x13a
example.com/site/app.application()
	/home/site/app/app.go:9 +0x1d
`
	for name, test := range map[string]struct{ output, want string }{
		"a crash":           {crash, "app/app.go:12 app/g.go:30"},
		"a recovered panic": {recovered, "app/app.go:9"},
		"no stack":          {"exit", ""},
	} {
		var got []string
		for _, d := range diagnoseStack(test.output, "/home/site", own) {
			got = append(got, d.File+":"+strconv.Itoa(d.Line))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: the places are %q, want %q", name, got, test.want)
		}
	}
}

func TestCrashText(t *testing.T) {
	for name, test := range map[string]struct{ printed, want string }{
		"a panic after other lines": {"listening\npanic: x\n\ngoroutine 1:\n", "panic: x\n\ngoroutine 1:"},
		"a panic at once":           {"panic: x\n", "panic: x"},
		"a fatal error":             {"a\nfatal error: all goroutines are asleep - deadlock!\n", "fatal error: all goroutines are asleep - deadlock!"},
		"last words":                {strings.Repeat("old\n", 50) + "no database\n", strings.Repeat("old\n", 29) + "no database"},
		"nothing":                   {"", ""},
	} {
		if got := crashText(test.printed); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
