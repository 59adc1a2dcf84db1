package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/internal/httpd"
	"github.com/mod-go/mod-go/internal/httpdconf"
)

// serveOptions are the flags of modgo serve.
type serveOptions struct {
	host         string
	port         int
	https        bool
	httpsPort    int
	plainToo     bool // --https-port is given: TLS there, plain HTTP on port
	tlsCert      string
	tlsKey       string
	http2        bool
	mpm          string
	processes    int
	threads      int
	documentRoot string
	workDir      string
	keep         bool
	setupOnly    bool
	reload       bool
	logLevel     string
	setenv       []string
	tags         []string
	validate     bool
	status       bool
}

// The ports where none is given.
const (
	defaultPort       = 8000
	defaultSecurePort = 8443
)

func newServeCommand() *cobra.Command {
	var options serveOptions
	command := &cobra.Command{
		Use:   "serve [flags] [PACKAGE...]",
		Short: "Build packages and serve their applications with an httpd of their own, until Ctrl-C",
		Long: `Build the packages, write a configuration for the installed Apache HTTP Server and run it in the foreground, with or
without root. It touches nothing of the system's own server.

One package is mounted at /; several are each mounted at the last element of their import path, and / lists them. The
current directory's package is served where none is given.

--https has TLS on --port, and --https-port has it on a port of its own beside plain HTTP on --port. The certificate is
made at the start and signs itself, unless --tls-cert and --tls-key name another. --reload builds again whenever a
source file changes, and restarts httpd gracefully. --setup-only writes the work folder for a server that is to stay,
with an apachectl of its own.`,
		Example: `  modgo serve
  modgo serve --port 8080 --document-root static ./cmd/site
  modgo serve --https --http2 --reload ./shop
  modgo serve --mpm prefork --setenv DATABASE=/tmp/test.db ./apps/...
  modgo serve --setup-only --work-dir /srv/shop ./shop && /srv/shop/apachectl start`,
		RunE: func(command *cobra.Command, patterns []string) error {
			options.settle(command.Flags().Changed)
			return serve(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), options, patterns)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.host, "host", "127.0.0.1", "address to listen on; 0.0.0.0 is every one that the machine has")
	flags.IntVar(&options.port, "port", defaultPort, "port to listen on, "+strconv.Itoa(defaultSecurePort)+" by default where all is TLS; 0 is a free one")
	flags.BoolVar(&options.https, "https", false, "listen with TLS on --port, unless --https-port is given")
	flags.IntVar(&options.httpsPort, "https-port", 0, "port to listen on with TLS, beside plain HTTP on --port; 0 is a free one")
	flags.StringVar(&options.tlsCert, "tls-cert", "", "certificate in PEM form, with its chain; implies --https (default one that signs itself)")
	flags.StringVar(&options.tlsKey, "tls-key", "", "key of --tls-cert in PEM form")
	flags.BoolVar(&options.http2, "http2", false, "HTTP/2 too: h2 over TLS, h2c over plain HTTP; not under prefork")
	flags.StringVar(&options.mpm, "mpm", "", "multi-processing module: event, worker or prefork (default the best that is installed)")
	flags.IntVar(&options.processes, "processes", 0, "child processes (default 2; 8 under prefork)")
	flags.IntVar(&options.threads, "threads", 0, fmt.Sprintf("threads of each child process (default %d; prefork has one)", httpdconf.DefaultThreads))
	flags.StringVar(&options.documentRoot, "document-root", "", "folder of static files, which win over an application at /")
	flags.StringVar(&options.workDir, "work-dir", "", "folder for the configuration and the module, which is kept (default a temporary one)")
	flags.BoolVar(&options.keep, "keep", false, "keep the temporary work folder")
	flags.BoolVar(&options.setupOnly, "setup-only", false, "write --work-dir, with a script apachectl in it, and end")
	flags.BoolVar(&options.reload, "reload", false, "when a source file changes, build again and restart httpd gracefully")
	flags.StringVar(&options.logLevel, "log-level", "notice go:info", "httpd's LogLevel, for example debug or \"warn go:trace1\"")
	flags.StringArrayVar(&options.setenv, "setenv", nil, "environment variable of the applications as `NAME=VALUE`; may be repeated")
	flags.BoolVar(&options.status, "status", false, "show this machine what goes on at "+statusPath+", and profiles at "+pprofPath)
	flags.BoolVar(&options.validate, "validate", false, "wrap every application in the validator of the application contract, which logs breaches")
	flags.StringSliceVar(&options.tags, "tags", nil, "build tags, separated by commas")
	completeServe(command)
	return command
}

// settle fills in what depends on which flags were given.
func (o *serveOptions) settle(given func(flag string) bool) {
	o.plainToo = given("https-port")
	if o.secureOnly() && !given("port") {
		o.port = defaultSecurePort
	}
}

// secure tells whether TLS is wanted at all, secureOnly whether on every port.
func (o serveOptions) secure() bool {
	return o.https || o.plainToo || o.tlsCert != "" || o.tlsKey != ""
}
func (o serveOptions) secureOnly() bool { return o.secure() && !o.plainToo }

// serve runs until ctx is done, a signal tells it to stop, or httpd ends; or only writes the work folder.
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

	build := builder.Options{
		Patterns: patterns, Output: site.path(objectName), Tags: options.tags, Validate: options.validate, HTTPD: site.httpd, Log: errOut,
	}
	var reload *reloader
	if options.reload {
		// Before the build, so that no change in the meantime is missed.
		if reload, err = newReloader(stop.ctx, site, build, errOut); err != nil {
			return stopped(stop, err)
		}
		defer reload.close()
	}
	result, err := builder.Build(stop.ctx, build)
	if err != nil || stop.requested() {
		return stopped(stop, err)
	}
	mounts, err := mountPackages(result.Packages)
	if err != nil {
		return err
	}
	if err := site.prepareTLS(); err != nil {
		return err
	}
	conf, err := site.write(site.configuration(mounts), mounts)
	if err != nil {
		return err
	}
	if options.setupOnly {
		return site.setUp(out, mounts)
	}
	return site.run(stop, conf, out, errOut, reload, func(process *os.Process) {
		site.announce(out, mounts)
		if reload != nil {
			reload.start(process, result.BuildID, mounts)
		}
	})
}

// stopped is the error of what was interrupted, or else err.
func stopped(stop *stopper, err error) error {
	if stop.requested() {
		return errors.New("stopped before the build was complete")
	}
	return err
}

// serveSite is what modgo serve serves, and where.
type serveSite struct {
	options   serveOptions
	httpd     *httpd.Installation
	account   *httpdconf.Account
	env       []httpdconf.Variable
	endpoints []endpoint
	workDir   string
	tls       *certificate // nil for plain HTTP only
	server    httpdconf.Server
}

// objectName is the name of the shared object in the work folder.
const objectName = "mod_go.so"

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
	if options.setupOnly && options.workDir == "" {
		return nil, errors.New("--setup-only needs a folder to write: name it with --work-dir")
	}
	if options.setupOnly && options.reload {
		return nil, errors.New("--setup-only ends when the folder is written, so there is nothing for --reload to do: give one of them")
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
	if err := s.checkModules(); err != nil {
		return nil, err
	}
	if options.tlsCert != "" || options.tlsKey != "" {
		if s.tls, err = givenCertificate(options.tlsCert, options.tlsKey, time.Now()); err != nil {
			return nil, err
		}
	}
	if s.options.host == "" {
		s.options.host = "0.0.0.0"
	}
	if s.endpoints, err = s.chooseEndpoints(); err != nil {
		return nil, err
	}
	s.server = s.baseServer()
	_, err = s.server.Render(s.httpd)
	return s, err
}

// checkModules tells which of httpd's modules the flags need and this httpd lacks, and where to get it.
func (s *serveSite) checkModules() error {
	if _, _, ok := s.httpd.Module("mod_ssl"); s.options.secure() && !ok {
		return errors.New("TLS needs httpd's mod_ssl, which is not installed here: install it (Debian, Ubuntu: apt-get install apache2-bin; RHEL, Fedora: dnf install mod_ssl), or leave out --https")
	}
	if !s.options.http2 {
		return nil
	}
	if _, _, ok := s.httpd.Module("mod_http2"); !ok {
		return errors.New("--http2 needs httpd's mod_http2, which is not installed here: install it (Debian, Ubuntu: apt-get install apache2-bin; RHEL, Fedora: dnf install mod_http2), or leave out --http2")
	}
	if s.mpm() == "prefork" {
		return errors.New("--http2 does not work under prefork, whose processes have one thread each: give --mpm event or --mpm worker, or leave out --http2")
	}
	return nil
}

// mpm is the multi-processing module that is asked for, or else the best that there is.
func (s *serveSite) mpm() string {
	if mpms := s.httpd.MPMs(); s.options.mpm == "" && len(mpms) > 0 {
		return mpms[0]
	}
	return s.options.mpm
}
