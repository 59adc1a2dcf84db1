package middleware

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/mod-go/mod-go/modgo"
	"golang.org/x/crypto/bcrypt"
)

// BasicAuthHtpasswd is a check for the users in a file of Apache's htpasswd, whose passwords must be hashed with bcrypt
// (htpasswd -B). The file is read once: a change needs "apachectl graceful". bcrypt is slow on purpose, some 50 ms for each
// request at htpasswd -C 10.
//
// The error names file and line, of a file that cannot be read, has no users, or holds something else.
func BasicAuthHtpasswd(path string) (BasicAuthCheck, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("middleware.BasicAuthHtpasswd: %w; httpd's User must be able to read it", err)
	}
	defer f.Close()
	users := make(map[string][]byte)
	slowest := bcrypt.MinCost
	lines := bufio.NewScanner(f)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimRight(lines.Text(), " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		user, hash, ok := strings.Cut(line, ":")
		if !ok || user == "" {
			return nil, fmt.Errorf("middleware.BasicAuthHtpasswd: %s:%d: not of the form USER:HASH", path, number)
		}
		cost, err := bcrypt.Cost([]byte(hash))
		if err != nil {
			return nil, fmt.Errorf("middleware.BasicAuthHtpasswd: %s:%d: the password of %q is not hashed with bcrypt; "+
				"set it with: htpasswd -B %s %s", path, number, user, path, user)
		}
		if _, known := users[user]; !known { // the first counts, as for httpd
			users[user] = []byte(hash)
		}
		slowest = max(slowest, cost)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("middleware.BasicAuthHtpasswd: %s: %w", path, err)
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("middleware.BasicAuthHtpasswd: %s has no users; add one with: htpasswd -B %s USER", path, path)
	}
	nobody, err := bcrypt.GenerateFromPassword(nil, slowest) // takes as long to compare as a user's
	if err != nil {
		return nil, fmt.Errorf("middleware.BasicAuthHtpasswd: %s: %w", path, err)
	}
	return func(_ *modgo.Environ, user, password string) bool {
		hash, known := users[user]
		if !known {
			hash = nobody
		}
		return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && known
	}, nil
}
