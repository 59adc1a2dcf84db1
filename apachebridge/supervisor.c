/*
 * The process that finds out whether applications that could not start can again. The parent forks it, which never runs
 * Go, so that Go can start in the throwaway processes that it forks in turn. It takes no requests, and ends when its
 * work is done, or with the configuration that it belongs to.
 */
#include "modgo.h"

#include <ap_listen.h>
#include <http_main.h>
#include <mpm_common.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

APLOG_USE_MODULE(go);

#define STEP_MS 50

static apr_proc_t supervisor; /* the parent's: its pid, or 0 */
static pid_t parent;

/* Signals mean to this process what they do to any, but for those that httpd gives a meaning. */
static void reset_signals(void)
{
    static const int ignored[] = {SIGHUP, AP_SIG_GRACEFUL, AP_SIG_GRACEFUL_STOP, SIGINT};
    apr_size_t i;

    for (i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        signal(ignored[i], SIG_IGN);
    }
    signal(SIGTERM, SIG_DFL);
}

static void attempt(server_rec *s, apr_pool_t *p)
{
    const char *where = "", *trace = "", *line;
    const char *cause = modgo_check_attempt(p, s, &where, &trace);
    apr_size_t len;

    if (!cause) {
        modgo_startup_open(s);
    }
    else if (modgo_startup_failed(s, where, cause)) {
        for (line = trace; *line; line += len + (line[len] == '\n')) {
            len = strcspn(line, "\n");
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s, "| %.*s", (int)len, line);
        }
    }
}

/* Does not return. */
static void run(server_rec *s)
{
    apr_pool_t *p;

    reset_signals();
    ap_close_listeners();
    apr_pool_create(&p, s->process->pool);
    /* Applications are constructed as the user that will run them. */
    if (ap_run_drop_privileges(p, s) != OK || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
        _exit(1);
    }
    for (;; poll(NULL, 0, STEP_MS)) {
        apr_pool_clear(p);
        if (modgo_startup_state_get() == MODGO_STARTUP_OPEN) {
            _exit(0);
        }
        if (apr_time_now() >= modgo_startup_next()) {
            attempt(s, p);
        }
    }
}

/* httpd tells what has become of the process, or that its configuration ends. */
static void maintain(int reason, void *data, int status)
{
    if (getpid() != parent || !supervisor.pid) {
        return; /* a child that exits */
    }
    if (reason == APR_OC_REASON_DEATH || reason == APR_OC_REASON_LOST) {
        supervisor.pid = 0; /* if it died before its work was done, the monitor hook starts another */
        apr_proc_other_child_unregister(data);
    }
    else if (reason == APR_OC_REASON_UNREGISTER) {
        pid_t pid = supervisor.pid;
        supervisor.pid = 0;
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
}

void modgo_supervisor_start(server_rec *s)
{
    pid_t pid;

    if (supervisor.pid) {
        return;
    }
    parent = getpid();
    pid = fork();
    if (pid < 0) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, s,
                     "MODGO0033: no process can be started that tries the applications again, which stay unavailable "
                     "until one can or apachectl graceful; raise the limit of processes (ulimit -u), or free memory");
    }
    else if (pid == 0) {
        run(s);
    }
    else {
        supervisor.pid = pid;
        apr_proc_other_child_register(&supervisor, maintain, &supervisor, NULL, s->process->pconf);
    }
}

int modgo_supervisor_monitor(apr_pool_t *p, server_rec *s)
{
    if (modgo_startup_state_get() != MODGO_STARTUP_OPEN) {
        modgo_supervisor_start(s);
    }
    return DECLINED;
}
