/*
 * The end of a child that handlers hold, because they do not return, or that has too much memory: it takes no more
 * connections, and httpd starts another in its place.
 */
#include "modgo.h"

#include <ap_listen.h>
#include <mpm_common.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

int modgo_retire_threaded(void)
{
    int threaded = 0;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    return threaded;
}

/*
 * What httpd's own function returns when the process has too few resources to go on. The threaded MPMs then end the
 * child as they do at MaxConnectionsPerChild: they have no other way for a child to ask for that.
 */
static apr_status_t accept_none(void **accepted, ap_listen_rec *listener, apr_pool_t *p)
{
    *accepted = NULL;
    return APR_EGENERAL;
}

static int begun; /* atomic */

/*
 * The last of the clean-ups of a child. A threaded MPM believes that a child whose accept has failed is sick, and says
 * so by its exit status. If that happens before the parent has seen a child with all its threads ready, as in the first
 * second of a server, it ends the whole server (AH02325). This child is well, so it ends as such.
 */
static apr_status_t end_as_healthy(void *data)
{
    int alone = ap_exists_config_define("DEBUG") || ap_exists_config_define("ONE_PROCESS"); /* it is the parent, too */

    if (__atomic_load_n(&begun, __ATOMIC_ACQUIRE) && !alone) {
        _exit(0);
    }
    return APR_SUCCESS;
}

void modgo_retire_child(apr_pool_t *pchild, server_rec *s)
{
    if (modgo_retire_threaded()) {
        apr_pool_cleanup_register(pchild, NULL, end_as_healthy, apr_pool_cleanup_null);
    }
}

void modgo_retire_begin(void)
{
    ap_listen_rec *l;

    __atomic_store_n(&begun, 1, __ATOMIC_RELEASE);
    if (!modgo_retire_threaded()) {
        kill(getpid(), AP_SIG_GRACEFUL); /* as on a graceful restart */
        return;
    }
    for (l = ap_listeners; l; l = l->next) {
        __atomic_store_n(&l->accept_func, accept_none, __ATOMIC_RELEASE);
    }
}

void modgo_retire_wake(void)
{
    const ap_listen_rec *l;

    if (!modgo_retire_threaded()) {
        return;
    }
    /* The listener calls the function when a client comes. What another child takes is closed without a word. */
    for (l = ap_listeners; l; l = l->next) {
        int s = socket(l->bind_addr->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (s >= 0) {
            connect(s, (const struct sockaddr *)&l->bind_addr->sa, l->bind_addr->salen);
            close(s);
        }
    }
}

void modgo_retire_end(void)
{
    modgo_inflight_end();
    _exit(0);
}
