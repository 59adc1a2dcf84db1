package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/internal/httpd"
	"github.com/mod-go/mod-go/internal/httpdconf"
)

// serveOptions are the flags of modgo serve.
type serveOptions struct {
	host         string
	port         int
	mpm          string
	processes    int
	threads      int
	documentRoot string
	workDir      string
	keep         bool
	logLevel     string
	setenv       []string
	tags         []string
	validate     bool
}

func newServeCommand() *cobra.Command {
	var options serveOptions
	command := &cobra.Command{
		Use:   "serve [flags] [PACKAGE...]",
		Short: "Build packages and serve their applications with an httpd of their own, until Ctrl-C",
		Long: `Build the packages, write a configuration for the installed Apache HTTP Server and run it in the foreground, with or
without root. It touches nothing of the system's own server.

One package is mounted at /; several are each mounted at the last element of their import path, and / lists them. The
current directory's package is served where none is given.`,
		Example: `  modgo serve
  modgo serve --port 8080 --document-root static ./cmd/site
  modgo serve --mpm prefork --setenv DATABASE=/tmp/test.db ./apps/...`,
		RunE: func(command *cobra.Command, patterns []string) error {
			command.SilenceUsage = true
			return serve(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), options, patterns)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.host, "host", "127.0.0.1", "address to listen on; 0.0.0.0 is every one that the machine has")
	flags.IntVar(&options.port, "port", 8000, "port to listen on; 0 is a free one")
	flags.StringVar(&options.mpm, "mpm", "", "multi-processing module: event, worker or prefork (default the best that is installed)")
	flags.IntVar(&options.processes, "processes", 0, "child processes (default 2; 8 under prefork)")
	flags.IntVar(&options.threads, "threads", 0, fmt.Sprintf("threads of each child process (default %d; prefork has one)", httpdconf.DefaultThreads))
	flags.StringVar(&options.documentRoot, "document-root", "", "folder of static files, which win over an application at /")
	flags.StringVar(&options.workDir, "work-dir", "", "folder for the configuration and the module, which is kept (default a temporary one)")
	flags.BoolVar(&options.keep, "keep", false, "keep the temporary work folder")
	flags.StringVar(&options.logLevel, "log-level", "notice go:info", "httpd's LogLevel, for example debug or \"warn go:trace1\"")
	flags.StringArrayVar(&options.setenv, "setenv", nil, "environment variable of the applications as `NAME=VALUE`; may be repeated")
	flags.BoolVar(&options.validate, "validate", false, "wrap every application in the validator of the application contract, which logs breaches")
	flags.StringSliceVar(&options.tags, "tags", nil, "build tags, separated by commas")
	return command
}

// serve runs until ctx is done, a signal tells it to stop, or httpd ends.
func serve(ctx context.Context, out, errOut io.Writer, options serveOptions, patterns []string) error {
	stop := notifyStop(ctx)
	defer stop.release()

	site, err := newServeSite(options)
	if err != nil {
		return err
	}
	if err := site.makeWorkDir(); err != nil {
		return err
	}
	defer site.removeWorkDir(errOut)

	result, err := builder.Build(stop.ctx, builder.Options{
		Patterns: patterns, Output: site.path("mod_go.so"), Tags: options.tags, Validate: options.validate, HTTPD: site.httpd, Log: errOut,
	})
	if stop.requested() {
		return errors.New("stopped before the build was complete")
	}
	if err != nil {
		return err
	}
	mounts, err := mountPackages(result.Packages)
	if err != nil {
		return err
	}
	conf, err := site.configure(mounts)
	if err != nil {
		return err
	}
	return site.run(stop, conf, out, errOut, func() { site.announce(out, mounts) })
}

// serveSite is what modgo serve serves, and where.
type serveSite struct {
	options serveOptions
	httpd   *httpd.Installation
	account *httpdconf.Account
	env     []httpdconf.Variable
	addr    string
	workDir string
	server  httpdconf.Server
}

var logLevelPattern = regexp.MustCompile(`^[\w:.-]+( +[\w:.-]+)*$`)

// newServeSite checks what can be known before the long work of building.
func newServeSite(options serveOptions) (*serveSite, error) {
	s := &serveSite{options: options}
	var err error
	if s.httpd, err = httpd.Find(); err != nil {
		return nil, err
	}
	if s.account, err = httpdconf.ChildAccount(); err != nil {
		return nil, err
	}
	if !logLevelPattern.MatchString(options.logLevel) {
		return nil, fmt.Errorf("--log-level %q is none: give a level such as warn, info or debug, and module:level for single modules", options.logLevel)
	}
	for _, setting := range options.setenv {
		name, value, ok := strings.Cut(setting, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--setenv %q sets no variable: write NAME=VALUE", setting)
		}
		s.env = append(s.env, httpdconf.Variable{Name: name, Value: value})
	}
	if root := options.documentRoot; root != "" {
		if s.options.documentRoot, err = filepath.Abs(root); err != nil {
			return nil, err
		}
		if info, err := os.Stat(root); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("--document-root %s is no folder", root)
		}
		if err := s.checkReadable(s.options.documentRoot); err != nil {
			return nil, err
		}
	}
	if s.options.host == "" {
		s.options.host = "0.0.0.0"
	}
	if s.addr, err = freeAddress(s.options.host, options.port); err != nil {
		return nil, err
	}
	s.server = s.baseServer()
	_, err = s.server.Render(s.httpd)
	return s, err
}

// freeAddress checks that host and port can be listened on, and chooses the port where it is 0.
func freeAddress(host string, port int) (string, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return "", listenError(host, port, err)
	}
	defer listener.Close()
	_, free, err := net.SplitHostPort(listener.Addr().String())
	return net.JoinHostPort(host, free), err
}

func listenError(host string, port int, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %d of %s is taken by another program: stop that one, or choose another port with --port (0 is a free one)", port, host)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("only root may listen on port %d: choose one of 1024 or above with --port", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("this machine has no address %s: give one that it has with --host", host)
	}
	return fmt.Errorf("cannot listen on %s port %d (--host, --port): %w", host, port, err)
}

// checkReadable tells whether child processes, which run as another user where root starts httpd, can reach a folder.
func (s *serveSite) checkReadable(dir string) error {
	if s.account == nil {
		return nil
	}
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		var execute os.FileMode = 0o001
		switch owner := info.Sys().(*syscall.Stat_t); {
		case int(owner.Uid) == s.account.UID:
			execute = 0o100
		case int(owner.Gid) == s.account.GID:
			execute = 0o010
		}
		if info.Mode().Perm()&execute == 0 {
			return fmt.Errorf("httpd, started by root, serves as the user %s, who may not enter %s (mode %04o): open it with chmod o+x, move the files, or run modgo serve as an ordinary user",
				s.account.User, dir, info.Mode().Perm())
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (s *serveSite) path(name string) string { return filepath.Join(s.workDir, name) }

// makeWorkDir makes the folder for everything that is written. Other users may read it, as child processes have to.
func (s *serveSite) makeWorkDir() (err error) {
	if s.options.workDir == "" {
		if s.workDir, err = os.MkdirTemp("", "modgo-serve-"); err != nil {
			return fmt.Errorf("there is no place for the work folder: %w; name one with --work-dir", err)
		}
		return os.Chmod(s.workDir, 0o755)
	}
	if s.workDir, err = filepath.Abs(s.options.workDir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.workDir, 0o755); err != nil {
		return fmt.Errorf("--work-dir: %w", err)
	}
	if pid, ok := s.pid(); ok && syscall.Kill(pid, 0) == nil {
		return fmt.Errorf("process %d already serves from the work folder %s: stop it, or name another folder with --work-dir", pid, s.workDir)
	}
	return s.checkReadable(s.workDir)
}

// removeWorkDir leaves a folder that the user named.
func (s *serveSite) removeWorkDir(errOut io.Writer) {
	if s.options.workDir != "" || s.options.keep {
		fmt.Fprintf(errOut, "The configuration is kept in %s\n", s.workDir)
		return
	}
	if err := os.RemoveAll(s.workDir); err != nil {
		fmt.Fprintf(errOut, "The work folder could not be removed: %v\n", err)
	}
}
