package brokenapps

import "github.com/mod-go/mod-go/modgo"

// starting are applications that do not call startResponse when and as often as they should.
func starting() []App {
	return []App{
		{Name: "never_starts", Clause: "C27", Function: "neverStarts", Application: neverStarts,
			Description: "returns no body and never calls startResponse", Bare: Failed},
		{Name: "empty_body_never_starts", Clause: "C27", Function: "emptyBodyNeverStarts", Application: emptyBodyNeverStarts,
			Description: "its body ends without a block, and without a call of startResponse", Bare: Failed},
		{Name: "block_before_start", Clause: "V8", Function: "blockBeforeStart", Application: blockBeforeStart,
			Description: "its body gives a block before it calls startResponse", Bare: Failed},
		{Name: "text_without_start", Clause: "V8", Function: "textWithoutStart", Application: textWithoutStart,
			Description: "returns a text and never calls startResponse", Bare: Failed},
		{Name: "starts_twice", Clause: "C34", Function: "startsTwice", Application: startsTwice,
			Description: "calls startResponse twice without a cause", Bare: Failed},
		{Name: "starts_twice_with_nil_cause", Clause: "C34", Function: "startsTwiceWithNilCause", Application: startsTwiceWithNilCause,
			Description: "calls startResponse a second time with a cause that is nil, which is none", Bare: Failed},
		{Name: "starts_again_in_body", Clause: "C34", Function: "startsAgainInBody", Application: startsAgainInBody,
			Description: "its body calls startResponse again, without a cause, after its first block", Bare: Aborted},
	}
}

func neverStarts(*modgo.Environ, modgo.StartResponse) modgo.Body { return nil }

func emptyBodyNeverStarts(*modgo.Environ, modgo.StartResponse) modgo.Body {
	return func(func([]byte, error) bool) {}
}

func blockBeforeStart(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	return func(yield func([]byte, error) bool) {
		if yield([]byte("too early"), nil) {
			start("200 OK", text())
		}
	}
}

func textWithoutStart(*modgo.Environ, modgo.StartResponse) modgo.Body { return modgo.Text("no head") }

func startsTwice(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", text())
	start("404 Not Found", text())
	return modgo.Text("which of the two?")
}

func startsTwiceWithNilCause(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", text())
	start("404 Not Found", text(), nil)
	return modgo.Text("which of the two?")
}

func startsAgainInBody(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", text())
	return func(yield func([]byte, error) bool) {
		if !yield([]byte("first"), nil) {
			return
		}
		start("500 Internal Server Error", text())
		yield([]byte("second"), nil)
	}
}
