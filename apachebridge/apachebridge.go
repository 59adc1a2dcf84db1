// Package apachebridge is the boundary between Apache HTTP Server and Go: both of its sides, and the only cgo of the
// project. The C files are httpd's module; the Go files are what it calls, and the request and response that a handler
// sees.
//
// The program that modgo build generates imports it for its effect. There is one call from C into Go for a request, and
// one or two back for a simple response; docs/architecture.md has the picture.
package apachebridge

/*
#cgo CFLAGS: -I/usr/include/apache2 -I/usr/include/httpd -I/usr/include/apr-1.0 -I/usr/include/apr-1
#cgo CFLAGS: -D_GNU_SOURCE -D_LARGEFILE64_SOURCE -DLINUX -std=gnu11 -fno-strict-aliasing -fvisibility=hidden
#cgo LDFLAGS: -Wl,--unresolved-symbols=ignore-all

#cgo noescape modgo_cross_read
#cgo nocallback modgo_cross_read
#cgo noescape modgo_cross_strings
#cgo nocallback modgo_cross_strings
#cgo noescape modgo_cross_send
#cgo noescape modgo_cross_variable
#cgo nocallback modgo_cross_variable
#cgo noescape modgo_ssl_variable
#cgo nocallback modgo_ssl_variable
#cgo noescape modgo_log_line
#cgo nocallback modgo_log_line
#cgo nocallback modgo_log_request
#cgo nocallback modgo_log_enabled
#cgo nocallback modgo_descriptor_copy
#cgo nocallback modgo_sleep
#cgo nocallback modgo_client_await
#cgo nocallback modgo_request_gone
#cgo nocallback modgo_stopping_state

#include "crossing.h"
*/
import "C"
