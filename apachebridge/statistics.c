/*
 * What requests have come to, in memory that all children share. Each child counts in a part of its own, so that
 * processes do not wait for each other's cache lines; the next child in the part counts on. Totals are the sums, so
 * they survive a child's end.
 */
#include "modgo.h"

#include <scoreboard.h>
#include <sys/mman.h>
#include <time.h>

APLOG_USE_MODULE(go);

/* The name of the table in the parent's process pool; its number counts changes of the layout below. */
#define TABLE_KEY "mod_go:statistics:2"

/* How many applications there is room for. Memory that is not used is not taken. */
#define ROWS 128

#define RELAXED __ATOMIC_RELAXED

/* The durations of one minute; those of every other minute are in the same place. */
typedef struct {
    apr_uint64_t minute;
    apr_uint32_t durations[MODGO_DURATION_BOUNDS + 1];
} window;

/* What one child, and those before it in its part, have counted for one application. All atomic. */
typedef struct {
    apr_uint64_t time;
    apr_uint64_t other_statuses;
    apr_uint64_t statuses[MODGO_STATUSES]; /* status and count: see add_to_pair */
    apr_uint64_t seconds[MODGO_SECONDS];   /* second and count */
    apr_uint64_t durations[MODGO_DURATION_BOUNDS + 1];
    window windows[2];
} row;

typedef struct {
    pid_t pid; /* 0: nobody; written last; atomic */
    int generation;
    int threads;
    apr_time_t started;
    apr_uint64_t requests; /* atomic */
} part;

typedef struct {
    int parts;
    int rows; /* that are used */
    part *part;
    row *row; /* parts x ROWS, and those of children without a part */
    modgo_events *events;
    char *names[ROWS];
} table;

static table *shared;  /* in the parent's process pool */
static int *row_of;    /* of each callable; the configuration's */
static int callables;  /* how many those are */
static row *own;       /* this child's rows */
static part *own_part; /* NULL: it has none */

static int row_find(const char *name)
{
    int i;

    for (i = 0; i < shared->rows; i++) {
        if (!strcmp(shared->names[i], name)) {
            return i;
        }
    }
    if (shared->rows == ROWS) {
        return -1;
    }
    shared->names[i] = strdup(name);
    shared->rows++;
    return i;
}

/* Applications that the configuration names come first; others can be named by .htaccess files. */
static void rows_find(apr_pool_t *pconf, server_rec *s)
{
    const unsigned char *wanted = modgo_targets_wanted(pconf, modgo_process_config_get(), &callables);
    const char *first = NULL;
    int i, pass, without = 0;

    row_of = apr_palloc(pconf, (callables + 1) * sizeof(*row_of));
    for (pass = 1; pass >= 0; pass--) {
        for (i = 0; i < callables; i++) {
            modgo_callable c;
            const char *name;

            if (wanted[i] != pass || !modgo_callable_at(i, &c)) {
                continue;
            }
            name = apr_pstrcat(pconf, c.package, ".", c.name, NULL);
            row_of[i] = row_find(name);
            if (row_of[i] < 0 && pass) {
                first = first ? first : name;
                without++;
            }
        }
    }
    if (without) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "MODGO0045: the shared memory for statistics has room for %d applications: the requests of %d "
                     "more are served, but not counted; the first is %s. To have those forgotten that were here "
                     "before, stop the server and start it",
                     ROWS, without, first);
    }
}

static int table_create(server_rec *s)
{
    apr_pool_t *pool = s->process->pool;
    int parts = modgo_inflight_parts();
    apr_size_t size = (parts + 1) * (ROWS * sizeof(row) + sizeof(part)) + sizeof(modgo_events);
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, s,
                     "MODGO0046: no memory for the statistics of %d children (%" APR_SIZE_T_FMT
                     " bytes of addresses); lower ServerLimit to what the server needs, or raise the limit of "
                     "addresses (ulimit -v)",
                     parts, size);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    shared = apr_pcalloc(pool, sizeof(*shared));
    shared->parts = parts;
    shared->row = (row *)memory;
    shared->part = (part *)(shared->row + (parts + 1) * ROWS);
    shared->events = (modgo_events *)(shared->part + parts);
    shared->events->server_started = apr_time_now();
    /* not setn: the key, in this object, goes away with a restart */
    apr_pool_userdata_set(shared, TABLE_KEY, apr_pool_cleanup_null, pool);
    return OK;
}

int modgo_statistics_create(apr_pool_t *pconf, server_rec *s)
{
    void *found;

    apr_pool_userdata_get(&found, TABLE_KEY, s->process->pool);
    shared = found;
    if (!shared && table_create(s) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    rows_find(pconf, s);
    return OK;
}

void modgo_statistics_child(void)
{
    int index = modgo_inflight_part();

    if (!shared) {
        return;
    }
    own = shared->row + (index < 0 ? shared->parts : index) * ROWS;
    __atomic_add_fetch(&shared->events->children_started, 1, RELAXED);
    if (index < 0) {
        return;
    }
    own_part = &shared->part[index];
    own_part->started = apr_time_now();
    own_part->requests = 0;
    own_part->threads = 1;
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &own_part->threads);
    if (own_part->threads < 1) {
        own_part->threads = 1;
    }
    ap_mpm_query(AP_MPMQ_GENERATION, &own_part->generation);
    __atomic_store_n(&own_part->pid, getpid(), __ATOMIC_RELEASE);
}

void modgo_statistics_gone(int index, int orderly)
{
    if (!shared || index >= shared->parts) {
        return;
    }
    __atomic_store_n(&shared->part[index].pid, 0, __ATOMIC_RELEASE);
    if (!orderly) {
        __atomic_add_fetch(&shared->events->children_died, 1, RELAXED);
    }
}

/* ---- counting ---- */

apr_int64_t modgo_statistics_begin(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* A pair is what is counted, in 16 or 32 bits, and how often. Returns 0 if it counts something else. */
static int add_to_pair(apr_uint64_t *pair, apr_uint64_t what, int bits, int replace)
{
    apr_uint64_t old = __atomic_load_n(pair, RELAXED), next;

    do {
        if (old >> bits == what) {
            next = old + 1;
        }
        else if (!old || replace) {
            next = what << bits | 1;
        }
        else {
            return 0;
        }
    } while (!__atomic_compare_exchange_n(pair, &old, next, 1, RELAXED, RELAXED));
    return 1;
}

#define STATUS_BITS 48
#define SECOND_BITS 32

static void count_status(row *to, int status)
{
    int i;

    for (i = 0; i < MODGO_STATUSES; i++) {
        if (add_to_pair(&to->statuses[i], (apr_uint64_t)status & 0xffff, STATUS_BITS, 0)) {
            return;
        }
    }
    __atomic_add_fetch(&to->other_statuses, 1, RELAXED);
}

/* A count that another thread makes while the minute changes may be lost: these are for a look at what is. */
static void count_recent(row *to, apr_uint64_t minute, int index)
{
    window *w = &to->windows[minute % 2];
    apr_uint64_t old = __atomic_load_n(&w->minute, RELAXED);

    if (old != minute && __atomic_compare_exchange_n(&w->minute, &old, minute, 0, RELAXED, RELAXED)) {
        memset(w->durations, 0, sizeof(w->durations));
    }
    __atomic_add_fetch(&w->durations[index], 1, RELAXED);
}

void modgo_statistics_end(int index, int status, apr_int64_t begun)
{
    apr_int64_t now = modgo_statistics_begin(), duration = now - begun;
    apr_uint64_t second = now / 1000000000LL;
    int class;
    row *to;

    if (!own || index >= callables || row_of[index] < 0) {
        return;
    }
    to = own + row_of[index];
    class = modgo_duration_index(duration);
    __atomic_add_fetch(&to->time, duration, RELAXED);
    __atomic_add_fetch(&to->durations[class], 1, RELAXED);
    count_status(to, status);
    count_recent(to, second / 60, class);
    add_to_pair(&to->seconds[second % MODGO_SECONDS], second, SECOND_BITS, 1);
    if (own_part) {
        __atomic_add_fetch(&own_part->requests, 1, RELAXED);
    }
}

/* ---- reading ---- */

int modgo_statistics_rows(void) { return shared ? shared->rows : 0; }

const char *modgo_statistics_name(int index)
{
    return index >= 0 && index < modgo_statistics_rows() ? shared->names[index] : NULL;
}

int modgo_statistics_row(int index) { return row_of && index >= 0 && index < callables ? row_of[index] : -1; }

static void sum_status(modgo_totals *t, int status, apr_uint64_t requests)
{
    int i;

    for (i = 0; i < MODGO_STATUSES && t->statuses[i].requests && t->statuses[i].status != status; i++) {
    }
    t->statuses[i].status = i < MODGO_STATUSES ? status : 0;
    t->statuses[i].requests += requests;
}

static void sum_row(modgo_totals *t, const row *from, apr_uint64_t now)
{
    apr_uint64_t other = __atomic_load_n(&from->other_statuses, RELAXED);
    int i, j;

    t->time += __atomic_load_n(&from->time, RELAXED);
    for (i = 0; i < MODGO_STATUSES; i++) {
        apr_uint64_t pair = __atomic_load_n(&from->statuses[i], RELAXED);

        if (pair) {
            sum_status(t, (int)(pair >> STATUS_BITS), pair & (((apr_uint64_t)1 << STATUS_BITS) - 1));
        }
    }
    t->statuses[MODGO_STATUSES].requests += other;
    for (i = 0; i <= MODGO_DURATION_BOUNDS; i++) {
        apr_uint64_t requests = __atomic_load_n(&from->durations[i], RELAXED);

        t->requests += requests;
        t->durations[i] += requests;
        for (j = 0; j < 2; j++) {
            if (__atomic_load_n(&from->windows[j].minute, RELAXED) + 1 >= now / 60) {
                t->recent[i] += __atomic_load_n(&from->windows[j].durations[i], RELAXED);
            }
        }
    }
    for (i = 0; i < MODGO_SECONDS; i++) {
        apr_uint64_t pair = __atomic_load_n(&from->seconds[i], RELAXED), age = now - (pair >> SECOND_BITS);

        if (age < MODGO_SECONDS) {
            t->second[age] += (apr_uint32_t)pair;
        }
    }
}

void modgo_statistics_totals(int index, modgo_totals *totals)
{
    apr_uint64_t now = modgo_statistics_begin() / 1000000000LL;
    int i;

    memset(totals, 0, sizeof(*totals));
    for (i = 0; i <= shared->parts; i++) {
        sum_row(totals, &shared->row[i * ROWS + index], now);
    }
}

int modgo_statistics_child_at(int index, modgo_child *child)
{
    const part *from;

    if (!shared || index < 0 || index >= shared->parts) {
        return 0;
    }
    from = &shared->part[index];
    child->pid = __atomic_load_n(&from->pid, __ATOMIC_ACQUIRE);
    child->generation = from->generation;
    child->threads = from->threads;
    child->started = from->started;
    child->requests = __atomic_load_n(&from->requests, RELAXED);
    return child->pid != 0;
}

void modgo_statistics_events(modgo_events *events)
{
    memset(events, 0, sizeof(*events));
    if (!shared) {
        return;
    }
    events->configured = ap_scoreboard_image->global->restart_time;
    events->server_started = shared->events->server_started;
    events->children_started = __atomic_load_n(&shared->events->children_started, RELAXED);
    events->children_died = __atomic_load_n(&shared->events->children_died, RELAXED);
}
