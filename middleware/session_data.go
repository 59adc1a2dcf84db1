package middleware

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/mod-go/mod-go/modgo"
)

// ErrSessionSent is the error of a change that comes after startResponse, whose headers carry the session.
var ErrSessionSent = errors.New("the session was changed after startResponse had been called, whose headers carry it: change it before")

// SessionData are the values of one client. As the Environ, they may not be used by two goroutines at once.
//
// Values are kept as JSON: numbers, strings, slices, maps and structs with exported fields come back as they were.
type SessionData struct {
	config  *sessionConfig
	cookies string // the request's
	path    string
	secure  bool

	loaded  bool
	sent    bool // the client has a cookie, if one of no use
	values  map[string]json.RawMessage
	changed bool
	started bool
}

// load reads the cookie when it is first needed.
func (s *SessionData) load() {
	if s.loaded {
		return
	}
	s.loaded = true
	text, sent := s.config.decode(s.cookies)
	s.sent = sent
	if text == nil || json.Unmarshal(text, &s.values) != nil || s.values == nil {
		s.values = make(map[string]json.RawMessage)
	}
}

// Get stores the value of that name where into points, and tells whether there is one. The error is that of a value which
// does not fit, which an earlier version of the application may have set.
func (s *SessionData) Get(name string, into any) (found bool, err error) {
	s.load()
	text, found := s.values[name]
	if !found {
		return false, nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return true, fmt.Errorf("session: the value %q does not fit into a %T: %w", name, into, err)
	}
	return true, nil
}

// Names are those of the values, sorted.
func (s *SessionData) Names() []string {
	s.load()
	return slices.Sorted(maps.Keys(s.values))
}

// Set gives a value a name. The session stays as it was where that is an error: ErrSessionSent, of a value that JSON cannot
// express, or of a session that has become too large: a cookie has room for some 2200 bytes of JSON.
func (s *SessionData) Set(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("session: the value %q cannot be kept: %w", name, err)
	}
	return s.change(func(values map[string]json.RawMessage) { values[name] = text })
}

// Delete takes a value away. The error is ErrSessionSent.
func (s *SessionData) Delete(name string) error {
	return s.change(func(values map[string]json.RawMessage) { delete(values, name) })
}

// Clear takes all values away, and the cookie with them: at the end of a login, and before the values of a new one are
// set. The error is ErrSessionSent.
func (s *SessionData) Clear() error {
	return s.change(func(values map[string]json.RawMessage) { clear(values) })
}

// Renew has the cookie sent anew, so that its MaxAge counts from now. The error is ErrSessionSent.
func (s *SessionData) Renew() error {
	s.load()
	if s.started {
		return ErrSessionSent
	}
	s.changed = true
	return nil
}

// change makes a change that fits into a cookie.
func (s *SessionData) change(edit func(values map[string]json.RawMessage)) error {
	s.load()
	changed := maps.Clone(s.values)
	edit(changed)
	if maps.EqualFunc(s.values, changed, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
		return nil
	}
	if s.started {
		return ErrSessionSent
	}
	if _, err := s.encode(changed); err != nil {
		return err
	}
	s.values, s.changed = changed, true
	return nil
}

// encode is the cookie's value, "" without values.
func (s *SessionData) encode(values map[string]json.RawMessage) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	text, err := json.Marshal(values)
	if err != nil {
		return "", fmt.Errorf("session: %w", err)
	}
	size := len(text)
	value, err := s.config.codecs[0].Encode(s.config.Name, text)
	if err != nil {
		return "", fmt.Errorf("session: the cookie cannot be made: %w", err)
	}
	if total := len(s.config.Name) + len(value); total > sessionCookie {
		return "", fmt.Errorf("session: its values are %d bytes of JSON, which makes a cookie of %d; browsers keep no more than %d: "+
			"keep an id in the session, and the values in a database", size, total, sessionCookie)
	}
	return value, nil
}

// addTo adds to the headers of the response what the session has to say.
func (s *SessionData) addTo(headers modgo.Headers) modgo.Headers {
	if !s.loaded {
		return headers
	}
	headers = varying(headers, "Cookie")
	if !s.changed || len(s.values) == 0 && !s.sent {
		return headers
	}
	value, err := s.encode(s.values)
	if err != nil {
		panic(err) // change has tried it
	}
	return append(headers[:len(headers):len(headers)], [2]string{"Set-Cookie", s.cookie(value).String()})
}
