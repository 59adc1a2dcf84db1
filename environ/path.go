package environ

import (
	"net/url"
	"strings"
)

// URLPath returns Path and RawPath of the URL that a handler sees for a request: what is left of the path behind the
// application's mount, in the client's own escaping as far as that can be told.
//
// Target is the request line's (RFC 9112 section 3.2), path the decoded path that the server mapped and checked access
// for, rest its end that follows the mount. Where target and path do not say the same, because the server merged
// slashes, removed dot segments or rewrote the path, rest stands: an application never sees a path that the server has
// not checked.
func URLPath(target, path, rest string) (urlPath, rawPath string) {
	if strings.IndexByte(target, '%') < 0 && (&url.URL{Path: rest}).EscapedPath() == rest {
		return rest, ""
	}
	if !strings.HasSuffix(path, rest) {
		return rest, "" // put there by somebody else than the client
	}
	raw, ok := escapedRest(targetPath(target), path, len(path)-len(rest))
	if !ok {
		return rest, ""
	}
	decoded, err := url.PathUnescape(raw)
	if err != nil {
		return rest, ""
	}
	if (&url.URL{Path: decoded}).EscapedPath() == raw {
		return decoded, ""
	}
	if (&url.URL{Path: decoded, RawPath: raw}).EscapedPath() != raw {
		return decoded, "" // bytes that no URL may have; package url would not use it
	}
	return decoded, raw
}

// targetPath is the path of a request target in origin or absolute form.
func targetPath(target string) string {
	if !strings.HasPrefix(target, "/") {
		_, rest, found := strings.Cut(target, "://")
		slash := strings.IndexByte(rest, '/')
		if !found || slash < 0 {
			return ""
		}
		target = rest[slash:]
	}
	if end := strings.IndexAny(target, "?#"); end >= 0 {
		target = target[:end]
	}
	return target
}

// escapedRest walks along raw, the escaped form, and path, the decoded one, and returns what is left of raw at mount
// bytes of path. It returns false where the two differ.
func escapedRest(raw, path string, mount int) (rest string, ok bool) {
	start := -1
	i, j := 0, 0
	for i < len(raw) {
		if j == mount && start < 0 {
			start = i
		}
		if j >= len(path) {
			return "", false
		}
		if raw[i] != '%' || i+2 >= len(raw) {
			if raw[i] != path[j] {
				return "", false
			}
			i, j = i+1, j+1
			continue
		}
		switch c, hex := unhex(raw[i+1], raw[i+2]); {
		case hex && path[j] == c:
			i, j = i+3, j+1
		case hex && c == '/' && strings.HasPrefix(path[j:], raw[i:i+3]): // AllowEncodedSlashes NoDecode
			i, j = i+3, j+3
		default:
			return "", false
		}
	}
	if j == mount && start < 0 {
		start = i
	}
	return raw[max(start, 0):], j == len(path) && start >= 0
}

func unhex(a, b byte) (c byte, ok bool) {
	high, ok1 := nibble(a)
	low, ok2 := nibble(b)
	return high<<4 | low, ok1 && ok2
}

func nibble(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
