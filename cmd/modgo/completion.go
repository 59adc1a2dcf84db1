package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mod-go/mod-go/internal/httpd"
)

// mostPackages is how many packages a shell is offered at most, and mostDirectories how many are looked at for them: a key
// stroke must not walk a whole disk.
const (
	mostPackages    = 200
	mostDirectories = 5000
)

// completePackages offers the packages below the current directory, as ./path, and ./path/... for all of those below one.
func completePackages(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp
	if strings.HasPrefix(typed, "/") || strings.HasPrefix(typed, "..") {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	// Only what can begin as typed: of ./apps/he that is below ./apps.
	root := filepath.Dir("./" + strings.TrimPrefix(typed, "./") + "x")
	offered := packagesBelow(root)
	return slices.DeleteFunc(offered, func(name string) bool { return !strings.HasPrefix(name, typed) }), directive
}

// packagesBelow lists the packages in a directory and below it, and the wildcards for several of them.
func packagesBelow(root string) (offered []cobra.Completion) {
	below := make(map[string]int) // packages, the directory's own included
	looked := 0
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read cannot be built
		}
		if !entry.IsDir() {
			return nil
		}
		if looked++; looked > mostDirectories || len(offered) >= mostPackages {
			return fs.SkipAll
		}
		if path != root && ignored(entry.Name()) {
			return fs.SkipDir
		}
		if isPackage(path) {
			offered = append(offered, local(path))
			for dir := path; ; dir = filepath.Dir(dir) {
				below[dir]++
				if dir == root || dir == "." {
					break
				}
			}
		}
		return nil
	})
	for dir, n := range below {
		if n > 1 {
			offered = append(offered, local(dir)+"/...")
		}
	}
	slices.Sort(offered)
	return offered
}

// ignored tells whether wildcards of the go command leave out a directory, or no application lies in it.
func ignored(name string) bool {
	return name[0] == '.' || name[0] == '_' || name == "testdata" || name == "vendor" || name == "node_modules"
}

func isPackage(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, func(entry fs.DirEntry) bool {
		name := entry.Name()
		return !entry.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && name[0] != '.' && name[0] != '_'
	})
}

// local writes a relative path as the go command takes it for a directory.
func local(path string) string {
	if path == "." {
		return path
	}
	return "./" + filepath.ToSlash(path)
}

// completeServe says what can stand behind the flags of modgo serve, and as its arguments.
func completeServe(command *cobra.Command) {
	command.ValidArgsFunction = completePackages
	fixed := map[string][]cobra.Completion{
		"host":       {"127.0.0.1", "0.0.0.0", "::1", "localhost"},
		"port":       nil,
		"https-port": nil,
		"processes":  nil,
		"threads":    nil,
		"setenv":     nil,
		"tags":       nil,
		"log-level":  {"notice", "info", "debug", "warn", "error", "trace1"},
	}
	for name, values := range fixed {
		must(command.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)))
	}
	must(command.RegisterFlagCompletionFunc("mpm", completeMPM))
	must(command.MarkFlagDirname("document-root"))
	must(command.MarkFlagDirname("work-dir"))
	must(command.MarkFlagFilename("tls-cert", "pem", "crt", "cer"))
	must(command.MarkFlagFilename("tls-key", "pem", "key"))
}

// completeMPM offers the multi-processing modules that are installed, or all where no httpd is.
func completeMPM(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	installation, err := httpd.Find()
	if err != nil {
		return []cobra.Completion{"event", "worker", "prefork"}, cobra.ShellCompDirectiveNoFileComp
	}
	return installation.MPMs(), cobra.ShellCompDirectiveNoFileComp
}

// must panics where a flag that is completed does not exist, which any test shows.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
