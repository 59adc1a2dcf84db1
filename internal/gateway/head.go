package gateway

import (
	"encoding/binary"
	"iter"
	"slices"
	"strconv"
)

// AppendHead packs the head of a response for the Transport: the status line, then each header's name and value, every
// one as its length in four bytes (little-endian), its bytes, and a NUL.
func AppendHead(dst []byte, status int, reason string, headers [][2]string) []byte {
	return AppendFields(appendStatus(dst, status, reason), headers)
}

// AppendFields packs fields that have no status line before them, such as trailers.
func AppendFields(dst []byte, fields [][2]string) []byte {
	for _, f := range fields {
		dst = AppendHeader(dst, f[0], f[1])
	}
	return dst
}

func appendStatus(dst []byte, status int, reason string) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, reason...)
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return append(dst, 0)
}

// AppendHeader adds a header to a packed head.
func AppendHeader(dst []byte, name, value string) []byte {
	start, more := len(dst), len(name)+len(value)+2*(4+1)
	dst = slices.Grow(dst, more)[:start+more]
	putField(putField(dst[start:], name), value)
	return dst
}

// putField packs s at the beginning of dst and returns what is behind it.
func putField(dst []byte, s string) []byte {
	binary.LittleEndian.PutUint32(dst, uint32(len(s)))
	n := 4 + copy(dst[4:], s)
	dst[n] = 0
	return dst[n+1:]
}

// UnpackHead returns what AppendHead packed: the status line, such as "200 OK", and the headers' names and values in their
// order. It panics where head is no packed head. The headers are read while they are iterated, and head is left alone.
func UnpackHead(head []byte) (status string, headers iter.Seq2[string, string]) {
	status, packed := cutField(head)
	return status, func(yield func(string, string) bool) {
		for rest := packed; len(rest) > 0; {
			var name, value string
			name, rest = cutField(rest)
			value, rest = cutField(rest)
			if !yield(name, value) {
				return
			}
		}
	}
}

func cutField(packed []byte) (s string, rest []byte) {
	end := 4 + int(binary.LittleEndian.Uint32(packed))
	return string(packed[4:end]), packed[end+1:]
}
