/*
 * The lowest output filter of a connection: what httpd would write while it waits is written without waiting.
 *
 * A FLUSH bucket that reaches httpd's core filter makes it wait for the client, and so does too much data; an HTTP/2
 * stream's filter waits when its buffer is full. The connection's lock is held meanwhile, so neither the body could be
 * read nor anything else be done for the request. While an application runs this filter lets through only what its
 * neighbour can take at once, keeps the rest, and takes FLUSH out. The application waits outside the lock, then pushes.
 */
#include "modgo.h"

#include <ap_mpm.h>
#include <http_connection.h>

APLOG_USE_MODULE(go);

/* How many bytes are handed to httpd's core at once: it waits for more than FlushMaxThreshold, 64 kB by default. */
#define SLICE 32768
/* How many bytes may be in an HTTP/2 stream's buffer: its filter waits beyond H2StreamMaxMemSize, 32 kB by default. */
#define FLIGHT 32768

struct modgo_wire {
    conn_rec *c;
    ap_filter_t *filter;
    modgo_flight *flight;     /* of an HTTP/2 stream; else NULL */
    apr_bucket_brigade *kept; /* what the neighbour cannot take yet */
    apr_bucket_brigade *slice;
    apr_pool_t *pool;    /* of what is kept; made when something is */
    apr_size_t lent;     /* bytes given to httpd's core since it had written all */
    apr_uint64_t passed; /* bytes given to the neighbour, ever */
    int held;            /* how many requests' applications run: one, or more with subrequests */
    int flush;           /* all that was passed is to be written */
};

static ap_filter_rec_t *wire_filter;

/* ---- what the neighbour can take ---- */

/* Has httpd's core write what it has, as far as that goes at once: the MPM does the same after the request. */
static apr_status_t write_more(modgo_wire *w)
{
    ap_filter_t *f = w->filter->next;

    while (f->next) {
        f = f->next;
    }
    return f->frec->filter_func.out_func(f, NULL);
}

/* How many bytes the core takes without waiting: it has part of what it was given, at most, until it has written all.
 */
static apr_size_t core_room(modgo_wire *w)
{
    const core_server_config *core = ap_get_core_module_config(w->c->base_server->module_config);
    apr_size_t most = SLICE;

    if (most > core->flush_max_threshold) {
        most = core->flush_max_threshold ? core->flush_max_threshold : 1;
    }
    if (!w->c->data_in_output_filters) {
        w->lent = 0;
    }
    return w->lent < most ? most - w->lent : 0;
}

/* How many bytes the neighbour takes without waiting; 0: none now. */
static apr_status_t room(modgo_wire *w, apr_size_t *bytes)
{
    apr_status_t rv = APR_SUCCESS;

    if (w->flight) {
        apr_size_t flying = modgo_flight_bytes(w->flight);

        if (flying) {
            rv = ap_pass_brigade(w->filter->next, w->slice); /* empty: it clears away what has been taken out */
            flying = modgo_flight_bytes(w->flight);
        }
        *bytes = flying < FLIGHT ? FLIGHT - flying : 0;
        return rv;
    }
    *bytes = core_room(w);
    if (!*bytes) {
        rv = write_more(w);
        *bytes = core_room(w);
    }
    return rv;
}

/* Takes FLUSH out of bb, and tells how much memory the rest needs; stops where that is more than most. */
static apr_size_t sieve(modgo_wire *w, apr_bucket_brigade *bb, apr_size_t most)
{
    apr_bucket *b, *next;
    apr_size_t bytes = 0;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb) && bytes <= most; b = next) {
        next = APR_BUCKET_NEXT(b);
        if (APR_BUCKET_IS_FLUSH(b)) {
            w->flush = 1;
            if (!w->flight) {
                apr_bucket_delete(b);
            }
        }
        else if (b->length == (apr_size_t)-1) {
            return most + 1;
        }
        else if (!APR_BUCKET_IS_METADATA(b) && !APR_BUCKET_IS_FILE(b)) {
            bytes += b->length;
        }
    }
    return bytes;
}

/* Moves up to most bytes from what is kept into the slice; returns how many. */
static apr_size_t cut(modgo_wire *w, apr_size_t most)
{
    apr_size_t bytes = 0;

    while (!APR_BRIGADE_EMPTY(w->kept) && bytes < most) {
        apr_bucket *b = APR_BRIGADE_FIRST(w->kept);

        if (!APR_BUCKET_IS_METADATA(b) && !APR_BUCKET_IS_FILE(b)) {
            if (b->length > most - bytes) {
                apr_bucket_split(b, most - bytes);
            }
            bytes += b->length;
        }
        APR_BUCKET_REMOVE(b);
        APR_BRIGADE_INSERT_TAIL(w->slice, b);
    }
    return bytes;
}

static apr_status_t pass(modgo_wire *w, apr_bucket_brigade *bb, apr_size_t bytes)
{
    apr_status_t rv;

    if (w->flight && bytes) {
        APR_BRIGADE_INSERT_TAIL(bb, modgo_flight_marker(w->flight, bytes, bb->bucket_alloc));
    }
    w->lent += bytes;
    w->passed += bytes;
    rv = ap_pass_brigade(w->filter->next, bb);
    apr_brigade_cleanup(bb);
    return rv;
}

apr_status_t modgo_wire_push(modgo_wire *w)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t most;

    while (rv == APR_SUCCESS && !APR_BRIGADE_EMPTY(w->kept)) {
        rv = room(w, &most);
        if (rv != APR_SUCCESS || !most) {
            break;
        }
        rv = pass(w, w->slice, cut(w, most));
    }
    if (rv == APR_SUCCESS && w->flush && APR_BRIGADE_EMPTY(w->kept)) {
        if (!w->flight && w->c->data_in_output_filters) {
            rv = write_more(w);
        }
        w->flush = !w->flight && w->c->data_in_output_filters;
    }
    if (rv != APR_SUCCESS) {
        apr_brigade_cleanup(w->kept);
        w->flush = 0;
    }
    if (w->pool && APR_BRIGADE_EMPTY(w->kept)) {
        apr_pool_clear(w->pool);
    }
    return rv;
}

void modgo_wire_reset(modgo_wire *w)
{
    apr_brigade_cleanup(w->kept);
    w->flush = 0;
    APR_BRIGADE_INSERT_TAIL(w->slice, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, w->c->pool, w->c->bucket_alloc));
    ap_pass_brigade(w->filter->next, w->slice);
    apr_brigade_cleanup(w->slice);
}

int modgo_wire_backlog(const modgo_wire *w) { return w->flush || !APR_BRIGADE_EMPTY(w->kept); }

apr_uint64_t modgo_wire_passed(const modgo_wire *w) { return w->passed; }

/* Keeps what is in bb beyond this call. */
static apr_status_t keep(modgo_wire *w, ap_filter_t *f, apr_bucket_brigade *bb)
{
    if (!w->pool) {
        apr_pool_create(&w->pool, w->c->pool);
        apr_pool_tag(w->pool, "mod_go wire");
    }
    return ap_save_brigade(f, &w->kept, &bb, w->pool);
}

static apr_status_t wire_out(ap_filter_t *f, apr_bucket_brigade *bb)
{
    modgo_wire *w = f->ctx;
    apr_size_t most, bytes;
    apr_status_t rv;

    if (!w->held) {
        return ap_pass_brigade(f->next, bb);
    }
    if (APR_BRIGADE_EMPTY(w->kept)) {
        rv = room(w, &most);
        if (rv != APR_SUCCESS) {
            return rv;
        }
        bytes = most ? sieve(w, bb, most) : 1;
        if (bytes <= most) {
            rv = pass(w, bb, bytes);
            return rv == APR_SUCCESS && w->flush ? modgo_wire_push(w) : rv;
        }
    }
    sieve(w, bb, (apr_size_t)-2);
    rv = keep(w, f, bb);
    return rv == APR_SUCCESS ? modgo_wire_push(w) : rv;
}

/* ---- holding and releasing ---- */

static apr_status_t wire_ends(void *data)
{
    modgo_wire *w = data;

    if (w->flight) {
        modgo_flight_release(w->flight);
        w->flight = NULL;
    }
    return APR_SUCCESS;
}

modgo_wire *modgo_wire_hold(request_rec *r)
{
    conn_rec *c = r->connection;
    modgo_connection *k = modgo_connection_make(c);
    modgo_wire *w = k->wire;

    k->served = 1;
    if (!w) {
        w = apr_pcalloc(c->pool, sizeof(*w));
        w->c = c;
        w->kept = apr_brigade_create(c->pool, c->bucket_alloc);
        w->slice = apr_brigade_create(c->pool, c->bucket_alloc);
        if (c->master) {
            w->flight = modgo_flight_create(c->bucket_alloc);
            apr_pool_pre_cleanup_register(c->pool, w, wire_ends);
        }
        w->filter = ap_add_output_filter_handle(wire_filter, w, r, c);
        w->filter->r = NULL; /* it is the connection's */
        k->wire = w;
    }
    if (w->held++ == 0) {
        w->lent = c->data_in_output_filters ? SLICE : 0; /* of earlier responses: as much as may be */
    }
    return w;
}

apr_status_t modgo_wire_release(modgo_wire *w)
{
    apr_status_t rv = APR_SUCCESS;

    if (--w->held) {
        return rv;
    }
    w->flush = 0;
    if (w->c->aborted) {
        apr_brigade_cleanup(w->kept);
    }
    else if (!APR_BRIGADE_EMPTY(w->kept)) {
        rv = ap_pass_brigade(w->filter->next, w->kept);
        apr_brigade_cleanup(w->kept);
    }
    if (w->pool) {
        apr_pool_clear(w->pool);
    }
    return rv;
}

void modgo_wire_register(void)
{
    /* Below mod_ssl and whatever else changes the bytes, above the core's filter and HTTP/2's. */
    wire_filter = ap_register_output_filter("GO_WIRE", wire_out, NULL, AP_FTYPE_NETWORK - 1);
}
