package gateway

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// Hijack ends the response because take takes its connection over. What the handler has written goes to the client
// before, as with net/http; a head of 101 Switching Protocols, which has no body, goes to the connection itself.
func (w *ResponseWriter) Hijack(take func() (net.Conn, *bufio.ReadWriter, error)) (net.Conn, *bufio.ReadWriter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, nil, w.err
	}
	switching := w.status == http.StatusSwitchingProtocols && !w.sent
	if w.status != 0 && !switching {
		w.push(w.scratch.buffer, Flush)
		w.scratch.buffer = w.scratch.buffer[:0]
		if w.err != nil {
			return nil, nil, w.err
		}
	}
	conn, rw, err := take()
	if err != nil {
		return nil, nil, err
	}
	w.err = http.ErrHijacked
	if switching {
		if err := w.writeSwitching(conn); err != nil {
			_ = conn.Close()
			return nil, nil, err
		}
	}
	w.release()
	return conn, rw, nil
}

// writeSwitching writes the head of 101 Switching Protocols (RFC 9110 section 15.2.2).
func (w *ResponseWriter) writeSwitching(conn io.Writer) error {
	status, fields := UnpackHead(w.scratch.packed)
	head := append([]byte("HTTP/1.1 "), status...)
	dated := false
	for name, value := range fields {
		head = append(append(append(append(head, "\r\n"...), name...), ": "...), value...)
		dated = dated || name == "Date"
	}
	if !dated {
		head = time.Now().UTC().AppendFormat(append(head, "\r\nDate: "...), http.TimeFormat)
	}
	_, err := conn.Write(append(head, "\r\n\r\n"...))
	return err
}

// CloseNotify is the channel of http.CloseNotifier: it gets a value when ctx, the request's, ends.
func CloseNotify(ctx context.Context) <-chan bool {
	gone := make(chan bool, 1)
	context.AfterFunc(ctx, func() { gone <- true })
	return gone
}
