package sqlitefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// cure is what helps where there is no place for the file.
func (f File) cure() string {
	return fmt.Sprintf("name a file in a directory that the server's user may write to, with GoSetEnv %s /var/lib/%s/%[2]s.db for example", f.Variable, f.Application)
}

// location is the path of the database file, which is there when location returns without an error. Configured is the
// value of the environment variable, temporary the directory for the file where that is empty.
func (f File) location(configured, temporary string) (string, error) {
	path := configured
	if path == "" {
		// The name is predictable and the parent belongs to everyone: what stands there may be another user's trap.
		directory := filepath.Join(temporary, fmt.Sprintf("mod_go-%s-%d", f.Application, os.Geteuid()))
		if err := privateDirectory(directory, os.Geteuid()); err != nil {
			return "", fmt.Errorf("%w, or %s", err, f.cure())
		}
		path = filepath.Join(directory, f.Application+".db")
	}
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("%s is %q, a relative path, and a server has no working directory that one could count on: give it an absolute one", f.Variable, path)
	}
	if err := create(path); err != nil {
		return "", fmt.Errorf("%w; %s", err, f.cure())
	}
	return path, nil
}

// privateDirectory makes a directory that only the user may enter, or accepts the one that is there if it is such a one.
func privateDirectory(path string, uid int) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the directory for the database cannot be made: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("the directory for the database cannot be examined: %w", err)
	}
	switch owner := info.Sys().(*syscall.Stat_t).Uid; {
	case !info.IsDir():
		return fmt.Errorf("%s is in the way: it should be a directory and is none: remove it", path)
	case int(owner) != uid:
		return fmt.Errorf("the directory %s belongs to the user with ID %d, not to the server's with ID %d: remove it", path, owner, uid)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("the directory %s is open to other users (mode %04o); close it with chmod 700", path, info.Mode().Perm())
	}
	return nil
}

// create makes an empty database file where there is none. SQLite would make it too, but says less when it cannot.
func create(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		// Not even opened: closing any descriptor of the file would drop the locks that SQLite holds in this process.
		return nil
	}
	if err != nil {
		return fmt.Errorf("the database file cannot be made: %w", err)
	}
	defer file.Close()
	if os.Geteuid() != 0 {
		return nil
	}
	// A server that is started by root checks its configuration as root, and then serves as another user: the file goes
	// to the one who owns the directory. SQLite does the same for the files that it makes beside this one.
	directory, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("the directory of the database cannot be examined: %w", err)
	}
	owner := directory.Sys().(*syscall.Stat_t)
	if err := file.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
		return fmt.Errorf("the database file cannot be given to the owner of its directory: %w", err)
	}
	return nil
}
