package contract

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	apps "github.com/mod-go/mod-go/tests/testdata/apps/contract"
)

// pair is what came of the same bytes on both servers.
type pair struct {
	request           string
	apache, reference outcome
}

// A difference between the servers is one that has a reason. Its name and reason are a row in docs/contract.md.
type difference struct {
	name, why string
	// explains takes what the difference explains off the pair, and tells whether there was any.
	explains func(p *pair) bool
}

// differences are all there are, in the order in which they are taken off.
var differences = slices.Concat([]difference{
	{"the server's own variables", "each says who it is: `SERVER_SOFTWARE`, `SERVER_ADMIN`, `DOCUMENT_ROOT`, `CONTEXT_*`, `mod_go.*`; ports differ by connection", dropVariables(
		`^(SERVER_SOFTWARE|SERVER_ADMIN|DOCUMENT_ROOT|CONTEXT_.*|REMOTE_PORT|mod_go\..*)$`)},
	{"`SERVER_NAME` and `SERVER_PORT` without a `Host`", "httpd has `ServerName`; the reference server its address", eachOf(takeServerName)},
	{"`.`, `..` and `//` in the path", "httpd removes and merges them before it checks access, so `PATH_INFO` has none; `REQUEST_URI` is raw in both", eachOf(cleanPath)},
	{"the host of an absolute target", "httpd writes it in small letters and without a dot at its end, takes an empty one as it is, and prefers `Host` for the scheme `https`; net/http takes it for `Host` even where that was not sent", eachOf(lowerHost)},
	{"zeros before a port, and ports above 65535", "httpd reads a number of 16 bits", eachOf(readPort)},
	{"several `Cookie` lines", "httpd joins them by a comma, as all headers; the reference server by a semicolon", eachOf(joinCookies)},
	{"`HTTP_TRANSFER_ENCODING`", "net/http takes the header off; the reference server has `chunked` in its place, in small letters", eachOf(dropCoding)},
	{"`Transfer-Encoding` in HTTP/1.0", "httpd decodes the body, and drops `Content-Length`; net/http ignores the header", eachOf(takeOldBody)},
	{"trailers that are malformed", "the read that reaches them fails, but httpd asks for `CR` here too", eachOf(takeBodyError)},
},
	refusals(apacheRefuses, func(p *pair) (handsOn, refuses *outcome) { return &p.reference, &p.apache }),
	refusals(referenceRefuses, func(p *pair) (handsOn, refuses *outcome) { return &p.apache, &p.reference }),
	[]difference{
		{"the status of a refusal", "each server refuses in its own way, or closes the connection without an answer", func(p *pair) bool {
			differ := p.apache.refused != p.reference.refused && len(p.apache.handed) == len(p.reference.handed)
			if differ {
				p.apache.refused = p.reference.refused
			}
			return differ
		}},
	})

// refusal is a kind of requests that one server hands on, and the other refuses.
type refusal struct {
	name, why string
	applies   func(request string) bool // to all bytes that were sent
}

// Requests that httpd refuses, or answers itself.
var apacheRefuses = []refusal{
	{"a fragment in the target: httpd refuses", "RFC 9112 knows none there", pattern(`(?m)^[^\s:]+ \S*#`)},
	{"a path above the root: httpd refuses", "what `..` leads out of cannot be mapped", pattern(`(?im)^[^\s:]+ \S*(\.|%2e)(\.|%2e)`)},
	{"`%2F` and `%00` in the path: httpd refuses", "`AllowEncodedSlashes` is off; no file has such a name", pattern(`(?im)^[^\s:]+ [^ ?]*%(2f|00)`)},
	{"a target without a path, or of another scheme, or with a user: httpd refuses", "it is no proxy", pattern(`(?m)^[^\s:]+ [^/ ]\S* +HTTP/`)},
	{"the methods `TRACE`, `CONNECT` and `PRI`: httpd answers", "they are the server's, not the application's", pattern(`(?m)^(TRACE|CONNECT|PRI) `)},
	{"lines above 8190 bytes and more than 100 headers: httpd refuses", "`LimitRequestLine`, `LimitRequestFieldSize`, `LimitRequestFields`; net/http allows 1 MB in all", beyondLimits},
	{"a line that ends without `CR`: httpd refuses", "`HttpProtocolOptions Strict`", pattern(`(^|[^\r])\n`)},
	{"a folded line without content: httpd refuses", "it folds lines that have some", pattern(`\n[ \t]+\r`)},
	{"a `Host` that is no host: httpd refuses", "it checks names, addresses and ports; net/http, which bytes there are", hasOddHost},
	{"`Content-Length` twice or above 1 GB: httpd refuses", "net/http takes two that are equal for one; `LimitRequestBody`", pattern(`(?i)\nContent-Length:[^\r\n]*([0-9]{10}|(?s:.*)\nContent-Length:)`)},
	{"requests behind a beginning of `close`: httpd closes", "it takes any beginning of the word in `Connection` for all of it", pattern(`(?i)\nConnection:`)},
	{"an `Expect` with more than `100-continue`: httpd refuses", "net/http looks for the word within the value", pattern(`(?i)\nExpect:`)},
	{"chunks that are malformed: httpd refuses", "its filter answers in the application's place; at the reference server the application's read fails", pattern(`(?i)\nTransfer-Encoding:`)},
}

// Requests that net/http refuses.
var referenceRefuses = []refusal{
	{"empty lines before a request: the reference server refuses", "RFC 9112 lets a server ignore them, which httpd does", pattern(`^\r?\n|\r\n\r\n\r?\n`)},
	{"versions above HTTP/1: the reference server refuses", "httpd takes `HTTP/2.0` in a request line for HTTP/1.1", pattern(`HTTP/[2-9]`)},
	{"a target that begins with `?`: the reference server refuses", "httpd takes the path for empty", pattern(`(?m)^[^\s:]+ \?`)},
	{"an absolute target beside a `Host` that is no host: the reference server refuses", "httpd does not look at the header then", pattern(`(?ism)^[^\s:]+ [^/ ].*\nHost:`)},
	{"requests behind a beginning of `keep-alive` in HTTP/1.0: the reference server closes", "httpd takes any beginning of the word for all of it", pattern(`(?is)HTTP/1\.0\r\n(.*\n)?Connection:`)},
	{"transfer codings other than one `chunked`: the reference server refuses", "httpd takes off the last one", pattern(`(?i)\nTransfer-Encoding:`)},
}

// pattern makes a condition of a regular expression.
func pattern(expression string) func(request string) bool {
	return regexp.MustCompile(expression).MatchString
}

// beyondLimits tells whether httpd's limits of a request's lines are passed.
func beyondLimits(request string) bool {
	head, _, _ := strings.Cut(request, "\r\n\r\n")
	lines := strings.Split(head, "\n")
	return len(lines) > 101 || slices.ContainsFunc(lines, func(line string) bool { return len(line) > 8190 })
}

// hasOddHost tells whether a header Host is not a plain name, about which there is no doubt.
func hasOddHost(request string) bool {
	return slices.ContainsFunc(hostPattern.FindAllStringSubmatch(request, -1), func(match []string) bool {
		return !namePattern.MatchString(match[1])
	})
}

var (
	hostPattern = regexp.MustCompile(`(?i)\nHost:[ \t]*([^\r\n]*)`)
	namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*[ \t]*$`)
)

// refusals makes differences of the kinds that one server refuses.
func refusals(kinds []refusal, sides func(p *pair) (handsOn, refuses *outcome)) (made []difference) {
	for _, kind := range kinds {
		made = append(made, difference{kind.name, kind.why, func(p *pair) bool {
			handsOn, refuses := sides(p)
			n := len(refuses.handed)
			if len(handsOn.handed) <= n || !kind.applies(p.request) {
				return false
			}
			handsOn.handed = handsOn.handed[:n] // what comes after is of no interest
			handsOn.refused = refuses.refused
			return true
		}})
	}
	return made
}

// eachOf makes a difference of a function for one request, as both servers hand it on.
func eachOf(explains func(request string, apache, reference *apps.Request) bool) func(p *pair) bool {
	return func(p *pair) (any bool) {
		for i := range min(len(p.apache.handed), len(p.reference.handed)) {
			any = explains(p.request, &p.apache.handed[i], &p.reference.handed[i]) || any
		}
		return any
	}
}

func dropVariables(names string) func(p *pair) bool {
	expression := regexp.MustCompile(names)
	return eachOf(func(_ string, apache, reference *apps.Request) bool {
		for _, variables := range []map[string][]byte{apache.Variables, reference.Variables} {
			for name := range variables {
				if expression.MatchString(name) {
					delete(variables, name)
				}
			}
		}
		return true
	})
}

// replace gives the reference server's request the value that httpd's has, if they differ.
func replace(name string, apache, reference *apps.Request) bool {
	a, inA := apache.Variables[name]
	r, inR := reference.Variables[name]
	if inA == inR && string(a) == string(r) {
		return false
	}
	if reference.Variables[name] = a; !inA {
		delete(reference.Variables, name)
	}
	return true
}

func takeServerName(_ string, apache, reference *apps.Request) bool {
	if host := string(apache.Variables["HTTP_HOST"]); host != "" && host[0] != ':' {
		return false
	}
	name := replace("SERVER_NAME", apache, reference)
	port := replace("SERVER_PORT", apache, reference)
	return name || port
}

func cleanPath(_ string, apache, reference *apps.Request) bool {
	info := string(reference.Variables["PATH_INFO"])
	clean := path.Clean(info)
	if directory := strings.HasSuffix(info, "/") || strings.HasSuffix(info, "/.") || strings.HasSuffix(info, "/.."); directory && clean != "/" {
		clean += "/"
	}
	return clean == string(apache.Variables["PATH_INFO"]) && replace("PATH_INFO", apache, reference)
}

func lowerHost(_ string, apache, reference *apps.Request) bool {
	host := apache.Variables["HTTP_HOST"]
	target := strings.ToLower(string(apache.Variables["REQUEST_URI"]))
	if absolute := target != "" && target[0] != '/'; absolute && (len(host) == 0 || strings.HasPrefix(target, "https:")) {
		replaced := replace("HTTP_HOST", apache, reference)
		replaced = replace("SERVER_NAME", apache, reference) || replaced
		return replace("SERVER_PORT", apache, reference) || replaced
	}
	found := false
	for _, name := range []string{"HTTP_HOST", "SERVER_NAME"} {
		if plainHost(apache.Variables[name]) == plainHost(reference.Variables[name]) && replace(name, apache, reference) {
			found = true
		}
	}
	return found
}

// plainHost is a host and port in small letters, without the dot that ends a whole domain name.
func plainHost(host []byte) string {
	name, port, _ := strings.Cut(strings.ToLower(string(host)), ":")
	return strings.TrimSuffix(name, ".") + ":" + port
}

func readPort(_ string, apache, reference *apps.Request) bool {
	_, port, _ := strings.Cut(string(reference.Variables["HTTP_HOST"]), ":")
	n, err := strconv.ParseUint(port, 10, 16)
	return (err != nil || strconv.FormatUint(n, 10) != port) && replace("SERVER_PORT", apache, reference)
}

func joinCookies(_ string, apache, reference *apps.Request) bool {
	const name = "HTTP_COOKIE"
	return strings.ReplaceAll(string(reference.Variables[name]), "; ", ", ") == strings.ReplaceAll(string(apache.Variables[name]), "; ", ", ") &&
		replace(name, apache, reference)
}

func dropCoding(_ string, apache, reference *apps.Request) bool {
	const name = "HTTP_TRANSFER_ENCODING"
	a, r := string(apache.Variables[name]), string(reference.Variables[name])
	if !strings.EqualFold(a, "chunked") || a == r {
		return false
	}
	delete(apache.Variables, name)
	delete(reference.Variables, name)
	return true
}

func takeOldBody(request string, apache, reference *apps.Request) bool {
	if string(apache.Variables["SERVER_PROTOCOL"]) != "HTTP/1.0" || !codingPattern.MatchString(request) {
		return false
	}
	found := replace("CONTENT_LENGTH", apache, reference) || !bytes.Equal(apache.Body, reference.Body)
	reference.Body, reference.BodyError = apache.Body, apache.BodyError
	return found
}

func takeBodyError(request string, apache, reference *apps.Request) bool {
	if !codingPattern.MatchString(request) || (apache.BodyError == "") == (reference.BodyError == "") {
		return false
	}
	reference.BodyError = apache.BodyError
	return true
}

var codingPattern = regexp.MustCompile(`(?i)\nTransfer-Encoding:`)
