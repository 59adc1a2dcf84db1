package apachebridge

import (
	"bufio"
	"net"
	"net/http"
	"time"

	"github.com/mod-go/mod-go/internal/apphost"
	"github.com/mod-go/mod-go/internal/gateway"
	"github.com/mod-go/mod-go/modgo"
)

// responseWriter is the http.ResponseWriter of an exchange, with what http.ResponseController looks for.
type responseWriter struct{ gateway.ResponseWriter }

// exchange is the one that the Transport is of, so that it need not be kept twice.
func (w *responseWriter) exchange() *exchange { return w.Transport.(transport).exchange }

// connectionWriter is the responseWriter of a request that has a connection of its own, which a stream of HTTP/2 has not.
type connectionWriter struct{ *responseWriter }

var (
	_ http.Hijacker        = connectionWriter{}
	_ modgo.TrailerHost    = (*applicationHost)(nil)
	_ modgo.FileHost       = (*applicationHost)(nil)
	_ modgo.ConnectionHost = (*applicationHost)(nil)
)

// Hijack is that of http.Hijacker.
func (w connectionWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.ResponseWriter.Hijack(w.exchange().hijack)
}

// CloseNotify is that of http.CloseNotifier, which net/http's own writer still has.
func (w *responseWriter) CloseNotify() <-chan bool { return gateway.CloseNotify(&w.exchange().context) }

// EnableFullDuplex is that of http.ResponseController. Reading while writing is always possible.
func (w *responseWriter) EnableFullDuplex() error { return nil }

// SetReadDeadline is that of http.ResponseController.
func (w *responseWriter) SetReadDeadline(deadline time.Time) error {
	waiter, _, err := w.exchange().patience()
	if err == nil {
		waiter.read.setDeadline(deadline)
	}
	return err
}

// SetWriteDeadline is that of http.ResponseController.
func (w *responseWriter) SetWriteDeadline(deadline time.Time) error {
	waiter, _, err := w.exchange().patience()
	if err == nil {
		waiter.write.setDeadline(deadline)
	}
	return err
}

// applicationHost is the modgo.Host of an exchange.
type applicationHost struct {
	apphost.Host
	exchange *exchange
}

// Connection is that of modgo.ConnectionHost.
func (h *applicationHost) Connection() *http.ResponseController {
	return http.NewResponseController(connectionWriter{&h.exchange.writer})
}
