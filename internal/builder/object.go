package builder

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/mod-go/mod-go/internal/httpd"
)

// Object is what Inspect finds in a shared object that Build made.
type Object struct {
	BuildID  string    // Go's
	Size     int64     // bytes
	API      httpd.API // of the headers that it was compiled against
	Packages []Package // with the names of their callables only
}

// machines are the names that ELF has for Go's architectures.
var machines = map[string]elf.Machine{
	"386": elf.EM_386, "amd64": elf.EM_X86_64, "arm": elf.EM_ARM, "arm64": elf.EM_AARCH64, "loong64": elf.EM_LOONGARCH,
	"ppc64le": elf.EM_PPC64, "riscv64": elf.EM_RISCV, "s390x": elf.EM_S390,
}

// Inspect reads a shared object, checks that httpd on this machine can load it, restart with it and fork with it, and
// tells what is inside. The error has a sentence for each check that failed.
func Inspect(path string) (*Object, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the shared object cannot be read: %w", err)
	}
	object, err := inspect(content, runtime.GOARCH)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return object, nil
}

func inspect(content []byte, goarch string) (*Object, error) {
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("it is no ELF file (%w): build it with modgo build", err)
	}
	if file.Type != elf.ET_DYN {
		return nil, fmt.Errorf("it is no shared object, but of type %s: build it with modgo build", file.Type)
	}
	if want, ok := machines[goarch]; ok && file.Machine != want {
		return nil, fmt.Errorf("it is for %s, and this machine is %s: build it on a machine of this kind", file.Machine, want)
	}
	problems := errors.Join(checkExport(file), checkUnload(file), checkStart(file))
	if problems != nil {
		return nil, problems
	}
	list, err := packageList(file)
	if err != nil {
		return nil, err
	}
	api, err := moduleAPI(file)
	if err != nil {
		return nil, err
	}
	return &Object{BuildID: buildID(file), Size: int64(len(content)), API: api, Packages: list}, nil
}

// checkExport: LoadModule looks the module record up by its name.
func checkExport(file *elf.File) error {
	symbols, err := file.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return fmt.Errorf("its dynamic symbols cannot be read: %w", err)
	}
	for _, s := range symbols {
		if s.Name == "go_module" && s.Section != elf.SHN_UNDEF {
			return nil
		}
	}
	return errors.New("it does not export go_module, so LoadModule would refuse it: it was not built with modgo build, or with flags that hide symbols (remove -fvisibility, --exclude-libs and version scripts from CGO_CFLAGS, CGO_LDFLAGS and GOFLAGS)")
}

// checkUnload: httpd unloads its modules and loads them again at each restart.
func checkUnload(file *elf.File) error {
	flags, err := file.DynValue(elf.DT_FLAGS_1)
	if err != nil {
		return fmt.Errorf("its dynamic section cannot be read: %w", err)
	}
	for _, value := range flags {
		if elf.DynFlag1(value)&elf.DF_1_NODELETE != 0 {
			return errors.New("it is marked NODELETE, so a restart of httpd would keep the old code: build it with modgo build, not with go build alone")
		}
	}
	symbols, err := file.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return fmt.Errorf("its dynamic symbols cannot be read: %w", err)
	}
	for _, s := range symbols {
		if elf.ST_BIND(s.Info) == bindUnique {
			return fmt.Errorf("it exports %s as a unique symbol, which keeps it in memory, so a restart of httpd would keep the old code: build it with modgo build, not with go build alone", s.Name)
		}
	}
	return nil
}

// bindUnique is STB_GNU_UNIQUE, which C++ gives to static data of templates and inline functions. glibc never unloads an
// object from which it resolved such a symbol.
const bindUnique = elf.STB_LOOS

// checkStart: a Go runtime that starts while httpd loads modules is dead in the children that httpd forks.
func checkStart(file *elf.File) error {
	const cure = ": it must be linked with GNU ld (gold, lld and mold do not follow the linker script); remove -fuse-ld from CGO_LDFLAGS and GOFLAGS, install binutils, and build it with modgo build"
	section := file.Section(".go_init")
	if section == nil || section.Size == 0 {
		return errors.New("its Go runtime would start while httpd loads it, and be dead in httpd's children" + cure)
	}
	starts, err := pointers(file, section)
	if err != nil {
		return fmt.Errorf("its start-up section .go_init cannot be read: %w", err)
	}
	at, err := dynamicRange(file, elf.DT_INIT_ARRAY, elf.DT_INIT_ARRAYSZ)
	if err != nil {
		return fmt.Errorf("its dynamic section cannot be read: %w", err)
	}
	if section.Addr < at.end && at.start < section.Addr+section.Size {
		return errors.New("its start-up section .go_init lies in the list that the dynamic loader runs" + cure)
	}
	entry, begin, end := startSymbols(file)
	if entry != 0 && !contains(starts, entry) {
		return errors.New("its start-up section .go_init does not hold Go's entry point" + cure)
	}
	if begin != 0 && begin >= end {
		return errors.New("the bridge would not find Go's entry point between modgo_go_init_start and modgo_go_init_end" + cure)
	}
	return nil
}

func contains(values []uint64, wanted uint64) bool {
	for _, value := range values {
		if value == wanted {
			return true
		}
	}
	return false
}

// startSymbols finds Go's entry point and the bounds of what the bridge calls. A stripped object has none of them.
func startSymbols(file *elf.File) (entry, begin, end uint64) {
	symbols, err := file.Symbols()
	if err != nil {
		return 0, 0, 0
	}
	for _, s := range symbols {
		switch {
		case strings.HasPrefix(s.Name, "_rt0_") && strings.HasSuffix(s.Name, "_lib"):
			entry = s.Value
		case s.Name == "modgo_go_init_start":
			begin = s.Value
		case s.Name == "modgo_go_init_end":
			end = s.Value
		}
	}
	return entry, begin, end
}

type addresses struct{ start, end uint64 }

// dynamicRange returns the addresses that two entries of the dynamic section give as start and size.
func dynamicRange(file *elf.File, start, size elf.DynTag) (addresses, error) {
	starts, err := file.DynValue(start)
	if err != nil {
		return addresses{}, err
	}
	sizes, err := file.DynValue(size)
	if err != nil || len(starts) == 0 || len(sizes) == 0 {
		return addresses{}, err
	}
	return addresses{starts[0], starts[0] + sizes[0]}, nil
}

// pointers returns the pointers in a section as the dynamic loader will relocate them. They lie in the section, or where
// the architecture's relocations have addends, in those.
func pointers(file *elf.File, section *elf.Section) ([]uint64, error) {
	data, err := section.Data()
	if err != nil {
		return nil, err
	}
	if file.Class == elf.ELFCLASS32 {
		values := make([]uint64, len(data)/4)
		for i := range values {
			values[i] = uint64(file.ByteOrder.Uint32(data[4*i:]))
		}
		return values, nil
	}
	values := make([]uint64, len(data)/8)
	for i := range values {
		values[i] = file.ByteOrder.Uint64(data[8*i:])
	}
	for _, s := range file.Sections {
		if s.Type != elf.SHT_RELA || s.Flags&elf.SHF_ALLOC == 0 {
			continue
		}
		relocations := make([]elf.Rela64, s.Size/24)
		if err := binary.Read(s.Open(), file.ByteOrder, relocations); err != nil {
			return nil, err
		}
		for _, r := range relocations {
			if r.Off >= section.Addr && r.Off < section.Addr+section.Size {
				values[(r.Off-section.Addr)/8] = uint64(r.Addend)
			}
		}
	}
	return values, nil
}

// packageList reads the list that compilePackages linked in.
func packageList(file *elf.File) ([]Package, error) {
	section := file.Section(packagesSection)
	if section == nil {
		return nil, errors.New("it holds no list of packages: build it with modgo build, not with go build alone")
	}
	data, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("its list of packages cannot be read: %w", err)
	}
	var list []Package
	inPackage := false
	for len(data) > 0 {
		word, rest, terminated := bytes.Cut(data, []byte{0})
		if !terminated {
			break
		}
		data = rest
		switch {
		case !inPackage && len(word) == 0:
			return list, nil
		case !inPackage:
			list = append(list, Package{Path: string(word)})
			inPackage = true
		case len(word) == 0:
			inPackage = false
		default:
			last := &list[len(list)-1]
			last.Callables = append(last.Callables, Callable{Name: string(word)})
		}
	}
	return nil, errors.New("its list of packages has no end: build it again")
}

// buildID reads Go's build ID from its note.
func buildID(file *elf.File) string {
	section := file.Section(".note.go.buildid")
	if section == nil {
		return ""
	}
	note := section.Open()
	var header struct{ NameSize, DescriptionSize, Type uint32 }
	if err := binary.Read(note, file.ByteOrder, &header); err != nil {
		return ""
	}
	rest, err := io.ReadAll(note)
	name := (uint64(header.NameSize) + 3) &^ 3
	if err != nil || name+uint64(header.DescriptionSize) > uint64(len(rest)) {
		return ""
	}
	return string(rest[name : name+uint64(header.DescriptionSize)])
}
