// Package brokenapps is a table of applications, each of which breaks one clause of the application contract. Package
// validate must name the breach; a server that runs one bare must survive it, and answer as the table says.
package brokenapps

import "github.com/mod-go/mod-go/modgo"

// An Outcome is what the client gets from a server without the validator.
type Outcome int

const (
	// Failed is a response of status 500: nothing had been sent.
	Failed Outcome = iota
	// Aborted is a response that the client can tell to be cut short.
	Aborted
	// Harmless is a whole response: Status, Body. The server cannot notice the breach, or it makes good for it.
	Harmless
	// Unsettled is Harmless, or Failed by a server that looks at the head once more, as httpd does (AH02430).
	Unsettled
)

// String is what a client gets, in a word or three.
func (o Outcome) String() string {
	switch o {
	case Failed:
		return "500"
	case Aborted:
		return "aborted"
	case Harmless:
		return "harmless"
	}
	return "harmless or 500"
}

// An App is one broken application. It answers any request with GET; those that read want a body.
type App struct {
	Name        string // for a test's name and a URL: "block_before_start"
	Clause      string // the clause it breaks
	Description string // "gives a block before it calls startResponse"
	Application modgo.Application
	Function    string // the function of this package that Violation.Place names, or the one around it

	Bare   Outcome // what a server makes of it by itself
	Status int     // of a Harmless response
	Body   string  // of a Harmless response
	Absent string  // a header that must not be in the response
	Late   bool    // the breach comes when the request has ended
	Logged bool    // a server logs one line about it
}

// All returns the table. No two have the same name.
func All() []App {
	apps := []App{}
	for _, group := range [][]App{starting(), heads(), bodies(), late()} {
		for _, app := range group {
			app.Logged = app.Logged || app.Bare == Failed || app.Bare == Aborted
			apps = append(apps, app)
		}
	}
	return apps
}

// text are the headers of most.
func text() modgo.Headers { return modgo.Headers{{"Content-Type", "text/plain"}} }

// sized are the headers of a text of a length.
func sized(length string) modgo.Headers {
	return modgo.Headers{{"Content-Type", "text/plain"}, {"Content-Length", length}}
}
