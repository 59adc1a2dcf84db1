package brokenapps

import (
	"errors"
	"io"

	"github.com/mod-go/mod-go/modgo"
)

var errBroken = errors.New("this application is broken")

// late are applications that go on after the request has ended, in a goroutine of their own.
func late() []App {
	return []App{
		{Name: "writes_after_end", Clause: "V11", Function: "writesAfterEnd", Application: writesAfterEnd,
			Description: "writes after the request has ended", Bare: Harmless, Status: 200, Body: page, Late: true},
		{Name: "starts_after_end", Clause: "V11", Function: "startsAfterEnd", Application: startsAfterEnd,
			Description: "calls startResponse again, with a cause, after the request has ended", Bare: Harmless, Status: 200, Body: page, Late: true},
		{Name: "reads_after_end", Clause: "C20", Function: "readsAfterEnd", Application: readsAfterEnd,
			Description: "reads the input after the request has ended", Bare: Harmless, Status: 200, Body: page, Late: true},
	}
}

// afterwards calls f when the request has ended. A panic of f must not take the process with it.
func afterwards(env *modgo.Environ, f func()) {
	ctx := env.Context()
	go func() {
		defer func() { _ = recover() }()
		<-ctx.Done()
		f()
	}()
}

func writesAfterEnd(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	w := start("200 OK", text())
	afterwards(env, func() { _, _ = io.WriteString(w, "too late") })
	return modgo.Text(page)
}

func startsAfterEnd(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", text())
	afterwards(env, func() { start("500 Internal Server Error", text(), errBroken) })
	return modgo.Text(page)
}

func readsAfterEnd(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	start("200 OK", text())
	input := env.Input()
	afterwards(env, func() { _, _ = input.Read(make([]byte, 1)) })
	return modgo.Text(page)
}
