package httpdconf

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/httpd"
)

var update = flag.Bool("update", false, "write the golden files anew")

// debian has every module as a shared object, except those that Debian compiles in.
type debian struct{}

func (debian) Module(name string) (path string, static, ok bool) {
	switch name {
	case "mod_unixd", "mod_log_config":
		return "", true, true
	case "mod_absent":
		return "", false, false
	}
	return "/usr/lib/apache2/modules/" + name + ".so", false, true
}

func (debian) MPMs() []string { return []string{"event", "worker", "prefork"} }

// monolith has one MPM and everything else compiled in.
type monolith struct{}

func (monolith) Module(string) (path string, static, ok bool) { return "", true, true }
func (monolith) MPMs() []string                               { return []string{"prefork"} }

func TestGolden(t *testing.T) {
	tests := []struct {
		name   string
		inst   Installation
		server Server
	}{
		{"smallest", debian{}, Server{Root: "/run/small", Listen: []string{"127.0.0.1:8000"}}},
		{"monolith", monolith{}, Server{Root: "/run/small", Listen: []string{"127.0.0.1:8000"}, Processes: 8}},
		{"files-first", debian{}, Server{
			Root: "/run/site", Listen: []string{"127.0.0.1:8000"}, GoModule: "/opt/mod_go.so",
			Site: Site{
				DocumentRoot: "/srv/files",
				Mounts:       []Mount{{Path: "/", Package: "example.org/blog", FilesFirst: true}},
			},
		}},
		{"secure", debian{}, Server{
			Root: "/run/site", Listen: []string{"127.0.0.1:8443"}, Name: "localhost", HTTP2: true, Include: "/run/site/include.conf",
			TLS: &TLS{Listen: []string{"127.0.0.1:8443"}, Certificate: "/run/site/certificate.pem", Key: "/run/site/key.pem"},
		}},
		{"plain-and-secure", debian{}, Server{
			Root: "/run/site", Listen: []string{"127.0.0.1:8000", "127.0.0.1:8443"}, Name: "localhost",
			TLS: &TLS{Listen: []string{"127.0.0.1:8443"}, Certificate: "/run/site/certificate.pem", Key: "/run/site/key.pem"},
		}},
		{"complete", debian{}, Server{
			Root: "/run/with space", Listen: []string{"127.0.0.1:8000", "[::1]:8000"}, Name: "www.example.org",
			User: "www-data", Group: "www-data",
			MPM: "worker", Processes: 2, Threads: 8, MaxConnectionsPerChild: 1000,
			Modules: []string{"mod_alias", "mod_authz_core"}, OptionalModules: []string{"mod_absent", "mod_mime"},
			GoModule: "/opt/mod_go.so",
			Env:      []Variable{{"PLAIN", "1"}, {"HARD", `a "quoted" \ and ${HOME} $1`}},
			LogLevel: "warn go:debug", ErrorLog: "/var/log/error.log", ErrorLogFormat: "%l %M",
			AccessLog: "/var/log/access.log",
			Site: Site{
				Mounts: []Mount{{Path: "/blog", Package: "example.org/blog"}, {Path: "/admin", Package: "example.org/blog", Callable: "Admin"}},
				Conf:   "\nKeepAlive On\n<Location /private>\n    Require all denied\n</Location>\n",
			},
			VirtualHosts: []VirtualHost{
				{Name: "one.example.org", Aliases: []string{"1.example.org", "uno.example.org"}, Site: Site{
					DocumentRoot: "/srv/one", Mounts: []Mount{{Path: "/", Package: "example.org/one"}}}},
				{Name: "two.example.org", Listen: "127.0.0.1:8000", ErrorLog: "/var/log/two.log", Site: Site{
					DocumentRoot: "/srv/two", Mounts: []Mount{{Path: "/", Package: "example.org/two", FilesFirst: true}}, Conf: "Options None"}},
			},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.server.Render(tt.inst)
			if err != nil {
				t.Fatal(err)
			}
			// Which list of media types there is depends on the machine.
			text := strings.ReplaceAll(string(got), mimeTypes(), "/etc/mime.types")
			golden := filepath.Join("testdata", tt.name+".golden.conf")
			if *update {
				if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if text != string(want) {
				t.Errorf("the configuration is not that of %s (go test -update writes it anew):\n%s", golden, text)
			}
		})
	}
}

func TestErrorsNameWhatIsWrong(t *testing.T) {
	good := Server{Root: "/run/small", Listen: []string{"127.0.0.1:8000"}, GoModule: "/opt/mod_go.so"}
	tests := []struct {
		name  string
		spoil func(*Server)
		want  string
	}{
		{"no address", func(s *Server) { s.Listen = nil }, "no address to listen on"},
		{"no root", func(s *Server) { s.Root = "" }, "no root folder"},
		{"relative root", func(s *Server) { s.Root = "run" }, `"run" is no absolute path`},
		{"unknown MPM", func(s *Server) { s.MPM = "motorz" }, `"motorz" is not there: this httpd has event, worker, prefork`},
		{"threads under prefork", func(s *Server) { s.MPM, s.Threads = "prefork", 4 }, "one thread each"},
		{"negative", func(s *Server) { s.Processes = -1 }, "may be negative"},
		{"missing module", func(s *Server) { s.Modules = []string{"mod_absent"} }, "no mod_absent"},
		{"user without group", func(s *Server) { s.User = "www-data" }, "give both or neither"},
		{"variable's name", func(s *Server) { s.Env = []Variable{{"A B", ""}} }, `"A B" cannot be the name`},
		{"variable's value", func(s *Server) { s.Env = []Variable{{"A", "1\n2"}} }, "no way to write the byte 0x0a"},
		{"mount without slash", func(s *Server) { s.Mounts = []Mount{{Path: "blog", Package: "p"}} }, "begins with /"},
		{"mount of nothing", func(s *Server) { s.Mounts = []Mount{{Path: "/blog"}} }, "name the package"},
		{"mount without mod_go", func(s *Server) { s.GoModule = ""; s.Mounts = []Mount{{Path: "/", Package: "p"}} }, "mod_go is not loaded"},
		{"files first without files", func(s *Server) { s.Mounts = []Mount{{Path: "/", Package: "p", FilesFirst: true}} }, "document root"},
		{"TLS without a key", func(s *Server) { s.TLS = &TLS{Listen: s.Listen, Certificate: "/c.pem"} }, "needs a certificate, its key"},
		{"TLS nowhere", func(s *Server) { s.TLS = &TLS{Listen: []string{"[::1]:1"}, Certificate: "/c.pem", Key: "/k.pem"} }, "TLS is wanted at [::1]:1"},
		{"relative certificate", func(s *Server) { s.TLS = &TLS{Listen: s.Listen, Certificate: "c.pem", Key: "/k.pem"} }, `"c.pem" is no absolute path`},
		{"HTTP/2 under prefork", func(s *Server) { s.MPM, s.HTTP2 = "prefork", true }, "choose one of these"},
		{"relative include", func(s *Server) { s.Include = "mine.conf" }, `"mine.conf" is no absolute path`},
		{"nameless virtual host", func(s *Server) { s.VirtualHosts = []VirtualHost{{}} }, "virtual host 1 has no name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := good
			tt.spoil(&server)
			text, err := server.Render(debian{})
			if err == nil {
				t.Fatalf("no error, but\n%s", text)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %q; it should say %q", err, tt.want)
			}
		})
	}
}

func TestRenderLeavesItsServerAlone(t *testing.T) {
	server := Server{Root: "/run/small", Listen: []string{"127.0.0.1:8000"}, VirtualHosts: []VirtualHost{{Name: "one"}}}
	if _, err := server.Render(debian{}); err != nil {
		t.Fatal(err)
	}
	if server.MPM != "" || server.VirtualHosts[0].Listen != "" {
		t.Errorf("Render filled in defaults: %+v", server)
	}
}

// A real httpd has to read what is written, under each of its MPMs.
func TestHTTPDAcceptsTheConfiguration(t *testing.T) {
	inst, err := httpd.Find()
	if err != nil {
		t.Fatal(err)
	}
	account, err := ChildAccount()
	if err != nil {
		t.Fatal(err)
	}
	for _, mpm := range inst.MPMs() {
		t.Run(mpm, func(t *testing.T) {
			root := t.TempDir()
			server := Server{
				Root: root, Listen: []string{"127.0.0.1:8000"}, MPM: mpm, Processes: 3,
				Modules: []string{"mod_alias", "mod_mime", "mod_dir", "mod_env"}, OptionalModules: []string{"mod_absent"},
				LogLevel: "info alias:debug", ErrorLogFormat: "%l %M", AccessLog: filepath.Join(root, "access.log"),
				Site: Site{DocumentRoot: root, Conf: "SetEnv NAME value"},
				VirtualHosts: []VirtualHost{
					{Name: "one.example.org", Site: Site{DocumentRoot: root}},
					{Name: "two.example.org", Aliases: []string{"zwei.example.org"}, Site: Site{Conf: "Redirect / http://one.example.org/"}},
				},
			}
			if account != nil {
				server.User, server.Group = account.User, account.Group
			}
			path, err := server.WriteFile(inst)
			if err != nil {
				t.Fatal(err)
			}
			output, err := exec.Command(inst.Binary, "-t", "-f", path).CombinedOutput()
			if err != nil || strings.TrimSpace(string(output)) != "Syntax OK" {
				t.Errorf("httpd -t: %v\n%s", err, output)
			}
		})
	}
}

// What httpd reads back from a quoted argument is the value, byte for byte.
func TestQuoteSurvivesHTTPD(t *testing.T) {
	inst, err := httpd.Find()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	// LoadModule names the file that it cannot find.
	value := `/a "b" \ \\ 'c' ${HOME} ${ $1 # %{x} é`
	server := Server{Root: root, Listen: []string{"127.0.0.1:8000"}}
	quoted, err := Quote(value)
	if err != nil {
		t.Fatal(err)
	}
	server.Conf = "LoadModule absent_module " + quoted
	path, err := server.WriteFile(inst)
	if err != nil {
		t.Fatal(err)
	}
	output, _ := exec.Command(inst.Binary, "-t", "-f", path).CombinedOutput()
	read := strings.NewReplacer(`\\`, `\`, `\xc3\xa9`, "é").Replace(string(output)) // as httpd writes its log
	if !strings.Contains(read, "Cannot load "+value+" into server") {
		t.Errorf("httpd read\n%s\nnot\n%s", output, value)
	}
}
