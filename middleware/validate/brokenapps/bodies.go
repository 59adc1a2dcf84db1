package brokenapps

import "github.com/mod-go/mod-go/modgo"

// bodies are applications whose body is wrong.
func bodies() []App {
	return []App{
		{Name: "short_body", Clause: "C45", Function: "shortBody", Application: shortBody,
			Description: "its body ends before its Content-Length", Bare: Aborted},
		{Name: "no_body_despite_length", Clause: "C45", Function: "noBodyDespiteLength", Application: noBodyDespiteLength,
			Description: "gives a Content-Length and an empty body", Bare: Failed},
		{Name: "short_text", Clause: "C45", Function: "shortText", Application: shortText,
			Description: "returns a text that is shorter than its Content-Length", Bare: Aborted},
		{Name: "long_text", Clause: "C44", Function: "longText", Application: longText,
			Description: "returns a text that is longer than its Content-Length", Bare: Harmless, Status: 200, Body: "12345"},
		{Name: "long_block", Clause: "C44", Function: "longBlock", Application: longBlock,
			Description: "its body's second block goes beyond its Content-Length", Bare: Harmless, Status: 200, Body: "12345"},
		{Name: "long_write", Clause: "C44", Function: "longWrite", Application: longWrite,
			Description: "writes more than its Content-Length and ignores the error", Bare: Harmless, Status: 200, Body: "12345"},
		{Name: "write_in_body", Clause: "C41", Function: "writeInBody", Application: writeInBody,
			Description: "writes after its body has given a block", Bare: Harmless, Status: 200, Body: "firstsecond"},
		{Name: "goes_on_when_stopped", Clause: "C42", Function: "goesOnWhenStopped", Application: goesOnWhenStopped,
			Description: "its body gives another block when the server, which has the Content-Length, wants no more",
			Bare:        Harmless, Status: 200, Body: "12345", Logged: true},
		{Name: "goes_on_after_error", Clause: "C42", Function: "goesOnAfterError", Application: goesOnAfterError,
			Description: "its body gives an error after its first block, and then another block", Bare: Aborted},
	}
}

func shortBody(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", sized("10"))
	return func(yield func([]byte, error) bool) { yield([]byte("12345"), nil) }
}

func noBodyDespiteLength(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", sized("10"))
	return func(func([]byte, error) bool) {}
}

func shortText(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", sized("10"))
	return modgo.Text("12345")
}

func longText(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", sized("5"))
	return modgo.Text("1234567890")
}

func longBlock(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", sized("5"))
	return func(yield func([]byte, error) bool) {
		if yield([]byte("123"), nil) {
			yield([]byte("4567890"), nil)
		}
	}
}

func longWrite(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	w := start("200 OK", sized("5"))
	_, _ = w.Write([]byte("1234567890"))
	return nil
}

func writeInBody(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	w := start("200 OK", text())
	return func(yield func([]byte, error) bool) {
		if yield([]byte("first"), nil) {
			_, _ = w.Write([]byte("second"))
		}
	}
}

func goesOnWhenStopped(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", sized("5"))
	return func(yield func([]byte, error) bool) {
		yield([]byte("12345"), nil)
		yield([]byte("67890"), nil)
	}
}

func goesOnAfterError(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", text())
	return func(yield func([]byte, error) bool) {
		yield([]byte("first"), nil)
		yield(nil, errBroken)
		yield([]byte("second"), nil)
	}
}
