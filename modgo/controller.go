package modgo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"time"

	"github.com/mod-go/mod-go/internal/httpfield"
)

// A Controller does what net/http lets a handler do with its response, and PEP 3333 does not know: interim responses,
// trailers, flushing a head without a body, taking over the connection. It is reached through the environ, so that
// middleware can take it away (PEP 3333, "Server Extension APIs"; C50). A method that the server has no means for returns
// an error for which errors.Is(err, http.ErrNotSupported).
type Controller struct{ response *response }

// NewController returns the Controller of the response to env. There is always one; of a server that has no extensions
// every method returns an error.
func NewController(env *Environ) *Controller {
	r, _ := env.Extension().(*response)
	return &Controller{r}
}

func unsupported(what string) error {
	return fmt.Errorf("modgo: %s: %w by this server", what, http.ErrNotSupported)
}

// Flush sends what there is of the response, its head at least.
func (c *Controller) Flush() error {
	r := c.response
	if r == nil {
		return unsupported("Flush")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.usable(); err != nil {
		return err
	}
	switch {
	case r.head == nil:
		return &ContractError{"C27", "the response was flushed before startResponse was called"}
	case r.sent:
		return nil // blocks are sent as they come
	}
	return r.send(nil)
}

// Inform sends an interim response: status is "103 Early Hints" or another of 1xx, except 101 (RFC 9110 section 15.2).
func (c *Controller) Inform(status string, headers Headers) error {
	host, ok := extension[InterimHost](c)
	if !ok {
		return unsupported("Inform")
	}
	head, err := checkInterim(status, headers)
	if err != nil {
		return err
	}
	return c.beforeHead("an interim response came after the final one", func() error { return host.SendInterim(head) })
}

// AnnounceTrailers names trailers that will follow the body, in the header Trailer. It must come before the head is sent.
func (c *Controller) AnnounceTrailers(names ...string) error {
	host, ok := extension[TrailerHost](c)
	if !ok {
		return unsupported("trailers")
	}
	for _, name := range names {
		if !trailerAllowed(name) {
			return &ContractError{"C31", fmt.Sprintf("%q is no name for a trailer", name)}
		}
	}
	return c.beforeHead("trailers are announced in the head, which has been sent", func() error {
		if len(names) > 0 {
			host.AnnounceTrailers(names)
		}
		return nil
	})
}

// SetTrailers gives the trailers, which are sent when the body has ended. Where neither chunked coding nor HTTP/2 carries
// the response there is no place for trailers, and they are dropped (RFC 9110 section 6.5).
func (c *Controller) SetTrailers(trailers Headers) error {
	if _, ok := extension[TrailerHost](c); !ok {
		return unsupported("trailers")
	}
	for _, t := range trailers {
		if !trailerAllowed(t[0]) || !httpfield.ValidValue(t[1]) {
			return &ContractError{"C31", fmt.Sprintf("%q: %q is no trailer", t[0], t[1])}
		}
	}
	r := c.response
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.usable(); err != nil {
		return err
	}
	r.trailers = trailers
	return nil
}

// CloseConnection has the server close the connection after this response, as a handler's header "Connection: close"
// does. It must come before the head is sent.
func (c *Controller) CloseConnection() error {
	host, ok := extension[ClosingHost](c)
	if !ok {
		return unsupported("CloseConnection")
	}
	return c.beforeHead("the end of the connection is announced in the head, which has been sent", func() error {
		host.CloseConnection()
		return nil
	})
}

// extension is the host as one that can do more than send, if it can.
func extension[H any](c *Controller) (host H, ok bool) {
	if c.response != nil {
		host, ok = c.response.host.(H)
	}
	return host, ok
}

// beforeHead does what belongs before the head of the response. Late is what is wrong when the head has been sent.
func (c *Controller) beforeHead(late string, do func() error) error {
	r := c.response
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.usable(); err != nil {
		return err
	}
	if r.sent {
		return &ContractError{"C28", late}
	}
	return do()
}

// connection is what the host lets the application do to its connection.
func (c *Controller) connection(what string) (*http.ResponseController, error) {
	host, ok := extension[ConnectionHost](c)
	if !ok {
		return nil, unsupported(what)
	}
	return host.Connection(), nil
}

// Hijack takes the connection over; nothing more is sent for the application. It is refused when a middleware has put
// another reader in the place of the server's input, which the application would go round.
func (c *Controller) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	connection, err := c.connection("Hijack")
	if err != nil {
		return nil, nil, err
	}
	r := c.response
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.usable(); err != nil {
		return nil, nil, err
	}
	if !same(r.env.Input(), r.input) {
		return nil, nil, &ContractError{"C50", "the connection cannot be taken over: a middleware has replaced the input"}
	}
	if r.sent {
		return nil, nil, errors.New("modgo: the connection cannot be taken over: the response has begun")
	}
	conn, rw, err := connection.Hijack()
	r.hijacked = err == nil
	return conn, rw, err
}

// same tells whether two readers are one. A reader with a method Unwrap only watches the one that it returns.
func same(a, b io.Reader) bool {
	for {
		w, ok := a.(interface{ Unwrap() io.Reader })
		if !ok {
			break
		}
		a = w.Unwrap()
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.TypeOf(a).Comparable() && a == b
}

// SetReadDeadline is that of http.ResponseController.
func (c *Controller) SetReadDeadline(deadline time.Time) error {
	connection, err := c.connection("SetReadDeadline")
	if err != nil {
		return err
	}
	return connection.SetReadDeadline(deadline)
}

// SetWriteDeadline is that of http.ResponseController.
func (c *Controller) SetWriteDeadline(deadline time.Time) error {
	connection, err := c.connection("SetWriteDeadline")
	if err != nil {
		return err
	}
	return connection.SetWriteDeadline(deadline)
}

// EnableFullDuplex is that of http.ResponseController.
func (c *Controller) EnableFullDuplex() error {
	connection, err := c.connection("EnableFullDuplex")
	if err != nil {
		return err
	}
	return connection.EnableFullDuplex()
}

// err is why nothing can be sent any more, nil while it can or where that cannot be told.
func (c *Controller) err() error {
	if c.response == nil {
		return nil
	}
	c.response.mu.Lock()
	defer c.response.mu.Unlock()
	return c.response.err
}

// Written is how many bytes of the body have been handed to the server so far, 0 of a server without extensions.
func (c *Controller) Written() int64 {
	if c.response == nil {
		return 0
	}
	c.response.mu.Lock()
	defer c.response.mu.Unlock()
	return c.response.written
}
