/* A watched program, from schedviz's side: a command by way of its keeper, or a process by its pidfd. */
#include "target.h"

#include "../clock.h"
#include "../privilege.h"
#include "keeper.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

struct target {
    bool is_command;
    pid_t pid;      /* of the program; 0: not started */
    uint64_t start; /* of an attached one: see struct target_task */
    pid_t keeper;   /* of a command; 0: reaped */
    int fd;         /* the keeper's socket, or the process's pidfd */
    int output;     /* the pseudo-terminal; -1 */
    bool ended, known;
    bool all_ended; /* nothing is left below the keeper */
    bool lets_run;
    int status, exec_error;
    struct rusage usage;

    char *bytes; /* a ring of TARGET_OUTPUT_BYTES, straightened when it is asked for */
    size_t n_bytes, first;
    uint64_t n_before;
};

/* ---- a command ---- */

/* A terminal that hands on what is written as it is. */
static bool open_terminal(int fds[2], struct err *err)
{
    char name[128];
    struct termios modes;
    fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fds[0] < 0 || grantpt(fds[0]) != 0 || unlockpt(fds[0]) != 0 ||
        ptsname_r(fds[0], name, sizeof name) != 0)
        return err_set(err, "no pseudo-terminal for the command's output: %s", strerror(errno));
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    fds[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fds[1] < 0)
        return err_set(err, "no pseudo-terminal for the command's output: %s: %s", name, strerror(errno));
    if (tcgetattr(fds[1], &modes) == 0) {
        cfmakeraw(&modes);
        tcsetattr(fds[1], TCSANOW, &modes);
    }
    return true;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void take_word(struct target *target, const struct keeper_word *word)
{
    switch (word->what) {
    case KEEPER_STARTED:
        target->pid = word->pid;
        break;
    case KEEPER_NOT_EXECUTED:
        target->exec_error = word->number;
        break;
    case KEEPER_ENDED:
        target->ended = target->known = true;
        target->status = word->number;
        target->usage = word->usage;
        break;
    case KEEPER_ALL_ENDED:
        target->all_ended = true;
        break;
    }
}

/* False at the end of the connection. */
static bool hear(struct target *target, int flags)
{
    struct keeper_word word;
    const ssize_t n = recv(target->fd, &word, sizeof word, flags);
    if (n == (ssize_t)sizeof word) {
        take_word(target, &word);
        return true;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void tell(const struct target *target, enum keeper_order order)
{
    const char byte = (char)order;
    send(target->fd, &byte, 1, MSG_NOSIGNAL);
}

struct target *target_start(const struct target_command *command, struct err *err)
{
    struct target *target = mem_new(1, sizeof *target);
    int sockets[2] = {-1, -1}, terminal[2] = {-1, -1};
    *target = (struct target){.is_command = true, .fd = -1, .output = -1};
    if (command->captured && !open_terminal(terminal, err))
        goto fail;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
        err_set(err, "the command could not be started: %s", strerror(errno));
        goto fail;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    target->keeper = fork();
    if (target->keeper == 0) {
        const struct keeper_config config = {.argv = command->argv,
                                             .cpus = command->cpus,
                                             .files = command->files,
                                             .socket = sockets[1],
                                             .output = terminal[0],
                                             .output_slave = terminal[1]};
        keeper_run(&config);
    }
    close_fd(&sockets[1]);
    close_fd(&terminal[1]);
    target->fd = sockets[0];
    target->output = terminal[0];
    if (target->keeper < 0 || !hear(target, 0) || !target->pid) {
        err_set(err, "the command could not be started: %s", strerror(errno));
        goto fail;
    }
    return target;
fail:
    if (target->fd < 0) {
        close_fd(&sockets[0]);
        close_fd(&terminal[0]);
    }
    close_fd(&terminal[1]);
    target_free(target);
    return NULL;
}

void target_release(struct target *target)
{
    if (target->is_command)
        tell(target, KEEPER_GO);
}

void target_end(struct target *target)
{
    if (target->is_command)
        tell(target, KEEPER_END);
}

void target_let_run(struct target *target)
{
    target->lets_run = true;
    if (target->is_command)
        tell(target, KEEPER_LET_RUN);
}

/* ---- a process that runs already ---- */

/* A thread's number names its process. */
static pid_t process_of(pid_t tid)
{
    char path[64], line[128];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)tid);
    FILE *file = fopen(path, "re");
    while (file && !pid && fgets(line, sizeof line, file))
        if (sscanf(line, "Tgid: %d", &pid) != 1)
            pid = 0;
    if (file)
        fclose(file);
    return pid;
}

struct target *target_attach(int number, struct err *err)
{
    struct tree_stat stat;
    const pid_t pid = process_of(number);
    if (!pid || !tree_read_stat(pid, 0, &stat)) {
        err_set(err, "there is no process %d, or it may not be seen", number);
        return NULL;
    }
    if (pid == getpid()) {
        err_set(err, "process %d is schedviz itself, which is shown anyway", number);
        return NULL;
    }
    if (!privilege_may_watch(pid, err))
        return NULL;
    const int fd = (int)syscall(SYS_pidfd_open, pid, 0); /* -1 before Linux 5.3: its end is seen in /proc */
    if (fd < 0 && errno == ESRCH) {
        err_set(err, "process %d has just ended", number);
        return NULL;
    }
    struct target *target = mem_new(1, sizeof *target);
    *target = (struct target){.pid = pid, .start = stat.start, .fd = fd, .output = -1};
    return target;
}

/* ---- its end ---- */

/* The keeper ends by itself when the connection does; it takes at most its own patience. */
static void await_keeper(struct target *target)
{
    const uint64_t until_ns = clock_now_ns() + 5 * NS_PER_S;
    while (target->keeper > 0 && clock_now_ns() < until_ns) {
        const struct timespec pause = {.tv_nsec = 2 * (long)NS_PER_MS};
        if (waitpid(target->keeper, NULL, WNOHANG) != 0)
            target->keeper = 0;
        else
            nanosleep(&pause, NULL);
    }
}

void target_free(struct target *target)
{
    if (!target)
        return;
    if (target->is_command && target->fd >= 0 && !target->lets_run)
        tell(target, KEEPER_END);
    close_fd(&target->fd);
    close_fd(&target->output);
    if (!target->lets_run)
        await_keeper(target);
    free(target->bytes);
    free(target);
}

void target_kill(const struct target *target)
{
    if (target->is_command && !target->lets_run && target->pid && !target->ended)
        kill(target->pid, SIGKILL); /* the keeper ends the others */
}

int target_pid(const struct target *target)
{
    return target->pid;
}

int target_keeper_pid(const struct target *target)
{
    return target->keeper;
}

bool target_is_command(const struct target *target)
{
    return target->is_command;
}

static void poll_command(struct target *target)
{
    if (target->fd < 0)
        return;
    for (;;) {
        struct pollfd fd = {.fd = target->fd, .events = POLLIN};
        if (poll(&fd, 1, 0) <= 0)
            break;
        if (!hear(target, MSG_DONTWAIT)) { /* somebody killed the keeper: what is left is our child now */
            close_fd(&target->fd);
            target->ended = target->all_ended = true;
            break;
        }
    }
    while (target->fd < 0 && waitpid(-1, NULL, WNOHANG) > 0) { /* its orphans came to us */
        target->keeper = 0;
    }
}

void target_poll(struct target *target)
{
    if (target->is_command) {
        poll_command(target);
        return;
    }
    struct pollfd fd = {.fd = target->fd, .events = POLLIN};
    struct tree_stat stat;
    if (target->ended)
        return;
    if (target->fd >= 0)
        target->ended = poll(&fd, 1, 0) > 0;
    else
        target->ended = !tree_read_stat(target->pid, 0, &stat) || stat.start != target->start;
}

bool target_ended(const struct target *target)
{
    return target->ended;
}

bool target_all_ended(const struct target *target)
{
    return target->is_command ? target->all_ended : target->ended;
}

bool target_status(const struct target *target, int *status)
{
    *status = target->status;
    return target->known;
}

bool target_usage(const struct target *target, struct rusage *usage)
{
    *usage = target->usage;
    return target->known;
}

int target_exec_error(const struct target *target)
{
    return target->exec_error;
}

unsigned target_poll_fds(const struct target *target, struct pollfd *fds, unsigned max)
{
    unsigned n = 0;
    if (n < max && target->fd >= 0 && !(target->ended && (!target->is_command || target->all_ended)))
        fds[n++] = (struct pollfd){.fd = target->fd, .events = POLLIN};
    if (n < max && target->output >= 0)
        fds[n++] = (struct pollfd){.fd = target->output, .events = POLLIN};
    return n;
}

/* ---- what it writes ---- */

static void keep_bytes(struct target *target, const char *bytes, size_t n)
{
    if (!target->bytes)
        target->bytes = mem_new(2, TARGET_OUTPUT_BYTES);
    /* Twice the room: what is kept lies in one piece, and is moved once for as many bytes. */
    if (target->first + target->n_bytes + n > 2 * (size_t)TARGET_OUTPUT_BYTES) {
        memmove(target->bytes, target->bytes + target->first, target->n_bytes);
        target->first = 0;
    }
    memcpy(target->bytes + target->first + target->n_bytes, bytes, n);
    target->n_bytes += n;
    if (target->n_bytes > TARGET_OUTPUT_BYTES) {
        const size_t n_over = target->n_bytes - TARGET_OUTPUT_BYTES;
        target->first += n_over;
        target->n_bytes -= n_over;
        target->n_before += n_over;
    }
}

/* At most a MiB at once: a program that writes without end is not let starve the screen. */
void target_read(struct target *target)
{
    char bytes[16384];
    for (int i = 0; i < 64 && target->output >= 0; i++) {
        const ssize_t n = read(target->output, bytes, sizeof bytes);
        if (n > 0)
            keep_bytes(target, bytes, (size_t)n);
        else if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        else /* EIO: nobody has the other end any more */
            close_fd(&target->output);
    }
}

const char *target_output(const struct target *target, size_t *n, uint64_t *n_before)
{
    *n = target->n_bytes;
    *n_before = target->n_before;
    return target->bytes ? target->bytes + target->first : "";
}

/* ---- job control ---- */

/* A captured command leads a process group of its own: the terminal's keys do not come to it. */
void target_suspend(const struct target *target)
{
    if (target->is_command && target->output >= 0 && !target->ended)
        kill(-target->pid, SIGSTOP);
}

void target_resume(const struct target *target)
{
    if (target->is_command && target->output >= 0 && !target->ended)
        kill(-target->pid, SIGCONT);
}

/* ---- its tasks ---- */

static int compare_tids(const void *a, const void *b)
{
    const int x = ((const struct target_task *)a)->tid, y = ((const struct target_task *)b)->tid;
    return x < y ? -1 : x > y;
}

size_t target_list(const struct target *target, struct target_task **tasks)
{
    size_t n = 0, capacity = 0;
    pid_t *pids;
    const size_t n_pids = target->is_command ? tree_descendants(getpid(), 0, &pids)
                                             : tree_descendants(target->pid, getpid(), &pids);
    *tasks = NULL;
    if (!target->is_command)
        n = tree_add_threads(target->pid, tasks, n, &capacity);
    for (size_t i = 0; i < n_pids; i++)
        if (pids[i] != target->keeper)
            n = tree_add_threads(pids[i], tasks, n, &capacity);
    free(pids);
    if (n)
        qsort(*tasks, n, sizeof **tasks, compare_tids);
    return n;
}
