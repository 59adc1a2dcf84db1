package limits

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// worstDefault is how many times the CPU time of the best GOMAXPROCS the default may cost for a request. The measurement
// of one value varies by a tenth and more on a busy machine.
const worstDefault = 1.35

// TestMaxProcs measures hello with several values of GoMaxProcs.
func TestMaxProcs(t *testing.T) {
	processors := runtime.NumCPU()
	values := []struct{ name, conf string }{
		{"the default", ""},
		{"1", "GoMaxProcs 1"},
		{fmt.Sprintf("the processors, %d", processors), fmt.Sprintf("GoMaxProcs %d", processors)},
		{fmt.Sprint(4 * processors), fmt.Sprintf("GoMaxProcs %d", 4*processors)},
		{fmt.Sprint(32 * processors), fmt.Sprintf("GoMaxProcs %d", 32*processors)},
	}
	servers := make([]*httpdtest.Server, len(values))
	for i, v := range values {
		servers[i] = httpdtest.Start(t, httpdtest.Config{
			MPM: "event", Processes: 2, Threads: 2 * connections, Packages: []string{"./tests/testdata/apps/hellohandler"},
			Conf: "GoAlias / " + appsPath + "hellohandler\nMaxKeepAliveRequests 0\n" + v.conf,
		})
		drive(t, servers[i], "/", perRound/10)
	}
	costs := make([][]float64, len(values))
	for range rounds {
		for i, srv := range servers {
			before := cpu(srv)
			drive(t, srv, "/", perRound/2)
			costs[i] = append(costs[i], (cpu(srv)-before)/(perRound/2))
		}
	}
	for i, v := range values {
		record(t, "hello with GoMaxProcs "+v.name+": CPU time for a request", fmt.Sprintf("%.1f us", median(costs[i])), "-")
		if ratio := median(ratios(costs[0], costs[i])); ratio > worstDefault {
			t.Errorf("the default costs %.2f times the CPU time of GoMaxProcs %s; want at most %.2f", ratio, v.name, worstDefault)
		}
	}
}
