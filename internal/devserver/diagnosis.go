package devserver

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// A diagnosis is a message about a place in a source file, with the lines around it.
type diagnosis struct {
	File         string // as the message names it
	Line, Column int    // from 1; Column is 0 where it is not known
	Message      string
	Excerpt      []excerptLine // empty where the file cannot be read
}

type excerptLine struct {
	Number int
	Text   string
	Marked bool   // the line that the message is about
	Indent string // for the marked line: what stands before a mark below the column, "" where there is no column
}

const (
	maxDiagnoses    = 10
	excerptMargin   = 3 // lines before and after
	maxExcerptBytes = 1 << 20
)

// compilerLine is a line such as "./app/app.go:3:4: undefined: x", as the go command and the compilers print it.
var compilerLine = regexp.MustCompile(`^(?:vet: |go: )?([^\s:][^:]*\.(?:go|mod|work|sum|[a-zA-Z]{1,3})):(\d+)(?::(\d+))?: (.*)$`)

// diagnoseBuild finds the places in what a build printed. Relative paths in it start at dir.
func diagnoseBuild(output, dir string) []diagnosis {
	var found []diagnosis
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if m := compilerLine.FindStringSubmatch(line); m != nil {
			if len(found) == maxDiagnoses {
				break
			}
			number, _ := strconv.Atoi(m[2])
			column, _ := strconv.Atoi(m[3])
			d := diagnosis{File: strings.TrimPrefix(m[1], "./"), Line: number, Column: column, Message: m[4]}
			d.readExcerpt(dir)
			found = append(found, d)
		} else if len(found) > 0 && strings.HasPrefix(line, "\t") {
			found[len(found)-1].Message += "\n" + strings.TrimSpace(line) // the message goes on
		}
	}
	return found
}

// stackLine is a line such as "\t/home/user/app.go:12 +0x1d" of a goroutine's stack.
var stackLine = regexp.MustCompile(`^\t(/.*\.go):(\d+)(?: \+0x[0-9a-f]+.*)?$`)

// maxFrames is how many of a stack's places are shown with their source.
const maxFrames = 3

// diagnoseStack finds the innermost places of the user's code in what a crashed program printed. own tells which files are
// the user's.
func diagnoseStack(output, dir string, own func(file string) bool) []diagnosis {
	// A recovered panic's stack has the functions that recovered and printed it above the panic.
	if i := strings.LastIndex(output, "\npanic("); i >= 0 {
		output = output[i:]
	}
	var found []diagnosis
	for line := range strings.Lines(output) {
		if line = strings.TrimRight(line, "\r\n"); line == "" && len(found) > 0 {
			break // the next goroutine
		}
		m := stackLine.FindStringSubmatch(line)
		if m == nil || !own(m[1]) {
			continue
		}
		number, _ := strconv.Atoi(m[2])
		d := diagnosis{File: m[1], Line: number}
		if short, err := filepath.Rel(dir, m[1]); err == nil && filepath.IsLocal(short) {
			d.File = short
		}
		d.readExcerpt(dir)
		if found = append(found, d); len(found) == maxFrames {
			break
		}
	}
	return found
}

// readExcerpt reads the lines around the place.
func (d *diagnosis) readExcerpt(dir string) {
	path := d.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return // a fifo would block
	}
	file, err := os.Open(path)
	if err != nil {
		return
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxExcerptBytes))
	if err != nil {
		return
	}
	for i, line := range bytes.Split(content, []byte("\n")) {
		number := i + 1
		if number < d.Line-excerptMargin || number > d.Line+excerptMargin {
			continue
		}
		one := excerptLine{Number: number, Text: strings.TrimSuffix(string(line), "\r"), Marked: number == d.Line}
		if one.Marked && d.Column > 0 {
			one.Indent = indent(one.Text, d.Column)
		}
		d.Excerpt = append(d.Excerpt, one)
	}
}

// indent returns white space as wide as what stands in a line before a column, which counts bytes from 1.
func indent(line string, column int) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, line[:min(column-1, len(line))])
}

// crashText is the part of what a program printed that explains its end: from its panic on, or else the last lines.
func crashText(printed string) string {
	for _, begin := range []string{"panic: ", "fatal error: ", "runtime: ", "SIGQUIT: "} {
		if strings.HasPrefix(printed, begin) {
			return strings.TrimSpace(printed)
		}
		if i := strings.LastIndex(printed, "\n"+begin); i >= 0 {
			return strings.TrimSpace(printed[i:])
		}
	}
	const last = 30
	lines := strings.Split(strings.TrimSpace(printed), "\n")
	return strings.Join(lines[max(0, len(lines)-last):], "\n")
}
