package gateway

import (
	"fmt"
	"os"
)

// CopyFile does what FileTransport's SendFile does where the server cannot send the file by its own means: it reads and
// sends length bytes of f from offset in blocks, and leaves f's own offset alone. Flush goes with each block, the other flags
// with the last. A file that ends early is an error that names it; what there is of it has been sent by then.
func CopyFile(t Transport, head []byte, f *os.File, offset, length int64, flags Flags) error {
	buffer := copyBuffers.Get().(*[copyBufferSize]byte)
	defer copyBuffers.Put(buffer)
	for {
		block := buffer[:min(length, copyBufferSize)]
		n, err := f.ReadAt(block, offset)
		short, now := n < len(block), flags
		if short || int64(n) < length {
			now &= Flush
		}
		if !short || n > 0 {
			if err := t.Send(head, block[:n], now); err != nil {
				return err
			}
		}
		head, offset, length = nil, offset+int64(n), length-int64(n)
		switch {
		case short:
			return fmt.Errorf("mod_go: the last %d bytes of %s cannot be read: %w; it may have been made shorter while it was sent", length, f.Name(), err)
		case length == 0:
			return nil
		}
	}
}
