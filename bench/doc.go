// Package bench measures mod_go and every other common way to serve a program from Apache side by side.
//
// It runs as tests, because httpdtest fails a test for every line in httpd's log that it does not expect: a peer that is fast
// because it fails is found out. `make bench-quick` runs TestRatios alone; `make bench` runs all, with -report, and so writes
// the figures of docs/performance.md.
package bench
