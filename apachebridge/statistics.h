/* What requests have come to and what children there are: in memory that all children share. */
#ifndef MODGO_STATISTICS_H
#define MODGO_STATISTICS_H

#include "child.h"

/* ---- durations.c: how long requests took, as counts ---- */

/*
 * A count for the durations up to each bound, and one for those beyond the last. Ten bounds a decade, from 10 us to
 * 100 s, of the series 1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8: each is at most 1.28 times the one before, so that is
 * how wrong a quantile can be that is read from them, and the usual bounds of Prometheus's histograms are among them.
 */
#define MODGO_DURATION_BOUNDS 71

/* The bound at index, in nanoseconds. */
apr_int64_t modgo_duration_bound(int index);

/* The index of the count for a duration in nanoseconds. */
int modgo_duration_index(apr_int64_t duration);

/* ---- statistics.c ---- */

/* How many answers an application may have that differ in their status; what goes beyond is counted as status 0. */
#define MODGO_STATUSES 24

/* For how many seconds, the current one among them, the requests of each are known. */
#define MODGO_SECONDS 64

/* What the requests of one application have come to, over all children, those that have ended too. */
typedef struct modgo_totals {
    apr_uint64_t requests; /* answered */
    apr_uint64_t time;     /* that their handlers took together; nanoseconds */
    struct {
        int status; /* 0: where there are too many */
        apr_uint64_t requests;
    } statuses[MODGO_STATUSES + 1];
    apr_uint64_t durations[MODGO_DURATION_BOUNDS + 1];
    apr_uint64_t recent[MODGO_DURATION_BOUNDS + 1]; /* of this minute and the last */
    apr_uint32_t second[MODGO_SECONDS];             /* requests answered in this second, the one before, ... */
} modgo_totals;

/* A child that lives. */
typedef struct modgo_child {
    pid_t pid;
    int generation;
    int threads;           /* that may serve requests */
    apr_time_t started;    /* microseconds since 1970 */
    apr_uint64_t requests; /* answered by it */
} modgo_child;

/* What has happened since the server's start. */
typedef struct modgo_events {
    apr_time_t server_started; /* microseconds since 1970 */
    apr_time_t configured;     /* the last start or restart */
    apr_uint64_t children_started;
    apr_uint64_t children_died; /* without httpd having asked them to */
} modgo_events;

/* parent: makes the table, once in the life of the parent, and finds each application's row in it. */
int modgo_statistics_create(apr_pool_t *pconf, server_rec *s);
/* child: enters this child. */
void modgo_statistics_child(void);
/* parent: the child of this part is gone. */
void modgo_statistics_gone(int part, int orderly);

/* request: the time, for modgo_statistics_end. */
apr_int64_t modgo_statistics_begin(void);
/* request: counts one that the callable with this index has answered. */
void modgo_statistics_end(int index, int status, apr_int64_t begun);

/* Any thread of a child. */
int modgo_statistics_rows(void);
/*
 * The name of a row: the application's import path, a dot, and the name of its value. NULL: it is a younger
 * generation's.
 */
const char *modgo_statistics_name(int row);
/* The row of the callable with this index; -1: none. */
int modgo_statistics_row(int index);
void modgo_statistics_totals(int row, modgo_totals *totals);
/* Returns 0 when no child has this part. */
int modgo_statistics_child_at(int part, modgo_child *child);
void modgo_statistics_events(modgo_events *events);

/* ---- channel.c: how children reach each other ---- */

/* How many bytes the key has that children show each other, and at most the name of a child's socket. */
#define MODGO_KEY 32
#define MODGO_ADDRESS 32

/* parent: makes the key, once in the life of the parent. */
int modgo_channel_create(apr_pool_t *pconf, server_rec *s);
/* Any thread of a child: the key, MODGO_KEY bytes. NULL: there is none. */
const unsigned char *modgo_channel_key(void);
/* child: others reach it under this name. */
void modgo_channel_open(const char *address);
/* Any thread of a child: copies the name under which the child of a part is reached; "" if it is not. */
void modgo_channel_address(int part, char address[MODGO_ADDRESS]);
/* parent: the child of this part is gone. */
void modgo_channel_gone(int part);

/* ---- diagnostics.c: the handlers go-status and go-pprof ---- */

/* parent: looks for them in the configuration, and refuses those that are open to everybody. */
int modgo_diagnostics_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);
/* child: whether the configuration has one of them, or mod_status's. */
int modgo_diagnostics_wanted(void);
/* request: the mapping of a request for one of them; 0 when it is for none. */
int modgo_diagnostics_find(const request_rec *r, modgo_mapping *m);
/* request: OK if the configuration lets this handler answer; else logs why not, and returns a status. */
int modgo_diagnostics_allow(request_rec *r);
/* Adds the children to mod_status's page. */
void modgo_diagnostics_register(void);

#endif
