package operations

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// commandLimit is how long the commands of a block may take, and how long what a block shows may need to come about: the
// longest is GoShutdownTimeout's minute.
const commandLimit = 3 * time.Minute

// A terminal is one in which the commands of the page are given, one block after another.
type terminal struct {
	dir     string // where the last block has left it
	where   string // a file, to which each block writes that
	running *command
	printed string // by the last block
}

// newTerminal is a terminal in a folder.
func newTerminal(t *testing.T, dir string) *terminal {
	t.Helper()
	return &terminal{dir: dir, where: filepath.Join(t.TempDir(), "where")}
}

// A command is a block that was begun.
type command struct {
	block   block
	cmd     *exec.Cmd
	output  bytes.Buffer
	expired *time.Timer
}

// begin gives the commands of a block.
func (term *terminal) begin(t *testing.T, b block) {
	t.Helper()
	if term.running != nil {
		t.Fatalf("%s:%d: the commands of line %d still run in this terminal", page, b.line, term.running.block.line)
	}
	c := &command{block: b}
	c.cmd = exec.Command("bash", "-eu", "-c", b.text+"pwd >"+term.where+"\n")
	c.cmd.Dir = term.dir
	c.cmd.Env = environment()
	c.cmd.Stdout, c.cmd.Stderr = &c.output, &c.output
	// What a command leaves in the background may keep its output open.
	c.cmd.WaitDelay = time.Second
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.expired = time.AfterFunc(httpdtest.Limit(commandLimit), func() { c.cmd.Process.Kill() })
	term.running = c
}

// end waits for the commands that were begun.
func (term *terminal) end() error {
	c := term.running
	term.running = nil
	err := c.cmd.Wait()
	if !c.expired.Stop() {
		err = errors.Join(err, errors.New("it was ended, as its time is over"))
	}
	term.printed = c.output.String()
	if where, err := os.ReadFile(term.where); err == nil {
		term.dir = strings.TrimSpace(string(where))
	}
	return err
}

// environment is this process's, less what is meant for other servers than those of the page.
func environment() []string {
	env := []string{"LC_ALL=C"}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		switch strings.ToLower(name) {
		case "http_proxy", "https_proxy", "all_proxy", "lc_all", "language", "modgo_httpd", "modgo_apxs":
		default:
			env = append(env, variable)
		}
	}
	return env
}
