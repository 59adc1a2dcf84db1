package apachebridge

// #include "modgo.h"
import "C"

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/sirupsen/logrus"
)

// The levels of httpd's LogLevel that the bridge uses.
const (
	levelCritical = C.APLOG_CRIT
	levelError    = C.APLOG_ERR
	levelWarning  = C.APLOG_WARNING
	levelNotice   = C.APLOG_NOTICE
	levelInfo     = C.APLOG_INFO
	levelDebug    = C.APLOG_DEBUG
	levelTrace    = C.APLOG_TRACE1
)

// logLine writes one line to the log of the request that this thread serves, else to the main server's.
func logLine(level C.int, line string) {
	C.modgo_log_line(level, (*C.char)(unsafe.Pointer(unsafe.StringData(line))), C.apr_size_t(len(line)))
}

// logContinuation writes what belongs to the line before, such as a stack.
func logContinuation(level C.int, text string) {
	for line := range strings.Lines(text) {
		logLine(level, "| "+strings.TrimRight(line, "\r\n"))
	}
}

// setUpLogging leads the standard loggers into httpd's log.
func setUpLogging() {
	logrus.SetOutput(io.Discard)
	logrus.AddHook(logrusHook{})
	logrus.SetLevel(logrus.TraceLevel) // what LogLevel does not let through, the hook drops
	slog.SetDefault(slog.New(newSlogHandler()))
	// After slog.SetDefault, which takes over the log package.
	log.SetFlags(0)
	log.SetOutput(lineLogger{levelNotice})
}

// logrusHook writes logrus's entries to httpd's log, at the level that corresponds.
type logrusHook struct{}

func (logrusHook) Levels() []logrus.Level { return logrus.AllLevels }

func (logrusHook) Fire(e *logrus.Entry) error {
	level := logrusLevel(e.Level)
	if C.modgo_log_enabled(level) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString(e.Message)
	names := make([]string, 0, len(e.Data))
	for name := range e.Data {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, " %s=%v", name, e.Data[name])
	}
	logText(level, b.String())
	return nil
}

func logrusLevel(l logrus.Level) C.int {
	switch l {
	case logrus.PanicLevel, logrus.FatalLevel:
		return levelCritical
	case logrus.ErrorLevel:
		return levelError
	case logrus.WarnLevel:
		return levelWarning
	case logrus.InfoLevel:
		return levelInfo
	case logrus.DebugLevel:
		return levelDebug
	}
	return levelTrace
}

// logText writes text line by line.
func logText(level C.int, text string) {
	for line := range strings.Lines(text) {
		logLine(level, strings.TrimRight(line, "\r\n"))
	}
}

// lineLogger is a writer whose every write is one or more whole lines, as the log package's are.
type lineLogger struct{ level C.int }

func (l lineLogger) Write(p []byte) (int, error) {
	logText(l.level, string(p))
	return len(p), nil
}

// slogHandler is the default slog.Handler: the message, then its attributes as text. Time and level are
// in httpd's own part of the line.
type slogHandler struct {
	slog.Handler
	shared *slogBuffer
}

type slogBuffer struct {
	sync.Mutex
	bytes.Buffer
}

func newSlogHandler() slogHandler {
	shared := new(slogBuffer)
	text := slog.NewTextHandler(&shared.Buffer, &slog.HandlerOptions{
		Level: slog.LevelDebug - 4,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
				return slog.Attr{}
			}
			return a
		},
	})
	return slogHandler{text, shared}
}

func (h slogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return C.modgo_log_enabled(slogLevel(level)) != 0
}

func (h slogHandler) Handle(ctx context.Context, r slog.Record) error {
	h.shared.Lock()
	defer h.shared.Unlock()
	h.shared.Reset()
	err := h.Handler.Handle(ctx, r)
	logText(slogLevel(r.Level), strings.TrimRight(r.Message+" "+h.shared.String(), " \n"))
	return err
}

func (h slogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return slogHandler{h.Handler.WithAttrs(attrs), h.shared}
}

func (h slogHandler) WithGroup(name string) slog.Handler {
	return slogHandler{h.Handler.WithGroup(name), h.shared}
}

func slogLevel(l slog.Level) C.int {
	switch {
	case l >= slog.LevelError:
		return levelError
	case l >= slog.LevelWarn:
		return levelWarning
	case l >= slog.LevelInfo:
		return levelInfo
	case l >= slog.LevelDebug:
		return levelDebug
	}
	return levelTrace
}
