package httpdconf

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// DefaultErrorLog is the error log's name in Server.Root where no other is given.
const DefaultErrorLog = "error.log"

// PIDFile is the name of the file in Server.Root that holds the number of the parent process while the server runs.
const PIDFile = "httpd.pid"

//go:embed httpd.conf.tmpl
var templateText string

var page = template.Must(template.New("httpd.conf").Funcs(template.FuncMap{"quote": Quote, "indent": indent, "dict": dict}).Parse(templateText))

// Render returns the configuration as httpd reads it. The error joins everything that is wrong with s.
func (s Server) Render(inst Installation) ([]byte, error) {
	s.VirtualHosts = append([]VirtualHost(nil), s.VirtualHosts...)
	if err := s.check(inst); err != nil {
		return nil, err
	}
	loads, err := s.loads(inst)
	if err != nil {
		return nil, err
	}
	if s.ErrorLog == "" {
		s.ErrorLog = filepath.Join(s.Root, DefaultErrorLog)
	}
	if s.AccessLogFormat == "" {
		s.AccessLogFormat = "%h %l %u %t \"%r\" %>s %b"
	}
	var out bytes.Buffer
	err = page.Execute(&out, map[string]any{
		"Server": &s, "Loads": loads, "MIMETypes": mimeTypes(),
		"PIDFile": filepath.Join(s.Root, PIDFile), "Capacity": s.capacity(), "ServerLimit": s.serverLimit(),
		"Sessions": "shmcb:" + filepath.Join(s.Root, "sessions") + "(512000)",
	})
	if err != nil {
		// The template's own words about where it failed mean nothing to whoever gave the value.
		var cause *valueError
		if errors.As(err, &cause) {
			return nil, cause
		}
		return nil, err
	}
	return out.Bytes(), nil
}

// FileName is the name of the file that WriteFile writes in Server.Root.
const FileName = "httpd.conf"

// WriteFile renders s to httpd.conf in s.Root and returns the file's path.
func (s Server) WriteFile(inst Installation) (path string, err error) {
	path = filepath.Join(s.Root, FileName)
	return path, s.WriteFileTo(inst, path)
}

// WriteFileTo renders s to a file. The error leaves it as it was where s is wrong.
func (s Server) WriteFileTo(inst Installation, path string) error {
	text, err := s.Render(inst)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// mimeTypes is the system's list of media types. mod_mime fails to start without a file, and finds its own only under
// the ServerRoot that it was compiled for.
func mimeTypes() string {
	const system = "/etc/mime.types"
	if _, err := os.Stat(system); err == nil {
		return system
	}
	return os.DevNull
}

// valueError is a value that cannot stand in a configuration.
type valueError struct{ value, reason string }

func (e *valueError) Error() string { return fmt.Sprintf("%q %s", e.value, e.reason) }

// Quote writes a value as one argument of a directive, so that httpd reads exactly this value.
func Quote(value string) (string, error) {
	if i := strings.IndexAny(value, "\n\r\x00"); i >= 0 {
		return "", &valueError{value, fmt.Sprintf("cannot be an argument in an httpd configuration, which has no way to write the byte %#02x", value[i])}
	}
	value = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
	// httpd replaces ${NAME} everywhere, quoted or not, but does not look at what it has put in.
	return `"` + strings.ReplaceAll(value, "${", "${"+dollar+"}{") + `"`, nil
}

// dollar is the name of the configuration's variable that holds a dollar sign.
const dollar = "MODGO_DOLLAR"

// indent sets lines that were given as they are under what surrounds them.
func indent(by, text string) string {
	var out strings.Builder
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		if strings.TrimSpace(line) != "" {
			out.WriteString(by)
		}
		out.WriteString(strings.TrimRight(line, " \t\r\n") + "\n")
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// dict gives a template more than one value.
func dict(pairs ...any) map[string]any {
	values := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i].(string)] = pairs[i+1]
	}
	return values
}
