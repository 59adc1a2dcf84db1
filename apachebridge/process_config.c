/*
 * The settings of the whole process, which the main server's configuration has once: the environment and the limits of
 * the Go runtime, and what of the applications the configuration names.
 */
#include "modgo.h"

#include <apr_lib.h>

APLOG_USE_MODULE(go);

#define DEFAULT_START_TIMEOUT apr_time_from_sec(60)
#define DEFAULT_SHUTDOWN_TIMEOUT apr_time_from_sec(60)
#define DEFAULT_KEEPALIVE_WAIT apr_time_from_msec(1)
#define MOST_KEEPALIVE_WAIT apr_time_from_msec(100) /* more would hold threads, for nothing: such clients are slow */

static modgo_process_config process_config;

int modgo_process_config_reset(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    memset(&process_config, 0, sizeof(process_config));
    process_config.environment = apr_array_make(pconf, 4, sizeof(modgo_setting));
    process_config.targets = apr_array_make(pconf, 8, sizeof(const modgo_target *));
    process_config.start_timeout = DEFAULT_START_TIMEOUT;
    process_config.shutdown_timeout = DEFAULT_SHUTDOWN_TIMEOUT;
    process_config.keepalive_wait = DEFAULT_KEEPALIVE_WAIT;
    return OK;
}

const modgo_process_config *modgo_process_config_get(void) { return &process_config; }

void modgo_process_config_target(const modgo_target *t)
{
    APR_ARRAY_PUSH(process_config.targets, const modgo_target *) = t;
}

void modgo_process_config_callable_named(void) { process_config.callable_named = 1; }

/* Reads a whole number from least to most, and leaves what follows it in *end; returns 0 if there is none. */
static int number(const char *value, apr_int64_t least, apr_int64_t most, apr_int64_t *n, char **end)
{
    errno = 0;
    *n = apr_strtoi64(value, end, 10);
    return errno == 0 && *end != value && *n >= least && *n <= most;
}

const char *modgo_cmd_setenv(cmd_parms *cmd, void *config, const char *name, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    modgo_setting *setting;

    if (error) {
        return error;
    }
    if (!*name || ap_strchr_c(name, '=')) {
        return apr_psprintf(cmd->pool, "GoSetEnv: '%s' cannot be the name of an environment variable", name);
    }
    setting = apr_array_push(process_config.environment);
    setting->name = name;
    setting->value = value;
    return NULL;
}

const char *modgo_cmd_max_procs(cmd_parms *cmd, void *config, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    char *end;
    apr_int64_t n;

    if (error) {
        return error;
    }
    if (!number(value, 1, 1024, &n, &end) || *end) {
        return apr_psprintf(cmd->pool, "GoMaxProcs: '%s' is not a number from 1 to 1024", value);
    }
    process_config.max_procs = value;
    return NULL;
}

/* Reads a size in bytes; returns an error message, or NULL. */
static const char *size(cmd_parms *cmd, const char *value, apr_int64_t *result)
{
    static const char *const units = "BKMGT";
    const char *unit = NULL;
    char *end;
    apr_int64_t n;

    if (number(value, 1, APR_INT64_MAX, &n, &end)) {
        unit = !*end ? units : end[1] ? NULL : ap_strchr_c(units, apr_toupper(*end));
    }
    if (!unit || n > (APR_INT64_MAX >> (10 * (unit - units)))) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not a size: a number with K, M, G or T, for example 512M",
                            cmd->cmd->name, value);
    }
    *result = n << (10 * (unit - units));
    return NULL;
}

const char *modgo_cmd_memory_limit(cmd_parms *cmd, void *config, const char *soft, const char *hard)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_int64_t collect, end = 0;

    if (error || (error = size(cmd, soft, &collect)) || (hard && (error = size(cmd, hard, &end)))) {
        return error;
    }
    if (hard && end <= collect) {
        return apr_psprintf(cmd->pool,
                            "GoMemoryLimit: the hard limit, '%s', is not larger than the soft one, '%s'; the soft one "
                            "comes first, for example GoMemoryLimit 512M 1G",
                            hard, soft);
    }
    process_config.memory_limit = apr_psprintf(cmd->pool, "%" APR_INT64_T_FMT, collect);
    process_config.memory_hard_limit = end;
    return NULL;
}

const char *modgo_cmd_gc(cmd_parms *cmd, void *config, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    char *end;
    apr_int64_t n;

    if (error) {
        return error;
    }
    if (!ap_cstr_casecmp(value, "off")) {
        process_config.gc = "off"; /* as GOGC wants it */
        return NULL;
    }
    if (!number(value, 1, 100000, &n, &end) || *end) {
        return apr_psprintf(cmd->pool, "GoGC: '%s' is neither off nor a percentage from 1 to 100000", value);
    }
    process_config.gc = value;
    return NULL;
}

/* Reads a time of at least least. */
static const char *timeout(cmd_parms *cmd, const char *value, apr_interval_time_t least, apr_interval_time_t *result)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (error) {
        return error;
    }
    if (!apr_isdigit(*value) || ap_timeout_parameter_parse(value, result, "s") != APR_SUCCESS || *result < least) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not a time: a number with ms, s or min, for example 60s",
                            cmd->cmd->name, value);
    }
    return NULL;
}

const char *modgo_cmd_start_timeout(cmd_parms *cmd, void *config, const char *value)
{
    return timeout(cmd, value, 1, &process_config.start_timeout);
}

const char *modgo_cmd_shutdown_timeout(cmd_parms *cmd, void *config, const char *value)
{
    return timeout(cmd, value, 0, &process_config.shutdown_timeout);
}

const char *modgo_cmd_keepalive_wait(cmd_parms *cmd, void *config, const char *value)
{
    const char *error = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    apr_interval_time_t time = 0;

    if (error) {
        return error;
    }
    if (ap_cstr_casecmp(value, "off") &&
        (!apr_isdigit(*value) || ap_timeout_parameter_parse(value, &time, "ms") != APR_SUCCESS || time <= 0 ||
         time > MOST_KEEPALIVE_WAIT)) {
        return apr_psprintf(cmd->pool, "GoKeepAliveWait: '%s' is neither off nor a time from 1ms to 100ms", value);
    }
    process_config.keepalive_wait = time;
    return NULL;
}
