package compose

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// TestVirtualHosts: the name decides which site answers, with TLS and without.
func TestVirtualHosts(t *testing.T) {
	client := newClient(false)
	for _, test := range []struct {
		url    string
		status int
		part   string
	}{
		{"http://" + hello + "/", 200, "The request method was GET"},
		{"http://" + hello + "/guestbook", 200, "The request method was GET"}, // this site is one application
		{"http://" + www + "/", 200, "A file of Apache's"},
		{"http://" + www + "/guestbook", 200, "<form"},
		{"http://" + www + "/environ", 403, "Forbidden"}, // which sites.conf allows to the machine itself alone
		{"https://" + hello + "/", 200, "The request method was GET"},
		{"https://" + www + "/", 200, "A file of Apache's"},
		{"https://" + www + "/guestbook", 200, "<form"},
		{"https://" + www + "/chat/", 200, "new WebSocket"},
	} {
		response, content := send(t, client, http.MethodGet, test.url, nil)
		if response.StatusCode != test.status || !strings.Contains(content, test.part) {
			t.Errorf("%s is answered %s, want %d and a body with %q:\n%s", test.url, response.Status, test.status, test.part, content)
		}
	}
}

// TestTLS: the certificate is valid for both names and for no other, and the application knows the protocol of a request.
func TestTLS(t *testing.T) {
	overBoth(t, func(t *testing.T, client *http.Client) {
		response, content := send(t, client, http.MethodGet, "https://"+www+"/environ/path", nil, "Accept", "application/json")
		if response.StatusCode != 200 {
			t.Fatalf("%s: %s", response.Status, content)
		}
		var got map[string]string
		if err := json.Unmarshal([]byte(content), &got); err != nil {
			t.Fatalf("%v in %s", err, content)
		}
		for name, want := range map[string]string{
			"HTTPS": "on", "REQUEST_SCHEME": "https", "SERVER_PORT": "443", "SERVER_NAME": www, "SSL_TLS_SNI": www,
			"SERVER_PROTOCOL": response.Proto, "SCRIPT_NAME": "/environ", "PATH_INFO": "/path",
		} {
			if got[name] != want {
				t.Errorf("%s is %q, want %q", name, got[name], want)
			}
		}
	})

	_, err := tls.Dial("tcp", hello+":443", &tls.Config{RootCAs: roots, ServerName: "other.example.org"})
	var invalid *tls.CertificateVerificationError
	if !errors.As(err, &invalid) {
		t.Errorf("for another name the handshake ends with %v, want an error of the certificate", err)
	}
}

// TestALPN: the client's list decides between HTTP/2 and HTTP/1.1.
func TestALPN(t *testing.T) {
	for _, test := range []struct {
		offered []string
		want    string
	}{
		{[]string{"h2", "http/1.1"}, "h2"},
		{[]string{"h2"}, "h2"},
		{[]string{"http/1.1"}, "http/1.1"},
		{nil, ""},
	} {
		conn, err := tls.Dial("tcp", hello+":443", &tls.Config{RootCAs: roots, ServerName: hello, NextProtos: test.offered})
		if err != nil {
			t.Errorf("offering %q: %v", test.offered, err)
			continue
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != test.want {
			t.Errorf("offered %q, the server chose %q, want %q", test.offered, got, test.want)
		}
		conn.Close()
	}
	overBoth(t, func(t *testing.T, client *http.Client) {
		response, content := send(t, client, "PROPFIND", "https://"+hello+"/", nil)
		if want := strings.TrimPrefix(t.Name(), "TestALPN/"); response.Proto != want || content != "The request method was PROPFIND" {
			t.Errorf("the answer is by %s, want %s: %q", response.Proto, want, content)
		}
	})
}

// TestErrorDocument: Apache's page takes the place of an application's 404, and stands for a file that is missing.
func TestErrorDocument(t *testing.T) {
	overBoth(t, func(t *testing.T, client *http.Client) {
		for _, path := range []string{"/composed/nothing", "/nothing"} {
			response, content := send(t, client, http.MethodGet, "https://"+www+path, nil)
			if response.StatusCode != 404 || !strings.Contains(content, "This is the error document of www.example.org.") {
				t.Errorf("%s is answered %s:\n%s", path, response.Status, content)
			}
		}
		// The site without an error document: the application has the last word.
		if response, content := send(t, client, http.MethodGet, "https://"+hello+"/nothing", nil); response.StatusCode != 200 {
			t.Errorf("hello answers %s:\n%s", response.Status, content)
		}
	})
}
