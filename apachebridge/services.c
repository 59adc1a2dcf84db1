/*
 * What an application may ask of httpd: settings of its own in the configuration, what a URL leads to, and to have
 * httpd answer with another URL or with a file.
 */
#include "modgo.h"

#include <fcntl.h>
#include <http_ssl.h>
#include <stdlib.h>
#include <unistd.h>

APLOG_USE_MODULE(go);

/* ---- directives ---- */

const char *modgo_cmd_setting(cmd_parms *cmd, void *config, const char *name, const char *value)
{
    modgo_dir_config *dir = config;

    if (!dir->settings) {
        dir->settings = apr_table_make(cmd->pool, 4);
    }
    apr_table_setn(dir->settings, name, value);
    return NULL;
}

const char *modgo_cmd_send_file_root(cmd_parms *cmd, void *config, const char *path)
{
    modgo_dir_config *dir = config;
    char *real;

    if (!ap_os_is_path_absolute(cmd->temp_pool, path)) {
        return apr_psprintf(cmd->pool, "GoSendFileRoot: '%s' is no absolute path of a folder", path);
    }
    real = realpath(path, NULL);
    if (real && ap_is_directory(cmd->temp_pool, real)) {
        path = apr_pstrdup(cmd->pool, real);
    }
    else if (!modgo_restarting()) { /* else it would end the whole server; SendFile says it where it matters */
        free(real);
        return apr_psprintf(cmd->pool, "GoSendFileRoot: there is no folder %s; make it, or name another", path);
    }
    free(real);
    if (!dir->send_file_roots) {
        dir->send_file_roots = apr_array_make(cmd->pool, 2, sizeof(const char *));
    }
    APR_ARRAY_PUSH(dir->send_file_roots, const char *) = path;
    return NULL;
}

void modgo_services_merge(apr_pool_t *p, modgo_dir_config *c, const modgo_dir_config *base, const modgo_dir_config *add)
{
    c->settings = !base->settings ? add->settings : !add->settings ? base->settings : apr_table_copy(p, base->settings);
    if (base->settings && add->settings) {
        apr_table_overlap(c->settings, add->settings, APR_OVERLAP_TABLES_SET);
    }
    c->send_file_roots = !base->send_file_roots  ? add->send_file_roots
                         : !add->send_file_roots ? base->send_file_roots
                                                 : apr_array_append(p, base->send_file_roots, add->send_file_roots);
}

/* ---- of a request ---- */

const char *modgo_pool_copy(modgo_request *q, const char *s) { return apr_pstrdup(q->r->pool, s); }

static const modgo_dir_config *dir_of(const modgo_request *q)
{
    return ap_get_module_config(q->r->per_dir_config, &go_module);
}

const char *modgo_note(modgo_request *q, const char *name) { return apr_table_get(q->r->notes, name); }
void modgo_note_set(modgo_request *q, const char *name, const char *value) { apr_table_set(q->r->notes, name, value); }

void modgo_subprocess_env_set(modgo_request *q, const char *name, const char *value)
{
    apr_table_set(q->r->subprocess_env, name, value);
}

const apr_array_header_t *modgo_settings(modgo_request *q)
{
    const modgo_dir_config *dir = dir_of(q);

    return dir->settings ? apr_table_elts(dir->settings) : NULL;
}

const char *modgo_setting_get(modgo_request *q, const char *name)
{
    const modgo_dir_config *dir = dir_of(q);

    return dir->settings ? apr_table_get(dir->settings, name) : NULL;
}

const char *modgo_ssl_variable(modgo_request *q, const char *name)
{
    return ap_ssl_var_lookup(q->r->pool, q->r->server, q->r->connection, q->r, name);
}

void modgo_lookup_url(modgo_request *q, const char *url, modgo_lookup *found)
{
    request_rec *sub = ap_sub_req_method_uri("GET", url, q->r, NULL);

    found->status = sub->status;
    found->handler = sub->handler ? apr_pstrdup(q->r->pool, sub->handler) : "";
    found->filename = sub->filename ? apr_pstrdup(q->r->pool, sub->filename) : "";
    found->path_info = sub->path_info ? apr_pstrdup(q->r->pool, sub->path_info) : "";
    found->content_type = sub->content_type ? apr_pstrdup(q->r->pool, sub->content_type) : "";
    found->exists = sub->finfo.filetype != APR_NOFILE;
    found->size = found->exists ? sub->finfo.size : 0;
    found->mtime = sub->finfo.mtime;
    ap_destroy_sub_req(sub);
}

/* Whether path, which has no symbolic links, lies below a folder that the configuration allows. */
static int below_root(const modgo_dir_config *dir, const char *path)
{
    int i;

    for (i = 0; dir->send_file_roots && i < dir->send_file_roots->nelts; i++) {
        const char *root = APR_ARRAY_IDX(dir->send_file_roots, i, const char *);
        size_t len = strlen(root);

        if (!strncmp(path, root, len) && (path[len] == '/' || !strcmp(root, "/"))) {
            return 1;
        }
    }
    return 0;
}

modgo_send_file modgo_file_choose(modgo_request *q, const char *path)
{
    char *real = realpath(path, NULL);
    apr_finfo_t info;

    q->file = NULL;
    if (!real) {
        return errno == EACCES ? MODGO_FILE_FORBIDDEN : MODGO_FILE_MISSING;
    }
    path = apr_pstrdup(q->r->pool, real);
    free(real);
    if (!below_root(dir_of(q), path)) {
        return MODGO_FILE_OUTSIDE;
    }
    if (apr_stat(&info, path, APR_FINFO_TYPE, q->r->pool) != APR_SUCCESS || info.filetype != APR_REG) {
        return MODGO_FILE_MISSING;
    }
    if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0) {
        return MODGO_FILE_FORBIDDEN;
    }
    q->file = path;
    /* What httpd has concluded from the URL does not hold for the file; what is here later is the application's. */
    ap_set_content_type(q->r, NULL);
    q->r->content_encoding = NULL;
    q->r->content_languages = NULL;
    return MODGO_FILE_CHOSEN;
}

/* ---- after the application has returned ---- */

/* The status of a request before anything was made of its response: for an ErrorDocument it is the error's. */
static void reset_status(request_rec *r)
{
    r->status = r->prev ? r->prev->status : HTTP_OK;
    r->status_line = NULL;
}

static void ask_with_get(request_rec *r)
{
    if (r->method_number != M_GET) { /* which is HEAD's too */
        r->method_number = M_GET;
        r->method = "GET";
    }
}

/* Reads what is left of the body, so that nobody finds it any more. */
static int discard_body(request_rec *r)
{
    conn_rec *c = r->connection;
    ap_conn_keepalive_e keepalive = c->keepalive;
    int result;

    if (c->master) {
        c->keepalive = AP_CONN_UNKNOWN; /* modgo_handler has set CLOSE, which leaves the body where it is */
    }
    result = ap_discard_request_body(r);
    c->keepalive = result == OK ? keepalive : AP_CONN_CLOSE;
    return result;
}

/* Has httpd answer with another URL, for which the client has sent no body. */
static int serve_url(modgo_request *q)
{
    request_rec *r = q->r;
    int result;

    reset_status(r);
    result = discard_body(r);
    if (result != OK) {
        return result;
    }
    apr_table_unset(r->headers_in, "Content-Length");
    apr_table_unset(r->headers_in, "Transfer-Encoding");
    ask_with_get(r);
    ap_internal_redirect(q->redirect, r);
    return OK;
}

/* Has httpd's default handler answer with the file, as if the URL had been mapped to it. */
static int serve_file(modgo_request *q)
{
    request_rec *r = q->r;
    const char *type = r->content_type, *method = r->method;
    int method_number = r->method_number, result;

    reset_status(r);
    r->filename = r->canonical_filename = apr_pstrdup(r->pool, q->file);
    r->path_info = "";
    if (apr_stat(&r->finfo, r->filename, APR_FINFO_MIN, r->pool) != APR_SUCCESS) {
        r->finfo.filetype = APR_NOFILE; /* it has gone meanwhile: the handler says so */
    }
    ap_run_type_checker(r);
    r->handler = "default-handler";
    if (type) {
        ap_set_content_type(r, type); /* the application's */
    }
    if (method_number != M_GET) {
        r->no_local_copy = 1; /* conditions are about what the application has done, not about the file */
    }
    ask_with_get(r); /* the answer to a form can be a file, too */
    result = ap_run_handler(r);
    r->method = method;
    r->method_number = method_number;
    return result;
}

int modgo_services_finish(modgo_request *q, int result)
{
    /* A panic, a body that was refused or a connection that was taken over comes after what was asked for. */
    if (result != OK || q->answered || q->r->connection->aborted) {
        return result;
    }
    return q->redirect ? serve_url(q) : q->file ? serve_file(q) : OK;
}
