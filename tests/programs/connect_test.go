package programs

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/mod-go/mod-go/tests/httpdtest"
	application "github.com/mod-go/mod-go/tests/programs/apps/connect"
	wordsv1 "github.com/mod-go/mod-go/tests/programs/apps/connect/words/v1"
	"github.com/mod-go/mod-go/tests/programs/apps/connect/words/v1/wordsv1connect"
)

// maxURL is the length from which on a client makes a POST of a GET: httpd takes 8190 bytes (LimitRequestLine).
const maxURL = 8000

// rpcProtocols are those that connect-go's handlers answer.
var rpcProtocols = []struct {
	name    string
	options []connect.ClientOption
}{
	{"Connect", nil},
	{"Connect with JSON", []connect.ClientOption{connect.WithProtoJSON()}},
	{"Connect with GET", []connect.ClientOption{connect.WithHTTPGet(), connect.WithHTTPGetMaxURLSize(maxURL, true)}},
	{"Connect compressed", []connect.ClientOption{connect.WithSendGzip()}},
	{"gRPC", []connect.ClientOption{connect.WithGRPC()}},
	{"gRPC-Web", []connect.ClientOption{connect.WithGRPCWeb()}},
}

// TestConnect: a client of connect-go gets from httpd what it gets from net/http's own server.
func TestConnect(t *testing.T) {
	t.Run("reference", func(t *testing.T) {
		for _, protocol := range httpdtest.Protocols("") {
			t.Run(string(protocol), func(t *testing.T) {
				srv := reference(t, application.Application, protocol)
				testConnect(t, srv.Client(), srv.URL)
			})
		}
	})
	httpdtest.Hosts(t, httpdtest.Config{
		Packages: rpcPackages, Conf: "GoAlias / github.com/mod-go/mod-go/tests/programs/apps/connect",
	}, nil, func(t *testing.T, srv *httpdtest.Server) {
		testConnect(t, srv.Client(), srv.URL(""))
	})
}

// reference is net/http's own server with a handler, and a client that speaks one protocol only.
func reference(t *testing.T, handler http.Handler, protocol httpdtest.Protocol) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(handler)
	srv.Config.Protocols = new(http.Protocols)
	srv.Config.Protocols.SetHTTP1(!protocol.HTTP2())
	srv.Config.Protocols.SetHTTP2(protocol == httpdtest.H2)
	srv.Config.Protocols.SetUnencryptedHTTP2(protocol == httpdtest.H2C)
	srv.EnableHTTP2 = protocol == httpdtest.H2
	if protocol.Secure() {
		srv.StartTLS()
	} else {
		srv.Start()
	}
	t.Cleanup(srv.Close)
	srv.Client().Transport.(*http.Transport).Protocols = srv.Config.Protocols
	return srv
}

func testConnect(t *testing.T, client *http.Client, url string) {
	for _, protocol := range rpcProtocols {
		t.Run(protocol.name, func(t *testing.T) {
			words := wordsv1connect.NewWordsServiceClient(client, url, protocol.options...)
			t.Run("unary", func(t *testing.T) { testUnary(t, words) })
			t.Run("unary error", func(t *testing.T) { testUnaryError(t, words) })
			t.Run("server stream", func(t *testing.T) { testServerStream(t, words) })
			t.Run("client stream", func(t *testing.T) { testClientStream(t, words) })
			t.Run("bidirectional", func(t *testing.T) { testBidirectional(t, words, client) })
		})
	}
}

// metadata is sent with a request, and has to come back in the headers and in the trailers.
var metadata = []string{"one", "two, three"}

func checkMetadata(t *testing.T, header, trailer http.Header) {
	t.Helper()
	// httpd joins the fields of a request that have the same name, as RFC 9110 section 5.3 lets it.
	want := strings.Join(metadata, ", ")
	if got := strings.Join(header["X-Words-Header"], ", "); got != want {
		t.Errorf("the header is %q; want %q", got, want)
	}
	if got := strings.Join(trailer["X-Words-Trailer"], ", "); got != want {
		t.Errorf("the trailer is %q; want %q", got, want)
	}
}

// callLimit is how long the calls of one test may take on an ordinary machine; they take well under a second.
const callLimit = 10 * time.Second

func callContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), httpdtest.Limit(callLimit))
	t.Cleanup(cancel)
	return ctx
}

func testUnary(t *testing.T, words wordsv1connect.WordsServiceClient) {
	for _, n := range []int{1, 1000, 500_000} {
		request := connect.NewRequest(&wordsv1.CountRequest{Text: strings.Repeat("w ", n)})
		request.Header()["X-Words"] = metadata
		response, err := words.Count(callContext(t), request)
		if err != nil {
			t.Fatalf("%d words: %v", n, err)
		}
		if got := response.Msg.GetWords(); int(got) != n {
			t.Errorf("%d words are counted; want %d", got, n)
		}
		checkMetadata(t, response.Header(), response.Trailer())
	}
}

func testUnaryError(t *testing.T, words wordsv1connect.WordsServiceClient) {
	_, err := words.Count(callContext(t), connect.NewRequest(&wordsv1.CountRequest{}))
	failure := new(connect.Error)
	if !errors.As(err, &failure) || failure.Code() != connect.CodeInvalidArgument || failure.Message() != "the text is empty: send at least one word" {
		t.Fatalf("the error is %v", err)
	}
	if len(failure.Details()) != 1 {
		t.Fatalf("the error has %d details", len(failure.Details()))
	}
	detail, err := failure.Details()[0].Value()
	if violation, ok := detail.(*wordsv1.Violation); err != nil || !ok || violation.GetField() != "text" {
		t.Errorf("the error's detail is %v (%v)", detail, err)
	}
}

// testServerStream: a stream of no message has headers and trailers, and no body, in gRPC.
func testServerStream(t *testing.T, words wordsv1connect.WordsServiceClient) {
	for _, n := range []int{0, 1, 1000} {
		want := slices.Repeat([]string{"word"}, n)
		request := connect.NewRequest(&wordsv1.SplitRequest{Text: strings.Join(want, " ")})
		request.Header()["X-Words"] = metadata
		stream, err := words.Split(callContext(t), request)
		if err != nil {
			t.Fatalf("%d words: %v", n, err)
		}
		var got []string
		for stream.Receive() {
			got = append(got, stream.Msg().GetWord())
		}
		if err := stream.Err(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d words come (%v); want %d", len(got), err, n)
		}
		checkMetadata(t, stream.ResponseHeader(), stream.ResponseTrailer())
		if err := stream.Close(); err != nil {
			t.Errorf("%d words: closing: %v", n, err)
		}
	}
}

func testClientStream(t *testing.T, words wordsv1connect.WordsServiceClient) {
	for _, n := range []int{0, 1, 1000} {
		stream := words.Join(callContext(t))
		stream.RequestHeader()["X-Words"] = metadata
		for range n {
			if err := stream.Send(&wordsv1.JoinRequest{Word: "word"}); err != nil {
				t.Fatalf("%d words: sending: %v", n, err)
			}
		}
		response, err := stream.CloseAndReceive()
		if err != nil {
			t.Fatalf("%d words: %v", n, err)
		}
		if want := strings.Join(slices.Repeat([]string{"word"}, n), " "); response.Msg.GetText() != want {
			t.Errorf("%d words are joined to %d bytes; want %d", n, len(response.Msg.GetText()), len(want))
		}
		checkMetadata(t, response.Header(), response.Trailer())
	}
}

func testBidirectional(t *testing.T, words wordsv1connect.WordsServiceClient, client *http.Client) {
	if client.Transport.(*http.Transport).Protocols.HTTP1() {
		stream := words.Echo(callContext(t))
		_ = stream.Send(&wordsv1.EchoRequest{Word: "word"}) // may fail, when the answer is there already
		if _, err := stream.Receive(); err == nil || !strings.Contains(err.Error(), "HTTP status 505") {
			t.Errorf("over HTTP/1.1 the client gets %v; want 505 HTTP Version Not Supported", err)
		}
		_ = stream.CloseRequest() // net/http's client would wait for it
		return
	}
	t.Run("ping pong", func(t *testing.T) {
		stream := words.Echo(callContext(t))
		stream.RequestHeader()["X-Words"] = metadata
		for _, n := range []int{0, 1, 100_000, 7} { // the next word is sent when the last has come back
			word := strings.Repeat("w", n)
			if err := stream.Send(&wordsv1.EchoRequest{Word: word}); err != nil {
				t.Fatalf("sending: %v", err)
			}
			if response, err := stream.Receive(); err != nil || response.GetWord() != word {
				t.Fatalf("a word of %d bytes comes back with %d (%v)", n, len(response.GetWord()), err)
			}
		}
		if err := stream.CloseRequest(); err != nil {
			t.Errorf("closing: %v", err)
		}
		if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
			t.Errorf("the stream ends with %v; want io.EOF", err)
		}
		checkMetadata(t, stream.ResponseHeader(), stream.ResponseTrailer())
	})
	t.Run("error", func(t *testing.T) { // while the client's side of the stream is open
		stream := words.Echo(callContext(t))
		stream.RequestHeader()["X-Words"] = metadata
		if err := stream.Send(&wordsv1.EchoRequest{Word: "fail"}); err != nil {
			t.Fatalf("sending: %v", err)
		}
		_, err := stream.Receive()
		failure := new(connect.Error)
		if !errors.As(err, &failure) || failure.Code() != connect.CodeAborted || failure.Message() != "the client asked for it" {
			t.Errorf("the error is %v", err)
		}
		checkMetadata(t, stream.ResponseHeader(), stream.ResponseTrailer())
		_ = stream.CloseRequest()
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(callContext(t))
		defer cancel()
		stream := words.Echo(ctx)
		if err := stream.Send(&wordsv1.EchoRequest{Word: "word"}); err != nil {
			t.Fatalf("sending: %v", err)
		}
		if _, err := stream.Receive(); err != nil {
			t.Fatalf("receiving: %v", err)
		}
		cancel()
		if _, err := stream.Receive(); connect.CodeOf(err) != connect.CodeCanceled {
			t.Errorf("the stream ends with %v; want it cancelled", err)
		}
	})
}
