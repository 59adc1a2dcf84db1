package httpdtest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// The environment variables that change how the tests run.
const (
	// EnvMPM limits Matrix to some MPMs, for example "event" or "event,prefork".
	EnvMPM = "MODGO_TEST_MPM"
	// EnvPreload is LD_PRELOAD for httpd, for example the path of libasan.so.
	EnvPreload = "MODGO_TEST_PRELOAD"
	// EnvWrapper is a command that httpd runs under, for example "valgrind --log-file={dir}/valgrind.%p". {dir} stands
	// for the server's folder. The command has to become httpd or the parent of it in the same process group.
	EnvWrapper = "MODGO_TEST_WRAPPER"
	// EnvSlow is the factor by which everything is slower, for example 20 under valgrind. Time limits grow with it.
	EnvSlow = "MODGO_TEST_SLOW"
	// EnvValidate, if not empty, has every application wrapped in the validator of the contract; what it finds is an
	// error in httpd's log, which fails the test.
	EnvValidate = "MODGO_TEST_VALIDATE"
	// EnvObject is the beginning of the variables that name an object built before, see Object.
	EnvObject = "MODGO_TEST_OBJECT_"
)

// MPMs are those that Matrix runs a test under.
func MPMs() []string {
	if selected := os.Getenv(EnvMPM); selected != "" {
		return strings.FieldsFunc(selected, func(r rune) bool { return r == ',' || r == ' ' })
	}
	return []string{"event", "worker", "prefork"}
}

// Limit is how long something may take that takes at most d on an ordinary machine with an ordinary httpd.
func Limit(d time.Duration) time.Duration {
	value := os.Getenv(EnvSlow)
	if value == "" {
		return d
	}
	factor, err := strconv.ParseFloat(value, 64)
	if err != nil || factor <= 0 {
		panic(fmt.Sprintf("%s=%s is no positive number", EnvSlow, value))
	}
	return time.Duration(float64(d) * factor)
}

// environment is what httpd gets: nothing of the test's own settings of Go, which would reach the applications.
func environment(dir string, more []string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "TZ=UTC",
		// Leaks are not looked for: httpd frees its pools only as far as it must before it exits.
		"ASAN_OPTIONS=detect_leaks=0:log_path=" + dir + "/asan",
	}
	for _, name := range []string{"ASAN_OPTIONS", "GOTRACEBACK"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	if preload := os.Getenv(EnvPreload); preload != "" {
		env = append(env, "LD_PRELOAD="+preload)
	}
	return append(env, more...)
}

// command puts the wrapper, if there is one, in front of a command line.
func command(dir string, args ...string) []string {
	wrapper := strings.Fields(os.Getenv(EnvWrapper))
	for i, word := range wrapper {
		wrapper[i] = strings.ReplaceAll(word, "{dir}", dir)
	}
	return append(wrapper, args...)
}
