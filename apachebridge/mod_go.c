/* The module record and the list of hooks: where httpd enters the module. */
#include "modgo.h"

#include <mpm_common.h>

static void register_hooks(apr_pool_t *p)
{
    /* After mod_alias, so that Alias and Redirect of the same path win, and before the hooks that make file names. */
    static const char *const after[] = {"mod_alias.c", "mod_rewrite.c", NULL};
    static const char *const before[] = {"mod_userdir.c", "mod_vhost_alias.c", NULL};

    ap_hook_pre_config(modgo_process_config_reset, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(modgo_diagnostics_check, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(modgo_check_config, NULL, NULL, APR_HOOK_LAST);
    ap_hook_post_config(modgo_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(modgo_retire_child, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_child_init(modgo_child_init, NULL, NULL, APR_HOOK_LAST);
    ap_hook_child_status(modgo_inflight_child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_status(modgo_memory_child_status, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(modgo_translate_name, after, before, APR_HOOK_MIDDLE);
    ap_hook_map_to_storage(modgo_map_to_storage, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_insert_error_filter(modgo_error_document_filters, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_monitor(modgo_supervisor_monitor, NULL, NULL, APR_HOOK_MIDDLE);
    modgo_death_register();
    modgo_error_document_register();
    modgo_keepalive_register();
    modgo_wire_register();
    modgo_trailers_register();
    modgo_stopping_register();
    modgo_diagnostics_register();
    ap_hook_handler(modgo_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(go) = {
    STANDARD20_MODULE_STUFF,   modgo_dir_config_create, modgo_dir_config_merge, modgo_server_config_create,
    modgo_server_config_merge, modgo_directives,        register_hooks,         AP_MODULE_FLAG_NONE};
