package status

import (
	"fmt"
	"html"
	"strings"
)

// Lines are the children for mod_status: a table for its page, or lines of names and values for programs that ask with ?auto.
func (r *Report) Lines(asHTML bool) string {
	var b strings.Builder
	if !asHTML {
		for _, c := range r.Children {
			fmt.Fprintf(&b, "ModGoChild: pid=%d state=%s requests=%d threads=%d busy=%d", c.PID, c.State, c.Requests, c.Threads.Total, c.Threads.Busy)
			if p := c.Process; p != nil {
				fmt.Fprintf(&b, " goroutines=%d heap=%d resident=%d gc=%d", p.Goroutines, p.Heap, p.Resident, p.GC.Cycles)
			}
			b.WriteByte('\n')
		}
		return b.String()
	}
	b.WriteString("<hr />\n<h2>mod_go</h2>\n<table border=\"0\"><tr><th>PID</th><th>State</th><th>Requests</th><th>Threads busy</th><th>Goroutines</th><th>Heap</th><th>Resident</th><th>GC cycles</th></tr>\n")
	for _, c := range r.Children {
		fmt.Fprintf(&b, "<tr><td>%d</td><td>%s</td><td>%d</td><td>%d of %d</td>", c.PID, html.EscapeString(c.State), c.Requests, c.Threads.Busy, c.Threads.Total)
		if p := c.Process; p != nil {
			fmt.Fprintf(&b, "<td>%d</td><td>%s</td><td>%s</td><td>%d</td></tr>\n", p.Goroutines, size(p.Heap), size(p.Resident), p.GC.Cycles)
		} else {
			fmt.Fprintf(&b, "<td colspan=\"4\">%s</td></tr>\n", html.EscapeString(absence(c.State)))
		}
	}
	b.WriteString("</table>\n")
	return b.String()
}
