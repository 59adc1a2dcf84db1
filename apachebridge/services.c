/*
 * What an application may ask of httpd: settings of its own in the configuration, what a URL leads to, and to have httpd
 * answer with another URL or with a file.
 */
#include "modgo.h"

#include <http_ssl.h>
#include <stdlib.h>

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
    if (!real || !ap_is_directory(cmd->temp_pool, real)) {
        free(real);
        return apr_psprintf(cmd->pool, "GoSendFileRoot: there is no folder %s; make it, or name another", path);
    }
    if (!dir->send_file_roots) {
        dir->send_file_roots = apr_array_make(cmd->pool, 2, sizeof(const char *));
    }
    APR_ARRAY_PUSH(dir->send_file_roots, const char *) = apr_pstrdup(cmd->pool, real);
    free(real);
    return NULL;
}

void modgo_services_merge(apr_pool_t *p, modgo_dir_config *c, const modgo_dir_config *base, const modgo_dir_config *add)
{
    c->settings = !base->settings  ? add->settings
                  : !add->settings ? base->settings
                                   : apr_table_copy(p, base->settings);
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
    found->size = sub->finfo.size;
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

    if (!real) {
        return errno == EACCES ? MODGO_FILE_FORBIDDEN : MODGO_FILE_MISSING;
    }
    if (!below_root(dir_of(q), real)) {
        free(real);
        return MODGO_FILE_OUTSIDE;
    }
    q->file = apr_pstrdup(q->r->pool, real);
    free(real);
    if (apr_stat(&info, q->file, APR_FINFO_MIN, q->r->pool) != APR_SUCCESS || info.filetype != APR_REG) {
        q->file = NULL;
        return MODGO_FILE_MISSING;
    }
    return MODGO_FILE_CHOSEN;
}

/* ---- after the application has returned ---- */

/* Has httpd's default handler answer with the file, as if the URL had been mapped to it. */
static int serve_file(modgo_request *q)
{
    request_rec *r = q->r;
    const char *type = r->content_type;

    r->filename = r->canonical_filename = apr_pstrdup(r->pool, q->file);
    r->path_info = "";
    r->handler = NULL;
    r->status = HTTP_OK;
    r->status_line = NULL;
    if (apr_stat(&r->finfo, r->filename, APR_FINFO_MIN, r->pool) != APR_SUCCESS) {
        return HTTP_NOT_FOUND;
    }
    if (r->method_number != M_GET) {
        r->method_number = M_GET; /* the answer to a form can be a file, too */
        r->method = "GET";
    }
    ap_discard_request_body(r);
    ap_run_type_checker(r);
    r->handler = "default-handler";
    if (type) {
        ap_set_content_type(r, type); /* the application's */
    }
    return ap_run_handler(r);
}

int modgo_services_finish(modgo_request *q, int result)
{
    if (q->redirect) {
        ap_internal_redirect(q->redirect, q->r);
        return OK;
    }
    return q->file ? serve_file(q) : result;
}
