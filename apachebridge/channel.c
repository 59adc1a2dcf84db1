/*
 * How children reach each other: each listens on an abstract Unix socket, whose name is in memory that they share. Who
 * connects has to be the same user, and to know a key that is in that memory too.
 */
#include "modgo.h"

#include <sys/mman.h>

APLOG_USE_MODULE(go);

/* The name of the table in the parent's process pool; its number counts changes of the layout below. */
#define TABLE_KEY "mod_go:channel:1"

typedef struct {
    int version; /* odd while the address is written; atomic */
    char address[MODGO_ADDRESS];
} end;

typedef struct {
    int parts;
    unsigned char key[MODGO_KEY];
    end end[]; /* of each part */
} table;

static table *shared; /* in memory that children share */

int modgo_channel_create(apr_pool_t *pconf, server_rec *s)
{
    apr_pool_t *pool = s->process->pool;
    apr_size_t size = sizeof(*shared) + modgo_inflight_parts() * sizeof(end);
    apr_status_t status;
    void *found;

    apr_pool_userdata_get(&found, TABLE_KEY, pool);
    shared = found;
    if (shared) {
        return OK;
    }
    shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    status = shared == MAP_FAILED ? errno : apr_generate_random_bytes(shared->key, sizeof(shared->key));
    if (status != APR_SUCCESS) {
        ap_log_error(
            APLOG_MARK, APLOG_CRIT, status, s,
            "MODGO0047: no memory, or no random numbers, for the connections between children (%" APR_SIZE_T_FMT
            " bytes); free some memory, and start again",
            size);
        shared = NULL;
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    shared->parts = modgo_inflight_parts();
    /* not setn: the key, in this object, goes away with a restart */
    apr_pool_userdata_set(shared, TABLE_KEY, apr_pool_cleanup_null, pool);
    return OK;
}

const unsigned char *modgo_channel_key(void) { return shared ? shared->key : NULL; }

/* One process writes an end at a time: its child, and the parent when that has gone, in the midst of writing perhaps.
 */
static void address_set(end *e, const char *address)
{
    int version = (__atomic_load_n(&e->version, __ATOMIC_SEQ_CST) + 1) | 1;

    __atomic_store_n(&e->version, version, __ATOMIC_SEQ_CST);
    apr_cpystrn(e->address, address, sizeof(e->address));
    __atomic_store_n(&e->version, version + 1, __ATOMIC_SEQ_CST);
}

void modgo_channel_open(const char *address)
{
    int part = modgo_inflight_part();

    if (shared && part >= 0) {
        address_set(&shared->end[part], address);
    }
}

void modgo_channel_address(int part, char address[MODGO_ADDRESS])
{
    int before, after;

    address[0] = '\0';
    if (!shared || part < 0 || part >= shared->parts) {
        return;
    }
    before = __atomic_load_n(&shared->end[part].version, __ATOMIC_SEQ_CST);
    memcpy(address, shared->end[part].address, MODGO_ADDRESS);
    after = __atomic_load_n(&shared->end[part].version, __ATOMIC_SEQ_CST);
    if (before != after || before % 2) {
        address[0] = '\0'; /* that child is just coming, or has just gone */
    }
}

void modgo_channel_gone(int part)
{
    if (shared && part < shared->parts) {
        address_set(&shared->end[part], "");
    }
}
