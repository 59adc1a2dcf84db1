package programs

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// interopClient is the program that gRPC's implementations are tested with against each other. The tool directive of go.mod
// names it, so its dependencies are known.
const interopClient = "google.golang.org/grpc/interop/client"

// interopCases are all of the client's cases that need neither Google's credentials nor services of its cloud; see
// https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
var interopCases = []string{
	"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
	"timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response",
	"status_code_and_message", "special_status_message", "custom_metadata",
	"unimplemented_method", "unimplemented_service",
}

// interopLimit is how long a case may take on an ordinary machine; each takes well under a second.
const interopLimit = 10 * time.Second

func TestGRPCInterop(t *testing.T) {
	client := buildInteropClient(t)
	overHTTP2(t, httpdtest.Config{Packages: rpcPackages, Conf: grpcConf}, func(t *testing.T, srv *httpdtest.Server) {
		for _, name := range interopCases {
			t.Run(name, func(t *testing.T) { runInterop(t, client, srv, "--test_case="+name) })
		}
		// Many calls at once in one connection, and a connection for each call, of which httpd has a thread for each.
		for name, args := range map[string][]string{
			"rpc_soak":     {"--soak_num_threads=8", "--soak_iterations=80"},
			"channel_soak": {"--soak_num_threads=2", "--soak_iterations=8"},
		} {
			t.Run(name, func(t *testing.T) {
				runInterop(t, client, srv, append(args, "--test_case="+name, "--soak_per_iteration_max_acceptable_latency_ms=5000")...)
			})
		}
	})
}

// rpcPackages are the applications of the tests of remote procedure calls: one object serves them all.
var rpcPackages = []string{"./apps/grpc", "./apps/connect"}

const grpcConf = "GoAlias / github.com/mod-go/mod-go/tests/programs/apps/grpc"

// overHTTP2 runs test against an httpd of each MPM that has HTTP/2, over TLS and without it.
func overHTTP2(t *testing.T, cfg httpdtest.Config, test func(t *testing.T, srv *httpdtest.Server)) {
	t.Helper()
	cfg.AllProtocols = true
	httpdtest.Matrix(t, func(t *testing.T, mpm string) {
		cfg := cfg
		cfg.MPM = mpm
		srv := httpdtest.Start(t, cfg)
		for _, protocol := range httpdtest.Protocols(mpm) {
			if protocol.HTTP2() {
				t.Run(string(protocol), func(t *testing.T) { test(t, srv.In(t).Over(protocol)) })
			}
		}
	})
}

func buildInteropClient(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "client")
	// The environment may ask for cgo's checks and sanitizers, which are for what httpd loads.
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, interopClient)
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOEXPERIMENT=")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build %s: %v\n%s", interopClient, err, output)
	}
	return path
}

// runInterop runs one case; the client ends with status 1 where the server does not do as it should.
func runInterop(t *testing.T, client string, srv *httpdtest.Server, args ...string) {
	t.Helper()
	host, port, err := net.SplitHostPort(srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	args = append(args, "--server_host="+host, "--server_port="+port)
	if srv.Protocol().Secure() {
		args = append(args, "--use_tls", "--use_test_ca", "--ca_file="+srv.Path("certificate.pem"), "--server_host_override=localhost")
	}
	ctx, cancel := context.WithTimeout(t.Context(), httpdtest.Limit(interopLimit))
	defer cancel()
	output, err := exec.CommandContext(ctx, client, args...).CombinedOutput()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		t.Errorf("the client still waits after %v\n%s", interopLimit, output)
	case err != nil:
		t.Errorf("%v\n%s", err, output)
	}
}
