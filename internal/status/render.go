package status

import (
	"fmt"
	"html"
	"strconv"
	"strings"
)

// markup is HTML: text has been escaped. Only this file makes it.
type markup string

// text is HTML for any text.
func text(s string) markup { return markup(html.EscapeString(s)) }

// span is text that the style shows in its own way.
func span(class, s string) markup {
	return markup(`<span class="`+class+`">`) + text(s) + "</span>"
}

// whole keeps what belongs together in one piece where cells are lines, on a phone.
func whole(m markup) markup { return "<span>" + m + "</span>" }

// column is one of a table.
type column struct {
	class string // "n" for numbers, "name" for what the line is about
	head  string
}

// table is a table with an id; each row has a cell for each column, or one fewer for each that its last cell spans as well.
func table(id string, columns []column, rows [][]markup) markup {
	var b strings.Builder
	fmt.Fprintf(&b, "<table id=%q>\n<thead><tr>", id)
	for _, c := range columns {
		fmt.Fprintf(&b, "<th class=%q>%s</th>", c.class, text(c.head))
	}
	b.WriteString("</tr></thead>\n<tbody>\n")
	for _, row := range rows {
		b.WriteString("<tr>\n")
		for i, cell := range row {
			spans := 1
			if i == len(row)-1 {
				spans = len(columns) - i
			}
			fmt.Fprintf(&b, "<td class=%q data-name=\"%s\" colspan=\"%d\">%s</td>\n", columns[i].class, text(columns[i].head), spans, cell)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody>\n</table>\n")
	return markup(b.String())
}

// render is what changes of the page.
func render(r *Report) markup {
	return "<main>\n" + summary(r) +
		section("Applications", applications(r.Applications), len(r.Applications), "The configuration names no application.") +
		section("Requests in flight, the oldest first", inFlight(r.InFlight), len(r.InFlight), "None.") +
		section("Children", children(r), len(r.Children), "None.") + "</main>\n"
}

func section(title string, content markup, rows int, none string) markup {
	if rows == 0 {
		content = `<p class="none">` + text(none) + "</p>\n"
	}
	return "<h2>" + text(title) + "</h2>\n" + content
}

func summary(r *Report) markup {
	died := text(count(r.Server.ChildrenDied))
	if r.Server.ChildrenDied > 0 {
		died = span("bad", count(r.Server.ChildrenDied))
	}
	build := text("mod_go " + r.Build.ModGo + ", " + r.Build.Go)
	for _, more := range []string{r.Build.Module, r.Build.Revision, "build ID " + r.Build.ID} {
		if more != "" {
			build += "<br>" + text(more)
		}
	}
	var m markup
	for _, figure := range []struct {
		class, name string
		value       markup
	}{
		{"", "requests in flight", `<b id="flying">` + text(count(len(r.InFlight))) + "</b>"},
		{"", "server up for", "<b>" + text(ago(r.Time.Sub(r.Server.Started))) + "</b>"},
		{"", "configuration read", text(fmt.Sprintf("%s ago, %s restarts", ago(r.Time.Sub(r.Server.Configured)), count(r.Server.Restarts)))},
		{"", "children started / died", text(count(r.Server.ChildrenStarted)) + " / " + died},
		{"wide", "server", text(fmt.Sprintf("%s, %s, pid %d", r.Server.Version, r.Server.MPM, r.Server.PID))},
		{"wide", "build that the answering child runs", build},
	} {
		m += markup(`<div class="`+figure.class+`"><dt>`) + text(figure.name) + "</dt><dd>" + figure.value + "</dd></div>\n"
	}
	return "<dl>\n" + m + "</dl>\n"
}

func applications(all []Application) markup {
	var rows [][]markup
	for _, a := range all {
		var statuses markup
		for _, s := range a.Statuses {
			name := strconv.Itoa(s.Status)
			if s.Status == 0 {
				name = "other"
			}
			statuses += span(statusClass(s.Status), name) + " " + span("dim", "×"+count(s.Requests)) + " "
		}
		graph := markup(`<svg viewBox="0 0 60 16" preserveAspectRatio="none" aria-hidden="true"><path d="`) + text(bars(a.Seconds)) + `"/></svg>`
		rows = append(rows, []markup{
			text(a.Name), text(count(a.Requests)), whole(statuses), text(count(a.InFlight)), text(rate(a.Rate)), graph,
			text(duration(a.Latency.P50)), text(duration(a.Latency.P90)), text(duration(a.Latency.P99)),
		})
	}
	return table("applications", []column{
		{"name", "application"}, {"n", "requests"}, {"", "statuses"}, {"n", "in flight"}, {"n", "rate (10 s)"}, {"", "last minute"},
		{"n", "half within"}, {"n", "90 % within"}, {"n", "99 % within"},
	}, rows)
}

// long is from how many seconds on a request in flight is marked.
const long = 10

func inFlight(all []Request) markup {
	var rows [][]markup
	for _, q := range all {
		age := text(duration(q.Seconds))
		if q.Seconds > long {
			age = span("bad", duration(q.Seconds))
		}
		rows = append(rows, []markup{text(q.Application), whole(text(q.Method + " " + q.URL)), age, text(q.Client), text(strconv.Itoa(q.PID)), text(q.ID)})
	}
	return table("in-flight", []column{{"name", "application"}, {"", "request"}, {"n", "for"}, {"", "client"}, {"n", "pid"}, {"", "request id"}}, rows)
}

// stateClass is how the style shows a child's state.
func stateClass(state string) string {
	switch state {
	case Silent, Waiting:
		return "bad"
	case Serving:
		return "good"
	}
	return "poor"
}

// absence is why a child in this state says nothing of itself.
func absence(state string) string {
	switch state {
	case Silent:
		return "does not answer: it hangs, or is short of CPU"
	case Waiting:
		return "the start of the applications has failed, and they are answered for with 503: see the error log"
	}
	return ""
}

func children(r *Report) markup {
	var rows [][]markup
	for _, c := range r.Children {
		row := []markup{
			whole(text(strconv.Itoa(c.PID)+" ") + span("dim", fmt.Sprintf("#%d, generation %d", c.Child, c.Generation))), span(stateClass(c.State), c.State),
			text(ago(r.Time.Sub(c.Started))), text(count(c.Requests)), text(fmt.Sprintf("%d of %d", c.Threads.Busy, c.Threads.Total)),
		}
		if p := c.Process; p != nil {
			heap := text(size(p.Heap))
			if p.MemoryLimit > 0 {
				heap += " " + span("dim", "limit "+size(p.MemoryLimit))
			}
			row = append(row, text(count(p.Goroutines)), text(count(p.Connections)), whole(heap), text(size(p.Resident)), text(count(p.GC.Cycles)),
				text(duration(p.GC.PauseP99)+" / "+duration(p.GC.PauseMax)), text(duration(p.CPU)))
		} else {
			row = append(row, span(stateClass(c.State), absence(c.State)))
		}
		rows = append(rows, row)
	}
	return table("children", []column{
		{"name", "pid"}, {"", "state"}, {"n", "age"}, {"n", "requests"}, {"n", "threads busy"}, {"n", "goroutines"}, {"n", "taken over"}, {"n", "heap"},
		{"n", "resident"}, {"n", "GC cycles"}, {"n", "pause 99 % / max"}, {"n", "CPU"},
	}, rows)
}
