package environ

import "github.com/mod-go/mod-go/internal/httpfield"

// The variables that PEP 3333 asks of a server. They are strings like all others; the booleans are True or False.
const (
	VarVersion      = "wsgi.version" // "1.0"
	VarURLScheme    = "wsgi.url_scheme"
	VarMultithread  = "wsgi.multithread"
	VarMultiprocess = "wsgi.multiprocess"
	VarRunOnce      = "wsgi.run_once"
)

// Version is the version of the contract that servers put in VarVersion.
const Version = "1.0"

// The two values of a boolean variable.
const (
	True  = "true"
	False = "false"
)

// Bool is the value of a boolean variable.
func Bool(b bool) string {
	if b {
		return True
	}
	return False
}

// HeaderVariable returns the name of the variable that carries a request header (RFC 3875 section 4.1.18):
// "Accept-Language" becomes "HTTP_ACCEPT_LANGUAGE", Content-Type and Content-Length are CONTENT_TYPE and
// CONTENT_LENGTH.
//
// ok is false for a header that never becomes a variable: a name with anything but letters, digits and hyphens could
// stand for another header's variable (X_Forwarded_For for X-Forwarded-For), and HTTP_PROXY would steer the
// application's own HTTP client (CVE-2016-5386).
func HeaderVariable(header string) (name string, ok bool) {
	switch {
	case header == "" || httpfield.EqualFold(header, "Proxy"):
		return "", false
	case httpfield.EqualFold(header, "Content-Type"):
		return "CONTENT_TYPE", true
	case httpfield.EqualFold(header, "Content-Length"):
		return "CONTENT_LENGTH", true
	}
	b := make([]byte, 0, len(headerPrefix)+len(header))
	b = append(b, headerPrefix...)
	for i := range len(header) {
		switch c := header[i]; {
		case c >= 'a' && c <= 'z':
			b = append(b, c-('a'-'A'))
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			b = append(b, c)
		case c == '-':
			b = append(b, '_')
		default:
			return "", false
		}
	}
	return string(b), true
}

// VariableHeader is the inverse of HeaderVariable: the request header that a variable carries, in the form that
// net/http uses ("HTTP_ACCEPT_LANGUAGE" gives "Accept-Language"). ok is false for a variable that carries none.
func VariableHeader(name string) (header string, ok bool) {
	var space [64]byte
	b, ok := appendHeader(space[:0], name)
	return string(b), ok
}

// headerPrefix begins the variables of all request headers but two.
const headerPrefix = "HTTP_"

// appendHeader appends to b what VariableHeader returns; nothing where that is not ok.
func appendHeader(b []byte, name string) (header []byte, ok bool) {
	switch name {
	case "CONTENT_TYPE":
		return append(b, "Content-Type"...), true
	case "CONTENT_LENGTH":
		return append(b, "Content-Length"...), true
	case "HTTP_PROXY", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH": // HeaderVariable makes none of them
		return nil, false
	}
	if len(name) <= len(headerPrefix) || name[:len(headerPrefix)] != headerPrefix {
		return nil, false
	}
	upper := true
	for i := len(headerPrefix); i < len(name); i++ {
		switch c := name[i]; {
		case c == '_':
			b = append(b, '-')
			upper = true
			continue
		case c >= 'A' && c <= 'Z':
			if !upper {
				c += 'a' - 'A'
			}
			b = append(b, c)
		case c >= '0' && c <= '9':
			b = append(b, c)
		default:
			return nil, false
		}
		upper = false
	}
	return b, true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
