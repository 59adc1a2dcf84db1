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
/* child: tells whether the runtime lives. */
int modgo_runtime_started(void);
/* How many children the MPM runs at most. */
int modgo_runtime_children(void);
void modgo_child_init(apr_pool_t *pchild, server_rec *s);
int modgo_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);
int modgo_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

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
void modgo_inflight_goroutine_set(modgo_slot *slot, apr_int64_t goroutine);
/* Any thread of a child: its end is orderly from here on, though no pool is cleaned up. */
void modgo_inflight_end(void);
/* child: tells the parent the cause of the death that is to come. text is copied, cut at the part's size. */
void modgo_inflight_cause(const char *text, apr_size_t len);
/* child: the file that a fatal error's trace is to be written to, positioned at the child's part; -1 without. */
int modgo_inflight_crash_file(void);
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

/* ---- output.c ---- */

/* child: has a thread log what is printed to standard output and standard error. Before the Go runtime starts. */
void modgo_output_capture(apr_pool_t *pchild, server_rec *s);

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
