/* What the tasks of an attached process had when schedviz came, and how it is given back. */
#include "origins.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_ROUNDS 20

struct origin {
    int tid;
    uint64_t start;
    struct cpuset cpus;
    int nice, policy;
    struct sched_param param;
};

static bool read_origin(const struct target_task *task, struct origin *origin)
{
    *origin = (struct origin){.tid = task->tid, .start = task->start};
    origin->nice = getpriority(PRIO_PROCESS, (id_t)task->tid);
    origin->policy = sched_getscheduler(task->tid);
    return cpuset_get_affinity(task->tid, &origin->cpus) && origin->policy >= 0 &&
           sched_getparam(task->tid, &origin->param) == 0;
}

void origins_keep(struct origins *o, const struct target_task *task)
{
    struct origin origin;
    if (!read_origin(task, &origin))
        return;
    if (o->n == o->capacity) {
        o->capacity = o->capacity ? 2 * o->capacity : 16;
        o->all = mem_resize(o->all, o->capacity, sizeof *o->all);
    }
    o->all[o->n++] = origin;
}

/* ---- giving back ---- */

/* True if the task had something else. */
static bool give_back(unsigned changed, const struct target_task *task, const struct origin *origin)
{
    struct origin now;
    bool any = false;
    if (!read_origin(task, &now))
        return false;
    if (changed & ORIGIN_CPUS && !cpuset_equal(&now.cpus, &origin->cpus))
        any = cpuset_set_affinity(task->tid, &origin->cpus);
    if (changed & ORIGIN_POLICY && now.policy != origin->policy)
        any = sched_setscheduler(task->tid, origin->policy, &origin->param) == 0 || any;
    if (changed & ORIGIN_NICE && now.nice != origin->nice)
        any = setpriority(PRIO_PROCESS, (id_t)task->tid, origin->nice) == 0 || any;
    return any;
}

static int compare(const void *a, const void *b)
{
    const int x = ((const struct origin *)a)->tid, y = ((const struct origin *)b)->tid;
    return x < y ? -1 : x > y;
}

static bool give_all_back(const struct origins *o, const struct target *target,
                          const struct origin *of_process)
{
    struct target_task *now;
    const size_t n = target_list(target, &now);
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        const struct origin key = {.tid = now[i].tid};
        const struct origin *origin = bsearch(&key, o->all, o->n, sizeof *o->all, compare);
        any = give_back(o->changed, &now[i], origin && origin->start == now[i].start ? origin : of_process) ||
              any;
    }
    free(now);
    return any;
}

/* Who was made while the others were put back may have inherited what they had before: once more, until
 * nobody has. */
static void restore(struct origins *o, const struct target *target)
{
    if (!o->changed || !o->n)
        return;
    const struct origin of_process = o->all[0];
    qsort(o->all, o->n, sizeof *o->all, compare);
    for (int i = 0; i < MOST_ROUNDS && give_all_back(o, target, &of_process); i++) {
    }
    o->n = 0;
    o->changed = 0;
}

/* ---- the guard ---- */

/* What schedviz has open is its own: an event of perf, for one, would go on as long as it is open here. */
static void close_others(int fd)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        dup2(null, i);
    if (fd > STDERR_FILENO + 1)
        close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0U, 0);
}

/* It has a copy of all that was kept, hears what is changed, and waits for us to be gone. Signals of the
 * terminal are not meant for it. */
static _Noreturn void guard(struct origins *o, const struct target *target, int fd)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "schedviz-keeper");
    if (fd <= STDERR_FILENO) /* we were started without these */
        fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close_others(fd);
    for (;;) {
        unsigned char what;
        const ssize_t n = recv(fd, &what, 1, 0);
        if (n == 1)
            o->changed |= what;
        else if (n == 0 || errno != EINTR)
            break;
    }
    restore(o, target);
    _exit(0);
}

static bool start_guard(struct origins *o, const struct target *target)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return false;
    const pid_t pid = fork();
    if (pid == 0)
        guard(o, target, fds[1]);
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return false;
    }
    o->guard = pid;
    o->guard_fd = fds[0];
    return true;
}

static void end_guard(struct origins *o)
{
    if (!o->guard)
        return;
    kill(o->guard, SIGKILL);
    while (waitpid(o->guard, NULL, 0) < 0 && errno == EINTR) {
    }
    close(o->guard_fd);
    o->guard = 0;
}

bool origins_change(struct origins *o, const struct target *target, enum origin_change what)
{
    const unsigned char byte = (unsigned char)what;
    if (!o->n)
        return false;
    const bool is_new = !o->guard && start_guard(o, target);
    o->changed |= what;
    if (o->guard)
        send(o->guard_fd, &byte, 1, MSG_NOSIGNAL);
    return is_new;
}

void origins_restore(struct origins *o, const struct target *target)
{
    restore(o, target);
    end_guard(o);
}

void origins_fini(struct origins *o)
{
    end_guard(o);
    free(o->all);
    *o = (struct origins){0};
}
