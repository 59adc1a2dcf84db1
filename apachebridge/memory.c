/*
 * Whose turn it is to end because of its memory. Children that serve the same requests grow alike: if all of them ended
 * at the same time, few would be left to serve. So one in CHILDREN_PER_TURN does, and others wait until httpd has had
 * time to replace it.
 */
#include "modgo.h"

#include <malloc.h>
#include <sys/mman.h>

APLOG_USE_MODULE(go);

/* The name of the turns in the parent's process pool; its number counts changes of the layout below. */
#define TURNS_KEY "mod_go:memory:1"

#define MOST_TURNS 64
#define CHILDREN_PER_TURN 8

/* How long httpd takes to notice that a child has ended, which it looks for once a second, and to start another. */
#define REPLACEMENT_TIME apr_time_from_sec(2)
/* How much longer than GoShutdownTimeout a child may take to end before its turn is another's. */
#define SPARE_TIME apr_time_from_sec(10)

typedef struct {
    pid_t pid;        /* whose; atomic */
    apr_time_t until; /* from when on another child may have it; atomic */
} turn;

static turn *turns; /* MOST_TURNS, which parent and children share */

int modgo_memory_create(server_rec *s)
{
    apr_pool_t *pool = s->process->pool;
    void *found;

    /* Made once in the parent's life: after a graceful restart children of the old generation have their turns still.
     */
    apr_pool_userdata_get(&found, TURNS_KEY, pool);
    turns = found;
    if (turns || !modgo_process_config_get()->memory_hard_limit) {
        return OK;
    }
    turns = mmap(NULL, MOST_TURNS * sizeof(turn), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turns == MAP_FAILED) {
        turns = NULL;
        ap_log_error(APLOG_MARK, APLOG_CRIT, errno, s,
                     "MODGO0039: no memory for the hard limit of GoMemoryLimit (%" APR_SIZE_T_FMT
                     " bytes that all children share); raise the limit of the server's memory (ulimit -v, MemoryMax)",
                     MOST_TURNS * sizeof(turn));
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    /* not setn: the key, in this object, goes away with a restart */
    apr_pool_userdata_set(turns, TURNS_KEY, apr_pool_cleanup_null, pool);
    return OK;
}

int modgo_memory_turn(void)
{
    int n = modgo_runtime_children() / CHILDREN_PER_TURN, i;
    apr_time_t now = apr_time_now(), end;

    end = now + modgo_process_config_get()->shutdown_timeout + SPARE_TIME;
    n = n < 1 ? 1 : n > MOST_TURNS ? MOST_TURNS : n;
    for (i = 0; i < n; i++) {
        apr_time_t until = __atomic_load_n(&turns[i].until, __ATOMIC_ACQUIRE);

        if (until <= now &&
            __atomic_compare_exchange_n(&turns[i].until, &until, end, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            __atomic_store_n(&turns[i].pid, getpid(), __ATOMIC_RELEASE);
            return 1;
        }
    }
    return 0;
}

void modgo_memory_child_status(server_rec *s, pid_t pid, ap_generation_t gen, int slot, mpm_child_status state)
{
    int i;

    for (i = 0; turns && state == MPM_CHILD_EXITED && i < MOST_TURNS; i++) {
        pid_t whose = pid;

        if (__atomic_compare_exchange_n(&turns[i].pid, &whose, 0, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            __atomic_store_n(&turns[i].until, apr_time_now() + REPLACEMENT_TIME, __ATOMIC_RELEASE);
        }
    }
}

void modgo_memory_trim(void) { malloc_trim(0); }
