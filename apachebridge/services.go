package apachebridge

// #include "modgo.h"
import "C"

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unsafe"

	"github.com/mod-go/mod-go/apache"
)

// services are what an application asks of httpd (services.c), under the connection's lock.
type services struct{ exchange *exchange }

var _ apache.Server = services{}

// with runs do while the request lives.
func (s services) with(do func(call *C.modgo_request)) error {
	x := s.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.call == nil {
		return apache.ErrOver
	}
	do(x.call)
	return nil
}

// cString is s with a NUL behind it, which Go's memory manager frees. C must not keep it.
func cString(s string) *C.char { return bytesOf(append([]byte(s), 0)) }

// optional is a value that C may not have.
func optional(s *C.char) (string, bool) { return goString(s), s != nil }

// Note returns a note.
func (s services) Note(name string) (value string, ok bool) {
	_ = s.with(func(call *C.modgo_request) { value, ok = optional(C.modgo_note(call, cString(name))) })
	return value, ok
}

// SetNote leaves a note.
func (s services) SetNote(name, value string) error {
	return s.with(func(call *C.modgo_request) { C.modgo_note_set(call, cString(name), cString(value)) })
}

// Setting returns a value of GoSetting.
func (s services) Setting(name string) (value string, ok bool) {
	_ = s.with(func(call *C.modgo_request) { value, ok = optional(C.modgo_setting_get(call, cString(name))) })
	return value, ok
}

// Settings returns all values of GoSetting.
func (s services) Settings() map[string]string {
	settings := make(map[string]string)
	_ = s.with(func(call *C.modgo_request) {
		if table := C.modgo_settings(call); table != nil {
			for _, e := range tableEntries(table) {
				settings[goString(e.key)] = goString(e.val)
			}
		}
	})
	return settings
}

// SetVariable sets a variable of httpd's.
func (s services) SetVariable(name, value string) error {
	return s.with(func(call *C.modgo_request) { C.modgo_subprocess_env_set(call, cString(name), cString(value)) })
}

// TLS returns a variable of mod_ssl's.
func (s services) TLS(name string) (value string, ok bool) {
	_ = s.with(func(call *C.modgo_request) { value = goString(C.modgo_ssl_variable(call, cString(name))) })
	return value, value != ""
}

// httpdLevel is a level in httpd's counting, which is the same; further bits of the number would mean other things.
func httpdLevel(level apache.Level) C.int {
	return C.int(min(max(level, apache.Emergency), apache.Trace8))
}

// Log writes lines to the log of the request's virtual host; when the request is over, to the main server's.
func (s services) Log(level apache.Level, message string) {
	for line := range strings.Lines(message) {
		line := strings.TrimRight(line, "\r\n")
		if s.with(func(call *C.modgo_request) {
			C.modgo_log_request(call, httpdLevel(level), (*C.char)(unsafe.Pointer(unsafe.StringData(line))), C.apr_size_t(len(line)))
		}) != nil {
			logLine(httpdLevel(level), line)
		}
	}
}

// LogEnabled asks LogLevel.
func (s services) LogEnabled(level apache.Level) (enabled bool) {
	if s.with(func(call *C.modgo_request) {
		// httpd's own macro says yes to a warning, too, which is dropped then where LogLevel is error.
		enabled = level == apache.Notice || httpdLevel(level) <= C.ap_get_request_module_loglevel(call.r, C.go_module.module_index)
	}) != nil {
		enabled = C.modgo_log_enabled(httpdLevel(level)) != 0
	}
	return enabled
}

// Lookup makes a subrequest that is not run.
func (s services) Lookup(url string) (found apache.Lookup, err error) {
	if err := checkPath(url); err != nil {
		return found, err
	}
	err = s.with(func(call *C.modgo_request) {
		var l C.modgo_lookup
		C.modgo_lookup_url(call, cString(url), &l)
		found = apache.Lookup{
			Status: int(l.status), Handler: goString(l.handler), Filename: goString(l.filename), PathInfo: goString(l.path_info),
			ContentType: goString(l.content_type), Exists: l.exists != 0, Size: int64(l.size),
		}
		if found.Exists {
			found.Modified = time.UnixMicro(int64(l.mtime))
		}
	})
	return found, err
}

// checkPath refuses what is no URL of this server.
func checkPath(url string) error {
	if !strings.HasPrefix(url, "/") || strings.ContainsRune(url, 0) {
		return fmt.Errorf("apache: %q is no URL of this server: it has to be a path that begins with a slash", url)
	}
	return nil
}

var errBegun = errors.New("apache: the response has begun, so httpd cannot make it any more; ask before anything is written or flushed")

// Redirect has httpd answer with another URL.
func (s services) Redirect(url string) error {
	if err := checkPath(url); err != nil {
		return err
	}
	var begun error
	err := s.with(func(call *C.modgo_request) {
		if call.head_sent != 0 || call.answered != 0 {
			begun = errBegun
			return
		}
		call.file = nil
		call.redirect = C.modgo_pool_copy(call, cString(url))
	})
	return errors.Join(err, begun)
}

// SendFile has httpd answer with a file.
func (s services) SendFile(name string) error {
	var chosen C.modgo_send_file
	var begun error
	err := s.with(func(call *C.modgo_request) {
		if call.head_sent != 0 || call.answered != 0 {
			begun = errBegun
			return
		}
		call.redirect, call.file = nil, nil
		if strings.ContainsRune(name, 0) {
			chosen = C.MODGO_FILE_MISSING
			return
		}
		chosen = C.modgo_file_choose(call, cString(name))
	})
	switch {
	case err != nil || begun != nil:
		return errors.Join(err, begun)
	case chosen == C.MODGO_FILE_MISSING:
		return apache.WithStatus(fmt.Errorf("apache: there is no file %q that could be sent", name), http.StatusNotFound)
	case chosen == C.MODGO_FILE_FORBIDDEN:
		return apache.WithStatus(fmt.Errorf("apache: the user that httpd runs as may not reach %q", name), http.StatusForbidden)
	case chosen == C.MODGO_FILE_OUTSIDE:
		return apache.WithStatus(fmt.Errorf("apache: %q does not lie below a folder of GoSendFileRoot for this URL; name its folder there", name), http.StatusForbidden)
	}
	return nil
}
