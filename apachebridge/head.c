/* The unpacker of a response's head. */
#include "head.h"

modgo_head modgo_head_of(char *packed, size_t len)
{
    modgo_head head = {packed, packed + len};

    return head;
}

char *modgo_head_next(modgo_head *head)
{
    const unsigned char *b = (const unsigned char *)head->at;
    size_t left = (size_t)(head->end - head->at), len;
    char *field;

    if (left < 5) {
        return NULL;
    }
    len = b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
    if (len > left - 5 || head->at[4 + len] != '\0') {
        return NULL;
    }
    field = head->at + 4;
    head->at = field + len + 1;
    return field;
}
