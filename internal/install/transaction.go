package install

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// fileMode and dirMode are those of everything that is installed.
const (
	fileMode = 0o644
	dirMode  = 0o755
)

// transaction is a series of changes to files. Until commit, rollback brings back the very files that were there, not
// copies: processes may have them mapped.
type transaction struct {
	undo    []func() error // in the order of the changes
	backups []string       // for commit to remove
}

// write puts a file in place as a whole, under a new inode: httpd's processes have the old one mapped, and would crash if
// it were overwritten.
func (t *transaction) write(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	if err := t.mkdirAll(dir); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	if os.Geteuid() == 0 {
		err = errors.Join(err, file.Chown(0, 0)) // where the folder would give it another group
	}
	if err = errors.Join(err, file.Chmod(fileMode), file.Sync(), file.Close()); err != nil {
		return err
	}
	if !exists(path) {
		if err := os.Rename(file.Name(), path); err != nil {
			return err
		}
		t.undo = append(t.undo, func() error { return os.Remove(path) })
		return syncDir(dir)
	}
	backup := file.Name() + ".old"
	if err := os.Link(path, backup); err != nil {
		return fmt.Errorf("what is there cannot be kept for the case of a failure: %w", err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		os.Remove(backup)
		return err
	}
	t.backups = append(t.backups, backup)
	t.undo = append(t.undo, func() error { return os.Rename(backup, path) })
	return syncDir(dir)
}

// symlink makes a link where there is nothing.
func (t *transaction) symlink(target, path string) error {
	if err := t.mkdirAll(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Symlink(target, path); err != nil {
		return err
	}
	t.undo = append(t.undo, func() error { return os.Remove(path) })
	return syncDir(filepath.Dir(path))
}

// remove takes a file or link away.
func (t *transaction) remove(path string) error {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	file.Close()
	backup := file.Name()
	if err := os.Rename(path, backup); err != nil {
		os.Remove(backup)
		return err
	}
	t.backups = append(t.backups, backup)
	t.undo = append(t.undo, func() error { return os.Rename(backup, path) })
	return syncDir(dir)
}

// mkdirAll makes the folders that are missing, readable for all whatever the umask is.
func (t *transaction) mkdirAll(dir string) error {
	if isDir(dir) {
		return nil
	}
	if err := t.mkdirAll(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, dirMode); err != nil {
		return err
	}
	t.undo = append(t.undo, func() error { return os.Remove(dir) })
	return os.Chmod(dir, dirMode)
}

// commit makes the changes final.
func (t *transaction) commit() error {
	var errs []error
	for _, backup := range t.backups {
		errs = append(errs, os.Remove(backup))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("all is done, but what was there before could not be removed: %w", err)
	}
	return nil
}

// rollback undoes the changes, as far as it can.
func (t *transaction) rollback() error {
	var errs []error
	for _, undo := range slices.Backward(t.undo) {
		errs = append(errs, undo())
	}
	return errors.Join(errs...)
}

// syncDir has names survive a loss of power.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}
