package httpdconf

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// Account is whom httpd's child processes run as.
type Account struct {
	User, Group string
	UID, GID    int
}

// accounts are those that distributions give to their httpd, then the one that owns nothing.
var accounts = []string{"www-data", "apache", "nobody"}

// ChildAccount returns the account for the child processes of an httpd that this process starts: nil for any user but
// root, who cannot change accounts, and for root one that is there for this.
func ChildAccount() (*Account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range accounts {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.Atoi(u.Gid)
		if err != nil {
			return nil, err
		}
		group, err := user.LookupGroupId(u.Gid)
		if err != nil {
			return nil, fmt.Errorf("the user %s has no group: %w", name, err)
		}
		return &Account{User: name, Group: group.Name, UID: uid, GID: gid}, nil
	}
	return nil, fmt.Errorf("httpd, started by root, needs a user for its child processes, but this machine has none of %s: add one (useradd --system www-data) or start as an ordinary user",
		strings.Join(accounts, ", "))
}
