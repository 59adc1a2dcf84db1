package main

import (
	"github.com/spf13/cobra"

	"github.com/mod-go/mod-go/internal/scaffold"
)

func newNewCommand() *cobra.Command {
	var options scaffold.Options
	command := &cobra.Command{
		Use:   "new [flags] NAME",
		Short: "Begin an application in a module of its own",
		Long: `New makes the folder NAME with a Go module in it: an application, its test, configuration for Apache, a README and what
git should leave out. Then

	cd NAME
	modgo serve .      # http://127.0.0.1:8000/
	go test ./...`,
		Example: `  modgo new guestbook
  modgo new --module github.com/ada/guestbook guestbook`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(command *cobra.Command, args []string) error {
			options.Dir = args[0]
			options.Out = command.OutOrStdout()
			return scaffold.Write(options)
		},
	}
	command.Flags().StringVar(&options.Module, "module", "", "`path` of the module (default "+scaffold.DefaultPrefix+"NAME)")
	command.Flags().StringVar(&options.Replace, "replace", "", "`folder` of a clone of mod_go to build with (default the one that modgo was built from)")
	must(command.MarkFlagDirname("replace"))
	return command
}
