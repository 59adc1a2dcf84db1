/* A content handler in C that answers what apps/hello answers: the limit that a handler in Go is measured against. */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>

#include <apr_strings.h>

static int climit_handler(request_rec *r)
{
    const char *body;

    if (!r->handler || strcmp(r->handler, "c-limit") != 0) {
        return DECLINED;
    }
    body = apr_pstrcat(r->pool, "The request method was ", r->method, NULL);
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, strlen(body));
    ap_rputs(body, r);
    return OK;
}

static void register_hooks(apr_pool_t *p) { ap_hook_handler(climit_handler, NULL, NULL, APR_HOOK_MIDDLE); }

module AP_MODULE_DECLARE_DATA climit_module = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks};
