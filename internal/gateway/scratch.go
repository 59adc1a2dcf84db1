package gateway

import "sync"

// HeadSize is how many bytes are set aside for a packed head: enough for most.
const HeadSize = 1024

// Scratch is the memory in which a response is put together before it is sent. Whoever sends it may use it again for the
// next response: a Transport keeps nothing.
type Scratch struct {
	Head []byte // of length 0
	body [bufferSize]byte

	// What a ResponseWriter puts together.
	packed    []byte   // the head
	buffer    []byte   // of the body, not yet sent
	announced []string // trailers, by the header Trailer
}

var scratches = sync.Pool{New: func() any { return &Scratch{Head: make([]byte, 0, HeadSize)} }}

// NewScratch returns memory that nobody else uses.
func NewScratch() *Scratch { return scratches.Get().(*Scratch) }

// Release gives the memory to the next response. Head is the packed head, which may have outgrown what was set aside.
func (s *Scratch) Release(head []byte) {
	if cap(head) > cap(s.Head) && cap(head) <= 16*HeadSize {
		s.Head = head[:0]
	}
	s.packed, s.buffer, s.announced = nil, nil, nil
	scratches.Put(s)
}
