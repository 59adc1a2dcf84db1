package compose

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

// TestUpload: the application gets every byte of a body, whether its length is announced or not.
func TestUpload(t *testing.T) {
	content := make([]byte, 16<<20)
	rand.NewChaCha8([32]byte{}).Read(content) // it never fails
	want := fmt.Sprintf("%x  random  %d bytes\n", sha256.Sum256(content), len(content))
	overBoth(t, func(t *testing.T, client *http.Client) {
		for _, test := range []struct {
			name string
			body io.Reader
		}{
			{"with Content-Length", bytes.NewReader(content)},
			{"without Content-Length", io.MultiReader(bytes.NewReader(content))},
		} {
			response, got := send(t, client, http.MethodPut, "https://"+www+"/upload/random", test.body, "Accept", "text/plain")
			if response.StatusCode != 200 || got != want {
				t.Errorf("%s: %s %q, want %q", test.name, response.Status, got, want)
			}
		}
	})
}

// TestStreaming: what the application flushes arrives then, not at the end of the response.
func TestStreaming(t *testing.T) {
	const lines, interval = 5, 400 * time.Millisecond
	overBoth(t, func(t *testing.T, client *http.Client) {
		url := fmt.Sprintf("https://%s/stream/chunks?n=%d&interval=%v", www, lines, interval)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var arrived []time.Time
		scanner := bufio.NewScanner(response.Body)
		for scanner.Scan() {
			arrived = append(arrived, time.Now())
		}
		if err := scanner.Err(); err != nil || len(arrived) != lines {
			t.Fatalf("%d lines came, want %d: %v", len(arrived), lines, err)
		}
		// All at once would be no time at all.
		if took, least := arrived[lines-1].Sub(arrived[0]), (lines-1)*interval/2; took < least {
			t.Errorf("between the first line and the last there were %v, want at least %v", took, least)
		}
	})
}
