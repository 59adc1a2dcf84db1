package httpdtest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const (
	noticeLine = "[2026-01-02 03:04:05.000006] [mpm_event:notice] [pid 10:tid 10] [client -] [id -] [error -] AH00489: Apache configured -- resuming normal operations"
	warnLine   = "[2026-01-02 03:04:05.000006] [core:warn] [pid 10:tid 10] [client -] [id -] [error -] AH00045: child process still did not exit"
	errorLine  = "[2026-01-02 03:04:05.000006] [core:error] [pid 11:tid 12] [client 127.0.0.1:4711] [id abc] [error (13)Permission denied] AH00035: access to [/x] denied"
	numberLine = "[2026-01-02 03:04:05.000006] [go:info] [pid 11:tid 12] [client -] [id -] [error -] MODGO0007: started"
	debugLine  = "[2026-01-02 03:04:05.000006] [go:debug] [pid 11:tid 12] [client -] [id -] [error -] nothing to see"
	earlyLine  = "[Fri Jan 02 03:04:05.000006 2026] [so:warn] [pid 10:tid 10] AH01574: module is already loaded"
	rawLine    = "panic: assignment to entry in nil map"
)

func TestParseLine(t *testing.T) {
	tests := []struct {
		text string
		want Line
	}{
		{noticeLine, Line{Module: "mpm_event", Level: "notice", PID: 10, TID: "10", Message: "AH00489: Apache configured -- resuming normal operations"}},
		{errorLine, Line{Module: "core", Level: "error", PID: 11, TID: "12", Client: "127.0.0.1:4711", ID: "abc", Error: "(13)Permission denied", Message: "AH00035: access to [/x] denied"}},
		{earlyLine, Line{Module: "so", Level: "warn", PID: 10, TID: "10", Message: "AH01574: module is already loaded"}},
		{rawLine, Line{Raw: true, Message: rawLine}},
		{"", Line{Raw: true}},
	}
	for _, tt := range tests {
		tt.want.File, tt.want.Text = "error.log", tt.text
		if got := parseLine("error.log", tt.text); got != tt.want {
			t.Errorf("parseLine(%q)\n got %+v\nwant %+v", tt.text, got, tt.want)
		}
	}
}

func TestUnescaped(t *testing.T) {
	for message, want := range map[string]string{
		`plain`:                  "plain",
		`two\nlines\tand \b\r\v`: "two\nlines\tand \b\r\v",
		`\x1b[31mred`:            "\x1b[31mred",
		`sch\xc3\xb6n\xff`:       "schön\xff",
		`a \\ and a \"`:          `a \ and a "`,
		`\\n`:                    `\n`,
		`\xg0 \x1`:               `xg0 x1`,
		`the end\`:               `the end\`,
		``:                       "",
	} {
		if got := (Line{Message: message}).Unescaped(); got != want {
			t.Errorf("%s is %q, want %q", message, got, want)
		}
	}
}

func TestOnlyTheClosedPollsetBelongsToTheEnd(t *testing.T) {
	tests := map[string]bool{
		"[2026-01-02 03:04:05.000006] [mpm_event:error] [pid 1:tid 2] [client -] [id -] [error (9)Bad file descriptor] AH03093: process_socket: apr_pollset_add failure for keep alive": true,
		"[2026-01-02 03:04:05.000006] [mpm_event:error] [pid 1:tid 2] [client -] [id -] [error (12)Cannot allocate memory] AH03093: process_socket: apr_pollset_add failure":            false,
		errorLine: false, warnLine: false, rawLine: false,
	}
	for text, want := range tests {
		if got := parseLine("error.log", text).isOfTheEnd(); got != want {
			t.Errorf("isOfTheEnd of %q is %v", text, got)
		}
	}
}

func TestLinesHaveToBeDeclared(t *testing.T) {
	tests := []struct {
		name   string
		lines  []string
		expect func(*expectations)
		want   string // what the failure says; none where it is empty
	}{
		{"harmless lines", []string{noticeLine, debugLine}, nil, ""},
		{"warning", []string{noticeLine, warnLine}, nil, "AH00045"},
		{"error", []string{errorLine}, nil, "AH00035"},
		{"number at info", []string{numberLine}, nil, "MODGO0007"},
		{"early warning", []string{earlyLine}, nil, "AH01574"},
		{"raw line", []string{rawLine}, nil, "nil map"},
		{"empty raw line", []string{""}, nil, "did not declare"},
		{"declared", []string{warnLine, numberLine, rawLine}, func(x *expectations) {
			x.add(`AH00045`, false)
			x.add(`MODGO0007`, false)
			x.add(`^panic:`, false)
		}, ""},
		{"declared by another", []string{warnLine, numberLine}, func(x *expectations) { x.add(`MODGO0007`, false) }, "AH00045"},
		{"declared but absent", []string{noticeLine}, func(x *expectations) { x.add(`MODGO0007`, false) }, "declared at least 1"},
		{"harmless line declared", []string{debugLine}, func(x *expectations) { x.add(`nothing to see`, false) }, ""},
		{"count", []string{warnLine, warnLine}, func(x *expectations) { x.add(`AH00045`, false).Times(2) }, ""},
		{"too many", []string{warnLine, warnLine}, func(x *expectations) { x.add(`AH00045`, false).Times(1) }, "declared exactly 1"},
		{"too few", []string{warnLine}, func(x *expectations) { x.add(`AH00045`, false).AtLeast(2) }, "declared at least 2"},
		{"more than at most", []string{warnLine, warnLine}, func(x *expectations) { x.add(`AH00045`, false).AtMost(1) }, "declared 0 to 1"},
		{"at most, none", nil, func(x *expectations) { x.add(`AH00045`, false).AtMost(1) }, ""},
		{"maybe, none", nil, func(x *expectations) { x.add(`AH00045`, false).Maybe() }, ""},
		{"maybe, many", []string{warnLine, warnLine}, func(x *expectations) { x.add(`AH00045`, false).Maybe() }, ""},
		{"any raw line", []string{rawLine, "", "goroutine 1 [running]:"}, func(x *expectations) { x.add(`^panic:`, true) }, ""},
		{"raw lines without the one", []string{"goroutine 1 [running]:"}, func(x *expectations) { x.add(`^panic:`, true) }, "declared at least 1"},
		{"raw lines are no errors", []string{rawLine, errorLine}, func(x *expectations) { x.add(`^panic:`, true) }, "AH00035"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var x expectations
			if tt.expect != nil {
				tt.expect(&x)
			}
			var lines []Line
			for _, text := range tt.lines {
				lines = append(lines, parseLine("error.log", text))
			}
			r := record(t, func(t testing.TB) { x.check(t, lines) })
			r.wants(t, tt.want)
		})
	}
}

func TestErrorLogsAreReadAsTheyGrow(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "one.log"), filepath.Join(t.TempDir(), "two.log")
	logs := new(errorLogs)
	logs.follow([]string{one, two})
	write := func(path, text string) {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	check := func(end bool, want ...string) {
		t.Helper()
		lines, err := logs.read(end)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range lines {
			got = append(got, line.File+" "+line.Text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	check(false) // there are no files yet
	write(one, "a\nb")
	check(false, "one.log a")
	write(two, "x\n")
	write(one, "c\n\n")
	check(false, "one.log a", "one.log bc", "one.log ", "two.log x")
	write(one, "rest")
	check(false, "one.log a", "one.log bc", "one.log ", "two.log x")
	check(true, "one.log a", "one.log bc", "one.log ", "two.log x", "one.log rest")
}

func TestErrorLogsOfAConfiguration(t *testing.T) {
	conf := "ErrorLog \"/run/error.log\"\nErrorLogFormat \"%M\"\n<VirtualHost *>\n    errorlog ${DIR}/one.log\n</VirtualHost>\n" +
		"\tErrorLog two.log\nErrorLog /run/error.log\nErrorLog \"|/bin/cat\"\nErrorLog syslog:local1\n"
	want := []string{"/run/error.log", "/dir/one.log", "/dir/two.log"}
	if got := errorLogsOf(conf, "/dir"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
