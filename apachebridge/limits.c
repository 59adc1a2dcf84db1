/* How long requests may run, and from when on they count as slow: the directives, their values and how these merge. */
#include "modgo.h"

#include <apr_lib.h>

#define DEFAULT_GRACE apr_time_from_sec(10)
#define ALLOWED "a number with ms, s or min, at least 1ms, for example 30s; or off"

/* Reads a time of at least a millisecond; returns 0 if value is none. */
static int read_time(const char *value, apr_interval_time_t *result)
{
    return apr_isdigit(*value) && ap_timeout_parameter_parse(value, result, "s") == APR_SUCCESS &&
           *result >= apr_time_from_msec(1);
}

const char *modgo_cmd_request_timeout(cmd_parms *cmd, void *config, const char *value, const char *option)
{
    static const char name[] = "grace=";
    modgo_dir_config *dir = config;
    apr_interval_time_t limit = 0, grace = DEFAULT_GRACE;

    if (!strncmp(value, name, strlen(name))) {
        return apr_psprintf(cmd->pool,
                            "GoRequestTimeout: the time is missing before %s, for example GoRequestTimeout 30s %s",
                            value, value);
    }
    if (ap_cstr_casecmp(value, "off") && !read_time(value, &limit)) {
        return apr_psprintf(cmd->pool, "GoRequestTimeout: '%s' is not a time: " ALLOWED, value);
    }
    if (option && strncmp(option, name, strlen(name))) {
        return apr_psprintf(cmd->pool, "GoRequestTimeout: unknown option '%s'; allowed is grace=TIME", option);
    }
    if (option && !limit) {
        return apr_psprintf(cmd->pool, "GoRequestTimeout: there is no %s where the timeout is off", option);
    }
    if (option && !read_time(option + strlen(name), &grace)) {
        return apr_psprintf(cmd->pool,
                            "GoRequestTimeout: '%s' is not a time: grace= takes a number with ms, s or min, at least "
                            "1ms, for example grace=10s",
                            option);
    }
    dir->request_timeout = limit;
    dir->request_grace = grace;
    return NULL;
}

const char *modgo_cmd_slow_request_log(cmd_parms *cmd, void *config, const char *value)
{
    modgo_dir_config *dir = config;
    apr_interval_time_t limit = 0;

    if (ap_cstr_casecmp(value, "off") && !read_time(value, &limit)) {
        return apr_psprintf(cmd->pool, "GoSlowRequestLog: '%s' is not a time: " ALLOWED, value);
    }
    dir->slow_request = limit;
    return NULL;
}

void modgo_limits_merge(modgo_dir_config *c, const modgo_dir_config *add)
{
    if (add->request_timeout != MODGO_UNSET) {
        c->request_timeout = add->request_timeout;
        c->request_grace = add->request_grace;
    }
    if (add->slow_request != MODGO_UNSET) {
        c->slow_request = add->slow_request;
    }
}

void modgo_limits_apply(modgo_request *q, const modgo_dir_config *dir)
{
    if (dir->request_timeout != MODGO_UNSET) {
        q->time_limit = dir->request_timeout;
        q->grace = dir->request_grace;
    }
    if (dir->slow_request != MODGO_UNSET) {
        q->slow = dir->slow_request;
    }
}
