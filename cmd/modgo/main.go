// Command modgo builds, checks and serves the Apache module that hosts Go web applications.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
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
		SilenceErrors: true, // main prints them
		SilenceUsage:  true,
	}
	root.AddCommand(newBuildCommand(), newCheckCommand(), newServeCommand(), newDevCommand(),
		newInstallCommand(), newUninstallCommand(), newNewCommand())
	return root
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
