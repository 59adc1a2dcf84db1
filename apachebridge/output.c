/*
 * What applications print: standard output and standard error of a child are pipes, whose lines a thread logs. It is a
 * thread of C, so that it runs on while a fatal error of the Go runtime, which stops every goroutine, prints its trace.
 */
#include "modgo.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

APLOG_USE_MODULE(go);

#define STREAMS 2
#define LINE_MAX_BYTES 8000

/* How long an ending process waits for the thread to have logged what was printed, in milliseconds. */
#define DRAIN_LIMIT 1000

typedef struct {
    int fd; /* the pipe's end to read from */
    apr_size_t len;
    char line[LINE_MAX_BYTES];
} stream;

static stream streams[STREAMS];
static struct sigaction abort_before;
static int busy; /* the thread has read what it has not logged yet; atomic */
static pthread_mutex_t logging = PTHREAD_MUTEX_INITIALIZER;

static void log_line(const char *line, apr_size_t len)
{
    static const char *const causes[] = {"fatal error: ", "panic: ", NULL};
    int i;

    for (i = 0; causes[i]; i++) {
        if (len > strlen(causes[i]) && !strncmp(line, causes[i], strlen(causes[i]))) {
            modgo_inflight_cause(line, len);
        }
    }
    modgo_log_text(APLOG_NOTICE, NULL, line, len);
}

/* Logs the whole lines that s holds, and what is left when it can hold no more. */
static void log_lines(stream *s)
{
    char *begin = s->line, *end = s->line + s->len, *newline;

    while ((newline = memchr(begin, '\n', end - begin))) {
        log_line(begin, newline - begin - (newline > begin && newline[-1] == '\r'));
        begin = newline + 1;
    }
    if (begin == s->line && s->len == sizeof(s->line)) {
        log_line(begin, s->len);
        begin = end;
    }
    s->len = end - begin;
    memmove(s->line, begin, s->len);
}

static void *output_thread(void *unused)
{
    struct pollfd ready[STREAMS];
    int i, open = STREAMS;

    for (i = 0; i < STREAMS; i++) {
        ready[i].fd = streams[i].fd;
        ready[i].events = POLLIN;
    }
    while (open) {
        poll(ready, STREAMS, -1);
        __atomic_store_n(&busy, 1, __ATOMIC_SEQ_CST);
        for (i = 0; i < STREAMS; i++) {
            stream *s = &streams[i];
            ssize_t n;

            if (!ready[i].revents) {
                continue;
            }
            n = read(s->fd, s->line + s->len, sizeof(s->line) - s->len);
            if (n > 0) {
                s->len += n;
                pthread_mutex_lock(&logging);
                log_lines(s);
                pthread_mutex_unlock(&logging);
            }
            else if (n == 0 || errno != EINTR) {
                ready[i].fd = -1;
                open--;
            }
        }
        __atomic_store_n(&busy, 0, __ATOMIC_SEQ_CST);
    }
    return unused;
}

/* Waits until all that was printed has been logged. Async-signal-safe. */
static void drain(void)
{
    int waited;

    for (waited = 0; waited < DRAIN_LIMIT; waited++) {
        int i, left = 0;

        for (i = 0; i < STREAMS; i++) {
            int bytes = 0;
            if (ioctl(streams[i].fd, FIONREAD, &bytes) == 0) {
                left += bytes;
            }
        }
        /* In this order: what is no longer in the pipe keeps the thread busy until it has been logged. */
        if (!left && !__atomic_load_n(&busy, __ATOMIC_SEQ_CST)) {
            return;
        }
        poll(NULL, 0, 1);
    }
}

/* The Go runtime's last act after a fatal error, when it has printed the trace. */
static void aborted(int sig, siginfo_t *info, void *context)
{
    drain();
    sigaction(SIGABRT, &abort_before, NULL);
    raise(sig); /* held back until this handler returns */
}

static apr_status_t child_ends(void *unused)
{
    int i;

    fflush(stdout);
    fflush(stderr);
    drain();
    pthread_mutex_lock(&logging); /* for good: httpd's logs are about to be taken down */
    for (i = 0; i < STREAMS; i++) {
        if (streams[i].len) {
            log_line(streams[i].line, streams[i].len); /* a last line without its end */
        }
    }
    return APR_SUCCESS;
}

/*
 * httpd itself logs to descriptor 2, for the main server and for each virtual host without an ErrorLog of its own: they
 * get a copy of it.
 */
static int move_error_log(server_rec *s)
{
    apr_file_t *main_log = s->error_log, *copy;
    apr_pool_t *forever; /* other modules' clean-ups still log */

    if (!main_log) {
        return 1; /* syslog */
    }
    if (apr_pool_create_unmanaged_ex(&forever, NULL, NULL) != APR_SUCCESS ||
        apr_file_dup(&copy, main_log, forever) != APR_SUCCESS) {
        return 0;
    }
    for (; s; s = s->next) {
        if (s->error_log == main_log) {
            s->error_log = copy;
        }
    }
    return 1;
}

/* Puts a pipe in the place of a descriptor. */
static int capture(stream *s, int fd)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return 0;
    }
    s->fd = ends[0];
    s->len = 0;
    dup2(ends[1], fd);
    close(ends[1]);
    return 1;
}

void modgo_output_capture(apr_pool_t *pchild, server_rec *s)
{
    struct sigaction action = {0};
    pthread_attr_t attributes;
    pthread_t thread;
    int pipes[STREAMS];

    if (!move_error_log(s) || !capture(&streams[0], STDOUT_FILENO) || !capture(&streams[1], STDERR_FILENO)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, errno, s,
                     "MODGO0025: what applications print is not logged, because this child cannot have two more pipes; "
                     "raise the limit of open files (ulimit -n)");
        return;
    }
    pipes[0] = streams[0].fd;
    pipes[1] = streams[1].fd;
    modgo_inflight_entrust(pipes);
    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, output_thread, NULL) != 0) {
        ap_log_error(
            APLOG_MARK, APLOG_CRIT, errno, s,
            "MODGO0026: this child cannot have a thread that logs what applications print; it would stand still "
            "when the pipe is full. Raise the limit of threads (ulimit -u)");
        exit(APEXIT_CHILDSICK);
    }
    pthread_attr_destroy(&attributes);
    action.sa_sigaction = aborted;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGABRT, &action, &abort_before);
    apr_pool_pre_cleanup_register(pchild, NULL, child_ends);
}
