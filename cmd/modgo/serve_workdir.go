package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/mod-go/mod-go/internal/httpdconf"
)

// checkReadable tells whether child processes, which run as another user where root starts httpd, can reach a folder.
func (s *serveSite) checkReadable(dir string) error {
	if s.account == nil {
		return nil
	}
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		var execute os.FileMode = 0o001
		switch owner := info.Sys().(*syscall.Stat_t); {
		case int(owner.Uid) == s.account.UID:
			execute = 0o100
		case int(owner.Gid) == s.account.GID:
			execute = 0o010
		}
		if info.Mode().Perm()&execute == 0 {
			return fmt.Errorf("httpd, started by root, serves as the user %s, who may not enter %s (mode %04o): open it with chmod o+x, move the files, or run modgo serve as an ordinary user",
				s.account.User, dir, info.Mode().Perm())
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (s *serveSite) path(name string) string { return filepath.Join(s.workDir, name) }

// makeWorkDir makes the folder for everything that is written. Other users may read it, as child processes have to.
func (s *serveSite) makeWorkDir() (err error) {
	if s.options.workDir != "" {
		err = s.makeNamedWorkDir()
	} else if s.workDir, err = os.MkdirTemp("", "modgo-serve-"); err != nil {
		err = fmt.Errorf("there is no place for the work folder: %w; name one with --work-dir", err)
	} else {
		err = os.Chmod(s.workDir, 0o755)
	}
	if err != nil {
		return err
	}
	// Here before it is needed: httpd -t looks for it.
	return os.MkdirAll(s.path(htdocsName), 0o755)
}

// makeNamedWorkDir makes the folder that the user named, or checks the one that is there.
func (s *serveSite) makeNamedWorkDir() (err error) {
	if s.workDir, err = filepath.Abs(s.options.workDir); err != nil {
		return err
	}
	if err := os.MkdirAll(s.workDir, 0o755); err != nil {
		return fmt.Errorf("the work folder %s cannot be made (%w): name another with --work-dir, one that you may write", s.workDir, err)
	}
	if pid, ok := runningIn(s.workDir); ok && !s.options.setupOnly {
		return fmt.Errorf("process %d already serves from the work folder %s: stop it, or name another folder with --work-dir", pid, s.workDir)
	}
	probe, err := os.CreateTemp(s.workDir, ".modgo-")
	if err != nil {
		return fmt.Errorf("the work folder %s cannot be written (%w): make it yours with chown, or name another with --work-dir", s.workDir, err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return err
	}
	if err := s.writeInclude(); err != nil {
		return err
	}
	return s.checkReadable(s.workDir)
}

// includeName is the file for the user's own lines of configuration.
const includeName = "include.conf"

const includeText = `# Lines of your own for httpd, read after all others: directives, LoadModule, virtual hosts.
# modgo serve wrote this file once and leaves it alone from now on.
`

// writeInclude makes the file for the user's own lines, unless it is there.
func (s *serveSite) writeInclude() error {
	file, err := os.OpenFile(s.path(includeName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = file.WriteString(includeText)
	return errors.Join(err, file.Close())
}

// runningIn returns the parent process of the httpd that runs from a work folder.
func runningIn(workDir string) (pid int, ok bool) {
	text, err := os.ReadFile(filepath.Join(workDir, httpdconf.PIDFile))
	if err != nil {
		return 0, false
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return 0, false
	}
	if workDir, err = filepath.Abs(workDir); err != nil {
		return 0, false
	}
	// The number may be another process's by now, above all in a container.
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return pid, err == nil && bytes.Contains(command, []byte("\x00"+filepath.Join(workDir, httpdconf.FileName)+"\x00"))
}

// removeWorkDir leaves a folder that the user named.
func (s *serveSite) removeWorkDir(errOut io.Writer) {
	if s.options.setupOnly {
		return
	}
	if s.options.workDir != "" || s.options.keep {
		fmt.Fprintf(errOut, "The configuration is kept in %s\n", s.workDir)
		return
	}
	if err := os.RemoveAll(s.workDir); err != nil {
		fmt.Fprintf(errOut, "The work folder could not be removed: %v\n", err)
	}
}
