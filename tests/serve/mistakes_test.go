package serve

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mod-go/mod-go/internal/httpd"
	"github.com/mod-go/mod-go/internal/httpdconf"
)

func TestServeSaysWhyItDoesNotStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"unknown package":    {[]string{"./apps/absent"}, "absent"},
		"unknown MPM":        {[]string{"--mpm", "motorz", "./apps/hello"}, `"motorz" is not there`},
		"broken application": {[]string{"--setenv", "GUESTBOOK_DB=/proc/absent/guestbook.db", "./apps/guestbook"}, "httpd did not start"},
		"no certificate": {
			[]string{"--tls-cert", "/no/such.pem", "--tls-key", "/no/such.key", "./apps/hello"},
			"--tls-cert /no/such.pem is not there: name a file in PEM form, or leave out",
		},
		"port taken":           {[]string{"--port", port, "./apps/hello"}, "port " + port + " of 127.0.0.1 is taken by another program: stop that one, or choose another port with --port"},
		"port of TLS taken":    {[]string{"--https-port", port, "./apps/hello"}, "choose another port with --https-port"},
		"HTTP/2 under prefork": {[]string{"--http2", "--mpm", "prefork", "./apps/hello"}, "give --mpm event or --mpm worker"},
		"nowhere to set up":    {[]string{"--setup-only", "./apps/hello"}, "name it with --work-dir"},
		"work folder is a file": {
			[]string{"--work-dir", "/proc/version", "./apps/hello"}, "the work folder /proc/version cannot be made",
		},
	} {
		t.Run(name, func(t *testing.T) {
			temp := publicTemp(t)
			serve(t, temp, test.args...).fails(t, test.want)
			if !isEmpty(t, temp) {
				t.Error("the work folder is still there")
			}
		})
	}
}

// TestServeWhereModulesAreMissing has an httpd that lacks a module: the real one, with a modules folder of its own.
func TestServeWhereModulesAreMissing(t *testing.T) {
	for flag, test := range map[string]struct{ module, want string }{
		"--https": {"mod_ssl", "TLS needs httpd's mod_ssl, which is not installed here: install it"},
		"--http2": {"mod_http2", "--http2 needs httpd's mod_http2, which is not installed here: install it"},
	} {
		t.Run(test.module, func(t *testing.T) {
			temp := publicTemp(t)
			cmd := command(t, temp, flag, "./apps/hello")
			cmd.Env = append(cmd.Env, httpd.EnvBinary+"="+httpdWithout(t, test.module))
			start(t, cmd).fails(t, test.want)
		})
	}
}

// httpdWithout is the installed httpd under a prefix of its own, which links to all modules but one.
func httpdWithout(t *testing.T, missing string) (binary string) {
	t.Helper()
	installed, err := httpd.Find()
	if err != nil {
		t.Fatal(err)
	}
	prefix := t.TempDir()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.MkdirAll(filepath.Join(prefix, "bin"), 0o755))
	check(os.MkdirAll(filepath.Join(prefix, "modules"), 0o755))
	modules, err := filepath.Glob(filepath.Join(installed.ModulesDir, "mod_*.so"))
	check(err)
	for _, module := range modules {
		if name := filepath.Base(module); name != missing+".so" {
			check(os.Symlink(module, filepath.Join(prefix, "modules", name)))
		}
	}
	if _, _, ok := installed.Module(missing); !ok || len(modules) == 0 {
		t.Fatalf("the installed httpd has no %s to take away", missing)
	}
	binary = filepath.Join(prefix, "bin", "httpd")
	script := "#!/bin/sh\ncase \"$1\" in\n-V) echo ' -D HTTPD_ROOT=\"" + prefix + "\"' ;;\n*) exec " + installed.Binary + " \"$@\" ;;\nesac\n"
	check(os.WriteFile(binary, []byte(script), 0o755))
	return binary
}

// TestServeAsAnotherUser runs into folders and files that an ordinary user may not use.
func TestServeAsAnotherUser(t *testing.T) {
	temp := publicTemp(t)
	closed, key := filepath.Join(temp, "closed"), filepath.Join(temp, "key.pem")
	if err := os.Mkdir(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, nil, 0o000); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"work folder":   {[]string{"--work-dir", closed}, "the work folder " + closed + " cannot be written"},
		"below it":      {[]string{"--work-dir", filepath.Join(closed, "below")}, "name another with --work-dir, one that you may write"},
		"key of others": {[]string{"--tls-cert", filepath.Join(temp, "public.pem"), "--tls-key", key}, "--tls-key " + key + " may not be read by this user"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(temp, "public.pem"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			start(t, unprivileged(t, temp, test.args...)).fails(t, test.want)
		})
	}
}

// unprivileged is modgo serve for an ordinary user: this one, or httpd's where the test runs as root.
func unprivileged(t *testing.T, temp string, args ...string) *exec.Cmd {
	t.Helper()
	account, err := httpdconf.ChildAccount()
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(t, temp, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if account == nil {
		return cmd
	}
	// Who may not pass to the repository.
	modgo, err := os.ReadFile(cmd.Path)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Dir = filepath.Join(publicTemp(t), "modgo"), temp
	if err := os.WriteFile(cmd.Path, modgo, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(account.UID), Gid: uint32(account.GID)}
	return cmd
}
