package middleware

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"

	"github.com/mod-go/mod-go/modgo"
)

// StaticFilesOptions are the settings of StaticFiles and FileServer; the zero value suits most.
type StaticFilesOptions struct {
	// Index is the file that is sent for a directory; "" means index.html. There are no listings.
	Index string
	// CacheControl is the header of files, such as "public, max-age=3600", or "public, max-age=31536000, immutable" where
	// a name never gets another content. "" leaves it out.
	CacheControl string
	// Precompressed sends the file "app.js.gz" in the place of app.js to clients that accept gzip, where it exists and is
	// not older.
	Precompressed bool
	// Dotfiles serves files and directories whose names begin with a dot, too. Without it only /.well-known/ is there
	// (RFC 8615), at the top.
	Dotfiles bool
}

// StaticFiles answers GET and HEAD for the files of fsys, and leaves everything else to the application: other methods, and
// paths that name no file. The path is PATH_INFO.
//
// Files are sent with their type, ETag or Last-Modified, and as much as a conditional or range request asks for
// (modgo.Content). A file without a modification time, as those of an embed.FS, is taken to be always the same: its ETag
// is the hash of its content, which is computed once. A directory that has an index is redirected to its name with a slash.
//
// No path leads out of fsys, and none with a NUL or a backslash anywhere. Symbolic links are followed as fsys does:
// os.DirFS follows them anywhere, os.Root's FS stays inside.
//
//	root, err := os.OpenRoot("/srv/www/static")
//	...
//	middleware.StaticFiles(root.FS(), middleware.StaticFilesOptions{})
//
// It panics where fsys is nil or Index is no name of a file.
func StaticFiles(fsys fs.FS, options StaticFilesOptions) modgo.Middleware {
	s := newStaticFiles("StaticFiles", fsys, options)
	return func(app modgo.Application) modgo.Application {
		return func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
			if method := env.Get("REQUEST_METHOD"); method == http.MethodGet || method == http.MethodHead {
				if body, found := s.serve(env, startResponse); found {
					return body
				}
			}
			return app(env, startResponse)
		}
	}
}

// FileServer is StaticFiles as an application of its own, for Mount: what is no file is answered with 404, and other methods
// than GET and HEAD with 405.
func FileServer(fsys fs.FS, options StaticFilesOptions) modgo.Application {
	s := newStaticFiles("FileServer", fsys, options)
	return func(env *modgo.Environ, startResponse modgo.StartResponse) modgo.Body {
		if method := env.Get("REQUEST_METHOD"); method != http.MethodGet && method != http.MethodHead {
			return answer(startResponse, "405 Method Not Allowed", "files are only read: use GET or HEAD", [2]string{"Allow", "GET, HEAD"})
		}
		if body, found := s.serve(env, startResponse); found {
			return body
		}
		return answer(startResponse, "404 Not Found", "there is no such file")
	}
}

// staticFiles serves one file system.
type staticFiles struct {
	StaticFilesOptions
	caller string // whom errors name
	fsys   fs.FS
	tags   sync.Map // name of a file without a modification time to its ETag
}

func newStaticFiles(caller string, fsys fs.FS, options StaticFilesOptions) *staticFiles {
	s := &staticFiles{StaticFilesOptions: options, caller: caller, fsys: fsys}
	if s.Index == "" {
		s.Index = "index.html"
	}
	switch {
	case fsys == nil:
		panic("middleware." + caller + ": the file system is nil")
	case !fs.ValidPath(s.Index) || s.Index == "." || strings.Contains(s.Index, "/"):
		panic(fmt.Sprintf("middleware.%s: the Index %q is no name of a file: give one such as index.html", caller, s.Index))
	}
	return s
}

// serve answers for the file or directory that the path names, if it exists.
func (s *staticFiles) serve(env *modgo.Environ, startResponse modgo.StartResponse) (body modgo.Body, found bool) {
	asked := env.Get("PATH_INFO")
	clean, ok := s.clean(asked)
	if !ok {
		return nil, false
	}
	name := strings.TrimPrefix(clean, "/")
	if name == "" {
		name = "."
	}
	f, info, err := s.open(name)
	if err == nil && info.IsDir() {
		_ = f.Close()
		f, info, err = s.open(path.Join(name, s.Index))
		if err == nil && info.Mode().IsRegular() && !strings.HasSuffix(asked, "/") && env.Get("SCRIPT_NAME")+asked != "" {
			_ = f.Close()
			return s.redirect(env, startResponse, clean), true
		}
		name = path.Join(name, s.Index)
	} else if err == nil && strings.HasSuffix(asked, "/") {
		_ = f.Close()
		return nil, false // no directory
	}
	switch {
	case notExist(err):
		return nil, false
	case errors.Is(err, fs.ErrPermission):
		fmt.Fprintf(env.Errors(), "middleware.%s: %v: let the server's user read it, or take it away\n", s.caller, err)
		return answer(startResponse, "403 Forbidden", "the server may not read this file"), true
	case err != nil:
		return s.failed(err), true
	case !info.Mode().IsRegular():
		_ = f.Close()
		return nil, false
	}
	return s.send(env, startResponse, name, f, info), true
}

// clean is the path without empty, "." and ".." elements. Where ok is false no file can be meant.
func (s *staticFiles) clean(asked string) (clean string, ok bool) {
	if strings.ContainsAny(asked, "\x00\\") {
		return "", false
	}
	clean = path.Clean("/" + asked)
	for i, element := range strings.Split(clean[1:], "/") {
		if strings.HasPrefix(element, ".") && !s.Dotfiles && (i > 0 || element != ".well-known") {
			return "", false
		}
	}
	return clean, clean == "/" || fs.ValidPath(clean[1:])
}

// open opens a file and tells what it is.
func (s *staticFiles) open(name string) (fs.File, fs.FileInfo, error) {
	f, err := s.fsys.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// redirect sends the client to the directory's own URL, under which the links of its index resolve.
func (s *staticFiles) redirect(env *modgo.Environ, startResponse modgo.StartResponse, clean string) modgo.Body {
	location := &url.URL{Path: env.Get("SCRIPT_NAME") + strings.TrimSuffix(clean, "/") + "/", RawQuery: env.Get("QUERY_STRING")}
	// "//host/" would be another server's address, whatever SCRIPT_NAME is.
	location.Path = "/" + strings.TrimLeft(location.Path, "/")
	return answer(startResponse, "301 Moved Permanently", "the directory's URL ends with a slash", [2]string{"Location", location.String()})
}

// failed ends a response that has not begun: the server answers with 500, and logs the error.
func (s *staticFiles) failed(err error) modgo.Body {
	return func(yield func([]byte, error) bool) { yield(nil, fmt.Errorf("middleware.%s: %w", s.caller, err)) }
}
