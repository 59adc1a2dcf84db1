package tests

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// TestSlowRequestLog: a request that took longer is logged once, with how long its client was waited for.
func TestSlowRequestLog(t *testing.T) {
	cfg := overtimeConfig("GoSlowRequestLog " + milliseconds(300*time.Millisecond))
	httpdtest.Hosts(t, cfg, nil, func(t *testing.T, srv *httpdtest.Server) {
		name := strings.ReplaceAll(t.Name(), "/", ".")
		srv.Get("/app/pid?" + name)
		srv.Expect(regexp.QuoteMeta(`MODGO0017: slow: "GET /app/nap/`) + `\d+\?` + regexp.QuoteMeta(name) + ` HTTP/[0-9.]+" took the application ` + regexp.QuoteMeta(overtimeApp) + `.Application \d+\.\d{3} s, of which it waited 0.000 s .* 0.000 s .*; status 200 \(request id \S+\)`).Times(1)
		srv.Get("/app/nap/" + strings.TrimSuffix(milliseconds(400*time.Millisecond), "ms") + "?" + name)

		srv.Expect(`MODGO0017: slow: .*/app/read/1\?` + regexp.QuoteMeta(name) + ` .* of which it waited (0\.[3-9]|[1-9])`).Times(1)
		body, feed := io.Pipe()
		go func() {
			defer feed.Close()
			fmt.Fprint(feed, "first")
			time.Sleep(httpdtest.Limit(500 * time.Millisecond))
			fmt.Fprint(feed, "second")
		}()
		if resp := srv.Send("POST", "/app/read/1?"+name, body); resp.Text != "11 <nil>" {
			t.Errorf("the answer is %q", resp.Text)
		}
	})
}

// limitMistakes are values that GoRequestTimeout and GoSlowRequestLog refuse, with what the refusal says.
var limitMistakes = map[string]string{
	"GoRequestTimeout soon":             "'soon' is not a time: a number with ms, s or min, at least 1ms, for example 30s; or off",
	"GoRequestTimeout 0":                "'0' is not a time",
	"GoRequestTimeout -5s":              "'-5s' is not a time",
	"GoRequestTimeout 5parsecs":         "'5parsecs' is not a time",
	"GoRequestTimeout grace=5s":         "the time is missing before grace=5s, for example GoRequestTimeout 30s grace=5s",
	"GoRequestTimeout off grace=5s":     "there is no grace=5s where the timeout is off",
	"GoRequestTimeout 5s grace=0":       "'grace=0' is not a time",
	"GoRequestTimeout 5s grace=":        "'grace=' is not a time",
	"GoRequestTimeout 5s mercy=1s":      "unknown option 'mercy=1s'; allowed is grace=TIME",
	"GoRequestTimeout 5s grace=1s more": "takes 1-2 arguments",
	"GoRequestTimeout":                  "takes 1-2 arguments",
	"GoSlowRequestLog never":            "'never' is not a time: a number with ms, s or min, at least 1ms, for example 30s; or off",
	"GoSlowRequestLog 0s":               "'0s' is not a time",
}

// TestLimitMistakes: they fail configtest with what is allowed; in .htaccess neither directive may stand.
func TestLimitMistakes(t *testing.T) {
	for conf, want := range limitMistakes {
		output, ok := httpdtest.ConfigTest(t, overtimeConfig(conf))
		if output = strings.Join(strings.Fields(output), " "); ok || !strings.Contains(output, want) {
			t.Errorf("%s: configtest accepts it (%t), or does not say %q:\n%s", conf, ok, want, output)
		}
	}
	for _, directive := range []string{"GoRequestTimeout 5s", "GoSlowRequestLog 5s"} {
		cfg := overtimeConfig("<Directory ${DIR}/www>", "AllowOverride All", "</Directory>")
		cfg.DocumentRoot, cfg.Files = "www", map[string]string{"release/.keep": "", "www/.htaccess": directive + "\n"}
		srv := httpdtest.Start(t, cfg)
		srv.Expect(`\.htaccess: ` + strings.Fields(directive)[0] + ` not allowed here`)
		if resp := srv.Get("/"); resp.StatusCode != 500 {
			t.Errorf("%s in .htaccess: status %d", directive, resp.StatusCode)
		}
	}
}
