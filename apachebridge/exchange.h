/* A request and its response, as Go sees them. */
#ifndef MODGO_EXCHANGE_H
#define MODGO_EXCHANGE_H

#include "child.h"

typedef struct modgo_wire modgo_wire;
typedef struct modgo_flight modgo_flight;

/* What a call into httpd came to. */
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

/* What reading has come to. */
typedef struct modgo_read {
    modgo_status status;
    int apr;        /* the cause of MODGO_FAILED */
    apr_size_t len; /* bytes copied; 0 unless MODGO_OK */
} modgo_read;

/* ---- request.c: a request as Go sees it ---- */

/* Lives on the stack of the content handler; its r and everything behind it lives until the handler returns. */
struct modgo_request {
    request_rec *r;
    modgo_mapping mapping;
    modgo_slot *slot;
    const apr_array_header_t *headers_in;
    apr_int64_t content_length; /* of the body: bytes, 0 for none, -1 for chunked */
    apr_int64_t goroutine;      /* the id of the goroutine that serves this thread; 0 before it is known, -1 unwanted */
    apr_interval_time_t timeout;    /* httpd's Timeout */
    apr_interval_time_t time_limit; /* GoRequestTimeout; 0: none */
    apr_interval_time_t grace;      /* for the handler, when that has passed */
    apr_interval_time_t slow;       /* GoSlowRequestLog; 0: off */
    apr_interval_time_t waited[2];  /* for the client to send, and to take the response; if slow is set */
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
    int input_ended;         /* the end of the body was seen */
    modgo_read input_failed; /* how reading it has failed; of status MODGO_OK if it has not */
    int head_sent;           /* the response has begun */
    int ended;               /* all of it was passed on */
    const char *redirect;    /* the URL of this server that httpd is to answer with instead; NULL: none */
    const char *file;        /* the file that it is to answer with; NULL: none */
    int answered;            /* there is no response to send: an input filter has sent one, or modgo_expiry_answer */
};

int modgo_handler(request_rec *r);

/* ---- limits.c ---- */

/* request: the time limits that the configuration sets for it. */
void modgo_limits_apply(modgo_request *q, const modgo_dir_config *dir);

/* request: the fields that followed a chunked body, once it has ended. */
const apr_array_header_t *modgo_request_trailers(modgo_request *q);

/* request: httpd's limit for the body, in bytes; 0: none. */
apr_int64_t modgo_request_limit(modgo_request *q);

/* request: the target of the request line as it was sent, whatever httpd redirected to. */
const char *modgo_request_target(request_rec *r);

/* request: an id for log lines: mod_unique_id's, else httpd's %L. */
const char *modgo_request_id(request_rec *r);

/* ---- strings.c: what an http.Request is made of ---- */

/*
 * How many strings come first: method, protocol, the request line's target, the unparsed URI, the path, the query, the
 * host name, and the client's address with its port. The path behind the mount follows, then each header's name and
 * value.
 */
#define MODGO_STRINGS_FIXED 8

/* How many strings there are, and their bytes, at most. */
typedef struct modgo_strings {
    apr_size_t size;
    int count;
} modgo_strings;

/*
 * request: writes the strings one behind the other, and their lengths; nothing if there is no room for so many, or for
 * so many bytes.
 */
modgo_strings modgo_request_strings(modgo_request *q, char *bytes, apr_size_t room, apr_uint32_t *lengths, int most);

/* ---- body.c ---- */

/* request: copies up to len bytes of the body, or drops them if buffer is NULL; never waits. */
modgo_read modgo_request_read(modgo_request *q, char *buffer, apr_size_t len);

/* ---- keepalive.c: a connection between its requests ---- */

/* What the module keeps of a connection, or a stream of HTTP/2, once a request of it has come here. */
typedef struct modgo_connection {
    modgo_wire *wire;
    int served;          /* since process_connection was last called, a request has come here */
    int announced;       /* the MPM was told that the next request is here: that is to be found out */
    int pauses;          /* how many in succession were shorter than GoKeepAliveWait, as far as that matters */
    apr_time_t answered; /* the last request */
} modgo_connection;

void modgo_keepalive_register(void);
/* request or a thread of the MPM that has c: NULL where none of its requests has come here. */
modgo_connection *modgo_connection_get(conn_rec *c);
modgo_connection *modgo_connection_make(conn_rec *c);

/* ---- client.c ---- */

/* request: the client's descriptor; -1 for a stream of HTTP/2, and when httpd has closed it. */
int modgo_descriptor_of(conn_rec *c);

/* Any thread: a copy of the client's descriptor, to wait for; -1 with errno. The caller closes it. */
int modgo_descriptor_copy(int descriptor);

/* Any thread: sleeps, more exactly than Go's threads do. */
void modgo_sleep(apr_int64_t microseconds);

/* request: makes q the one that this thread serves, NULL for none; returns the one before. */
modgo_request *modgo_client_serve(modgo_request *q);

/*
 * Any thread: if it is the one that serves q, waits until its client can be read from, or written to, for a moment at
 * most. Returns 0 when that has not come about, or the thread is another one. Without the connection's lock.
 */
int modgo_client_await(const modgo_request *q, int writing);

/* request: whether the client has gone. */
int modgo_request_gone(modgo_request *q);

/* request: httpd writes nothing to the connection any more, and closes its descriptor. */
void modgo_client_forsake(conn_rec *c);

/* request: when the connection is closed, its client gets a reset instead of an orderly end. */
void modgo_client_reset_at_close(conn_rec *c);

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

/* request: has all that was passed written; MODGO_AGAIN as with modgo_response_push. */
modgo_status modgo_connection_flush(modgo_request *q);

/* request: whether f and the filters behind it are all among the names, whose end is NULL. */
int modgo_filters_within(const ap_filter_t *f, const char *const names[]);

/* request: whether the response reaches httpd's core as it is, so that files need no memory. */
int modgo_response_direct(modgo_request *q);

/* request: the client takes nothing any more: ends the connection, or the stream, without writing what is left. */
void modgo_response_give_up(modgo_request *q);

/* request: leaves status and headers for the ErrorDocument that httpd will send; nothing has been sent. */
modgo_status modgo_response_leave(modgo_request *q, const char *head, apr_size_t head_len);

/* request: ends the response so that the client can tell that it is not whole. */
void modgo_response_abort(modgo_request *q);

/* ---- expiry.c: the answer to a request whose handler does not return ---- */

/*
 * request: sends this response, whose head and body are as with modgo_response_send, or cuts the one that has begun;
 * tells which. No other is sent after that.
 */
int modgo_expiry_answer(modgo_request *q, const char *head, apr_size_t head_len, const char *body, apr_size_t body_len);
/* request: ends the connection, when that has been written, so that the client need not wait for the handler. */
void modgo_expiry_close(modgo_request *q, int cut);

/* ---- flight.c: what is in the buffer of an HTTP/2 stream ---- */

/* request: on the stream's bucket allocator; with one reference. */
modgo_flight *modgo_flight_create(apr_bucket_alloc_t *list);
void modgo_flight_release(modgo_flight *flight);
/* request: how many bytes have not been taken out yet. */
apr_size_t modgo_flight_bytes(const modgo_flight *flight);
/* request: a bucket to follow so many bytes into the buffer. */
apr_bucket *modgo_flight_marker(modgo_flight *flight, apr_size_t bytes, apr_bucket_alloc_t *list);

/* ---- wire.c: the lowest output filter, which does not wait while an application runs ---- */

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

/* ---- trailers.c ---- */

void modgo_trailers_register(void);
/* request: has r->trailers_out follow the body, once the head is out. */
void modgo_trailers_send(request_rec *r);

/* ---- error_document.c ---- */

void modgo_error_document_register(void);
/* request: gives the error document that httpd is to send this Allow header, or none for "". */
void modgo_error_document_allow(request_rec *r, const char *allow);
void modgo_error_document_filters(request_rec *r);

/* ---- takeover.c ---- */

typedef struct modgo_takeover {
    int descriptor;    /* the connection; -1: it is reached through its filters, by the functions below */
    const char *ahead; /* bytes that httpd has read already; from the request's pool */
    apr_size_t ahead_len;
} modgo_takeover;

/* request: takes the connection from httpd; nothing of a response may have been passed that is not written. */
modgo_status modgo_take_over(modgo_request *q, modgo_takeover *t);
/* request: reads and writes a connection that was taken over, through its filters; they never wait. */
modgo_read modgo_taken_read(modgo_request *q, char *buffer, apr_size_t len);
modgo_status modgo_taken_write(modgo_request *q, const char *data, apr_size_t len);
/* request: passes the filters' own end, such as TLS's close_notify. */
modgo_status modgo_taken_end(modgo_request *q);
/* request: ends the connection. */
void modgo_taken_close(modgo_request *q);

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

#endif
