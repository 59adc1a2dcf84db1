package middleware

import (
	"bytes"
	"io"
	"mime"
	"net/url"
	"strings"

	"github.com/mod-go/mod-go/modgo"
)

// MethodOverrideVariable is the variable that holds the method of the request line where MethodOverride has put another
// in its place.
const MethodOverrideVariable = "mod_go.original_method"

const (
	methodOverrideField = "_method"
	methodOverrideLimit = 8 << 10 // bytes of a form in which the field is looked for
)

// A MethodOverrideOption changes what MethodOverride does.
type MethodOverrideOption func(*methodOverrideConfig)

type methodOverrideConfig struct{ methods []string }

// MethodOverrideTo allows these methods, in the place of PUT, PATCH and DELETE.
func MethodOverrideTo(methods ...string) MethodOverrideOption {
	return func(c *methodOverrideConfig) { c.methods = methods }
}

// MethodOverride lets a POST ask for another method, for clients that can send nothing else, such as HTML forms:
//
//	<form method="post"><input type="hidden" name="_method" value="DELETE">
//
// The method comes from the request's header X-HTTP-Method-Override or, without that, from the field _method of a form
// of type application/x-www-form-urlencoded. It must be PUT, PATCH or DELETE, or one of MethodOverrideTo's; with any other
// the request stays a POST. The application finds the method in REQUEST_METHOD; that of the request line is in
// MethodOverrideVariable.
//
// The field is looked for in the first 8 KiB of the form, so put it first. The application reads the form from its
// beginning all the same. Reading it makes a client that sent "Expect: 100-continue" send its body.
//
// Apache's own rules for methods, such as <Limit> and Require method, are asked before, and see a POST.
func MethodOverride(options ...MethodOverrideOption) modgo.Middleware {
	config := methodOverrideConfig{methods: []string{"PUT", "PATCH", "DELETE"}}
	for _, option := range options {
		option(&config)
	}
	return func(app modgo.Application) modgo.Application {
		return func(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
			if env.Get("REQUEST_METHOD") == "POST" {
				if method := config.method(wantedMethod(env)); method != "" {
					env.Set(MethodOverrideVariable, "POST")
					env.Set("REQUEST_METHOD", method)
				}
			}
			return app(env, start)
		}
	}
}

// method is the allowed method of that name, "" if there is none.
func (c *methodOverrideConfig) method(wanted string) string {
	for _, method := range c.methods {
		if strings.EqualFold(method, wanted) {
			return method
		}
	}
	return ""
}

// wantedMethod is the method that a POST asks for, "" if it asks for none.
func wantedMethod(env *modgo.Environ) string {
	if header, ok := env.Lookup("HTTP_X_HTTP_METHOD_OVERRIDE"); ok {
		return header
	}
	if kind, _, err := mime.ParseMediaType(env.Get("CONTENT_TYPE")); err != nil || kind != "application/x-www-form-urlencoded" {
		return ""
	}
	replay := &replayedInput{input: env.Input()}
	method := replay.field(methodOverrideField)
	env.SetInput(replay)
	return method
}

// replayedInput is a request's input, the beginning of which has been read.
type replayedInput struct {
	prefix []byte // what the application has not read of that beginning
	input  io.Reader
	err    error // the error that was read with it
}

// Read gives what was read before, then what the input gives.
func (r *replayedInput) Read(p []byte) (int, error) {
	switch {
	case len(r.prefix) > 0:
		n := copy(p, r.prefix)
		r.prefix = r.prefix[n:]
		return n, nil
	case r.err != nil:
		return 0, r.err
	}
	return r.input.Read(p)
}

// field reads until it knows a field of a form: until its end, or that of the form, or methodOverrideLimit bytes.
func (r *replayedInput) field(name string) string {
	const step = 512 // a form is mostly shorter
	searched := 0    // the fields before have other names
	for {
		for {
			field, _, whole := bytes.Cut(r.prefix[searched:], []byte("&"))
			if !whole && r.err != io.EOF {
				break
			}
			if value, ok := formValue(string(field), name); ok {
				return value
			}
			if !whole {
				return ""
			}
			searched += len(field) + 1
		}
		room := methodOverrideLimit - len(r.prefix)
		if r.err != nil || room == 0 {
			return ""
		}
		block := make([]byte, min(room, max(step, len(r.prefix))))
		var n int
		n, r.err = r.input.Read(block)
		r.prefix = append(r.prefix, block[:n]...)
	}
}

// formValue is the value of a field, if that is its name.
func formValue(field, name string) (value string, ok bool) {
	key, value, _ := strings.Cut(field, "=")
	if key, err := url.QueryUnescape(key); err != nil || key != name {
		return "", false
	}
	value, err := url.QueryUnescape(value)
	return value, err == nil
}
