/* Runs a command for which perf_event_open(2) fails with EPERM, as in containers. */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int refuse(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return -ENOMEM;
    int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(perf_event_open), 0);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: refuse_perf COMMAND [ARG...]\n");
        return 125;
    }
    int rc = refuse();
    if (rc < 0) {
        fprintf(stderr, "refuse_perf: no seccomp filter: %s\n", strerror(-rc));
        return 125;
    }
    execvp(argv[1], argv + 1);
    fprintf(stderr, "refuse_perf: %s: %s\n", argv[1], strerror(errno));
    return 127;
}
