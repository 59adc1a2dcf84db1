/*
 * The handlers go-status and go-pprof, which show what goes on inside. They answer only where the server's own
 * configuration says so, not an .htaccess file alone, and says beside it who may ask.
 */
#include "modgo.h"

#include <mod_status.h>
#include <stdlib.h>

#include "_cgo_export.h"

APLOG_USE_MODULE(go);

static modgo_target targets[] = {
    {.package = MODGO_STATUS_HANDLER, .directive = "SetHandler"},
    {.package = MODGO_PPROF_HANDLER, .directive = "SetHandler"},
};

#define TARGETS ((int)(sizeof(targets) / sizeof(targets[0])))

static int server_status; /* the configuration has a SetHandler server-status */

static int is_section(const ap_directive_t *d, const char *name) { return !ap_cstr_casecmp(d->directive, name); }

/* Whether a Require stands beside d, or beside a section round it. */
static int guarded(const ap_directive_t *d)
{
    const ap_directive_t *beside;

    for (d = d->parent; d && !is_section(d, "<VirtualHost"); d = d->parent) {
        for (beside = d->first_child; beside; beside = beside->next) {
            if (!ap_cstr_casecmpn(beside->directive, "Require", 7) ||
                !ap_cstr_casecmpn(beside->directive, "<Require", 8)) {
                return 1;
            }
        }
    }
    return 0;
}

typedef struct {
    apr_pool_t *pool;
    server_rec *server;
    int failures;
} search;

static void found(search *c, const ap_directive_t *d, modgo_target *t)
{
    t->file = d->filename;
    t->line = d->line_num;
    if (!guarded(d)) {
        t->broken = 1;
        c->failures++;
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, c->server,
                     "MODGO0048: %s:%d: %s %s stands where everybody could ask for it: put it into a <Location> "
                     "section, with a Require beside it that says who may, for instance 'Require local'",
                     d->filename, d->line_num, d->directive, t->package);
    }
}

static void look(search *c, const ap_directive_t *d)
{
    int i;

    for (; d; d = d->next) {
        if (!ap_cstr_casecmp(d->directive, "SetHandler") || !ap_cstr_casecmp(d->directive, "AddHandler")) {
            const char *args = d->args;
            const char *handler = ap_getword_conf(c->pool, &args);

            server_status |= !ap_cstr_casecmp(handler, "server-status");
            for (i = 0; i < TARGETS; i++) {
                if (!ap_cstr_casecmp(handler, targets[i].package)) {
                    found(c, d, &targets[i]);
                }
            }
        }
        look(c, d->first_child);
    }
}

int modgo_diagnostics_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    search c = {ptemp, s, 0};
    int i;

    for (i = 0; i < TARGETS; i++) {
        targets[i].file = NULL;
        targets[i].broken = 0;
    }
    server_status = 0;
    look(&c, ap_conftree);
    /* On a restart an error would end the whole server: those handlers answer 403 instead. */
    return c.failures && !modgo_restarting() ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

int modgo_diagnostics_wanted(void) { return server_status || targets[0].file || targets[1].file; }

int modgo_diagnostics_find(const request_rec *r, modgo_mapping *m)
{
    int i;

    for (i = 0; i < TARGETS; i++) {
        if (!strcmp(r->handler, targets[i].package)) {
            m->target = &targets[i];
            m->index = modgo_callables_count() + i; /* as diagnostics.go has them */
            m->script_name = r->uri;
            m->script_name_len = 0;
            m->path_info = r->uri;
            m->path_info_len = strlen(r->uri);
            return 1;
        }
    }
    return 0;
}

int modgo_diagnostics_allow(request_rec *r)
{
    modgo_mapping m;

    modgo_diagnostics_find(r, &m);
    if (m.target->broken) {
        return HTTP_FORBIDDEN; /* MODGO0048 said why */
    }
    if (!m.target->file) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "MODGO0049: an .htaccess file has SetHandler %s, which only the server's own configuration may "
                      "have: put it into a <Location> section there, with a Require beside it",
                      m.target->package);
        return HTTP_FORBIDDEN;
    }
    return OK;
}

/* mod_status's page, as HTML or as lines for a program (?auto). */
static int add_children(request_rec *r, int flags)
{
    char *text;

    if (modgo_runtime_started()) {
        text = modgoGoStatusLines(!(flags & AP_STATUS_SHORT));
        ap_rputs(text, r);
        free(text);
    }
    return OK;
}

void modgo_diagnostics_register(void) { APR_OPTIONAL_HOOK(ap, status_hook, add_children, NULL, NULL, APR_HOOK_MIDDLE); }
