/*
 * Taking a connection over (net/http, Hijacker): a plain one by a copy of its descriptor, any other through the filters
 * that make its bytes what they are.
 */
#include "modgo.h"

#include <http_connection.h>
#include <sys/socket.h>

APLOG_USE_MODULE(go);

/* The filters of a connection that leave every byte as it is. */
static const char *const unchanging[] = {"core", "core_in", "go_wire", "reqtimeout", "log_input_output", NULL};

/* Appends the bytes of bb to t->ahead, and empties it. */
static apr_status_t gather(request_rec *r, apr_bucket_brigade *bb, modgo_takeover *t)
{
    apr_status_t rv;
    char *data, *all;
    apr_size_t len;

    rv = apr_brigade_pflatten(bb, &data, &len, r->pool);
    apr_brigade_cleanup(bb);
    if (rv == APR_SUCCESS && len) {
        all = apr_palloc(r->pool, t->ahead_len + len);
        memcpy(all, t->ahead, t->ahead_len);
        memcpy(all + t->ahead_len, data, len);
        t->ahead = all;
        t->ahead_len += len;
    }
    return rv;
}

/* What httpd has read, and the application has not: of the body, and what follows it. */
static apr_status_t read_ahead(modgo_request *q, modgo_takeover *t)
{
    conn_rec *c = q->r->connection;
    apr_bucket_brigade *bb = apr_brigade_create(q->r->pool, c->bucket_alloc);
    apr_status_t rv = APR_SUCCESS;

    if (q->input) {
        rv = gather(q->r, q->input, t);
    }
    if (rv == APR_SUCCESS) {
        /* One call gives all that the filters have; only when that is nothing it reads what has come. */
        rv = ap_get_brigade(c->input_filters, bb, AP_MODE_READBYTES, APR_NONBLOCK_READ, 1 << 20);
        if (rv == APR_SUCCESS) {
            rv = gather(q->r, bb, t);
        }
        else if (APR_STATUS_IS_EAGAIN(rv) || APR_STATUS_IS_EOF(rv)) {
            rv = APR_SUCCESS; /* the reader will see it */
        }
    }
    return rv;
}

modgo_status modgo_take_over(modgo_request *q, modgo_takeover *t)
{
    request_rec *r = q->r;
    conn_rec *c = r->connection;

    memset(t, 0, sizeof(*t));
    t->ahead = "";
    t->descriptor = -1;
    if (c->aborted) {
        return MODGO_ABORTED;
    }
    /* The limits on how long a request may take to arrive do not hold for what comes now. */
    ap_remove_input_filter_byhandle(c->input_filters, "reqtimeout");
    if (read_ahead(q, t) != APR_SUCCESS) {
        return MODGO_ABORTED;
    }
    if (q->descriptor >= 0 && modgo_filters_within(c->input_filters, unchanging) &&
        modgo_filters_within(c->output_filters, unchanging)) {
        t->descriptor = modgo_descriptor_copy(q->descriptor);
        if (t->descriptor < 0) {
            return MODGO_FAILED;
        }
        modgo_client_forsake(c); /* httpd writes nothing, and closes its descriptor without ending the connection */
    }
    r->status = HTTP_SWITCHING_PROTOCOLS; /* for the access log */
    q->answered = 1;
    return MODGO_OK;
}

modgo_read modgo_taken_read(modgo_request *q, char *buffer, apr_size_t len)
{
    conn_rec *c = q->r->connection;
    modgo_read read = {MODGO_OK, 0, 0};
    apr_status_t rv;

    if (!q->input) {
        q->input = apr_brigade_create(q->r->pool, c->bucket_alloc);
    }
    rv = ap_get_brigade(c->input_filters, q->input, AP_MODE_READBYTES, APR_NONBLOCK_READ, (apr_off_t)len);
    if (rv == APR_SUCCESS) {
        read.len = len;
        rv = apr_brigade_flatten(q->input, buffer, &read.len);
    }
    apr_brigade_cleanup(q->input);
    if (APR_STATUS_IS_EAGAIN(rv) || (rv == APR_SUCCESS && !read.len)) {
        read.status = MODGO_AGAIN;
    }
    else if (APR_STATUS_IS_EOF(rv)) {
        read.status = MODGO_EOF;
    }
    else if (rv != APR_SUCCESS) {
        read.status = MODGO_ABORTED;
        read.apr = rv;
    }
    return read;
}

modgo_status modgo_taken_write(modgo_request *q, const char *data, apr_size_t len)
{
    APR_BRIGADE_INSERT_TAIL(q->output, apr_bucket_transient_create(data, len, q->output->bucket_alloc));
    return modgo_connection_flush(q);
}

modgo_status modgo_taken_end(modgo_request *q)
{
    APR_BRIGADE_INSERT_TAIL(q->output, ap_bucket_eoc_create(q->output->bucket_alloc));
    return modgo_connection_flush(q);
}

void modgo_taken_close(modgo_request *q)
{
    int descriptor = modgo_descriptor_of(q->r->connection);

    if (descriptor >= 0) {
        shutdown(descriptor, SHUT_WR);
    }
    modgo_client_forsake(q->r->connection);
}
