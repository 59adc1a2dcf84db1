/*
 * The directives: their records, their values per server and per directory, and how the values of nested sections
 * merge. Everything that can be checked without running Go is checked here, so that a mistake is reported with the
 * file and line of the directive.
 */
#include "modgo.h"

#include <apr_lib.h>

APLOG_USE_MODULE(go);

int modgo_restarting(void)
{
    /* Generation 0 is the first reading of a start and 1 the second; AP_SQ_MS_RUN_MPM means an .htaccess file. */
    return ap_state_query(AP_SQ_CONFIG_GEN) > 1 && ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_RUN_MPM;
}

/* ---- targets: package and callable= ---- */

/* Reads one option name=value into *value if it has this name; returns 1 if it has. */
static int option(const char *word, const char *name, const char **value)
{
    apr_size_t len = strlen(name);

    if (strncmp(word, name, len) != 0 || word[len] != '=') {
        return 0;
    }
    *value = word + len + 1;
    return 1;
}

/* What is wrong with a target, as the end of a sentence that names its directive; NULL: nothing. */
static const char *target_problem(apr_pool_t *p, const modgo_target *t)
{
    if (!modgo_package_exists(t->package)) {
        return apr_psprintf(p,
                            "the package %s was not compiled into this mod_go.so; it holds %s. "
                            "Build it again, with this package too (modgo build -o mod_go.so)",
                            t->package, modgo_packages_list(p));
    }
    if (t->callable && modgo_callable_find(t->package, t->callable) < 0) {
        return apr_psprintf(p, "the package %s has no application named %s; it has %s", t->package, t->callable,
                            modgo_callables_list(p, t->package));
    }
    return NULL;
}

/*
 * Fills in a target. At a start and in configtest a target that names what is not there is an error of its directive.
 * On a restart it is not: httpd would end, and with it every other site; there the target answers 503 instead.
 */
static const char *target_init(cmd_parms *cmd, modgo_target *t, const char *package, const char *callable)
{
    const char *problem;

    t->package = package;
    t->callable = callable;
    t->directive = cmd->cmd->name;
    t->file = cmd->directive->filename;
    t->line = cmd->directive->line_num;
    t->broken = 0;
    t->index = modgo_callable_find(package, callable);
    if (!*package) {
        return apr_psprintf(cmd->pool, "%s: the package is empty; name it by its import path", cmd->cmd->name);
    }
    problem = target_problem(cmd->temp_pool, t);
    if (problem && !modgo_restarting()) {
        return apr_psprintf(cmd->pool, "%s: %s", cmd->cmd->name, problem);
    }
    if (problem) {
        t->broken = 1;
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, cmd->server,
                     "MODGO0001: %s:%d: %s: %s. Requests for it are answered with 503; the rest of the server works. "
                     "Use apachectl graceful, which checks the configuration before it touches the running server",
                     t->file, t->line, t->directive, problem);
    }
    if (ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_RUN_MPM) {
        modgo_process_config_target(t);
    }
    return NULL;
}

/* ---- GoAlias, GoAliasMatch ---- */

static modgo_alias *alias_push(cmd_parms *cmd, modgo_server_config *config)
{
    modgo_alias *alias = apr_pcalloc(cmd->pool, sizeof(*alias));

    APR_ARRAY_PUSH(config->aliases, const modgo_alias *) = alias;
    return alias;
}

/* Reads what follows the URL path or expression. */
static const char *alias_target(cmd_parms *cmd, int argc, char *const argv[], modgo_alias *alias)
{
    const char *callable = NULL;
    int i;

    for (i = 2; i < argc; i++) {
        if (!option(argv[i], "callable", &callable) || !*callable) {
            return apr_psprintf(cmd->pool, "%s: unknown option '%s'; allowed is callable=NAME", cmd->cmd->name,
                                argv[i]);
        }
    }
    return target_init(cmd, &alias->target, argv[1], callable);
}

static const char *cmd_alias(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    modgo_server_config *config = ap_get_module_config(cmd->server->module_config, &go_module);
    modgo_alias *alias;
    char *path;
    apr_size_t len;

    if (argc < 2) {
        return "GoAlias: takes a URL path and a package: GoAlias /shop example.org/site/shop [callable=NAME]";
    }
    if (argv[0][0] != '/') {
        return apr_psprintf(cmd->pool, "GoAlias: the URL path '%s' does not begin with a slash", argv[0]);
    }
    alias = alias_push(cmd, config);
    path = apr_pstrdup(cmd->pool, argv[0]);
    ap_no2slash(path);
    len = strlen(path);
    alias->strict = len > 1 && path[len - 1] == '/';
    if (path[len - 1] == '/') {
        path[len - 1] = '\0';
    }
    alias->path = path;
    return alias_target(cmd, argc, argv, alias);
}

static const char *cmd_alias_match(cmd_parms *cmd, void *dir, int argc, char *const argv[])
{
    modgo_server_config *config = ap_get_module_config(cmd->server->module_config, &go_module);
    modgo_alias *alias;

    if (argc < 2) {
        return "GoAliasMatch: takes a regular expression and a package: GoAliasMatch ^/[a-z]+/shop "
               "example.org/site/shop "
               "[callable=NAME]";
    }
    alias = alias_push(cmd, config);
    alias->regexp = ap_pregcomp(cmd->pool, argv[0], AP_REG_EXTENDED);
    if (!alias->regexp) {
        return apr_psprintf(cmd->pool, "GoAliasMatch: the regular expression '%s' could not be compiled", argv[0]);
    }
    return alias_target(cmd, argc, argv, alias);
}

/* ---- GoApplication, GoCallableObject ---- */

/* Where the section that the directive stands in begins in URL space. */
static void mount_of_section(cmd_parms *cmd, modgo_dir_config *dir)
{
    const ap_directive_t *section = cmd->directive->parent;

    dir->mount = NULL;
    if (!cmd->path) {
        dir->mount_kind = MODGO_MOUNT_SERVER;
    }
    else if (!section) { /* an .htaccess file: the path is its directory */
        dir->mount_kind = MODGO_MOUNT_DIRECTORY;
        dir->mount = cmd->path;
    }
    else if (apr_fnmatch_test(cmd->path) || ap_strchr_c(section->args, '~')) {
        dir->mount_kind = MODGO_MOUNT_SPLIT; /* the section names many places */
    }
    else if (!ap_cstr_casecmp(section->directive, "<Location")) {
        dir->mount_kind = MODGO_MOUNT_LOCATION;
        dir->mount = cmd->path;
    }
    else if (!ap_cstr_casecmp(section->directive, "<Directory")) {
        dir->mount_kind = MODGO_MOUNT_DIRECTORY;
        dir->mount = cmd->path;
    }
    else {
        dir->mount_kind = MODGO_MOUNT_SPLIT;
    }
}

static const char *cmd_application(cmd_parms *cmd, void *config, int argc, char *const argv[])
{
    modgo_dir_config *dir = config;
    modgo_target *target = apr_pcalloc(cmd->pool, sizeof(*target));
    const char *callable = NULL, *mount = NULL;
    int i;

    if (argc < 1) {
        return "GoApplication: takes a package: GoApplication example.org/site/shop [callable=NAME] [mount=/url-path]";
    }
    for (i = 1; i < argc; i++) {
        if (!(option(argv[i], "callable", &callable) && *callable) &&
            !(option(argv[i], "mount", &mount) && *mount == '/')) {
            return apr_psprintf(cmd->pool,
                                "GoApplication: unknown option '%s'; allowed are callable=NAME and mount=/url-path",
                                argv[i]);
        }
    }
    mount_of_section(cmd, dir);
    if (mount) {
        char *path = apr_pstrdup(cmd->pool, mount);
        apr_size_t len;

        ap_no2slash(path);
        for (len = strlen(path); len && path[len - 1] == '/'; len--) {
            path[len - 1] = '\0';
        }
        dir->mount = path;
        dir->mount_explicit = 1;
    }
    dir->application = target;
    target->dir = dir;
    return target_init(cmd, target, argv[0], callable);
}

static const char *cmd_callable(cmd_parms *cmd, void *config, const char *name)
{
    modgo_dir_config *dir = config;
    modgo_callable callable;
    int i;

    for (i = 0; modgo_callable_at(i, &callable); i++) {
        if (!strcmp(callable.name, name)) {
            dir->callable = name;
            modgo_process_config_callable_named();
            return NULL;
        }
    }
    if (modgo_restarting()) {
        dir->callable = name; /* its requests are answered 503, which says why */
        return NULL;
    }
    return apr_psprintf(cmd->pool,
                        "GoCallableObject: no package in this mod_go.so has an application named %s; packages are %s",
                        name, modgo_packages_list(cmd->pool));
}

/* ---- per-request flags ---- */

static const char *cmd_pass_authorization(cmd_parms *cmd, void *config, int on)
{
    ((modgo_dir_config *)config)->pass_authorization = on;
    return NULL;
}

static const char *cmd_error_override(cmd_parms *cmd, void *config, int on)
{
    ((modgo_dir_config *)config)->error_override = on;
    return NULL;
}

const command_rec modgo_directives[] = {
    AP_INIT_TAKE_ARGV("GoAlias", cmd_alias, NULL, RSRC_CONF, "URL path and package [callable=NAME]"),
    AP_INIT_TAKE_ARGV("GoAliasMatch", cmd_alias_match, NULL, RSRC_CONF,
                      "regular expression and package [callable=NAME]"),
    AP_INIT_TAKE_ARGV("GoApplication", cmd_application, NULL, OR_FILEINFO,
                      "package [callable=NAME] [mount=/url-path], for SetHandler go-application"),
    AP_INIT_TAKE1("GoCallableObject", cmd_callable, NULL, OR_FILEINFO, "name of the value in the package"),
    AP_INIT_FLAG("GoPassAuthorization", cmd_pass_authorization, NULL, OR_FILEINFO,
                 "On or Off: whether the application sees the Authorization header"),
    AP_INIT_FLAG("GoErrorOverride", cmd_error_override, NULL, OR_FILEINFO,
                 "On or Off: whether ErrorDocument replaces the body of the application's error responses"),
    AP_INIT_TAKE2("GoSetting", modgo_cmd_setting, NULL, OR_FILEINFO,
                  "name and value, which the application can ask for"),
    AP_INIT_ITERATE("GoSendFileRoot", modgo_cmd_send_file_root, NULL, RSRC_CONF | ACCESS_CONF,
                    "folders below which the application may have httpd send files"),
    AP_INIT_TAKE12("GoRequestTimeout", modgo_cmd_request_timeout, NULL, RSRC_CONF | ACCESS_CONF,
                   "how long a request may run before its context ends, or off [grace=TIME]"),
    AP_INIT_TAKE1("GoSlowRequestLog", modgo_cmd_slow_request_log, NULL, RSRC_CONF | ACCESS_CONF,
                  "how long a request may run without being logged as slow, or off"),
    AP_INIT_TAKE2("GoSetEnv", modgo_cmd_setenv, NULL, RSRC_CONF,
                  "name and value of an environment variable of the process"),
    AP_INIT_TAKE1("GoMaxProcs", modgo_cmd_max_procs, NULL, RSRC_CONF, "GOMAXPROCS of each child"),
    AP_INIT_TAKE12("GoMemoryLimit", modgo_cmd_memory_limit, NULL, RSRC_CONF,
                   "GOMEMLIMIT of each child, and the memory beyond which it is replaced, with K, M, G or T"),
    AP_INIT_TAKE1("GoGC", modgo_cmd_gc, NULL, RSRC_CONF, "GOGC of each child: a percentage, or off"),
    AP_INIT_TAKE1("GoStartTimeout", modgo_cmd_start_timeout, NULL, RSRC_CONF,
                  "how long applications may take to construct themselves in the check of the configuration"),
    AP_INIT_TAKE1("GoShutdownTimeout", modgo_cmd_shutdown_timeout, NULL, RSRC_CONF,
                  "how long a child that is to end waits for its long requests and taken-over connections"),
    AP_INIT_TAKE1("GoKeepAliveWait", modgo_cmd_keepalive_wait, NULL, RSRC_CONF,
                  "how long a thread waits for the next request of a connection, or off"),
    {NULL}};

/* ---- creating and merging ---- */

void *modgo_dir_config_create(apr_pool_t *p, char *path)
{
    modgo_dir_config *c = apr_pcalloc(p, sizeof(*c));

    c->pass_authorization = MODGO_UNSET;
    c->error_override = MODGO_UNSET;
    c->request_timeout = MODGO_UNSET;
    c->slow_request = MODGO_UNSET;
    return c;
}

void *modgo_dir_config_merge(apr_pool_t *p, void *base_config, void *add_config)
{
    const modgo_dir_config *base = base_config, *add = add_config;
    modgo_dir_config *c = apr_pmemdup(p, base, sizeof(*c));

    if (add->application) {
        c->application = add->application;
        c->mount_kind = add->mount_kind;
        c->mount = add->mount;
        c->mount_explicit = add->mount_explicit;
    }
    if (add->callable) {
        c->callable = add->callable;
    }
    if (add->pass_authorization != MODGO_UNSET) {
        c->pass_authorization = add->pass_authorization;
    }
    if (add->error_override != MODGO_UNSET) {
        c->error_override = add->error_override;
    }
    modgo_limits_merge(c, add);
    modgo_services_merge(p, c, base, add);
    return c;
}

void *modgo_server_config_create(apr_pool_t *p, server_rec *s)
{
    modgo_server_config *c = apr_pcalloc(p, sizeof(*c));

    c->aliases = apr_array_make(p, 4, sizeof(const modgo_alias *));
    return c;
}

void *modgo_server_config_merge(apr_pool_t *p, void *base_config, void *add_config)
{
    const modgo_server_config *base = base_config, *add = add_config;
    modgo_server_config *c = apr_palloc(p, sizeof(*c));

    c->aliases = apr_array_append(p, add->aliases, base->aliases);
    return c;
}
