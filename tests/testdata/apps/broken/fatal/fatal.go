// Package fatal has an application whose constructor ends in a fatal error of the Go runtime.
package fatal

import "net/http"

func application() (http.Handler, error) {
	go func() { panic("in a goroutine") }()
	select {}
}
