package stream

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mod-go/mod-go/apps/internal/wsgitest"
	"github.com/mod-go/mod-go/modgo"
)

func get(t *testing.T, target string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest("GET", target, nil)
	request.Header = header
	recorder := httptest.NewRecorder()
	application.ServeHTTP(recorder, request)
	return recorder
}

// ids are the numbers of the events in a body, which must be complete messages.
func ids(t *testing.T, body string) (numbers []int, ended bool) {
	t.Helper()
	for message := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		switch {
		case strings.HasPrefix(message, "retry: "):
		case strings.HasPrefix(message, "event: end\n"):
			ended = true
		default:
			var id int
			var data string
			var e event
			if _, err := fmt.Sscanf(message, "id: %d\ndata: %s", &id, &data); err != nil {
				t.Fatalf("%q is no event: %v", message, err)
			}
			if err := json.Unmarshal([]byte(data), &e); err != nil || e.Number != id {
				t.Fatalf("event %d has the data %s (%v)", id, data, err)
			}
			numbers = append(numbers, id)
		}
	}
	return numbers, ended
}

func TestEvents(t *testing.T) {
	for _, test := range []struct {
		name, target, lastEventID string
		status                    int
		want                      []int
	}{
		{"from the start", "/events?n=3&interval=1ms", "", 200, []int{1, 2, 3}},
		{"after the last one seen", "/events?n=5&interval=1ms", "3", 200, []int{4, 5}},
		{"after the one in the URL", "/events?n=5&interval=1ms&last=4", "", 200, []int{5}},
		{"the header is newer than the URL", "/events?n=5&interval=1ms&last=1", "4", 200, []int{5}},
		{"an ID from elsewhere", "/events?n=2&interval=1ms", "abc", 200, []int{1, 2}},
		{"a negative ID", "/events?n=2&interval=1ms", "-7", 200, []int{1, 2}},
		{"nothing left", "/events?n=3&interval=1ms", "3", 204, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			header := http.Header{}
			if test.lastEventID != "" {
				header.Set("Last-Event-ID", test.lastEventID)
			}
			recorder := get(t, test.target, header)
			if recorder.Code != test.status {
				t.Fatalf("status %d, want %d: %s", recorder.Code, test.status, recorder.Body)
			}
			if test.status == 204 {
				if recorder.Body.Len() > 0 {
					t.Errorf("204 with a body: %q", recorder.Body)
				}
				return
			}
			got, ended := ids(t, recorder.Body.String())
			if fmt.Sprint(got) != fmt.Sprint(test.want) || !ended {
				t.Errorf("events %v, ended %t, want %v, ended", got, ended, test.want)
			}
			if recorder.Header().Get("Content-Type") != "text/event-stream" || recorder.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("header %v", recorder.Header())
			}
			if !strings.HasPrefix(recorder.Body.String(), "retry: ") {
				t.Errorf("the stream does not begin with the time to reconnect: %q", recorder.Body)
			}
		})
	}
}

// The next event is 10 seconds away: what arrives before it must have been flushed.
func TestEventsArriveWhileTheStreamRuns(t *testing.T) {
	returned := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		application.ServeHTTP(w, r)
	}))
	defer server.Close()
	response, err := http.Get(server.URL + "/events?n=2&interval=10s")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "data: ") {
	}
	if lines.Err() != nil || !strings.Contains(lines.Text(), `"number":1`) {
		t.Errorf("the first event is %q (%v)", lines.Text(), lines.Err())
	}
	response.Body.Close() // leaving ends the handler, long before its next event
	<-returned
}

func TestBadPaceIsRefused(t *testing.T) {
	for query, want := range map[string]string{
		"n=0":                        "from 1 to 10000",
		"n=10001":                    "from 1 to 10000",
		"n=many":                     "from 1 to 10000",
		"interval=5":                 "with its unit",
		"interval=0s":                "from 1ms to 10s",
		"interval=11s":               "from 1ms to 10s",
		"interval=-1s":               "from 1ms to 10s",
		"n=1000&interval=1s":         "a stream may take 10m0s",
		"n=%zz":                      "cannot be read",
		"n=10000&interval=10s":       "a stream may take 10m0s",
		"n=1;interval=1s":            "cannot be read",
		"n=99999999999999999999":     "from 1 to 10000",
		"interval=99999999999999h1m": "with its unit",
	} {
		for _, path := range []string{"/events", "/chunks"} {
			recorder := get(t, path+"?"+query, nil)
			if recorder.Code != 400 || !strings.Contains(recorder.Body.String(), want) {
				t.Errorf("%s?%s: %d %q, want 400 with %q", path, query, recorder.Code, recorder.Body, want)
			}
		}
		response := wsgitest.Do(t, Chunks, wsgitest.Request{Variables: map[string]string{"QUERY_STRING": query}})
		if response.Status != 400 || !strings.Contains(string(response.Body), want) {
			t.Errorf("Chunks with %s: %d %q, want 400 with %q", query, response.Status, response.Body, want)
		}
	}
}

func TestLongestPaceIsAllowed(t *testing.T) {
	for _, query := range []string{"n=61&interval=10s", "n=10000&interval=60ms", "n=1&interval=10s"} {
		if _, err := parsePace(query, defaultChunks); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestChunksInBothStyles(t *testing.T) {
	handler := get(t, "/chunks?n=3&interval=1ms", nil)
	wsgi := wsgitest.Do(t, Chunks, wsgitest.Request{Variables: map[string]string{"QUERY_STRING": "n=3&interval=1ms"}})
	if handler.Code != 200 || wsgi.Status != 200 || wsgi.Err != nil {
		t.Fatalf("status %d and %d (%v)", handler.Code, wsgi.Status, wsgi.Err)
	}
	for style, body := range map[string]string{"http.Handler": handler.Body.String(), "WSGI-style": string(wsgi.Body)} {
		lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], "1 of 3 at ") || !strings.HasPrefix(lines[2], "3 of 3 at ") {
			t.Errorf("%s: %q", style, body)
		}
	}
}

func TestHeadDoesNotTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for _, path := range []string{"/events", "/chunks"} {
			recorder := httptest.NewRecorder()
			application.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), "HEAD", path, nil))
			if recorder.Code != 200 || recorder.Body.Len() > 0 {
				t.Errorf("HEAD %s: %d %q", path, recorder.Code, recorder.Body)
			}
		}
		if passed := time.Since(start); passed != 0 {
			t.Errorf("HEAD took %v", passed)
		}
	})
}

func TestTicksKeepTheirPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		for range (pace{count: 3, interval: 4 * time.Second}).ticks(t.Context()) {
			at = append(at, time.Since(start))
		}
		if want := []time.Duration{0, 4 * time.Second, 8 * time.Second}; fmt.Sprint(at) != fmt.Sprint(want) {
			t.Errorf("ticks at %v, want %v", at, want)
		}
		if passed := time.Since(start); passed != 8*time.Second {
			t.Errorf("returned after %v: it waited for a tick that nobody gets", passed)
		}
	})
}

func TestBodyEndsWithItsContext(t *testing.T) {
	reason := errors.New("the client has gone")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		var blocks int
		var ended error
		for _, err := range (pace{count: 5, interval: time.Second}).lines(ctx) {
			if err != nil {
				ended = err
				break
			}
			if blocks++; blocks == 2 {
				cancel(reason)
			}
		}
		if blocks != 2 || !errors.Is(ended, reason) {
			t.Errorf("%d blocks, then %v; want 2, then %v", blocks, ended, reason)
		}
	})
}

// A server stops iterating when the client has gone: the iterator returns, and its ticker stops.
func TestBodyStopsWhenItsConsumerDoes(t *testing.T) {
	var blocks int
	for range defaultChunks.lines(t.Context()) {
		blocks++
		break
	}
	if blocks != 1 {
		t.Errorf("%d blocks after the first", blocks)
	}
}

func TestTextCutShortIsAborted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v, want http.ErrAbortHandler", v)
		}
	}()
	application.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/chunks", nil))
}

func TestPage(t *testing.T) {
	env := wsgitest.NewEnviron(wsgitest.Request{Variables: map[string]string{"SCRIPT_NAME": "/stream"}})
	for _, test := range []struct {
		name, base string
		ctx        context.Context
	}{
		{"under a mount", "/stream/", modgo.NewContext(t.Context(), env)},
		{"by net/http alone", "/", t.Context()},
	} {
		t.Run(test.name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			application.ServeHTTP(recorder, httptest.NewRequestWithContext(test.ctx, "GET", "/", nil))
			body, _ := io.ReadAll(recorder.Body)
			if recorder.Code != 200 || !strings.Contains(string(body), `<base href="`+test.base+`">`) || !strings.Contains(string(body), "EventSource") {
				t.Errorf("%d\n%s", recorder.Code, body)
			}
		})
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	if code := get(t, "/nothing", nil).Code; code != 404 {
		t.Errorf("GET /nothing: %d, want 404", code)
	}
	recorder := httptest.NewRecorder()
	application.ServeHTTP(recorder, httptest.NewRequest("POST", "/events", nil))
	if recorder.Code != 405 {
		t.Errorf("POST /events: %d, want 405", recorder.Code)
	}
}
