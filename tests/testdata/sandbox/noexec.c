/*
 * Runs a command that, like all its children, cannot make memory executable that it can write to: what systemd's
 * MemoryDenyWriteExecute forbids, by a filter of the same kind.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF_EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)

/* The access that mmap and mprotect ask for: its lower half, as the machine is little-endian. */
#define PROTECTION args[2]

static struct sock_filter rules[] = {
    LOAD(nr),
    IF_EQUAL(__NR_mmap, 0, 3),
    LOAD(PROTECTION),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, PROT_WRITE | PROT_EXEC),
    IF_EQUAL(PROT_WRITE | PROT_EXEC, 4, 5),
    IF_EQUAL(__NR_mprotect, 1, 0),
    IF_EQUAL(__NR_pkey_mprotect, 0, 3),
    LOAD(PROTECTION),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
    RETURN(SECCOMP_RET_ERRNO | EPERM),
    RETURN(SECCOMP_RET_ALLOW),
};

int main(int argc, char **argv)
{
    struct sock_fprog filter = {sizeof(rules) / sizeof(rules[0]), rules};
    void *page;

    if (argc < 2) {
        fprintf(stderr, "usage: %s COMMAND [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) {
        perror("the filter cannot be set");
        return 2;
    }
    /* Without these the filter would not be what it says. */
    if (mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) {
        fprintf(stderr, "memory can be written to and executed\n");
        return 2;
    }
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0) {
        fprintf(stderr, "memory can be made executable, or there is none\n");
        return 2;
    }
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 2;
}
