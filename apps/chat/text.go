package chat

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxName = 40   // characters, of visitors and rooms
	maxText = 2000 // characters
	maxKey  = 64   // bytes
)

// clean drops what would not show: space at the ends, control characters but line feeds, and bytes that are no text.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.TrimSpace(s)
}

// checkName returns what is wrong with the name of what, "" where nothing is.
func checkName(what, name string) string {
	if name == "" || utf8.RuneCountInString(name) > maxName || strings.Contains(name, "\n") {
		return fmt.Sprintf("The %s is %q: it is one line of 1 to %d characters.", what, name, maxName)
	}
	return ""
}

// checkText returns what is wrong with a message, "" where nothing is.
func checkText(text string) string {
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return "The message is empty."
	case n > maxText:
		return fmt.Sprintf("The message has %d characters, and at most %d are kept: write less.", n, maxText)
	}
	return ""
}
