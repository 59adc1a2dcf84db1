/* What is in the buffer of an HTTP/2 stream: its filter tells nobody, and waits when there is too much. */
#include "modgo.h"

/* Allocated, like its markers, by the bucket allocator, which outlives all buckets. */
struct modgo_flight {
    apr_size_t bytes;
    int references; /* the wire, and each marker */
};

/* Travels behind the bytes that it stands for, and is destroyed when they have been taken out. */
typedef struct marker {
    modgo_flight *flight;
    apr_size_t bytes;
} marker;

modgo_flight *modgo_flight_create(apr_bucket_alloc_t *list)
{
    modgo_flight *flight = apr_bucket_alloc(sizeof(*flight), list);

    flight->bytes = 0;
    flight->references = 1;
    return flight;
}

void modgo_flight_release(modgo_flight *flight)
{
    if (--flight->references == 0) {
        apr_bucket_free(flight);
    }
}

apr_size_t modgo_flight_bytes(const modgo_flight *flight) { return flight->bytes; }

static void marker_destroy(void *data)
{
    marker *m = data;

    m->flight->bytes -= m->bytes;
    modgo_flight_release(m->flight);
    apr_bucket_free(m);
}

static apr_status_t marker_read(apr_bucket *b, const char **str, apr_size_t *len, apr_read_type_e block)
{
    *str = NULL;
    *len = 0;
    return APR_SUCCESS;
}

static const apr_bucket_type_t marker_type = {"GO MARKER",
                                              5,
                                              APR_BUCKET_METADATA,
                                              marker_destroy,
                                              marker_read,
                                              apr_bucket_setaside_noop,
                                              apr_bucket_split_notimpl,
                                              apr_bucket_copy_notimpl};

apr_bucket *modgo_flight_marker(modgo_flight *flight, apr_size_t bytes, apr_bucket_alloc_t *list)
{
    apr_bucket *b = apr_bucket_alloc(sizeof(*b), list);
    marker *m = apr_bucket_alloc(sizeof(*m), list);

    m->flight = flight;
    m->bytes = bytes;
    flight->bytes += bytes;
    flight->references++;
    APR_BUCKET_INIT(b);
    b->free = apr_bucket_free;
    b->list = list;
    b->type = &marker_type;
    b->length = 0;
    b->start = -1;
    b->data = m;
    return b;
}
