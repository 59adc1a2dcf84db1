/* Tells in a field of each response how often the MPM has given the connection to its listener so far. */
#include <httpd.h>
#include <http_config.h>
#include <http_request.h>
#include <mpm_common.h>

#include <apr_strings.h>

extern module AP_MODULE_DECLARE_DATA suspends_module;

static int *suspends_of(conn_rec *c)
{
    int *count = ap_get_module_config(c->conn_config, &suspends_module);

    if (!count) {
        count = apr_pcalloc(c->pool, sizeof(*count));
        ap_set_module_config(c->conn_config, &suspends_module, count);
    }
    return count;
}

static void suspended(conn_rec *c, request_rec *r) { ++*suspends_of(c); }

static int tell(request_rec *r)
{
    apr_table_setn(r->headers_out, "Suspends", apr_itoa(r->pool, *suspends_of(r->connection)));
    return DECLINED;
}

static void register_hooks(apr_pool_t *p)
{
    ap_hook_suspend_connection(suspended, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_fixups(tell, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA suspends_module = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks};
