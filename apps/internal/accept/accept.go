// Package accept chooses the media type of a response by what the client accepts (RFC 9110 section 12.5.1).
package accept

import (
	"mime"
	"strconv"
	"strings"
)

// The media types that the example applications offer.
const (
	HTML = "text/html"
	JSON = "application/json"
	Text = "text/plain"
)

// Choose returns the offer of the highest quality under an Accept header, the earlier offer where two are equal, and ""
// where the client accepts none of them. An empty header accepts everything. Offers are media types without parameters.
//
// Ranges that are malformed, or that ask for parameters which no offer has, are passed over.
func Choose(header string, offers ...string) string {
	if strings.TrimSpace(header) == "" {
		header = "*/*"
	}
	ranges := parse(header)
	best, bestQuality := "", 0.0
	for _, offer := range offers {
		if q := quality(ranges, offer); q > bestQuality {
			best, bestQuality = offer, q
		}
	}
	return best
}

// mediaRange is one element of an Accept header.
type mediaRange struct {
	kind, subtype string // "*" for any
	quality       float64
}

func parse(header string) []mediaRange {
	var ranges []mediaRange
	// A comma inside a quoted parameter splits its range in two malformed pieces; such a range matches no offer anyway.
	for element := range strings.SplitSeq(header, ",") {
		media, parameters, err := mime.ParseMediaType(element)
		if err != nil {
			continue
		}
		kind, subtype, found := strings.Cut(media, "/")
		if !found || kind == "*" && subtype != "*" {
			continue
		}
		quality := 1.0
		if q, given := parameters["q"]; given {
			quality, err = strconv.ParseFloat(q, 64)
			if err != nil || !(quality >= 0 && quality <= 1) { // NaN is in no range
				continue
			}
		}
		delete(parameters, "q")
		delete(parameters, "charset") // often sent, and says nothing that could rule an offer out: all are UTF-8
		if len(parameters) > 0 {
			continue
		}
		ranges = append(ranges, mediaRange{kind, subtype, quality})
	}
	return ranges
}

// quality is that of the most specific range that matches the offer: "text/html;q=0.5, */*" gives text/html 0.5.
func quality(ranges []mediaRange, offer string) float64 {
	kind, subtype, _ := strings.Cut(offer, "/")
	best, bestSpecificity := 0.0, 0
	for _, r := range ranges {
		specificity := 0
		switch {
		case r.kind == kind && r.subtype == subtype:
			specificity = 3
		case r.kind == kind && r.subtype == "*":
			specificity = 2
		case r.kind == "*":
			specificity = 1
		}
		if specificity > bestSpecificity {
			best, bestSpecificity = r.quality, specificity
		}
	}
	return best
}
