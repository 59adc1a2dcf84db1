/* What was compiled in, what the configuration says, and which application a request is for. */
#ifndef MODGO_CONFIGURATION_H
#define MODGO_CONFIGURATION_H

#include "modgo.h"

/* ---- packages.c: what was compiled into this object; static, readable without Go ---- */

/* One value of a package that can answer requests. Its index is the same in C and in Go. */
typedef struct modgo_callable {
    const char *package; /* import path */
    const char *name;    /* of the value in the package */
} modgo_callable;

/* Fills in the callable at index; returns 0 past the last. */
int modgo_callable_at(int index, modgo_callable *found);

/* How many there are. */
int modgo_callables_count(void);

/* Returns the index of package's callable; name NULL means its application. -1: the package has none of that name. */
int modgo_callable_find(const char *package, const char *name);

/* Tells whether the package was compiled in. */
int modgo_package_exists(const char *package);

/* Lists the packages, or a package's callables, as "a, b and c" for a message; from pool p. */
const char *modgo_packages_list(apr_pool_t *p);
const char *modgo_callables_list(apr_pool_t *p, const char *package);

/* ---- build_id.c ---- */

#define MODGO_BUILD_ID 128 /* bytes of a build ID, with its NUL */

/* Any thread: the build ID of this object. First called by the parent, before it has children. */
const char *modgo_build_id(void);

/* ---- config.c: directives ---- */

/* What a GoAlias, GoAliasMatch or GoApplication names. Lives as long as the configuration that holds it. */
typedef struct modgo_target {
    const char *package;
    const char *callable;  /* the option callable=, or NULL */
    const char *directive; /* its name, for messages */
    const char *file;      /* where it stands */
    int line;
    int index; /* of the callable, where no GoCallableObject names another; -1: there is none */
    const struct modgo_dir_config *dir; /* whose GoApplication this is; NULL for an alias */
    int broken; /* what it names is not there: answered 503. After a restart only; else it is an error */
} modgo_target;

/* Where the URL path that a GoApplication answers begins. */
typedef enum {
    MODGO_MOUNT_SERVER = 0, /* outside any section: the root */
    MODGO_MOUNT_LOCATION,   /* <Location>: its path */
    MODGO_MOUNT_DIRECTORY,  /* <Directory> or .htaccess: the URL path of that directory */
    MODGO_MOUNT_SPLIT       /* elsewhere: where httpd split the path information off */
} modgo_mount_kind;

typedef struct modgo_dir_config {
    const modgo_target *application;
    modgo_mount_kind mount_kind;
    const char *mount;    /* the section's path, or the option mount=; NULL where there is none */
    int mount_explicit;   /* mount is the option mount= */
    const char *callable; /* GoCallableObject */
    int pass_authorization;
    int error_override;
    apr_interval_time_t request_timeout; /* GoRequestTimeout; 0: off */
    apr_interval_time_t request_grace;   /* set with it */
    apr_interval_time_t slow_request;    /* GoSlowRequestLog; 0: off */
    apr_table_t *settings;               /* GoSetting; NULL for none */
    apr_array_header_t *send_file_roots; /* of const char *: GoSendFileRoot, without symbolic links; NULL for none */
} modgo_dir_config;

typedef struct modgo_alias {
    modgo_target target;
    const char *path;   /* URL path prefix, without its trailing slash */
    int strict;         /* the directive's path ended in a slash: the path itself does not match */
    ap_regex_t *regexp; /* instead of path, for GoAliasMatch */
} modgo_alias;

typedef struct modgo_server_config {
    apr_array_header_t
        *aliases; /* of const modgo_alias *, in the configuration's order; the virtual host's own first */
} modgo_server_config;

#define MODGO_UNSET (-1)

/* Settings of the process, from the main server's configuration. */
typedef struct modgo_process_config {
    apr_array_header_t *environment; /* of modgo_setting: GoSetEnv, in order */
    const char *max_procs;           /* GoMaxProcs, a number, or NULL */
    const char *memory_limit;        /* GoMemoryLimit's soft one as GOMEMLIMIT wants it, or NULL */
    apr_int64_t memory_hard_limit;   /* its hard one, in bytes; 0: none */
    const char *gc;                  /* GoGC as GOGC wants it, or NULL */
    apr_interval_time_t start_timeout;
    apr_interval_time_t shutdown_timeout;
    apr_interval_time_t keepalive_wait; /* 0: off */
    int callable_named;                 /* GoCallableObject stands somewhere */
    apr_array_header_t *targets;        /* of const modgo_target *: everything that the configuration names */
} modgo_process_config;

typedef struct modgo_setting {
    const char *name;
    const char *value;
} modgo_setting;

extern const command_rec modgo_directives[];
void *modgo_dir_config_create(apr_pool_t *p, char *path);
void *modgo_dir_config_merge(apr_pool_t *p, void *base, void *add);
void *modgo_server_config_create(apr_pool_t *p, server_rec *s);
void *modgo_server_config_merge(apr_pool_t *p, void *base, void *add);

/* parent: tells whether httpd is re-reading the configuration of a server that runs. */
int modgo_restarting(void);

/* ---- process_config.c: settings of the process ---- */

/* parent: forgets them before a configuration is read. */
int modgo_process_config_reset(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);
const modgo_process_config *modgo_process_config_get(void);
/* parent: notes that the configuration names t, and that it has a GoCallableObject. */
void modgo_process_config_target(const modgo_target *t);
void modgo_process_config_callable_named(void);
const char *modgo_cmd_setenv(cmd_parms *cmd, void *config, const char *name, const char *value);
const char *modgo_cmd_max_procs(cmd_parms *cmd, void *config, const char *value);
const char *modgo_cmd_memory_limit(cmd_parms *cmd, void *config, const char *soft, const char *hard);
const char *modgo_cmd_gc(cmd_parms *cmd, void *config, const char *value);
const char *modgo_cmd_start_timeout(cmd_parms *cmd, void *config, const char *value);
const char *modgo_cmd_shutdown_timeout(cmd_parms *cmd, void *config, const char *value);
const char *modgo_cmd_keepalive_wait(cmd_parms *cmd, void *config, const char *value);

/* ---- limits.c: how long requests may run ---- */

const char *modgo_cmd_request_timeout(cmd_parms *cmd, void *config, const char *value, const char *option);
const char *modgo_cmd_slow_request_log(cmd_parms *cmd, void *config, const char *value);
void modgo_limits_merge(modgo_dir_config *c, const modgo_dir_config *add);

/* ---- mapping.c: which application answers a request, and where its URL space begins ---- */

typedef struct modgo_mapping {
    const modgo_target *target;
    int index; /* of the callable; -1: the target has no such callable */
    const char *callable;
    const char *script_name; /* not NUL-terminated at its length */
    apr_size_t script_name_len;
    const char *path_info;
    apr_size_t path_info_len;
} modgo_mapping;

int modgo_translate_name(request_rec *r);
int modgo_map_to_storage(request_rec *r);

/* request: finds the mapping; 0 when neither GoAlias nor GoApplication applies. */
int modgo_mapping_find(request_rec *r, modgo_mapping *m);

#endif
