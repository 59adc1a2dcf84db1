package contract

import (
	"fmt"
	"testing"

	apps "github.com/mod-go/mod-go/tests/testdata/apps/contract"
)

var fileChecks = []check{
	{"C51_file_is_sent_after_the_application_returned", checkFileIsLast},
	{"C52_file_is_closed", checkFileClosed},
	{"C53_file_is_sent_from_its_offset", checkFileOffset},
}

func checkFileIsLast(t *testing.T, h host) {
	s := h.site(atApp)
	content := string(apps.Pattern(10_000))
	checkAnswer(t, get(t, s, "/file?kind=os&size=10000&write=written+"), 200, "written "+content)
	checkAnswer(t, get(t, s, "/file?kind=os&size=10000&append=appended"), 200, content+"appended")
	checkAnswer(t, get(t, s, "/file?kind=os&size=10000&write=written+&append=+appended"), 200, "written "+content+" appended")
	checkAnswer(t, get(t, s, "/file?kind=os&size=10000&instead=text"), 200, "text") // a file that is not returned is not sent
}

func checkFileClosed(t *testing.T, h host) {
	s := h.site(atApp)
	for _, kind := range []string{"os", "pipe", "seekable", "stream"} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, more := range []string{"", "&length=5", "&write=begun", "&length=0"} {
				target, token := marked("/file?kind=" + kind + "&size=10000" + more)
				exchange(t, s, s.request(method, target, http11, end))
				checkNotes(t, h, token, "closed once ")
			}
		}
	}
	t.Run("the client goes", func(t *testing.T) {
		for _, kind := range []string{"os", "seekable", "stream"} {
			target, token := marked("/file?size=20000000&kind=" + kind)
			c := converse(t, s)
			c.send(s.request("GET", target, http11))
			c.expect(c.head("GET").Body, string(apps.Pattern(1000)))
			c.Close()
			checkNotes(t, h, token, "closed once ")
		}
	})
}

func checkFileOffset(t *testing.T, h host) {
	s := h.site(atApp)
	const size = 3_000_000
	content := string(apps.Pattern(size))
	for _, c := range []struct {
		kind           string
		offset, length int // length < 0: none is given
		known          bool
	}{
		{"os", 0, -1, true}, {"os", 1234, -1, true}, {"os", size, -1, true}, {"os", 1234, 500, true}, {"os", 0, 1, true}, {"os", 0, size, true}, {"os", 5, 0, true},
		{"seekable", 0, -1, true}, {"seekable", 1234, -1, true}, {"seekable", 1234, 500, true},
		{"stream", 0, -1, false}, {"stream", 1234, -1, false}, {"stream", 1234, 500, true},
		{"pipe", 0, -1, false}, {"pipe", 1234, -1, false}, {"pipe", 1234, 500, true},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			target := fmt.Sprintf("/file?kind=%s&size=%d&offset=%d", c.kind, size, c.offset)
			want := content[c.offset:]
			if c.length >= 0 {
				target += fmt.Sprintf("&length=%d", c.length)
				want = want[:c.length]
			}
			for _, proto := range []string{http11, http10} {
				resp := exchange(t, s, s.request("GET", target, proto, end))
				checkAnswer(t, resp, 200, want)
				if known := framing(resp.Response) == "length"; known != c.known {
					t.Errorf("%s: Content-Length is %q; want one: %t", proto, resp.Header.Get("Content-Length"), c.known)
				}
			}
			head := exchange(t, s, s.request("HEAD", target, http11, end))
			// Of HEAD, httpd leaves out a length of 0 (HttpContentLengthHeadZero).
			if checkAnswer(t, head, 200, ""); c.known && want != "" && head.Header.Get("Content-Length") != fmt.Sprint(len(want)) {
				t.Errorf("HEAD: Content-Length is %q; want %d", head.Header.Get("Content-Length"), len(want))
			}
		})
	}
	t.Run("too long a promise", func(t *testing.T) {
		h.expect(t, `C45: .* of the 2000 bytes`)
		for _, kind := range []string{"os", "seekable", "stream"} {
			target, token := marked("/file?size=1000&length=2000&kind=" + kind)
			brokenOff(t, s, s.request("GET", target, http11), string(apps.Pattern(1000)))
			checkNotes(t, h, token, "closed once ")
		}
	})
}
