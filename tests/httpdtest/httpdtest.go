// Package httpdtest runs black-box tests against a real httpd: one per configuration, on a free port of 127.0.0.1, with
// mod_go built from the packages that the test names.
//
//	func TestHello(t *testing.T) {
//		httpdtest.Matrix(t, func(t *testing.T, mpm string) {
//			srv := httpdtest.Start(t, httpdtest.Config{
//				MPM:      mpm,
//				Packages: []string{"./apps/hello"},
//				Conf:     "GoAlias /hello github.com/mod-go/mod-go/apps/hello",
//			})
//			if got := srv.Get("/hello"); got.StatusCode != 200 {
//				t.Errorf("status %d", got.StatusCode)
//			}
//		})
//	}
//
// A test fails if its httpd logged anything at warn or above, any line with a MODGO number or any line that did not pass
// through the log, unless the test declared it with Expect; it fails too if a declared line never came.
//
// Hosts runs a test under every MPM and over every protocol: HTTP/1.1, TLS, HTTP/2 with and without TLS.
//
// The environment of the tests changes how httpd runs, see environment.go.
package httpdtest

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mod-go/mod-go/internal/httpd"
)

// installation is this machine's httpd, looked for once.
var installation = sync.OnceValues(httpd.Find)

func find(t testing.TB) *httpd.Installation {
	t.Helper()
	inst, err := installation()
	if err != nil {
		t.Fatalf("httpdtest: %v; `make deps` installs what the tests need", err)
	}
	return inst
}

// Matrix runs test under event, worker and prefork, as subtests of these names. MODGO_TEST_MPM selects some of them.
func Matrix(t *testing.T, test func(t *testing.T, mpm string)) {
	t.Helper()
	available := find(t).MPMs()
	for _, mpm := range MPMs() {
		t.Run(mpm, func(t *testing.T) {
			if !slices.Contains(available, mpm) {
				t.Fatalf("this httpd has no MPM %s, only %s: install it, or set %s=%s", mpm, strings.Join(available, ", "), EnvMPM, strings.Join(available, ","))
			}
			test(t, mpm)
		})
	}
}
