package guestbook

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// open is the book in a file, which is made where it is not there.
func open(t *testing.T, path string) *book {
	t.Helper()
	t.Setenv(file.Variable, path)
	b, err := openBook()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func newBook(t *testing.T) *book {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "guestbook.db"))
}

func TestEntriesOutliveTheirProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guestbook.db")
	b := open(t, path)
	before := time.Now().Truncate(time.Millisecond)
	added, err := b.add(t.Context(), "Ada", "'; DROP TABLE entries; --")
	if err != nil {
		t.Fatal(err)
	}
	if added.Created.Before(before) || added.Created.Location() != time.UTC {
		t.Errorf("created at %v, want a time in UTC from %v", added.Created, before)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	entries, more, err := open(t, path).list(t.Context(), 1<<62, 10)
	if err != nil || more || len(entries) != 1 || entries[0] != added {
		t.Errorf("entries %v, more %t (%v), want %v", entries, more, err, added)
	}
}

func TestListPages(t *testing.T) {
	b := newBook(t)
	for i := range 5 {
		if _, err := b.add(t.Context(), "Ada", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	var pages []string
	before, more := int64(1<<62), true
	for more {
		var entries []entry
		var err error
		if entries, more, err = b.list(t.Context(), before, 2); err != nil {
			t.Fatal(err)
		}
		page := ""
		for _, e := range entries {
			page += e.Message
			before = e.ID
		}
		pages = append(pages, page)
	}
	if got := strings.Join(pages, " "); got != "43 21 0" {
		t.Errorf("pages %q, want %q", got, "43 21 0")
	}
}

func TestOldEntriesGo(t *testing.T) {
	b := newBook(t)
	if _, err := b.Write.Exec("INSERT INTO entries (id, name, message, created) VALUES (1, 'first', '', 0), (2, 'second', '', 0), (?, 'last', '', 0)", keptEntries); err != nil {
		t.Fatal(err)
	}
	if _, err := b.add(t.Context(), "newest", ""); err != nil {
		t.Fatal(err)
	}
	entries, _, err := b.list(t.Context(), 1<<62, 10)
	if err != nil || len(entries) != 3 || entries[0].Name != "newest" || entries[2].Name != "second" {
		t.Errorf("entries %v (%v), want newest, last, second", entries, err)
	}
}

func TestFilesOfAnotherKindAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "guestbook.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("This is no database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(file.Variable, path)
	if _, err := application(); err == nil || !strings.Contains(err.Error(), "guestbook: the database "+path) {
		t.Errorf("error %v, want one of the guestbook that names %s", err, path)
	}
}
