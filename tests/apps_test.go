package tests

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

const examplePath = "github.com/mod-go/mod-go/apps/"

// examples are the example applications, each with its test.
var examples = map[string]func(t *testing.T, srv *httpdtest.Server){
	"chat": testChat, "composed": testComposed, "environ": testEnviron, "guestbook": testGuestbook, "hello": testHello, "router": testRouter, "stream": testStream, "upload": testUpload,
}

func TestEveryExampleIsTested(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", "apps"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != "internal" && examples[entry.Name()] == nil {
			t.Errorf("apps/%s has no test here", entry.Name())
		}
	}
}

// TestExamples: every example application does under Apache what its documentation says.
func TestExamples(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		several := httpdtest.Config{MPM: mpm, Packages: []string{"./apps/..."}, Processes: 3, Threads: 4}
		several.Conf = "CustomLog ${DIR}/children.log \"%P %U\"\nGoSetEnv GUESTBOOK_DB \"${DIR}/guestbook.db\"\nGoSetEnv CHAT_DB \"${DIR}/chat.db\"\n" +
			"GoAlias /ticks " + examplePath + "stream callable=Chunks\n"
		for name := range examples {
			several.Conf += "GoAlias /" + name + " " + examplePath + name + "\n"
		}
		// The to-dos of router are those of one process.
		one := several
		one.Processes = 1
		if mpm == "prefork" {
			one.Threads = 1
		}
		servers := map[bool]*httpdtest.Server{false: httpdtest.Start(t, several), true: httpdtest.Start(t, one)}
		servers[true].Expect(`AH(00484|00161|00286): server reached MaxRequestWorkers`).Maybe() // there is but one
		for name, test := range examples {
			t.Run(name, func(t *testing.T) { test(t, servers[name == "router"].In(t)) })
		}
	})
}

func testHello(t *testing.T, srv *httpdtest.Server) {
	for _, method := range []string{"GET", "POST", "PUT"} {
		resp := srv.Send(method, "/hello", nil)
		if resp.StatusCode != 200 || resp.Text != "The request method was "+method || resp.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s /hello answers %s: %q", method, resp.Status, resp.Text)
		}
	}
	if resp := srv.Send("HEAD", "/hello", nil); resp.StatusCode != 200 || resp.Text != "" || resp.ContentLength != int64(len("The request method was HEAD")) {
		t.Errorf("HEAD /hello answers %s, %v: %q", resp.Status, resp.Header, resp.Text)
	}
}

func testComposed(t *testing.T, srv *httpdtest.Server) {
	page := srv.Get("/composed/", "Accept-Encoding", "gzip")
	if page.StatusCode != 200 || page.Header.Get("Content-Encoding") != "gzip" || page.Header.Get("X-Request-Id") == "" {
		t.Errorf("the page is %s, %v", page.Status, page.Header)
	}
	srv.AwaitLog(`"uri":"/composed/".*"status":200|"status":200.*"uri":"/composed/"`)
	part := srv.Get("/composed/static/layers.txt", "Range", "bytes=0-3")
	if part.StatusCode != 206 || len(part.Text) != 4 || part.Header.Get("ETag") == "" {
		t.Errorf("a range of a file is %s, %v: %q", part.Status, part.Header, part.Text)
	}
	again := srv.Get("/composed/static/layers.txt", "If-None-Match", part.Header.Get("ETag"))
	if again.StatusCode != 304 || again.Text != "" {
		t.Errorf("a file that the client has is %s: %q", again.Status, again.Text)
	}
	if resp := srv.Get("/composed/members"); resp.StatusCode != 401 || !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("who has not said who it is gets %s, %v", resp.Status, resp.Header)
	}
	known := srv.Get("/composed/members", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("ada:lovelace")))
	if known.StatusCode != 200 || !strings.Contains(known.Text, "ada") {
		t.Errorf("a member gets %s", known.Status)
	}
	srv.Expect(`this application panics, as its page says`)
	if resp := srv.Get("/composed/panic"); resp.StatusCode != 500 {
		t.Errorf("a panic is %s", resp.Status)
	}
	srv.Expect(`middleware.Timeout: the application took longer than 2s: .*GET /composed/slow`)
	if resp := srv.Get("/composed/slow"); resp.StatusCode != 503 {
		t.Errorf("what is too slow is %s", resp.Status)
	}
}

func testEnviron(t *testing.T, srv *httpdtest.Server) {
	resp := srv.Get("/environ/a%20b?q=1", "Accept", "application/json", "X-Given", "caf\xe9")
	environ := decode[map[string]string](t, resp)
	for name, want := range map[string]string{
		"SCRIPT_NAME": "/environ", "PATH_INFO": "/a b", "QUERY_STRING": "q=1", "HTTP_X_GIVEN": `caf\xE9`, "mod_go.package": examplePath + "environ",
	} {
		if environ[name] != want {
			t.Errorf("%s is %q; want %q", name, environ[name], want)
		}
	}
	if resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("JSON is of the type %q", resp.Header.Get("Content-Type"))
	}
	page := srv.Get("/environ", "Accept", "text/html", "X-Given", "<script>")
	if page.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(page.Text, "HTTP_X_GIVEN") || !strings.Contains(page.Text, "&lt;script&gt;") {
		t.Errorf("the page is %s, %v:\n%s", page.Status, page.Header, page.Text)
	}
	if resp := srv.Get("/environ", "Accept", "image/png"); resp.StatusCode != http.StatusNotAcceptable {
		t.Errorf("a picture is answered %s", resp.Status)
	}
}

func testUpload(t *testing.T, srv *httpdtest.Server) {
	content := make([]byte, 20<<20)
	for i := range content {
		content[i] = byte(i ^ i>>9 ^ i>>17)
	}
	hash := sha256.Sum256(content)
	sum := hex.EncodeToString(hash[:])
	line := func(name string) string { return fmt.Sprintf("%s  %s  %d bytes\n", sum, name, len(content)) }

	if resp := srv.Send("PUT", "/upload/film.mkv", bytes.NewReader(content)); resp.StatusCode != 200 || resp.Text != line("film.mkv") {
		t.Errorf("PUT answers %s: %q; want %q", resp.Status, resp.Text, line("film.mkv"))
	}
	chunked := struct{ *bytes.Reader }{bytes.NewReader(content)} // of a type whose length net/http does not know
	if resp := srv.Send("PUT", "/upload/film.mkv", chunked); resp.StatusCode != 200 || resp.Text != line("film.mkv") {
		t.Errorf("PUT in chunks answers %s: %q; want %q", resp.Status, resp.Text, line("film.mkv"))
	}
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	file, err := writer.CreateFormFile("file", "film two.mkv")
	if err == nil {
		_, err = file.Write(content)
	}
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	resp := srv.Send("POST", "/upload/", &form, "Content-Type", writer.FormDataContentType(), "Accept", "application/json")
	type result struct {
		Files []struct {
			Name, SHA256 string
			Size         int
		}
	}
	if got := decode[result](t, resp); len(got.Files) != 1 || got.Files[0].Name != "film two.mkv" || got.Files[0].Size != len(content) || got.Files[0].SHA256 != sum {
		t.Errorf("the form answers %s: %s", resp.Status, resp.Text)
	}
	if resp := srv.Get("/upload/"); resp.StatusCode != 200 || !strings.Contains(resp.Text, "<form") {
		t.Errorf("the page is %s:\n%s", resp.Status, resp.Text)
	}
	if resp := srv.Send("DELETE", "/upload/x", nil); resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD, POST, PUT" {
		t.Errorf("DELETE answers %s, Allow %q", resp.Status, resp.Header.Get("Allow"))
	}
}

func testStream(t *testing.T, srv *httpdtest.Server) {
	t.Run("events", func(t *testing.T) {
		c := converse(t, srv)
		defer c.Close()
		interval := httpdtest.Limit(200 * time.Millisecond)
		c.send("GET /stream/events?n=3&interval=" + interval.String() + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		resp := c.head("GET")
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("the stream is %s, %v", resp.Status, resp.Header)
		}
		type event struct {
			Number, Of int
			Time       time.Time
		}
		var events []event
		var arrived []time.Time
		ended := false
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: {"); ok {
				var e event
				if err := json.Unmarshal([]byte("{"+data), &e); err != nil {
					t.Fatal(err)
				}
				events, arrived = append(events, e), append(arrived, time.Now())
			}
			ended = ended || lines.Text() == "event: end"
		}
		if len(events) != 3 || !ended {
			t.Fatalf("the events are %+v (ended: %t); want 3 and their end", events, ended)
		}
		for i, e := range events {
			if e.Number != i+1 || e.Of != 3 {
				t.Errorf("event %d is %+v", i+1, e)
			}
			if i > 0 && !arrived[i-1].Before(e.Time) {
				t.Errorf("event %d arrived when event %d had been made: they are not sent one by one", i, i+1)
			}
		}
		rest := srv.Get("/stream/events?n=3&interval=1ms", "Last-Event-ID", "2")
		if strings.Contains(rest.Text, "id: 2\n") || !strings.Contains(rest.Text, "id: 3\n") {
			t.Errorf("after event 2 come:\n%s", rest.Text)
		}
	})
	for _, path := range []string{"/stream/chunks", "/ticks"} {
		resp := srv.Get(path + "?n=3&interval=1ms")
		if resp.StatusCode != 200 || strings.Count(resp.Text, "\n") != 3 || !strings.HasPrefix(resp.Text, "1 of 3 at ") {
			t.Errorf("%s answers %s: %q", path, resp.Status, resp.Text)
		}
		if resp := srv.Get(path + "?n=none"); resp.StatusCode != 400 || !strings.Contains(resp.Text, "from 1 to") {
			t.Errorf("%s without a number answers %s: %q", path, resp.Status, resp.Text)
		}
	}
	if resp := srv.Get("/stream/"); resp.StatusCode != 200 || !strings.Contains(resp.Text, "<html") {
		t.Errorf("the page is %s:\n%s", resp.Status, resp.Text)
	}
}

// testGuestbook signs from many clients at once until several child processes have taken part: nothing may be lost.
func testGuestbook(t *testing.T, srv *httpdtest.Server) {
	const clients, rounds = 6, 20
	// Each signs over a connection of its own: the next may be another child's, and one that was kept alive is closed when no
	// thread is idle, which loses a post that is on its way.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	sign := func(name, message string) (int, error) {
		form := url.Values{"name": {name}, "message": {message}}
		req, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL("/guestbook/"), strings.NewReader(form.Encode()))
		if err != nil {
			return 0, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	var want []string
	for round := 0; len(children(t, srv, "/guestbook/")) < 2; round++ {
		if round == rounds {
			t.Fatalf("all of %d posts were served by one child", len(want))
		}
		var signing sync.WaitGroup
		for i := range clients {
			message := fmt.Sprintf("round %d, client %d", round, i)
			want = append(want, message)
			signing.Go(func() {
				if status, err := sign("Käthe", message); status != http.StatusCreated || err != nil {
					t.Errorf("signing answers %d (%v)", status, err)
				}
			})
		}
		signing.Wait()
	}
	type page struct {
		Entries []struct{ Name, Message string }
		Older   string
	}
	var got []string
	for path := "/guestbook/"; path != ""; {
		p := decode[page](t, srv.Get(path, "Accept", "application/json"))
		for _, e := range p.Entries {
			if got = append(got, e.Message); e.Name != "Käthe" {
				t.Errorf("an entry is of %q", e.Name)
			}
		}
		path = p.Older
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the book holds %q; want %q", got, want)
	}
	if resp := srv.Send("POST", "/guestbook/", strings.NewReader("name=A&message=<b>"), "Content-Type", "application/x-www-form-urlencoded"); resp.StatusCode != 303 || resp.Header.Get("Location") != "/guestbook/" {
		t.Errorf("a browser's post answers %s to %q; want 303 to /guestbook/", resp.Status, resp.Header.Get("Location"))
	}
	if page := srv.Get("/guestbook/"); page.StatusCode != 200 || !strings.Contains(page.Text, "&lt;b&gt;") {
		t.Errorf("the page is %s:\n%s", page.Status, page.Text)
	}
	if resp := srv.Send("POST", "/guestbook/", strings.NewReader("name=A"), "Content-Type", "application/x-www-form-urlencoded", "Accept", "application/json"); resp.StatusCode != 422 || !strings.Contains(resp.Text, "The message is missing") {
		t.Errorf("a post without a message answers %s: %s", resp.Status, resp.Text)
	}
}

// children are the processes that have served a path, by the access log.
func children(t *testing.T, srv *httpdtest.Server, path string) []string {
	t.Helper()
	log, err := os.ReadFile(srv.Path("children.log"))
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for line := range strings.Lines(string(log)) {
		if pid, served, _ := strings.Cut(strings.TrimSpace(line), " "); served == path {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

func testRouter(t *testing.T, srv *httpdtest.Server) {
	for _, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/api/todos", `{"title":"Buy milk"}`, 201, `{"id":1,"title":"Buy milk","done":false}`},
		{"POST", "/api/todos", `{"title":"Sleep"}`, 201, `{"id":2,"title":"Sleep","done":false}`},
		{"GET", "/api/todos/2", "", 200, `{"id":2,"title":"Sleep","done":false}`},
		{"PATCH", "/api/todos/1", `{"done":true}`, 200, `{"id":1,"title":"Buy milk","done":true}`},
		{"GET", "/api/todos", "", 200, `"todos":[{"id":1,"title":"Buy milk","done":true},{"id":2,"title":"Sleep","done":false}]}`},
		{"DELETE", "/api/todos/1", "", 204, ""},
		{"GET", "/api/todos/1", "", 404, "has no to-do with this number"},
		{"POST", "/api/todos", `{"title":""}`, 422, "1 to 200"},
		{"PUT", "/api/todos/2", `{}`, 405, ""},
		{"GET", "/nowhere", "", 404, ""},
	} {
		resp := srv.Send(step.method, "/router"+step.path, strings.NewReader(step.body), "Content-Type", "application/json")
		if resp.StatusCode != step.status || !strings.Contains(resp.Text, step.want) {
			t.Errorf("%s %s %s answers %s: %s; want %d with %s", step.method, step.path, step.body, resp.Status, resp.Text, step.status, step.want)
		}
	}
	// chi gives each method a line of its own.
	put := srv.Send("PUT", "/router/api/todos/2", nil, "Content-Type", "application/json")
	if allow := strings.Join(put.Header["Allow"], ", "); !strings.Contains(allow, "GET") || !strings.Contains(allow, "PATCH") || !strings.Contains(allow, "DELETE") {
		t.Errorf("PUT answers Allow %q; want GET, PATCH and DELETE", put.Header["Allow"])
	}
	for _, path := range []string{"/router", "/router/"} {
		page := srv.Get(path, "Accept-Encoding", "gzip")
		if page.StatusCode != 200 || page.Header.Get("Content-Encoding") != "gzip" || page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s is %s, %v", path, page.Status, page.Header)
		}
	}
	srv.AwaitLog(`\[go:notice\].*"GET http://[^"]*/api/todos/2 HTTP/1.1".* 200`) // chi's own logger
}
