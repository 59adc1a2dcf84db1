/*
 * The module's own declarations: what its C files share, and what Go sees of it.
 *
 * Everything here runs in one of three places, and each function says which:
 *   parent   reads the configuration; never runs Go
 *   child    after child_init, where the Go runtime lives
 *   request  a child's thread, inside the content handler, holding the request's connection
 */
#ifndef MODGO_H
#define MODGO_H

/* The signatures of hooks, directives and pool clean-ups are httpd's; few of them need every parameter. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>

#include <ap_mpm.h>
#include <apr_buckets.h>
#include <apr_fnmatch.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_tables.h>

#define MODGO_VERSION "0.1.0"
#define MODGO_HANDLER "go-application"
#define MODGO_STATUS_HANDLER "go-status"
#define MODGO_PPROF_HANDLER "go-pprof"

/* What LoadModule looks for; everything else of the C side is hidden. */
extern module AP_MODULE_DECLARE_DATA go_module __attribute__((visibility("default")));

#include "configuration.h"
#include "child.h"
#include "statistics.h"
#include "exchange.h"

#endif
