/* The response: status and headers into the request_rec, blocks of the body as buckets into the output filters. */
#include "modgo.h"
#include "head.h"

#include <http_connection.h>

APLOG_USE_MODULE(go);

/*
 * Puts a packed head into the request_rec. The head is copied into the request's pool once, as a whole; the tables
 * point into the copy. The first field is the status line, "404 Not Found".
 */
static void set_head(request_rec *r, apr_table_t *headers, const char *head, apr_size_t head_len)
{
    char *copy = apr_pmemdup(r->pool, head, head_len);
    modgo_head fields = modgo_head_of(copy, head_len);
    char *line = modgo_head_next(&fields), *name, *value;

    if (!line) {
        return;
    }
    r->status = atoi(line);
    r->status_line = line;
    while ((name = modgo_head_next(&fields)) && (value = modgo_head_next(&fields))) {
        if ((*name | 0x20) != 'c') {
            apr_table_addn(headers, name, value);
        }
        /* Two that httpd keeps elsewhere too, for its filters. */
        else if (!ap_cstr_casecmp(name, "Content-Type")) {
            ap_set_content_type(r, value);
        }
        else if (!ap_cstr_casecmp(name, "Content-Length")) {
            ap_set_content_length(r, apr_atoi64(value));
        }
        else if (!ap_cstr_casecmp(name, "Connection") && ap_find_token(r->pool, value, "close")) {
            r->connection->keepalive = AP_CONN_CLOSE; /* for which httpd makes the header */
        }
        else {
            apr_table_addn(headers, name, value);
        }
    }
}

/* A 1xx response has status and headers of its own; those of the final one are as if it had not been. */
static void send_interim(request_rec *r, const char *head, apr_size_t head_len)
{
    apr_table_t *headers_out = r->headers_out;
    const char *content_type = r->content_type, *status_line = r->status_line;
    int status = r->status;

    r->headers_out = apr_table_make(r->pool, 4);
    set_head(r, r->headers_out, head, head_len);
    ap_send_interim_response(r, 1);
    r->headers_out = headers_out;
    r->content_type = content_type;
    r->status_line = status_line;
    r->status = status;
}

/* What passing something to the filters has come to. */
static modgo_status passed(modgo_request *q, apr_status_t rv)
{
    if (rv == APR_SUCCESS && !q->r->connection->aborted) {
        return modgo_wire_backlog(q->wire) ? MODGO_AGAIN : MODGO_OK;
    }
    return APR_STATUS_IS_TIMEUP(rv) ? MODGO_TIMEOUT : MODGO_ABORTED;
}

static modgo_status pass_output(modgo_request *q, ap_filter_t *filters)
{
    apr_status_t rv = ap_pass_brigade(filters, q->output);

    apr_brigade_cleanup(q->output);
    return passed(q, rv);
}

modgo_status modgo_connection_flush(modgo_request *q)
{
    APR_BRIGADE_INSERT_TAIL(q->output, apr_bucket_flush_create(q->output->bucket_alloc));
    return pass_output(q, q->r->connection->output_filters);
}

/* Sends what q->output holds, after the head if there is one, then what flags say. */
static modgo_status pass(modgo_request *q, const char *head, apr_size_t head_len, int flags)
{
    request_rec *r = q->r;
    apr_bucket_brigade *bb = q->output;
    modgo_status status;

    if (head_len) {
        q->head_sent = 1;
        set_head(r, r->headers_out, head, head_len);
    }
    if (flags & MODGO_SEND_END) {
        q->ended = 1;
    }
    if (flags & MODGO_SEND_END && !apr_is_empty_table(r->trailers_out)) {
        /* Ended at once, a short response would get a Content-Length, which leaves no place for trailers. */
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(bb->bucket_alloc));
        status = pass_output(q, r->output_filters);
        if (status != MODGO_OK && status != MODGO_AGAIN) {
            return status;
        }
        modgo_trailers_send(r);
    }
    if (flags & MODGO_SEND_FLUSH) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_flush_create(bb->bucket_alloc));
    }
    if (flags & MODGO_SEND_END) {
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    }
    status = pass_output(q, r->output_filters);
    if (flags & MODGO_SEND_END && (status == MODGO_OK || status == MODGO_AGAIN) && q->content_length &&
        !q->input_ended) {
        /* httpd discards the rest of the body next, for which a client may wait that waits for its answer. */
        return modgo_connection_flush(q);
    }
    if (flags & MODGO_SEND_FLUSH && r->header_only && (status == MODGO_OK || status == MODGO_AGAIN)) {
        return modgo_connection_flush(q); /* httpd's header filter has dropped the FLUSH with the body */
    }
    return status;
}

modgo_status modgo_response_push(modgo_request *q) { return passed(q, modgo_wire_push(q->wire)); }

void modgo_response_trailers(modgo_request *q, const char *fields, apr_size_t len)
{
    modgo_head packed = modgo_head_of(apr_pmemdup(q->r->pool, fields, len), len);
    char *name, *value;

    while ((name = modgo_head_next(&packed)) && (value = modgo_head_next(&packed))) {
        apr_table_addn(q->r->trailers_out, name, value);
    }
}

modgo_status modgo_response_send(modgo_request *q, const char *head, apr_size_t head_len, const char *body,
                                 apr_size_t body_len, int flags)
{
    request_rec *r = q->r;
    apr_bucket_brigade *bb = q->output;

    if (q->answered) {
        return MODGO_ANSWERED;
    }
    if (q->redirect || q->file) {
        if (q->file && head_len) {
            set_head(r, r->headers_out, head, head_len);
        }
        return MODGO_OK; /* httpd makes the response */
    }
    if (flags & MODGO_SEND_INTERIM) {
        send_interim(r, head, head_len);
        return passed(q, APR_SUCCESS);
    }
    if (body_len) {
        /* Filters that keep the data beyond this call set the bucket aside, which copies it. */
        APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_transient_create(body, body_len, bb->bucket_alloc));
    }
    return pass(q, head, head_len, flags);
}

modgo_status modgo_response_send_file(modgo_request *q, const char *head, apr_size_t head_len, int descriptor,
                                      apr_off_t offset, apr_off_t length, int flags)
{
    request_rec *r = q->r;
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    apr_bucket_brigade *bb = q->output;
    apr_int32_t mode = APR_READ | APR_BINARY;
    apr_file_t *ours;
    apr_bucket *last;
    char path[32];

    if (q->answered) {
        return MODGO_ANSWERED;
    }
    if (q->redirect || q->file) {
        return MODGO_OK;
    }
    if (core->enable_sendfile == ENABLE_SENDFILE_ON) {
        mode |= APR_SENDFILE_ENABLED;
    }
    /*
     * Opened anew: a filter may keep the bucket until the application has closed its own file, and reads move the
     * position, which a copied descriptor would have in common with the application's.
     */
    apr_snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
    if (apr_file_open(&ours, path, mode, APR_OS_DEFAULT, r->pool) != APR_SUCCESS) {
        return MODGO_FAILED;
    }
    last = apr_brigade_insert_file(bb, ours, offset, length, r->pool);
    if (core->enable_mmap == ENABLE_MMAP_OFF) {
        apr_bucket_file_enable_mmap(last, 0);
    }
    return pass(q, head, head_len, flags);
}

int modgo_filters_within(const ap_filter_t *f, const char *const names[])
{
    for (; f; f = f->next) {
        int i;

        for (i = 0; names[i] && ap_cstr_casecmp(names[i], f->frec->name); i++) {
        }
        if (!names[i]) {
            return 0;
        }
    }
    return 1;
}

int modgo_response_direct(modgo_request *q)
{
    static const char *const names[] = {"byterange",   "content_length", "http_header", "http_outerror", "old_write",
                                        "go_trailers", "chunk",          "go_wire",     "core",          NULL};

    return modgo_filters_within(q->r->output_filters, names);
}

void modgo_response_give_up(modgo_request *q)
{
    conn_rec *c = q->r->connection;

    if (c->master && !c->aborted) {
        modgo_wire_reset(q->wire);
    }
    modgo_client_forsake(c);
}

modgo_status modgo_response_leave(modgo_request *q, const char *head, apr_size_t head_len)
{
    static const char *const of_the_body[] = {
        "Accept-Ranges", "Content-Encoding", "Content-Language", "Content-Range", "ETag", "Last-Modified", NULL};
    request_rec *r = q->r;
    apr_table_t *kept = apr_table_make(r->pool, 8);
    int before = r->status, status, i;
    const char *allow;

    if (q->answered) {
        return MODGO_ANSWERED;
    }
    if (q->redirect || q->file) {
        return MODGO_FAILED; /* the response is another one */
    }
    set_head(r, kept, head, head_len);
    status = r->status;
    r->status =
        before; /* httpd sets it from the handler's return value; another than 200 means a failed ErrorDocument */
    r->status_line = NULL;
    if (atoi(ap_get_status_line(status)) != status) {
        return MODGO_FAILED; /* httpd has no ErrorDocument for a status that it does not know */
    }
    for (i = 0; of_the_body[i]; i++) {
        apr_table_unset(kept, of_the_body[i]);
    }
    allow = apr_table_getm(r->pool, kept, "Allow");
    modgo_error_document_allow(r, allow ? allow : "");
    apr_table_unset(kept, "Allow");
    /* headers_out is discarded with the body that it describes; err_headers_out is kept. */
    r->err_headers_out = apr_table_overlay(r->pool, r->err_headers_out, kept);
    return MODGO_OK;
}

/* Whether nothing but the end of the connection tells the client where the body ends: HTTP/1.0 without a length. */
static int ends_by_close(const request_rec *r)
{
    return !r->connection->master && !r->chunked && !apr_table_get(r->headers_out, "Content-Length");
}

void modgo_response_abort(modgo_request *q)
{
    request_rec *r = q->r;
    apr_bucket_brigade *bb;
    int by_close;

    if (q->answered) {
        return;
    }
    if (!q->head_sent) {
        /* Nothing to cut short: the connection is closed without an answer. */
        modgo_client_forsake(r->connection);
        return;
    }
    bb = q->output;
    /*
     * This is how a proxy tells httpd that its backend broke: the chunked encoding gets no last chunk, an HTTP/2 stream
     * is reset, and the connection is not used again.
     */
    r->connection->keepalive = AP_CONN_CLOSE;
    by_close = ends_by_close(r);
    if (by_close) {
        /* An orderly end would look like the body's: the client gets a reset instead (RFC 9112 section 8). */
        modgo_client_reset_at_close(r->connection);
    }
    APR_BRIGADE_INSERT_TAIL(bb, ap_bucket_error_create(HTTP_BAD_GATEWAY, NULL, r->pool, bb->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(bb, apr_bucket_eos_create(bb->bucket_alloc));
    ap_pass_brigade(r->output_filters, bb);
    apr_brigade_cleanup(bb);
    if (by_close) {
        r->connection->aborted = 1; /* no lingering, which begins with an orderly end */
    }
}
