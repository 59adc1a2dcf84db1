// Package page is the look that the example applications share: one HTML document with its style and script inside, light
// or dark as the reader's system is, readable on a phone, and a Content-Security-Policy that allows nothing else.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/url"
	"strings"
)

//go:embed style.css
var style string

const layout = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<base href="{{.Base}}">
<link rel="icon" href="data:,">
<title>{{.Title}}</title>
<style>{{.Style}}</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{template "content" .Data}}
</main>
{{with .Script}}<script>{{.}}</script>{{end}}
</body>
</html>
`

// A Page is a document whose content is a template of its own.
type Page struct {
	title    string
	script   string
	template *template.Template
	policy   string
}

// New makes a page of a title, an html/template for the content below the title, and a script, which may be "". It
// panics where the template does not parse, as template.Must does.
func New(title, content, script string) *Page {
	t := template.Must(template.New("layout").Parse(layout))
	template.Must(t.New("content").Parse(content))
	policy := "default-src 'none'; style-src " + hash(style) + "; img-src data:; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
	if script != "" {
		policy += "; connect-src 'self'; script-src " + hash(script)
	}
	return &Page{title: title, script: script, template: t, policy: policy}
}

// Policy is the value of the Content-Security-Policy header to send with the page.
func (p *Page) Policy() string { return p.policy }

// Render returns the document. Base is what Base returned: the relative links, form actions and fetches of the content
// resolve against it. Data is what the content's template sees.
func (p *Page) Render(base string, data any) ([]byte, error) {
	var document bytes.Buffer
	err := p.template.Execute(&document, struct {
		Title, Base string
		Style       template.CSS
		Script      template.JS
		Data        any
	}{p.title, base, template.CSS(style), template.JS(p.script), data})
	return document.Bytes(), err
}

// Base is the URL path of an application's root, with a slash at its end, for the SCRIPT_NAME under which it is mounted.
//
// Without it a page at /guestbook, which has no slash at its end, would have its relative links resolve against /.
func Base(scriptName string) string {
	// "//host/" would be another server's address.
	path := "/" + strings.Trim(scriptName, "/") + "/"
	if path == "//" {
		path = "/"
	}
	return (&url.URL{Path: path}).EscapedPath()
}

// hash is the source expression of CSP that allows this inline text and no other.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
