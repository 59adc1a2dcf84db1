/* The content handler, and what Go needs of a request_rec. */
#include "modgo.h"

#include "_cgo_export.h"

APLOG_USE_MODULE(go);

/*
 * Gives a request the id that ErrorLogFormat's %L stands for, unless it has one. httpd would make it when it first logs
 * a line of the request, too late for the parent's report on a child that died, and with a system call.
 */
static void make_log_id(request_rec *r)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static __thread apr_uint64_t counter; /* from a random number on, for each thread another */
    apr_uint64_t bits;
    char *id;
    int i;

    if (r->log_id) {
        return;
    }
    if (!counter) {
        apr_generate_random_bytes((unsigned char *)&counter, sizeof(counter));
    }
    /* A multiplication by an odd number gives each count another one, and neighbours look different. */
    bits = counter++ * 0x9e3779b97f4a7c15ULL;
    id = apr_palloc(r->pool, 12);
    for (i = 0; i < 11; i++) {
        id[i] = digits[bits >> 58];
        bits <<= 6;
    }
    id[i] = '\0';
    r->log_id = id;
}

const char *modgo_request_id(request_rec *r)
{
    const char *id = apr_table_get(r->subprocess_env, "UNIQUE_ID");

    if (!id) {
        make_log_id(r);
        id = r->log_id;
    }
    return id;
}

/* Whether the application sees the Authorization header: unless said otherwise, when it is not Apache's business. */
static int passes_authorization(const request_rec *r, const modgo_dir_config *dir)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);

    if (dir->pass_authorization != MODGO_UNSET) {
        return dir->pass_authorization;
    }
    return core->cgi_pass_auth == AP_CGI_PASS_AUTH_ON || !r->ap_auth_type;
}

/* The target of the request line (RFC 9112 section 3.2). */
const char *modgo_request_target(request_rec *r)
{
    const char *begin = r->the_request, *end;

    if (!begin || !r->prev) {
        return r->unparsed_uri;
    }
    begin += strcspn(begin, " ");
    begin += strspn(begin, " ");
    end = begin + strcspn(begin, " ");
    return apr_pstrmemdup(r->pool, begin, end - begin);
}

const apr_array_header_t *modgo_request_trailers(modgo_request *q) { return apr_table_elts(q->r->trailers_in); }

apr_int64_t modgo_request_limit(modgo_request *q) { return ap_get_limit_req_body(q->r); }

/* The length of the body that the headers announce. */
static apr_int64_t body_length(const request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    if (apr_table_get(r->headers_in, "Transfer-Encoding")) {
        return -1;
    }
    return length ? apr_atoi64(length) : 0;
}

/* Whether the client asks for another protocol on this connection (RFC 9110 section 7.8). */
static int wants_upgrade(request_rec *r)
{
    return !r->connection->master && apr_table_get(r->headers_in, "Upgrade") &&
           ap_find_token(r->pool, apr_table_get(r->headers_in, "Connection"), "upgrade");
}

/* The request has reached the handler but no application: says why and what to do. */
static int unmapped(request_rec *r)
{
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "MODGO0010: SetHandler " MODGO_HANDLER " applies to %s, but no application does: add "
                  "'GoApplication PACKAGE' to the section that has the SetHandler, or map the path with GoAlias. This "
                  "mod_go.so holds %s",
                  r->uri, modgo_packages_list(r->pool));
    return HTTP_INTERNAL_SERVER_ERROR;
}

static int unavailable(request_rec *r, const modgo_mapping *m)
{
    if (m->target->broken) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "MODGO0001: %s:%d: %s names %s, which this mod_go.so does not hold; it holds %s", m->target->file,
                      m->target->line, m->target->directive, m->target->package, modgo_packages_list(r->pool));
        return HTTP_SERVICE_UNAVAILABLE;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  "MODGO0013: the package %s, which %s:%d maps here, has no application named %s; it has %s. Set "
                  "GoCallableObject, or the option callable=",
                  m->target->package, m->target->file, m->target->line, m->callable ? m->callable : "application",
                  modgo_callables_list(r->pool, m->target->package));
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* Finds who answers r: returns OK, or what the content handler is to return. */
static int find(request_rec *r, modgo_mapping *m)
{
    if (!modgo_mapping_find(r, m)) {
        return unmapped(r);
    }
    if (m->index < 0) {
        return unavailable(r, m);
    }
    if (r->used_path_info == AP_REQ_REJECT_PATH_INFO && m->path_info_len > 1) {
        return HTTP_NOT_FOUND; /* AcceptPathInfo Off */
    }
    return OK;
}

int modgo_handler(request_rec *r)
{
    const modgo_dir_config *dir;
    modgo_request q = {0};
    modgo_request *outer_request;
    request_rec *outer;
    apr_int64_t begun;
    int application, result;

    if (!r->handler) {
        return DECLINED;
    }
    application = !strcmp(r->handler, MODGO_HANDLER);
    if (!application && !modgo_diagnostics_find(r, &q.mapping)) {
        return DECLINED;
    }
    if (!modgo_runtime_started()) {
        return modgo_startup_phase_get() == MODGO_START_DONE
                   ? HTTP_SERVICE_UNAVAILABLE                                             /* MODGO0002 said why */
                   : modgo_startup_unavailable(r, modgo_startup_next() - apr_time_now()); /* MODGO0030 did */
    }
    result = application ? find(r, &q.mapping) : modgo_diagnostics_allow(r);
    if (result != OK) {
        return result;
    }
    begun = modgo_statistics_begin();
    dir = ap_get_module_config(r->per_dir_config, &go_module);
    q.r = r;
    q.headers_in = apr_table_elts(r->headers_in);
    q.pass_authorization = passes_authorization(r, dir);
    /* An ErrorDocument's own request inherits the error's status, and is not overridden in turn. */
    q.error_override = dir->error_override == 1 && r->status == HTTP_OK;
    q.content_length = body_length(r);
    q.timeout = r->server->timeout;
    if (application) {
        modgo_limits_apply(&q, dir);
    }
    q.proto_num = r->proto_num;
    q.descriptor = modgo_descriptor_of(r->connection);
    q.https = !strcmp(ap_http_scheme(r), "https");
    q.stream = r->connection->master != NULL;
    q.upgrade = wants_upgrade(r);
    q.output = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    q.wire = modgo_wire_hold(r);

    /* A handler may run inside another's call, for an mod_include subrequest: keep what is round it. */
    outer = modgo_log_current(r);
    outer_request = modgo_client_serve(&q);
    q.slot = modgo_inflight_enter(r, &q.mapping);
    q.goroutine = modgo_inflight_goroutine(q.slot);
    result = modgoGoServe(&q);
    modgo_wire_release(q.wire);
    if (q.stream && q.content_length && !q.input_ended) {
        r->connection->keepalive = AP_CONN_CLOSE; /* else httpd would read the rest of the body, and hold the stream */
    }
    result = modgo_services_finish(&q, result);
    modgo_inflight_leave(q.slot, outer, &q.mapping);
    modgo_statistics_end(q.mapping.index, result == OK ? r->status : result, begun);
    modgo_client_serve(outer_request);
    modgo_log_current(outer);
    return result;
}
