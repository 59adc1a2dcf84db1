/*
 * Unpacks the heads that come on standard input, each after its length in four bytes (little-endian, as all lengths
 * here). Answers on standard output: each field after its length, then the length 0xffffffff and a byte that tells
 * whether nothing was left.
 */
#include "head.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void put(const void *bytes, size_t len)
{
    if (fwrite(bytes, 1, len, stdout) != len) {
        exit(1);
    }
}

static void put_length(uint32_t len)
{
    unsigned char b[4] = {(unsigned char)len, (unsigned char)(len >> 8), (unsigned char)(len >> 16),
                          (unsigned char)(len >> 24)};

    put(b, sizeof(b));
}

int main(void)
{
    unsigned char b[4];

    while (fread(b, 1, sizeof(b), stdin) == sizeof(b)) {
        size_t len = b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
        char *packed = malloc(len), *field; /* exactly as long, so that AddressSanitizer sees a read beyond the end */
        modgo_head head = modgo_head_of(packed, len);

        if (!packed || fread(packed, 1, len, stdin) != len) {
            return 1;
        }
        while ((field = modgo_head_next(&head))) {
            size_t field_len = (size_t)(head.at - field) - 1;

            put_length((uint32_t)field_len);
            put(field, field_len);
        }
        put_length(UINT32_MAX);
        put(head.at == head.end ? "\1" : "\0", 1);
        free(packed);
        fflush(stdout);
    }
    return 0;
}
