/* The life of a child process: its start, its logs, what it is doing, and its end. */
#ifndef MODGO_CHILD_H
#define MODGO_CHILD_H

#include "configuration.h"

typedef struct modgo_request modgo_request;

/* ---- runtime.c: the Go runtime's start in a child; runtime_check.c: and in a throwaway one ---- */

/*
 * Which callables the configuration names: a byte for each, in the order of their indexes, which are *count. Targets
 * whose callable depends on the request are left out.
 */
const unsigned char *modgo_targets_wanted(apr_pool_t *p, const modgo_process_config *c, int *count);
/* The callable of a target as far as the configuration alone tells; -1: the package has none of that name. */
int modgo_target_index(const modgo_target *t);

/* child: starts the Go runtime with settings of c. Returns 0, or -1 when the object was linked without deferred start.
 */
int modgo_runtime_start(apr_pool_t *p, server_rec *s, const modgo_process_config *c);
/* child: sets what starting the runtime in a child with several threads should not. */
void modgo_runtime_prepare(const modgo_process_config *c);
/* child: starts the runtime and the applications. Clean-ups are registered with p. */
void modgo_runtime_begin(apr_pool_t *p, server_rec *s);
/* child: tells whether applications can be asked. */
int modgo_runtime_started(void);
/* How many children the MPM runs at most. */
int modgo_runtime_children(void);
void modgo_child_init(apr_pool_t *pchild, server_rec *s);
int modgo_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);
int modgo_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/* ---- startup.c: whether the applications start, or children wait with that ---- */

typedef enum {
    MODGO_START_NONE = 0,  /* this child has no Go: it waits until the applications can start again */
    MODGO_START_RUNTIME,   /* the runtime starts, and runs the packages' init functions */
    MODGO_START_CONSTRUCT, /* an application is constructed */
    MODGO_START_FUNCTIONS, /* the functions of OnStart run */
    MODGO_START_DONE
} modgo_start_phase;

/* What the parent knows of a child's start, in the child's part of the shared table. */
typedef struct modgo_start {
    int life;                 /* which configuration of the parent's life the child belongs to */
    int phase;                /* a modgo_start_phase; atomic */
    int callable;             /* which one is being constructed */
    apr_time_t done;          /* when the start was complete */
    apr_int64_t memory_kills; /* modgo_death_memory_kills at the child's begin */
    char build[MODGO_BUILD_ID];
} modgo_start;

/* How the parent is to report a death. */
typedef enum {
    MODGO_DEATH_COMMON = 0, /* as that of any child */
    MODGO_DEATH_LOGGED,     /* startup.c has; the trace is to follow */
    MODGO_DEATH_KNOWN       /* like one that was reported in full before */
} modgo_death;

/* parent: begins anew with a configuration, whose children start their applications again. */
int modgo_startup_create(server_rec *s);
/* child: fills in its part, and tells whether the child is to start Go. */
int modgo_startup_admit(void);
/* child without Go: has a thread start it when it can. */
void modgo_startup_wait(apr_pool_t *pchild, server_rec *s);
/* child: how far its start is. */
void modgo_startup_phase(modgo_start_phase phase, int callable);
modgo_start_phase modgo_startup_phase_get(void);
/* request: the answer where the application cannot be asked, for so long still. */
int modgo_startup_unavailable(request_rec *r, apr_interval_time_t left);
/*
 * Any thread of a child: whether no child of this configuration has passed this number yet; it has now, and the
 * opposite not any more. Neither is 0.
 */
int modgo_startup_first(apr_uint64_t number, apr_uint64_t opposite);
/* parent: decides on a child that has died; by_request tells that a request is known to have caused it. */
modgo_death modgo_startup_died(server_rec *s, pid_t pid, const modgo_start *start, const char *cause, int by_request);

/* For so long after its start a child's death, through no request, is laid to the start. */
#define MODGO_STARTUP_EARLY apr_time_from_sec(3)

typedef enum { MODGO_STARTUP_OPEN = 0, MODGO_STARTUP_HELD } modgo_startup_state;

/* Whether children start Go. */
modgo_startup_state modgo_startup_state_get(void);
/* When the next attempt is due. */
apr_time_t modgo_startup_next(void);
/* supervisor: an attempt has failed; returns whether its cause is a new one, whose trace is to follow. */
int modgo_startup_failed(server_rec *s, const char *where, const char *cause);
/* supervisor: one has succeeded. */
void modgo_startup_open(server_rec *s);
/* Where in a start a process died, as a part of a sentence. */
const char *modgo_startup_place(apr_pool_t *p, modgo_start_phase phase, int callable);
/* ---- supervisor.c: the process that finds out whether applications can start again ---- */

/* parent: starts it, unless it runs. */
void modgo_supervisor_start(server_rec *s);
/* parent: starts it if one is missing. */
int modgo_supervisor_monitor(apr_pool_t *p, server_rec *s);

/*
 * runtime_check.c: has a throwaway process do all that a child does until its first request, and live on for
 * MODGO_STARTUP_EARLY. Returns NULL where it did, else what killed it; then *where is the place, as modgo_startup_place
 * has it, and *trace, "" before, what it printed after the first line of a fatal error.
 */
const char *modgo_check_attempt(apr_pool_t *p, server_rec *s, const char **where, const char **trace);

/* ---- death.c: how a child ended ---- */

void modgo_death_register(void);
/* How many processes the kernel has ended for lack of memory, on the whole machine; -1: it does not tell. */
apr_int64_t modgo_death_memory_kills(void);
/* parent: how a child ended that left no trace. memory_kills is what there were when it began. */
const char *modgo_death_cause(apr_pool_t *p, pid_t pid, apr_int64_t memory_kills);

/* ---- inflight.c: which requests a child was serving, readable by the parent when it has died ---- */

typedef struct modgo_slot modgo_slot;

/* parent: makes the shared table, once in the life of the parent. */
int modgo_inflight_create(apr_pool_t *pconf, server_rec *s);
/* child: takes a part of the table. */
void modgo_inflight_child(apr_pool_t *pchild, server_rec *s);
/* child: an end of the process that begins with its pool's clean-up is orderly, whatever other clean-ups come to. */
void modgo_inflight_orderly(apr_pool_t *pchild);
/* request: notes that this thread serves r; the slot, or NULL when the table is full. */
modgo_slot *modgo_inflight_enter(request_rec *r, const modgo_mapping *m);
/* request: the thread serves outer again, or nothing when outer is NULL. */
void modgo_inflight_leave(modgo_slot *slot, request_rec *outer, const modgo_mapping *m);
/* request: tells the parent why the process is about to die. text is copied, cut at the slot's size. */
void modgo_inflight_verdict(modgo_slot *slot, const char *text, apr_size_t len);
/* request: the id of the thread's goroutine; 0 until it was set, -1 without a slot. */
apr_int64_t modgo_inflight_goroutine(modgo_slot *slot);
/* request: nothing without a slot. */
void modgo_inflight_goroutine_set(modgo_slot *slot, apr_int64_t goroutine);
/* child: its start in its part; NULL without. */
modgo_start *modgo_inflight_start(void);
/* Any process: how far the start of the child with this part is. */
modgo_start_phase modgo_inflight_phase(int part);
/* Any process: how many children of a configuration are in a phase of their start. */
int modgo_inflight_count(int life, modgo_start_phase phase);
/* Any thread of a child: its end is orderly from here on, though no pool is cleaned up. */
void modgo_inflight_end(void);
/* child: tells the parent the cause of the death that is to come. text is copied, cut at the part's size. */
void modgo_inflight_cause(const char *text, apr_size_t len);
/* child: leaves its pipes to the parent. */
void modgo_inflight_entrust(const int pipes[2]);
/* parent: reports what a dead child was doing. */
void modgo_inflight_child_status(server_rec *s, pid_t pid, ap_generation_t gen, int slot, mpm_child_status state);

/* How many bytes of a request's strings are kept, with the NUL. */
#define MODGO_INFLIGHT_PACKAGE 128
#define MODGO_INFLIGHT_REQUEST 256
#define MODGO_INFLIGHT_ID 64
#define MODGO_INFLIGHT_CLIENT 64

/* A request in flight. */
typedef struct modgo_inflight_copy {
    int row;          /* the application's in the statistics; -1: none */
    apr_time_t since; /* its request line was read; microseconds since 1970 */
    char package[MODGO_INFLIGHT_PACKAGE];
    char request[MODGO_INFLIGHT_REQUEST]; /* line */
    char id[MODGO_INFLIGHT_ID];
    char client[MODGO_INFLIGHT_CLIENT];
} modgo_inflight_copy;

/* How many parts the table has, each for one child; and this child's, or -1. */
int modgo_inflight_parts(void);
int modgo_inflight_part(void);
/* Any thread of any child: how many slots threads of the child with this part have used. */
int modgo_inflight_slots(int part);
/* Any thread of any child: copies what is in flight in a slot; 0: nothing, or it changes just now. */
int modgo_inflight_read(int part, int slot, modgo_inflight_copy *copy);

/* ---- crash_file.c: what the Go runtime says as it dies ---- */

/* parent: the file; -1 without. */
int modgo_crash_create(void);
/* parent or child: empties the part of a child. */
void modgo_crash_clear(int file, int index);
/* child: opens its part. */
void modgo_crash_open(int file, int index);
/* child: appends a line, while the Go runtime cannot yet. */
void modgo_crash_write(const char *line, apr_size_t len);
/* child: whether the parent will find a trace. */
int modgo_crash_written(void);
/* child: the descriptor for the Go runtime, positioned at the child's part, which is emptied; -1 without. */
int modgo_crash_descriptor(void);
/* parent: what a child has left, or "". */
char *modgo_crash_read(apr_pool_t *p, int file, int index);
/* The number behind the first mark in a trace, or 0. */
apr_int64_t modgo_crash_number(const char *trace, const char *mark);
/* parent: logs a trace line by line, without a first line that is the cause, and without empty ones. */
void modgo_crash_log(server_rec *s, const char *trace, const char *cause);

/* ---- output.c ---- */

/* child: has a thread log what is printed to standard output and standard error. Before the Go runtime starts. */
void modgo_output_capture(apr_pool_t *pchild, server_rec *s);

/* Tells whether the line looks like the first of a fatal error of the Go runtime. */
int modgo_output_fatal(const char *line, apr_size_t len);

/* ---- output_rest.c ---- */

/* parent: makes the mailbox; returns 0, or -1. */
int modgo_output_mailbox(int ends[2]);
/* child: leaves the reading ends of its two pipes to the parent. */
void modgo_output_entrust(const int ends[2], const int pipes[2]);
/* parent: logs what a dead child had printed. children is how many can be alive. */
void modgo_output_inherit(server_rec *s, const int ends[2], pid_t dead, int children);

/* ---- log.c ---- */

/* Writes a line of any length and any bytes, in parts if need be: to the log of r, or the main server's for NULL. */
void modgo_log_text(int level, request_rec *r, const char *line, apr_size_t len);
/* Any thread of a child. To the log of the request that this thread serves, else to the main server's. */
void modgo_log_line(int level, const char *line, apr_size_t len);
/* request */
void modgo_log_request(modgo_request *q, int level, const char *line, apr_size_t len);
/* Tells whether LogLevel lets a line of this level through, for the request that this thread serves or the server. */
int modgo_log_enabled(int level);
/* Tells whether this thread serves a request, and so may be within Go. */
int modgo_log_serving(void);
/* request: makes r the one that this thread serves; returns the one before. */
request_rec *modgo_log_current(request_rec *r);

/* ---- stopping.c: the end of a child ---- */

typedef enum { MODGO_STOP_NONE = 0, MODGO_STOP_GRACEFUL, MODGO_STOP_AT_ONCE } modgo_stop;

void modgo_stopping_register(void);
/* Any thread: a modgo_stop. */
int modgo_stopping_state(void);
/* child, at its end: waits until no connection that was taken over is left, at most limit; not when it ends at once. */
void modgo_stopping_wait(apr_interval_time_t limit);

/* ---- retire.c: the end of a child that handlers hold, or that has too much memory; any thread ---- */

/* child: before all other modules, so that its clean-up is the last. */
void modgo_retire_child(apr_pool_t *pchild, server_rec *s);
/* Tells whether the MPM has threads; without, a child has one request. */
int modgo_retire_threaded(void);
/* Has the child take no more connections, and end when those that it has are served. */
void modgo_retire_begin(void);
/* Has an idle child notice that; to be repeated until modgo_stopping_state tells that it has. */
void modgo_retire_wake(void);
/* Ends the process at once, in order. */
void modgo_retire_end(void);

/* ---- memory.c: children that end because of their memory ---- */

/* parent: makes what children share, if the configuration has a hard limit; an HTTP status. */
int modgo_memory_create(server_rec *s);
/* parent: lets another child have the turn of one that has ended. */
void modgo_memory_child_status(server_rec *s, pid_t pid, ap_generation_t gen, int slot, mpm_child_status state);
/* Any thread of a child: tells whether it may end now; if so, others have to wait. */
int modgo_memory_turn(void);
/* Any thread of a child: gives memory that C has freed back to the kernel. */
void modgo_memory_trim(void);

#endif
