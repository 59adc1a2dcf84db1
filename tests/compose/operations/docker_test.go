// Package operations tests what an operator does to the containers of docker-compose.yml while clients use them: a graceful
// restart, and the stop of one of two servers. It runs beside the containers, not in one, because it calls docker.
package operations

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mod-go/mod-go/tests/httpdtest"
)

const (
	variable = "MODGO_COMPOSE_PROJECT"
	// healthLimit is how long a container may take until it is healthy.
	healthLimit = time.Minute
)

// project is the name of the project whose containers run.
var project = os.Getenv(variable)

func TestMain(m *testing.M) {
	if project == "" {
		fmt.Fprintf(os.Stderr, "these tests need the containers of docker-compose.yml, and %s to name their project: run make test-compose\n", variable)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// startLoad starts clients that send one request for the application hello after another.
func startLoad(t *testing.T, url string, clients ...*http.Client) *httpdtest.Load {
	var senders []httpdtest.Sender
	for _, client := range clients {
		senders = append(senders, httpdtest.Sender{
			Client: client, URL: url, Wants: func(text string) bool { return text == "The request method was GET" },
		})
	}
	return httpdtest.StartLoad(t, senders...)
}

// docker calls the command and returns what it prints on standard output.
func docker(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "docker", arguments...).Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			output = append(output, failed.Stderr...)
		}
		t.Fatalf("docker %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

// container is the ID of a service's container, whether it runs or not. The labels are those that every version of
// docker-compose sets.
func container(t *testing.T, service string) string {
	t.Helper()
	id := docker(t, "ps", "--all", "--quiet",
		"--filter", "label=com.docker.compose.project="+project, "--filter", "label=com.docker.compose.service="+service)
	if id == "" || strings.Contains(id, "\n") {
		t.Fatalf("the service %s of the project %s has the containers %q, want exactly one", service, project, id)
	}
	return id
}

// published is the address on this machine that leads to a port of a container.
func published(t *testing.T, id, port string) string {
	t.Helper()
	return docker(t, "port", id, port+"/tcp")
}

// awaitHealthy waits until a container's health check succeeds.
func awaitHealthy(t *testing.T, id string) {
	t.Helper()
	err := httpdtest.Poll(healthLimit, func() bool {
		return docker(t, "inspect", "--format", "{{.State.Health.Status}}", id) == "healthy"
	})
	if err != nil {
		t.Fatalf("waiting for a container to be healthy: %v\n%s\n%s", err, docker(t, "inspect", "--format", "{{json .State.Health}}", id), logs(t, id))
	}
}

// logs is all that a container has printed.
func logs(t *testing.T, id string) string {
	t.Helper()
	// The context of the test is over when its cleanup runs.
	output, err := exec.Command("docker", "logs", id).CombinedOutput()
	if err != nil {
		t.Fatalf("docker logs: %v\n%s", err, output)
	}
	return string(output)
}

var (
	gravePattern = regexp.MustCompile(`\[\w*:(warn|error|crit|alert|emerg)\]|MODGO\d{4}`)
	// What a balancer says of a member that has gone, and of one that is back; the request of package compose that is refused.
	expectedPattern = regexp.MustCompile(`\[proxy(_http|_hcheck)?:\w+\]|AH01630: client denied by server configuration: go:`)
)

// checkLogs fails the test at its end for each line at warn or above, and each with a number of mod_go, that a container's
// httpd has logged since it was made.
func checkLogs(t *testing.T, id string) {
	t.Cleanup(func() {
		for line := range strings.Lines(logs(t, id)) {
			if gravePattern.MatchString(line) && !expectedPattern.MatchString(line) {
				t.Errorf("the log of %s has %s", id[:12], line)
			}
		}
	})
}
