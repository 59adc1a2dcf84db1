/*
 * The start of the Go runtime. A runtime that is started before a fork is dead after it, so the builder links this
 * object such that dlopen does not start it; child_init does, after httpd's last fork (docs/architecture.md).
 */
#include "modgo.h"

#include <dlfcn.h>
#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#include "_cgo_export.h"

APLOG_USE_MODULE(go);

extern char **environ;

/* What the builder's linker script took out of .init_array: the functions that start the runtime. */
typedef void (*go_init)(int argc, char **argv, char **envp);
extern const go_init modgo_go_init_start[] __attribute__((weak, visibility("hidden")));
extern const go_init modgo_go_init_end[] __attribute__((weak, visibility("hidden")));

/*
 * Every thread of Apache that enters Go needs a processor (P) of the scheduler, and keeps it when it leaves. One that
 * finds none waits until Go's monitor takes one back, for milliseconds: so the default is one for each thread, but no
 * more than these, beside one for each of the machine's processors. Very many make the garbage collector dearer;
 * docs/performance.md has the measurement.
 */
#define MOST_SPARE_PROCS 126

/*
 * Between requests a P stays with its Apache thread, as if in a system call, so Go's monitor thread never rests: it
 * wakes every 20 us plus the kernel's slack. A wider slack for the threads that Go makes gives most of that CPU time
 * back, and makes Go's timers up to this late. In nanoseconds; measured as well.
 */
#define TIMER_SLACK 2000000UL

static int started; /* atomic: the start may be another thread's */

int modgo_runtime_started(void) { return __atomic_load_n(&started, __ATOMIC_ACQUIRE); }

static char **copy_of(char **list, int n)
{
    char **copy = malloc((n + 1) * sizeof(char *));

    memcpy(copy, list, n * sizeof(char *));
    copy[n] = NULL;
    return copy;
}

/* Sets name in the process's environment, for C and, because it is done before the start, for Go. */
static void set(const char *name, const char *value)
{
    if (value) {
        setenv(name, value, 1);
    }
}

/* How many processors this process may run on. */
static int processors(void)
{
    cpu_set_t allowed;

    return sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
}

/* How many threads of this process may serve requests at once, less those of mod_http2. */
static int serving_threads(void)
{
    int threads = 1;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    return threads > 1 ? threads : 1;
}

int modgo_runtime_children(void)
{
    int children = 1;

    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &children);
    return children > 1 ? children : 1;
}

static void set_environment(const modgo_process_config *c)
{
    int spare = serving_threads(), i;
    char max_procs[16];

    for (i = 0; i < c->environment->nelts; i++) {
        const modgo_setting *setting = &APR_ARRAY_IDX(c->environment, i, modgo_setting);
        set(setting->name, setting->value);
    }
    set("GOMAXPROCS", c->max_procs);
    set("GOMEMLIMIT", c->memory_limit);
    set("GOGC", c->gc);
    apr_snprintf(max_procs, sizeof(max_procs), "%d",
                 processors() + (spare < MOST_SPARE_PROCS ? spare : MOST_SPARE_PROCS));
    setenv("GOMAXPROCS", max_procs, 0);
}

/*
 * What the runtime looks for in the auxiliary vector; above all the kernel's page of functions (vdso), without which
 * each look at the clock is a system call. It would read /proc/self/auxv instead, which a child that was root may not.
 * Not AT_RANDOM: it is the parent's, and all children would draw the same random numbers.
 */
static const unsigned long auxiliary[] = {AT_SYSINFO_EHDR, AT_PAGESZ, AT_HWCAP, AT_HWCAP2, AT_SECURE};

#define AUXILIARY (sizeof(auxiliary) / sizeof(auxiliary[0]))

/* Copies the auxiliary vector, which AT_NULL ends: a pair of zeros. */
static void copy_auxiliary(unsigned long *to)
{
    apr_size_t i;

    for (i = 0; i < AUXILIARY; i++) {
        unsigned long value;

        errno = 0;
        value = getauxval(auxiliary[i]);
        if (value || errno == 0) { /* else the kernel gives none */
            *to++ = auxiliary[i];
            *to++ = value;
        }
    }
}

/*
 * The runtime does not call getenv: it reads argv, environment and auxiliary vector as one block, the way the kernel
 * leaves them. The block and its strings must live as long as the process.
 */
static char **make_block(const process_rec *process)
{
    int argc = process->argc, envc = 0;
    char **block;

    while (environ[envc]) {
        envc++;
    }
    block = calloc(argc + 1 + envc + 1 + 2 * (AUXILIARY + 1), sizeof(char *));
    memcpy(block, process->argv, argc * sizeof(char *));
    memcpy(block + argc + 1, copy_of(environ, envc), envc * sizeof(char *));
    copy_auxiliary((unsigned long *)(block + argc + 1 + envc + 1));
    return block;
}

/*
 * Keeps this object in memory until the process is gone. At its exit httpd unloads its modules; Go's threads run on
 * until the very end.
 */
static void pin_object(void)
{
    Dl_info info;

    if (dladdr(&go_module, &info)) {
        dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
    }
}

void modgo_runtime_prepare(const modgo_process_config *c)
{
    pin_object();
    set_environment(c);
}

/*
 * Go passes a fault in C code on to the handler that it finds at its start, and prints a trace only where there is
 * none. httpd's would end the process without one; it still gets the SIGABRT that Go ends with (CoreDumpDirectory).
 */
static void forget_fault_handlers(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE};
    apr_size_t i;

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        signal(faults[i], SIG_DFL);
    }
}

int modgo_runtime_start(apr_pool_t *p, server_rec *s, const modgo_process_config *c)
{
    const process_rec *process = s->process;
    const go_init *init;
    sigset_t all, before;
    int slack;
    char **block;

    if (&modgo_go_init_start[0] == &modgo_go_init_end[0]) {
        ap_log_error(
            APLOG_MARK, APLOG_CRIT, 0, s,
            "MODGO0002: this mod_go.so was not linked by modgo build, so its Go runtime started in the parent and "
            "cannot work here; build it with: modgo build -o mod_go.so PACKAGE...");
        return -1;
    }
    modgo_runtime_prepare(c);
    forget_fault_handlers();
    block = make_block(process);

    /* Threads inherit both: no signal of httpd's may be delivered to a thread of Go's. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK, 0, 0, 0);
    for (init = modgo_go_init_start; init < modgo_go_init_end; init++) {
        (*init)(process->argc, block, block + process->argc + 1);
    }
    modgoGoRuntimeReady(); /* returns when the runtime is up */
    prctl(PR_SET_TIMERSLACK, slack > 0 ? (unsigned long)slack : 0UL, 0, 0, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return 0;
}

/* Whether this is a signal's handler, on the thread's alternate stack: Go's own signals use it from its top on. */
static int on_signal_stack(void)
{
    stack_t stack;

    return sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_ONSTACK);
}

static apr_status_t process_ends(void *process)
{
    /*
     * Under prefork SIGTERM and SIGHUP end the process from their handler, perhaps in the midst of a request. Go must
     * not be entered there: the next signal of its own would overwrite the handler's frames.
     */
    if (!on_signal_stack() && !modgo_log_serving()) {
        modgo_stopping_wait(modgo_process_config_get()->shutdown_timeout);
        modgoGoStop(process);
    }
    return APR_SUCCESS;
}

/* The signals by which httpd ends its children. */
static void ending_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGUSR1);
}

void modgo_runtime_begin(apr_pool_t *p, server_rec *s)
{
    const modgo_process_config *c = modgo_process_config_get();
    const unsigned char *wanted;
    void *process;
    int count;

    if (modgo_runtime_start(p, s, c) == 0) {
        wanted = modgo_targets_wanted(p, c, &count);
        process = modgoGoStart((unsigned char *)wanted, count, modgo_crash_descriptor());
        apr_pool_pre_cleanup_register(p, process, process_ends);
        __atomic_store_n(&started, 1, __ATOMIC_RELEASE);
    }
    modgo_startup_phase(MODGO_START_DONE, 0);
}

static void start_child(apr_pool_t *pchild, server_rec *s)
{
    int admitted;

    modgo_inflight_child(pchild, s);
    modgo_statistics_child();
    admitted = modgo_startup_admit();
    modgo_output_capture(pchild, s);
    if (admitted) {
        modgo_runtime_begin(pchild, s);
    }
    else {
        modgo_startup_wait(pchild, s);
    }
    modgo_inflight_orderly(pchild); /* last, because clean-ups run in reverse */
}

void modgo_child_init(apr_pool_t *pchild, server_rec *s)
{
    sigset_t ending, before;

    /* Under prefork they are not blocked here; their handlers must not run while this thread is within Go. */
    ending_signals(&ending);
    pthread_sigmask(SIG_BLOCK, &ending, &before);
    start_child(pchild, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int modgo_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK; /* the first reading of two */
    }
    ap_add_version_component(pconf, "mod_go/" MODGO_VERSION);
    if (modgo_inflight_create(pconf, s) != OK || modgo_statistics_create(pconf, s) != OK ||
        modgo_startup_create(s) != OK || modgo_channel_create(pconf, s) != OK) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return modgo_memory_create(s);
}
