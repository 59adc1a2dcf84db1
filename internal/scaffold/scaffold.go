// Package scaffold writes the beginning of an application: a module of its own that builds, passes its test and can be
// served.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/template"

	"golang.org/x/mod/module"
)

// DefaultPrefix comes before the name of the folder in the path of a module for which none is given.
const DefaultPrefix = "example.org/"

// Options say what Write writes.
type Options struct {
	Dir     string    // the folder to make; it may be there if it is empty
	Module  string    // path of the module; "" is DefaultPrefix and the name of the folder
	Replace string    // a clone of mod_go that the module is built with; "" is the one that this program was built from, if any
	Out     io.Writer // is told what was written and what comes next; nil discards it
}

//go:embed template
var files embed.FS

var templates = template.Must(template.ParseFS(files, "template/*"))

// outputs are the names of the files, by those of their templates.
var outputs = map[string]string{
	"application.go.tmpl":      "application.go",
	"application_test.go.tmpl": "application_test.go",
	"go.mod.tmpl":              "go.mod",
	"httpd.conf.tmpl":          "httpd.conf",
	"README.md.tmpl":           "README.md",
	"gitignore.tmpl":           ".gitignore",
}

// data is what the templates are filled with.
type data struct {
	Name    string // of the folder
	Package string
	Module  string
	Bridge  bridge
}

// Write writes the module. It writes all of it or nothing.
func Write(options Options) error {
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return err
	}
	d := data{Name: filepath.Base(dir), Module: options.Module}
	if d.Module == "" {
		d.Module = DefaultPrefix + d.Name
	}
	if err := checkNames(d.Name, d.Module, options.Module != ""); err != nil {
		return err
	}
	prefix, _, _ := module.SplitPathVersion(d.Module)
	if d.Package, err = packageName(path.Base(prefix)); err != nil {
		return err
	}
	if d.Bridge, err = findBridge(options.Replace); err != nil {
		return err
	}
	contents, err := render(d)
	if err != nil {
		return err
	}
	if err := writeFiles(dir, contents); err != nil {
		return err
	}
	if options.Out != nil {
		fmt.Fprintf(options.Out, "%s is the module %s. Try it:\n    cd %s\n    modgo serve .      # http://127.0.0.1:8000/\n    go test ./...\n", options.Dir, d.Module, options.Dir)
	}
	return nil
}

// render returns the contents of the files by their names.
func render(d data) (map[string][]byte, error) {
	contents := make(map[string][]byte, len(outputs))
	for name, output := range outputs {
		var text bytes.Buffer
		if err := templates.ExecuteTemplate(&text, name, d); err != nil {
			return nil, err
		}
		content := text.Bytes()
		if strings.HasSuffix(output, ".go") {
			var err error
			if content, err = format.Source(content); err != nil {
				return nil, fmt.Errorf("%s: %w", output, err)
			}
		}
		contents[output] = content
	}
	return contents, nil
}

// writeFiles fills a folder that is new or empty. What it has written goes away again when it fails.
func writeFiles(dir string, contents map[string][]byte) (err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.Mkdir(dir, 0o777); err != nil {
			return fmt.Errorf("the folder %s cannot be made: %w", dir, err)
		}
		defer func() {
			if err != nil {
				os.Remove(dir)
			}
		}()
	case err != nil:
		return fmt.Errorf("%s is no folder that can be used: %w; choose another name", dir, err)
	case len(entries) > 0:
		return fmt.Errorf("the folder %s is not empty (it holds %s): choose another name, or empty it", dir, entries[0].Name())
	}
	var written []string
	defer func() {
		if err != nil {
			for _, file := range written {
				os.Remove(file)
			}
		}
	}()
	for name, content := range contents {
		file := filepath.Join(dir, name)
		written = append(written, file)
		if err := os.WriteFile(file, content, 0o666); err != nil {
			return fmt.Errorf("%s cannot be written: %w", file, err)
		}
	}
	return nil
}
