package limits

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/transfer"
)

const (
	gigabyte = 1 << 30
	// transferGrowth is how many bytes a child's resident memory may grow by one transfer.
	transferGrowth = 16 << 20
)

// pattern reads as the bytes of transfer.Pattern.
type pattern struct{ offset, size int64 }

func (p *pattern) Read(b []byte) (int, error) {
	if p.offset >= p.size {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.size-p.offset)]
	transfer.Pattern(b, p.offset)
	p.offset += int64(len(b))
	return len(b), nil
}

func patternSum(t *testing.T) string {
	t.Helper()
	hash := sha256.New()
	if _, err := io.CopyBuffer(hash, &pattern{size: gigabyte}, make([]byte, 64<<10)); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// TestTransfers: a gigabyte up and a gigabyte down, with and without Content-Length, arrives byte for byte, and the child
// does not gather it.
func TestTransfers(t *testing.T) {
	want := patternSum(t)
	srv := httpdtest.Start(t, httpdtest.Config{
		MPM: "event", Packages: []string{"./tests/testdata/apps/transfer"},
		Conf: "GoAlias / " + appsPath + "transfer\nLimitRequestBody 0",
	})
	client := &http.Client{Transport: srv.Client().Transport} // without the usual client's limit of time
	// A first round of small transfers, so that what is measured is the size of the body.
	srv.Get("/?bytes=1000000")
	child := srv.ChildPIDs()[0]
	before := srv.RSS(child)

	upload := func(length int64) string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL("/"), struct{ io.Reader }{&pattern{size: gigabyte}})
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(answer)
	}
	download := func(query string) string {
		resp, err := client.Get(srv.URL(fmt.Sprintf("/?bytes=%d%s", gigabyte, query)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		hash := sha256.New()
		n, err := io.Copy(hash, resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d %s", n, hex.EncodeToString(hash.Sum(nil)))
	}
	for _, c := range []struct {
		what string
		run  func() string
	}{
		{"1 GB upload with Content-Length", func() string { return upload(gigabyte) }},
		{"1 GB upload, chunked", func() string { return upload(-1) }},
		{"1 GB download with Content-Length", func() string { return download("&length") }},
		{"1 GB download, chunked", func() string { return download("") }},
	} {
		if got := c.run(); got != fmt.Sprintf("%d %s", gigabyte, want) {
			t.Errorf("%s: length and SHA-256 are %s; want %d %s", c.what, got, gigabyte, want)
		}
		grown := srv.RSS(child) - before
		record(t, c.what+": growth of the child's resident memory", megabytes(grown), "16 MB")
		if grown > transferGrowth {
			t.Errorf("%s: the child grew by %d bytes", c.what, grown)
		}
	}
}
