package builder

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
)

// install checks the linked file and puts it in place under a new inode: children of a running httpd have the old one
// mapped, and would crash if it were overwritten. An output that has the same bytes already is left alone.
func (b *build) install(linked string) (object *Object, unchanged bool, err error) {
	content, err := os.ReadFile(linked)
	if err != nil {
		return nil, false, fmt.Errorf("the linked file is gone from the build cache: %w; build again", err)
	}
	if err := allowUnload(content); err != nil {
		return nil, false, fmt.Errorf("%s was not written: the linked file %w", b.output, err)
	}
	if object, err = inspect(content, b.env.GOARCH); err != nil {
		return nil, false, fmt.Errorf("%s was not written, because httpd could not use what was linked: %w", b.output, err)
	}
	if old, err := os.ReadFile(b.output); err == nil && bytes.Equal(old, content) {
		return object, true, nil
	}
	if err := createFile(b.output, content, 0o644); err != nil {
		return nil, false, fmt.Errorf("the output cannot be written: %w", err)
	}
	return object, false, nil
}

// allowUnload takes off what keeps a shared object in memory after dlclose. Go's linker always asks for NODELETE, because
// a Go runtime cannot be unloaded; but here the runtime never runs in the process that unloads, httpd's parent. Unique
// symbols become weak ones, as g++ -fno-gnu-unique makes them.
//
// Both are settled in the linked file, not by a wrapper round the linker: that works with whatever compiler the go
// command links with, and for libraries that are linked in as they are.
func allowUnload(content []byte) error {
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("is no ELF file: %w", err)
	}
	dynamic, err := tableOf(file, content, elf.SHT_DYNAMIC)
	if err != nil {
		return err
	}
	symbols, err := tableOf(file, content, elf.SHT_DYNSYM)
	if err != nil {
		return err
	}
	// A dynamic entry is a tag and a value, each of the machine's word size; a symbol has its binding in one byte.
	read, write, word := file.ByteOrder.Uint64, file.ByteOrder.PutUint64, 8
	symbol, info := elf.Sym64Size, 4
	if file.Class == elf.ELFCLASS32 {
		read = func(p []byte) uint64 { return uint64(file.ByteOrder.Uint32(p)) }
		write = func(p []byte, v uint64) { file.ByteOrder.PutUint32(p, uint32(v)) }
		word, symbol, info = 4, elf.Sym32Size, 12
	}
	for entry := dynamic; len(entry) >= 2*word; entry = entry[2*word:] {
		if elf.DynTag(read(entry)) == elf.DT_FLAGS_1 {
			write(entry[word:], read(entry[word:])&^uint64(elf.DF_1_NODELETE))
		}
	}
	for entry := symbols; len(entry) >= symbol; entry = entry[symbol:] {
		if elf.ST_BIND(entry[info]) == bindUnique {
			entry[info] = elf.ST_INFO(elf.STB_WEAK, elf.ST_TYPE(entry[info]))
		}
	}
	return nil
}

// tableOf returns the part of the content that is the section of a type.
func tableOf(file *elf.File, content []byte, kind elf.SectionType) ([]byte, error) {
	section := file.SectionByType(kind)
	if section == nil || section.Offset+section.FileSize > uint64(len(content)) {
		return nil, errors.New("is linked statically: remove -static from CGO_LDFLAGS and GOFLAGS")
	}
	return content[section.Offset : section.Offset+section.FileSize], nil
}
