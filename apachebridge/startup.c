/*
 * Children whose start kills them. The first such death is reported in full; from then on new children do not start
 * Go. They serve everything else, and answer for the applications with 503, while a process of its own (supervisor.c)
 * finds out, after ever longer pauses, whether these can start again. When they can, such children start Go where they
 * are, in a thread: one first, then ever more at a time.
 */
#include "modgo.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

APLOG_USE_MODULE(go);

/* The name of the state in the parent's process pool; its number counts changes of the layout below. */
#define STATE_KEY "mod_go:startup:1"

/*
 * A child that dies within MODGO_STARTUP_EARLY of its start, through no request, was killed by something that its start
 * began. One such death may have come from outside; so many, each soon after the one before, are a start that fails.
 */
#define EARLY_DEATHS 3

/* The pause before an attempt, in seconds: from one doubled up to the longest, and one again after a quiet time. */
#define LONGEST_PAUSE 60
#define QUIET apr_time_from_sec(120)

#define STEP_MS 50

/* How many different failures to construct an application are remembered. */
#define PASSED 256

/* How long a child that is to end waits for a start of Go that is under way. */
#define START_ENDS_MS 1000

typedef struct {
    int life;  /* which configuration of the parent's life this is about */
    int state; /* a modgo_startup_state; atomic */
    int pause; /* seconds before the next attempt */
    int attempts;
    apr_time_t since; /* when the first start failed */
    apr_time_t next;  /* attempt; atomic */
    apr_time_t last;  /* failure */
    int early;        /* deaths soon after a start, in a row */
    apr_time_t early_last;
    char cause[256];             /* of the last failure that was reported */
    apr_uint64_t passed[PASSED]; /* numbers of modgo_startup_first; atomic */
} startup;

static startup *shared; /* memory that all processes share, for the life of the parent */
static int own_life;    /* of the configuration that this process was forked with */

/* A child that waits. */
static struct {
    pthread_t thread;
    apr_pool_t *pool; /* the thread's */
    server_rec *server;
    int ending; /* atomic */
    int ended;  /* the thread has; atomic */
} waiting;

static void set_state(modgo_startup_state state) { __atomic_store_n(&shared->state, (int)state, __ATOMIC_RELEASE); }

modgo_startup_state modgo_startup_state_get(void) { return __atomic_load_n(&shared->state, __ATOMIC_ACQUIRE); }

apr_time_t modgo_startup_next(void) { return __atomic_load_n(&shared->next, __ATOMIC_RELAXED); }

int modgo_startup_create(server_rec *s)
{
    apr_pool_t *pool = s->process->pool;
    int life;
    void *found;

    modgo_build_id();
    apr_pool_userdata_get(&found, STATE_KEY, pool);
    if (!found) {
        found = mmap(NULL, sizeof(startup), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (found == MAP_FAILED) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, errno, s,
                         "MODGO0006: no memory for the state of the applications' start; the server needs a page more");
            return HTTP_INTERNAL_SERVER_ERROR;
        }
        /* not setn: the key, in this object, goes away with a restart */
        apr_pool_userdata_set(found, STATE_KEY, apr_pool_cleanup_null, pool);
    }
    shared = found;
    life = shared->life + 1;
    memset(shared, 0, sizeof(*shared));
    shared->life = own_life = life;
    return OK;
}

/* ---- a child ---- */

int modgo_startup_admit(void)
{
    modgo_start *start = modgo_inflight_start();
    int admitted;

    if (!shared || !start) {
        return 1; /* whatever becomes of this child, nobody will know */
    }
    admitted = own_life != shared->life || modgo_startup_state_get() == MODGO_STARTUP_OPEN;
    start->life = own_life;
    start->memory_kills = modgo_death_memory_kills();
    apr_cpystrn(start->build, modgo_build_id(), sizeof(start->build));
    modgo_startup_phase(admitted ? MODGO_START_RUNTIME : MODGO_START_NONE, 0);
    return admitted;
}

void modgo_startup_phase(modgo_start_phase phase, int callable)
{
    modgo_start *start = modgo_inflight_start();

    if (!start) {
        return;
    }
    start->callable = callable;
    if (phase == MODGO_START_DONE) {
        start->done = apr_time_now();
    }
    __atomic_store_n(&start->phase, (int)phase, __ATOMIC_RELEASE);
}

modgo_start_phase modgo_startup_phase_get(void)
{
    const modgo_start *start = modgo_inflight_start();

    return start ? __atomic_load_n(&start->phase, __ATOMIC_ACQUIRE) : MODGO_START_DONE;
}

int modgo_startup_unavailable(request_rec *r, apr_interval_time_t left)
{
    apr_table_setn(r->err_headers_out, "Retry-After",
                   apr_psprintf(r->pool, "%" APR_TIME_T_FMT, left > 0 ? apr_time_sec(left) + 1 : 1));
    return HTTP_SERVICE_UNAVAILABLE;
}

int modgo_startup_first(apr_uint64_t number, apr_uint64_t opposite)
{
    apr_size_t i;

    if (!shared || own_life != shared->life) {
        return 1;
    }
    for (i = 0; i < PASSED; i++) {
        apr_uint64_t found = __atomic_load_n(&shared->passed[i], __ATOMIC_ACQUIRE);
        if (found == number) {
            return 0;
        }
        if (found == opposite) {
            __atomic_compare_exchange_n(&shared->passed[i], &found, 0, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
        }
    }
    for (i = 0; i < PASSED; i++) {
        apr_uint64_t found = 0;
        if (__atomic_compare_exchange_n(&shared->passed[i], &found, number, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            return 1;
        }
        if (found == number) {
            return 0; /* another child was faster */
        }
    }
    return 1; /* there is no room: rather twice than not at all */
}

/* Whether this child may start Go now: no more of them at a time than have done so, should it kill them after all. */
static int turn(void)
{
    int phase, starting = 0, done;

    if (own_life != shared->life || modgo_startup_state_get() != MODGO_STARTUP_OPEN) {
        return 0;
    }
    for (phase = MODGO_START_RUNTIME; phase < MODGO_START_DONE; phase++) {
        starting += modgo_inflight_count(own_life, phase);
    }
    done = modgo_inflight_count(own_life, MODGO_START_DONE);
    return starting < (done ? done : 1);
}

static void *waiting_thread(void *unused)
{
    apr_byte_t step;

    /* Not all in the same moment. */
    apr_generate_random_bytes(&step, sizeof(step));
    while (!__atomic_load_n(&waiting.ending, __ATOMIC_ACQUIRE)) {
        if (turn()) {
            modgo_startup_phase(MODGO_START_RUNTIME, 0);
            modgo_runtime_begin(waiting.pool, waiting.server);
            break;
        }
        poll(NULL, 0, STEP_MS / 2 + step % STEP_MS);
    }
    __atomic_store_n(&waiting.ended, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* The thread is to be done before what it uses is. A start that does not end does not hold up the end of the child. */
static apr_status_t child_ends(void *unused)
{
    int waited;

    __atomic_store_n(&waiting.ending, 1, __ATOMIC_RELEASE);
    for (waited = 0; waited < START_ENDS_MS; waited++) {
        if (__atomic_load_n(&waiting.ended, __ATOMIC_ACQUIRE)) {
            pthread_join(waiting.thread, NULL);
            return APR_SUCCESS;
        }
        poll(NULL, 0, 1);
    }
    modgo_retire_end();
    return APR_SUCCESS;
}

void modgo_startup_wait(apr_pool_t *pchild, server_rec *s)
{
    sigset_t all, before;
    int error;

    modgo_runtime_prepare(modgo_process_config_get());
    apr_pool_create(&waiting.pool, pchild);
    waiting.server = s;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* the threads of Go inherit it */
    error = pthread_create(&waiting.thread, NULL, waiting_thread, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        ap_log_error(
            APLOG_MARK, APLOG_CRIT, error, s,
            "MODGO0007: this child cannot have a thread that starts the applications when they can start again; "
            "it ends, and httpd starts another one later. Raise the limit of threads (ulimit -u)");
        exit(APEXIT_CHILDSICK);
    }
    apr_pool_pre_cleanup_register(pchild, NULL, child_ends);
}

/* ---- the parent, and the supervisor ---- */

const char *modgo_startup_place(apr_pool_t *p, modgo_start_phase phase, int callable)
{
    modgo_callable found = {"?", "?"};

    switch (phase) {
    case MODGO_START_CONSTRUCT:
        modgo_callable_at(callable, &found);
        return apr_psprintf(p, "while it constructed the application %s.%s", found.package, found.name);
    case MODGO_START_FUNCTIONS:
        return "in a function that an application has registered with modgo.OnStart";
    case MODGO_START_DONE:
        return "soon after the start, and through no known request";
    default:
        return "while the Go runtime started and the packages' init functions ran";
    }
}

/* Has new children do without Go for a while. */
static void hold(void)
{
    apr_time_t now = apr_time_now();

    shared->pause = !shared->pause || now - shared->last > QUIET ? 1
                    : shared->pause * 2 > LONGEST_PAUSE          ? LONGEST_PAUSE
                                                                 : shared->pause * 2;
    shared->last = now;
    __atomic_store_n(&shared->next, now + apr_time_from_sec(shared->pause), __ATOMIC_RELEASE);
    set_state(MODGO_STARTUP_HELD);
}

int modgo_startup_failed(server_rec *s, const char *where, const char *cause)
{
    int news = strncmp(shared->cause, cause, sizeof(shared->cause) - 1) != 0;

    hold();
    apr_cpystrn(shared->cause, cause, sizeof(shared->cause));
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                 "MODGO0032: attempt %d to start the applications failed, %s: %s; the next one in %d s",
                 ++shared->attempts, where, cause, shared->pause);
    return news;
}

/* Tells whether a death soon after a start is one too many. */
static int too_many(void)
{
    apr_time_t now = apr_time_now();

    shared->early = now - shared->early_last > 3 * MODGO_STARTUP_EARLY ? 1 : shared->early + 1;
    shared->early_last = now;
    return shared->early >= EARLY_DEATHS;
}

/* Whether httpd is ending its children, some of which it may have killed in the midst of a long start. */
static int stopping(void)
{
    int state = 0;

    return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

modgo_death modgo_startup_died(server_rec *s, pid_t pid, const modgo_start *start, const char *cause, int by_request)
{
    const char *where;
    apr_pool_t *p;
    modgo_death death = MODGO_DEATH_LOGGED;

    if (!shared || start->life != shared->life || start->phase == MODGO_START_NONE || stopping() ||
        (start->phase == MODGO_START_DONE &&
         (by_request || apr_time_now() - start->done > MODGO_STARTUP_EARLY || !too_many()))) {
        return MODGO_DEATH_COMMON;
    }
    apr_pool_create(&p, s->process->pool);
    where = modgo_startup_place(p, start->phase, start->callable);
    if (modgo_startup_state_get() == MODGO_STARTUP_OPEN) {
        hold();
        shared->since = shared->last;
        shared->attempts = 0;
        apr_cpystrn(shared->cause, cause, sizeof(shared->cause));
        ap_log_error(
            APLOG_MARK, APLOG_CRIT, 0, s,
            "MODGO0030: the applications of this build cannot start: child %" APR_PID_T_FMT
            " died %s: %s (build %s). New children answer for them with 503, and the rest of the server works. "
            "They are tried again in %d s, then after pauses of up to %d s; apachectl graceful tries at once",
            pid, where, cause, start->build, shared->pause, LONGEST_PAUSE);
    }
    else if (!strncmp(shared->cause, cause, sizeof(shared->cause) - 1)) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, "MODGO0034: child %" APR_PID_T_FMT " died %s, too: %s", pid, where,
                     cause);
        death = MODGO_DEATH_KNOWN;
    }
    else {
        death = MODGO_DEATH_COMMON;
    }
    apr_pool_destroy(p);
    modgo_supervisor_start(s);
    return death;
}

void modgo_startup_open(server_rec *s)
{
    set_state(MODGO_STARTUP_OPEN);
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 "MODGO0031: the applications can start again, at attempt %d, %" APR_TIME_T_FMT
                 " s after the first failure; children that have answered for them with 503 start them",
                 shared->attempts + 1, apr_time_sec(apr_time_now() - shared->since));
}
