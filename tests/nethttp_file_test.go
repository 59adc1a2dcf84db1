package tests

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// fileSize is more than httpd hands to the core, or to mod_ssl, at once.
const fileSize = 5<<20 + 17

// TestNetHTTPReadFrom: a response's writer that copies a file, or a part of one, does as net/http's own does, and the client
// gets every byte.
func TestNetHTTPReadFrom(t *testing.T) {
	dir := t.TempDir()
	large, small, image := filepath.Join(dir, "large"), filepath.Join(dir, "small"), filepath.Join(dir, "image")
	content := make([]byte, fileSize)
	fill(content, 0)
	for path, text := range map[string][]byte{large: content, small: []byte("<p>small"), image: append([]byte("\x89PNG\x0D\x0A\x1A\x0A"), content[:100_000]...)} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		httpdtest.OpenWay(t, path)
	}
	cfg := nethttpConfig("")
	cfg.Conf += "EnableSendfile On\n"
	httpdtest.Hosts(t, cfg, func(srv *httpdtest.Server) {
		srv.Expect("MODGO0012.*the handler wrote 0 of the 1000 bytes").Times(len(httpdtest.Protocols(srv.MPM())))
	}, func(t *testing.T, srv *httpdtest.Server) {
		own := startOwn(t, httpdtest.HTTP1, nil)
		for _, test := range []struct {
			name, path string
			query      url.Values
		}{
			{"whole", large, nil},
			{"from an offset", large, url.Values{"offset": {"4194301"}}},
			{"part", large, url.Values{"offset": {"1000"}, "limit": {"3000000"}}},
			{"small part", large, url.Values{"offset": {"1000"}, "limit": {"10"}}},
			{"no part", large, url.Values{"limit": {"0"}}},
			{"part beyond the end", large, url.Values{"offset": {"5000000"}, "limit": {"9000000"}}},
			{"from the end", large, url.Values{"offset": {strconv.Itoa(fileSize)}}},
			{"between texts", large, url.Values{"before": {"<!DOCTYPE html>"}, "after": {"the end"}}},
			{"part between texts", large, url.Values{"before": {"text"}, "offset": {"1"}, "limit": {"2500000"}, "after": {"the end"}}},
			{"with Content-Length", large, url.Values{"length": {strconv.Itoa(fileSize)}}},
			{"with Content-Length of a part", large, url.Values{"length": {"2500004"}, "before": {"text"}, "limit": {"2500000"}}},
			{"with a type", large, url.Values{"type": {"application/x-own"}}},
			{"small", small, nil},
			{"sniffed", image, nil},
			{"sniffed behind an offset", image, url.Values{"offset": {"8"}}},
		} {
			for _, method := range []string{"GET", "HEAD"} {
				t.Run(test.name+" "+method, func(t *testing.T) {
					query := url.Values{"path": {test.path}}
					for name, values := range test.query {
						query[name] = values
					}
					got, id := copied(t, srv, method, query)
					want, ownID := copied(t, own, method, query)
					if got != want {
						t.Errorf("the client got\n\t%s\nwant, as on net/http's own server,\n\t%s", got, want)
					}
					checkOutcome(t, srv, id, outcome(t, own, ownID)...)
				})
			}
		}
		t.Run("more than Content-Length", func(t *testing.T) {
			query := url.Values{"path": {large}, "length": {"1000"}}
			_, id := copied(t, srv, "GET", query)
			_, ownID := copied(t, own, "GET", query)
			if got, want := outcome(t, srv, id), outcome(t, own, ownID); len(got) != 1 || len(want) != 1 {
				t.Errorf("the handler saw %q; want what it does on net/http's own server, %q", got, want)
			}
		})
	})
}

// copied has a site copy a file, and returns what the client sees of it, in words, and the run's name.
func copied(t *testing.T, at site, method string, query url.Values) (seen, id string) {
	t.Helper()
	id = runID()
	req, err := http.NewRequestWithContext(t.Context(), method, at.URL("/respond/file/"+id+"?"+query.Encode()), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := at.Client().Do(req)
	if err != nil {
		return err.Error(), id
	}
	defer resp.Body.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, resp.Body)
	length := ""
	if query.Has("length") {
		length = resp.Header.Get("Content-Length")
	}
	return fmt.Sprintf("%d %q, Content-Length %q, %d bytes, %s (%v)", resp.StatusCode, resp.Header.Get("Content-Type"), length, n, hex.EncodeToString(sum.Sum(nil)), err), id
}
