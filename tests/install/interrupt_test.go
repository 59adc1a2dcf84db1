package install

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestInterruptedPutsEverythingBack interrupts modgo by each signal that it may meet. Shell and kernel may both send SIGHUP
// when a terminal is closed.
func TestInterruptedPutsEverythingBack(t *testing.T) {
	tests := map[string][]os.Signal{
		"Ctrl-C":                {syscall.SIGINT},
		"kill":                  {syscall.SIGTERM},
		"terminal closed":       {syscall.SIGHUP},
		"told by shell as well": {syscall.SIGHUP, syscall.SIGHUP},
	}
	for name, signals := range tests {
		t.Run(name, func(t *testing.T) { interrupt(t, signals) })
	}
}

// interrupt sends signals to modgo while apachectl, which lies beside the server's program, is at work.
func interrupt(t *testing.T, signals []os.Signal) {
	m := newMachine(t, debian)
	started := m.control(t, "exec sleep 600")
	before := m.files(t)
	// Tests that run under nohup ignore SIGHUP, which the programs that they start inherit, unless they listen for it.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	defer signal.Stop(heard)
	cmd := m.command(t, "install", hello(t))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitFile(t, started)
	if _, err := os.Stat(filepath.Join(m.modules, "mod_go.so")); err != nil {
		t.Errorf("the configuration is checked before anything is installed: %v", err)
	}
	for _, signal := range signals {
		if err := cmd.Process.Signal(signal); err != nil {
			t.Error(err)
		}
	}
	if err := cmd.Wait(); err == nil || output.String() != "modgo: interrupted\n" {
		t.Errorf("modgo install ends with %v and says\n%s", err, &output)
	}
	m.same(t, before)
}

// control gives the machine an apachectl, a script that first makes the file whose path is returned.
func (m *machine) control(t *testing.T, script string) (started string) {
	t.Helper()
	started = filepath.Join(t.TempDir(), "started")
	apachectl := filepath.Join(filepath.Dir(m.binary), "apachectl")
	m.write(t, apachectl, "#!/bin/sh\n: >"+started+"\n"+script+"\n")
	if err := os.Chmod(apachectl, 0o755); err != nil {
		t.Fatal(err)
	}
	return started
}

// awaitFile waits until a file is there.
func awaitFile(t *testing.T, path string) {
	t.Helper()
	err := httpdtest.Poll(time.Minute, func() bool {
		_, err := os.Stat(path)
		return err == nil
	})
	if err != nil {
		t.Errorf("%s is not there: %v", path, err)
	}
}

// TestNohup: who has asked for that does not want the end of a terminal to count.
func TestNohup(t *testing.T) {
	m := newMachine(t, debian)
	release := filepath.Join(t.TempDir(), "release")
	started := m.control(t, "until [ -e "+release+" ]; do sleep 0.05; done")
	cmd := m.command(t, "install", hello(t))
	nohup, err := exec.LookPath("nohup")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Args = nohup, append([]string{"nohup"}, cmd.Args...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitFile(t, started)
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Error(err)
	}
	m.write(t, release, "")
	if err := cmd.Wait(); err != nil {
		t.Errorf("modgo install under nohup: %v\n%s", err, &output)
	}
	if read(t, filepath.Join(m.modules, "mod_go.so")) != read(t, hello(t)) {
		t.Error("the object was not installed")
	}
}
