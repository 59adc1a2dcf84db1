package upload

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"path"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/modgo"
)

// maxFiles bounds what one request makes this application remember: a form of any size may hold any number of files of
// no size at all.
const maxFiles = 1000

// file is what is kept of an uploaded file.
type file struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // lower-case hexadecimal
}

// receive reads the whole body of the request. Its errors are for the client to read.
func receive(env *modgo.Environ) ([]file, error) {
	mediaType, parameters, err := mime.ParseMediaType(env.Get("CONTENT_TYPE"))
	if strings.HasPrefix(mediaType, "multipart/form-data") {
		if err != nil || parameters["boundary"] == "" {
			return nil, errors.New("its Content-Type says multipart/form-data but names no boundary between the parts; let the client write that header itself, as curl -F does")
		}
		return receiveForm(multipart.NewReader(env.Input(), parameters["boundary"]))
	}
	f, err := receiveFile(env.Input(), path.Base("/"+env.Get("PATH_INFO")))
	if err != nil {
		return nil, err
	}
	if announced, err := strconv.ParseInt(env.Get("CONTENT_LENGTH"), 10, 64); err == nil && announced != f.Size {
		return nil, fmt.Errorf("the body ended early: Content-Length announced %d bytes and %d came; send it again", announced, f.Size)
	}
	return []file{f}, nil
}

// receiveFile reads r to its end.
func receiveFile(r io.Reader, name string) (file, error) {
	if name == "/" {
		name = "-" // as sha256sum calls what has no name
	}
	hash := sha256.New()
	size, err := io.Copy(hash, r)
	if err != nil {
		return file{}, fmt.Errorf("the body could not be read to its end (%w after %d bytes of %s); send it again", err, size, name)
	}
	return file{name, size, hex.EncodeToString(hash.Sum(nil))}, nil
}

// receiveForm reads the files of a form part by part; its other fields are passed over.
func receiveForm(form *multipart.Reader) ([]file, error) {
	var files []file
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the body is not the whole multipart form that its Content-Type promises (%w after %d files); send it again", err, len(files))
		}
		if part.FileName() == "" { // a field, or a file input in which nothing was chosen
			continue
		}
		if len(files) == maxFiles {
			return nil, fmt.Errorf("the form holds more than %d files; send them in several forms", maxFiles)
		}
		f, err := receiveFile(part, part.FileName())
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, errors.New("the form holds no file; choose one, or send it with curl -F file=@FILE")
	}
	return files, nil
}
