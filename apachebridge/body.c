/* The body of a request, as httpd's input filters give it. */
#include "modgo.h"

/* What a failed read of the body means. */
static modgo_status read_status(request_rec *r, apr_status_t rv)
{
    if (APR_STATUS_IS_EAGAIN(rv)) {
        return MODGO_AGAIN;
    }
    /* Nothing that follows on this connection can be trusted to be a request. */
    r->connection->keepalive = AP_CONN_CLOSE;
    if (APR_STATUS_IS_TIMEUP(rv)) {
        return MODGO_TIMEOUT;
    }
    if (APR_STATUS_IS_ENOSPC(rv)) {
        return MODGO_TOOLARGE;
    }
    if (APR_STATUS_IS_EGENERAL(rv) || APR_STATUS_IS_EINVAL(rv)) {
        return MODGO_BADBODY;
    }
    if (APR_STATUS_IS_EOF(rv) || APR_STATUS_IS_ECONNRESET(rv) || APR_STATUS_IS_ECONNABORTED(rv) ||
        APR_STATUS_IS_INCOMPLETE(rv) || r->connection->aborted) {
        return MODGO_ABORTED;
    }
    return MODGO_FAILED;
}

/*
 * Tells a client that waits to be told (RFC 9110 section 10.1.1) to send its body: the application wants it, and
 * nothing of it has come. httpd does so itself only in a read that blocks.
 */
static void invite(modgo_request *q)
{
    request_rec *r = q->r;

    if (r->expecting_100 && r->proto_num >= HTTP_VERSION(1, 1) && !q->head_sent) {
        int status = r->status;

        r->status = HTTP_CONTINUE;
        r->status_line = NULL;
        ap_send_interim_response(r, 0);
        r->status = status;
    }
}

/* Reads more of the body from httpd into q->input. */
static modgo_status fill(modgo_request *q, apr_size_t len, int *apr)
{
    request_rec *r = q->r;
    apr_status_t rv;

    if (!q->input) {
        q->input = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    }
    rv = ap_get_brigade(r->input_filters, q->input, AP_MODE_READBYTES, APR_NONBLOCK_READ, (apr_off_t)len);
    *apr = rv;
    if (rv == AP_FILTER_ERROR) {
        /* HTTP_IN refuses a body with an error bucket, for which the response's filters have sent an error document. */
        q->answered = 1;
        r->connection->keepalive = AP_CONN_CLOSE;
        return r->status == HTTP_REQUEST_ENTITY_TOO_LARGE ? MODGO_TOOLARGE : MODGO_BADBODY;
    }
    if (rv != APR_SUCCESS) {
        if (APR_STATUS_IS_EAGAIN(rv)) {
            invite(q);
        }
        return read_status(r, rv);
    }
    if (!APR_BRIGADE_EMPTY(q->input)) {
        return MODGO_OK;
    }
    /* The same when the response had begun: the error bucket went unseen, and the body would next seem to end. */
    return q->head_sent && r->connection->keepalive == AP_CONN_CLOSE ? MODGO_BADBODY : MODGO_AGAIN;
}

/* Moves up to len bytes from q->input to buffer; drops them if that is NULL. */
static modgo_status drain(modgo_request *q, char *buffer, apr_size_t len, modgo_read *read)
{
    apr_size_t before = read->len;

    while (!APR_BRIGADE_EMPTY(q->input) && read->len < len) {
        apr_bucket *e = APR_BRIGADE_FIRST(q->input);
        const char *data;
        apr_size_t n;

        if (APR_BUCKET_IS_EOS(e)) {
            q->input_ended = 1;
            apr_brigade_cleanup(q->input);
            break;
        }
        if (AP_BUCKET_IS_ERROR(e)) {
            q->r->connection->keepalive = AP_CONN_CLOSE;
            return MODGO_BADBODY;
        }
        if (APR_BUCKET_IS_METADATA(e)) {
            apr_bucket_delete(e);
            continue;
        }
        read->apr = apr_bucket_read(e, &data, &n, APR_NONBLOCK_READ);
        if (read->apr != APR_SUCCESS) {
            return read->len > before ? MODGO_OK : read_status(q->r, read->apr);
        }
        if (n > len - read->len) {
            n = len - read->len;
            apr_bucket_split(e, n);
        }
        if (buffer) {
            memcpy(buffer + read->len, data, n);
        }
        read->len += n;
        apr_bucket_delete(e);
    }
    return read->len > before ? MODGO_OK : q->input_ended ? MODGO_EOF : MODGO_AGAIN;
}

modgo_read modgo_request_read(modgo_request *q, char *buffer, apr_size_t len)
{
    modgo_read read = {MODGO_OK, 0, 0};

    /* httpd gives what one read of the socket gave, 8 kB at the most: several go into one call. */
    while (read.status == MODGO_OK && read.len < len && !q->input_ended && !q->input_failed.status) {
        if (!q->input || APR_BRIGADE_EMPTY(q->input)) {
            read.status = fill(q, len - read.len, &read.apr);
        }
        if (read.status == MODGO_OK) {
            read.status = drain(q, buffer, len, &read);
        }
    }
    if (read.status != MODGO_OK && read.status != MODGO_AGAIN && read.status != MODGO_EOF) {
        q->input_failed = read;
        q->input_failed.len = 0;
    }
    if (read.len) {
        read.status = MODGO_OK; /* the next call tells the rest */
        return read;
    }
    if (q->input_failed.status) {
        return q->input_failed;
    }
    if (q->input_ended) {
        read.status = MODGO_EOF;
    }
    return read;
}
