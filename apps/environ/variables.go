package environ

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The groups of the page, in its order.
const (
	groupRequest = iota
	groupHeaders
	groupTLS
	groupRedirect
	groupContract
	groupModule
	groupConfiguration
)

var groupTitles = [...]string{
	groupRequest:       "The request (CGI)",
	groupHeaders:       "Request headers",
	groupTLS:           "TLS",
	groupRedirect:      "Before an internal redirect",
	groupContract:      "The application contract",
	groupModule:        "mod_go",
	groupConfiguration: "The server's configuration",
}

// cgiVariables are the variables of RFC 3875 section 4.1 and those that httpd's CGI modules add.
var cgiVariables = map[string]bool{
	"AUTH_TYPE": true, "CONTENT_LENGTH": true, "CONTENT_TYPE": true, "GATEWAY_INTERFACE": true, "PATH_INFO": true,
	"PATH_TRANSLATED": true, "QUERY_STRING": true, "REMOTE_ADDR": true, "REMOTE_HOST": true, "REMOTE_IDENT": true,
	"REMOTE_PORT": true, "REMOTE_USER": true, "REQUEST_METHOD": true, "REQUEST_SCHEME": true, "REQUEST_URI": true,
	"SCRIPT_NAME": true, "SCRIPT_FILENAME": true, "SERVER_ADDR": true, "SERVER_ADMIN": true, "SERVER_NAME": true,
	"SERVER_PORT": true, "SERVER_PROTOCOL": true, "SERVER_SIGNATURE": true, "SERVER_SOFTWARE": true,
	"CONTEXT_DOCUMENT_ROOT": true, "CONTEXT_PREFIX": true, "DOCUMENT_ROOT": true,
}

func groupOf(name string) int {
	switch {
	case cgiVariables[name]:
		return groupRequest
	case strings.HasPrefix(name, "HTTP_"):
		return groupHeaders
	case name == "HTTPS", strings.HasPrefix(name, "SSL_"):
		return groupTLS
	case strings.HasPrefix(name, "REDIRECT_"):
		return groupRedirect
	case strings.HasPrefix(name, "wsgi."):
		return groupContract
	case strings.HasPrefix(name, "mod_go."):
		return groupModule
	default:
		return groupConfiguration // SetEnv, PassEnv, SetEnvIf, RewriteRule [E=]
	}
}

// A segment is a piece of a value: text to show as it is, or the escape of a byte or character that cannot be shown.
type segment struct {
	Text    string
	Escaped bool
}

// segments splits a value into what can be shown and what cannot. A byte that is not UTF-8 becomes \xNN; so does a
// control character, except for the line feeds of a PEM certificate, and a character that would reorder or hide its
// neighbours becomes \uNNNN.
func segments(value string) []segment {
	var split []segment
	start := 0
	for i := 0; i < len(value); {
		r, size := utf8.DecodeRuneInString(value[i:])
		var escaped string
		switch {
		case r == utf8.RuneError && size == 1, r < utf8.RuneSelf && unicode.IsControl(r) && r != '\n':
			escaped = fmt.Sprintf(`\x%02X`, value[i])
		case !unicode.IsGraphic(r) && r != '\n':
			escaped = fmt.Sprintf(`\u%04X`, r)
		}
		if escaped != "" {
			if start < i {
				split = append(split, segment{Text: value[start:i]})
			}
			split = append(split, segment{Text: escaped, Escaped: true})
			start = i + size
		}
		i += size
	}
	if start < len(value) {
		split = append(split, segment{Text: value[start:]})
	}
	return split
}

// escape replaces each byte of a value that is not UTF-8, which no JSON string can hold, by \xNN.
func escape(value string) string {
	if utf8.ValidString(value) {
		return value
	}
	var escaped strings.Builder
	for i := 0; i < len(value); {
		r, size := utf8.DecodeRuneInString(value[i:])
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&escaped, `\x%02X`, value[i])
		} else {
			escaped.WriteString(value[i : i+size])
		}
		i += size
	}
	return escaped.String()
}
