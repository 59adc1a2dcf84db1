package brokenapps

import "github.com/mod-go/mod-go/modgo"

// heads are applications whose status or headers are wrong.
func heads() []App {
	apps := []App{}
	for _, h := range []struct {
		name, clause, description, status string
		headers                           modgo.Headers
	}{
		{"status_without_number", "C31", "gives a status without a number", "OK", text()},
		{"status_empty", "C31", "gives an empty status", "", text()},
		{"status_of_four_digits", "C31", "gives a status of four digits", "2000 OK", text()},
		{"status_signed", "C31", "gives a status with a sign", "+20 OK", text()},
		{"status_below_100", "C31", "gives a status below 100", "099 Odd", text()},
		{"status_interim", "C31", "gives a status of an interim response", "100 Continue", text()},
		{"status_with_line_break", "C31", "gives a status that would begin another header", "200 OK\r\nX-Injected: yes", text()},
		{"status_with_nul", "C31", "gives a status with a NUL", "200 O\x00K", text()},
		{"header_name_empty", "C31", "gives a header without a name", "200 OK", append(text(), [2]string{"", "value"})},
		{"header_name_with_colon", "C31", "gives a header whose name has a colon", "200 OK", append(text(), [2]string{"X-Odd:", "value"})},
		{"header_name_with_space", "C31", "gives a header whose name has a space", "200 OK", append(text(), [2]string{"X Odd", "value"})},
		{"header_name_with_line_break", "C31", "gives a header whose name would begin another", "200 OK", append(text(), [2]string{"X-Odd\r\nX-Injected", "yes"})},
		{"header_value_with_line_break", "C31", "gives a header whose value would begin another", "200 OK", append(text(), [2]string{"X-Odd", "value\r\nX-Injected: yes"})},
		{"header_value_with_line_feed", "C31", "gives a header whose value has a line feed", "200 OK", append(text(), [2]string{"X-Odd", "value\nX-Injected: yes"})},
		{"header_value_with_nul", "C31", "gives a header whose value has a NUL", "200 OK", append(text(), [2]string{"X-Odd", "a\x00b"})},
		{"content_length_not_a_number", "C31", "gives a Content-Length that is no number", "200 OK", sized("five")},
		{"content_length_negative", "C31", "gives a negative Content-Length", "200 OK", sized("-1")},
		{"content_length_contradictory", "C31", "gives two different Content-Lengths", "200 OK", append(sized("5"), [2]string{"content-length", "6"})},
		{"header_connection", "C30", "gives the header Connection, which is the server's", "200 OK", append(text(), [2]string{"Connection", "close"})},
		{"header_transfer_encoding", "C30", "gives the header Transfer-Encoding, which is the server's", "200 OK", append(text(), [2]string{"transfer-encoding", "chunked"})},
		{"header_upgrade", "C30", "gives the header Upgrade, which is the server's", "200 OK", append(text(), [2]string{"Upgrade", "websocket"})},
	} {
		apps = append(apps, App{Name: h.name, Clause: h.clause, Description: h.description, Bare: Failed, Absent: "X-Injected",
			Function: "answering", Application: answering(h.status, h.headers)})
	}
	for _, h := range []struct {
		name, description, status string
		headers                   modgo.Headers
		code                      int
		body                      string
	}{
		{"no_content_type", "gives a body and no Content-Type", "200 OK", nil, 200, page},
		{"no_content_with_content_type", "gives a Content-Type with 204, which has no body", "204 No Content", text(), 204, ""},
		{"not_modified_with_content_type", "gives a Content-Type with 304, which has no body", "304 Not Modified", text(), 304, ""},
		{"no_content_with_body", "gives a body with 204, which has none", "204 No Content", nil, 204, ""},
		{"status_without_reason", "gives a status without a space and a reason", "200", text(), 200, page},
		{"content_type_twice", "gives two Content-Types", "200 OK", append(text(), [2]string{"content-type", "text/html"}), 200, page},
		{"content_length_twice", "gives the same Content-Length twice", "200 OK", append(sized("4"), [2]string{"CONTENT-LENGTH", "4"}), 200, page},
		{"date_twice", "gives two Dates", "200 OK", append(text(), [2]string{"Date", date}, [2]string{"Date", date}), 200, page},
		{"location_twice", "gives two Locations", "201 Created", append(text(), [2]string{"Location", "/a"}, [2]string{"Location", "/b"}), 201, page},
	} {
		app := answering(h.status, h.headers)
		if h.body == "" && h.name != "no_content_with_body" {
			app = answeringNothing(h.status, h.headers)
		}
		apps = append(apps, App{Name: h.name, Clause: "V10", Description: h.description, Bare: Harmless, Status: h.code, Body: h.body,
			Function: "answering", Application: app})
	}
	return append(apps,
		App{Name: "headers_changed_after_start", Clause: "C29", Function: "headersChangedAfterStart", Application: headersChangedAfterStart,
			Description: "changes a header that startResponse has checked",
			Bare:        Harmless, Status: 200, Body: page},
		App{Name: "headers_broken_after_start", Clause: "C29", Function: "headersBrokenAfterStart", Application: headersBrokenAfterStart,
			Description: "changes a header that startResponse has checked into one that would begin another",
			Bare:        Unsettled, Status: 200, Body: page, Absent: "X-Injected"})
}

const (
	page = "page"
	date = "Thu, 01 Jan 1970 00:00:00 GMT"
)

// answering is an application that gives this status and these headers.
func answering(status string, headers modgo.Headers) modgo.Application {
	return func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start(status, headers)
		return modgo.Text(page)
	}
}

// answeringNothing is answering without a body.
func answeringNothing(status string, headers modgo.Headers) modgo.Application {
	return func(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
		start(status, headers)
		return nil
	}
}

func headersBrokenAfterStart(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	headers := append(text(), [2]string{"X-Odd", "value"})
	start("200 OK", headers)
	headers[1][1] = "value\r\nX-Injected: yes"
	return modgo.Text(page)
}

func headersChangedAfterStart(_ *modgo.Environ, start modgo.StartResponse) modgo.Body {
	headers := append(text(), [2]string{"X-Odd", "value"})
	start("200 OK", headers)
	headers[1][1] = "another value"
	return modgo.Text(page)
}
