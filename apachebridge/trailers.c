/* Fields after the body of an HTTP/1.1 response in chunks (RFC 9112 section 7.1.2): httpd 2.4 sends none. */
#include "modgo.h"

APLOG_USE_MODULE(go);

#define LAST_CHUNK "0\r\n\r\n" /* as httpd's filter CHUNK ends a body */

static ap_filter_rec_t *trailer_filter;

static int append_field(void *fields, const char *name, const char *value)
{
    apr_brigade_putstrs(fields, NULL, NULL, name, ": ", value, "\r\n", NULL);
    return 1;
}

/* Puts the fields between the last chunk and the empty line that ends the message. */
static int insert_fields(request_rec *r, apr_bucket_brigade *bb, apr_bucket *last)
{
    apr_bucket_brigade *fields;
    const char *data;
    apr_size_t len;

    if (last == APR_BRIGADE_SENTINEL(bb) || APR_BUCKET_IS_METADATA(last) ||
        apr_bucket_read(last, &data, &len, APR_BLOCK_READ) != APR_SUCCESS || len < strlen(LAST_CHUNK) ||
        memcmp(data + len - strlen(LAST_CHUNK), LAST_CHUNK, strlen(LAST_CHUNK)) != 0) {
        return 0;
    }
    apr_bucket_split(last, len - 2);
    fields = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_table_do(append_field, fields, r->trailers_out, NULL);
    while (!APR_BRIGADE_EMPTY(fields)) {
        apr_bucket *b = APR_BRIGADE_LAST(fields);

        APR_BUCKET_REMOVE(b);
        APR_BUCKET_INSERT_AFTER(last, b);
    }
    return 1;
}

static apr_status_t trailers_out(ap_filter_t *f, apr_bucket_brigade *bb)
{
    apr_bucket *b;

    for (b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb); b = APR_BUCKET_NEXT(b)) {
        if (AP_BUCKET_IS_ERROR(b)) {
            break; /* the body is cut short: nothing comes after it */
        }
        if (APR_BUCKET_IS_EOS(b)) {
            if (!insert_fields(f->r, bb, APR_BUCKET_PREV(b))) {
                ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, f->r,
                              "MODGO0015: the trailers of this response are lost: a filter between this module and the "
                              "client has changed its chunks; remove the filter for this URL, or the trailers");
            }
            break;
        }
    }
    if (b != APR_BRIGADE_SENTINEL(bb)) {
        ap_remove_output_filter(f);
    }
    return ap_pass_brigade(f->next, bb);
}

void modgo_trailers_send(request_rec *r)
{
    /* An HTTP/2 stream has its own filter for them. */
    if (!r->connection->master && r->chunked) {
        ap_add_output_filter_handle(trailer_filter, NULL, r, r->connection);
    }
}

void modgo_trailers_register(void)
{
    /* Below CHUNK, above the filters of the connection. */
    trailer_filter = ap_register_output_filter("GO_TRAILERS", trailers_out, NULL, AP_FTYPE_TRANSCODE + 5);
}
