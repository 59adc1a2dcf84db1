package install

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	httpdfiles "github.com/mod-go/mod-go/httpd-conf"
	"github.com/mod-go/mod-go/internal/httpd"
)

// layout is where an installed server looks for a module and its configuration. Paths are those of the installed system.
type layout struct {
	name   string // of the folder with the configuration, for people
	object string // the shared object
	record string // the file that says what was installed
	load   string // the file that loads it; "" where only the administrator can tell
	conf   string // its settings; "" like load
	links  []link // what enables the two
	marker string // notes for a2query that the administrator has enabled the module; "" where there is no such thing
}

type link struct{ path, target string }

// configFile is a file that the administrator may change.
type configFile struct {
	path    string
	content []byte
	loads   bool // holds the line that loads the object
}

func (l *layout) files() []configFile {
	if l.load == "" {
		return nil
	}
	return []configFile{
		{l.load, loadFile(l.object), true},
		{l.conf, httpdfiles.GoConf, false},
	}
}

func loadFile(object string) []byte {
	return []byte("# The Go web applications of this server, see go.conf for their settings.\nLoadModule go_module " + object + "\n")
}

// markerDir is where a2enmod notes for a2query who has enabled or disabled a module.
const markerDir = "/var/lib/apache2/module"

// layoutOf finds out how the distribution has set up its server. In root, a folder that stands for /, nothing needs to be
// there yet.
func layoutOf(inst *httpd.Installation, root string) (layout, error) {
	if inst.ModulesDir == "" {
		return layout{}, fmt.Errorf("no folder with the modules of %s was found: set %s to the path of the server's apxs, which knows", inst.Binary, httpd.EnvAPXS)
	}
	in := func(path string) string { return filepath.Join(inst.Root, path) }
	// RHEL's /etc/httpd/modules is a link, which must not become a folder in root.
	modules, err := filepath.EvalSymlinks(inst.ModulesDir)
	if err != nil {
		return layout{}, fmt.Errorf("the folder with the server's modules cannot be used: %w", err)
	}
	l := layout{name: inst.Root, object: filepath.Join(modules, ObjectName), record: filepath.Join(modules, recordName)}
	switch {
	case filepath.Base(inst.ConfigFile) == "apache2.conf":
		if root == "" && !exists(inst.ConfigFile) {
			return layout{}, fmt.Errorf("there is no %s: the server's program is installed, but not its configuration; apt-get install apache2", inst.ConfigFile)
		}
		l.load, l.conf = in("mods-available/go.load"), in("mods-available/go.conf")
		l.links = []link{
			{in("mods-enabled/go.load"), "../mods-available/go.load"},
			{in("mods-enabled/go.conf"), "../mods-available/go.conf"},
		}
		if inst.Root == "/etc/apache2" {
			l.marker = markerDir + "/enabled_by_admin/go"
		}
	case isDir(in("conf.modules.d")) && isDir(in("conf.d")):
		if root == "" && !exists(inst.ConfigFile) {
			return layout{}, fmt.Errorf("there is no %s: the server's program is installed, but not its configuration; dnf install httpd", inst.ConfigFile)
		}
		l.load, l.conf = in("conf.modules.d/20-go.conf"), in("conf.d/go.conf")
	case l.name == "":
		l.name = filepath.Dir(inst.Binary)
	}
	return l, nil
}

// loadsObject tells whether a configuration loads the object as go_module. serverRoot is what relative paths start at.
func loadsObject(config []byte, serverRoot, object string) bool {
	for line := range strings.Lines(string(config)) {
		words := strings.Fields(line)
		if len(words) != 3 || !strings.EqualFold(words[0], "LoadModule") || words[1] != "go_module" {
			continue
		}
		path := strings.Trim(words[2], `"`)
		if !filepath.IsAbs(path) {
			path = filepath.Join(serverRoot, path)
		}
		if path == object || sameFile(path, object) {
			return true
		}
	}
	return false
}

// sameFile tells whether two paths are one by way of links, as modules below RHEL's /etc/httpd is one to /usr/lib64.
func sameFile(a, b string) bool {
	dirA, errA := filepath.EvalSymlinks(filepath.Dir(a))
	dirB, errB := filepath.EvalSymlinks(filepath.Dir(b))
	return errors.Join(errA, errB) == nil && filepath.Join(dirA, filepath.Base(a)) == filepath.Join(dirB, filepath.Base(b))
}
