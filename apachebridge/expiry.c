/* The answer to a request whose handler does not return, which is given without it. */
#include "modgo.h"

#include <sys/socket.h>

int modgo_expiry_answer(modgo_request *q, const char *head, apr_size_t head_len, const char *body, apr_size_t body_len)
{
    int cut = q->head_sent;

    q->redirect = q->file = NULL; /* what httpd was to do when the handler has returned */
    if (cut) {
        modgo_response_abort(q);
    }
    else {
        modgo_response_send(q, head, head_len, body, body_len, MODGO_SEND_FLUSH | MODGO_SEND_END);
    }
    q->answered = 1;
    return cut;
}

/* Has the client get a reset now, although httpd has the descriptor for as long as the handler runs. */
static void reset_now(int descriptor)
{
    struct sockaddr nowhere;

    memset(&nowhere, 0, sizeof(nowhere));
    nowhere.sa_family = AF_UNSPEC;
    connect(descriptor, &nowhere, sizeof(nowhere));
}

void modgo_expiry_close(modgo_request *q, int cut)
{
    conn_rec *c = q->r->connection;
    int descriptor = modgo_descriptor_of(c);

    if (descriptor < 0) {
        return; /* a stream of HTTP/2 has ended with its response */
    }
    if (!cut) {
        if (q->https) {
            modgo_taken_end(q);
        }
        shutdown(descriptor, SHUT_WR);
        return;
    }
    if (c->aborted) {
        reset_now(descriptor); /* an orderly end would look like the body's: modgo_response_abort */
    }
    else {
        shutdown(descriptor, SHUT_RDWR);
    }
    modgo_client_forsake(c);
}
