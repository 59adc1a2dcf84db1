/*
 * Which requests each child is serving, in memory that the parent shares. When a child dies without httpd having asked
 * it to, the parent reads there what the child was doing, and in a file in memory what the Go runtime said of the
 * cause. The dying process itself is asked for nothing but that.
 */
#include "modgo.h"

#include <ap_mpm.h>
#include <mpm_common.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

APLOG_USE_MODULE(go);

/* The name of the table in the parent's process pool; its number counts changes of the layout below. */
#define TABLE_KEY "mod_go:inflight:3"

struct modgo_slot {
    int taken;   /* by a thread; atomic */
    int serving; /* atomic */
    int version; /* of what follows, odd while that is written; atomic */
    int row;     /* the application's in the statistics; -1: none */
    apr_time_t since;
    apr_int64_t goroutine;
    server_rec *server; /* of the generation that wrote it */
    char package[MODGO_INFLIGHT_PACKAGE];
    char request[MODGO_INFLIGHT_REQUEST];
    char id[MODGO_INFLIGHT_ID];
    char client[MODGO_INFLIGHT_CLIENT];
    char verdict[256];
};

typedef struct {
    pid_t pid;       /* 0: free; atomic */
    int used;        /* slots from the first that threads have taken; the rest is untouched memory; atomic */
    int orderly;     /* the child is ending as httpd told it to */
    char cause[256]; /* the last line printed that looks like a fatal error's first */
    modgo_start start;
} part;

typedef struct {
    int parts;
    int slots; /* per part */
    int crash_file;
    int mailbox[2];
    part *part;
    modgo_slot *slot; /* parts x slots */
} table;

static table *shared; /* in the parent's process pool */
static int own = -1;  /* this child's part */
static pthread_key_t thread_key;
static __thread modgo_slot *thread_slot;

int modgo_inflight_create(apr_pool_t *pconf, server_rec *s)
{
    apr_pool_t *pool = s->process->pool;
    int daemons = 1, threads = 1;
    apr_size_t size;
    void *found;
    char *memory;

    /* Made once in the parent's life: after a graceful restart children of the old generation still write to it. */
    apr_pool_userdata_get(&found, TABLE_KEY, pool);
    shared = found;
    if (shared) {
        return OK;
    }
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &daemons);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_THREADS, &threads);
    shared = apr_pcalloc(pool, sizeof(*shared));
    shared->parts = daemons > 0 ? daemons : 1;
    /* mod_http2 has threads of its own: by default up to one and a half for each of the MPM's. */
    shared->slots = (threads > 0 ? threads : 1) * 5 / 2 + 8;
    size = shared->parts * (sizeof(part) + shared->slots * sizeof(modgo_slot));
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, s,
                     "MODGO0020: no memory for the table of requests in flight (%" APR_SIZE_T_FMT
                     " bytes: ServerLimit %d, ThreadLimit %d); lower these limits to what the server needs",
                     size, daemons, threads);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    shared->slot = (modgo_slot *)memory;
    shared->part = (part *)(memory + shared->parts * shared->slots * sizeof(modgo_slot));
    shared->crash_file = modgo_crash_create();
    if (modgo_output_mailbox(shared->mailbox) != 0) {
        shared->mailbox[0] = shared->mailbox[1] = -1;
    }
    /* not setn: the key, in this object, goes away with a restart */
    apr_pool_userdata_set(shared, TABLE_KEY, apr_pool_cleanup_null, pool);
    return OK;
}

void modgo_inflight_end(void)
{
    if (own >= 0) {
        __atomic_store_n(&shared->part[own].orderly, 1, __ATOMIC_RELEASE);
    }
}

static apr_status_t child_ends(void *data)
{
    modgo_inflight_end();
    return APR_SUCCESS;
}

static void thread_ends(void *slot) { __atomic_store_n(&((modgo_slot *)slot)->taken, 0, __ATOMIC_RELEASE); }

void modgo_inflight_child(apr_pool_t *pchild, server_rec *s)
{
    int i;

    if (!shared || pthread_key_create(&thread_key, thread_ends) != 0) {
        return;
    }
    for (i = 0; i < shared->parts && own < 0; i++) {
        pid_t nobody = 0;
        if (__atomic_compare_exchange_n(&shared->part[i].pid, &nobody, getpid(), 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            own = i;
        }
    }
    if (own < 0) {
        ap_log_error(
            APLOG_MARK, APLOG_INFO, 0, s,
            "MODGO0021: the table of requests in flight has no room for this child; if it dies, the log will not "
            "say which request it served");
        return;
    }
    modgo_crash_open(shared->crash_file, own);
}

void modgo_inflight_entrust(const int pipes[2])
{
    if (shared) {
        modgo_output_entrust(shared->mailbox, pipes);
    }
}

modgo_start *modgo_inflight_start(void) { return own < 0 ? NULL : &shared->part[own].start; }

modgo_start_phase modgo_inflight_phase(int index)
{
    return shared && index >= 0 && index < shared->parts
               ? __atomic_load_n(&shared->part[index].start.phase, __ATOMIC_ACQUIRE)
               : MODGO_START_DONE;
}

int modgo_inflight_count(int life, modgo_start_phase phase)
{
    int i, n = 0;

    for (i = 0; i < shared->parts; i++) {
        const part *p = &shared->part[i];
        n += __atomic_load_n(&p->pid, __ATOMIC_ACQUIRE) && p->start.life == life &&
             __atomic_load_n(&p->start.phase, __ATOMIC_ACQUIRE) == (int)phase;
    }
    return n;
}

void modgo_inflight_orderly(apr_pool_t *pchild)
{
    if (own >= 0) {
        apr_pool_pre_cleanup_register(pchild, NULL, child_ends);
    }
}

static modgo_slot *take_slot(void)
{
    modgo_slot *slot = &shared->slot[own * shared->slots];
    int i;

    for (i = 0; i < shared->slots; i++, slot++) {
        int free = 0;
        if (__atomic_compare_exchange_n(&slot->taken, &free, 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            int used = __atomic_load_n(&shared->part[own].used, __ATOMIC_RELAXED);
            while (used <= i && !__atomic_compare_exchange_n(&shared->part[own].used, &used, i + 1, 0, __ATOMIC_ACQ_REL,
                                                             __ATOMIC_RELAXED)) {
            }
            slot->goroutine = 0;
            pthread_setspecific(thread_key, slot);
            return slot;
        }
    }
    return NULL;
}

/* Copies s, cut at size bytes with its NUL. */
static void note(char *to, const char *s, apr_size_t size)
{
    apr_size_t len = strnlen(s, size - 1);

    memcpy(to, s, len);
    to[len] = '\0';
}

static void serve(modgo_slot *slot, request_rec *r, const modgo_mapping *m)
{
    int version = slot->version + 1;

    __atomic_store_n(&slot->version, version, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    slot->row = modgo_statistics_row(m->index);
    slot->since = r->request_time;
    slot->server = r->server;
    note(slot->package, m->target->package, sizeof(slot->package));
    note(slot->request, r->the_request ? r->the_request : r->uri, sizeof(slot->request));
    note(slot->id, modgo_request_id(r), sizeof(slot->id));
    note(slot->client, r->useragent_ip ? r->useragent_ip : "", sizeof(slot->client));
    slot->verdict[0] = '\0';
    __atomic_store_n(&slot->version, version + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->serving, 1, __ATOMIC_RELEASE);
}

modgo_slot *modgo_inflight_enter(request_rec *r, const modgo_mapping *m)
{
    if (own < 0) {
        return NULL;
    }
    if (!thread_slot) {
        thread_slot = take_slot();
    }
    if (thread_slot) {
        serve(thread_slot, r, m);
    }
    return thread_slot;
}

void modgo_inflight_leave(modgo_slot *slot, request_rec *outer, const modgo_mapping *m)
{
    if (!slot) {
        return;
    }
    __atomic_store_n(&slot->serving, 0, __ATOMIC_RELEASE);
    if (outer) {
        serve(slot, outer, m);
    }
}

void modgo_inflight_verdict(modgo_slot *slot, const char *text, apr_size_t len)
{
    if (slot) {
        apr_cpystrn(slot->verdict, text, len < sizeof(slot->verdict) ? len + 1 : sizeof(slot->verdict));
    }
}

void modgo_inflight_cause(const char *text, apr_size_t len)
{
    if (own >= 0) {
        char *cause = shared->part[own].cause;
        apr_cpystrn(cause, text, len < sizeof(shared->part[own].cause) ? len + 1 : sizeof(shared->part[own].cause));
    }
}

apr_int64_t modgo_inflight_goroutine(modgo_slot *slot) { return slot ? slot->goroutine : -1; }

void modgo_inflight_goroutine_set(modgo_slot *slot, apr_int64_t goroutine)
{
    if (slot) {
        slot->goroutine = goroutine;
    }
}

int modgo_inflight_parts(void) { return shared ? shared->parts : 0; }

int modgo_inflight_part(void) { return own; }

int modgo_inflight_slots(int index)
{
    return shared && index >= 0 && index < shared->parts ? __atomic_load_n(&shared->part[index].used, __ATOMIC_ACQUIRE)
                                                         : 0;
}

int modgo_inflight_read(int index, int n, modgo_inflight_copy *copy)
{
    const modgo_slot *slot = &shared->slot[index * shared->slots + n];
    int version = __atomic_load_n(&slot->version, __ATOMIC_ACQUIRE);

    if (!__atomic_load_n(&slot->serving, __ATOMIC_ACQUIRE) || version % 2) {
        return 0;
    }
    copy->row = slot->row;
    copy->since = slot->since;
    memcpy(copy->package, slot->package, sizeof(copy->package));
    memcpy(copy->request, slot->request, sizeof(copy->request));
    memcpy(copy->id, slot->id, sizeof(copy->id));
    memcpy(copy->client, slot->client, sizeof(copy->client));
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&slot->version, __ATOMIC_RELAXED) == version &&
           __atomic_load_n(&slot->serving, __ATOMIC_RELAXED);
}

/* ---- the parent's side ---- */

/* Tells whether the slot's thread crashed, or started the goroutine that did. */
static int suspected(const modgo_slot *slot, const char *trace)
{
    return slot->goroutine && (modgo_crash_number(trace, "\ngoroutine ") == slot->goroutine ||
                               modgo_crash_number(trace, " in goroutine ") == slot->goroutine);
}

static void report(apr_pool_t *p, server_rec *s, pid_t pid, ap_generation_t gen, int index)
{
    char *trace = modgo_crash_read(p, shared->crash_file, index);
    const modgo_start *start = &shared->part[index].start;
    const char *cause = *trace && *shared->part[index].cause ? shared->part[index].cause
                                                             : modgo_death_cause(p, pid, start->memory_kills);
    modgo_death death;
    modgo_slot *first = &shared->slot[index * shared->slots], *slot;
    modgo_slot *end = first + shared->part[index].used;
    int current = 0, certain = 0, serving = 0, spoken = 0;
    server_rec *log = s;

    ap_mpm_query(AP_MPMQ_GENERATION, &current);
    for (slot = first; slot < end; slot++) {
        if (__atomic_load_n(&slot->serving, __ATOMIC_ACQUIRE)) {
            serving++;
            spoken += slot->verdict[0] != '\0'; /* its stack was logged by the child */
            certain += suspected(slot, trace) || slot->verdict[0];
        }
    }
    death = modgo_startup_died(s, pid, start, cause, certain);
    for (slot = first; slot < end && death == MODGO_DEATH_COMMON; slot++) {
        if (!__atomic_load_n(&slot->serving, __ATOMIC_ACQUIRE) ||
            (certain && !suspected(slot, trace) && !slot->verdict[0])) {
            continue;
        }
        /* server_rec pointers of an older generation point into a configuration that is gone */
        log = gen == current ? slot->server : s;
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, log,
                     "MODGO0022: child %" APR_PID_T_FMT
                     " died %s application %s served \"%s\" (id %s, client %s, for %.1f s): "
                     "%s (build %s)",
                     pid, certain || serving == 1 ? "while" : "with several requests in flight;", slot->package,
                     slot->request, slot->id, slot->client, (double)(apr_time_now() - slot->since) / APR_USEC_PER_SEC,
                     slot->verdict[0] ? slot->verdict : cause, start->build);
    }
    if (!serving && death == MODGO_DEATH_COMMON) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s,
                     "MODGO0023: child %" APR_PID_T_FMT
                     " died while it served no request of an application: %s (build %s)",
                     pid, cause, start->build);
    }
    if (*trace && !spoken && death != MODGO_DEATH_KNOWN) {
        modgo_crash_log(log, trace, cause);
    }
}

void modgo_inflight_child_status(server_rec *s, pid_t pid, ap_generation_t gen, int slot, mpm_child_status state)
{
    apr_pool_t *p;
    int i;

    if (!shared || state != MPM_CHILD_EXITED) {
        return;
    }
    modgo_output_inherit(s, shared->mailbox, pid, 2 * shared->parts);
    for (i = 0; i < shared->parts; i++) {
        if (__atomic_load_n(&shared->part[i].pid, __ATOMIC_ACQUIRE) == pid) {
            break;
        }
    }
    if (i == shared->parts) {
        return;
    }
    modgo_channel_gone(i);
    modgo_statistics_gone(i, __atomic_load_n(&shared->part[i].orderly, __ATOMIC_ACQUIRE));
    if (!__atomic_load_n(&shared->part[i].orderly, __ATOMIC_ACQUIRE)) {
        apr_pool_create(&p, s->process->pool);
        report(p, s, pid, gen, i);
        apr_pool_destroy(p);
    }
    modgo_crash_clear(shared->crash_file, i);
    memset(&shared->slot[i * shared->slots], 0, shared->part[i].used * sizeof(modgo_slot));
    shared->part[i].used = 0;
    shared->part[i].orderly = 0;
    shared->part[i].cause[0] = '\0';
    memset(&shared->part[i].start, 0, sizeof(modgo_start));
    __atomic_store_n(&shared->part[i].pid, 0, __ATOMIC_RELEASE);
}
