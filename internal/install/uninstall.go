package install

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// planUninstall decides what becomes of each file. What enables the module goes first.
func (i *installer) planUninstall() error {
	l := i.layout
	if err := i.notOfPackage(l.object, l.load, l.conf); err != nil {
		return err
	}
	for _, link := range l.links {
		i.record.drop(link.path)
		if target, err := os.Readlink(i.at(link.path)); err == nil && target == link.target {
			i.take(link.path)
		}
	}
	if _, recorded := i.record.Files[l.marker]; recorded {
		i.record.drop(l.marker)
		if exists(i.at(l.marker)) {
			i.steps = append(i.steps, i.removal("", l.marker))
		}
	}
	for _, file := range l.files() {
		if err := i.planRemoval(file.path, file.content); err != nil {
			return err
		}
		beside := file.path + newSuffix
		if err := i.planRemoval(beside, file.content); err != nil {
			return err
		}
	}
	// The object may have been replaced by hand since; it is the place that is ours.
	_, recorded := i.record.Files[l.object]
	switch i.record.drop(l.object); {
	case !exists(i.at(l.object)):
	case recorded:
		i.take(l.object)
	default:
		i.leave("kept", l.object, "modgo install has not put it there; remove it yourself if nothing needs it")
	}
	return i.planRecord()
}

// planRemoval takes a configuration file away, if it is as it was installed, now or by an older version.
func (i *installer) planRemoval(path string, content []byte) error {
	old, err := os.ReadFile(i.at(path))
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return fmt.Errorf("what stands at %s cannot be read: %w", i.at(path), err)
	case bytes.Equal(old, content) || i.record.has(path, old):
		i.take(path)
	default:
		i.leave("kept", path, "it was changed here; remove it yourself if you do not need it")
	}
	i.record.drop(path)
	return nil
}

func (i *installer) take(path string) { i.steps = append(i.steps, i.removal("removed", path)) }

func (i *installer) removal(verb, path string) step {
	return step{verb, i.at(path), "", func(t *transaction) error { return t.remove(i.at(path)) }}
}
