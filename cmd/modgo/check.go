package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mod-go/mod-go/internal/builder"
)

func newCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [mod_go.so ...]",
		Short: "Tell what is missing on this machine, or whether a mod_go.so is sound",
		Long: `Check without arguments looks for what building and running mod_go.so needs, prints one line for each item, and
tells how to install what is missing.

With shared objects as arguments it checks each of them as modgo build does, and lists the packages inside with their
callables.

The exit status is 1 where something is missing or wrong.`,
		ValidArgsFunction: cobra.FixedCompletions([]cobra.Completion{"so"}, cobra.ShellCompDirectiveFilterFileExt),
		RunE: func(command *cobra.Command, objects []string) error {
			if len(objects) > 0 {
				return checkObjects(command.OutOrStdout(), objects)
			}
			return checkMachine(command.OutOrStdout(), lookAround(command.Context()))
		},
	}
}

func checkObjects(out io.Writer, paths []string) error {
	bad := 0
	for _, path := range paths {
		object, err := builder.Inspect(path)
		if err != nil {
			fmt.Fprintf(out, "BAD      %v\n", err)
			bad++
			continue
		}
		fmt.Fprintf(out, "OK       %s (%.1f MB, module API %s, build ID %s)\n", path, float64(object.Size)/1e6, object.API, object.BuildID)
		for _, p := range object.Packages {
			fmt.Fprintf(out, "         %s\n", p)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of the %d shared objects cannot be used: see above", bad, len(paths))
	}
	return nil
}

// checkMachine prints the items, and for those that are missing how to get them.
func checkMachine(out io.Writer, items []item) error {
	var missing, debian, redhat, other []string
	for _, i := range items {
		state := "OK"
		if !i.ok {
			state = "MISSING"
			missing = append(missing, i.name)
			debian = add(debian, i.debian)
			redhat = add(redhat, i.redhat)
			if i.cure != "" {
				other = append(other, i.name+": "+i.cure)
			}
		}
		fmt.Fprintf(out, "%-8s %-14s %s\n", state, i.name, i.found)
	}
	if len(missing) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	if len(debian) > 0 {
		fmt.Fprintf(out, "Debian, Ubuntu:  apt-get install %s\n", strings.Join(debian, " "))
		fmt.Fprintf(out, "RHEL, Fedora:    dnf install %s\n", strings.Join(redhat, " "))
	}
	for _, cure := range other {
		fmt.Fprintln(out, cure)
	}
	return fmt.Errorf("missing on this machine: %s; see above for how to get it", strings.Join(missing, ", "))
}

// add appends the words of a list of distribution packages that are not there yet.
func add(list []string, words string) []string {
next:
	for _, word := range strings.Fields(words) {
		for _, known := range list {
			if known == word {
				continue next
			}
		}
		list = append(list, word)
	}
	return list
}
