package validate

import (
	"fmt"
	"strings"
)

// A Side is one of the two that the contract binds.
type Side string

// The two sides. Middleware is the server to what it wraps and the application to what wraps it.
const (
	Application Side = "application"
	Server      Side = "server"
)

// A Violation is one breach of the application contract.
type Violation struct {
	Clause  string // of docs/contract.md: "C34", "V8"
	Side    Side   // the side at fault
	Problem string // what was done, with the offending value
	Place   Place  // of the call or the function that did it
	Request string // the request's method and path: "GET /shop/cart"
}

// Error is one line.
func (v *Violation) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "application contract %s, broken by the %s: %s", v.Clause, v.Side, v.Problem)
	if place := v.Place.String(); place != "" {
		fmt.Fprintf(&b, "; in %s", place)
	}
	if v.Request != "" {
		fmt.Fprintf(&b, "; request %q", v.Request)
	}
	return b.String()
}

// A Place is a line of Go code. File and Line are zero where only the function is known, all fields where nothing is.
type Place struct {
	Function string // with its package's import path: "example.org/shop.(*Cart).page"
	File     string // as the compiler recorded it
	Line     int
}

// String is "function (file:line)".
func (p Place) String() string {
	switch {
	case p.File == "":
		return p.Function
	case p.Function == "":
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s (%s:%d)", p.Function, p.File, p.Line)
}
