/*
 * Lines from Go into httpd's logs, so that LogLevel and the virtual host's ErrorLog rule. A line that is written on a
 * request's own thread belongs to that request; one from any other thread belongs to the main server.
 */
#include "modgo.h"

APLOG_USE_MODULE(go);

static __thread request_rec *current;

request_rec *modgo_log_current(request_rec *r)
{
    request_rec *before = current;

    current = r;
    return before;
}

void modgo_log_line(int level, const char *line, apr_size_t len)
{
    if (current) {
        ap_log_rerror(APLOG_MARK, level, 0, current, "%.*s", (int)len, line);
    }
    else {
        ap_log_error(APLOG_MARK, level, 0, ap_server_conf, "%.*s", (int)len, line);
    }
}

void modgo_log_request(modgo_request *q, int level, const char *line, apr_size_t len)
{
    ap_log_rerror(APLOG_MARK, level, 0, q->r, "%.*s", (int)len, line);
}

int modgo_log_enabled(int level)
{
    return current ? APLOG_R_IS_LEVEL(current, level) : APLOG_IS_LEVEL(ap_server_conf, level);
}
