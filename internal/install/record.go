package install

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// recordName is the name of the file, beside the object, that says what was installed: without it the go.conf of an older
// version could not be told from one that the administrator has changed.
const recordName = "mod_go.installed.json"

// record is what was installed: for each path, the checksum of the file, or of where the link leads.
type record struct {
	Files map[string]string `json:"files"`

	read []byte // as it was read
}

func readRecord(path string) (*record, error) {
	r := &record{Files: make(map[string]string)}
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return r, nil
	case err != nil:
		return nil, fmt.Errorf("the list of what was installed cannot be read: %w", err)
	}
	if err := json.Unmarshal(content, r); err != nil {
		return nil, fmt.Errorf("the list of what was installed, %s, is damaged (%w): remove it; changed files are kept then, and the others known by their content", path, err)
	}
	r.read = content
	return r, nil
}

func (r *record) add(path string, content []byte) { r.Files[path] = digest(content) }

func (r *record) drop(path string) { delete(r.Files, path) }

// has tells whether this content was installed at the path.
func (r *record) has(path string, content []byte) bool { return r.Files[path] == digest(content) }

// bytes is what is written; nil where nothing is installed.
func (r *record) bytes() []byte {
	if len(r.Files) == 0 {
		return nil
	}
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // a map of strings
	}
	return append(content, '\n')
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
