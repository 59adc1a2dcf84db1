/*
 * The build ID of this object, which tells builds apart in reports and matches one to a file: the go command's, as
 * `modgo check mod_go.so` and `go tool buildid` print it.
 */
#include "modgo.h"

#include <elf.h>
#include <link.h>

/* The owner, with its padding, and the type of the note that Go's linker makes. */
#define OWNER "Go\0"
#define TYPE 4

#define PADDED(n) (((apr_size_t)(n) + 3) & ~(apr_size_t)3)

/* Copies the ID from the notes that begin at at; returns 0 when it is not among them. */
static int find_id(const char *at, apr_size_t size, char *id)
{
    const char *end = at + size;

    while ((apr_size_t)(end - at) > sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *head = (const ElfW(Nhdr) *)at;
        const char *owner = at + sizeof(*head), *text = owner + PADDED(head->n_namesz);

        if ((apr_size_t)(end - owner) < PADDED(head->n_namesz) + head->n_descsz) {
            return 0;
        }
        if (head->n_type == TYPE && head->n_namesz == sizeof(OWNER) && !memcmp(owner, OWNER, sizeof(OWNER))) {
            apr_cpystrn(id, text, head->n_descsz < MODGO_BUILD_ID ? head->n_descsz + 1 : MODGO_BUILD_ID);
            return 1;
        }
        at = text + PADDED(head->n_descsz);
    }
    return 0;
}

/* Looks at one loaded object; returns 1 for this one, which ends the search. */
static int look(struct dl_phdr_info *object, size_t size, void *id)
{
    ElfW(Addr) here = (ElfW(Addr)) & go_module;
    int i, own = 0;

    for (i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &object->dlpi_phdr[i];
        own |= h->p_type == PT_LOAD && here - (object->dlpi_addr + h->p_vaddr) < h->p_memsz;
    }
    for (i = 0; own && i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &object->dlpi_phdr[i];
        if (h->p_type == PT_NOTE && find_id((const char *)object->dlpi_addr + h->p_vaddr, h->p_memsz, id)) {
            break;
        }
    }
    return own;
}

const char *modgo_build_id(void)
{
    static char id[MODGO_BUILD_ID];

    if (!id[0]) { /* first in the parent, which has one thread */
        apr_cpystrn(id, "unknown", sizeof(id));
        dl_iterate_phdr(look, id);
    }
    return id;
}
