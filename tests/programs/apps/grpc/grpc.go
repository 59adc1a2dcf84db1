// Package grpc is the server of gRPC's interoperability tests as an application: the service that
// google.golang.org/grpc/interop/server gives a port of its own.
//
// It is mounted at "/", as gRPC's paths leave no room for a prefix: /grpc.testing.TestService/EmptyCall. It needs HTTP/2,
// and answers 505 on HTTP/1.1.
package grpc

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	"google.golang.org/grpc/interop/grpc_testing"
)

// Application is a *grpc.Server, which is an http.Handler.
var Application = newServer()

func newServer() *grpc.Server {
	server := grpc.NewServer()
	grpc_testing.RegisterTestServiceServer(server, interop.NewTestServer())
	return server
}
