package builder

import (
	"debug/elf"
	"errors"
	"fmt"

	"github.com/mod-go/mod-go/internal/httpd"
)

// cookie is the magic number in the module records of all releases of httpd 2.4: "AP24".
const cookie = 0x41503234

// The cookie is an unsigned long behind three ints and three pointers.
const (
	cookieOffset32 = 24
	cookieOffset64 = 40
)

// moduleAPI reads the module magic number that the C compiler put into the module record, struct module_struct of
// http_config.h. It begins with the two numbers, as ints; the dynamic loader changes neither them nor the cookie.
func moduleAPI(file *elf.File) (httpd.API, error) {
	symbols, err := file.DynamicSymbols()
	if err != nil {
		return httpd.API{}, fmt.Errorf("its dynamic symbols cannot be read: %w", err)
	}
	for _, s := range symbols {
		if s.Name != "go_module" || s.Section == elf.SHN_UNDEF {
			continue
		}
		record, err := contentAt(file, s)
		if err != nil {
			return httpd.API{}, err
		}
		order, at := file.ByteOrder, cookieOffset32
		word := func(p []byte) uint64 { return uint64(order.Uint32(p)) }
		if file.Class == elf.ELFCLASS64 {
			word, at = order.Uint64, cookieOffset64
		}
		if len(record) < at+8 || word(record[at:]) != cookie {
			return httpd.API{}, errors.New("its go_module is no module record of Apache 2.4: build it with modgo build, against the headers of Apache 2.4")
		}
		return httpd.API{Major: int(order.Uint32(record)), Minor: int(order.Uint32(record[4:]))}, nil
	}
	return httpd.API{}, errors.New("it does not export go_module: build it with modgo build")
}

// contentAt returns what the file holds from a symbol's address to the end of its section.
func contentAt(file *elf.File, s elf.Symbol) ([]byte, error) {
	if int(s.Section) >= len(file.Sections) || file.Sections[s.Section].Type == elf.SHT_NOBITS {
		return nil, fmt.Errorf("its %s has no content: build it with modgo build", s.Name)
	}
	section := file.Sections[s.Section]
	data, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("its section %s cannot be read: %w", section.Name, err)
	}
	if s.Value < section.Addr || s.Value-section.Addr > uint64(len(data)) {
		return nil, fmt.Errorf("its %s lies outside of its section: build it again", s.Name)
	}
	return data[s.Value-section.Addr:], nil
}
