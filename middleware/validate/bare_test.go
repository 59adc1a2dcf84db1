package validate_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/middleware/validate/brokenapps"
	"github.com/mod-go/mod-go/modgo"
)

// TestBareOverHTTP proves that a client gets from the reference server what the table says.
func TestBareOverHTTP(t *testing.T) {
	for _, broken := range brokenapps.All() {
		t.Run(broken.Name, func(t *testing.T) {
			server := modgo.NewServer("127.0.0.1:0", broken.Application)
			server.ErrorLog = io.Discard
			if err := server.Listen(); err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- server.ServeForever() }()
			defer func() {
				_ = server.Close()
				<-served
			}()
			client := &http.Client{
				Transport:     &http.Transport{DisableKeepAlives: true},
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			}
			response, err := client.Post("http://"+server.Addr().String()+"/", "text/plain", strings.NewReader("body"))
			if err != nil {
				if broken.Bare != brokenapps.Aborted {
					t.Fatalf("no response: %v; the table says %v", err, broken.Bare)
				}
				return
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if aborted := err != nil; aborted != (broken.Bare == brokenapps.Aborted) {
				t.Errorf("the client can tell that it was aborted: %v (%q); the table says %v", aborted, body, broken.Bare)
			}
			switch broken.Bare {
			case brokenapps.Failed:
				if response.StatusCode != http.StatusInternalServerError {
					t.Errorf("status %d; the table says 500", response.StatusCode)
				}
			case brokenapps.Harmless, brokenapps.Unsettled:
				if broken.Bare == brokenapps.Unsettled && response.StatusCode == http.StatusInternalServerError {
					break
				}
				if response.StatusCode != broken.Status || string(body) != broken.Body {
					t.Errorf("%d, %q; the table says %d, %q", response.StatusCode, body, broken.Status, broken.Body)
				}
			}
			if broken.Absent != "" && response.Header.Get(broken.Absent) != "" {
				t.Errorf("the client got the header %s", broken.Absent)
			}
		})
	}
}
