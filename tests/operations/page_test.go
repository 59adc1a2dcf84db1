package operations

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// A block is one of the page's fenced blocks.
type block struct {
	section  string // the heading that it stands below
	line     int    // of the page, where its text begins
	language string
	terminal int    // 1 or 2
	path     string // of the file that it is; "" where it is none
	text     string // without the line that names the terminal
}

const (
	// secondTerminal is the first line of what is typed in, or printed to, another terminal than the first.
	secondTerminal = "# second terminal\n"
	// installCommand begins the block that needs a network, see prepare.
	installCommand = "apt-get install "
)

var (
	// A heading, or a fenced block.
	elementPattern = regexp.MustCompile("(?m)^## (.*)\n|(?s:^```(\\w*)\n(.*?)^```$)")
	pathPattern    = regexp.MustCompile(`^(?:#|//) (/\S+)\n`)
)

// readPage returns the blocks of the page.
func readPage() ([]block, error) {
	content, err := os.ReadFile(page)
	if err != nil {
		return nil, err
	}
	var blocks []block
	section := ""
	for _, at := range elementPattern.FindAllSubmatchIndex(content, -1) {
		if at[2] >= 0 {
			section = string(content[at[2]:at[3]])
			continue
		}
		b := block{
			section:  section,
			line:     strings.Count(string(content[:at[6]]), "\n") + 1,
			language: string(content[at[4]:at[5]]),
			terminal: 1,
			text:     string(content[at[6]:at[7]]),
		}
		if text, found := strings.CutPrefix(b.text, secondTerminal); found {
			b.terminal, b.text = 2, text
		}
		if match := pathPattern.FindStringSubmatch(b.text); match != nil {
			b.path = match[1]
		}
		blocks = append(blocks, b)
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("%s has no fenced blocks", page)
	}
	return blocks, nil
}

// looks tells whether the commands of a block change nothing, so that they may be given again until they show what is
// awaited, as people do.
func (b block) looks() bool {
	first, _, _ := strings.Cut(b.text, " ")
	return first == "curl" || first == "grep"
}

// shows tells whether a block of output is what was printed: line for line, with ... for what differs within a line, or, alone
// in one, for any lines. Spaces at the end of lines, and empty lines, do not count.
func (b block) shows(printed string) bool {
	var pattern strings.Builder
	for _, line := range lines(b.text) {
		if line == "..." {
			pattern.WriteString(`(?:.*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `.*`) + `\n`)
	}
	text := strings.Join(append(lines(printed), ""), "\n")
	return regexp.MustCompile("^" + pattern.String() + "$").MatchString(text)
}

func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \t\r\n"); line != "" {
			all = append(all, line)
		}
	}
	return all
}
