package page

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
)

func TestBase(t *testing.T) {
	for scriptName, want := range map[string]string{
		"":               "/",
		"/":              "/",
		"/guestbook":     "/guestbook/",
		"/a/b":           "/a/b/",
		"/with space":    "/with%20space/",
		"/caf\xe9?x#y":   "/caf%E9%3Fx%23y/",
		"//evil.example": "/evil.example/",
	} {
		if got := Base(scriptName); got != want {
			t.Errorf("Base(%q) = %q, want %q", scriptName, got, want)
		}
	}
}

func TestRenderEscapesData(t *testing.T) {
	p := New("A & B", `<p>{{.}}</p>`, "")
	document, err := p.Render("/x/", `<script>alert(1)</script>`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<title>A &amp; B</title>", `<base href="/x/">`, "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"} {
		if !strings.Contains(string(document), want) {
			t.Errorf("the document has no %q:\n%s", want, document)
		}
	}
	if strings.Contains(string(document), "<script>") {
		t.Errorf("a page without a script has a script element:\n%s", document)
	}
}

// The browser hashes what stands in the document: a policy for anything else would leave the page bare.
func TestPolicyAllowsTheInlineStyleAndScript(t *testing.T) {
	p := New("x", `<p>{{.}}</p>`, "// a comment\nconsole.log('<b>', 1 < 2);")
	document, err := p.Render("/", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, element := range []string{"style", "script"} {
		inline := regexp.MustCompile(`(?s)<` + element + `>(.*)</` + element + `>`).FindSubmatch(document)
		if inline == nil {
			t.Fatalf("the document has no %s:\n%s", element, document)
		}
		sum := sha256.Sum256(inline[1])
		want := element + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		if !strings.Contains(p.Policy(), want) {
			t.Errorf("the policy %q does not have %q", p.Policy(), want)
		}
	}
}
