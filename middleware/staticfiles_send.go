package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"syscall"

	"github.com/mod-go/mod-go/modgo"
)

// notExist tells whether an error says that there is no such file.
func notExist(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) ||
		errors.Is(err, syscall.ENOTDIR) || // a file is asked for as if it were a directory
		errors.Is(err, syscall.ENAMETOOLONG)
}

// send answers with the file.
func (s *staticFiles) send(env *modgo.Environ, startResponse modgo.StartResponse, name string, f fs.File, info fs.FileInfo) modgo.Body {
	mediaType, err := mediaTypeOf(name, f)
	if err != nil {
		_ = f.Close()
		return s.failed(err)
	}
	headers := modgo.Headers{{"Content-Type", mediaType}}
	if s.CacheControl != "" {
		headers = append(headers, [2]string{"Cache-Control", s.CacheControl})
	}
	form := "" // told apart in the ETag: both are of one time, mostly, and could be of one size
	if s.Precompressed {
		if packed, packedInfo, ok := s.precompressed(name, info); ok {
			headers = append(headers, [2]string{"Vary", "Accept-Encoding"})
			if acceptsGzip(env.Get("HTTP_ACCEPT_ENCODING")) {
				_ = f.Close()
				f, info, name, form = packed, packedInfo, name+".gz", "-gzip"
				headers = append(headers, [2]string{"Content-Encoding", "gzip"})
			} else {
				_ = packed.Close()
			}
		}
	}
	tag, err := s.tag(name, info, form)
	if err != nil {
		_ = f.Close()
		return s.failed(err)
	}
	return modgo.Content(env, startResponse, f, append(headers, [2]string{"ETag", tag}))
}

// precompressed opens the compressed form of a file, if there is one that is not older.
func (s *staticFiles) precompressed(name string, info fs.FileInfo) (fs.File, fs.FileInfo, bool) {
	packed, packedInfo, err := s.open(name + ".gz")
	if err != nil {
		return nil, nil, false // whatever the reason, the file itself is as good
	}
	if !packedInfo.Mode().IsRegular() || packedInfo.ModTime().Before(info.ModTime()) {
		_ = packed.Close()
		return nil, nil, false
	}
	return packed, packedInfo, true
}

// mediaTypeOf is the media type of the name's extension, or of what the file begins with.
func mediaTypeOf(name string, f fs.File) (string, error) {
	if mediaType := mime.TypeByExtension(path.Ext(name)); mediaType != "" {
		return mediaType, nil
	}
	seeker, ok := f.(io.ReadSeeker)
	if !ok {
		return "application/octet-stream", nil // what is read of it is gone
	}
	begin := make([]byte, 512) // all that DetectContentType looks at
	n, err := io.ReadFull(seeker, begin)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return "", err
	}
	_, err = seeker.Seek(0, io.SeekStart)
	return http.DetectContentType(begin[:n]), err
}

// tag is the file's ETag. It changes when the modification time does, to the nanosecond, or the size.
func (s *staticFiles) tag(name string, info fs.FileInfo, form string) (string, error) {
	// The epoch, as in reproducible builds, is no time either; net/http has it so, too.
	if modified := info.ModTime(); !modified.IsZero() && modified.Unix() != 0 {
		return `"` + strconv.FormatInt(modified.UnixNano(), 36) + "-" + strconv.FormatInt(info.Size(), 36) + form + `"`, nil
	}
	if tag, ok := s.tags.Load(name); ok {
		return tag.(string), nil
	}
	f, err := s.fsys.Open(name) // another one: that which is sent need not be able to go back
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", err
	}
	tag := `"` + base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:18]) + `"`
	s.tags.Store(name, tag)
	return tag, nil
}
