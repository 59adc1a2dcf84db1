/*
 * An application's Allow header on an error document of httpd's own. For 405 and 501 httpd makes the header anew, from
 * methods that it knows; the application knows better (RFC 9110 section 15.5.6), or says nothing.
 */
#include "modgo.h"

#include <util_filter.h>

#define ALLOW_NOTE "mod_go:allow"

static ap_filter_rec_t *filter;

static apr_status_t allow_filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    const char *allow = f->ctx;

    if (*allow) {
        apr_table_setn(f->r->headers_out, "Allow", allow);
    }
    else {
        apr_table_unset(f->r->headers_out, "Allow");
    }
    ap_remove_output_filter(f);
    return ap_pass_brigade(f->next, bb);
}

void modgo_error_document_register(void)
{
    filter = ap_register_output_filter("MODGO_ALLOW", allow_filter, NULL, AP_FTYPE_CONTENT_SET);
}

void modgo_error_document_allow(request_rec *r, const char *allow) { apr_table_setn(r->notes, ALLOW_NOTE, allow); }

void modgo_error_document_filters(request_rec *r)
{
    const char *allow = apr_table_get(r->notes, ALLOW_NOTE);

    if (allow) {
        ap_add_output_filter_handle(filter, (void *)allow, r, r->connection);
    }
}
