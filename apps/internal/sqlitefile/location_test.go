package sqlitefile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLocationByDefaultIsPrivate(t *testing.T) {
	temporary := t.TempDir()
	for range 2 { // the second time it is there already
		path, err := file.location("", temporary)
		if err != nil {
			t.Fatal(err)
		}
		want := filepath.Join(temporary, fmt.Sprintf("mod_go-guestbook-%d", os.Geteuid()), "guestbook.db")
		if path != want {
			t.Errorf("location %q, want %q", path, want)
		}
		for path, mode := range map[string]os.FileMode{filepath.Dir(want): os.ModeDir | 0o700, want: 0o600} {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != mode {
				t.Errorf("%s has the mode %v, want %v", path, info.Mode(), mode)
			}
		}
	}
}

func TestLocationRefuses(t *testing.T) {
	uid := os.Geteuid()
	private := func(temporary string) string {
		return filepath.Join(temporary, fmt.Sprintf("mod_go-guestbook-%d", uid))
	}
	for _, test := range []struct {
		name       string
		prepare    func(temporary string) error
		configured func(temporary string) string
		want       string
	}{
		{name: "a directory that others may enter", prepare: func(temporary string) error {
			return os.Mkdir(private(temporary), 0o755)
		}, want: "open to other users (mode 0755)"},
		{name: "a link to a directory", prepare: func(temporary string) error {
			if err := os.Mkdir(filepath.Join(temporary, "trap"), 0o700); err != nil {
				return err
			}
			return os.Symlink("trap", private(temporary))
		}, want: "should be a directory and is none"},
		{name: "a file in the way", prepare: func(temporary string) error {
			return os.WriteFile(private(temporary), nil, 0o600)
		}, want: "should be a directory and is none"},
		{name: "a temporary directory that is missing", prepare: func(temporary string) error {
			return os.Remove(temporary)
		}, want: "the directory for the database cannot be made"},
		{name: "a configured directory that is missing", configured: func(temporary string) string {
			return filepath.Join(temporary, "missing", "guestbook.db")
		}, want: "no such file or directory"},
		{name: "a configured directory that is a file", prepare: func(temporary string) error {
			return os.WriteFile(filepath.Join(temporary, "file"), nil, 0o600)
		}, configured: func(temporary string) string {
			return filepath.Join(temporary, "file", "guestbook.db")
		}, want: "not a directory"},
		{name: "a relative path", configured: func(string) string {
			return "guestbook.db"
		}, want: "give it an absolute one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			temporary := t.TempDir()
			if test.prepare != nil {
				if err := test.prepare(temporary); err != nil {
					t.Fatal(err)
				}
			}
			configured := ""
			if test.configured != nil {
				configured = test.configured(temporary)
			}
			_, err := file.location(configured, temporary)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), file.Variable) {
				t.Errorf("error %v, want %q and %s", err, test.want, file.Variable)
			}
		})
	}
}

func TestPrivateDirectoryOfAnotherUserIsRefused(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "d")
	err := privateDirectory(directory, os.Geteuid()+1) // it is ours, and so not that user's
	if err == nil || !strings.Contains(err.Error(), "belongs to the user with ID") {
		t.Errorf("error %v", err)
	}
}

// Only root can give files away, so for another user this shows that the file is its own.
func TestNewFileBelongsToTheOwnerOfItsDirectory(t *testing.T) {
	directory := t.TempDir()
	owner := os.Geteuid()
	if owner == 0 {
		owner = 65534
		if err := os.Chown(directory, owner, owner); err != nil {
			t.Fatal(err)
		}
	}
	path, err := file.location(filepath.Join(directory, "guestbook.db"), "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := file.open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if _, err := d.Write.Exec("INSERT INTO words (word) VALUES ('hello')"); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 3 {
		t.Errorf("%d files, want the database and the two beside it", len(files))
	}
	for _, entry := range files {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if got := int(info.Sys().(*syscall.Stat_t).Uid); got != owner {
			t.Errorf("%s belongs to %d, want %d", entry.Name(), got, owner)
		}
	}
}
