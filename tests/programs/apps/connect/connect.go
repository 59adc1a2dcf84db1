// Package connect is a service made with connect-go, which answers the protocols Connect, gRPC and gRPC-Web on the same
// paths. words/v1/words.proto says what it does; words/v1 is generated from it.
//
// It is mounted at "/": /words.v1.WordsService/Count.
package connect

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	wordsv1 "github.com/mod-go/mod-go/tests/programs/apps/connect/words/v1"
	"github.com/mod-go/mod-go/tests/programs/apps/connect/words/v1/wordsv1connect"
)

// Application answers all methods of the service.
var Application = newHandler()

func newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(wordsv1connect.NewWordsServiceHandler(service{}))
	return mux
}

type service struct{}

var _ wordsv1connect.WordsServiceHandler = service{}

// Of the metadata, every method sends back what the client sends in requestName: ahead of the messages in headerName, and
// behind them in trailerName.
const (
	requestName = "X-Words"
	headerName  = "X-Words-Header"
	trailerName = "X-Words-Trailer"
)

func sendBack(request, header, trailer http.Header) {
	if values := request.Values(requestName); len(values) > 0 {
		header[headerName], trailer[trailerName] = values, values
	}
}

func (service) Count(_ context.Context, request *connect.Request[wordsv1.CountRequest]) (*connect.Response[wordsv1.CountResponse], error) {
	if request.Msg.GetText() == "" {
		return nil, violation("text", "the text is empty: send at least one word")
	}
	response := connect.NewResponse(&wordsv1.CountResponse{Words: int32(len(strings.Fields(request.Msg.GetText())))})
	sendBack(request.Header(), response.Header(), response.Trailer())
	return response, nil
}

// violation is the error of a field, with a detail that programs can read.
func violation(field, text string) error {
	err := connect.NewError(connect.CodeInvalidArgument, errors.New(text))
	detail, detailErr := connect.NewErrorDetail(&wordsv1.Violation{Field: field})
	if detailErr != nil {
		return errors.Join(err, detailErr)
	}
	err.AddDetail(detail)
	return err
}

func (service) Split(_ context.Context, request *connect.Request[wordsv1.SplitRequest], stream *connect.ServerStream[wordsv1.SplitResponse]) error {
	sendBack(request.Header(), stream.ResponseHeader(), stream.ResponseTrailer())
	for _, word := range strings.Fields(request.Msg.GetText()) {
		if err := stream.Send(&wordsv1.SplitResponse{Word: word}); err != nil {
			return err
		}
	}
	return nil
}

func (service) Join(_ context.Context, stream *connect.ClientStream[wordsv1.JoinRequest]) (*connect.Response[wordsv1.JoinResponse], error) {
	var words []string
	for stream.Receive() {
		words = append(words, stream.Msg().GetWord())
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	response := connect.NewResponse(&wordsv1.JoinResponse{Text: strings.Join(words, " ")})
	sendBack(stream.RequestHeader(), response.Header(), response.Trailer())
	return response, nil
}

func (service) Echo(_ context.Context, stream *connect.BidiStream[wordsv1.EchoRequest, wordsv1.EchoResponse]) error {
	sendBack(stream.RequestHeader(), stream.ResponseHeader(), stream.ResponseTrailer())
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if request.GetWord() == "fail" {
			return connect.NewError(connect.CodeAborted, errors.New("the client asked for it"))
		}
		if err := stream.Send(&wordsv1.EchoResponse{Word: request.GetWord()}); err != nil {
			return err
		}
	}
}
