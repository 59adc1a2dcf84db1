package tests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// messagesDoc describes every message that the module logs with a number.
const messagesDoc = "../docs/log-messages.md"

// logMessage is one place in the sources that logs a numbered message.
type logMessage struct {
	number string
	level  string   // of httpd's LogLevel
	parts  []string // what is constant of the text, in order
	place  string
}

var (
	numberPattern  = regexp.MustCompile(`MODGO\d{4}`)
	wordsPattern   = regexp.MustCompile(`\s+`)
	formatPattern  = regexp.MustCompile(`%[-.*0-9]*[a-zA-Z]`)
	cLogPattern    = regexp.MustCompile(`ap_log_r?error\(\s*APLOG_MARK,\s*(?:APLOG_STARTUP\s*\|\s*)?APLOG_([A-Z]+),`)
	cLiteral       = regexp.MustCompile(`^"((?:[^"\\]|\\.)*)"`)
	cMacro         = regexp.MustCompile(`^[A-Z][A-Z0-9_]*`)
	sectionPattern = regexp.MustCompile(`(?m)^### (MODGO\d{4})\b.*\n`)
	levelPattern   = regexp.MustCompile(`(?m)^Level: (.+)$`)
)

// literalParts are the constant parts of a printf format.
func literalParts(format string) []string {
	var parts []string
	for _, part := range formatPattern.Split(format, -1) {
		if part = strings.TrimSpace(wordsPattern.ReplaceAllString(part, " ")); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// cMessages finds the numbered messages of a C file.
func cMessages(t *testing.T, path string) []logMessage {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	source := string(content)
	var found []logMessage
	for _, at := range regexp.MustCompile(`"MODGO\d{4}: `).FindAllStringIndex(source, -1) {
		place := fmt.Sprintf("%s:%d", filepath.Base(path), 1+strings.Count(source[:at[0]], "\n"))
		calls := cLogPattern.FindAllStringSubmatch(source[:at[0]], -1)
		if len(calls) == 0 {
			t.Fatalf("%s: no call of ap_log_error before the message", place)
		}
		// Adjacent literals are one; a macro between them stands for a part of the format.
		text, rest := "", source[at[0]:]
		for {
			rest = strings.TrimLeft(rest, " \t\n")
			if literal := cLiteral.FindStringSubmatch(rest); literal != nil {
				text, rest = text+literal[1], rest[len(literal[0]):]
				continue
			}
			macro := cMacro.FindString(rest)
			if macro == "" {
				break
			}
			switch {
			case macro == "MODGO_HANDLER":
				text += "go-application"
			case strings.HasSuffix(text, "%"): // APR_SIZE_T_FMT and its like
				text += "d"
			default:
				t.Fatalf("%s: the message contains %s, which this test does not know", place, macro)
			}
			rest = rest[len(macro):]
		}
		number, text, _ := strings.Cut(strings.ReplaceAll(text, `\"`, `"`), ": ")
		level := strings.ToLower(calls[len(calls)-1][1])
		found = append(found, logMessage{number, levelName(level), literalParts(text), place})
	}
	return found
}

// levelName is a level as LogLevel has it.
func levelName(name string) string {
	switch name {
	case "err":
		return "error"
	case "warning":
		return "warn"
	}
	return name
}

// goLevels are the bridge's names of the levels.
var goLevels = map[string]string{
	"levelCritical": "crit", "levelError": "error", "levelWarning": "warn", "levelNotice": "notice", "levelInfo": "info", "levelDebug": "debug",
}

// goMessages finds the numbered messages of a Go file: calls of logLine(level, text) and logError(number, text).
func goMessages(t *testing.T, path string) []logMessage {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []logMessage
	ast.Inspect(file, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		place := set.Position(call.Pos())
		m := logMessage{place: fmt.Sprintf("%s:%d", filepath.Base(path), place.Line)}
		text := firstLiteral(call.Args[1])
		switch nameOf(call.Fun) {
		case "logLine":
			if !numberPattern.MatchString(text) {
				return true
			}
			m.number, text, _ = strings.Cut(text, ": ")
			m.level = goLevels[nameOf(call.Args[0])]
		case "logError":
			m.number, m.level = firstLiteral(call.Args[0]), "error"
		default:
			return true
		}
		m.parts = literalParts(text)
		found = append(found, m)
		return true
	})
	return found
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// firstLiteral is the first string literal in an expression.
func firstLiteral(e ast.Expr) (text string) {
	ast.Inspect(e, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING && text == "" {
			text, _ = strconv.Unquote(literal.Value)
		}
		return text == ""
	})
	return text
}

// sourceMessages are the messages of the bridge, by number. None may escape the search.
func sourceMessages(t *testing.T) map[string][]logMessage {
	t.Helper()
	found := make(map[string][]logMessage)
	for pattern, search := range map[string]func(*testing.T, string) []logMessage{"*.c": cMessages, "*.go": goMessages} {
		paths, err := filepath.Glob("../apachebridge/" + pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no %s in apachebridge: %v", pattern, err)
		}
		for _, path := range paths {
			messages := search(t, path)
			for _, m := range messages {
				found[m.number] = append(found[m.number], m)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if quoted := regexp.MustCompile(`"MODGO\d{4}`).FindAllString(string(content), -1); len(quoted) != len(messages) {
				t.Errorf("%s has %d numbers in its strings, but this test understands %d messages: log with ap_log_error, ap_log_rerror, logLine or logError", path, len(quoted), len(messages))
			}
		}
	}
	return found
}

// documentedMessage is a section of the document.
type documentedMessage struct {
	levels []string
	texts  []string
	body   string
}

func documentedMessages(t *testing.T) map[string]documentedMessage {
	t.Helper()
	content, err := os.ReadFile(messagesDoc)
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	found := make(map[string]documentedMessage)
	headings := sectionPattern.FindAllStringSubmatchIndex(text, -1)
	for i, heading := range headings {
		number, end := text[heading[2]:heading[3]], len(text)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		body := text[heading[1]:end]
		if next := strings.Index(body, "\n## "); next >= 0 {
			body = body[:next]
		}
		if _, twice := found[number]; twice {
			t.Errorf("%s has two sections", number)
		}
		section := documentedMessage{body: body}
		if m := levelPattern.FindStringSubmatch(body); m != nil {
			section.levels = strings.Split(m[1], ", ")
		}
		// Each text is a paragraph of quoted lines.
		var text []string
		for _, line := range append(strings.Split(body, "\n"), "") {
			if quoted, ok := strings.CutPrefix(line, "> "); ok {
				text = append(text, quoted)
			} else if len(text) > 0 {
				section.texts = append(section.texts, strings.Join(text, " "))
				text = nil
			}
		}
		found[number] = section
	}
	return found
}

// matches tells whether a documented text holds the constant parts of a message in their order.
func (m logMessage) matches(text string) bool {
	for _, part := range m.parts {
		_, rest, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text = rest
	}
	return len(m.parts) > 0
}

// TestLogMessagesAreDocumented: every number of the sources has one section in docs/log-messages.md, which says level,
// text, cause and cure of each place that logs it, and no section is of a message that is not there.
func TestLogMessagesAreDocumented(t *testing.T) {
	messages, documented := sourceMessages(t), documentedMessages(t)
	for number, section := range documented {
		if messages[number] == nil {
			t.Errorf("%s describes %s, which no source logs", messagesDoc, number)
		}
		for _, part := range []string{"\nCause: ", "\nCure: "} {
			if !strings.Contains(section.body, part) {
				t.Errorf("%s: the section of %s has no paragraph that begins with %q", messagesDoc, number, strings.TrimSpace(part))
			}
		}
	}
	for number, places := range messages {
		section, ok := documented[number]
		if !ok {
			t.Errorf("%s: %s has no section in %s", places[0].place, number, messagesDoc)
			continue
		}
		var levels []string
		used := make([]bool, len(section.texts))
		for _, m := range places {
			levels = append(levels, m.level)
			i := slices.IndexFunc(section.texts, m.matches)
			if i < 0 {
				t.Errorf("%s: the text of %s is none of those in %s; its constant parts are %q", m.place, number, messagesDoc, m.parts)
				continue
			}
			used[i] = true
		}
		for i, text := range section.texts {
			if !used[i] {
				t.Errorf("%s: no source logs this text of %s: %s", messagesDoc, number, text)
			}
		}
		slices.Sort(levels)
		slices.Sort(section.levels)
		if levels = slices.Compact(levels); !slices.Equal(levels, section.levels) {
			t.Errorf("%s: %s is logged at %v, and described at %v", messagesDoc, number, levels, section.levels)
		}
	}
}

// sharedNumbers are the numbers that two places log, because both report the same event.
var sharedNumbers = map[string]string{
	"MODGO0001": "a directive names a package that is not there: when it is read, and for each request",
	"MODGO0003": "an application cannot be constructed: in the check, and in a child",
	"MODGO0011": "a handler did not return: it panicked, or called runtime.Goexit on a goroutine of its own",
	"MODGO0005": "the check of the applications could not be made: no process for it, or one that failed",
}

// TestLogNumbersAreUnique: a number stands for one message.
func TestLogNumbersAreUnique(t *testing.T) {
	for number, places := range sourceMessages(t) {
		_, shared := sharedNumbers[number]
		if len(places) == 1 && !shared {
			continue
		}
		var where []string
		for _, m := range places {
			where = append(where, m.place)
		}
		if !shared {
			t.Errorf("%s is logged from %v: give each message its own number", number, where)
		} else if len(places) != 2 {
			t.Errorf("%s is logged from %v; it should be two places (%s)", number, where, sharedNumbers[number])
		}
	}
}
