// Package hangs has an application whose constructor does not return.
package hangs

import "net/http"

func application() (http.Handler, error) { select {} }
