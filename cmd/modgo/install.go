package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mod-go/mod-go/internal/httpd"
	"github.com/mod-go/mod-go/internal/install"
)

func newInstallCommand() *cobra.Command {
	var options install.Options
	command := &cobra.Command{
		Use:   "install [flags] [FILE]",
		Short: "Put a mod_go.so into the installed Apache HTTP Server",
		Long: `Install puts FILE, a shared object of modgo build, into the server's folder of modules, and what loads it and sets it up
where the distribution expects that:

	Debian, Ubuntu  /etc/apache2/mods-available/go.load and go.conf, enabled as by a2enmod
	RHEL, Fedora    /etc/httpd/conf.modules.d/20-go.conf and conf.d/go.conf

For another server it prints the line to add to its configuration. Without FILE it takes build/mod_go.so or mod_go.so.

The object is checked first, as by modgo check and by the server itself; afterwards the server checks its configuration.
Where that fails, everything is put back. Files that you have changed are kept, with the new one beside them. The server
is not restarted. MODGO_HTTPD names another server than the one on PATH.`,
		Example: `  modgo build -o mod_go.so ./shop && sudo $(which modgo) install mod_go.so
  modgo install --root build/package mod_go.so`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.FixedCompletions([]cobra.Completion{"so"}, cobra.ShellCompDirectiveFilterFileExt),
		RunE: func(command *cobra.Command, args []string) error {
			var err error
			if options.Object, err = objectToInstall(args); err != nil {
				return err
			}
			options.Out = command.OutOrStdout()
			options.Command = thisCommand()
			return install.Install(command.Context(), options)
		},
	}
	addInstallFlags(command, &options)
	return command
}

func newUninstallCommand() *cobra.Command {
	var options install.Options
	command := &cobra.Command{
		Use:   "uninstall [flags]",
		Short: "Take away what modgo install has put in place",
		Long: `Uninstall removes what modgo install has put in place: the links that enable the module, the files that load it and set
it up, unless you have changed them, and the shared object.

Where the server's configuration would not work without mod_go, everything is put back, and the message names the
directive that still needs it. The server is not restarted.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(command *cobra.Command, _ []string) error {
			options.Out = command.OutOrStdout()
			options.Command = thisCommand()
			return install.Uninstall(command.Context(), options)
		},
	}
	addInstallFlags(command, &options)
	return command
}

func addInstallFlags(command *cobra.Command, options *install.Options) {
	flags := command.Flags()
	flags.BoolVar(&options.DryRun, "dry-run", false, "tell what would be done, and do nothing")
	flags.StringVar(&options.Root, "root", "", "`folder` that stands for /, for packaging; the server's configuration is not checked then")
	must(command.MarkFlagDirname("root"))
}

// objectToInstall is the file that is named, or the one that make build or modgo build has made.
func objectToInstall(args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	candidates := []string{filepath.Join("build", install.ObjectName), install.ObjectName}
	for _, path := range candidates {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no %s to install: build it with `modgo build -o %s PACKAGE...`, or name it", strings.Join(candidates, " and no "), install.ObjectName)
}

// thisCommand is the command as it can be given to sudo, whose PATH has no bin folder of the user, and which passes no
// variables on.
func thisCommand() string {
	var words []string
	for _, name := range []string{httpd.EnvBinary, httpd.EnvAPXS} {
		if value := os.Getenv(name); value != "" {
			words = append(words, name+"="+value)
		}
	}
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	return strings.Join(append(append(words, program), os.Args[1:]...), " ")
}
