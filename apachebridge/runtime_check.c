/*
 * The check of the configuration that needs Go: at a start and under apachectl configtest a throwaway process is forked
 * from the parent, starts the runtime there, constructs every application that the configuration names, and reports. A
 * broken application so never replaces a running server, and the parent still never runs Go. The supervisor does the
 * same to find out whether applications that killed their children can start again.
 */
#include "modgo.h"

#include <http_main.h>
#include <mpm_common.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "_cgo_export.h"

APLOG_USE_MODULE(go);

/* A record of the report: its kind, the callable's index and the length of the text, each little-endian, then the text.
 */
#define RECORD_HEAD 9

/* How long an attempt that lives may take to end. */
#define ATTEMPT_ENDS apr_time_from_sec(5)

typedef struct {
    apr_pool_t *pool;
    server_rec *server;
    const modgo_process_config *config;
    pid_t pid;
    apr_array_header_t *bytes; /* of char: the report */
    modgo_start_phase phase;   /* to which the process came, as the report says */
    int failures;
    int attempt;                 /* the supervisor's */
    apr_array_header_t *printed; /* of char: what an attempt printed, up to PRINTED_MOST; else NULL */
} check;

#define PRINTED_MOST (64 << 10)

/* The directives that name a callable, as "FILE:LINE (GoAlias) and FILE:LINE (GoApplication)". */
static const char *places(const check *c, int index)
{
    const char *text = "";
    int i;

    for (i = 0; i < c->config->targets->nelts; i++) {
        const modgo_target *t = APR_ARRAY_IDX(c->config->targets, i, const modgo_target *);

        if (modgo_target_index(t) == index) {
            text = apr_psprintf(c->pool, "%s%s%s:%d (%s)", text, *text ? " and " : "", t->file, t->line, t->directive);
        }
    }
    return text;
}

/* Logs one failed application; the lines after the first are a stack. */
static void failed(check *c, int index, const char *text)
{
    modgo_callable callable = {"?", "?"};
    apr_size_t len = strcspn(text, "\n");
    const char *line;

    modgo_callable_at(index, &callable);
    c->failures++;
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, NULL,
                 "MODGO0003: %s: the application %s.%s cannot be constructed: %.*s", places(c, index), callable.package,
                 callable.name, (int)len, text);
    for (line = text + len; *line; line += len) {
        line++;
        len = strcspn(line, "\n");
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, NULL, "| %.*s", (int)len, line);
    }
}

/* A target without an application: known without Go, but only when all directives have been read. */
static void check_names(check *c)
{
    int i;

    for (i = 0; i < c->config->targets->nelts; i++) {
        const modgo_target *t = APR_ARRAY_IDX(c->config->targets, i, const modgo_target *);

        if (modgo_target_index(t) < 0 && !t->broken && !c->config->callable_named) {
            c->failures++;
            ap_log_error(
                APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, NULL,
                "MODGO0004: %s:%d: %s: the package %s has no value named application; it has %s. Name one of them "
                "with callable=NAME",
                t->file, t->line, t->directive, t->package, modgo_callables_list(c->pool, t->package));
        }
    }
}

/* The throwaway process. Does not return. */
static void run(const check *c, int report)
{
    const unsigned char *wanted;
    int count;

    /*
     * Applications are constructed as the user that will run them: what they create must be theirs. The supervisor is
     * that user already.
     */
    if ((!c->attempt && ap_run_drop_privileges(c->pool, c->server) != OK) ||
        modgo_runtime_start(c->pool, c->server, c->config) != 0) {
        _exit(1);
    }
    wanted = modgo_targets_wanted(c->pool, c->config, &count);
    modgoGoCheck((unsigned char *)wanted, count, report);
    if (c->attempt) {
        modgoGoRehearse(MODGO_STARTUP_EARLY);
    }
    _exit(0);
}

/* Whether what was printed is a fault's whole trace, behind which Go waits for threads of its own in vain. */
static int is_over(const apr_array_header_t *printed)
{
    static const char mark[] = "\n-----\n";

    return memmem(printed->elts, printed->nelts, mark, sizeof(mark) - 1) &&
           memmem(printed->elts, printed->nelts, "signal arrived", sizeof("signal arrived") - 1);
}

/* Appends what can be read to bytes, up to most of them; returns 0 at the end. */
static int append(apr_array_header_t *bytes, int file, int most)
{
    char buffer[4096];
    ssize_t n = read(file, buffer, sizeof(buffer)), i;

    for (i = 0; i < n && bytes->nelts < most; i++) {
        APR_ARRAY_PUSH(bytes, char) = buffer[i];
    }
    return n > 0;
}

/* Reads the report to its end, and what is printed, -1 for no such pipe; returns 0 if it did not end in time. */
static int collect(check *c, int report, int output)
{
    apr_time_t limit =
        apr_time_now() + c->config->start_timeout + (c->attempt ? MODGO_STARTUP_EARLY + ATTEMPT_ENDS : 0);
    struct pollfd ready[] = {{output, POLLIN, 0}, {report, POLLIN, 0}};

    for (;;) {
        apr_interval_time_t left = limit - apr_time_now();

        if (left <= 0) {
            return 0;
        }
        if (poll(ready, 2, (int)(left / 1000) + 1) <= 0) {
            continue;
        }
        if (ready[0].revents) { /* first, as the last words come before the end of the report */
            if (!append(c->printed, output, PRINTED_MOST)) {
                ready[0].fd = -1;
            }
            if (is_over(c->printed)) {
                kill(c->pid, SIGKILL);
            }
        }
        else if (ready[1].revents && !append(c->bytes, report, APR_INT32_MAX)) {
            return 1;
        }
    }
}

static unsigned int number(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;

    return b[0] | b[1] << 8 | b[2] << 16 | (unsigned int)b[3] << 24;
}

/* Goes through the report; returns the callable that was being constructed when it ended, -1: it ended as it should. */
static int evaluate(check *c)
{
    const char *at = c->bytes->elts, *end = at + c->bytes->nelts;
    int begun = -1;

    while (end - at >= RECORD_HEAD && number(at + 5) <= (apr_size_t)(end - at) - RECORD_HEAD) {
        int index = (int)number(at + 1);
        apr_size_t len = number(at + 5);

        switch (*at) {
        case 'B':
            begun = index;
            c->phase = MODGO_START_CONSTRUCT;
            break;
        case 'F':
            c->phase = MODGO_START_FUNCTIONS;
            break;
        case 'D':
            c->phase = MODGO_START_DONE;
            break;
        case 'E':
            if (!c->attempt) { /* it does not keep the others from starting */
                failed(c, index, apr_pstrmemdup(c->pool, at + RECORD_HEAD, len));
            }
            /* fall through */
        case 'O':
            begun = -1;
            break;
        }
        at += RECORD_HEAD + len;
    }
    return begun;
}

static const char *end_of(apr_pool_t *p, int status)
{
    return WIFSIGNALED(status)
               ? apr_psprintf(p, "it was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)))
               : apr_psprintf(p, "it ended the process with status %d (os.Exit or log.Fatal)", WEXITSTATUS(status));
}

static void supervise(check *c, int report)
{
    int in_time = collect(c, report, -1), begun, status = 0;

    if (!in_time) {
        kill(c->pid, SIGKILL);
    }
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
    }
    begun = evaluate(c);
    if (begun >= 0) {
        failed(c, begun,
               in_time ? end_of(c->pool, status)
                       : apr_psprintf(c->pool,
                                      "it took longer than GoStartTimeout (%" APR_TIME_T_FMT
                                      " s); raise that, or start in a goroutine what takes long",
                                      apr_time_sec(c->config->start_timeout)));
    }
    else if (!in_time || status != 0) {
        c->failures++;
        ap_log_error(
            APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, NULL,
            "MODGO0005: the process that checks the applications failed before it came to one, or after the last: %s",
            in_time ? end_of(c->pool, status) : "it took longer than GoStartTimeout");
    }
}

static void construct(check *c)
{
    int ends[2];

    if (pipe(ends) != 0 || (c->pid = fork()) < 0) {
        c->failures++;
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, errno, NULL,
                     "MODGO0005: no process can be started to check the applications");
        return;
    }
    if (c->pid == 0) {
        close(ends[0]);
        run(c, ends[1]);
    }
    close(ends[1]);
    supervise(c, ends[0]);
    close(ends[0]);
}

/* The first line of a fatal error among what was printed, and in *trace what follows it; NULL when there is none. */
static const char *last_words(apr_pool_t *p, const char *printed, const char **trace)
{
    const char *line, *end;

    for (line = printed; *line; line = *end ? end + 1 : end) {
        end = line + strcspn(line, "\n");
        if (modgo_output_fatal(line, end - line)) {
            *trace = *end ? end + 1 : end;
            return apr_pstrmemdup(p, line, end - line);
        }
    }
    return NULL;
}

static int open_pipes(int a[2], int b[2])
{
    a[0] = a[1] = b[0] = b[1] = -1;
    return pipe2(a, O_CLOEXEC) == 0 && pipe2(b, O_CLOEXEC) == 0;
}

static void close_pipes(const int a[2], const int b[2])
{
    close(a[0]);
    close(a[1]);
    close(b[0]);
    close(b[1]);
}

const char *modgo_check_attempt(apr_pool_t *p, server_rec *s, const char **where, const char **trace)
{
    check c = {0};
    int report[2], output[2], in_time, status = 0, begun;
    const char *fatal;

    c.pool = p;
    c.server = s;
    c.config = modgo_process_config_get();
    c.bytes = apr_array_make(p, 1024, sizeof(char));
    c.printed = apr_array_make(p, 1024, sizeof(char));
    c.attempt = 1;
    if (!open_pipes(report, output) || (c.pid = fork()) < 0) {
        int error = errno;

        close_pipes(report, output);
        *where = "before it began";
        return apr_psprintf(p, "no process can be started (%s)", strerror(error));
    }
    if (c.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(output[1], STDOUT_FILENO);
        dup2(output[1], STDERR_FILENO);
        run(&c, report[1]);
    }
    close(report[1]);
    close(output[1]);
    in_time = collect(&c, report[0], output[0]);
    close(report[0]);
    close(output[0]);
    if (!in_time) {
        kill(c.pid, SIGKILL);
    }
    while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR) {
    }
    begun = evaluate(&c);
    if (begun < 0 && in_time && status == 0) {
        return NULL;
    }
    fatal = last_words(p, apr_pstrmemdup(p, c.printed->elts, c.printed->nelts), trace);
    *where = modgo_startup_place(p, c.phase, begun);
    return !in_time ? "it took longer than GoStartTimeout" : fatal ? fatal : end_of(p, status);
}

/* Only where httpd has not begun to run: a start's first reading, which still has the terminal, and configtest. */
static int due(void)
{
    return ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG &&
           ap_state_query(AP_SQ_RUN_MODE) != AP_SQ_RM_CONFIG_DUMP;
}

int modgo_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    check c = {0};

    c.pool = ptemp;
    c.server = s;
    c.config = modgo_process_config_get();
    c.bytes = apr_array_make(ptemp, 1024, sizeof(char));
    if (!due() || !c.config->targets->nelts) {
        return OK;
    }
    check_names(&c);
    if (!c.failures) {
        construct(&c);
    }
    return c.failures ? HTTP_INTERNAL_SERVER_ERROR : OK;
}
