package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

const (
	resumedLine = "[2026-11-30 18:07:00.394464] [mpm_event:notice] [pid 7] AH00489: Apache/2.4.71 (Debian) configured -- resuming normal operations\n"
	forgedLine  = "[2026-11-30 18:07:00.394464] [go:notice] [pid 7] configured -- resuming normal operations\n"
)

func TestRestartLogReadsInPieces(t *testing.T) {
	log := &restartLog{seen: make(chan struct{}, 1)}
	text := forgedLine + resumedLine + forgedLine + resumedLine
	for _, size := range []int{1, 7, len(resumedLine), len(text)} {
		before := log.count()
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if wrote, err := log.Write([]byte(rest[:n])); wrote != n || err != nil {
				t.Fatalf("Write returned %d, %v", wrote, err)
			}
			rest = rest[n:]
		}
		if got := log.count() - before; got != 2 {
			t.Errorf("in pieces of %d bytes: %d restarts, want 2", size, got)
		}
	}
}

func TestRestartWaitsForTheStart(t *testing.T) {
	log := &restartLog{seen: make(chan struct{}, 1)}
	write := func() { fmt.Fprint(log, resumedLine) }
	go write() // the start, which is not over yet
	complete, err := log.await(t.Context(), func() error {
		if log.count() != 1 {
			t.Errorf("the signal is sent after %d starts, want 1", log.count())
		}
		go write()
		return nil
	})
	if !complete || err != nil || log.count() != 2 {
		t.Errorf("await returned %v, %v after %d restarts", complete, err, log.count())
	}
	failed := errors.New("no such process")
	if complete, err := log.await(t.Context(), func() error { return failed }); complete || err != failed {
		t.Errorf("where the signal fails, await returned %v, %v", complete, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	if complete, err := log.await(ended, func() error { cancel(); return nil }); complete || err != nil {
		t.Errorf("at the end, await returned %v, %v", complete, err)
	}
}
