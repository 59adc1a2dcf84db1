package stack_test

import (
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/stack"
)

func raise() { panic("on purpose") }

// raiseAgain panics while it recovers: the first panic is the one that is shown.
func raiseAgain() {
	defer func() { panic(recover()) }()
	raise()
}

func TestOfPanic(t *testing.T) {
	for name, panics := range map[string]func(){"once": raise, "again": raiseAgain} {
		var text string
		func() {
			defer func() {
				if recover() != nil {
					text = stack.OfPanic()
				}
			}()
			panics()
		}()
		rows := strings.Split(text, "\n")
		if !strings.HasPrefix(rows[0], "goroutine ") || len(rows) < 3 || !strings.Contains(rows[1], "stack_test.raise(") || strings.Contains(text, "stack.OfPanic") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}
