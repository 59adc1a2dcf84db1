package limits

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mod-go/mod-go/internal/builder"
	"github.com/mod-go/mod-go/tests/httpdtest"
)

const (
	appsPath = "github.com/mod-go/mod-go/tests/testdata/apps/"
	restarts = 100
	// perRestart is how many requests are answered between two restarts.
	perRestart = 50
	// parentGrowth is how many bytes the parent's resident memory may grow in all restarts.
	parentGrowth = 1 << 20
)

// buildVersion builds the application version with or without its build tag.
func buildVersion(t *testing.T, tags ...string) string {
	t.Helper()
	output := filepath.Join(t.TempDir(), "mod_go.so")
	_, err := builder.Build(t.Context(), builder.Options{
		Dir: "../..", Patterns: []string{"./tests/testdata/apps/version"}, Output: output, Tags: tags, Log: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	httpdtest.OpenWay(t, output)
	return output
}

// TestGracefulRestarts: a hundred graceful restarts, each with another build, while clients send without a pause: every
// request is answered whole, the parent does not grow, and the last build answers.
func TestGracefulRestarts(t *testing.T) {
	builds := []string{buildVersion(t), buildVersion(t, "second")}
	for _, mpm := range []string{"event", "worker"} {
		t.Run(mpm, func(t *testing.T) {
			srv := httpdtest.Start(t, httpdtest.Config{
				MPM: mpm, Processes: 2, Threads: 8, Object: builds[0], Conf: "GoAlias / " + appsPath + "version",
			})
			load := startLoad(t, srv)
			before := srv.RSS(srv.ParentPID())
			for i := range restarts {
				srv.ReplaceObject(builds[(i+1)%2])
				srv.Graceful()
				load.Await(perRestart)
			}
			requests := load.Stop()
			grown := srv.RSS(srv.ParentPID()) - before
			record(t, fmt.Sprintf("%d graceful restarts, %s: requests answered, none failed", restarts, mpm), fmt.Sprint(requests), "none failed")
			record(t, fmt.Sprintf("the same: growth of the parent's resident memory, %s", mpm), megabytes(grown), "1 MB")
			if grown > parentGrowth {
				t.Errorf("the parent grew by %d bytes", grown)
			}
			if got, want := srv.Get("/").Text, []string{"first", "second"}[restarts%2]; got != want {
				t.Errorf("after the last restart the build %q answers; want %q", got, want)
			}
		})
	}
}

// startLoad starts clients of three kinds: with connections kept alive, with a connection for each request, and with a
// body in two parts, so that some requests are always half-way.
func startLoad(t *testing.T, srv *httpdtest.Server) *httpdtest.Load {
	either := func(text string) bool { return text == "first" || text == "second" }
	halves := func() io.Reader {
		return io.MultiReader(strings.NewReader("one half"), strings.NewReader("the other"))
	}
	kinds := []httpdtest.Sender{
		{Client: srv.Client(), URL: srv.URL("/"), Wants: either},
		{Client: httpdtest.NewConnections(), URL: srv.URL("/"), Wants: either},
		{Client: httpdtest.NewConnections(), URL: srv.URL("/"), Wants: either, Body: halves},
	}
	return httpdtest.StartLoad(t, slices.Concat(kinds, kinds)...)
}
