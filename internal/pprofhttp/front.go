package pprofhttp

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Child is a process that can be profiled.
type Child struct {
	PID        int
	Generation int
	Started    time.Time
	URL        string // of its Handler, which ends in a slash; transport leads there
}

// Front lets the client choose a child: the end of the request's path is PID/PROFILE for its profile, PID alone for a list of
// its profiles, and anything else for a list of the children. Where that path begins does not matter.
func Front(children func() []Child, transport http.RoundTripper) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Profiles can only be read: GET or HEAD.", http.StatusMethodNotAllowed)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		all := children()
		base, pid, name := split(r.URL.Path)
		i := slices.IndexFunc(all, func(c Child) bool { return c.PID == pid })
		switch {
		case pid == 0:
			servePage(w, "Profiles", listChildren(base, all))
		case i < 0:
			http.Error(w, fmt.Sprintf("There is no child %d; there are: %s.", pid, pids(all)), http.StatusNotFound)
		case name == "":
			servePage(w, fmt.Sprintf("Profiles of child %d", pid), listProfiles(base, pid))
		default:
			pass(w, r, all[i], name, transport)
		}
	})
}

// split finds a child's number and a profile's name at the end of a path.
func split(path string) (base string, pid int, name string) {
	base = strings.TrimRight(path, "/")
	segments := strings.Split(base, "/")
	last := len(segments) - 1
	if pid = number(segments[last]); pid != 0 {
		return strings.Join(segments[:last], "/"), pid, ""
	}
	if last > 0 {
		if pid = number(segments[last-1]); pid != 0 {
			return strings.Join(segments[:last-1], "/"), pid, segments[last]
		}
	}
	return base, 0, ""
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func pids(children []Child) string {
	var all []string
	for _, c := range children {
		all = append(all, strconv.Itoa(c.PID))
	}
	return strings.Join(all, ", ")
}

// pass has the child itself answer. Nothing of the request goes there but the parameters: not what tells who asks.
func pass(w http.ResponseWriter, r *http.Request, c Child, name string, transport http.RoundTripper) {
	to, err := url.Parse(c.URL + url.PathEscape(name))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	proxy := httputil.ReverseProxy{
		Transport:     transport,
		FlushInterval: -1,
		Rewrite: func(p *httputil.ProxyRequest) {
			to.RawQuery = p.In.URL.RawQuery
			p.Out.URL = to
			p.Out.Host = to.Host
			p.Out.Header = http.Header{}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, fmt.Sprintf("Child %d does not answer: %v. If it hangs, the kernel can still tell where: gdb -p %d", c.PID, err, c.PID), http.StatusBadGateway)
		},
	}
	proxy.ServeHTTP(w, r)
}

// pageText has the title twice, then the content.
const pageText = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%s</title>
<style>body { margin: 0 auto; padding: 1rem; max-width: 50rem; font: 1rem/1.5 system-ui, sans-serif } code { overflow-wrap: anywhere }</style>
</head>
<body>
<h1>%s</h1>
%s</body>
</html>
`

func servePage(w http.ResponseWriter, title, content string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = fmt.Fprintf(w, pageText, title, title, content) // the client is gone if it fails
}

// link is a path in HTML.
func link(path string) string { return html.EscapeString((&url.URL{Path: path}).EscapedPath()) }

// listChildren is the content of the page from which a child is chosen.
func listChildren(base string, children []Child) string {
	var b strings.Builder
	base = link(base)
	b.WriteString("<p>Each child process has its own. Choose one:</p>\n<ul>\n")
	for _, c := range children {
		fmt.Fprintf(&b, "<li><a href=\"%s/%d\">%d</a>, generation %d, since %s</li>\n", base, c.PID, c.PID, c.Generation, c.Started.Format("2006-01-02 15:04:05"))
	}
	fmt.Fprintf(&b, "</ul>\n<p>For example: <code>go tool pprof 'http://HOST%s/PID/profile?seconds=10'</code></p>\n", base)
	return b.String()
}

// listProfiles is the content of the page from which a profile is chosen.
func listProfiles(base string, pid int) string {
	var b strings.Builder
	base = link(base)
	b.WriteString("<ul>\n")
	for _, name := range append([]string{"profile", "trace"}, names()...) {
		name = html.EscapeString(name)
		address := fmt.Sprintf("%s/%d/%s", base, pid, name)
		fmt.Fprintf(&b, "<li><a href=\"%s\">%s</a>", address, name)
		switch name {
		case "profile":
			b.WriteString(": CPU, over 30 seconds or <code>?seconds=N</code>")
		case "trace":
			b.WriteString(": execution trace, over a second or <code>?seconds=N</code>, for <code>go tool trace</code>")
		case "block", "mutex":
			b.WriteString(": recorded while <code>?seconds=N</code> pass")
		case "goroutine":
			fmt.Fprintf(&b, ", <a href=\"%s?debug=2\">as text</a>", address)
		default:
			fmt.Fprintf(&b, ", <a href=\"%s?debug=1\">as text</a>", address)
		}
		b.WriteString("</li>\n")
	}
	fmt.Fprintf(&b, "</ul>\n<p><a href=\"%s\">Other children</a></p>\n", base)
	return b.String()
}
