package operations

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// The sections of the page between which its sites are under load.
const (
	staticSites = "Static sites"
	addIt       = "Add it to one virtual host"
	uninstall   = "Uninstall"
)

// statusPage is the one that the page of this walk sets up; that in JSON is below it.
const statusPage = "http://localhost/go-status"

// lookEvery is how long it takes until one looks once more.
const lookEvery = 250 * time.Millisecond

// A walk is one way through the page.
type walk struct {
	terminals [2]*terminal
	static    []*httpdtest.Load // clients of what needs no application
	app       []*httpdtest.Load // clients of the application
}

// TestOperations does step by step what docs/operations.md says. From the moment that a site answers, clients send requests
// to it, over connections that are kept and over new ones: not one fails, whatever the page does.
func TestOperations(t *testing.T) {
	blocks, err := readPage()
	if err != nil {
		t.Fatal(err)
	}
	for _, section := range []string{staticSites, addIt, uninstall} {
		if !slices.ContainsFunc(blocks, func(b block) bool { return b.section == section }) {
			t.Fatalf("%s has no section %q with a block in it", page, section)
		}
	}
	stock(t)
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	w := &walk{terminals: [2]*terminal{newTerminal(t, repository), newTerminal(t, repository)}}
	t.Cleanup(func() { stopServer(t) })
	for i, b := range blocks {
		if i > 0 && b.section != blocks[i-1].section {
			w.leave(t, blocks[i-1].section, b.section)
			t.Logf("%s", b.section)
		}
		var next *block
		if i+1 < len(blocks) {
			next = &blocks[i+1]
		}
		w.step(t, b, next)
	}
	for _, l := range w.static {
		stopLoad(t, l)
	}
	checkLogs(t, blocks)
	if left := remains(t); len(left) > 0 {
		t.Errorf("the page leaves %q", left)
	}
}

// stock makes sure that the walk begins with a server that has neither mod_go nor a history.
func stock(t *testing.T) {
	t.Helper()
	if left := remains(t); len(left) > 0 {
		t.Fatalf("mod_go is installed here (%s), so this is no stock Apache: walk on another machine, or run modgo uninstall", strings.Join(left, ", "))
	}
	old, err := filepath.Glob(logs)
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range old {
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
	}
}

// remains are the files of mod_go in the system.
func remains(t *testing.T) (files []string) {
	t.Helper()
	for _, pattern := range []string{"/etc/apache2/*-*/go.*", "/etc/apache2/conf-*/go-*", "/var/lib/apache2/module/*/go", "/usr/lib/apache2/modules/*mod_go*", "/usr/local/bin/modgo"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	return files
}

// leave starts and stops clients between two sections.
func (w *walk) leave(t *testing.T, before, after string) {
	t.Helper()
	switch before {
	case staticSites:
		w.static = append(w.static,
			startLoad(t, "http://localhost/", `<title>Apache2 Debian Default Page: It works</title>`),
			startLoad(t, "http://shop.example.org/", `^The shop opens soon.\n$`))
	case addIt:
		w.app = append(w.app,
			startLoad(t, "http://shop.example.org/app/", `^The shop, build [12]\n$`),
			// One of these is always under way.
			startLoad(t, "http://shop.example.org/app/stock?wait=100ms", `^7 in stock\n$`))
	}
	if after == uninstall {
		for _, l := range w.app {
			stopLoad(t, l)
		}
	}
}

// step does what a block says. Next is the block after it.
func (w *walk) step(t *testing.T, b block, next *block) {
	t.Helper()
	switch {
	case b.path != "":
		if err := os.WriteFile(b.path, []byte(b.text), 0o644); err != nil {
			t.Fatalf("%s:%d: %v", page, b.line, err)
		}
	case b.language == "sh" && strings.HasPrefix(b.text, installCommand):
		// TestMain has done that, as there is no network here.
	case b.language == "sh" && b.terminal == 2:
		w.terminals[1].begin(t, b)
	case b.language == "sh" && b.looks() && next != nil && next.language == "text" && next.terminal == 1:
		w.look(t, b, *next)
	case b.language == "sh":
		w.do(t, b)
	case b.language == "text":
		w.compare(t, b)
	default:
		t.Fatalf("%s:%d: the test does not know what to do with this block: it is neither sh nor text, and its first line names no file", page, b.line)
	}
}

// do gives the commands of a block, which have to succeed.
func (w *walk) do(t *testing.T, b block) {
	t.Helper()
	var before []string
	changes := strings.Contains(b.text, graceful+"\n")
	if changes {
		before = children(t)
	}
	term := w.terminals[0]
	term.begin(t, b)
	if err := term.end(); err != nil {
		t.Fatalf("%s:%d: %v:\n%s\nprints\n%s", page, b.line, err, b.text, term.printed)
	}
	if changes {
		awaitChange(t, before)
	}
}

// look gives the commands of a block until they print what the page shows.
func (w *walk) look(t *testing.T, b, shown block) {
	t.Helper()
	term := w.terminals[0]
	var failed error
	err := httpdtest.Poll(commandLimit, func() bool {
		term.begin(t, b)
		failed = term.end()
		if shown.shows(term.printed) {
			return true
		}
		time.Sleep(lookEvery)
		return false
	})
	if err != nil {
		t.Fatalf("%s:%d: %v (%v):\n%s\nprints\n%s\nnot\n%s\nThe log:\n%s", page, b.line, err, failed, b.text, term.printed, shown.text, errorLogs(t))
	}
	if strings.Contains(b.text, statusPage+"/json") {
		checkStatusPage(t)
	}
}

// checkStatusPage fails the test where a browser would not be shown the request that hangs.
func checkStatusPage(t *testing.T) {
	t.Helper()
	response, err := http.Get(statusPage)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(body), `id="in-flight"`)
	table, _, _ = strings.Cut(table, "</table>")
	for _, want := range []string{"example.org/shop", "GET", "/app/stock"} {
		if response.StatusCode != http.StatusOK || !strings.Contains(table, want) {
			t.Errorf("%s answers %d, and does not show %q among the requests in flight:\n%s", statusPage, response.StatusCode, want, body)
		}
	}
}

// compare compares what was printed with what the page shows.
func (w *walk) compare(t *testing.T, b block) {
	t.Helper()
	term := w.terminals[b.terminal-1]
	if b.terminal == 2 && term.running != nil {
		// curl fails where its server has ended; what it prints says so.
		term.end()
	}
	if !b.shows(term.printed) {
		t.Errorf("%s:%d: what is printed in terminal %d is\n%s\nnot\n%s", page, b.line, b.terminal, term.printed, b.text)
	}
}
