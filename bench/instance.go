package bench

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"

	"github.com/mod-go/mod-go/bench/internal/site"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

// Limits are those of the MPM, equal for the peers of one table.
type Limits struct {
	Processes, Threads int // of httpd, and of mod_wsgi's daemon
	Applications       int // of Many
}

// usual is what the tables are measured with, unless they say otherwise. A child has twice as many threads as there are
// connections: where none is idle, the event MPM closes connections that are kept alive, which clients see as errors.
var usual = Limits{Processes: 2, Threads: 2 * usualConnections}

// Instance is a peer that runs.
type Instance struct {
	Peer   *Peer
	srv    *httpdtest.Server // nil for one that is bare
	bare   string            // its address
	roots  []int             // processes whose descendants, with them, are all that serves
	group  *cgroup           // where processes die
	bodies string            // a folder for what load generators read and write
}

// start runs a peer until the test ends. Protocols has it answer over TLS and HTTP/2 too.
func start(t testing.TB, p *Peer, limits Limits, protocols bool) *Instance {
	t.Helper()
	in := &Instance{Peer: p, bodies: t.TempDir()}
	data := confData{Processes: limits.Processes, Threads: limits.Threads}
	var err error
	if data.TestData, err = filepath.Abs("testdata"); err != nil {
		t.Fatal(err)
	}
	for i := range limits.Applications {
		data.Mounts = append(data.Mounts, fmt.Sprintf("App%02d", i+1))
	}
	if p.Dies {
		in.group = newCgroup(t)
	}
	if len(p.Backend) > 0 {
		data.Address = in.startBackend(t, p.Backend[0], p.Backend[1])
	}
	if p.Bare {
		in.bare = data.Address
		return in
	}
	if p.Program != "" {
		data.Program = program(t, p.Program)
	}
	cfg := httpdtest.Config{
		MPM: "event", Processes: limits.Processes, Threads: limits.Threads, Modules: p.Modules, AllProtocols: protocols, NoAccessLog: true,
		Environ: []string{site.FilesVariable + "=" + files(t)}, Conf: "MaxKeepAliveRequests 0\nDefine FILES " + files(t) + "\n",
	}
	if p.Go {
		cfg.Packages = []string{"./apps/..."}
	}
	if p.C {
		cfg.Conf += "LoadModule cbench_module " + compileC(t) + "\n"
	}
	var conf bytes.Buffer
	if err := template.Must(template.New(p.Key).Parse(p.Conf)).Execute(&conf, data); err != nil {
		t.Fatal(err)
	}
	cfg.Conf += conf.String()
	in.srv = httpdtest.Start(t, cfg)
	if p.Expected != "" {
		in.srv.Expect(p.Expected).Maybe()
	}
	in.roots = append(in.roots, in.srv.ParentPID())
	if in.group != nil {
		all, err := descendants(in.roots)
		if err == nil {
			err = in.group.add(all)
		}
		if err != nil {
			t.Fatalf("the control group of %s: %v", p.Title, err)
		}
	}
	return in
}

// addr is where the peer listens for a protocol.
func (in *Instance) addr(protocol httpdtest.Protocol) string {
	if in.srv == nil {
		return in.bare
	}
	return in.srv.Over(protocol).Addr()
}

func (in *Instance) url(protocol httpdtest.Protocol) string {
	scheme := "http://"
	if protocol.Secure() {
		scheme = "https://"
	}
	return scheme + in.addr(protocol)
}

// startBackend runs a program of cmd until the test ends, and returns where it listens: an address, or the path of a socket.
func (in *Instance) startBackend(t testing.TB, name, network string) (address string) {
	t.Helper()
	if network == "tcp" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address = l.Addr().String()
		l.Close()
	} else {
		address = filepath.Join(t.TempDir(), "backend.sock")
		httpdtest.OpenWay(t, address)
	}
	var output bytes.Buffer
	cmd := exec.Command(program(t, name), network, address)
	cmd.Env = append(os.Environ(), site.FilesVariable+"="+files(t))
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it never ends by itself; how it did is in its output
		close(ended)
	}()
	t.Cleanup(func() {
		select {
		case <-ended:
			t.Errorf("the backend %s ended before it was told to:\n%s", name, output.String())
		default:
		}
		_ = cmd.Process.Kill() // fails where it has ended
		<-ended
	})
	err := httpdtest.Poll(10*time.Second, func() bool {
		conn, err := net.Dial(network, address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	if err != nil {
		t.Fatalf("the backend %s does not listen on %s %s: %v", name, network, address, err)
	}
	in.roots = append(in.roots, cmd.Process.Pid)
	return address
}

// built is what all peers share: it is made once, in one folder that TestMain removes.
var built struct {
	dir      string
	mu       sync.Mutex
	programs map[string]string
	files    sync.Once
}

// program builds a program of cmd and returns its path.
func program(t testing.TB, name string) string {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	if path, ok := built.programs[name]; ok {
		return path
	}
	path := filepath.Join(built.dir, name)
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/"+name).CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/%s: %v\n%s", name, err, text)
	}
	httpdtest.OpenWay(t, path)
	if built.programs == nil {
		built.programs = make(map[string]string)
	}
	built.programs[name] = path
	return path
}

// compileC compiles the C handler.
func compileC(t testing.TB) string {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	path := filepath.Join(built.dir, "mod_cbench.so")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	httpdtest.CompileModule(t, "testdata/mod_cbench.c", path)
	return path
}

// files is the folder of the files that peers send.
func files(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(built.dir, "files")
	built.files.Do(func() {
		contents := map[string][]byte{"hello": []byte(site.HelloBody)}
		for _, size := range []int{smallBody, largeBody} {
			contents[strconv.Itoa(size)] = fileContent(size)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, content := range contents {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		httpdtest.OpenWay(t, filepath.Join(dir, "hello"))
	})
	return dir
}
