package builder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// digest names a content shortly.
func digest(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

// createDir makes a directory that appears with its whole content or not at all. Another process may make the same one
// at the same time: the first wins.
func createDir(dir string, fill func(temporary string) error) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(filepath.Dir(dir), ".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if err := fill(temporary); err != nil {
		return err
	}
	if err := os.Chmod(temporary, 0o755); err != nil {
		return err
	}
	if err := os.Rename(temporary, dir); err != nil && !exists(dir) {
		return err
	}
	return nil
}

// createFile writes a file that appears with its whole content or not at all.
func createFile(path string, content []byte, mode os.FileMode) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// lock keeps a second build of the same packages out of the work directory until unlock is called.
func (b *build) lock(ctx context.Context) (unlock func(), err error) {
	dir := b.workDir()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("the build cache cannot be used: %w", err)
	}
	file, err := os.OpenFile(dir+".lock", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("the build cache cannot be locked: %w", err)
	}
	b.expire(dir + ".lock")
	unlock = func() { file.Close() }
	descriptor := int(file.Fd())
	err = unix.Flock(descriptor, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return unlock, nil
	}
	if !errors.Is(err, unix.EWOULDBLOCK) {
		file.Close()
		return nil, fmt.Errorf("the build cache cannot be locked: %s: %w; use another directory with --cache", file.Name(), err)
	}
	b.logf("waiting for another build of the same packages")
	locked := make(chan error, 1)
	go func() {
		for {
			if err := unix.Flock(descriptor, unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
				locked <- err
				return
			}
		}
	}()
	select {
	case err := <-locked:
		if err != nil {
			file.Close()
			return nil, fmt.Errorf("the build cache cannot be locked: %s: %w", file.Name(), err)
		}
		return unlock, nil
	case <-ctx.Done():
		// The descriptor must stay open as long as the call that waits uses it.
		go func() { <-locked; file.Close() }()
		return nil, ctx.Err()
	}
}

// keepFor is how long the work directory of a build that is not repeated stays in the cache.
const keepFor = 30 * 24 * time.Hour

// expire removes the work directories of builds that were last run long ago. The time of a build is that of its lock.
func (b *build) expire(own string) {
	now := time.Now()
	os.Chtimes(own, now, now)
	locks, _ := filepath.Glob(filepath.Join(b.cache, "build", "*.lock"))
	for _, lock := range locks {
		if info, err := os.Stat(lock); err == nil && now.Sub(info.ModTime()) > keepFor {
			os.RemoveAll(strings.TrimSuffix(lock, ".lock"))
			os.Remove(lock)
		}
	}
}

// workDir is the directory of the generated files and the link of these packages, built with these settings.
func (b *build) workDir() string {
	parts := []string{
		b.buildmode, strconv.FormatBool(b.Validate), b.module.main[0].Dir, b.env.GOWORK, strings.Join(b.Tags, ","), b.env.GOFLAGS, b.env.GOEXPERIMENT, b.env.GOARCH, b.env.CC, b.env.CGO_CFLAGS,
	}
	for _, a := range b.apps {
		parts = append(parts, a.Path)
	}
	return filepath.Join(b.cache, "build", digest(parts...))
}

// copyModule returns a copy of a module's directory in the module cache, whose files an overlay must not touch.
func (b *build) copyModule(path, version, dir string) (string, error) {
	target := filepath.Join(b.cache, "modules", "copy-"+digest(path, version, dir))
	if exists(target) {
		return target, nil
	}
	b.logf("copying %s@%s out of the module cache", path, version)
	err := createDir(target, func(temporary string) error {
		if err := copyTree(temporary, dir); err != nil {
			return err
		}
		if mod := filepath.Join(temporary, "go.mod"); !exists(mod) {
			return os.WriteFile(mod, []byte("module "+path+"\n"), 0o644)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("%s@%s cannot be copied out of the module cache: %w", path, version, err)
	}
	return target, nil
}

// copyTree copies files and directories, and makes them writable: those in the module cache are not.
func copyTree(target, source string) error {
	return filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		switch to := filepath.Join(target, name); {
		case entry.IsDir():
			return os.MkdirAll(to, 0o755)
		case entry.Type().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(to, content, 0o644)
		}
		return nil
	})
}

// prune removes what earlier builds left in the work directory.
func (b *build) prune(used map[string]bool) {
	entries, err := os.ReadDir(b.workDir())
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !used[entry.Name()] {
			os.RemoveAll(filepath.Join(b.workDir(), entry.Name()))
		}
	}
}
