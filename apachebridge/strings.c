/* The strings of a request in one block, so that Go copies them all at once. */
#include "modgo.h"

/* Writes "address:port", or "[address]:port" for IPv6; returns its length. */
static apr_size_t write_address(char *to, const char *ip, apr_size_t ip_len, unsigned port)
{
    char *end = to, digits[6];
    int bracket = memchr(ip, ':', ip_len) != NULL, i = sizeof(digits);

    if (bracket) {
        *end++ = '[';
    }
    memcpy(end, ip, ip_len);
    end += ip_len;
    if (bracket) {
        *end++ = ']';
    }
    *end++ = ':';
    do {
        digits[--i] = '0' + port % 10;
        port /= 10;
    } while (port && i);
    memcpy(end, digits + i, sizeof(digits) - i);
    return end + sizeof(digits) - i - to;
}

/* The longest that write_address adds to an address: brackets, colon and five digits. */
#define ADDRESS_EXTRA 8

modgo_strings modgo_request_strings(modgo_request *q, char *bytes, apr_size_t room, apr_uint32_t *lengths, int most)
{
    request_rec *r = q->r;
    const apr_table_entry_t *header = (const apr_table_entry_t *)q->headers_in->elts;
    const char *fixed[MODGO_STRINGS_FIXED] = {r->method, r->protocol, modgo_request_target(r), r->unparsed_uri, r->uri,
                                              r->args,   r->hostname, r->useragent_ip};
    int headers = q->headers_in->nelts, i;
    modgo_strings strings = {ADDRESS_EXTRA + q->mapping.path_info_len, MODGO_STRINGS_FIXED + 1 + 2 * headers};
    apr_uint32_t *next;

    if (strings.count > most) {
        strings.size = 0;
        return strings;
    }
    for (i = 0; i < MODGO_STRINGS_FIXED; i++) {
        if (!fixed[i]) {
            fixed[i] = "";
        }
        lengths[i] = strlen(fixed[i]);
        strings.size += lengths[i];
    }
    next = lengths + MODGO_STRINGS_FIXED + 1;
    for (i = 0; i < headers; i++) {
        *next = strlen(header[i].key);
        strings.size += *next++;
        *next = strlen(header[i].val);
        strings.size += *next++;
    }
    if (strings.size > room) {
        return strings;
    }
    for (i = 0; i < MODGO_STRINGS_FIXED - 1; i++) {
        memcpy(bytes, fixed[i], lengths[i]);
        bytes += lengths[i];
    }
    lengths[i] = write_address(bytes, fixed[i], lengths[i], r->useragent_addr->port);
    bytes += lengths[i++];
    lengths[i] = q->mapping.path_info_len;
    memcpy(bytes, q->mapping.path_info, lengths[i]);
    bytes += lengths[i++];
    for (next = lengths + i, i = 0; i < headers; i++) {
        memcpy(bytes, header[i].key, *next);
        bytes += *next++;
        memcpy(bytes, header[i].val, *next);
        bytes += *next++;
    }
    return strings;
}
