package environ_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/environ"
)

// TestReferenceServerIsDocumented: the last column of the tables of docs/environ.md names a source for exactly those
// variables that FromRequest makes of a request.
func TestReferenceServerIsDocumented(t *testing.T) {
	const doc = "../docs/environ.md"
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	rows := regexp.MustCompile("(?m)^\\| `([\\w.]+)` \\|.*\\| ([^|]+) \\|$").FindAllStringSubmatch(string(text), -1)
	for _, row := range rows {
		if row[2] != "none" && !strings.HasPrefix(row[1], "SSL_") {
			documented = append(documented, row[1])
		}
	}
	if len(documented) == 0 {
		t.Fatalf("%s has no table of variables", doc)
	}
	slices.Sort(documented)

	r := httptest.NewRequest("POST", "/", strings.NewReader("x"))
	r.Header.Set("Content-Type", "text/plain")
	r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, ServerName: "a"}
	ca := authority(t)
	r.TLS.PeerCertificates = append(r.TLS.PeerCertificates, client(t, &ca).Leaf, ca.Leaf)
	r = r.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80})))
	var supplied []string
	for _, name := range environ.FromRequest(r, environ.Server{Software: "test"}).Names() {
		switch {
		case strings.HasPrefix(name, "SSL_"):
			// Parts of names and numbered variables are documented as a family.
			family := regexp.MustCompile(`(_DN_)\w+$`).ReplaceAllString(regexp.MustCompile(`_\d+$`).ReplaceAllString(name, "_n"), "$1*")
			if !strings.Contains(string(text), "`"+family+"`") {
				t.Errorf("%s does not describe %s, as %s", doc, name, family)
			}
		case !strings.HasPrefix(name, "HTTP_"):
			supplied = append(supplied, name)
		}
	}
	if !slices.Equal(supplied, documented) {
		t.Errorf("FromRequest supplies\n%q\n%s says\n%q", supplied, doc, documented)
	}
}
