// Package panics has an application whose constructor panics.
package panics

import "net/http"

func application() (http.Handler, error) { panic("no settings file") }
