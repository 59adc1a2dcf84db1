/*
 * The end of a child: whether it has begun, and how long it waits for the connections that applications have taken
 * over, which httpd does not know any more.
 */
#include "modgo.h"

#include <ap_mpm.h>
#include <mpm_common.h>
#include <signal.h>
#include <unistd.h>

#include "_cgo_export.h"

APLOG_USE_MODULE(go);

#define STEP_MS 20

static volatile int stopping; /* a modgo_stop */

/*
 * Whether this thread is in the handler of a signal that ends the child, in which that signal is blocked. Prefork ends
 * a child from there when it is not to wait for anything.
 */
static int in_ending_handler(void)
{
    sigset_t blocked;

    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    return sigismember(&blocked, SIGTERM) || sigismember(&blocked, SIGHUP);
}

/*
 * httpd's parent has no more patience with a child that ends gracefully; the handler of the MPM's own would leave that
 * to SIGKILL. The child sends itself the same signal, to wake its main thread.
 */
static void stop_at_once(int number, siginfo_t *info, void *context)
{
    if (info->si_pid != getpid()) {
        stopping = MODGO_STOP_AT_ONCE;
    }
}

/* SIGTERM comes to the main thread: the others have it blocked. */
static void obey_sigterm(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    action.sa_sigaction = stop_at_once;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGTERM, &action, NULL);
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    int threaded = 0;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    if (!threaded) {
        graceful = !in_ending_handler(); /* prefork does not tell */
    }
    stopping = graceful ? MODGO_STOP_GRACEFUL : MODGO_STOP_AT_ONCE;
    if (graceful && modgo_runtime_started()) {
        if (threaded) {
            obey_sigterm();
        }
        modgoGoStopping();
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

void modgo_stopping_wait(apr_interval_time_t limit)
{
    const struct timespec step = {0, STEP_MS * 1000000L};
    apr_time_t end = apr_time_now() + limit;
    sigset_t ending, before;
    int taken;

    if (modgo_stopping_state() != MODGO_STOP_GRACEFUL) {
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
                     "MODGO0027: %d connections that applications have taken over, such as WebSockets, are cut: their "
                     "child has to end, and GoShutdownTimeout has passed or httpd is being stopped",
                     taken);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
