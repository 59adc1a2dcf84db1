/* The content handler, and what Go needs of a request_rec: the body, as httpd's input filters give it. */
#include "modgo.h"

#include <fcntl.h>
#include <http_connection.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "_cgo_export.h"

APLOG_USE_MODULE(go);

const char *modgo_request_id(request_rec *r)
{
    const char *id = apr_table_get(r->subprocess_env, "UNIQUE_ID");

    if (!id && !r->log_id) {
        ap_run_generate_log_id(r->connection, r, &r->log_id);
    }
    return id ? id : r->log_id ? r->log_id : "";
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

int modgo_descriptor_of(conn_rec *c)
{
    apr_socket_t *socket = c->master ? NULL : ap_get_conn_socket(c);
    apr_os_sock_t descriptor;

    return socket && apr_os_sock_get(&descriptor, socket) == APR_SUCCESS ? descriptor : -1;
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

int modgo_handler(request_rec *r)
{
    const modgo_dir_config *dir;
    modgo_request q = {0};
    request_rec *outer;
    int result;

    if (!r->handler || strcmp(r->handler, MODGO_HANDLER) != 0) {
        return DECLINED;
    }
    if (!modgo_runtime_started()) {
        return HTTP_SERVICE_UNAVAILABLE; /* MODGO0002 said why */
    }
    if (!modgo_mapping_find(r, &q.mapping)) {
        return unmapped(r);
    }
    if (q.mapping.index < 0) {
        return unavailable(r, &q.mapping);
    }
    if (r->used_path_info == AP_REQ_REJECT_PATH_INFO && q.mapping.path_info_len > 1) {
        return HTTP_NOT_FOUND; /* AcceptPathInfo Off */
    }
    dir = ap_get_module_config(r->per_dir_config, &go_module);
    q.r = r;
    q.headers_in = apr_table_elts(r->headers_in);
    q.pass_authorization = passes_authorization(r, dir);
    /* An ErrorDocument's own request inherits the error's status, and is not overridden in turn. */
    q.error_override = dir->error_override == 1 && r->status == HTTP_OK;
    q.content_length = body_length(r);
    q.timeout = r->server->timeout;
    q.proto_num = r->proto_num;
    q.descriptor = modgo_descriptor_of(r->connection);
    q.https = !strcmp(ap_http_scheme(r), "https");
    q.stream = r->connection->master != NULL;
    q.upgrade = wants_upgrade(r);
    q.output = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    q.wire = modgo_wire_hold(r);

    /* A handler may run inside another's call, for an mod_include subrequest: keep what is round it. */
    outer = modgo_log_current(r);
    q.slot = modgo_inflight_enter(r, q.mapping.target->package);
    q.goroutine = modgo_inflight_goroutine(q.slot);
    result = modgoGoServe(&q);
    modgo_wire_release(q.wire);
    if (q.stream && q.content_length && !q.input_ended) {
        r->connection->keepalive = AP_CONN_CLOSE; /* else httpd would read the rest of the body, and hold the stream */
    }
    result = modgo_services_finish(&q, result);
    modgo_inflight_leave(q.slot, outer, q.mapping.target->package);
    modgo_log_current(outer);
    return result;
}

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

/* Moves up to len bytes from q->input to buffer. */
static modgo_status drain(modgo_request *q, char *buffer, apr_size_t len, modgo_read *read)
{
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
            return read->len ? MODGO_OK : read_status(q->r, read->apr);
        }
        if (n > len - read->len) {
            n = len - read->len;
            apr_bucket_split(e, n);
        }
        memcpy(buffer + read->len, data, n);
        read->len += n;
        apr_bucket_delete(e);
    }
    return read->len ? MODGO_OK : q->input_ended ? MODGO_EOF : MODGO_AGAIN;
}

modgo_read modgo_request_read(modgo_request *q, char *buffer, apr_size_t len)
{
    modgo_read read = {MODGO_EOF, 0, 0};

    if (q->input_ended) {
        return read;
    }
    if (!q->input || APR_BRIGADE_EMPTY(q->input)) {
        read.status = fill(q, len, &read.apr);
        if (read.status != MODGO_OK) {
            return read;
        }
    }
    read.status = drain(q, buffer, len, &read);
    return read;
}

int modgo_descriptor_copy(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 0); }

void modgo_sleep(apr_int64_t microseconds)
{
    int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);

    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* that of Go's threads is coarse (runtime.c) */
    apr_sleep(microseconds);
    prctl(PR_SET_TIMERSLACK, slack > 0 ? (unsigned long)slack : 0UL, 0, 0, 0);
}

int modgo_request_gone(modgo_request *q)
{
    const conn_rec *c = q->r->connection;
    struct pollfd peer = {q->descriptor, POLLRDHUP, 0};
    char byte;

    if (c->aborted || (c->master && c->master->aborted)) {
        return 1;
    }
    if (c->master) {
        return 0; /* mod_http2 tells by the flags */
    }
    if (modgo_descriptor_of(q->r->connection) < 0) {
        return 1; /* httpd has closed it, because it is being stopped */
    }
    if (poll(&peer, 1, 0) <= 0) {
        return 0;
    }
    if (peer.revents & (POLLERR | POLLHUP | POLLNVAL)) {
        return 1;
    }
    /*
     * The client sends no more; net/http takes that for its going too. Not so while a request waits that it sent
     * behind this one.
     */
    if (!q->https && (q->content_length == 0 || q->input_ended) &&
        recv(q->descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
        return 0;
    }
    return (peer.revents & POLLRDHUP) != 0;
}
