package middleware

import (
	"mime"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/internal/httpfield"
	"github.com/mod-go/mod-go/modgo"
)

// acceptsGzip tells whether gzip is what an Accept-Encoding asks for (RFC 9110 section 12.5.3): acceptable, and not less
// welcome than no coding at all. Elements that are malformed are passed over.
func acceptsGzip(header string) bool {
	qualities := make(map[string]float64, 4)
	for element := range httpfield.Elements(header) {
		coding, parameters, _ := strings.Cut(element, ";")
		coding = strings.ToLower(strings.TrimRight(coding, " \t"))
		if coding == "x-gzip" {
			coding = "gzip" // section 8.4.1.3
		}
		if quality, ok := codingQuality(parameters); ok && httpfield.ValidName(coding) {
			qualities[coding] = quality
		}
	}
	quality := func(coding string) float64 {
		if q, ok := qualities[coding]; ok {
			return q
		}
		return qualities["*"]
	}
	gzip := quality("gzip")
	return gzip > 0 && gzip >= quality("identity")
}

// codingQuality is the weight of an element, 1 where there is none (section 12.4.2).
func codingQuality(parameters string) (quality float64, ok bool) {
	parameters = strings.Trim(parameters, " \t")
	if parameters == "" {
		return 1, true
	}
	name, value, _ := strings.Cut(parameters, "=")
	if !httpfield.EqualFold(name, "q") || len(value) > len("0.000") || strings.Trim(value, "0123456789.") != "" {
		return 0, false
	}
	quality, err := strconv.ParseFloat(value, 64)
	return quality, err == nil && quality <= 1
}

// CompressibleType tells whether a media type, without parameters and in lower case, is one of text, data or a font that gzip
// makes smaller. Images, sound, video and archives are compressed already. A stream of events is not among them: each
// event would carry the cost of a flush, and some clients do not decode it piece by piece.
func CompressibleType(mediaType string) bool {
	switch mediaType {
	case "text/event-stream":
		return false
	case "application/json", "application/javascript", "application/ecmascript", "application/x-javascript", "application/xml",
		"application/wasm", "application/x-ndjson", "application/graphql", "application/rtf", "application/sql", "application/toml",
		"application/yaml", "application/postscript", "application/vnd.ms-fontobject", "font/ttf", "font/otf", "font/collection",
		"image/bmp", "image/x-icon", "image/vnd.microsoft.icon":
		return true
	}
	for _, suffix := range [...]string{"+json", "+xml", "+text", "+yaml"} {
		if strings.HasSuffix(mediaType, suffix) {
			return true
		}
	}
	return strings.HasPrefix(mediaType, "text/")
}

// worthGzip tells whether a response of checked status and headers is one that gzip is for, whatever the client accepts.
func (g *gzipper) worthGzip(status int, headers modgo.Headers) bool {
	if !httpfield.BodyAllowed(status) || status == 205 || status == 206 {
		return false
	}
	if length := httpfield.ContentLength(headers); length >= 0 && length < g.minLength {
		return false
	}
	typed := false
	for _, h := range headers {
		switch name, value := strings.ToLower(h[0]), h[1]; name {
		case "content-encoding", "content-range",
			"content-md5", "digest", "content-digest", "repr-digest": // they are those of the bytes as they are
			return false
		case "cache-control":
			if hasElement(value, "no-transform") {
				return false
			}
		case "content-type":
			mediaType, _, err := mime.ParseMediaType(value)
			if err != nil && mediaType == "" || !g.types(mediaType) {
				return false
			}
			typed = true
		}
	}
	return typed
}

// gzipHeaders are the headers of the compressed response.
func gzipHeaders(headers modgo.Headers) modgo.Headers {
	compressed := make(modgo.Headers, 0, len(headers)+2)
	for _, h := range headers {
		switch {
		case httpfield.EqualFold(h[0], "Content-Length"), httpfield.EqualFold(h[0], "Accept-Ranges"):
			continue // both are of the bytes as they were
		case httpfield.EqualFold(h[0], "ETag"):
			h[1] = weakETag(h[1])
		}
		compressed = append(compressed, h)
	}
	return append(compressed, [2]string{"Content-Encoding", "gzip"})
}

// weakETag says no more of a representation than that it means the same (RFC 9110 section 8.8.1).
func weakETag(tag string) string {
	if strings.HasPrefix(tag, `"`) {
		return "W/" + tag
	}
	return tag
}

// revalidated are the headers of a 304 to a client that has the compressed response, which it knows by the weak form of the
// ETag (RFC 9111 section 4.3.4). Of what the type was, a 304 says nothing.
func revalidated(headers modgo.Headers, ifNoneMatch string) modgo.Headers {
	for i, h := range headers {
		if httpfield.EqualFold(h[0], "ETag") && hasElement(ifNoneMatch, "W/"+h[1]) {
			headers = append(modgo.Headers(nil), headers...)
			headers[i][1] = weakETag(h[1])
			return varying(headers, "Accept-Encoding")
		}
	}
	return headers
}
