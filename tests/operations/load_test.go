package operations

import (
	"context"
	"net"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// pause is what each client waits between two requests: the load shows failures, not how much the machine can do.
const pause = 2 * time.Millisecond

// startLoad starts clients that fetch one URL, one over a connection as long as it is kept open, one over a new one each time.
// Each answer has to be of status 200, with a body that matches.
func startLoad(t *testing.T, url, body string) *httpdtest.Load {
	want := regexp.MustCompile(body)
	var senders []httpdtest.Sender
	for _, client := range []*http.Client{httpdtest.KeptConnections(), httpdtest.NewConnections()} {
		client.Transport.(*http.Transport).DialContext = dialHere
		senders = append(senders, httpdtest.Sender{Client: client, URL: url, Wants: want.MatchString, Every: pause})
	}
	return httpdtest.StartLoad(t, senders...)
}

// dialHere connects to this machine, whatever the name.
func dialHere(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:80")
}

// stopLoad ends the load; it fails the test where one request failed, or none was answered.
func stopLoad(t *testing.T, l *httpdtest.Load) {
	t.Helper()
	answered := l.Stop()
	t.Logf("%d requests were answered", answered)
	if answered == 0 {
		t.Error("no request was answered")
	}
}
