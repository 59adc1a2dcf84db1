// Package speak prints and logs in every way that a Go program does; the path selects which.
package speak

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/sirupsen/logrus"

	"github.com/mod-go/mod-go/modgo"
)

func application(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	say, known := ways[strings.TrimPrefix(r.URL.Path, "/")]
	if !known {
		http.NotFound(w, r)
		return
	}
	text := query.Get("text")
	if repeat := len(query["repeat"]); repeat > 0 {
		n := 0
		_, _ = fmt.Sscan(query.Get("repeat"), &n)
		text = strings.Repeat(text, n)
	}
	if query.Has("goroutine") {
		done := make(chan struct{})
		go func() {
			defer close(done)
			say(r.Context(), text)
		}()
		<-done
	} else {
		say(r.Context(), text)
	}
	_, _ = io.WriteString(w, "said")
}

// slogTrace is what slog has no name for.
const slogTrace = slog.LevelDebug - 4

var ways = map[string]func(ctx context.Context, text string){
	"log":  func(_ context.Context, text string) { log.Print(text) },
	"slog": func(_ context.Context, text string) { slog.Info(text) },
	"slog/levels": func(ctx context.Context, text string) {
		for _, level := range []slog.Level{slogTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			slog.Log(ctx, level, text+" "+level.String())
		}
	},
	"slog/attributes": func(_ context.Context, text string) {
		slog.With("outer", 1).WithGroup("group").Info(text, "inner", "two words")
	},
	"logrus": func(_ context.Context, text string) { logrus.Info(text) },
	"logrus/levels": func(_ context.Context, text string) {
		for _, level := range []logrus.Level{logrus.TraceLevel, logrus.DebugLevel, logrus.InfoLevel, logrus.WarnLevel, logrus.ErrorLevel, logrus.FatalLevel} {
			logrus.StandardLogger().Log(level, text+" "+level.String()) // Log does not end the process
		}
	},
	"logrus/fields": func(_ context.Context, text string) {
		logrus.WithFields(logrus.Fields{"zeta": 1, "alpha": "two words"}).Info(text)
	},
	"stdout": func(_ context.Context, text string) { fmt.Println(text) },
	"stderr": func(_ context.Context, text string) { fmt.Fprintln(os.Stderr, text) },
	"print":  func(_ context.Context, text string) { fmt.Print(text) },
	"errors": func(ctx context.Context, text string) { fmt.Fprintln(modgo.FromContext(ctx).Errors(), text) },
	"binary": func(_ context.Context, text string) {
		// Every byte but the line feed, so many times that the line is a long one.
		line := make([]byte, 0, 255*40)
		for range 40 {
			for b := range 256 {
				if b != '\n' && b != '\r' {
					line = append(line, byte(b))
				}
			}
		}
		fmt.Printf("%s%s\n", text, line)
	},
}
