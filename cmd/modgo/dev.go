package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/internal/devserver"
)

// devOptions are the flags of modgo dev.
type devOptions struct {
	addr    string
	mount   string
	keepOld bool
	build   buildFlags
}

func newDevCommand() *cobra.Command {
	var options devOptions
	command := &cobra.Command{
		Use:   "dev [flags] [PACKAGE...]",
		Short: "Serve packages while they are written: build and restart at every change, without httpd",
		Long: `Build the packages as an ordinary program, which answers requests by the same contract as under Apache, and run it.
Whenever a source file changes, it is built and started anew. No request is refused meanwhile: the old program answers
until the new one does.

While the source does not compile, or the application cannot be constructed or has crashed, every request is answered
with a page that shows why, with the lines of source. The page reloads itself as soon as the application is back.

One package is mounted at /; several are each mounted at the last element of their import path, and / lists them. The
current directory's package is served where none is given. Neither httpd nor a C compiler is needed.`,
		ValidArgsFunction: completePackages,
		Example: `  modgo dev
  modgo dev --addr 127.0.0.1:8080 --mount /shop ./shop
  modgo dev --keep-old ./apps/...`,
		RunE: func(command *cobra.Command, patterns []string) error {
			stop := notifyStop(command.Context())
			defer stop.release()
			return dev(stop.ctx, command, options, patterns)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.addr, "addr", "127.0.0.1:8000", "`host:port` to listen on; port 0 is a free one, host 0.0.0.0 every one that the machine has")
	flags.StringVar(&options.mount, "mount", "/", "URL `path` of the application, its SCRIPT_NAME")
	flags.BoolVar(&options.keepOld, "keep-old", false, "while the newest source is broken, go on with the last good build, and show what is wrong in the terminal only")
	options.build.add(command)
	return command
}

// dev serves until ctx is done.
func dev(ctx context.Context, command *cobra.Command, options devOptions, patterns []string) error {
	build, err := options.build.options(command, patterns)
	if err != nil {
		return err
	}
	if !build.Verbose {
		build.Log = io.Discard // each build would repeat it
	}
	base, err := mountBase(options.mount)
	if err != nil {
		return err
	}
	listener, err := listen(options.addr)
	if err != nil {
		return err
	}
	return devserver.Run(ctx, devserver.Options{
		Build: build, Mount: devMounts, Listener: listener, Base: base, KeepOld: options.keepOld,
		Out: command.OutOrStdout(), ErrOut: command.ErrOrStderr(), Quiet: options.build.quiet,
	})
}

// mountBase returns the SCRIPT_NAME for a path that the user gives.
func mountBase(path string) (string, error) {
	base := strings.TrimSuffix(path, "/")
	if base == "" {
		return "", nil
	}
	for _, element := range strings.Split(base, "/")[1:] {
		if element == "" || element == "." || element == ".." {
			return "", fmt.Errorf("--mount %s is no clean path: write it without empty elements, . and .., for example /shop", path)
		}
	}
	if base[0] != '/' || strings.ContainsAny(base, "?#\x00") {
		return "", fmt.Errorf("--mount %s is no URL path: it begins with / and has no query, for example /shop", path)
	}
	return base, nil
}

// listen opens the listener, with errors that name the flag.
func listen(addr string) (*net.TCPListener, error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return nil, fmt.Errorf("--addr %s is no address: write host:port, for example 127.0.0.1:8000", addr)
	}
	listener, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		return listener.(*net.TCPListener), nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is taken by another program: stop that one, or choose another port with --addr (port 0 is a free one)", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("only root may listen at %s: choose a port of 1024 or above with --addr", addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("this machine has no address %s: give one that it has with --addr", addr)
	}
	return nil, fmt.Errorf("cannot listen at --addr %s: %w", addr, err)
}

// devMounts are the mounts of modgo serve, the application whose path is longer first.
func devMounts(packages []builder.Package) ([]devserver.Mount, error) {
	mounts, err := mountPackages(packages)
	if err != nil {
		return nil, err
	}
	callables := make(map[string]string)
	for _, p := range packages {
		callables[p.Path] = p.Callables[0].Name // its default, where it has one
	}
	list := make([]devserver.Mount, len(mounts))
	for i, m := range mounts {
		list[i] = devserver.Mount{Path: strings.TrimSuffix(m.Path, "/"), Package: m.Package, Callable: callables[m.Package]}
	}
	slices.SortStableFunc(list, func(a, b devserver.Mount) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	return list, nil
}
