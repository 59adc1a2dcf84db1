/*
 * The calls from Go that every request makes. They take the request as a number: behind a pointer to a structure that
 * has pointers cgo looks for Go's, each time.
 */
#ifndef MODGO_CROSSING_H
#define MODGO_CROSSING_H

#include "modgo.h"

static inline modgo_strings modgo_cross_strings(uintptr_t q, char *bytes, apr_size_t room, apr_uint32_t *lengths,
                                                int most)
{
    return modgo_request_strings((modgo_request *)q, bytes, room, lengths, most);
}

static inline modgo_read modgo_cross_read(uintptr_t q, char *buffer, apr_size_t len)
{
    return modgo_request_read((modgo_request *)q, buffer, len);
}

static inline const char *modgo_cross_variable(uintptr_t q, const char *name, apr_size_t name_len, apr_size_t *len)
{
    return modgo_variable_get((modgo_request *)q, name, name_len, len);
}

static inline modgo_status modgo_cross_send(uintptr_t q, const char *head, apr_size_t head_len, const char *body,
                                            apr_size_t body_len, int flags)
{
    return modgo_response_send((modgo_request *)q, head, head_len, body, body_len, flags);
}

#endif
