package services

import (
	"net/http"
	"path/filepath"

	"github.com/mod-go/mod-go/apache"
)

// download answers with a file of the folder that the configuration gives as a setting; httpd sends it.
func download(w http.ResponseWriter, r *http.Request) {
	httpd := apache.FromContext(r.Context())
	if httpd == nil {
		http.Error(w, "this works inside Apache only", http.StatusNotImplemented)
		return
	}
	folder, _ := httpd.Setting("downloads")
	w.Header().Set("Content-Disposition", "attachment")
	if err := httpd.SendFile(filepath.Join(folder, r.URL.Path)); err != nil {
		httpd.Logf(apache.Info, "no download of %s: %v", r.URL.Path, err)
		w.Header().Del("Content-Disposition")
		http.Error(w, "there is no such download", apache.StatusOf(err))
	}
}
