package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

// Load is how requests are made.
type Load struct {
	Connections int
	Protocol    httpdtest.Protocol
	Close       bool // a connection for each request
}

// streams is how many requests are under way at once on each connection of HTTP/2: as many as HTTP/1.1 has, over fewer
// connections, as browsers do it.
const streams = 4

// outcome is what a load generator says of one round.
type outcome struct {
	requests       float64 // responses; where bytes tell, with those that were under way at the end in part
	elapsed        time.Duration
	p50, p99, p999 time.Duration
}

// clientLimit is what a round may take beyond its own length.
const clientLimit = 30 * time.Second

// drive makes requests for one round, and fails where one of them was not answered as the probe was.
func drive(ctx context.Context, in *Instance, w Workload, l Load, expected response) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, w.roundLength()+clientLimit)
	defer cancel()
	if l.Protocol.HTTP2() {
		return driveH2load(ctx, in, w, l, expected)
	}
	return driveWrk(ctx, in, w, l, expected)
}

// command runs a load generator and returns its standard output. It is interrupted after a while, if that is not 0: wrk, which
// counts whole seconds only, then stops and reports as it does at its end.
func command(ctx context.Context, interrupt time.Duration, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var output, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &complaints
	err := cmd.Start()
	if err == nil {
		if interrupt > 0 {
			timer := time.AfterFunc(interrupt, func() { _ = cmd.Process.Signal(os.Interrupt) }) // fails where it has ended, which Wait tells
			defer timer.Stop()
		}
		err = cmd.Wait()
	}
	if err != nil {
		return "", fmt.Errorf("%s (installed by make deps-bench): %w\n%s%s", name, err, output.String(), complaints.String())
	}
	return output.String(), nil
}

// bodyFile writes a request's body to where the load generator reads it.
func bodyFile(in *Instance, w Workload) (string, error) {
	path := filepath.Join(in.bodies, strings.Trim(w.Path, "/"))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, os.WriteFile(path, w.Body, 0o644)
}

var wrkPattern = regexp.MustCompile(`(?m)^bench (.*)$`)

func driveWrk(ctx context.Context, in *Instance, w Workload, l Load, expected response) (outcome, error) {
	script, err := filepath.Abs("testdata/wrk.lua")
	if err != nil {
		return outcome{}, err
	}
	env := []string{"BENCH_METHOD=" + w.Method}
	if w.Body != nil {
		path, err := bodyFile(in, w)
		if err != nil {
			return outcome{}, err
		}
		env = append(env, "BENCH_BODY="+path)
	}
	args := []string{"-t1", "-c", strconv.Itoa(l.Connections), "-d", "60s", "--timeout", "20s", "-s", script}
	for _, h := range w.Header {
		args = append(args, "-H", h[0]+": "+h[1])
	}
	if l.Close {
		args = append(args, "-H", "Connection: close")
	}
	output, err := command(ctx, w.roundLength(), env, "wrk", append(args, in.url(l.Protocol)+w.Path)...)
	if err != nil {
		return outcome{}, err
	}
	match := wrkPattern.FindStringSubmatch(output)
	if match == nil {
		return outcome{}, fmt.Errorf("wrk says nothing of its figures:\n%s", output)
	}
	figures := make(map[string]float64)
	for _, field := range strings.Fields(match[1]) {
		name, text, _ := strings.Cut(field, "=")
		if figures[name], err = strconv.ParseFloat(text, 64); err != nil {
			return outcome{}, fmt.Errorf("wrk's %s: %w", field, err)
		}
	}
	for _, kind := range []string{"connect", "read", "write", "status", "timeout"} {
		if figures[kind] != 0 {
			return outcome{}, fmt.Errorf("wrk counts %.0f errors of kind %s among %.0f requests", figures[kind], kind, figures["requests"])
		}
	}
	o := outcome{
		requests: figures["requests"], elapsed: microseconds(figures["duration"]),
		p50: microseconds(figures["p50"]), p99: microseconds(figures["p99"]), p999: microseconds(figures["p999"]),
	}
	if o.requests == 0 {
		return outcome{}, fmt.Errorf("wrk got no response within %v", w.roundLength())
	}
	return o, o.judgeLength(in, w, l, figures["bytes"], expected)
}

// lengthTolerance is the share by which chunked responses may differ from the probe's in length.
const lengthTolerance = 0.25

// judgeLength holds the bytes that arrived against those of so many responses, and those that were under way at the end.
func (o *outcome) judgeLength(in *Instance, w Workload, l Load, bytes float64, expected response) error {
	// Each connection has had a first response.
	extra := float64(l.Connections) * float64(expected.first-expected.length)
	least := o.requests * float64(expected.length)
	most := (o.requests+float64(l.Connections))*float64(expected.length) + extra
	varies := w.LengthVaries || in.Peer.Varies
	if varies {
		least, most = least*(1-lengthTolerance), most*(1+lengthTolerance)
	}
	if bytes < least || bytes > most {
		return fmt.Errorf("%.0f responses of %d bytes came in %.0f bytes: some were not as the first one was", o.requests, expected.length, bytes)
	}
	if !varies {
		o.requests = (bytes - extra) / float64(expected.length)
	}
	return nil
}

func microseconds(n float64) time.Duration { return time.Duration(n * float64(time.Microsecond)) }

var (
	h2Requests = regexp.MustCompile(`(?m)^requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout$`)
	h2Traffic  = regexp.MustCompile(`(?m)^traffic: .* \((\d+)\) data$`)
	h2Finished = regexp.MustCompile(`(?m)^finished in `)
)

// driveH2load makes requests over HTTP/2. Percentiles are of the log of all requests.
func driveH2load(ctx context.Context, in *Instance, w Workload, l Load, expected response) (outcome, error) {
	log := filepath.Join(in.bodies, "h2load.log")
	defer os.Remove(log)
	args := []string{"-t1", "-c", strconv.Itoa(max(l.Connections/streams, 1)), "-m", strconv.Itoa(streams), "-D", fmt.Sprintf("%dms", w.roundLength().Milliseconds()), "--log-file=" + log}
	for _, h := range w.Header {
		args = append(args, "-H", strings.ToLower(h[0])+": "+h[1])
	}
	if w.Body != nil {
		path, err := bodyFile(in, w)
		if err != nil {
			return outcome{}, err
		}
		args = append(args, "-d", path)
	}
	output, err := command(ctx, 0, nil, "h2load", append(args, in.url(l.Protocol)+w.Path)...)
	if err != nil {
		return outcome{}, err
	}
	counts, traffic := h2Requests.FindStringSubmatch(output), h2Traffic.FindStringSubmatch(output)
	if counts == nil || traffic == nil || !h2Finished.MatchString(output) {
		return outcome{}, fmt.Errorf("h2load says nothing of its figures:\n%s", output)
	}
	number := func(text string) float64 {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			panic(err) // the expressions match digits only
		}
		return n
	}
	o := outcome{requests: number(counts[3]), elapsed: w.roundLength()}
	if o.requests == 0 || number(counts[4]) != 0 || number(counts[5]) != 0 || number(counts[6]) != 0 {
		return outcome{}, fmt.Errorf("h2load: %s", counts[0])
	}
	if o.p50, o.p99, o.p999, err = h2Percentiles(log); err != nil {
		return outcome{}, err
	}
	return o, o.judgeLength(in, w, l, number(traffic[1]), response{first: expected.body, length: expected.body})
}

// h2Percentiles reads lines of start, status and duration, the times in microseconds.
func h2Percentiles(path string) (p50, p99, p999 time.Duration, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, 0, err
	}
	var times []float64
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || !strings.HasPrefix(fields[1], "2") {
			return 0, 0, 0, fmt.Errorf("h2load logs %q; want a status of 2xx", line)
		}
		n, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return 0, 0, 0, err
		}
		times = append(times, n)
	}
	if len(times) == 0 {
		return 0, 0, 0, fmt.Errorf("h2load has logged no requests")
	}
	slices.Sort(times)
	at := func(q float64) time.Duration { return microseconds(quantile(times, q)) }
	return at(0.5), at(0.99), at(0.999), nil
}
