package contract

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/mod-go/mod-go/modgo"
)

// script does what the query asks for, in the order of its values of "do". What stands before "return" is done while the
// application runs, what follows while its body is iterated. A value is a verb and, after a space, its argument:
//
//	header NAME: VALUE   a header for the next start
//	clear                forget these headers
//	start STATUS         call startResponse; "200 OK" by default
//	replace STATUS       call it with a cause
//	write TEXT           write with what startResponse returned
//	block TEXT           give a block; nothing follows it where no more are wanted
//	every-byte           give a block of all 256 bytes
//	large N              give N blocks of 64 KiB
//	read                 read one byte of the input
//	note TEXT            log a line
//	flush                of the Controller
//	panic TEXT           panic with an error of this text
//	fail TEXT            end the body with an error of this text
//	try VERB             do it, and keep what came of it: an error or a panic
//	tried                give a block that tells
//	return [KIND TEXT]   return a body: what follows; or modgo.Text, Bytes, JSON or Reader of TEXT; or nil
func script(env *modgo.Environ, start modgo.StartResponse) modgo.Body {
	noteEnd(env)
	r := &scriptRun{env: env, start: start}
	steps := query(env)["do"]
	for i, step := range steps {
		kind, isReturn := strings.CutPrefix(step, "return")
		if !isReturn {
			if err := r.do(step); err != nil {
				panic(err)
			}
			continue
		}
		if kind != "" {
			return wholeBody(strings.TrimPrefix(kind, " "))
		}
		return func(yield func([]byte, error) bool) {
			defer note(env, "clean-up")
			r.yield = yield
			r.iterate(steps[i+1:])
		}
	}
	return nil
}

func wholeBody(described string) modgo.Body {
	kind, text, _ := strings.Cut(described, " ")
	switch kind {
	case "text":
		return modgo.Text(text)
	case "bytes":
		return modgo.Bytes([]byte(text))
	case "json":
		return modgo.JSON(text)
	case "reader":
		return modgo.Reader(strings.NewReader(text))
	case "nil":
		return nil
	}
	panic("no body of the kind " + kind)
}

type scriptRun struct {
	env     *modgo.Environ
	start   modgo.StartResponse
	headers modgo.Headers
	writer  io.Writer
	yield   func([]byte, error) bool
	stopped bool // the server wants no more blocks
	tried   string
}

func (r *scriptRun) iterate(steps []string) {
	for _, step := range steps {
		if err := r.do(step); err != nil {
			r.yield(nil, err)
			return
		}
		if r.stopped {
			return
		}
	}
}

// give gives a block, of which the server may not rely on anything once it asks for the next.
func (r *scriptRun) give(block string) {
	if r.yield == nil {
		panic("a block is given by a body: return is missing")
	}
	b := []byte(block)
	r.stopped = !r.yield(b, nil)
	for i := range b {
		b[i] = '#'
	}
}

func (r *scriptRun) do(step string) error {
	verb, argument, _ := strings.Cut(step, " ")
	switch verb {
	case "header":
		name, value, _ := strings.Cut(argument, ": ")
		r.headers = append(r.headers, [2]string{name, value})
	case "clear":
		r.headers = nil
	case "start", "replace":
		r.begin(verb, argument)
	case "write":
		n, err := io.WriteString(r.writer, argument)
		if err == nil && n != len(argument) {
			err = fmt.Errorf("%d bytes were written", n)
		}
		return err
	case "empty":
		if !r.yield(nil, nil) || !r.yield([]byte{}, nil) {
			r.stopped = true
		}
	case "block":
		r.give(argument)
	case "every-byte":
		r.give(EveryByte)
	case "large":
		n, _ := strconv.Atoi(argument)
		for range n {
			if !r.stopped {
				r.give(strings.Repeat("x", 64<<10))
			}
		}
	case "pid":
		r.give(strconv.Itoa(os.Getpid()) + "\n")
	case "read":
		_, err := io.ReadFull(r.env.Input(), make([]byte, 1))
		return err
	case "note":
		note(r.env, argument)
	case "flush":
		return modgo.NewController(r.env).Flush()
	case "panic":
		panic(errors.New(argument))
	case "fail":
		return errors.New(argument)
	case "try":
		r.tried = outcome(func() error { return r.do(argument) })
	case "tried":
		r.give(r.tried)
	case "note-tried":
		note(r.env, r.tried)
	default:
		panic("a script cannot " + verb)
	}
	return nil
}

func (r *scriptRun) begin(verb, status string) {
	if status == "" {
		status = "200 OK"
	}
	headers := append(modgo.Headers(nil), r.headers...)
	if verb == "replace" {
		r.writer = r.start(status, headers, errors.New("the cause of "+status))
	} else {
		r.writer = r.start(status, headers)
	}
}

// outcome tells what came of f.
func outcome(f func() error) (text string) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case *modgo.ContractError:
			text = fmt.Sprintf("%s: %v", v.Clause, v)
		default:
			text = fmt.Sprintf("panic: %v", v)
		}
	}()
	if err := f(); err != nil {
		return "error: " + err.Error()
	}
	return "nothing"
}

// EveryByte is each byte once, and line ends of all kinds.
var EveryByte = func() string {
	var text strings.Builder
	for b := range 256 {
		text.WriteByte(byte(b))
	}
	return text.String() + "\n\r\n\r"
}()
