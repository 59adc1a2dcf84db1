package apachebridge

// #include "modgo.h"
import "C"

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"unsafe"

	"github.com/prometheus/common/expfmt"

	"github.com/mod-go/mod-go/internal/pprofhttp"
	"github.com/mod-go/mod-go/internal/sibling"
	"github.com/mod-go/mod-go/internal/status"
)

// The paths under which a child answers its siblings.
const (
	processPath = "/process" // a status.Process in JSON
	metricsPath = "/metrics" // metrics of Prometheus, one behind the other, each with its length
	pprofPath   = "/pprof/"
)

// metricsFormat is that of metricsPath.
var metricsFormat = expfmt.NewFormat(expfmt.TypeProtoDelim)

// openChannel lets the other children ask this one, if the configuration has a handler that would.
func openChannel() {
	if C.modgo_diagnostics_wanted() == 0 || C.modgo_channel_key() == nil {
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc(processPath, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(ownProcess()) // who asked is gone if it fails
	})
	mux.HandleFunc(metricsPath, func(w http.ResponseWriter, _ *http.Request) {
		families, err := status.GatherProcess()
		if err != nil {
			logLine(levelWarning, fmt.Sprintf("MODGO0050: some metrics of child %d could not be gathered; an application's collector is at fault: %s", os.Getpid(), oneLine(err)))
		}
		encoder := expfmt.NewEncoder(w, metricsFormat)
		for _, f := range families {
			if encoder.Encode(f) != nil {
				return // who asked is gone
			}
		}
	})
	mux.Handle(pprofPath, http.StripPrefix(pprofPath, pprofhttp.Handler()))
	address, err := sibling.Serve(channelKey(), mux)
	if err != nil {
		logLine(levelWarning, fmt.Sprintf("MODGO0051: child %d has no socket on which others could ask it, so that go-status and go-pprof will show it as silent: %s", os.Getpid(), oneLine(err)))
		return
	}
	C.modgo_channel_open(cString(address))
}

func channelKey() []byte {
	return C.GoBytes(unsafe.Pointer(C.modgo_channel_key()), C.MODGO_KEY)
}

// addressOf is the address of a child's channel; "" if it has none.
func addressOf(child int) string {
	var address [C.MODGO_ADDRESS]C.char
	C.modgo_channel_address(C.int(child), &address[0])
	return C.GoString(&address[0])
}
