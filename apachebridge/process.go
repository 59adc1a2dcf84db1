package apachebridge

// #include "modgo.h"
import "C"

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/mattn/go-pointer"

	"github.com/mod-go/mod-go/modgo"
)

// process is what lives as long as an httpd child. C holds it from child_init to the child's exit.
type process struct {
	callables []*modgo.Callable // in the order of C's indexes; mod_go's own handlers follow
	wanted    []bool            // of each but those: the configuration names it
	failed    []atomic.Int64    // of each that cannot be constructed, when it is tried again, in nanoseconds of Unix time; 0: it can
	headers   []atomic.Int32    // of each, how many headers its last response had
}

// current is the process; nil before child_init.
var current *process

//export modgoGoRuntimeReady
func modgoGoRuntimeReady() {} // the call itself waits until the runtime is up

// modgoGoStart constructs the applications that the configuration names and returns what C keeps and hands to
// modgoGoStop. An application that fails is answered for with 503; the other ones, and the rest of the server, work.
//
//export modgoGoStart
func modgoGoStart(wanted *C.uchar, count C.int, crashFile C.int) unsafe.Pointer {
	p := &process{callables: compiledIn(int(count)), wanted: make([]bool, count), failed: make([]atomic.Int64, count)}
	for i := range configured(p.callables, wanted) {
		p.wanted[i] = true
	}
	p.callables = append(p.callables, diagnosticHandlers()...)
	p.headers = make([]atomic.Int32, len(p.callables))
	current = p
	tuneCollector()
	setUpLogging()
	if crashFile >= 0 {
		setCrashOutput(os.NewFile(uintptr(crashFile), "crash output"))
	}
	for i, wanted := range p.wanted {
		if wanted {
			C.modgo_startup_phase(C.MODGO_START_CONSTRUCT, C.int(i))
			p.ready(i)
		}
	}
	C.modgo_startup_phase(C.MODGO_START_FUNCTIONS, 0)
	startFunctions()
	openChannel()
	memoryGuard.start(uint64(C.modgo_process_config_get().memory_hard_limit))
	return pointer.Save(p)
}

// modgoGoStop is the end of the process's part of Go, when httpd has ended its requests.
//
//export modgoGoStop
func modgoGoStop(saved unsafe.Pointer) {
	endBackground()
	endFunctions()
	pointer.Unref(saved)
}

// setCrashOutput has the runtime write a fatal error's trace to f, too, where the parent finds it (inflight.c).
func setCrashOutput(f *os.File) {
	defer f.Close()
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		logLine(levelWarning, "MODGO0024: if this child dies of a fatal Go error, the log will lack its trace: "+err.Error())
	}
}

// compiledIn lists the callables in the order in which C counts them; nil stands for one that did not register.
func compiledIn(count int) []*modgo.Callable {
	callables := make([]*modgo.Callable, count)
	for i := range callables {
		var c C.modgo_callable
		C.modgo_callable_at(C.int(i), &c)
		callables[i] = modgo.Find(C.GoString(c._package), C.GoString(c.name))
	}
	return callables
}

// configured yields the callables that C has marked.
func configured(callables []*modgo.Callable, wanted *C.uchar) func(yield func(int, *modgo.Callable) bool) {
	marks := unsafe.Slice((*byte)(wanted), len(callables))
	return func(yield func(int, *modgo.Callable) bool) {
		for i, c := range callables {
			if marks[i] != 0 && !yield(i, c) {
				return
			}
		}
	}
}

var errNotRegistered = errors.New("it did not register itself: this mod_go.so was made by parts of different versions; build it anew")

// describe is an error in one line, after which the stack of a panic may follow.
func describe(err error) string {
	text := oneLine(err)
	var p *modgo.ConstructPanic
	if errors.As(err, &p) {
		text += "\n" + string(p.Stack)
	}
	return strings.TrimRight(text, "\n")
}

// checkReport is where modgoGoCheck and modgoGoRehearse report. A file that nobody refers to is closed.
var checkReport *os.File

// modgoGoCheck constructs the applications in a throwaway process and reports on each: a record is one byte ('B' begun,
// 'O' well, 'E' error), the index and the length of the text in four bytes each, little-endian, and the text.
//
//export modgoGoCheck
func modgoGoCheck(wanted *C.uchar, count C.int, report C.int) {
	checkReport = os.NewFile(uintptr(report), "report")
	w := checkReport
	callables := compiledIn(int(count))
	for i, c := range configured(callables, wanted) {
		writeRecord(w, 'B', i, "")
		if err := construct(c); err != nil {
			writeRecord(w, 'E', i, describe(err))
		} else {
			writeRecord(w, 'O', i, "")
		}
	}
}

// modgoGoRehearse goes on after modgoGoCheck: it does the rest of what a child does until its first request, lives for a while,
// in microseconds, and ends as a child does. It reports what it comes to as modgoGoCheck does: 'F' the functions of OnStart,
// 'D' that all is done.
//
//export modgoGoRehearse
func modgoGoRehearse(life C.apr_int64_t) {
	writeRecord(checkReport, 'F', 0, "")
	startFunctions()
	writeRecord(checkReport, 'D', 0, "")
	time.Sleep(microseconds(life))
	endBackground()
	endFunctions()
}

// oneLine is an error's text without line breaks.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", " ") }

func writeRecord(w io.Writer, kind byte, index int, text string) {
	record := append(make([]byte, 0, 9+len(text)), kind)
	record = binary.LittleEndian.AppendUint32(record, uint32(index))
	record = binary.LittleEndian.AppendUint32(record, uint32(len(text)))
	_, _ = w.Write(append(record, text...)) // the parent tells a report that ends early
}
