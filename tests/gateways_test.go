package tests

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// gatewayProgram builds the program that runs one application as CGI and as FastCGI.
func gatewayProgram(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gateway") // t.TempDir is closed to the account that httpd's children run as
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-o", program, "./testdata/programs/gateway")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// askGateway sends what both kinds of gateways answer alike.
func askGateway(t *testing.T, srv *httpdtest.Server, mount, facts string) {
	t.Helper()
	resp := srv.Send("POST", mount+"/a%20b/c?q=1&r=%2F", strings.NewReader("käse\x00"), "X-Sent", "a header")
	want := "POST|" + mount + "|/a b/c|q=1&r=%2F|\"käse\\x00\" <nil>|" + facts + "|of Apache's"
	if resp.StatusCode != 201 || resp.Text != want || resp.Header.Get("X-Seen") != "a header" || resp.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("%d %v\n got %q\nwant %q", resp.StatusCode, resp.Header, resp.Text, want)
	}
}

// TestCGI: modgo.CGI under Apache's own mod_cgid or mod_cgi.
func TestCGI(t *testing.T) {
	program := gatewayProgram(t)
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		module, conf := "mod_cgid", "ScriptSock ${DIR}/cgid.sock\n"
		if mpm == "prefork" {
			module, conf = "mod_cgi", ""
		}
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Modules: []string{module, "mod_env"},
			DocumentRoot: "docs", Files: map[string]string{"docs/index.html": ""},
			Conf: conf + "ScriptAlias /cgi " + program + "\nSetEnv FROM_APACHE \"of Apache's\"\n<Directory " + filepath.Dir(program) + ">\nRequire all granted\n</Directory>",
		})
		srv.Expect("a line of the program")
		askGateway(t, srv, "/cgi", "false true true")
		srv.Expect("the application failed: application contract C27")
		if resp := srv.Get("/cgi/nothing"); resp.StatusCode != 500 {
			t.Errorf("an application that starts no response: %d", resp.StatusCode)
		}
	})
}

// TestFastCGI: modgo.FastCGI behind mod_proxy_fcgi.
func TestFastCGI(t *testing.T) {
	command := exec.Command(gatewayProgram(t), "127.0.0.1:0")
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	srv := httpdtest.Start(t, httpdtest.Config{
		MPM: "event", Modules: []string{"mod_env", "mod_proxy", "mod_proxy_fcgi"},
		Conf: "SetEnv FROM_APACHE \"of Apache's\"\nProxyPass / fcgi://" + strings.TrimSpace(addr) + "/",
	})
	askGateway(t, srv, "", "true true false")
	if resp := srv.Get("/nothing"); resp.StatusCode != 500 {
		t.Errorf("an application that starts no response: %d", resp.StatusCode)
	}
}
