/*
 * The end of a child: whether it has begun, and how long it waits for the connections that applications have taken
 * over, which httpd does not know any more.
 */
#include "modgo.h"

#include <ap_mpm.h>
#include <mpm_common.h>
#include <signal.h>

#include "_cgo_export.h"

APLOG_USE_MODULE(go);

#define STEP_MS 20

static volatile int stopping; /* a modgo_stop */

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    stopping = graceful ? MODGO_STOP_GRACEFUL : MODGO_STOP_AT_ONCE;
    if (graceful && modgo_runtime_started()) {
        modgoGoStopping(); /* else this may be a signal's handler */
    }
}

void modgo_stopping_register(void) { ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE); }

int modgo_stopping_state(void)
{
    int state = 0;

    if (!stopping && ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING) {
        return MODGO_STOP_GRACEFUL; /* prefork: the request is being served to its end */
    }
    return stopping;
}

/* Whether httpd ends this child without waiting for anything. */
static int at_once(void)
{
    int threaded = 0;
    sigset_t blocked;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    if (threaded) {
        return stopping == MODGO_STOP_AT_ONCE;
    }
    /* Prefork does not tell the hook; it ends at once from a signal's handler, in which the signal is blocked. */
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    return sigismember(&blocked, SIGTERM) || sigismember(&blocked, SIGHUP);
}

void modgo_stopping_wait(apr_interval_time_t limit)
{
    const struct timespec step = {0, STEP_MS * 1000000L};
    apr_time_t end = apr_time_now() + limit;
    sigset_t ending, before;
    int taken;

    if (at_once()) {
        return;
    }
    modgoGoStopping();
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    sigaddset(&ending, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ending, &before);
    while ((taken = modgoGoTaken()) > 0 && apr_time_now() < end) {
        if (sigtimedwait(&ending, NULL, &step) > 0) {
            break; /* httpd does not want to wait any more */
        }
    }
    if (taken > 0) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                     "MODGO0026: %d connections that applications have taken over, such as WebSockets, are cut: their "
                     "child has to end, and GoShutdownTimeout has passed or httpd is being stopped",
                     taken);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
