// Package services asks httpd for what package apache has, as the path and the query say: in a handler, and in an
// application of the WSGI style.
package services

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/mod-go/mod-go/apache"
	"github.com/mod-go/mod-go/modgo"
)

// Report is the answer to what needs no other one. Its values are what was asked for, under the names.
type Report struct {
	Notes, Settings, TLS map[string]string
	All                  map[string]string // Settings()
	Enabled              []bool            // LogEnabled of each level
	Lookup               apache.Lookup
	Error                string
	Over                 bool // Error is apache.ErrOver
	Status               int  // that tells of Error
}

// questions are the query's parameters: note, setting and tls ask for names, setnote and setvariable have NAME=VALUE, log
// has LEVEL=MESSAGE, lookup a URL. Setting comes before asking.
func questions(httpd *apache.Request, query url.Values) (report Report) {
	report = Report{Notes: make(map[string]string), Settings: make(map[string]string), TLS: make(map[string]string)}
	var failures []error
	each := func(parameter string, do func(name, value string)) {
		for _, pair := range query[parameter] {
			name, value, _ := strings.Cut(pair, "=")
			do(name, value)
		}
	}
	ask := func(answers map[string]string, find func(string) (string, bool)) func(name, value string) {
		return func(name, _ string) {
			if value, ok := find(name); ok {
				answers[name] = value
			}
		}
	}
	each("setnote", func(name, value string) { failures = append(failures, httpd.SetNote(name, value)) })
	each("setvariable", func(name, value string) { failures = append(failures, httpd.SetVariable(name, value)) })
	each("log", func(level, message string) {
		n, err := strconv.Atoi(level)
		failures = append(failures, err)
		httpd.Logf(apache.Level(n), "%s", message)
	})
	each("note", ask(report.Notes, httpd.Note))
	each("setting", ask(report.Settings, httpd.Setting))
	each("tls", ask(report.TLS, httpd.TLS))
	report.All = httpd.Settings()
	for level := apache.Emergency; level <= apache.Trace8; level++ {
		report.Enabled = append(report.Enabled, httpd.LogEnabled(level))
	}
	for _, target := range query["lookup"] {
		found, err := httpd.Lookup(target)
		report.Lookup, failures = found, append(failures, err)
	}
	return failed(report, errors.Join(failures...))
}

func failed(report Report, err error) Report {
	if err != nil {
		report.Error, report.Over, report.Status = err.Error(), errors.Is(err, apache.ErrOver), apache.StatusOf(err)
	}
	return report
}

// choose does what the parameters do say, in their order: redirect=URL or send=FILE. It returns the last one's error.
func choose(httpd *apache.Request, query url.Values) (err error) {
	for _, step := range query["do"] {
		kind, target, _ := strings.Cut(step, "=")
		switch kind {
		case "redirect":
			err = httpd.Redirect(target)
		case "send":
			err = httpd.SendFile(target)
		}
	}
	return err
}

// application is the handler. The last segment of the path selects what it does.
func application(w http.ResponseWriter, r *http.Request) {
	httpd, query := apache.FromContext(r.Context()), r.URL.Query()
	switch path.Base(r.URL.Path) {
	case "choose":
		answerOtherwise(w, r, httpd)
	case "countdown":
		countdown(w, httpd, query)
	case "hijack":
		hijack(w, httpd, query)
	case "keep":
		keep(w)
	case "wait":
		wait(w, r)
	case "busy":
		busy(w, httpd, query)
	case "later":
		go later(httpd, query, r.Context().Done())
		fmt.Fprint(w, "later")
	default:
		write(w, questions(httpd, query))
	}
}

func write(w http.ResponseWriter, report Report) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(report)
}

// busy asks from several goroutines at once, while it writes.
func busy(w http.ResponseWriter, httpd *apache.Request, query url.Values) {
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 50 {
				_ = httpd.SetNote("note"+strconv.Itoa(i), "value")
				_ = questions(httpd, query)
			}
		})
	}
	for range 200 {
		_, _ = w.Write(make([]byte, 1000))
		_ = http.NewResponseController(w).Flush()
	}
	group.Wait()
}

// later asks when the request is over, and logs a line that begins with "later" when everything has failed as it should.
func later(httpd *apache.Request, query url.Values, over <-chan struct{}) {
	<-over
	wrong := make(map[string]any)
	check := func(name string, err error) {
		if !errors.Is(err, apache.ErrOver) {
			wrong[name] = err
		}
	}
	check("SetNote", httpd.SetNote("a", "b"))
	check("SetVariable", httpd.SetVariable("a", "b"))
	check("Redirect", httpd.Redirect("/"))
	check("SendFile", httpd.SendFile(query.Get("file")))
	_, err := httpd.Lookup("/")
	check("Lookup", err)
	if report := questions(httpd, query); !report.Over || len(report.Notes)+len(report.Settings)+len(report.TLS)+len(report.All) > 0 {
		wrong["questions"] = report
	}
	log.Printf("later: %d mistakes %v", len(wrong), wrong)
}

// wsgi is the application of the WSGI style.
func wsgi(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
	httpd := apache.FromEnviron(env)
	query, err := url.ParseQuery(env.Get("QUERY_STRING"))
	if err != nil {
		panic(err)
	}
	if path.Base(env.Get("PATH_INFO")) != "choose" {
		report, err := json.Marshal(questions(httpd, query))
		if err != nil {
			panic(err)
		}
		startResponse("200 OK", modgo.Headers{{"Content-Type", "application/json"}})
		return modgo.Bytes(report)
	}
	headers := modgo.Headers{{"X-Own", "yes"}}
	if own := query.Get("type"); own != "" {
		headers = append(headers, [2]string{"Content-Type", own})
	}
	if err := choose(httpd, query); err != nil {
		status := apache.StatusOf(err)
		startResponse(fmt.Sprintf("%d %s", status, http.StatusText(status)), append(headers, [2]string{"Content-Type", "text/plain"}))
		return modgo.Text(err.Error())
	}
	if query.Has("silent") {
		return nil // httpd answers: a response need not be started
	}
	startResponse("202 Accepted", headers)
	return modgo.Text("this is dropped")
}
