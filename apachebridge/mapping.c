/*
 * Which application answers a request, and where its URL space begins: the split of the path into SCRIPT_NAME, which
 * selected the application, and PATH_INFO, the rest (RFC 3875 sections 4.1.13 and 4.1.5).
 */
#include "modgo.h"

#include <util_script.h>

APLOG_USE_MODULE(go);

int modgo_target_index(const modgo_target *t)
{
    if (t->broken) {
        return -1;
    }
    return modgo_callable_find(t->package, t->callable || !t->dir ? t->callable : t->dir->callable);
}

const unsigned char *modgo_targets_wanted(apr_pool_t *p, const modgo_process_config *c, int *count)
{
    unsigned char *wanted;
    int i;

    *count = modgo_callables_count();
    wanted = apr_pcalloc(p, *count + 1);
    for (i = 0; i < c->targets->nelts; i++) {
        int index = modgo_target_index(APR_ARRAY_IDX(c->targets, i, const modgo_target *));

        if (index >= 0) {
            wanted[index] = 1;
        }
    }
    return wanted;
}

/* What translate_name found, for the later phases of the same request. */
typedef struct {
    const modgo_alias *alias;
    apr_size_t mount_len; /* bytes of r->uri that selected the application */
} alias_match;

/* The length of path without its trailing slashes. */
static apr_size_t trimmed(const char *path, apr_size_t len)
{
    while (len && path[len - 1] == '/') {
        len--;
    }
    return len;
}

/* Tells whether alias answers uri, and how much of uri selected it. */
static int alias_matches(const modgo_alias *alias, const char *uri, apr_size_t *mount_len)
{
    if (alias->regexp) {
        ap_regmatch_t match[1];
        apr_size_t len;

        if (ap_regexec(alias->regexp, uri, 1, match, 0) != 0) {
            return 0;
        }
        len = trimmed(uri, match[0].rm_eo);
        /* PATH_INFO begins with a slash or is empty; an expression that ends inside a segment selects no path. */
        *mount_len = match[0].rm_so == 0 && (uri[len] == '/' || !uri[len]) ? len : 0;
        return 1;
    }
    *mount_len = strlen(alias->path);
    if (strncmp(uri, alias->path, *mount_len) != 0) {
        return 0;
    }
    return uri[*mount_len] == '/' || (!uri[*mount_len] && !alias->strict);
}

int modgo_translate_name(request_rec *r)
{
    const modgo_server_config *config = ap_get_module_config(r->server->module_config, &go_module);
    int i;

    if (r->uri[0] != '/') {
        return DECLINED; /* OPTIONS *, CONNECT */
    }
    for (i = 0; i < config->aliases->nelts; i++) {
        const modgo_alias *alias = APR_ARRAY_IDX(config->aliases, i, const modgo_alias *);
        apr_size_t mount_len;

        if (alias_matches(alias, r->uri, &mount_len)) {
            alias_match *match = apr_palloc(r->pool, sizeof(*match));

            match->alias = alias;
            match->mount_len = mount_len;
            ap_set_module_config(r->request_config, &go_module, match);
            /* No file stands behind the URL; what is put here is seen in mod_status and in log formats. */
            r->filename = apr_pstrcat(r->pool, "go:", alias->target.package, NULL);
            r->handler = MODGO_HANDLER;
            return OK;
        }
    }
    return DECLINED;
}

int modgo_map_to_storage(request_rec *r)
{
    if (!ap_get_module_config(r->request_config, &go_module)) {
        return DECLINED;
    }
    if (r->method_number == M_TRACE) {
        return DECLINED; /* httpd's own, under TraceEnable */
    }
    return OK; /* no walk through directories that are not there; <Location> sections have been merged */
}

/* SCRIPT_NAME is the first mount_len bytes of the path, PATH_INFO what follows. */
static void split_at(modgo_mapping *m, const char *uri, apr_size_t mount_len)
{
    m->script_name = uri;
    m->script_name_len = mount_len;
    m->path_info = uri + mount_len;
    m->path_info_len = strlen(m->path_info);
}

/* SCRIPT_NAME is mount if the path begins with it; returns 0 if not. */
static int split_at_path(modgo_mapping *m, const char *uri, const char *mount)
{
    apr_size_t len = trimmed(mount, strlen(mount));

    if (strncmp(uri, mount, len) != 0 || (uri[len] != '/' && uri[len])) {
        return 0;
    }
    split_at(m, uri, len);
    return 1;
}

/*
 * SCRIPT_NAME is the URL path of a directory: the path less what the file name has beyond the directory. Returns 0 if
 * the two do not end alike, as after a rewrite.
 */
static int split_at_directory(modgo_mapping *m, const request_rec *r, const char *directory)
{
    apr_size_t dir_len = trimmed(directory, strlen(directory)), uri_len = strlen(r->uri), rest_len;
    const char *file = r->filename ? r->filename : "", *info = r->path_info ? r->path_info : "", *rest;

    if (strncmp(file, directory, dir_len) != 0 || (file[dir_len] != '/' && file[dir_len])) {
        return 0;
    }
    rest = apr_pstrcat(r->pool, file + dir_len, info, NULL);
    rest_len = strlen(rest);
    if (rest_len && rest[rest_len - 1] != '/' && uri_len && r->uri[uri_len - 1] == '/') {
        uri_len--; /* httpd took the slash from the name of a directory */
    }
    if (rest_len > uri_len || memcmp(r->uri + uri_len - rest_len, rest, rest_len) != 0) {
        return 0;
    }
    split_at(m, r->uri, trimmed(r->uri, uri_len - rest_len));
    return 1;
}

/* SCRIPT_NAME is what httpd found as a file, as for a CGI script. */
static void split_at_path_info(modgo_mapping *m, const request_rec *r)
{
    const char *info = r->path_info ? r->path_info : "";

    split_at(m, r->uri, *info ? (apr_size_t)ap_find_path_info(r->uri, info) : trimmed(r->uri, strlen(r->uri)));
}

static void split_for_section(modgo_mapping *m, const request_rec *r, const modgo_dir_config *dir)
{
    if (dir->mount_explicit) {
        if (!split_at_path(m, r->uri, dir->mount)) {
            m->script_name = dir->mount;
            m->script_name_len = strlen(dir->mount);
            m->path_info = r->uri;
            m->path_info_len = strlen(r->uri);
        }
        return;
    }
    switch (dir->mount_kind) {
    case MODGO_MOUNT_SERVER:
        split_at(m, r->uri, 0);
        return;
    case MODGO_MOUNT_LOCATION:
        if (split_at_path(m, r->uri, dir->mount)) {
            return;
        }
        break;
    case MODGO_MOUNT_DIRECTORY:
        if (split_at_directory(m, r, dir->mount)) {
            return;
        }
        break;
    case MODGO_MOUNT_SPLIT:
        break;
    }
    split_at_path_info(m, r);
}

int modgo_mapping_find(request_rec *r, modgo_mapping *m)
{
    const modgo_dir_config *dir = ap_get_module_config(r->per_dir_config, &go_module);
    const alias_match *match = ap_get_module_config(r->request_config, &go_module);

    /* A section that names an application is more specific than GoAlias; the server's default is less. */
    if (dir->application && (!match || dir->mount_kind != MODGO_MOUNT_SERVER)) {
        m->target = dir->application;
        split_for_section(m, r, dir);
    }
    else if (match) {
        m->target = &match->alias->target;
        split_at(m, r->uri, match->mount_len);
    }
    else {
        return 0;
    }
    m->callable = m->target->callable ? m->target->callable : dir->callable;
    m->index = m->target->broken                ? -1
               : m->callable == m->target->callable ? m->target->index
                                                    : modgo_callable_find(m->target->package, m->callable);
    return 1;
}
