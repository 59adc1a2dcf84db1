// Package isnil has an application without a value.
package isnil

import "net/http"

var application http.Handler
