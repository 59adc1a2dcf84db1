/*
 * A packed head, as gateway's AppendHead makes it: the status line, then each header's name and value, every one as its
 * length in four bytes (little-endian), its bytes, and a NUL. Knows nothing of httpd, so that it can be fuzzed alone.
 */
#ifndef MODGO_HEAD_H
#define MODGO_HEAD_H

#include <stddef.h>

/* Where the next field is read from. Belongs to the caller, as do the bytes, which must outlive the fields. */
typedef struct modgo_head {
    char *at;
    char *end;
} modgo_head;

/* Any thread: a head of len bytes. */
modgo_head modgo_head_of(char *packed, size_t len);

/*
 * Any thread: takes the next field, which ends with a NUL inside the packed bytes. Returns NULL at the end, and for
 * what is malformed; never reads beyond the end.
 */
char *modgo_head_next(modgo_head *head);

#endif
