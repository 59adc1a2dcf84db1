package tests

import (
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
	"github.com/mod-go/mod-go/tests/testdata/apps/nethttp"
)

// TestNetHTTPReadDeadline: a slow upload ends at the deadline that the handler has set, and the client gets the answer.
func TestNetHTTPReadDeadline(t *testing.T) {
	httpdtest.Hosts(t, nethttpConfig(""), nil, func(t *testing.T, srv *httpdtest.Server) {
		onBoth(t, srv, func(t *testing.T, at site) {
			id := runID()
			body, writer := io.Pipe()
			defer writer.Close()
			go func() { _, _ = io.WriteString(writer, "slow") }()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.URL("/respond/read-deadline/"+id), body)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := at.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			// On HTTP/1.1 the server closes the connection, with the upload under way.
			if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusRequestTimeout || string(text) != "too slow" {
				t.Errorf("%s: %q (%v); want 408", resp.Status, text, err)
			}
			seen, after := took(t, outcome(t, at, id))
			if want := []string{"set <nil>", "read 4", "exceeded true", "again true"}; !slices.Equal(seen, want) {
				t.Errorf("the handler saw %q; want %q", seen, want)
			}
			if after < nethttp.ReadLimit || after > httpdtest.Limit(nethttp.ReadLimit+time.Second) {
				t.Errorf("the read ended after %v; the deadline was %v", after, nethttp.ReadLimit)
			}
		})
		onBoth(t, srv, func(t *testing.T, at site) {
			id := runID()
			resp := asking{method: "POST", target: "/respond/deadline-moved/" + id, body: "one..two..thre.and the rest"}.send(t, at)
			resp.Body.Close()
			checkOutcome(t, at, id, `"one.." <nil>`, `"two.." <nil>`, `"thre." <nil>`, `"and the rest" <nil>`)
		})
	})
}

// TestNetHTTPWriteDeadline: a response that the client does not read ends at the deadline; nobody else notices.
func TestNetHTTPWriteDeadline(t *testing.T) {
	httpdtest.Hosts(t, nethttpConfig(""), nil, func(t *testing.T, srv *httpdtest.Server) {
		id := runID()
		leave := readNothing(t, srv, "/respond/write-deadline/"+id)
		awaitSignal(t, srv, id, "begun")
		for i := range 20 {
			begun := time.Now()
			if resp := srv.Get("/respond/defaults/" + runID()); resp.StatusCode != http.StatusOK || time.Since(begun) > httpdtest.Limit(nethttp.WriteLimit) {
				t.Errorf("request %d beside it: %s after %v", i, resp.Status, time.Since(begun))
			}
		}
		seen, after := took(t, outcome(t, srv, id))
		if want := []string{"set <nil>", "exceeded true", "again true", "flush true"}; !slices.Equal(seen, want) {
			t.Errorf("the handler saw %q; want %q", seen, want)
		}
		if after < nethttp.WriteLimit || after > httpdtest.Limit(nethttp.WriteLimit+time.Second) {
			t.Errorf("the write ended after %v; the deadline was %v", after, nethttp.WriteLimit)
		}
		if whole := leave(); whole {
			t.Error("the client took what it got for the whole response")
		}
	})
}

// TestNetHTTPWriteTooLate: nothing is sent once the deadline has passed, though the client would take it, and no later deadline
// mends that.
func TestNetHTTPWriteTooLate(t *testing.T) {
	httpdtest.Hosts(t, nethttpConfig(""), nil, func(t *testing.T, srv *httpdtest.Server) {
		own := startOwn(t, srv.Protocol(), nil)
		for _, script := range []string{"write-too-late", "end-too-late"} {
			got, id := run(t, srv, "GET", "/respond/"+script)
			want, ownID := run(t, own, "GET", "/respond/"+script)
			if !got.Error || !want.Error {
				t.Errorf("%s: the response is whole: %t, and on net/http's own server %t", script, !got.Error, !want.Error)
			}
			checkOutcome(t, srv, id, outcome(t, own, ownID)...)
		}
	})
}

// readNothing begins a request on a connection of its own and reads nothing of the answer's body. Leave reads what there
// is, and tells whether the answer has ended properly.
func readNothing(t *testing.T, srv *httpdtest.Server, target string) (leave func() (whole bool)) {
	t.Helper()
	transport := srv.Client().Transport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL(target), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return func() bool {
		defer resp.Body.Close()
		_, err := io.Copy(io.Discard, resp.Body)
		return err == nil
	}
}
