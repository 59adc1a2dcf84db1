package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"strings"
	"text/template"

	"github.com/mod-go/mod-go/internal/httpdconf"
)

//go:embed serve_apachectl.tmpl
var apachectlText string

var apachectlTemplate = template.Must(template.New("apachectl").Parse(apachectlText))

// apachectlName is the name of the script that controls the httpd of a work folder.
const apachectlName = "apachectl"

// setUp writes the script into a work folder that is otherwise complete, and tells what is there.
func (s *serveSite) setUp(out io.Writer, mounts []mount) error {
	path := s.path(apachectlName)
	if err := s.writeApachectl(path); err != nil {
		return fmt.Errorf("the script cannot be written: %w", err)
	}
	fmt.Fprintf(out, "\n%s is ready. Started, %s serves\n\n", s.workDir, s.versions())
	s.listMounts(out, mounts)
	fmt.Fprintln(out)
	writeFacts(out, append(s.facts(),
		[2]string{"logs", s.path(errorLogName) + ", " + s.path(accessLogName)},
		[2]string{"your lines", s.path(includeName) + ", never overwritten"},
	))
	action := "start"
	if _, runs := runningIn(s.workDir); runs {
		action = "graceful"
	}
	fmt.Fprintf(out, "\nNow run %s %s; stop ends it.\n", path, action)
	return nil
}

func (s *serveSite) writeApachectl(path string) error {
	var script strings.Builder
	err := apachectlTemplate.Execute(&script, map[string]string{
		"Binary": shellQuote(s.httpd.Binary), "Conf": shellQuote(s.path(httpdconf.FileName)), "PIDFile": shellQuote(s.path(httpdconf.PIDFile)),
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(script.String()), 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755) // whatever the umask, and of one that was there
}

// shellQuote writes a value as one word of a shell.
func shellQuote(value string) string {
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
