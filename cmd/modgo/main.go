// Command modgo builds, checks and serves the Apache module that hosts Go web applications.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mod-go/mod-go/internal/builder"
)

func main() {
	// Interrupted, a command ends what it started; interrupted again, it ends at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	// So does the end of its terminal, unless nohup keeps that away. Shell and kernel may both tell of it, and the second time
	// is no impatience: what modgo install has begun is still put back.
	if !signal.Ignored(syscall.SIGHUP) {
		ctx, _ = signal.NotifyContext(ctx, syscall.SIGHUP)
	}
	err := newRootCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, message(err))
		os.Exit(1)
	}
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "modgo",
		Short: "Go web applications in Apache HTTP Server",
		Long: `modgo builds mod_go.so, the Apache module that hosts Go web applications in-process.

It runs in your own module, which requires github.com/mod-go/mod-go.`,
		Version:                    versionText(),
		Args:                       refuseUnknown,
		RunE:                       func(root *cobra.Command, _ []string) error { return root.Help() },
		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true, // main prints them
		SilenceUsage:               true,
	}
	root.SetVersionTemplate("modgo {{.Version}}\n")
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return fmt.Errorf("%w; %s --help lists the flags", err, command.CommandPath())
	})
	root.AddCommand(newBuildCommand(), newCheckCommand(), newServeCommand(), newDevCommand(),
		newInstallCommand(), newUninstallCommand(), newNewCommand())
	return root
}

// refuseUnknown tells of what is no command of modgo, and of those with a similar name.
func refuseUnknown(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "modgo --help lists the commands"
	if similar := root.SuggestionsFor(args[0]); len(similar) > 0 {
		hint = "did you mean " + strings.Join(similar, " or ") + "? " + hint
	}
	return fmt.Errorf("unknown command %q; %s", args[0], hint)
}

// versionText is what the binary was made of: the version of its module, with the commit where it comes from a clone, and Go's.
func versionText() string {
	module := "of unknown version"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		module = info.Main.Version
	}
	return fmt.Sprintf("%s, built with %s for %s/%s", module, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// message is what a person reads of an error. What the go command says about code is left as it is, for editors that
// know its form.
func message(err error) string {
	var compile *builder.CompileError
	switch {
	case errors.As(err, &compile):
		return compile.Output
	case errors.Is(err, context.Canceled):
		return "modgo: interrupted"
	}
	return "modgo: " + err.Error()
}
