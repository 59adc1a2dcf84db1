package apachebridge

import (
	"net/http"
	"strings"
)

// isBinary tells whether a field of gRPC's or Connect's metadata is binary, in base64.
func isBinary(name string) bool { return strings.HasSuffix(name, "-Bin") }

// callsProcedure tells whether a request speaks gRPC, gRPC-Web or Connect.
func callsProcedure(header http.Header) bool {
	return strings.HasPrefix(header.Get("Content-Type"), "application/grpc") || header["Connect-Protocol-Version"] != nil
}

// separateBinary takes the values of binary metadata apart again, which httpd has joined. No base64 has a comma in it; gRPC
// leaves it to whoever reads the fields to separate them, and its server for Go does not, since net/http does not join.
func separateBinary(header http.Header) {
	for name, values := range header {
		if !isBinary(name) {
			continue
		}
		var apart []string
		for _, value := range values {
			for part := range strings.SplitSeq(value, ",") {
				apart = append(apart, strings.TrimSpace(part))
			}
		}
		header[name] = apart
	}
}
