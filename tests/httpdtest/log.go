package httpdtest

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// errorLogFormat is what parseLine reads: time, module and level, process and thread, client, request, error, message.
const errorLogFormat = "[%{cu}t] [%-m:%l] [pid %P:tid %-T] [client %-a] [id %-L] [error %-E] %M"

// Line is one line of an error log.
type Line struct {
	File    string // name of the log within the server's folder, "error.log" unless a virtual host has its own
	Text    string // the whole line
	Raw     bool   // it did not pass through httpd's log: only File, Text and Message are set
	Module  string // for example "core" or "go"
	Level   string // for example "warn" or "debug"; "trace1" to "trace8"
	PID     int
	TID     string // "" under prefork
	Client  string // address and port, "" where the line belongs to no client
	ID      string // log id of the request or connection, "" where the line belongs to none
	Error   string // the system's error, for example "(13)Permission denied"; "" where there is none
	Message string
}

var (
	linePattern = regexp.MustCompile(`^\[[^\]]+\] \[([^:\]]*):(\w+)\] \[pid (\d+):tid (\d+|-)\] \[client ([^\]]*)\] \[id ([^\]]*)\] \[error (.*?)\] (.*)$`)
	// What httpd logs before it has read ErrorLogFormat.
	earlyPattern = regexp.MustCompile(`^\[[^\]]+\] \[([^:\]]*):(\w+)\] \[pid (\d+)(?::tid (\d+))?\] (.*)$`)
)

func parseLine(file, text string) Line {
	line := Line{File: file, Text: text}
	optional := func(field string) string {
		if field == "-" {
			return ""
		}
		return field
	}
	if m := linePattern.FindStringSubmatch(text); m != nil {
		line.Module, line.Level, line.TID = m[1], m[2], optional(m[4])
		line.PID, _ = strconv.Atoi(m[3])
		line.Client, line.ID, line.Error, line.Message = optional(m[5]), optional(m[6]), optional(m[7]), m[8]
		return line
	}
	if m := earlyPattern.FindStringSubmatch(text); m != nil {
		line.Module, line.Level, line.TID, line.Message = m[1], m[2], m[4], m[5]
		line.PID, _ = strconv.Atoi(m[3])
		return line
	}
	line.Raw, line.Message = true, text
	return line
}

var (
	numberPattern = regexp.MustCompile(`MODGO\d{4}`)
	grave         = map[string]bool{"warn": true, "error": true, "crit": true, "alert": true, "emerg": true}
)

// mustBeDeclared tells whether a test has to expect the line.
func (l Line) mustBeDeclared() bool {
	if os.Getenv(EnvWrapper) != "" && strings.HasPrefix(l.Message, "MODGO0023: ") {
		// Under valgrind the Go runtime now and then ends itself, with status 2, while it starts. httpd starts another child.
		return false
	}
	return l.Raw || grave[l.Level] || numberPattern.MatchString(l.Text)
}

// Unescaped is the message as it was given to httpd, which writes all but printable ASCII as \n or \x1b.
func (l Line) Unescaped() string {
	var b strings.Builder
	for i := 0; i < len(l.Message); i++ {
		if l.Message[i] != '\\' || i+1 == len(l.Message) {
			b.WriteByte(l.Message[i])
			continue
		}
		i++
		c, err := hex.DecodeString(l.Message[min(i+1, len(l.Message)):min(i+3, len(l.Message))])
		switch at := strings.IndexByte("bnrtv", l.Message[i]); {
		case at >= 0:
			b.WriteByte("\b\n\r\t\v"[at])
		case l.Message[i] == 'x' && err == nil && len(c) == 1:
			b.WriteByte(c[0])
			i += 2
		default:
			b.WriteByte(l.Message[i])
		}
	}
	return b.String()
}

// continues tells whether the line belongs to the one before of its process: a stack below an error.
func (l Line) continues() bool { return l.Module == "go" && strings.HasPrefix(l.Message, "| ") }

// endingPattern is what the event MPM may log when its children are told to end while a connection goes idle: the listener
// has closed the set of connections already. It is httpd's, harmless, and rarely met.
var endingPattern = regexp.MustCompile(`\[error \(9\)[^\]]*\] AH(03092|03093|03465|10503): \w+: apr_pollset_add failure`)

// isOfTheEnd tells whether a line is no fault where httpd has been told to end its children.
func (l Line) isOfTheEnd() bool { return l.Module == "mpm_event" && endingPattern.MatchString(l.Text) }

// errorLogs reads the logs of a server as they grow.
type errorLogs struct {
	mu    sync.Mutex
	files []*growingFile
	lines []Line
}

type growingFile struct {
	path   string
	offset int64
	rest   []byte // the beginning of a line that is not complete
}

var errorLogPattern = regexp.MustCompile(`(?mi)^[ \t]*ErrorLog[ \t]+"?([^"\s]+)`)

// errorLogsOf returns the files that a configuration names as error logs, the server's first.
func errorLogsOf(conf, dir string) (paths []string) {
	for _, match := range errorLogPattern.FindAllStringSubmatch(conf, -1) {
		path := strings.ReplaceAll(match[1], "${DIR}", dir)
		if strings.HasPrefix(path, "|") || strings.HasPrefix(path, "syslog") {
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// follow adds files to those that are read.
func (l *errorLogs) follow(paths []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, path := range paths {
		if !slices.ContainsFunc(l.files, func(f *growingFile) bool { return f.path == path }) {
			l.files = append(l.files, &growingFile{path: path})
		}
	}
}

// read returns all lines so far, each file's in its order. At the end of the server's life an incomplete line is one too.
func (l *errorLogs) read(end bool) ([]Line, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.files {
		texts, err := f.more(end)
		if err != nil {
			return l.lines, err
		}
		for _, text := range texts {
			l.lines = append(l.lines, parseLine(filepath.Base(f.path), text))
		}
	}
	return append([]Line(nil), l.lines...), nil
}

func (f *growingFile) more(end bool) ([]string, error) {
	file, err := os.Open(f.path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(f.offset, 0); err != nil {
		return nil, err
	}
	var grown bytes.Buffer
	n, err := grown.ReadFrom(file)
	if err != nil {
		return nil, err
	}
	f.offset += n
	text := string(f.rest) + grown.String()
	complete := strings.LastIndexByte(text, '\n') + 1
	if end {
		complete = len(text)
	}
	f.rest = []byte(text[complete:])
	if complete == 0 {
		return nil, nil
	}
	return strings.Split(strings.TrimSuffix(text[:complete], "\n"), "\n"), nil
}
