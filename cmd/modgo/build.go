package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/mod-go/mod-go/internal/builder"
)

func newBuildCommand() *cobra.Command {
	var flags buildFlags
	var output string
	command := &cobra.Command{
		Use:   "build [-o mod_go.so] [package ...]",
		Short: "Build mod_go.so of the applications in packages",
		Long: `Build links the applications in the packages, and the Go runtime, into one shared object for LoadModule.

The packages are named as for go build, wildcards included; the default is the one in the current directory. The
application of a package is the value named application, or Application:

	func application(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body
	var application http.Handler
	func application(w http.ResponseWriter, r *http.Request)
	func application() (http.Handler, error)

Other values of these types can be named by the directive GoCallableObject. Nothing is written into your module but the
shared object. GOFLAGS, CGO_CFLAGS and the other variables of the go command have their usual effect.`,
		ValidArgsFunction: completePackages,
		Example: `  modgo build -o mod_go.so ./hello ./shop/...
  GOFLAGS=-race modgo build ./...`,
		RunE: func(command *cobra.Command, packages []string) error {
			options, err := flags.options(command, packages)
			if err != nil {
				return err
			}
			options.Output = output
			_, err = builder.Build(command.Context(), options)
			return err
		},
	}
	command.Flags().StringVarP(&output, "output", "o", builder.DefaultOutput, "the shared `file` to write")
	flags.add(command)
	return command
}

// buildFlags are the flags of the commands that build.
type buildFlags struct {
	tags           []string
	dir, cache     string
	quiet, verbose bool
	validate       bool
}

func (f *buildFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringSliceVar(&f.tags, "tags", nil, "build `tags`, separated by commas")
	flags.StringVarP(&f.dir, "dir", "C", "", "work in this `directory` instead of the current one")
	flags.StringVar(&f.cache, "cache", "", "`directory` of the build cache (default $MODGO_CACHE, or modgo in the user's cache directory)")
	flags.BoolVar(&f.validate, "validate", false, "wrap every application in the validator of the application contract, which logs breaches")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing but errors")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "print the commands that are run and the packages that are compiled")
}

// options are the builder's options that the flags give.
func (f *buildFlags) options(command *cobra.Command, packages []string) (builder.Options, error) {
	if f.quiet && f.verbose {
		return builder.Options{}, errors.New("--quiet and --verbose exclude each other: give one of them")
	}
	options := builder.Options{Dir: f.dir, Patterns: packages, Tags: f.tags, Cache: f.cache, Verbose: f.verbose, Validate: f.validate}
	if !f.quiet {
		options.Log = command.ErrOrStderr()
	}
	return options, nil
}
