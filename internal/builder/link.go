package builder

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// startScript takes the pointer to Go's start-up function, which is all that .init_array of the linker's go.o holds, out
// of the list that dlopen runs. The bridge calls it in each child, after the fork: a Go runtime does not survive one.
// The script is added to the linker's own, which GNU ld does at INSERT.
const startScript = `SECTIONS
{
  .go_init :
  {
    PROVIDE_HIDDEN(modgo_go_init_start = .);
    KEEP(*go.o(.init_array))
    PROVIDE_HIDDEN(modgo_go_init_end = .);
  }
}
INSERT BEFORE .init_array;
`

// packagesSection holds modgo_packages in the object, so that it is found in one without symbols, too.
const packagesSection = ".modgo_packages"

// link builds the shared object in the work directory and returns its path.
func (b *build) link(ctx context.Context) (string, error) {
	var err error
	if b.gen, err = b.generate(); err != nil {
		return "", err
	}
	script, err := b.gen.write("start", ".ld", []byte(startScript))
	if err != nil {
		return "", err
	}
	list, err := b.compilePackages(ctx)
	if err != nil {
		return "", err
	}
	flags, err := b.buildArgs(ctx)
	if err != nil {
		return "", err
	}
	ldflags, err := b.ldflags(script, list)
	if err != nil {
		return "", err
	}
	// The linked file stays, for the go command to see that it is up to date.
	linked := filepath.Join(b.gen.dir, DefaultOutput)
	args := append([]string{"build", "-o", linked, "-overlay=" + b.gen.overlay, "-ldflags=" + ldflags}, b.compileFlags(flags...)...)
	if b.Verbose {
		args = append(args, "-v")
	}
	args = append(args, b.gen.main)
	b.logf("building %s of %s", b.relative(b.output), count(len(b.apps), "package"))
	if err := b.goBuild(ctx, args); err != nil {
		return "", err
	}
	b.gen.used[DefaultOutput] = true
	b.gen.used[strings.TrimSuffix(DefaultOutput, ".so")+".h"] = true
	b.prune(b.gen.used)
	return linked, nil
}

// goBuild runs go build, and shows what it prints: warnings of the C compiler may come with success.
func (b *build) goBuild(ctx context.Context, args []string) error {
	b.verbosef("go %s", strings.Join(args, " "))
	cmd := b.env.command(ctx, b.Dir, args...)
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if b.Verbose {
		both := io.MultiWriter(&printed, b.Log)
		cmd.Stdout, cmd.Stderr = both, both
	}
	err := cmd.Run()
	text := strings.TrimSpace(printed.String())
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		if text == "" {
			return fmt.Errorf("go build: %w", err)
		}
		return &CompileError{Output: text + buildCure(text)}
	}
	if text != "" && !b.Verbose {
		b.logf("%s", text)
	}
	return nil
}

// buildCure says what to do about failures of go build that are not of the user's code.
func buildCure(text string) string {
	switch {
	case strings.Contains(text, "httpd.h"), strings.Contains(text, "apr.h"):
		return "\nthe headers of httpd are missing: install them (modgo check tells how)"
	case strings.Contains(text, ".go_init"), strings.Contains(text, "INSERT"), strings.Contains(text, "unknown directive"):
		return "\nthe linker does not understand the linker script: mod_go.so is linked with GNU ld; install binutils and remove -fuse-ld from CGO_LDFLAGS and GOFLAGS"
	case strings.Contains(text, "dial tcp"), strings.Contains(text, "GOPROXY"), strings.Contains(text, "module lookup disabled"):
		return "\nthe bridge needs modules that are not in the module cache: build once with access to a module proxy (run `go mod download all` where there is one)"
	}
	return ""
}

// ldflags are the flags of Go's linker, after those in GOFLAGS.
func (b *build) ldflags(script, list string) (string, error) {
	own := "-T " + quote(script) + " " + quote(list)
	if strings.ContainsAny(script+list, `'"`) {
		return "", fmt.Errorf("the path of the build cache %s holds a quotation mark, which cannot be passed to the linker: use another directory with --cache or %s", b.cache, EnvCache)
	}
	flags := b.env.flag("ldflags")
	if pattern, _, ok := strings.Cut(flags, "="); ok && !strings.HasPrefix(pattern, "-") {
		flags = "" // it is for packages of a pattern, not for the main package
	}
	// The last -extldflags counts, so those of GOFLAGS are joined with the builder's.
	fields := splitQuoted(flags)
	var kept []string
	for i := 0; i < len(fields); i++ {
		field := fields[i]
		value, joined := strings.CutPrefix(strings.TrimLeft(field, "-"), "extldflags=")
		switch {
		case joined:
			own = value + " " + own
		case strings.TrimLeft(field, "-") == "extldflags" && i+1 < len(fields):
			i++
			own = fields[i] + " " + own
		default:
			kept = append(kept, quote(field))
		}
	}
	// The go command refuses a value that begins with a quotation mark.
	return strings.TrimSpace("-extldflags " + `"` + own + `" ` + strings.Join(kept, " ")), nil
}

// quote quotes a path for splitQuoted where that is needed.
func quote(s string) string {
	if strings.ContainsAny(s, " \t\"") {
		return "'" + s + "'"
	}
	return s
}

// compilePackages compiles the list of packages and callables, which the C side reads, and returns the object file.
func (b *build) compilePackages(ctx context.Context) (string, error) {
	compiler := splitQuoted(b.env.CC)
	if len(compiler) == 0 {
		compiler = []string{"gcc"}
	}
	source := packagesSource(b.packages())
	file, err := b.gen.write("packages", ".c", []byte(source))
	if err != nil {
		return "", err
	}
	name := "packages-" + digest(source, b.env.CC, b.env.GOARCH) + ".o"
	b.gen.used[name] = true
	object := filepath.Join(b.gen.dir, name)
	if exists(object) {
		return object, nil
	}
	temporary := object + ".new"
	args := append(compiler[1:len(compiler):len(compiler)], "-fPIC", "-O2", "-c", "-o", temporary, file)
	b.verbosef("%s %s", compiler[0], strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, compiler[0], args...)
	cmd.Env = b.env.vars
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the C compiler %s fails (%w); modgo check tells what is missing: %s", b.env.CC, err, bytes.TrimSpace(output))
	}
	if err := os.Rename(temporary, object); err != nil {
		return "", fmt.Errorf("the build cache cannot be written: %w", err)
	}
	return object, nil
}

// packagesSource is the C source of the list: for each package its import path, then the names of its callables, each
// ended by NUL; an empty name ends a package's, an empty import path the list. `modgo check` reads it, too.
func packagesSource(list []Package) string {
	var source strings.Builder
	source.WriteString("__attribute__((visibility(\"hidden\"), used, section(\"" + packagesSection + "\")))\nconst char modgo_packages[] =\n")
	for _, p := range list {
		writeString(&source, p.Path)
		for _, c := range p.Callables {
			writeString(&source, c.Name)
		}
		writeString(&source, "")
	}
	source.WriteString("  \"\";\n") // the compiler ends it with a NUL: the empty import path
	return source.String()
}

// writeString writes a C string literal of s and a NUL, on a line of its own. Other bytes than those of ordinary names
// are written as three octal digits, which no digit that follows can extend.
func writeString(source *strings.Builder, s string) {
	source.WriteString("  \"")
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '?' {
			fmt.Fprintf(source, `\%03o`, c)
		} else {
			source.WriteByte(c)
		}
	}
	source.WriteString("\\000\"\n")
}
