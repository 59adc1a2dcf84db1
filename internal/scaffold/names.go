package scaffold

import (
	"errors"
	"fmt"
	"go/token"
	"strings"
	"unicode"

	"golang.org/x/mod/module"
)

// checkNames tells why a folder cannot be a module, or what is wrong with the path that was given for it.
func checkNames(name, path string, given bool) error {
	if given {
		if err := module.CheckPath(path); err != nil {
			return fmt.Errorf("--module: %w; a module's path is a host and words behind it, for example github.com/ada/guestbook", reason(err))
		}
		return nil
	}
	if err := module.CheckPath(path); err != nil {
		return fmt.Errorf("%q cannot be part of a module's path: %w; use letters, digits, - and _, for example guestbook, or give a path with --module", name, reason(err))
	}
	return nil
}

// reason is what is wrong with a path, without the path.
func reason(err error) error {
	var invalid *module.InvalidPathError
	if errors.As(err, &invalid) {
		return invalid.Err
	}
	return err
}

// packageName makes the name of a package of the last element of a path: small letters and digits, a letter first.
func packageName(element string) (string, error) {
	var name strings.Builder
	for _, r := range strings.ToLower(element) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) && name.Len() > 0 {
			name.WriteRune(r)
		}
	}
	switch text := name.String(); {
	case text == "":
		return "", fmt.Errorf("%q has no letter that could begin the name of a package: choose another name", element)
	case token.IsKeyword(text), text == "main":
		return text + "app", nil
	default:
		return text, nil
	}
}
