/* The keeper. It lives as long as schedviz or as the last process below it, and does nothing but wait. */
#include "keeper.h"

#include "../clock.h"
#include "../privilege.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_NS (1 * NS_PER_S) /* between SIGTERM and SIGKILL */

struct keeper {
    const struct keeper_config *config;
    pid_t command;   /* 0: it was reaped */
    int gate;        /* the command waits for a byte of it */
    int exec_fd;     /* errno comes here if it cannot be executed; -1: closed */
    int children_fd; /* readable when a child may have ended */
    bool lets_run;
    bool ends;
};

/* ---- the command, before it is one ---- */

/* No key goes to it, and what it writes is ours to show: a process group of its own, without a terminal. It
 * is not a session of its own: each of those has its share of the CPU where sched_autogroup_enabled is set
 * (sched(7)), and so the command's would be another one than without us, and ours. */
static void take_streams(const struct keeper_config *config)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
    setpgid(0, 0);
    if (terminal >= 0) {
        ioctl(terminal, TIOCNOTTY); /* for this process and what it makes: ioctl_tty(2) */
        close(terminal);
    }
    dup2(null, STDIN_FILENO);
    dup2(config->output_slave, STDOUT_FILENO);
    dup2(config->output_slave, STDERR_FILENO);
}

static _Noreturn void be_command(const struct keeper_config *config, int gate, int exec_fd)
{
    sigset_t none;
    char go;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (!privilege_none(NULL))
        _exit(125);
    setrlimit(RLIMIT_NOFILE, config->files);
    if (config->output_slave >= 0)
        take_streams(config);
    if (read(gate, &go, 1) != 1)
        _exit(0); /* schedviz did not begin */
    execvp(config->argv[0], config->argv);
    const int error = errno;
    if (write(exec_fd, &error, sizeof error) < 0)
        _exit(126);
    _exit(error == ENOENT ? 127 : 126);
}

/* ---- the keeper ---- */

/* Who reads the command's output to its end is not to wait for us, who may stay for a daemon of it. */
static void leave_streams(void)
{
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    if (null > STDERR_FILENO)
        close(null);
}

static void say(const struct keeper *keeper, const struct keeper_word *word)
{
    send(keeper->config->socket, word, sizeof *word, MSG_NOSIGNAL);
}

static bool start_command(struct keeper *keeper)
{
    int gate[2], exec_fds[2];
    if (pipe2(gate, O_CLOEXEC) < 0 || pipe2(exec_fds, O_CLOEXEC) < 0)
        return false;
    /* The command inherits the mask: its very first slice is on one of its CPUs. */
    struct cpuset own;
    const bool known = cpuset_get_affinity(0, &own);
    cpuset_set_affinity(0, keeper->config->cpus);
    keeper->command = fork();
    if (keeper->command == 0) {
        close(gate[1]); /* else it would wait for itself, should the keeper be killed */
        be_command(keeper->config, gate[0], exec_fds[1]);
    }
    if (known)
        cpuset_set_affinity(0, &own);
    close(gate[0]);
    close(exec_fds[1]);
    keeper->gate = gate[1];
    keeper->exec_fd = exec_fds[0];
    return keeper->command > 0;
}

static void hear_exec(struct keeper *keeper)
{
    int error;
    if (read(keeper->exec_fd, &error, sizeof error) == (ssize_t)sizeof error)
        say(keeper, &(struct keeper_word){.what = KEEPER_NOT_EXECUTED, .number = error});
    close(keeper->exec_fd);
    keeper->exec_fd = -1;
}

/* Reaps what has ended. False when no child is left. */
static bool reap(struct keeper *keeper)
{
    for (;;) {
        struct keeper_word word = {.what = KEEPER_ENDED};
        const pid_t pid = wait4(-1, &word.number, WNOHANG, &word.usage);
        if (pid == 0)
            return true;
        if (pid < 0)
            return errno != ECHILD;
        if (pid != keeper->command)
            continue;
        if (keeper->exec_fd >= 0)
            hear_exec(keeper); /* it comes first */
        keeper->command = 0;
        say(keeper, &word);
    }
}

static void wait_for_children(const struct keeper *keeper, int timeout_ms)
{
    struct pollfd fd = {.fd = keeper->children_fd, .events = POLLIN};
    struct signalfd_siginfo info;
    if (poll(&fd, 1, timeout_ms) > 0) {
        const ssize_t n = read(fd.fd, &info, sizeof info);
        (void)n; /* it told what it had to */
    }
}

static void signal_all(int number)
{
    pid_t *pids;
    const size_t n = tree_descendants(getpid(), 0, &pids);
    for (size_t i = 0; i < n; i++)
        kill(pids[i], number);
    free(pids);
}

/* What forks while it is killed is found by the next look. */
static void end_all(struct keeper *keeper)
{
    const uint64_t begun_ns = clock_now_ns();
    signal_all(SIGTERM);
    signal_all(SIGCONT);
    while (reap(keeper) &&
           clock_now_ns() < begun_ns + 3 * GRACE_NS) { /* not for ever: some may not be ours to kill */
        if (clock_now_ns() >= begun_ns + GRACE_NS)
            signal_all(SIGKILL);
        wait_for_children(keeper, 50);
    }
}

/* Nobody looks any more: what is written is read, so that nobody who writes has to wait. */
static void read_on(struct keeper *keeper)
{
    struct pollfd fds[] = {{.fd = keeper->config->output, .events = POLLIN},
                           {.fd = keeper->children_fd, .events = POLLIN}};
    while (reap(keeper)) {
        char bytes[4096];
        poll(fds, 2, -1);
        if (fds[0].revents && read(fds[0].fd, bytes, sizeof bytes) <= 0)
            fds[0].fd = -1;
        wait_for_children(keeper, 0);
    }
}

static void take_order(struct keeper *keeper)
{
    char order;
    const ssize_t n = recv(keeper->config->socket, &order, 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || order == KEEPER_END) {
        keeper->ends = true;
    } else if (order == KEEPER_LET_RUN) {
        keeper->lets_run = true;
    } else if (order == KEEPER_GO && keeper->gate >= 0) {
        const ssize_t written = write(keeper->gate, &order, 1);
        (void)written; /* it is gone: that is told */
        close(keeper->gate);
        keeper->gate = -1;
    }
}

static void keep(struct keeper *keeper)
{
    bool any = true;
    while (!keeper->ends) {
        struct pollfd fds[] = {{.fd = keeper->config->socket, .events = POLLIN},
                               {.fd = keeper->children_fd, .events = POLLIN},
                               {.fd = keeper->exec_fd, .events = POLLIN}};
        poll(fds, 3, -1);
        if (fds[0].revents)
            take_order(keeper);
        if (fds[2].revents)
            hear_exec(keeper);
        wait_for_children(keeper, 0);
        const bool had = any;
        any = reap(keeper);
        if (had && !any)
            say(keeper, &(struct keeper_word){.what = KEEPER_ALL_ENDED});
    }
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* What schedviz has open is its own: an event of perf, for one, would go on as long as it is open here. */
static void close_others(const struct keeper_config *config)
{
    int kept[] = {STDERR_FILENO, config->socket, config->output, config->output_slave};
    const size_t n = sizeof kept / sizeof *kept;
    qsort(kept, n, sizeof *kept, compare_ints);
    for (size_t i = 0; i < n; i++) {
        const unsigned from = (unsigned)(kept[i] + 1), to = i + 1 < n ? (unsigned)kept[i + 1] : ~0U;
        if (kept[i] >= STDERR_FILENO && from < to)
            close_range(from, to - (i + 1 < n), 0);
    }
}

/* Signals of the terminal are meant for the command and for schedviz. */
static void prepare(struct keeper *keeper)
{
    sigset_t children;
    sigfillset(&children);
    sigprocmask(SIG_SETMASK, &children, NULL);
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    keeper->children_fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "schedviz-keeper");
}

_Noreturn void keeper_run(const struct keeper_config *config)
{
    struct keeper keeper = {.config = config, .gate = -1, .exec_fd = -1};
    close_others(config);
    if (!privilege_none(NULL)) /* nothing of it is needed here, and it may outlive schedviz */
        _exit(1);
    prepare(&keeper);
    if (!start_command(&keeper))
        _exit(1);
    leave_streams();
    if (config->output_slave >= 0)
        close(config->output_slave);
    say(&keeper, &(struct keeper_word){.what = KEEPER_STARTED, .pid = keeper.command});
    keep(&keeper);
    if (keeper.lets_run)
        read_on(&keeper);
    else
        end_all(&keeper);
    _exit(0);
}
