/*
 * What a child had printed when it died, and nobody had logged: os.Exit right after a print is faster than the thread
 * that logs. Each child leaves the reading ends of its pipes in a mailbox, a socket of the parent's, where the kernel
 * keeps them alive; the parent looks into the pipes of a child that has died.
 */
#include "modgo.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

APLOG_USE_MODULE(go);

#define PIPES 2
#define PIPE_BYTES (64 << 10) /* no more fits into a pipe, unless an application has enlarged it */

typedef union {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(PIPES * sizeof(int))];
} control;

int modgo_output_mailbox(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}

static struct msghdr envelope(struct iovec *data, control *c)
{
    struct msghdr message = {0};

    message.msg_iov = data;
    message.msg_iovlen = 1;
    message.msg_control = c->bytes;
    message.msg_controllen = sizeof(c->bytes);
    return message;
}

/* Puts the pipes of a child into the mailbox. When it is full, what that child prints last may be lost. */
static void post(const int ends[2], pid_t pid, const int pipes[PIPES])
{
    struct iovec data = {&pid, sizeof(pid)};
    control c = {{0}};
    struct msghdr message = envelope(&data, &c);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(PIPES * sizeof(int));
    memcpy(CMSG_DATA(head), pipes, PIPES * sizeof(int));
    sendmsg(ends[1], &message, MSG_NOSIGNAL);
}

/* Takes the next message; returns 0 when there is none. A message without pipes gives -1 for them. */
static int take(const int ends[2], pid_t *pid, int pipes[PIPES])
{
    struct iovec data = {pid, sizeof(*pid)};
    control c = {{0}};
    struct msghdr message = envelope(&data, &c);
    struct cmsghdr *head;

    pipes[0] = pipes[1] = -1;
    if (recvmsg(ends[0], &message, MSG_CMSG_CLOEXEC) != sizeof(*pid)) {
        return 0;
    }
    head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(PIPES * sizeof(int))) {
        memcpy(pipes, CMSG_DATA(head), PIPES * sizeof(int));
    }
    return 1;
}

void modgo_output_entrust(const int ends[2], const int pipes[PIPES]) { post(ends, getpid(), pipes); }

/* Logs what a pipe holds. A child is not trusted: what it has left may be anything, and must not stop the parent. */
static void log_rest(server_rec *s, pid_t pid, int pipe)
{
    struct stat info;
    char *rest, *line, *state;
    ssize_t n;

    if (pipe < 0 || fstat(pipe, &info) != 0 || !S_ISFIFO(info.st_mode) || fcntl(pipe, F_SETFL, O_NONBLOCK) != 0) {
        return;
    }
    rest = malloc(PIPE_BYTES + 1);
    n = rest ? read(pipe, rest, PIPE_BYTES) : 0;
    if (n > 0) {
        rest[n] = '\0';
        for (line = apr_strtok(rest, "\n", &state); line; line = apr_strtok(NULL, "\n", &state)) {
            ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "child %" APR_PID_T_FMT ": %s", pid, line);
        }
    }
    free(rest);
}

void modgo_output_inherit(server_rec *s, const int ends[2], pid_t dead, int children)
{
    int pipes[PIPES], left, i;
    pid_t pid;

    /* Every message is looked at once; those of other children go back, behind the others. */
    for (left = children; left > 0 && take(ends, &pid, pipes); left--) {
        if (pid == dead) {
            for (i = 0; i < PIPES; i++) {
                log_rest(s, pid, pipes[i]);
            }
        }
        else if (pipes[0] >= 0) {
            post(ends, pid, pipes);
        }
        for (i = 0; i < PIPES; i++) {
            if (pipes[i] >= 0) {
                close(pipes[i]);
            }
        }
        if (pid == dead) {
            return;
        }
    }
}
