package tests

import (
	"strings"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestTrailersLost: where another module's filter rewrites the chunks of a response there is no place for its trailers. The
// log says so.
func TestTrailersLost(t *testing.T) {
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		srv := httpdtest.Start(t, httpdtest.Config{
			MPM: mpm, Packages: streamPackages, Modules: []string{"mod_ext_filter"},
			// 41 puts it behind the filter that makes the chunks, which is 40.
			Conf: trailersConf + "ExtFilterDefine rewrite mode=output ftype=41 cmd=\"/usr/bin/tr 0 1\"\n" +
				"<Location />\nSetOutputFilter rewrite\n</Location>",
		})
		// The filter's zeros become ones, in the chunks and in the head.
		srv.Expect(`MODGO\d{4}: the trailers of this response are lost: a filter between`).Times(1)
		answer := string(srv.Raw(t, "GET /?announce=header&size=5 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
		if !strings.HasSuffix(answer, "\r\n11234\r\n1\r\n\r\n") {
			t.Errorf("the answer is\n%s\nwant chunks that are rewritten, and nothing behind them", answer)
		}
	})
}
