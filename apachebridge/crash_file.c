/*
 * The file in memory to which a dying child writes its trace, and which the parent reads: each child has a part of it,
 * with the index of its part of the table of requests in flight (inflight.c).
 */
#include "modgo.h"

#include <sys/mman.h>
#include <unistd.h>

APLOG_USE_MODULE(go);

/* Bytes of the file that belong to one child. The file is sparse. */
#define SPAN ((off_t)16 << 20)
#define READ_MOST ((apr_size_t)64 << 10)

static int whole = -1; /* this child's descriptor of the whole file */
static int part;
static int writing = -1; /* the one that is positioned at the child's part */

int modgo_crash_create(void) { return memfd_create("mod_go-crash", MFD_CLOEXEC); }

void modgo_crash_clear(int file, int index)
{
    fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, index * SPAN, SPAN);
}

/* ---- a child ---- */

void modgo_crash_open(int file, int index)
{
    char path[64];

    whole = file;
    part = index;
    /* A description of its own, so that its position is its own. */
    apr_snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    writing = open(path, O_WRONLY | O_CLOEXEC);
    if (writing >= 0) {
        lseek(writing, index * SPAN, SEEK_SET);
    }
}

void modgo_crash_write(const char *line, apr_size_t len)
{
    if (writing >= 0 && (write(writing, line, len) < 0 || write(writing, "\n", 1) < 0)) {
        writing = -1;
    }
}

int modgo_crash_written(void)
{
    char first;

    return whole >= 0 && pread(whole, &first, 1, part * SPAN) == 1 && first;
}

int modgo_crash_descriptor(void)
{
    if (writing >= 0) { /* what an init function printed was no crash, as it has returned */
        modgo_crash_clear(whole, part);
        lseek(writing, part * SPAN, SEEK_SET);
    }
    return writing;
}

/* ---- the parent ---- */

char *modgo_crash_read(apr_pool_t *p, int file, int index)
{
    char *text = apr_pcalloc(p, READ_MOST + 1);
    ssize_t n = file < 0 ? 0 : pread(file, text, READ_MOST, index * SPAN);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

apr_int64_t modgo_crash_number(const char *trace, const char *mark)
{
    const char *found = strstr(trace, mark);

    return found ? apr_atoi64(found + strlen(mark)) : 0;
}

void modgo_crash_log(server_rec *s, const char *trace, const char *cause)
{
    apr_size_t len;

    for (; *trace; trace += len + (trace[len] == '\n')) {
        len = strcspn(trace, "\n");
        if (len && (len != strlen(cause) || strncmp(trace, cause, len) != 0)) {
            ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "| %.*s", (int)len, trace);
        }
    }
}
