package apachebridge

import (
	"bufio"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// capturedOutput is what applications print to standard output and standard error, on its way into httpd's log.
type capturedOutput struct {
	writers []*os.File
	readers sync.WaitGroup
}

// captureOutput puts pipes in the place of os.Stdout and os.Stderr. Descriptor 1 is led there too, for C libraries and
// programs that an application runs. Descriptor 2 stays httpd's own: the Go runtime writes a fatal error there when no
// goroutine runs any more that could read a pipe.
func captureOutput() *capturedOutput {
	c := new(capturedOutput)
	if w := c.capture(); w != nil {
		os.Stdout = w
		_ = unix.Dup2(int(w.Fd()), 1)
	}
	if w := c.capture(); w != nil {
		os.Stderr = w
	}
	return c
}

// capture makes a pipe whose lines are logged; it returns the end to write to, nil if there can be none.
func (c *capturedOutput) capture() *os.File {
	r, w, err := os.Pipe()
	if err != nil {
		logLine(levelWarning, "MODGO0025: what applications print is not logged, because no pipe could be made: "+err.Error())
		return nil
	}
	c.writers = append(c.writers, w)
	c.readers.Go(func() {
		defer r.Close()
		lines := bufio.NewReaderSize(r, 8<<10)
		for {
			line, err := lines.ReadSlice('\n') // a line longer than the buffer is logged in parts
			if len(line) > 0 {
				logText(levelNotice, string(line))
			}
			if err != nil && err != bufio.ErrBufferFull {
				return
			}
		}
	})
	return w
}

// outputGrace is how long close waits for programs that an application has left running with its standard output.
const outputGrace = time.Second

// close logs what has been printed so far.
func (c *capturedOutput) close() {
	for _, w := range c.writers {
		_ = w.Close()
	}
	_ = unix.Close(1)
	drained := make(chan struct{})
	go func() {
		c.readers.Wait()
		close(drained)
	}()
	select {
	case <-drained:
	case <-time.After(outputGrace):
	}
}
