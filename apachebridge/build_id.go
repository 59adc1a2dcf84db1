package apachebridge

// #include "modgo.h"
import "C"

// BuildID is the go command's build ID of the running mod_go.so, as `modgo check` prints it for a file; "unknown" where it
// was linked without one.
func BuildID() string { return C.GoString(C.modgo_build_id()) }
