package httpd

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// An API is a module magic number. httpd refuses a module whose major number is not its own; the minor one counts
// functions that were added since, so a module may be older than its server.
type API struct{ Major, Minor int }

func (a API) String() string { return fmt.Sprintf("%d.%d", a.Major, a.Minor) }

// compiled is what `httpd -V` tells of how the server was compiled. What it does not tell is the zero value.
type compiled struct {
	root   string // ServerRoot
	config string // absolute path of the main configuration file
	api    API
}

var (
	rootPattern   = regexp.MustCompile(`-D HTTPD_ROOT="([^"]*)"`)
	configPattern = regexp.MustCompile(`-D SERVER_CONFIG_FILE="([^"]*)"`)
	apiPattern    = regexp.MustCompile(`Module Magic Number: (\d+):(\d+)`)
)

// readCompiled asks the server. After its answer `httpd -V` reads the configuration to name the MPM, and fails where that
// cannot be read; an empty one keeps it from that.
func readCompiled(binary string) compiled {
	output, _ := run(binary, "-V", "-f", os.DevNull)
	var c compiled
	if match := rootPattern.FindStringSubmatch(output); match != nil {
		c.root = match[1]
	}
	if match := configPattern.FindStringSubmatch(output); match != nil {
		if c.config = match[1]; !filepath.IsAbs(c.config) {
			c.config = filepath.Join(c.root, c.config)
		}
	}
	if match := apiPattern.FindStringSubmatch(output); match != nil {
		c.api.Major, _ = strconv.Atoi(match[1])
		c.api.Minor, _ = strconv.Atoi(match[2])
	}
	return c
}
