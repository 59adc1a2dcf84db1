// Package exits has an application whose constructor ends the process.
package exits

import (
	"net/http"
	"os"
)

func application() (http.Handler, error) {
	os.Exit(4)
	return nil, nil
}
