/*
 * Between two requests of a connection: the thread that has answered one waits a moment for the next.
 *
 * The event MPM gives a connection that is kept alive to its listener, which watches it and hands it to a thread again
 * when a request comes: two changes of the pollset and two threads to be woken, which cost more than all that this
 * module does for a small request. Where the requests of a connection follow each other quickly, as those of proxies
 * and of programs do, the thread that is there waits instead. It is in the process_connection hook then, as if the next
 * request had begun. The other MPMs have nothing to gain: their threads stay with a connection as it is.
 */
#include "modgo.h"

#include <ap_mpm.h>
#include <http_connection.h>
#include <poll.h>
#include <scoreboard.h>

/* So many pauses in succession have to be shorter than the wait before a thread waits. */
#define ENOUGH 2

static apr_interval_time_t patience; /* GoKeepAliveWait; 0: off, or not under this MPM */
static int most;                     /* no thread waits while more than so many have a connection */
static int working;                  /* threads that have one; atomic */

/* Whether this thread is in process_connection of this file: the other modules' are called from there. */
static __thread int within;

static int quick(const modgo_connection *k) { return k->pauses >= ENOUGH; }

/* Notes how long the client took for its next request. */
static void note_pause(modgo_connection *k)
{
    if (apr_time_now() - k->answered >= patience) {
        k->pauses = 0;
    }
    else if (!quick(k)) {
        k->pauses++;
    }
}

/* Waits for the next request, unless other connections may need the thread. */
static int next_comes(conn_rec *c)
{
    struct pollfd client = {modgo_descriptor_of(c), POLLIN, 0};
    struct timespec moment = {0, (long)(patience * 1000)};

    if (client.fd < 0 || __atomic_load_n(&working, __ATOMIC_RELAXED) > most) {
        return 0;
    }
    ap_update_child_status(c->sbh, SERVER_BUSY_KEEPALIVE, NULL);
    return ppoll(&client, 1, &moment, NULL) > 0;
}

/* Whether the MPM, once it has written the response, would do nothing with c but wait for the next request. */
static int is_kept(const conn_rec *c)
{
    return c->cs->state == CONN_STATE_WRITE_COMPLETION && c->keepalive == AP_CONN_KEEPALIVE && !c->aborted &&
           !c->data_in_input_filters && !c->clogging_input_filters;
}

static int serve(conn_rec *c)
{
    modgo_connection *k = modgo_connection_get(c);
    int result;

    if (k && k->announced) {
        k->announced = 0;
        c->data_in_input_filters = 0;
        if (!next_comes(c)) {
            k->pauses = 0;
            c->cs->state = CONN_STATE_CHECK_REQUEST_LINE_READABLE;
            return OK;
        }
    }
    if (k) {
        note_pause(k);
        k->served = 0;
    }
    within = 1;
    result = ap_run_process_connection(c);
    within = 0;
    k = modgo_connection_get(c);
    if (result == OK && k && k->served && is_kept(c)) {
        k->answered = apr_time_now();
        if (quick(k)) {
            k->announced = 1;
            c->data_in_input_filters = 1; /* the MPM comes back here when it has written the response */
        }
    }
    return result;
}

static int process_connection(conn_rec *c)
{
    int result;

    if (!patience || within || c->master || !c->cs) {
        return DECLINED;
    }
    __atomic_add_fetch(&working, 1, __ATOMIC_RELAXED);
    result = serve(c);
    __atomic_sub_fetch(&working, 1, __ATOMIC_RELAXED);
    return result;
}

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    int async = 0, threads = 0;

    ap_mpm_query(AP_MPMQ_IS_ASYNC, &async);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    most = threads / 2;
    patience = async ? modgo_process_config_get()->keepalive_wait : 0;
}

void modgo_keepalive_register(void)
{
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_process_connection(process_connection, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

modgo_connection *modgo_connection_get(conn_rec *c) { return ap_get_module_config(c->conn_config, &go_module); }

modgo_connection *modgo_connection_make(conn_rec *c)
{
    modgo_connection *k = modgo_connection_get(c);

    if (!k) {
        k = apr_pcalloc(c->pool, sizeof(*k));
        ap_set_module_config(c->conn_config, &go_module, k);
    }
    return k;
}
