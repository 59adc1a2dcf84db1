package main

import (
	"context"
	"encoding/json"
	"fmt"
	"go/version"
	"os/exec"
	"strings"

	"github.com/mod-go/mod-go/internal/httpd"
)

// minimumGo is the oldest release of Go that compiles the module, as its go.mod says.
const minimumGo = "go1.26"

// item is one thing that the machine must have.
type item struct {
	name   string
	ok     bool
	found  string // what is there, or what is wrong
	debian string // packages that bring it
	redhat string
	cure   string // what else to do, beside installing the packages
}

// lookAround looks for everything that building and running mod_go.so needs.
func lookAround(ctx context.Context) []item {
	goItem, cgo, compiler := lookForGo(ctx)
	compilerItem := lookForCompiler(ctx, compiler)
	linker := item{name: "GNU ld", found: "not known without a C compiler", debian: "binutils", redhat: "binutils"}
	if compilerItem.ok {
		linker = lookForLinker(ctx, compiler, linker)
	}
	return append([]item{goItem, cgo, compilerItem, linker}, lookForHTTPD()...)
}

// lookForGo also returns the C compiler that the go command uses, with its arguments.
func lookForGo(ctx context.Context) (goItem, cgo item, compiler []string) {
	goItem = item{name: "Go", cure: "install " + minimumGo + " or newer from https://go.dev/dl/, and add its bin directory to PATH"}
	cgo = item{name: "cgo", cure: "run `go env -u CGO_ENABLED` and do not set CGO_ENABLED=0; a C compiler must be installed"}
	var env struct{ GOVERSION, CGO_ENABLED, CC, GOROOT string }
	output, err := exec.CommandContext(ctx, "go", "env", "-json", "GOVERSION", "CGO_ENABLED", "CC", "GOROOT").Output()
	if err == nil {
		err = json.Unmarshal(output, &env)
	}
	if err != nil {
		goItem.found = fmt.Sprintf("the go command cannot be run: %v", err)
		cgo.found = "not known without Go"
		return goItem, cgo, []string{"gcc"}
	}
	goItem.found = fmt.Sprintf("%s in %s", env.GOVERSION, env.GOROOT)
	// A release that is no Go version, as "devel ...", is newer than the last release.
	if goItem.ok = !version.IsValid(env.GOVERSION) || version.Compare(env.GOVERSION, minimumGo) >= 0; !goItem.ok {
		goItem.found += ", which is older than " + minimumGo
	}
	cgo.ok, cgo.found = env.CGO_ENABLED == "1", "CGO_ENABLED="+env.CGO_ENABLED
	if compiler = strings.Fields(env.CC); len(compiler) == 0 {
		compiler = []string{"gcc"}
	}
	return goItem, cgo, compiler
}

func lookForCompiler(ctx context.Context, compiler []string) item {
	i := item{name: "C compiler", debian: "gcc libc6-dev", redhat: "gcc glibc-devel"}
	// Preprocessing a header shows more than --version: the C library's headers come in a package of their own.
	cmd := exec.CommandContext(ctx, compiler[0], append(compiler[1:len(compiler):len(compiler)], "-E", "-x", "c", "-")...)
	cmd.Stdin = strings.NewReader("#include <stdlib.h>\n")
	if _, err := cmd.Output(); err != nil {
		i.found = fmt.Sprintf("%s does not work: %s", strings.Join(compiler, " "), complaint(err))
		return i
	}
	i.ok, i.found = true, firstLine(ctx, compiler, "--version")
	return i
}

// lookForLinker asks the C compiler for the linker that it runs, which is the one that counts.
func lookForLinker(ctx context.Context, compiler []string, i item) item {
	i.found = firstLine(ctx, compiler, "-Wl,--version")
	if i.ok = strings.HasPrefix(i.found, "GNU ld"); !i.ok {
		i.found = fmt.Sprintf("%s links with another linker: %s", compiler[0], i.found)
		i.cure = "make GNU ld (ld.bfd) the linker of the C compiler: other linkers do not follow the linker script that keeps Go from starting before httpd forks"
	}
	return i
}

// firstLine returns the first line that a command prints, or why it fails.
func firstLine(ctx context.Context, command []string, arg string) string {
	output, err := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], arg)...).Output()
	if line, _, _ := strings.Cut(string(output), "\n"); line != "" {
		return line
	}
	if err != nil {
		return complaint(err)
	}
	return "it prints nothing"
}

// complaint is the first line that a failed command printed, or the error itself.
func complaint(err error) string {
	if exit, ok := err.(*exec.ExitError); ok {
		if line, _, _ := strings.Cut(strings.TrimSpace(string(exit.Stderr)), "\n"); line != "" {
			return line
		}
	}
	return err.Error()
}

func lookForHTTPD() []item {
	server := item{name: "httpd", debian: "apache2-bin", redhat: "httpd"}
	headers := item{name: "httpd headers", debian: "apache2-dev", redhat: "httpd-devel apr-devel apr-util-devel"}
	mpms := item{name: "MPM", debian: "apache2-bin", redhat: "httpd"}
	installation, err := httpd.Find()
	if err != nil {
		server.found = err.Error()
		headers.found, mpms.found = "not known without httpd", "not known without httpd"
		return []item{server, headers, mpms}
	}
	server.found = fmt.Sprintf("Apache/%s: %s, modules in %s", installation.Version, installation.Binary, installation.ModulesDir)
	server.ok = installation.AtLeast(httpd.MinimumVersion) && installation.ModulesDir != ""
	if installation.ModulesDir == "" {
		server.found = fmt.Sprintf("Apache/%s: %s, but no directory with its modules was found", installation.Version, installation.Binary)
		server.cure = "set " + httpd.EnvAPXS + " to the path of the server's apxs, which knows where its modules lie"
	}
	if !installation.AtLeast(httpd.MinimumVersion) {
		server.found += ", which is older than " + httpd.MinimumVersion
	}
	headers.ok = installation.HasHeaders()
	headers.found = fmt.Sprintf("httpd.h: %s, apr.h: %s", orNowhere(installation.IncludeDir), orNowhere(installation.APRInclude))
	available := installation.MPMs()
	mpms.ok, mpms.found = len(available) > 0, strings.Join(available, ", ")
	if !mpms.ok {
		mpms.found = "none of event, worker and prefork in " + orNowhere(installation.ModulesDir)
	}
	return []item{server, headers, mpms}
}

func orNowhere(dir string) string {
	if dir == "" {
		return "nowhere"
	}
	return dir
}
