/* The client's end of a connection: its descriptor, and whether anybody is there. */
#include "modgo.h"

#include <fcntl.h>
#include <http_connection.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

int modgo_descriptor_of(conn_rec *c)
{
    apr_socket_t *socket = c->master ? NULL : ap_get_conn_socket(c);
    apr_os_sock_t descriptor;

    return socket && apr_os_sock_get(&descriptor, socket) == APR_SUCCESS ? descriptor : -1;
}

int modgo_descriptor_copy(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 0); }

void modgo_sleep(apr_int64_t microseconds)
{
    int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);

    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* that of Go's threads is coarse (runtime.c) */
    apr_sleep(microseconds);
    prctl(PR_SET_TIMERSLACK, slack > 0 ? (unsigned long)slack : 0UL, 0, 0, 0);
}

/* How long to wait for the client on the thread that serves it, in milliseconds. */
#define MOMENT 5

static __thread modgo_request *served;

modgo_request *modgo_client_serve(modgo_request *q)
{
    modgo_request *before = served;

    served = q;
    return before;
}

int modgo_client_await(const modgo_request *q, int writing)
{
    struct pollfd client;

    if (q != served || q->descriptor < 0) {
        return 0; /* of a request that is over nothing is read */
    }
    client.fd = q->descriptor;
    client.events = writing ? POLLOUT : POLLIN;
    client.revents = 0;
    return poll(&client, 1, MOMENT) != 0; /* what a failure means, the next call into httpd tells */
}

int modgo_request_gone(modgo_request *q)
{
    const conn_rec *c = q->r->connection;
    struct pollfd peer = {q->descriptor, POLLRDHUP, 0};
    char byte;

    if (c->aborted || (c->master && c->master->aborted)) {
        return 1;
    }
    if (c->master) {
        return 0; /* mod_http2 tells by the flags */
    }
    if (modgo_descriptor_of(q->r->connection) < 0) {
        return 1; /* httpd has closed it, because it is being stopped */
    }
    if (poll(&peer, 1, 0) <= 0) {
        return 0;
    }
    if (peer.revents & (POLLERR | POLLHUP | POLLNVAL)) {
        return 1;
    }
    /*
     * The client sends no more; net/http takes that for its going too. Not so while a request waits that it sent
     * behind this one.
     */
    if (!q->https && (q->content_length == 0 || q->input_ended) &&
        recv(q->descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
        return 0;
    }
    return (peer.revents & POLLRDHUP) != 0;
}

void modgo_client_forsake(conn_rec *c)
{
    c->aborted = 1;
    c->keepalive = AP_CONN_CLOSE;
}

void modgo_client_reset_at_close(conn_rec *c)
{
    struct linger at_once = {1, 0};
    int descriptor = modgo_descriptor_of(c);

    if (descriptor >= 0) {
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
}
