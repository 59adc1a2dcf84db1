package modgo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// forgetLifecycle takes away what the test registers.
func forgetLifecycle(t *testing.T) {
	t.Cleanup(func() { lifecycle.start, lifecycle.reload, lifecycle.shutdown, lifecycle.started = nil, nil, nil, 0 })
}

func TestLifecycleOrder(t *testing.T) {
	forgetLifecycle(t)
	var called []string
	for _, name := range []string{"a", "b"} {
		OnStart(func(context.Context) error { called = append(called, "start "+name); return nil })
		OnReload(func() { called = append(called, "reload "+name) })
		OnShutdown(func(context.Context) { called = append(called, "shutdown "+name) })
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := errors.Join(Start(ctx), Reload(), Shutdown(ctx)); err != nil {
		t.Error(err)
	}
	if want := []string{"start a", "start b", "reload a", "reload b", "shutdown b", "shutdown a"}; !slices.Equal(called, want) {
		t.Errorf("called %q; want %q", called, want)
	}
}

func TestLifecycleWithoutFunctions(t *testing.T) {
	if err := errors.Join(Start(t.Context()), Reload(), Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestLifecycleErrors(t *testing.T) {
	forgetLifecycle(t)
	cause := errors.New("no connection")
	others := 0
	OnStart(func(context.Context) error { return cause })
	OnStart(func(context.Context) error { panic("in OnStart") })
	OnStart(func(context.Context) error { others++; return nil })
	OnReload(func() { panic("in OnReload") })
	OnShutdown(func(context.Context) { others++ })
	OnShutdown(func(context.Context) { panic("in OnShutdown") })
	err := Start(t.Context())
	var panicked *FunctionPanic
	if !errors.Is(err, cause) || !errors.As(err, &panicked) || panicked.Registered != "OnStart" || panicked.Value != "in OnStart" {
		t.Errorf("Start returns %v", err)
	} else if !strings.Contains(string(panicked.Stack), "lifecycle_test.go") {
		t.Errorf("the stack of the panic is\n%s", panicked.Stack)
	}
	for registered, err := range map[string]error{"OnReload": Reload(), "OnShutdown": Shutdown(t.Context())} {
		if !errors.As(err, &panicked) || panicked.Registered != registered {
			t.Errorf("%s: %v", registered, err)
		}
	}
	if others != 2 {
		t.Errorf("beside those that failed %d of 2 functions were called", others)
	}
}

func TestShutdownTakesNoLonger(t *testing.T) {
	forgetLifecycle(t)
	release := make(chan struct{})
	defer close(release)
	OnShutdown(func(context.Context) { <-release })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown returns %v", err)
	}
}
