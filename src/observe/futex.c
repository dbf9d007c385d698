/* Who waits for whom, as the kernel has it: looking at tasks, and cycles in what was seen. */
#include "futex.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- reading ---- */

/* The whole file, for free(); NULL with errno. */
static char *read_all(const char *path, size_t *n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    size_t capacity = 4096;
    char *text = mem_new(1, capacity);
    ssize_t got;
    *n = 0;
    while ((got = read(fd, text + *n, capacity - *n)) > 0) {
        *n += (size_t)got;
        if (*n == capacity)
            text = mem_resize(text, capacity *= 2, 1);
    }
    int error = errno;
    close(fd);
    if (got == 0)
        return text;
    free(text);
    errno = error;
    return NULL;
}

/* -1 with errno. */
static int open_call(const struct futex_task *task)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", task->pid, task->tid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* As it is now, however often it is read. False with errno when it cannot be. */
static bool read_call(int fd, struct futex_call *call)
{
    char text[256];
    ssize_t n = pread(fd, text, sizeof text, 0);
    if (n < 0)
        return false;
    if (!futex_parse_syscall(text, (size_t)n, call))
        *call = (struct futex_call){.state = FUTEX_ELSEWHERE};
    return true;
}

/* What lies at the address; words beyond the end of its memory are zero. False with errno. */
static bool read_words(int pid, uint64_t address, uint32_t words[FUTEX_WORDS])
{
    const size_t size = FUTEX_WORDS * sizeof *words;
    memset(words, 0, size);
    for (size_t n = size; n >= sizeof *words; n -= sizeof *words) {
        struct iovec local = {words, n}, remote = {(void *)(uintptr_t)address, n};
        ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
        if (got >= (ssize_t)sizeof *words)
            return true;
        if (got < 0 && errno != EFAULT)
            return false;
    }
    errno = EFAULT;
    return false;
}

/* ---- numbers of another pid namespace ---- */

/* 0: not known. */
static ino_t pid_namespace(const char *pid)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%s/ns/pid", pid);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* The number that a thread goes by in its own namespace: the last of NSpid (proc_pid_status(5)). */
static int own_number(int pid, int tid)
{
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, tid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *line = strstr(text, "\nNSpid:");
    if (!line)
        return 0;
    const char *end = line + 1 + strcspn(line + 1, "\n");
    while (end > line && end[-1] >= '0' && end[-1] <= '9')
        end--;
    return atoi(end);
}

/* Our number of the thread that goes by `number` in the namespace of its process; 0: there is none. */
static int our_number(int pid, int number)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    const struct dirent *entry;
    int found = 0;
    while (tasks && !found && (entry = readdir(tasks))) {
        const int tid = atoi(entry->d_name);
        if (tid > 0 && own_number(pid, tid) == number)
            found = tid;
    }
    if (tasks)
        closedir(tasks);
    return found;
}

static void translate_owner(int pid, struct futex_edge *edge)
{
    char name[16];
    snprintf(name, sizeof name, "%d", pid);
    const ino_t its = pid_namespace(name);
    if (edge->owner_tid > 0 && its && its != pid_namespace("self"))
        edge->owner_tid = our_number(pid, edge->owner_tid);
}

/* ---- is that its owner? ---- */

static bool is_thread_of(int pid, int tid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d", pid, tid);
    return tid > 0 && access(path, F_OK) == 0;
}

static bool find_mapping(int pid, bool (*is_it)(const struct futex_mapping *, const void *), const void *what,
                         struct futex_mapping *mapping)
{
    char path[64];
    size_t n;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    char *text = read_all(path, &n);
    const char *at = text;
    bool found = false;
    while (text && !found && futex_parse_mapping(&at, text + n, mapping))
        found = is_it(mapping, what);
    free(text);
    return found;
}

static bool holds(const struct futex_mapping *mapping, const void *address)
{
    uint64_t at = *(const uint64_t *)address;
    return at >= mapping->begin && at < mapping->end;
}

static bool is_same(const struct futex_mapping *mapping, const void *other)
{
    const struct futex_mapping *shared = other;
    return mapping->is_shared && mapping->inode == shared->inode && mapping->device == shared->device;
}

/* Memory that two processes share is of one file, even where it has no name (mmap(2), MAP_ANONYMOUS). */
static void find_place(int pid, struct futex_edge *edge, struct futex_mapping *mapping)
{
    if (!find_mapping(pid, holds, &edge->address, mapping) || !mapping->is_shared)
        return;
    edge->device = mapping->device;
    edge->inode = mapping->inode;
    edge->offset = mapping->offset + (edge->address - mapping->begin);
}

static bool may_own(const struct futex_task *task, const struct futex_call *call, struct futex_edge *edge)
{
    struct futex_mapping mapping, other;
    if (edge->kind == FUTEX_EDGE_MUTEX && !call->is_private)
        find_place(task->pid, edge, &mapping);
    if (is_thread_of(task->pid, edge->owner_tid))
        return edge->kind == FUTEX_EDGE_MUTEX || edge->owner_tid != task->tid;
    return edge->inode != 0 && edge->owner_tid > 0 &&
           find_mapping(edge->owner_tid, is_same, &mapping, &other);
}

/* ---- edges ---- */

static bool is_same_call(const struct futex_call *a, const struct futex_call *b)
{
    return a->state == b->state && a->address == b->address && a->operation == b->operation &&
           a->value == b->value;
}

/* False with errno when the task cannot be looked at; *found tells whether it sleeps in futex(2). */
static bool look_at(int fd, const struct futex_task *task, struct futex_edge *edge, bool *found)
{
    struct futex_call call, after;
    uint32_t words[FUTEX_WORDS];
    if (!read_call(fd, &call))
        return false;
    if (call.state != FUTEX_WAITING)
        return true;
    if (!read_words(task->tid, call.address, words))
        return errno == EFAULT;
    *edge =
        (struct futex_edge){.waiter_tid = task->tid, .address = call.address, .is_limited = call.is_limited};
    edge->kind = futex_judge(&call, words, &edge->owner_tid);
    translate_owner(task->pid, edge);
    if (edge->kind != FUTEX_EDGE_UNKNOWN && !may_own(task, &call, edge)) {
        edge->kind = FUTEX_EDGE_UNKNOWN;
        edge->owner_tid = 0;
    }
    /* It has slept in this call all the while, or it is not known what was seen. */
    *found = read_call(fd, &after) && is_same_call(&call, &after);
    return true;
}

static bool look(const struct futex_task *task, struct futex_edge *edge, bool *found)
{
    *found = false;
    int fd = open_call(task);
    if (fd < 0)
        return false;
    bool may = look_at(fd, task, edge, found);
    int error = errno;
    close(fd);
    errno = error;
    return may;
}

static bool is_other_users(int pid)
{
    char path[32];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d", pid);
    return stat(path, &st) == 0 && st.st_uid != geteuid();
}

static int ptrace_scope(void)
{
    size_t n;
    char *text = read_all("/proc/sys/kernel/yama/ptrace_scope", &n);
    int scope = text && n > 0 && text[0] >= '0' && text[0] <= '9' ? text[0] - '0' : 0;
    free(text);
    return scope;
}

/* What is gone is in /proc no more, but neither is what hidepid of proc(5) hides. */
static bool is_gone(const struct futex_task *task, int error)
{
    return (error == ENOENT || error == ESRCH) && kill(task->tid, 0) < 0 && errno == ESRCH;
}

static bool refused(const struct futex_task *task, int error, struct err *err)
{
    if (error == ENOENT || error == ESRCH)
        return err_set(err,
                       "what task %d waits for may not be seen: it may not be traced, and /proc hides it "
                       "(hidepid); run schedviz as root",
                       task->tid);
    if (geteuid() != 0 && is_other_users(task->pid))
        return err_set(err,
                       "what task %d waits for may not be seen: it is another user's; run schedviz as that "
                       "user or as root",
                       task->tid);
    if (ptrace_scope() > 0)
        return err_set(err,
                       "what task %d waits for may not be seen: kernel.yama.ptrace_scope is %d; start the "
                       "program with schedviz, or run schedviz as root",
                       task->tid, ptrace_scope());
    return err_set(err,
                   "what task %d waits for may not be seen: %s; run schedviz as root, outside of a container",
                   task->tid, strerror(error));
}

bool futex_edges(const struct futex_task *tasks, unsigned n, struct futex_edge *edges, unsigned *n_edges,
                 struct err *err)
{
    bool all = true;
    *n_edges = 0;
    for (unsigned i = 0; i < n; i++) {
        bool found;
        if (look(&tasks[i], &edges[*n_edges], &found)) {
            *n_edges += found;
        } else if (all) {
            const int error = errno;
            all = is_gone(&tasks[i], error) || refused(&tasks[i], error, err);
        }
    }
    return all;
}

/* ---- cycles ---- */

static int compare_waiters(const void *a, const void *b)
{
    const struct futex_edge *const *x = a, *const *y = b;
    return ((*x)->waiter_tid > (*y)->waiter_tid) - ((*x)->waiter_tid < (*y)->waiter_tid);
}

/* The index of the edge that leads on from one, or n. */
static unsigned next_edge(const struct futex_edge *const *sorted, const struct futex_edge *edges, unsigned n,
                          unsigned from)
{
    struct futex_edge key = {.waiter_tid = edges[from].owner_tid};
    const struct futex_edge *wanted = &key;
    if (edges[from].kind == FUTEX_EDGE_UNKNOWN)
        return n;
    const struct futex_edge *const *found = bsearch(&wanted, sorted, n, sizeof *sorted, compare_waiters);
    return found ? (unsigned)(*found - edges) : n;
}

/* Each edge is walked over once: `walk` tells by which walk. */
static bool find_cycle(const unsigned *next, unsigned n, unsigned from, unsigned *walk, unsigned *cycle,
                       unsigned number)
{
    unsigned at = from;
    while (at < n && walk[at] == 0) {
        walk[at] = from + 1;
        at = next[at];
    }
    if (at == n || walk[at] != from + 1)
        return false;
    for (; cycle[at] == 0; at = next[at])
        cycle[at] = number;
    return true;
}

unsigned futex_cycles(const struct futex_edge *edges, unsigned n, unsigned *cycle)
{
    const struct futex_edge **sorted = mem_new(n, sizeof *sorted);
    unsigned *next = mem_new(n, sizeof *next), *walk = mem_new(n, sizeof *walk);
    unsigned n_cycles = 0;
    for (unsigned i = 0; i < n; i++)
        sorted[i] = &edges[i];
    if (n)
        qsort(sorted, n, sizeof *sorted, compare_waiters);
    for (unsigned i = 0; i < n; i++) {
        next[i] = next_edge(sorted, edges, n, i);
        cycle[i] = 0;
    }
    for (unsigned i = 0; i < n; i++)
        n_cycles += find_cycle(next, n, i, walk, cycle, n_cycles + 1);
    free(sorted);
    free(next);
    free(walk);
    return n_cycles;
}
