/* The benchmark's site in C: the limit that handlers in other languages are measured against. It does what
 * bench/internal/site does, but that /echo does not decode: httpd has no JSON. */
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <util_filter.h>

#include <apr_strings.h>
#include <pthread.h>

#define LARGEST_MEMORY (10 << 20)
#define UPLOAD_BLOCK 65536

/* Filled when it is first asked for, so that no other workload's memory counts it. */
static char memory[LARGEST_MEMORY];
static pthread_once_t memory_once = PTHREAD_ONCE_INIT;
static const char *files;

static const char *const response_headers[][2] = {
    {"Cache-Control", "private, max-age=60"},
    {"Content-Language", "en"},
    {"Content-Security-Policy", "default-src 'self'"},
    {"Referrer-Policy", "same-origin"},
    {"Strict-Transport-Security", "max-age=31536000"},
    {"Vary", "Cookie"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"X-Response-01", "the value of header 01"},
    {"X-Response-02", "the value of header 02"},
};

static int answer(request_rec *r, const char *type, const char *body, apr_size_t length)
{
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)length);
    ap_rwrite(body, (int)length, r);
    return OK;
}

static int headers(request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "X-Request-07");
    apr_size_t i;

    for (i = 0; i < sizeof response_headers / sizeof response_headers[0]; i++) {
        apr_table_setn(r->headers_out, response_headers[i][0], response_headers[i][1]);
    }
    return value ? answer(r, "text/plain", value, strlen(value)) : HTTP_BAD_REQUEST;
}

static int echo(request_rec *r)
{
    char body[4096];
    apr_size_t length = 0;
    long n;
    int status = ap_setup_client_block(r, REQUEST_CHUNKED_ERROR);

    if (status != OK) {
        return status;
    }
    if (ap_should_client_block(r)) {
        while ((n = ap_get_client_block(r, body + length, sizeof body - length)) > 0) {
            length += (apr_size_t)n;
        }
        if (n < 0) {
            return HTTP_BAD_REQUEST;
        }
    }
    return answer(r, "application/json", body, length);
}

static int upload(request_rec *r)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_off_t total = 0;
    int end = 0;
    const char *text;

    while (!end) {
        apr_bucket *bucket;
        apr_status_t status =
            ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES, APR_BLOCK_READ, UPLOAD_BLOCK);

        if (status != APR_SUCCESS) {
            return HTTP_BAD_REQUEST;
        }
        for (bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
             bucket = APR_BUCKET_NEXT(bucket)) {
            const char *data;
            apr_size_t length;

            if (APR_BUCKET_IS_EOS(bucket)) {
                end = 1;
                break;
            }
            if (APR_BUCKET_IS_METADATA(bucket)) {
                continue;
            }
            if (apr_bucket_read(bucket, &data, &length, APR_BLOCK_READ) != APR_SUCCESS) {
                return HTTP_BAD_REQUEST;
            }
            total += (apr_off_t)length;
        }
        apr_brigade_cleanup(brigade);
    }
    text = apr_off_t_toa(r->pool, total);
    return answer(r, "text/plain", text, strlen(text));
}

static int flushes(request_rec *r)
{
    int i;

    ap_set_content_type(r, "text/plain");
    for (i = 0; i < 1000; i++) {
        if (ap_rputs("0123456789abcde\n", r) < 0 || ap_rflush(r) < 0) {
            break;
        }
    }
    return OK;
}

static int file(request_rec *r)
{
    apr_file_t *opened;
    apr_finfo_t info;
    apr_size_t sent;
    const char *path = apr_pstrcat(r->pool, files, "/", strrchr(r->uri, '/') + 1, NULL);

    if (apr_file_open(&opened, path, APR_READ | APR_BINARY, 0, r->pool) != APR_SUCCESS) {
        return HTTP_NOT_FOUND;
    }
    if (apr_file_info_get(&info, APR_FINFO_SIZE, opened) != APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, info.size);
    ap_send_fd(opened, r, 0, (apr_size_t)info.size, &sent);
    return OK;
}

static void fill(void) { memset(memory, 'm', sizeof memory); }

static int from_memory(request_rec *r)
{
    apr_int64_t length = apr_atoi64(r->uri + strlen("/memory/"));

    if (length < 0 || length > LARGEST_MEMORY) {
        return HTTP_BAD_REQUEST;
    }
    pthread_once(&memory_once, fill);
    return answer(r, "text/plain", memory, (apr_size_t)length);
}

static int cbench_handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "c-bench") != 0) {
        return DECLINED;
    }
    if (strcmp(r->uri, "/hello") == 0) {
        return answer(r, "text/plain", "Hello, World!\n", 14);
    }
    if (strcmp(r->uri, "/headers") == 0) {
        return headers(r);
    }
    if (strcmp(r->uri, "/echo") == 0) {
        return echo(r);
    }
    if (strcmp(r->uri, "/upload") == 0) {
        return upload(r);
    }
    if (strcmp(r->uri, "/flushes") == 0) {
        return flushes(r);
    }
    if (strncmp(r->uri, "/memory/", 8) == 0) {
        return from_memory(r);
    }
    if (strncmp(r->uri, "/file/", 6) == 0 && files) {
        return file(r);
    }
    return HTTP_NOT_FOUND;
}

static void register_hooks(apr_pool_t *p)
{
    files = getenv("BENCH_FILES");
    ap_hook_handler(cbench_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA cbench_module = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks};
