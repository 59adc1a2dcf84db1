package environ

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

// messageVariables are what the request itself says, besides the headers of HTTP_*. Nothing else answers for them but the
// configuration, where the request has none.
var messageVariables = map[string]func(*requestSource) (string, bool){
	"REQUEST_METHOD":  func(s *requestSource) (string, bool) { return method(s.request), true },
	"REQUEST_URI":     func(s *requestSource) (string, bool) { return s.target(), true },
	"QUERY_STRING":    func(s *requestSource) (string, bool) { return s.url().RawQuery, true },
	"SCRIPT_NAME":     func(s *requestSource) (string, bool) { return s.place().scriptName, true },
	"PATH_INFO":       func(s *requestSource) (string, bool) { return s.place().pathInfo, true },
	"CONTENT_LENGTH":  (*requestSource).contentLength,
	"CONTENT_TYPE":    contentType,
	"SERVER_PROTOCOL": func(s *requestSource) (string, bool) { return protocol(s.request), true },
	"REMOTE_ADDR":     func(s *requestSource) (string, bool) { return present(remoteAddress(s.request)) },
	"REMOTE_PORT":     func(s *requestSource) (string, bool) { return present(remotePort(s.request)) },
}

// serverVariables are what the request tells of its server and connection, for a server that has no Base to say it better.
var serverVariables = map[string]func(*requestSource) (string, bool){
	"REQUEST_SCHEME":  func(s *requestSource) (string, bool) { return scheme(s.request), true },
	"SERVER_NAME":     func(s *requestSource) (string, bool) { return serverName(s.request), true },
	"SERVER_PORT":     func(s *requestSource) (string, bool) { return serverPort(s.request), true },
	"SERVER_ADDR":     serverAddress,
	"SERVER_SOFTWARE": func(s *requestSource) (string, bool) { return present(s.server.Software) },
	VarVersion:        func(*requestSource) (string, bool) { return Version, true },
	VarURLScheme:      func(s *requestSource) (string, bool) { return scheme(s.request), true },
	VarMultithread:    func(s *requestSource) (string, bool) { return Bool(s.server.Multithread), true },
	VarMultiprocess:   func(s *requestSource) (string, bool) { return Bool(s.server.Multiprocess), true },
	VarRunOnce:        func(s *requestSource) (string, bool) { return Bool(s.server.RunOnce), true },

	"HTTPS":                 func(s *requestSource) (string, bool) { return "on", s.request.TLS != nil },
	"SSL_TLS_SNI":           sslServerName,
	"SSL_PROTOCOL":          sslProtocol,
	"SSL_CIPHER":            sslCipher,
	"SSL_CIPHER_USEKEYSIZE": sslCipherUseKeySize,
	"SSL_CIPHER_ALGKEYSIZE": sslCipherAlgKeySize,
	"SSL_SESSION_RESUMED":   sslSessionResumed,
	"SSL_CLIENT_VERIFY":     sslClientVerify,
}

// present is a variable that is absent where it has no value.
func present(value string) (string, bool) { return value, value != "" }

// method is never empty: to net/http, no method is GET.
func method(r *http.Request) string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

func contentType(s *requestSource) (string, bool) {
	values := s.request.Header["Content-Type"]
	return joined("CONTENT_TYPE", values), len(values) > 0
}

func protocol(r *http.Request) string {
	if r.Proto == "" { // made by a program
		return "HTTP/1.1"
	}
	return r.Proto
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// remoteAddress is all of RemoteAddr where that has no port, as behind middleware that sets it from a header.
func remoteAddress(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

func remotePort(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return port
}

// serverName is the host that the client asked for, as httpd has it with UseCanonicalName Off: in lower case, without a
// dot at its end, an IPv6 address in brackets. Without one it is the address that the client connected to.
func serverName(r *http.Request) string {
	host, _ := splitHost(r.Host)
	host = strings.TrimSuffix(asciiLower(host), ".")
	if host == "" {
		host, _ = localAddress(r)
		if strings.IndexByte(host, ':') >= 0 {
			host = "[" + host + "]"
		}
	}
	if host == "" {
		return "localhost"
	}
	return escapeHTML.Replace(host)
}

// escapeHTML is for what the client may have chosen and applications print.
var escapeHTML = strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;", `"`, "&quot;")

// serverPort is the port for the server's own URLs: that of Host; a Host without one means the scheme's (RFC 9110 section
// 7.2); without a Host it is the port that the client connected to.
func serverPort(r *http.Request) string {
	_, port := splitHost(r.Host)
	if _, err := strconv.ParseUint(port, 10, 16); err == nil {
		return port
	}
	if r.Host == "" {
		if _, port = localAddress(r); port != "" {
			return port
		}
	}
	if r.TLS != nil {
		return "443"
	}
	return "80"
}

// splitHost splits the header Host. The brackets of an IPv6 address stay.
func splitHost(hostport string) (host, port string) {
	colon := strings.LastIndexByte(hostport, ':')
	if colon < 0 || colon < strings.LastIndexByte(hostport, ']') {
		return hostport, ""
	}
	return hostport[:colon], hostport[colon+1:]
}

func serverAddress(s *requestSource) (string, bool) {
	host, _ := localAddress(s.request)
	return present(host)
}

// localAddress is the server's end of the connection; nothing where that is no IP connection.
func localAddress(r *http.Request) (host, port string) {
	address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || address == nil {
		return "", ""
	}
	host, port, err := net.SplitHostPort(address.String())
	if err != nil {
		return "", ""
	}
	return host, port
}

func asciiLower(s string) string {
	for i := range len(s) {
		if lower(s[i]) != s[i] {
			b := []byte(s)
			for j := range b {
				b[j] = lower(b[j])
			}
			return string(b)
		}
	}
	return s
}
