package hello

import (
	"testing"

	"github.com/mod-go/mod-go/apps/internal/wsgitest"
)

func TestAnswersWithTheMethod(t *testing.T) {
	for _, method := range []string{"GET", "POST", "PROPFIND"} {
		response := wsgitest.Do(t, application, wsgitest.Request{Variables: map[string]string{"REQUEST_METHOD": method}})
		if response.Status != 200 {
			t.Errorf("%s: status %d, want 200", method, response.Status)
		}
		if got, want := string(response.Body), "The request method was "+method; got != want {
			t.Errorf("%s: body %q, want %q", method, got, want)
		}
		if got := response.Header.Get("Content-Type"); got != "text/plain" {
			t.Errorf("%s: Content-Type %q", method, got)
		}
	}
}
