package main

import (
	"debug/buildinfo"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mod-go/mod-go/internal/httpdconf"
)

// announce tells what is served where, by what, and how to stop it.
func (s *serveSite) announce(out io.Writer, mounts []mount) {
	fmt.Fprintf(out, "\n%s serves\n\n", s.versions())
	s.listMounts(out, mounts)
	fmt.Fprintln(out)
	facts := s.facts()
	facts = append(facts,
		[2]string{"logs", "this terminal: errors on standard error, requests on standard output"},
		[2]string{"work folder", s.workDir + s.fate()},
	)
	if s.options.reload {
		facts = append(facts, [2]string{"reload", "when a source file changes"})
	}
	writeFacts(out, facts)
	fmt.Fprint(out, "\nCtrl-C stops it.\n\n")
}

// versions are those of httpd and of what it loads, which need not be of the Go that modgo itself was built with.
func (s *serveSite) versions() string {
	text := fmt.Sprintf("Apache/%s (%s MPM", s.httpd.Version, s.server.MPM)
	if info, err := buildinfo.ReadFile(s.path(objectName)); err == nil {
		text += ", mod_go built with " + info.GoVersion
	}
	return text + ")"
}

// listMounts writes one line for each application, with its URL at the first address.
func (s *serveSite) listMounts(out io.Writer, mounts []mount) {
	base := s.endpoints[0].base()
	width := 0
	for _, m := range mounts {
		width = max(width, len(m.Path))
	}
	if len(mounts) > 1 {
		what := "the list of the applications"
		if s.options.documentRoot != "" {
			what = s.options.documentRoot
		}
		fmt.Fprintf(out, "  %s%-*s  %s\n", base, width, "/", what)
	}
	for _, m := range mounts {
		fmt.Fprintf(out, "  %s%-*s  %s\n", base, width, m.Path, m.Package)
	}
}

// facts are what there is to know of the server itself, each with its name.
func (s *serveSite) facts() (facts [][2]string) {
	var others []string
	for _, e := range s.endpoints {
		others = append(others, e.bases()...)
	}
	for _, base := range others[1:] {
		facts = append(facts, [2]string{"also at", base + "/"})
	}
	facts = append(facts, [2]string{"capacity", s.capacity()})
	if s.options.status {
		facts = append(facts, [2]string{"status", others[0] + statusPath + ", profiles at " + others[0] + pprofPath})
	}
	if s.options.http2 {
		facts = append(facts, [2]string{"protocols", "HTTP/2 and HTTP/1.1"})
	}
	if s.tls != nil {
		text := fmt.Sprintf("%s, good until %s", s.tls.certPath, s.tls.leaf.NotAfter.Format(time.DateOnly))
		if s.tls.selfSigned {
			text += "; it signs itself: curl --cacert FILE, or accept it in the browser"
		}
		facts = append(facts, [2]string{"certificate", text})
	}
	return facts
}

// capacity is how many requests are answered at once, and why.
func (s *serveSite) capacity() string {
	if s.server.MPM == "prefork" {
		return fmt.Sprintf("%d requests at once (%d processes)", s.server.Processes, s.server.Processes)
	}
	threads := s.server.Threads
	if threads == 0 {
		threads = httpdconf.DefaultThreads
	}
	return fmt.Sprintf("%d requests at once (%d processes of %d threads)", s.server.Processes*threads, s.server.Processes, threads)
}

// fate is what becomes of the work folder.
func (s *serveSite) fate() string {
	switch {
	case s.options.workDir != "":
		return "; its " + includeName + " is for lines of your own"
	case s.options.keep:
		return ", kept"
	}
	return ", removed at the end"
}

func writeFacts(out io.Writer, facts [][2]string) {
	width := 0
	for _, fact := range facts {
		width = max(width, len(fact[0]))
	}
	for _, fact := range facts {
		fmt.Fprintf(out, "  %s%s  %s\n", fact[0], strings.Repeat(" ", width-len(fact[0])), fact[1])
	}
}
