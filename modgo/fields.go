package modgo

import (
	"slices"
	"strconv"

	"github.com/mod-go/mod-go/internal/httpfield"
)

func contentLength(n int64) [2]string {
	return [2]string{"Content-Length", strconv.FormatInt(n, 10)}
}

// hasField tells whether headers has one of this name.
func hasField(headers Headers, name string) bool {
	return slices.ContainsFunc(headers, func(h [2]string) bool { return httpfield.EqualFold(h[0], name) })
}
