package site

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// TestSizes: the workloads are what their names say.
func TestSizes(t *testing.T) {
	for what, got := range map[string][2]int{
		"hello":            {len(HelloBody), 14},
		"request headers":  {len(RequestHeaders) + 1, 30},  // and Host
		"response headers": {len(ResponseHeaders) + 2, 12}, // and Content-Type, Content-Length
		"document":         {len(Sample()), documentSize},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, want %d", what, got[0], got[1])
		}
	}
}

// TestEchoKeepsTheDocument: what comes back is the same document.
func TestEchoKeepsTheDocument(t *testing.T) {
	w := httptest.NewRecorder()
	Handler.ServeHTTP(w, httptest.NewRequest("POST", "/echo", bytes.NewReader(Sample())))
	decode := func(text string) (document Document) {
		if err := json.NewDecoder(strings.NewReader(text)).Decode(&document); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return document
	}
	sent, got := decode(string(Sample())), decode(w.Body.String())
	if !reflect.DeepEqual(sent, got) {
		t.Errorf("%+v came back as %+v", sent, got)
	}
}
