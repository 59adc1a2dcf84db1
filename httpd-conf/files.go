// Package httpdfiles holds the configuration files of this folder for the programs that install them.
package httpdfiles

import _ "embed"

// GoConf is go.conf, the settings of the whole server.
//
//go:embed go.conf
var GoConf []byte
