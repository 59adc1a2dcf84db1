package sqlitefile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var file = File{
	Application: "guestbook",
	Variable:    "SQLITEFILE_TEST_DB",
	Version:     3,
	Schema:      "CREATE TABLE IF NOT EXISTS words (word TEXT NOT NULL) STRICT; CREATE INDEX IF NOT EXISTS by_word ON words (word)",
}

func open(t *testing.T) *Database {
	t.Helper()
	d, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestWhatIsWrittenStays(t *testing.T) {
	t.Setenv(file.Variable, filepath.Join(t.TempDir(), "words?#.db"))
	d := open(t)
	if _, err := d.Write.Exec("INSERT INTO words (word) VALUES ('hello')"); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	var word string
	if err := open(t).Read.QueryRow("SELECT word FROM words").Scan(&word); err != nil || word != "hello" {
		t.Errorf("the word is %q (%v)", word, err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Setenv(file.Variable, filepath.Join(t.TempDir(), "words.db"))
	if _, err := open(t).Read.Exec("DELETE FROM words"); err == nil {
		t.Error("a connection for reading deleted words")
	}
}

func TestUnusableFilesAreRefusedWithACure(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    string
	}{
		{"a file of another kind", func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("This is no database. ", 100)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "move the file away"},
		{"a directory", func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "GoSetEnv " + file.Variable},
		{"a file of a later version", func(t *testing.T, path string) {
			d := open(t)
			if _, err := d.Write.Exec("PRAGMA user_version = 7"); err != nil {
				t.Fatal(err)
			}
			d.Close()
		}, "version 7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "words.db")
			t.Setenv(file.Variable, path)
			test.prepare(t, path)
			_, err := file.Open()
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q and %s", err, test.want, path)
			}
		})
	}
}
