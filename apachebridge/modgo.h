/*
 * The module's own declarations: what its C files share, and what Go sees of it.
 *
 * Everything here runs in one of three places, and each function says which:
 *   parent   reads the configuration; never runs Go
 *   child    after child_init, where the Go runtime lives
 *   request  a child's thread, inside the content handler, holding the request's connection
 */
#ifndef MODGO_H
#define MODGO_H

/* The signatures of hooks, directives and pool clean-ups are httpd's; few of them need every parameter. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>

#include <ap_mpm.h>
#include <apr_buckets.h>
#include <apr_fnmatch.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_tables.h>

#define MODGO_VERSION "0.1.0"
#define MODGO_HANDLER "go-application"

/* What LoadModule looks for; everything else of the C side is hidden. */
extern module AP_MODULE_DECLARE_DATA go_module __attribute__((visibility("default")));

/* ---- packages.c: what was compiled into this object; static, readable without Go ---- */

/* One value of a package that can answer requests. Its index is the same in C and in Go. */
typedef struct modgo_callable {
    const char *package; /* import path */
    const char *name;    /* of the value in the package */
} modgo_callable;

/* Fills in the callable at index; returns 0 past the last. */
int modgo_callable_at(int index, modgo_callable *found);

/* Returns the index of package's callable; name NULL means its application. -1: the package has none of that name. */
int modgo_callable_find(const char *package, const char *name);

/* Tells whether the package was compiled in. */
int modgo_package_exists(const char *package);

/* Lists the packages, or a package's callables, as "a, b and c" for a message; from pool p. */
const char *modgo_packages_list(apr_pool_t *p);
const char *modgo_callables_list(apr_pool_t *p, const char *package);

/* ---- config.c: directives ---- */

/* What a GoAlias, GoAliasMatch or GoApplication names. Lives as long as the configuration that holds it. */
typedef struct modgo_target {
    const char *package;
    const char *callable;  /* the option callable=, or NULL */
    const char *directive; /* its name, for messages */
    const char *file;      /* where it stands */
    int line;
    const struct modgo_dir_config *dir; /* whose GoApplication this is; NULL for an alias */
    int broken; /* what it names is not there: answered 503. After a restart only; else it is an error */
} modgo_target;

/* Where the URL path that a GoApplication answers begins. */
typedef enum {
    MODGO_MOUNT_SERVER = 0, /* outside any section: the root */
    MODGO_MOUNT_LOCATION,   /* <Location>: its path */
    MODGO_MOUNT_DIRECTORY,  /* <Directory> or .htaccess: the URL path of that directory */
    MODGO_MOUNT_SPLIT       /* elsewhere: where httpd split the path information off */
} modgo_mount_kind;

typedef struct modgo_dir_config {
    const modgo_target *application;
    modgo_mount_kind mount_kind;
    const char *mount;    /* the section's path, or the option mount=; NULL where there is none */
    int mount_explicit;   /* mount is the option mount= */
    const char *callable; /* GoCallableObject */
    int pass_authorization;
    int error_override;
    apr_table_t *settings;               /* GoSetting; NULL for none */
    apr_array_header_t *send_file_roots; /* of const char *: GoSendFileRoot, without symbolic links; NULL for none */
} modgo_dir_config;

typedef struct modgo_alias {
    modgo_target target;
    const char *path;   /* URL path prefix, without its trailing slash */
    int strict;         /* the directive's path ended in a slash: the path itself does not match */
    ap_regex_t *regexp; /* instead of path, for GoAliasMatch */
} modgo_alias;

typedef struct modgo_server_config {
    apr_array_header_t
        *aliases; /* of const modgo_alias *, in the configuration's order; the virtual host's own first */
} modgo_server_config;

#define MODGO_UNSET (-1)

/* Settings of the process, from the main server's configuration. */
typedef struct modgo_process_config {
    apr_array_header_t *environment; /* of modgo_setting: GoSetEnv, in order */
    const char *max_procs;           /* GoMaxProcs, a number, or NULL */
    const char *memory_limit;        /* GoMemoryLimit as GOMEMLIMIT wants it, or NULL */
    const char *gc;                  /* GoGC as GOGC wants it, or NULL */
    apr_interval_time_t start_timeout;
    apr_interval_time_t shutdown_timeout;
    int callable_named;          /* GoCallableObject stands somewhere */
    apr_array_header_t *targets; /* of const modgo_target *: everything that the configuration names */
} modgo_process_config;

typedef struct modgo_setting {
    const char *name;
    const char *value;
} modgo_setting;

extern const command_rec modgo_directives[];
void *modgo_dir_config_create(apr_pool_t *p, char *path);
void *modgo_dir_config_merge(apr_pool_t *p, void *base, void *add);
void *modgo_server_config_create(apr_pool_t *p, server_rec *s);
void *modgo_server_config_merge(apr_pool_t *p, void *base, void *add);

/* parent: tells whether httpd is re-reading the configuration of a server that runs. */
int modgo_restarting(void);

/* ---- process_config.c: settings of the process ---- */

/* parent: forgets them before a configuration is read. */
int modgo_process_config_reset(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);
const modgo_process_config *modgo_process_config_get(void);
/* parent: notes that the configuration names t, and that it has a GoCallableObject. */
void modgo_process_config_target(const modgo_target *t);
void modgo_process_config_callable_named(void);
const char *modgo_cmd_setenv(cmd_parms *cmd, void *config, const char *name, const char *value);
const char *modgo_cmd_max_procs(cmd_parms *cmd, void *config, const char *value);
const char *modgo_cmd_memory_limit(cmd_parms *cmd, void *config, const char *value);
const char *modgo_cmd_gc(cmd_parms *cmd, void *config, const char *value);
const char *modgo_cmd_start_timeout(cmd_parms *cmd, void *config, const char *value);
const char *modgo_cmd_shutdown_timeout(cmd_parms *cmd, void *config, const char *value);

/* ---- mapping.c: which application answers a request, and where its URL space begins ---- */

typedef struct modgo_mapping {
    const modgo_target *target;
    int index; /* of the callable; -1: the target has no such callable */
    const char *callable;
    const char *script_name; /* not NUL-terminated at its length */
    apr_size_t script_name_len;
    const char *path_info;
    apr_size_t path_info_len;
} modgo_mapping;

int modgo_translate_name(request_rec *r);
int modgo_map_to_storage(request_rec *r);

/* request: finds the mapping; 0 when neither GoAlias nor GoApplication applies. */
int modgo_mapping_find(request_rec *r, modgo_mapping *m);

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
modgo_slot *modgo_inflight_enter(request_rec *r, const char *package);
/* request: the thread serves outer again, or nothing when outer is NULL. */
void modgo_inflight_leave(modgo_slot *slot, request_rec *outer, const char *package);
/* request: tells the parent why the process is about to die. text is copied, cut at the slot's size. */
void modgo_inflight_verdict(modgo_slot *slot, const char *text, apr_size_t len);
/* request: the id of the thread's goroutine; 0 until it was set, -1 without a slot. */
apr_int64_t modgo_inflight_goroutine(modgo_slot *slot);
void modgo_inflight_goroutine_set(modgo_slot *slot, apr_int64_t goroutine);
/* child: tells the parent the cause of the death that is to come. text is copied, cut at the part's size. */
void modgo_inflight_cause(const char *text, apr_size_t len);
/* child: the file that a fatal error's trace is to be written to, positioned at the child's part; -1 without. */
int modgo_inflight_crash_file(void);
/* child: leaves its pipes to the parent. */
void modgo_inflight_entrust(const int pipes[2]);
/* parent: reports what a dead child was doing. */
void modgo_inflight_child_status(server_rec *s, pid_t pid, ap_generation_t gen, int slot, mpm_child_status state);

/* ---- wire.c: the lowest output filter, which does not wait while an application runs ---- */

typedef struct modgo_wire modgo_wire;

void modgo_wire_register(void);
/* request: from here on nothing that is written to this connection waits for the client. Once for each handler. */
modgo_wire *modgo_wire_hold(request_rec *r);
/* request: what is kept goes to httpd, which may wait. Once for each hold. */
apr_status_t modgo_wire_release(modgo_wire *w);
/* request: writes more of what is kept, as much as goes at once. */
apr_status_t modgo_wire_push(modgo_wire *w);
/* request: whether something is kept, or was flushed and is not written yet. */
int modgo_wire_backlog(const modgo_wire *w);

/* request: how many bytes have been passed on so far, which tells whether the client takes any. */
apr_uint64_t modgo_wire_passed(const modgo_wire *w);
/* request: has an HTTP/2 stream reset: one whose output merely ends has, as its client sees it, ended well. */
void modgo_wire_reset(modgo_wire *w);

/* ---- request.c: a request as Go sees it ---- */

/* Lives on the stack of the content handler; its r and everything behind it lives until the handler returns. */
typedef struct modgo_request {
    request_rec *r;
    modgo_mapping mapping;
    modgo_slot *slot;
    const apr_array_header_t *headers_in;
    apr_int64_t content_length; /* of the body: bytes, 0 for none, -1 for chunked */
    apr_int64_t goroutine;      /* the id of the goroutine that serves this thread; 0 before it is known, -1 unwanted */
    apr_interval_time_t timeout; /* httpd's Timeout */
    int pass_authorization;
    int error_override;
    int https;
    int upgrade; /* the client asks for another protocol: the connection may be taken over */
    int stream;  /* of HTTP/2 */
    int proto_num;
    int descriptor;             /* of the client's connection, to wait for; -1 for an HTTP/2 stream */
    apr_bucket_brigade *input;  /* read from httpd, not yet by the application; NULL before the first read */
    apr_bucket_brigade *output; /* empty between calls */
    modgo_wire *wire;
    int input_ended;            /* the end of the body was seen */
    int head_sent;              /* the response has begun */
    const char *redirect;       /* the URL of this server that httpd is to answer with instead; NULL: none */
    const char *file;           /* the file that it is to answer with; NULL: none */
    int answered;               /* an input filter refused the body and has answered the client itself */
} modgo_request;

/* What a call into httpd came to. Go has the same list in status.go. */
typedef enum {
    MODGO_OK = 0,
    MODGO_AGAIN,    /* nothing to read, or not all written: wait, then call again */
    MODGO_EOF,      /* the body has ended */
    MODGO_ABORTED,  /* the client is gone, or the body is cut short */
    MODGO_TIMEOUT,  /* httpd's Timeout, or mod_reqtimeout's limit, has passed */
    MODGO_TOOLARGE, /* LimitRequestBody */
    MODGO_BADBODY,  /* an input filter cannot decode the body */
    MODGO_ANSWERED, /* httpd has answered already: there is no response to send */
    MODGO_FAILED    /* anything else; *apr tells */
} modgo_status;

int modgo_handler(request_rec *r);

typedef struct modgo_read {
    modgo_status status;
    int apr;        /* the cause of MODGO_FAILED */
    apr_size_t len; /* bytes copied; 0 unless MODGO_OK */
} modgo_read;

/* request: copies up to len bytes of the body; never waits. */
modgo_read modgo_request_read(modgo_request *q, char *buffer, apr_size_t len);

/* request: the client's descriptor; -1 for a stream of HTTP/2, and when httpd has closed it. */
int modgo_descriptor_of(conn_rec *c);

/* Any thread: a copy of the client's descriptor, to wait for; -1 with errno. The caller closes it. */
int modgo_descriptor_copy(int descriptor);

/* Any thread: sleeps, more exactly than Go's threads do. */
void modgo_sleep(apr_int64_t microseconds);

/* request: whether the client has gone. */
int modgo_request_gone(modgo_request *q);

/* request: the fields that followed a chunked body, once it has ended. */
const apr_array_header_t *modgo_request_trailers(modgo_request *q);

/* request: httpd's limit for the body, in bytes; 0: none. */
apr_int64_t modgo_request_limit(modgo_request *q);

/* request: the target of the request line as it was sent, whatever httpd redirected to. */
const char *modgo_request_target(request_rec *r);

/* request: an id for log lines: mod_unique_id's, else httpd's %L. */
const char *modgo_request_id(request_rec *r);

/* ---- variables.c: CGI, wsgi.* and mod_go.* variables ---- */

/* request: a variable's value and its length in bytes, or NULL. From the request's pool. */
const char *modgo_variable_get(modgo_request *q, const char *name, apr_size_t name_len, apr_size_t *len);
/* request: all of them. */
const apr_array_header_t *modgo_variables_all(modgo_request *q);

/* ---- response.c ---- */

#define MODGO_SEND_FLUSH 1
#define MODGO_SEND_END 2
#define MODGO_SEND_INTERIM 4 /* a 1xx response: head only */

/*
 * request: sends, in this order, the head if there is one, the body's bytes, and what flags say. Head is what gateway's
 * AppendHead makes: status line, then names and values, each with its length and a NUL. Body is copied or sent before
 * the call returns.
 */
modgo_status modgo_response_send(modgo_request *q, const char *head, apr_size_t head_len, const char *body,
                                 apr_size_t body_len, int flags);

/* request: sends more of what was passed; MODGO_AGAIN: the client has not taken all. */
modgo_status modgo_response_push(modgo_request *q);

/* request: gives the fields that follow the body, packed like a head without its status line; before the end. */
void modgo_response_trailers(modgo_request *q, const char *fields, apr_size_t len);

/* request: the same for a part of a file, in bytes; MODGO_FAILED: it cannot be opened anew, and nothing was sent. */
modgo_status modgo_response_send_file(modgo_request *q, const char *head, apr_size_t head_len, int descriptor,
                                      apr_off_t offset, apr_off_t length, int flags);

/* request: whether the response reaches httpd's core as it is, so that files need no memory. */
int modgo_response_direct(modgo_request *q);

/* request: the client takes nothing any more: ends the connection, or the stream, without writing what is left. */
void modgo_response_give_up(modgo_request *q);

/* request: leaves status and headers for the ErrorDocument that httpd will send; nothing has been sent. */
modgo_status modgo_response_leave(modgo_request *q, const char *head, apr_size_t head_len);

/* request: ends the response so that the client can tell that it is not whole. */
void modgo_response_abort(modgo_request *q);

/* ---- services.c: what an application may ask of httpd ---- */

const char *modgo_cmd_setting(cmd_parms *cmd, void *config, const char *name, const char *value);
const char *modgo_cmd_send_file_root(cmd_parms *cmd, void *config, const char *path);
void modgo_services_merge(apr_pool_t *p, modgo_dir_config *c, const modgo_dir_config *base,
                          const modgo_dir_config *add);

/* request: a copy in its pool. */
const char *modgo_pool_copy(modgo_request *q, const char *s);
/* request: values are NULL where there is none, names and values are copied. */
const char *modgo_note(modgo_request *q, const char *name);
void modgo_note_set(modgo_request *q, const char *name, const char *value);
void modgo_subprocess_env_set(modgo_request *q, const char *name, const char *value);
const char *modgo_setting_get(modgo_request *q, const char *name);
const apr_array_header_t *modgo_settings(modgo_request *q);
/* request: a variable of mod_ssl's, or of another module that does TLS; NULL or "" where there is none. */
const char *modgo_ssl_variable(modgo_request *q, const char *name);

/* What a URL leads to; strings from the request's pool. */
typedef struct modgo_lookup {
    int status;
    const char *handler;
    const char *filename;
    const char *path_info;
    const char *content_type;
    int exists;
    apr_off_t size;   /* bytes */
    apr_time_t mtime; /* microseconds since 1970 */
} modgo_lookup;

/* request */
void modgo_lookup_url(modgo_request *q, const char *url, modgo_lookup *found);

typedef enum { MODGO_FILE_CHOSEN = 0, MODGO_FILE_MISSING, MODGO_FILE_FORBIDDEN, MODGO_FILE_OUTSIDE } modgo_send_file;

/* request: has httpd answer with a file, when the application has returned. */
modgo_send_file modgo_file_choose(modgo_request *q, const char *path);
/* request: does what the application has asked for, if anything; else returns result. */
int modgo_services_finish(modgo_request *q, int result);

/* ---- trailers.c ---- */

void modgo_trailers_register(void);
/* request: has r->trailers_out follow the body, once the head is out. */
void modgo_trailers_send(request_rec *r);

/* ---- takeover.c ---- */

typedef struct modgo_takeover {
    int descriptor;    /* the connection; -1: it is reached through its filters, by the functions below */
    const char *ahead; /* bytes that httpd has read already; from the request's pool */
    apr_size_t ahead_len;
} modgo_takeover;

/* request: has what is left of earlier responses written; MODGO_AGAIN as with modgo_response_push. */
modgo_status modgo_connection_flush(modgo_request *q);
/* request: takes the connection from httpd; nothing of a response may have been passed that is not written. */
modgo_status modgo_take_over(modgo_request *q, modgo_takeover *t);
/* request: reads and writes a connection that was taken over, through its filters; they never wait. */
modgo_read modgo_taken_read(modgo_request *q, char *buffer, apr_size_t len);
modgo_status modgo_taken_write(modgo_request *q, const char *data, apr_size_t len);
/* request: passes the filters' own end, such as TLS's close_notify. */
modgo_status modgo_taken_end(modgo_request *q);
/* request: ends the connection. */
void modgo_taken_close(modgo_request *q);

/* ---- stopping.c: the end of a child ---- */

typedef enum { MODGO_STOP_NONE = 0, MODGO_STOP_GRACEFUL, MODGO_STOP_AT_ONCE } modgo_stop;

void modgo_stopping_register(void);
/* Any thread: a modgo_stop. */
int modgo_stopping_state(void);
/* child, at its end: waits until no connection that was taken over is left, at most limit; not when it ends at once. */
void modgo_stopping_wait(apr_interval_time_t limit);

/* ---- error_document.c ---- */

void modgo_error_document_register(void);
/* request: gives the error document that httpd is to send this Allow header, or none for "". */
void modgo_error_document_allow(request_rec *r, const char *allow);
void modgo_error_document_filters(request_rec *r);

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
/* request: the same. */
int modgo_log_request_enabled(modgo_request *q, int level);
/* Tells whether this thread serves a request, and so may be within Go. */
int modgo_log_serving(void);
/* request: makes r the one that this thread serves; returns the one before. */
request_rec *modgo_log_current(request_rec *r);

#endif
