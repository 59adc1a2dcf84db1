/*
 * How a child ended. The parent waits for its children in httpd's own code, which tells modules that one is gone, but
 * not by what; it logs most signals (AH00051, AH00052) right before, and there the signal is read.
 */
#include "modgo.h"

#include <stdlib.h>
#include <unistd.h>

#define VMSTAT_BYTES (32 << 10)

/* The last child of which httpd has logged that a signal ended it, and the signal. */
static pid_t signalled;
static int signal_number;

/* httpd's words: "child pid 4711 exit signal Aborted (6)". It says nothing of SIGKILL and of the signals that it sends.
 */
static void error_log(const ap_errorlog_info *info, const char *line)
{
    const char *pid = info->r || info->c ? NULL : strstr(line, "child pid ");
    const char *signal = pid ? strstr(pid, " exit signal ") : NULL;
    const char *number = signal ? strchr(signal, '(') : NULL;

    if (number) {
        signalled = (pid_t)atol(pid + strlen("child pid "));
        signal_number = atoi(number + 1);
    }
}

void modgo_death_register(void) { ap_hook_error_log(error_log, NULL, NULL, APR_HOOK_MIDDLE); }

apr_int64_t modgo_death_memory_kills(void)
{
    char text[VMSTAT_BYTES + 1];
    const char *found;
    int file = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
    ssize_t len = file < 0 ? 0 : read(file, text, VMSTAT_BYTES);

    if (file >= 0) {
        close(file);
    }
    text[len > 0 ? len : 0] = '\0';
    found = strstr(text, "\noom_kill ");
    return found ? apr_atoi64(found + strlen("\noom_kill ")) : -1;
}

const char *modgo_death_cause(apr_pool_t *p, pid_t pid, apr_int64_t memory_kills)
{
    apr_int64_t kills = memory_kills < 0 ? 0 : modgo_death_memory_kills() - memory_kills;

    if (pid == signalled) {
        return apr_psprintf(p, "signal %d (%s) ended it", signal_number, strsignal(signal_number));
    }
    if (kills > 0) {
        return apr_psprintf(
            p,
            "it ended without a word, most likely by the kernel's out-of-memory killer, which has ended "
            "%" APR_INT64_T_FMT " of this machine's processes since this one began (dmesg names them): "
            "set GoMemoryLimit, or have fewer children",
            kills);
    }
    return "it ended without a word: os.Exit or log.Fatal in an application, or a kill -9 from outside (the kernel's "
           "out-of-memory killer has ended no process since this one began)";
}
