/*
 * The variables of a request: CGI's (RFC 3875), httpd's usual ones, PEP 3333's and the module's own. One table says
 * where each comes from; a variable costs nothing until it is asked for.
 *
 * The order of precedence is that of httpd's own CGI support: what a request defines itself wins over SetEnv and its
 * like, which fill in the rest. PATH, LD_LIBRARY_PATH, GATEWAY_INTERFACE and SERVER_SIGNATURE are left out: nothing of
 * a child's own environment belongs to a request.
 */
#include "modgo.h"

#include <apr_hash.h>

#include <ap_mpm.h>
#include <apr_lib.h>

APLOG_USE_MODULE(go);

#define YES "true"
#define NO "false"

typedef const char *(*reader)(modgo_request *q);

static const char *text(modgo_request *q, const char *s, apr_size_t len) { return apr_pstrmemdup(q->r->pool, s, len); }

static const char *auth_type(modgo_request *q) { return q->r->ap_auth_type; }
static const char *content_length(modgo_request *q) { return apr_table_get(q->r->headers_in, "Content-Length"); }
static const char *content_type(modgo_request *q) { return apr_table_get(q->r->headers_in, "Content-Type"); }
static const char *context_document_root(modgo_request *q) { return ap_context_document_root(q->r); }
static const char *document_root(modgo_request *q) { return ap_document_root(q->r); }
static const char *path_info(modgo_request *q) { return text(q, q->mapping.path_info, q->mapping.path_info_len); }
static const char *query_string(modgo_request *q) { return q->r->args ? q->r->args : ""; }
static const char *remote_addr(modgo_request *q) { return q->r->useragent_ip; }
static const char *remote_user(modgo_request *q) { return q->r->user; }
static const char *request_method(modgo_request *q) { return q->r->method; }
static const char *request_scheme(modgo_request *q) { return ap_http_scheme(q->r); }
static const char *script_name(modgo_request *q) { return text(q, q->mapping.script_name, q->mapping.script_name_len); }
static const char *server_addr(modgo_request *q) { return q->r->connection->local_ip; }
static const char *server_admin(modgo_request *q) { return q->r->server->server_admin; }
static const char *server_protocol(modgo_request *q) { return q->r->protocol; }
static const char *server_software(modgo_request *q) { return ap_get_server_banner(); }

/* Absent, as every variable without a value, where no Alias or the like has set one. */
static const char *context_prefix(modgo_request *q)
{
    const char *prefix = ap_context_prefix(q->r);

    return prefix && *prefix ? prefix : NULL;
}

static const char *remote_port(modgo_request *q) { return apr_itoa(q->r->pool, q->r->useragent_addr->port); }

static const char *request_uri(modgo_request *q) { return modgo_request_target(q->r); }

/* Only where a file stands behind the URL. */
static const char *script_filename(modgo_request *q)
{
    return q->r->filename && q->r->filename[0] == '/' && q->r->finfo.filetype != APR_NOFILE ? q->r->filename : NULL;
}

/* Escaped, because the client may have chosen it (UseCanonicalName Off) and applications print it. */
static const char *server_name(modgo_request *q)
{
    const char *name = ap_get_server_name_for_url(q->r);

    /* A target such as "http:///" names an empty host. */
    return ap_escape_html(q->r->pool, *name ? name : q->r->server->server_hostname);
}

static const char *server_port(modgo_request *q) { return apr_psprintf(q->r->pool, "%u", ap_get_server_port(q->r)); }

static const char *redirect_url(modgo_request *q) { return q->r->prev ? q->r->prev->uri : NULL; }
static const char *redirect_query_string(modgo_request *q) { return q->r->prev ? q->r->prev->args : NULL; }

/* Who was authenticated before httpd redirected internally, for an ErrorDocument. */
static const char *redirect_remote_user(modgo_request *q)
{
    const request_rec *prev;

    for (prev = q->r->user ? NULL : q->r->prev; prev; prev = prev->prev) {
        if (prev->user) {
            return prev->user;
        }
    }
    return NULL;
}

static const char *module_callable(modgo_request *q)
{
    modgo_callable callable;

    return modgo_callable_at(q->mapping.index, &callable) ? callable.name : NULL;
}

static const char *module_package(modgo_request *q) { return q->mapping.target->package; }
static const char *module_request_id(modgo_request *q) { return modgo_request_id(q->r); }
static const char *module_version(modgo_request *q) { return MODGO_VERSION; }

static const char *multiprocess(modgo_request *q)
{
    int children = 1;

    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &children);
    return children > 1 ? YES : NO;
}

static const char *multithread(modgo_request *q)
{
    int threaded = 0;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    return threaded ? YES : NO;
}

static const char *run_once(modgo_request *q) { return NO; }
static const char *url_scheme(modgo_request *q) { return q->https ? "https" : "http"; }
static const char *version(modgo_request *q) { return "1.0"; }

/* Sorted by name. */
static const struct {
    const char *name;
    reader read;
} variables[] = {
    {"AUTH_TYPE", auth_type},
    {"CONTENT_LENGTH", content_length},
    {"CONTENT_TYPE", content_type},
    {"CONTEXT_DOCUMENT_ROOT", context_document_root},
    {"CONTEXT_PREFIX", context_prefix},
    {"DOCUMENT_ROOT", document_root},
    {"PATH_INFO", path_info},
    {"QUERY_STRING", query_string},
    {"REDIRECT_QUERY_STRING", redirect_query_string},
    {"REDIRECT_REMOTE_USER", redirect_remote_user},
    {"REDIRECT_URL", redirect_url},
    {"REMOTE_ADDR", remote_addr},
    {"REMOTE_PORT", remote_port},
    {"REMOTE_USER", remote_user},
    {"REQUEST_METHOD", request_method},
    {"REQUEST_SCHEME", request_scheme},
    {"REQUEST_URI", request_uri},
    {"SCRIPT_FILENAME", script_filename},
    {"SCRIPT_NAME", script_name},
    {"SERVER_ADDR", server_addr},
    {"SERVER_ADMIN", server_admin},
    {"SERVER_NAME", server_name},
    {"SERVER_PORT", server_port},
    {"SERVER_PROTOCOL", server_protocol},
    {"SERVER_SOFTWARE", server_software},
    {"mod_go.callable", module_callable},
    {"mod_go.package", module_package},
    {"mod_go.request_id", module_request_id},
    {"mod_go.version", module_version},
    {"wsgi.multiprocess", multiprocess},
    {"wsgi.multithread", multithread},
    {"wsgi.run_once", run_once},
    {"wsgi.url_scheme", url_scheme},
    {"wsgi.version", version},
};

#define VARIABLES (sizeof(variables) / sizeof(variables[0]))

/* The variable's place in the table, or -1. */
static int find(const char *name, apr_size_t len)
{
    int low = 0, high = VARIABLES - 1;

    while (low <= high) {
        int middle = (low + high) / 2;
        int order = strncmp(name, variables[middle].name, len);

        if (order == 0 && !variables[middle].name[len]) {
            return middle;
        }
        if (order > 0) {
            low = middle + 1;
        }
        else {
            high = middle - 1;
        }
    }
    return -1;
}

/* Tells whether this request header is withheld from the application. */
static int withheld(const modgo_request *q, const char *header)
{
    return (!q->pass_authorization &&
            (!ap_cstr_casecmp(header, "Authorization") || !ap_cstr_casecmp(header, "Proxy-Authorization"))) ||
           !ap_cstr_casecmp(header, "Proxy"); /* HTTP_PROXY would steer the application's HTTP client, CVE-2016-5386 */
}

/* Tells whether the header's variable has no HTTP_ in front (RFC 3875 sections 4.1.2 and 4.1.3). */
static int bare(const char *header)
{
    return !ap_cstr_casecmp(header, "Content-Type") || !ap_cstr_casecmp(header, "Content-Length");
}

/*
 * One character of a request header's name as it stands in its variable: only letters, digits and hyphens have one, so
 * that no other spelling can pose as a header (X_Forwarded_For). 0: the header has no variable.
 */
static char variable_char(char c) { return apr_isalnum(c) ? (char)apr_toupper(c) : c == '-' ? '_' : 0; }

/* Tells whether the header's variable is HTTP_ followed by name. */
static int header_is(const char *header, const char *name, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++) {
        char c = variable_char(header[i]);
        if (!c || c != name[i]) {
            return 0;
        }
    }
    return !header[len];
}

static const char *header_get(modgo_request *q, const char *name, apr_size_t len)
{
    const apr_table_entry_t *header = (const apr_table_entry_t *)q->headers_in->elts;
    int i;

    for (i = 0; i < q->headers_in->nelts; i++) {
        if (header_is(header[i].key, name, len)) {
            return withheld(q, header[i].key) || bare(header[i].key) ? NULL : header[i].val;
        }
    }
    return NULL;
}

/* A variable of the configuration. Its name is exact, as those of all other variables are; apr_table_get ignores case.
 */
static const char *configured_get(modgo_request *q, const char *name, apr_size_t len)
{
    const apr_array_header_t *table = apr_table_elts(q->r->subprocess_env);
    const apr_table_entry_t *entry = (const apr_table_entry_t *)table->elts;
    int i;

    for (i = 0; i < table->nelts; i++) {
        if (!strncmp(entry[i].key, name, len) && !entry[i].key[len]) {
            return entry[i].val;
        }
    }
    return NULL;
}

const char *modgo_variable_get(modgo_request *q, const char *name, apr_size_t name_len, apr_size_t *len)
{
    const char *value = NULL;
    int i = find(name, name_len);

    if (i >= 0) {
        value = variables[i].read(q);
    }
    else if (name_len > 5 && !memcmp(name, "HTTP_", 5)) {
        value = header_get(q, name + 5, name_len - 5);
    }
    if (!value) {
        value = configured_get(q, name, name_len);
    }
    *len = value ? strlen(value) : 0;
    return value;
}

/* Variables by name, each once: what is added first wins. */
typedef struct {
    apr_array_header_t *entries; /* of apr_table_entry_t */
    apr_hash_t *names;
} gathered;

static void add(gathered *all, const char *name, const char *value)
{
    apr_table_entry_t *entry;

    if (!value || apr_hash_get(all->names, name, APR_HASH_KEY_STRING)) {
        return;
    }
    entry = apr_array_push(all->entries);
    entry->key = (char *)name;
    entry->val = (char *)value;
    apr_hash_set(all->names, name, APR_HASH_KEY_STRING, name);
}

/* The name of a request header's variable, NULL if it has none. */
static const char *header_variable(apr_pool_t *p, const char *header)
{
    char *name = apr_pstrcat(p, "HTTP_", header, NULL), *c;

    for (c = name + 5; *c; c++) {
        if (!(*c = variable_char(*c))) {
            return NULL;
        }
    }
    return name;
}

const apr_array_header_t *modgo_variables_all(modgo_request *q)
{
    const apr_array_header_t *configured = apr_table_elts(q->r->subprocess_env);
    gathered all = {apr_array_make(q->r->pool, 64, sizeof(apr_table_entry_t)), apr_hash_make(q->r->pool)};
    int i;

    /* The order is that in which modgo_variable_get looks. */
    for (i = 0; i < (int)VARIABLES; i++) {
        add(&all, variables[i].name, variables[i].read(q));
    }
    for (i = 0; i < q->headers_in->nelts; i++) {
        const apr_table_entry_t *header = &APR_ARRAY_IDX(q->headers_in, i, apr_table_entry_t);
        const char *name = header_variable(q->r->pool, header->key);

        if (name && !withheld(q, header->key) && !bare(header->key)) {
            add(&all, name, header->val);
        }
    }
    for (i = 0; i < configured->nelts; i++) {
        const apr_table_entry_t *entry = &APR_ARRAY_IDX(configured, i, apr_table_entry_t);
        add(&all, entry->key, entry->val);
    }
    return all.entries;
}
