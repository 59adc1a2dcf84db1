package devserver

import (
	"context"

	"github.com/mod-go/mod-go/internal/builder"
)

// built is the outcome of a build.
type built struct {
	number  int
	sources *builder.Sources // nil where they could not be listed
	result  *builder.Result
	err     error
}

// startBuild begins a build in the background, in place of one that is under way.
func (s *server) startBuild(ctx context.Context) {
	if s.cancelBuild != nil {
		s.cancelBuild()
	}
	if s.page != nil {
		s.page.setNote("A file has changed; building…")
	}
	ctx, s.cancelBuild = context.WithCancel(ctx)
	s.build++
	s.good, s.retry = false, nil
	number := s.build
	s.ends.Go(func() {
		b := s.buildOnce(ctx)
		b.number = number
		select {
		case s.built <- b:
		case <-ctx.Done():
		}
	})
}

// buildOnce lists the sources, watches them and builds. It runs in the background.
func (s *server) buildOnce(ctx context.Context) (b built) {
	if b.sources, b.err = s.watcher.FollowBuild(ctx, s.Build); b.err != nil {
		return b
	}
	b.result, b.err = builder.BuildExecutable(ctx, s.Build, func(packages []builder.Package) (string, error) {
		mounts, err := s.Mount(packages)
		if err != nil {
			return "", err
		}
		return programSource(s.Base, mounts)
	})
	return b
}

// finishBuild starts what was built, or tells why nothing was. The first build's error is returned where there is nothing
// to watch, either.
func (s *server) finishBuild(b built) error {
	s.cancelBuild()
	s.cancelBuild = nil
	first := len(s.sources.Files) == 0
	if b.sources != nil {
		s.sources = b.sources
	}
	if b.err != nil {
		if first && (b.sources == nil || b.sources.Found == 0) {
			return b.err
		}
		text := b.err.Error()
		s.stopNext()
		s.report(problem{
			Title:     "The build is broken",
			Advice:    "Mend the source and save it: modgo dev builds again, and this page reloads itself.",
			Diagnoses: diagnoseBuild(text, s.dir),
			Output:    text,
		}, false)
		return nil
	}
	s.good = true
	s.delay = firstDelay
	if b.result.Unchanged && s.page == nil && s.serving != nil && s.next == nil {
		s.logf("the program is the same as before, and goes on")
		return nil
	}
	s.logf("built in %.1f s", b.result.Duration.Seconds())
	s.start()
	return nil
}
