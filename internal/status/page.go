package status

import (
	"crypto/rand"
	_ "embed"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
)

//go:embed page.html
var pageText string

// servePage serves the page, made without html/template: whose use of reflection has the linker keep every exported method of
// every type of the object, which are megabytes.
func servePage(w http.ResponseWriter, r *http.Request, report *Report) {
	nonce := rand.Text() // of the page's own style and script
	text := strings.NewReplacer(
		"{{nonce}}", nonce,
		"{{time}}", report.Time.Format("15:04:05"),
		"{{base}}", html.EscapeString(strings.TrimRight(r.URL.EscapedPath(), "/")),
		"{{main}}", string(render(report)),
	).Replace(pageText)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; connect-src 'self'; script-src 'nonce-%s'; style-src 'nonce-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", nonce, nonce))
	w.Header().Set("Referrer-Policy", "no-referrer")
	_, _ = io.WriteString(w, text) // the client is gone if it fails
}
