// Package everywhere wraps every application of the process in the validator, http.Handlers too, and logs what it finds as
// errors. modgo build --validate links it in.
package everywhere

import (
	"log/slog"

	"github.com/mod-go/mod-go/middleware/validate"
	"github.com/mod-go/mod-go/modgo"
)

func init() {
	modgo.Wrap(validate.Reporting(func(violation *validate.Violation) { slog.Error(violation.Error()) }))
}
