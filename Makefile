# The two commands to know: `make run` serves the example applications on http://127.0.0.1:8000/, `make test` tests all.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO ?= go
# Further flags of modgo serve: make run ARGS="--port 8080 --mpm prefork"
ARGS ?=

APPS := ./apps/...
# The packages without cgo. apachebridge is tested from outside, through httpd.
PURE := ./apache/... ./environ/... ./modgo/... ./middleware/... ./internal/... ./apps/... ./cmd/...
BLACKBOX := ./tests ./tests/contract ./tests/httpdtest/... ./tests/serve ./tests/install
# What runs under the sanitizers: an httpd of modgo serve has no place for their settings.
SANITIZED := ./tests ./tests/contract
LIMITS := ./tests/limits
# A module of its own, so that frameworks and clients that only tests need are not in the one that users inherit.
PROGRAMS := tests/programs
# The same for the side-by-side benchmark, which draws plots.
BENCH := bench
# What makes and tests packages: nfpm is not in the module that users inherit either.
PACKAGING := packaging
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# apparmor checks the profile in httpd-conf.
DEBIAN := apache2-bin apache2-dev media-types gcc libc6-dev binutils apparmor
# For the tests of apps/chat's page.
DEBIAN_BROWSER := chromium
DEBIAN_LONG := valgrind
# Load generators, and the modules that mod_go is compared with.
DEBIAN_BENCH := wrk nghttp2-client libapache2-mod-wsgi-py3 libapache2-mod-fcgid libapache2-mod-perl2

# The object of make install and make deb; another one is taken as it is: make deb OBJECT=/path/to/mod_go.so VERSION=1.2-1
OBJECT ?= build/mod_go.so
BUILT := $(if $(filter build/mod_go.so,$(OBJECT)),build,deps bin/modgo)
# make install DESTDIR=folder needs no root.
SUDO := $(if $(DESTDIR),,$(if $(filter 0,$(shell id -u)),,sudo))

.PHONY: help deps deps-browser deps-long deps-bench bench bench-quick go build run test test-pure test-http test-programs test-limits limits test-long test-validated test-asan test-valgrind test-compose fuzz fmt lint lint-go lint-c clean install uninstall deb test-deb test-operations

help:
	@echo 'make run        serve the example applications on http://127.0.0.1:8000/ until Ctrl-C'
	@echo 'make test       install what is missing, check the code, run all tests'
	@echo 'make test-long  the tests under AddressSanitizer and valgrind, and those that take minutes'
	@echo 'make test-compose  the containers of docker-compose.yml, tested from outside'
	@echo 'make bench      compare with every other way to serve from Apache; bench-quick: the ratios, in two minutes'
	@echo 'make build      bin/modgo, and build/mod_go.so with the example applications'
	@echo 'make install    build, and put it into the installed Apache; make uninstall takes it away'
	@echo 'make deb        build, and make a Debian package of it in build/'
	@echo 'make fmt lint   format the code; look for mistakes'
	@echo 'make clean      remove what was built'

# ---- what the machine needs ----

go:
	@command -v $(GO) >/dev/null || { echo 'Go is not installed or not on PATH: get Go 1.26 or newer from https://go.dev/dl/' >&2; exit 1; }

deps: go
	@.ci/deps $(DEBIAN)

deps-browser: deps
	@.ci/deps $(DEBIAN_BROWSER)

deps-long: deps
	@.ci/deps $(DEBIAN_LONG)

deps-bench: deps
	@.ci/deps $(DEBIAN_BENCH)

# ---- building and running ----

bin/modgo: FORCE | go
	@$(GO) build -o $@ ./cmd/modgo
FORCE:

build: deps bin/modgo
	@mkdir -p build
	@bin/modgo build -o build/mod_go.so $(APPS)

run: deps bin/modgo
	@exec bin/modgo serve $(ARGS) $(APPS)

# ---- installing ----

install: $(BUILT)
	@$(SUDO) bin/modgo install $(if $(DESTDIR),--root '$(DESTDIR)') '$(OBJECT)'

uninstall: bin/modgo
	@$(SUDO) bin/modgo uninstall $(if $(DESTDIR),--root '$(DESTDIR)')

deb: $(BUILT)
	@GO='$(GO)' packaging/deb/build '$(OBJECT)' build

# ---- testing ----

test: deps build lint test-pure test-http test-programs test-limits

# TestAllocations once more, because the race detector allocates too.
test-pure: go
	$(GO) test -race $(PURE)
	$(GO) test -run TestAllocations ./internal/apphost
	cd $(BENCH) && $(GO) test ./internal/... && $(GO) test -run 'TestPlots|TestReport|TestReached' .

# -exec sets the environment of the tests alone: what they build gets it, they themselves need not be built anew.
test-http: deps
	$(GO) test -count=1 -p 1 -timeout 30m -exec 'env GOEXPERIMENT=cgocheck2' $(BLACKBOX)

# Programs that were written for net/http's server: frameworks, go-httpbin, gRPC, WebSocket, a proxy.
test-programs: deps-browser
	cd $(PROGRAMS) && $(GO) vet ./...
	cd $(PROGRAMS) && $(GO) test -count=1 -p 1 -timeout 30m -exec 'env GOEXPERIMENT=cgocheck2' ./...

# What docs/performance.md promises; an object as users build it, without checks that cost time.
test-limits: deps
	$(GO) test -count=1 -timeout 20m $(LIMITS)

# The same, and the figures into docs/performance.md.
limits: deps
	$(GO) test -count=1 -timeout 20m -v $(LIMITS) -args -report $(CURDIR)/docs/performance.md

# Without a package's name go test shows what is printed as it comes, and when all is well too.
# Every way to serve from Apache side by side, and the figures, plots and CSV into docs/: make bench ROUNDS=10
ROUNDS ?= 0
bench: deps-bench
	cd $(BENCH) && $(GO) test -count=1 -timeout 60m -args -rounds $(ROUNDS) -report $(CURDIR)/docs

# The ratios alone, in two minutes; fails where one is missed by more than a tenth.
bench-quick: deps-bench
	cd $(BENCH) && $(GO) test -count=1 -timeout 10m -run TestRatios -args -rounds $(ROUNDS)

# Installs the Debian package on this machine, and removes it again; apache2 and lintian stay.
test-deb: deps
	cd $(PACKAGING) && $(if $(filter 0,$(shell id -u)),,sudo env "PATH=$$PATH") $(GO) test -count=1 -timeout 20m .

# Walks through docs/operations.md on this machine's Apache, in namespaces of its own, with which all that it writes goes.
test-operations: deps
	$(if $(filter 0,$(shell id -u)),,sudo env "PATH=$$PATH") $(GO) test -count=1 -timeout 20m ./tests/operations

test-long: deps-long test-validated test-asan test-valgrind

# With the validator of the application contract round every application, which has to be silent: without the tests whose
# applications break the contract on purpose, and those that hold handlers to the letter of net/http's own server, which they
# are not behind two adapters.
test-validated: deps
	$(GO) test -count=1 -p 1 -timeout 20m -skip 'TestHandlerFaults|TestUseAfterReturn|TestBroken|TestNetHTTP' -exec "env MODGO_TEST_VALIDATE=yes MODGO_TEST_MPM=event" ./tests ./tests/contract
	cd $(PROGRAMS) && $(GO) test -count=1 -timeout 20m -run 'TestWebSocket$$|TestGRPC|TestConnect|TestFrameworks|TestReverseProxy' -exec "env MODGO_TEST_VALIDATE=yes MODGO_TEST_MPM=event" .

# Images are built, containers run and are tested, and nothing but the images is left behind.
test-compose: go
	@.ci/test-compose

# How long each target is fuzzed: make fuzz FUZZTIME=10m
FUZZTIME ?= 1m
fuzz: deps
	@for package in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$package/*_test.go | cut -c6-); do \
			echo "$$package $$target"; \
			$(GO) test $$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -parallel 2 || exit 1; \
		done; \
	done

# AddressSanitizer keeps what C frees, so that no child can give it back.
# Under worker and prefork what their ways to start and to end children touch; those ways are slow, and event has the rest.
ASAN := 'GOFLAGS=$$($(GO) env GOFLAGS) -asan' MODGO_TEST_SLOW=4 MODGO_TEST_PRELOAD=$$(gcc -print-file-name=libasan.so)
test-asan: deps
	$(GO) test -count=1 -p 1 -timeout 40m -skip TestMemoryLimitSparesChildren -exec "env $(ASAN) MODGO_TEST_MPM=event" $(SANITIZED)
	$(GO) test -count=1 -timeout 20m -run 'TestDeathReports$$|TestFatal|TestLifecycle|TestRestart|TestStops|TestShutdown|TestRequestTimeout|TestStatusCounts|TestApache|TestBody' -exec "env $(ASAN) MODGO_TEST_MPM=worker,prefork" ./tests
	cd $(PROGRAMS) && $(GO) test -count=1 -timeout 20m -run 'TestConn$$|TestWebSocket|TestGRPC|TestConnect' -exec "env $(ASAN) MODGO_TEST_MPM=event" .

VALGRIND := valgrind --log-file={dir}/valgrind.%p --suppressions=$(CURDIR)/tests/httpdtest/valgrind.supp --fair-sched=yes --max-stackframe=65536 --leak-check=no --undef-value-errors=no
# A change of the stack pointer by more than --max-stackframe is a change of stacks; C has no frames that large.
# Without the tests that look for the Go runtime's signal handlers, that kill or profile it, that measure its memory, that forbid code such
# as valgrind's, of a thousand clients, of 100 MB and of hundreds of leaking goroutines: valgrind has handlers of its own, and
# runs one thread at a time.
test-valgrind: deps-long
	$(GO) test -count=1 -p 1 -timeout 60m -skip 'TestParentRunsNoGo|TestFatal|TestDeath|TestStart|TestStatusOfWaiting|TestPprof|TestNoExecutableMemory|TestMemoryLimit|TestSlowClients|TestFullDuplex|TestNetHTTPLeaks|TestNetHTTPConnectionLeft' -exec "env MODGO_TEST_SLOW=20 MODGO_TEST_MPM=event 'MODGO_TEST_WRAPPER=$(VALGRIND)'" ./tests

# ---- the code ----

fmt:
	gofmt -w .
	@if command -v clang-format >/dev/null; then clang-format -i apachebridge/*.[ch]; else echo 'clang-format is not installed: C code left as it is'; fi

lint: lint-go lint-c

lint-go: go
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "These files are not formatted; run make fmt:"; echo "$$unformatted"; exit 1; fi >&2
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	cd $(PROGRAMS) && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...
	cd $(BENCH) && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...
	cd $(PACKAGING) && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...

lint-c: go
	@.ci/compile-c

clean:
	rm -rf bin build
