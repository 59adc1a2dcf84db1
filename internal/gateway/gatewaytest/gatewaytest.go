// Package gatewaytest is the other side of a gateway.Transport, for tests: a Transport that records what it is to send, and
// the format of packed heads as its description has it.
package gatewaytest

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/modgo"
)

// Unpack returns the fields of a packed head: the status line, then names and values in turn. Whole is false for a head
// that is malformed behind these fields.
func Unpack(head []byte) (fields []string, whole bool) {
	for len(head) >= 5 {
		length := int64(binary.LittleEndian.Uint32(head))
		text := head[4:]
		if length >= int64(len(text)) || text[length] != 0 {
			return fields, false
		}
		fields = append(fields, string(text[:length]))
		head = text[length+1:]
	}
	return fields, len(head) == 0
}

// A Call is one that a Transport got.
type Call struct {
	Status  string // the status line, "" without a head
	Headers modgo.Headers
	Body    string
	Flags   gateway.Flags
	Leave   bool // the call is one of Leave
}

// String shows a call, its headers left out, as "200 OK: body flush end".
func (c Call) String() string {
	var s strings.Builder
	if c.Leave {
		s.WriteString("leave ")
	}
	if c.Status == "" {
		s.WriteByte('-')
	}
	fmt.Fprintf(&s, "%s: %s", c.Status, c.Body)
	for _, flag := range []struct {
		set  gateway.Flags
		name string
	}{{gateway.Flush, " flush"}, {gateway.End, " end"}, {gateway.Interim, " interim"}} {
		if c.Flags&flag.set != 0 {
			s.WriteString(flag.name)
		}
	}
	return s.String()
}

// A Transport records the calls that it gets.
type Transport struct {
	Calls     []Call
	Documents bool                 // Leave is granted
	Err       func(call int) error // of the call of this number, from 1; nil: none fails
	Watch     func(body []byte)    // sees the body of each call as it is passed
}

var _ gateway.Transport = (*Transport)(nil)

// Send records the call.
func (t *Transport) Send(head, body []byte, flags gateway.Flags) error {
	if t.Watch != nil {
		t.Watch(body)
	}
	t.record(head, body, flags, false)
	if t.Err == nil {
		return nil
	}
	return t.Err(len(t.Calls))
}

// Leave records the call.
func (t *Transport) Leave(head []byte) bool {
	t.record(head, nil, 0, true)
	return t.Documents
}

func (t *Transport) record(head, body []byte, flags gateway.Flags, leave bool) {
	call := Call{Body: string(body), Flags: flags, Leave: leave}
	if len(head) > 0 {
		fields, whole := Unpack(head)
		if !whole || len(fields)%2 != 1 {
			panic(fmt.Sprintf("the head is malformed: %q", head))
		}
		call.Status = fields[0]
		for i := 1; i < len(fields); i += 2 {
			call.Headers = append(call.Headers, [2]string{fields[i], fields[i+1]})
		}
	}
	t.Calls = append(t.Calls, call)
}

// Strings shows all calls.
func (t *Transport) Strings() []string {
	var all []string
	for _, call := range t.Calls {
		all = append(all, call.String())
	}
	return all
}
