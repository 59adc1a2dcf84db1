/*
 * What applications print: standard output and standard error of a child are pipes, whose lines a thread logs. It is a
 * thread of C, so that it runs on while a fatal error of the Go runtime, which stops every goroutine, prints its trace.
 */
#include "modgo.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

APLOG_USE_MODULE(go);

#define STREAMS 2
#define LINE_MAX_BYTES 8000 /* a longer line is logged in parts */

/* How long an ending process waits for the thread to have logged what was printed, in milliseconds. */
#define DRAIN_LIMIT 1000

/*
 * A stream keeps nothing in this process that is not logged: the thread looks at what the pipe holds, and takes out
 * what it has logged. What a process that dies all at once leaves in its pipes, the parent finds (output_rest.c).
 */
typedef struct {
    int fd;      /* the pipe's end to read from */
    int partial; /* bytes in the pipe that are no whole line yet; atomic */
} stream;

static stream streams[STREAMS];
static int looking[2]; /* a pipe to look at another's content with */
static struct sigaction abort_before;
static int over;  /* a fault's whole trace has been printed */
static int busy;  /* the thread looks at the pipes; atomic */
static int waker; /* an eventfd that asks the thread to end */
static int ended; /* the thread has logged everything and ended; atomic */

int modgo_output_fatal(const char *line, apr_size_t len)
{
    static const char *const begins[] = {"fatal error: ", "panic: ", "SIGSEGV: ", "SIGBUS: ", "SIGFPE: ", "SIGILL: "};
    apr_size_t i;

    for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        if (len > strlen(begins[i]) && !strncmp(line, begins[i], strlen(begins[i]))) {
            return 1;
        }
    }
    return 0;
}

/* The Go runtime's mark behind the trace of a fault. Then it waits for threads of its own, which block signals. */
#define TRACE_ENDS "-----"

/* What a child prints as it dies is left to the parent's report, if it finds it there. */
static void log_line(const char *line, apr_size_t len)
{
    static int dying, fault; /* what looks like the first line of a fatal error, or of a fault, has been printed */
    int starting = modgo_startup_phase_get() == MODGO_START_RUNTIME, crashed;

    if (modgo_output_fatal(line, len)) {
        modgo_inflight_cause(line, len);
        dying = 1;
        fault = !strncmp(line, "SIG", 3);
    }
    if (dying && starting) {
        modgo_crash_write(line, len); /* Go is not yet told where it is to leave the trace */
    }
    crashed = dying && modgo_crash_written();
    if (!crashed || starting) {
        modgo_log_text(APLOG_NOTICE, NULL, line, len);
    }
    over |= crashed && fault && len == strlen(TRACE_ENDS) && !strncmp(line, TRACE_ENDS, len);
}

/* Copies what the pipe holds, up to a line's length, and leaves it there. */
static apr_size_t look(const stream *s, char *buffer)
{
    ssize_t n = tee(s->fd, looking[1], LINE_MAX_BYTES, SPLICE_F_NONBLOCK), got, done;

    for (done = 0; done < n; done += got) {
        got = read(looking[0], buffer + done, n - done);
        if (got <= 0) {
            return done;
        }
    }
    return n > 0 ? n : 0;
}

/* Takes bytes that have been logged out of the pipe. */
static void take(const stream *s, apr_size_t len)
{
    char taken[LINE_MAX_BYTES];

    while (len) {
        ssize_t n = read(s->fd, taken, len);
        if (n <= 0) {
            return;
        }
        len -= n;
    }
}

/* Logs the whole lines in text, and the whole of it where last says that no more will come; returns how many bytes. */
static apr_size_t log_lines(const char *text, apr_size_t len, int last)
{
    const char *begin = text, *end = text + len, *newline;

    while ((newline = memchr(begin, '\n', end - begin))) {
        log_line(begin, newline - begin - (newline > begin && newline[-1] == '\r'));
        begin = newline + 1;
    }
    if (begin < end && (last || (begin == text && len == LINE_MAX_BYTES))) {
        log_line(begin, end - begin);
        begin = end;
    }
    return begin - text;
}

/* Logs what the pipe holds. Only the thread calls it. */
static void empty(stream *s, int last)
{
    char text[LINE_MAX_BYTES];
    apr_size_t held, logged;

    do {
        held = look(s, text);
        logged = log_lines(text, held, last);
        take(s, logged);
        __atomic_store_n(&s->partial, (int)(held - logged), __ATOMIC_SEQ_CST);
    } while (logged);
    if (over) {
        sigaction(SIGABRT, &abort_before, NULL);
        abort(); /* as Go would, ten seconds later */
    }
}

static void *output_thread(void *poller)
{
    struct epoll_event ready[STREAMS + 1];

    for (;;) {
        int n = epoll_wait((int)(intptr_t)poller, ready, STREAMS + 1, -1), i;

        __atomic_store_n(&busy, 1, __ATOMIC_SEQ_CST);
        for (i = 0; i < n; i++) {
            if (!ready[i].data.ptr) {
                empty(&streams[0], 1);
                empty(&streams[1], 1);
                __atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
                return NULL;
            }
            empty(ready[i].data.ptr, 0);
        }
        __atomic_store_n(&busy, 0, __ATOMIC_SEQ_CST);
    }
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
                left |= bytes != __atomic_load_n(&streams[i].partial, __ATOMIC_SEQ_CST);
            }
        }
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

/*
 * The thread logs the rest, a last line without its end too, and is no more: httpd's logs are about to be taken down.
 * Not here, which under prefork may be a signal's handler with a small stack.
 */
static apr_status_t child_ends(void *unused)
{
    apr_uint64_t one = 1;
    int waited;

    fflush(stdout);
    fflush(stderr);
    if (write(waker, &one, sizeof(one)) == sizeof(one)) {
        for (waited = 0; waited < DRAIN_LIMIT && !__atomic_load_n(&ended, __ATOMIC_SEQ_CST); waited++) {
            poll(NULL, 0, 1);
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

/* Puts a pipe in the place of a descriptor, and has the poller tell of each write to it. */
static int capture(stream *s, int fd, int poller)
{
    struct epoll_event event = {EPOLLIN | EPOLLET, {s}};
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return 0;
    }
    s->fd = ends[0];
    s->partial = 0;
    dup2(ends[1], fd);
    close(ends[1]);
    return epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &event) == 0;
}

/* Starts the thread that logs. */
static int start_thread(int poller)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int result;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    result = pthread_create(&thread, &attributes, output_thread, (void *)(intptr_t)poller);
    pthread_attr_destroy(&attributes);
    return result == 0;
}

void modgo_output_capture(apr_pool_t *pchild, server_rec *s)
{
    struct sigaction action = {0};
    struct epoll_event end = {EPOLLIN, {NULL}};
    int poller = epoll_create1(EPOLL_CLOEXEC), pipes[STREAMS];

    waker = eventfd(0, EFD_CLOEXEC);
    if (poller < 0 || waker < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, waker, &end) != 0 ||
        pipe2(looking, O_CLOEXEC) != 0 || !move_error_log(s) || !capture(&streams[0], STDOUT_FILENO, poller) ||
        !capture(&streams[1], STDERR_FILENO, poller)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, errno, s,
                     "MODGO0025: what applications print is not logged, because this child cannot have two more pipes; "
                     "raise the limit of open files (ulimit -n)");
        return;
    }
    pipes[0] = streams[0].fd;
    pipes[1] = streams[1].fd;
    modgo_inflight_entrust(pipes);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!start_thread(poller)) {
        ap_log_error(
            APLOG_MARK, APLOG_CRIT, errno, s,
            "MODGO0026: this child cannot have a thread that logs what applications print; it would stand still "
            "when the pipe is full. Raise the limit of threads (ulimit -u)");
        exit(APEXIT_CHILDSICK);
    }
    action.sa_sigaction = aborted;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGABRT, &action, &abort_before);
    /* Go aborts on a goroutine's stack. Its start gives other handlers this flag, but it does not see httpd's own here. */
    abort_before.sa_flags |= SA_ONSTACK;
    apr_pool_pre_cleanup_register(pchild, NULL, child_ends);
}
