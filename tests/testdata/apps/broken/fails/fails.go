// Package fails has an application whose constructor returns an error.
package fails

import (
	"errors"
	"net/http"
)

func application() (http.Handler, error) {
	return nil, errors.New("the database at 192.0.2.1 does not answer")
}
