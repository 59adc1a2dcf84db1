// Package transfer sends and takes bodies of any size.
package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
)

// Pattern fills block with the bytes that stand at offset in every download.
func Pattern(block []byte, offset int64) {
	for i := range block {
		n := offset + int64(i)
		block[i] = byte(n ^ n>>8 ^ n>>16)
	}
}

func application(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		hash := sha256.New()
		n, err := io.Copy(hash, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, strconv.FormatInt(n, 10)+" "+hex.EncodeToString(hash.Sum(nil)))
		return
	}
	size, err := strconv.ParseInt(r.URL.Query().Get("bytes"), 10, 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.URL.Query().Has("length") {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
	block := make([]byte, 64<<10)
	for sent := int64(0); sent < size; {
		b := block[:min(int64(len(block)), size-sent)]
		Pattern(b, sent)
		if _, err := w.Write(b); err != nil {
			return
		}
		sent += int64(len(b))
	}
}
