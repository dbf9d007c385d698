/* The tasks below a process: one look at every process of the machine tells who descends from whom. */
#include "tree.h"

#include "../clock.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- stat ---- */

/* The number that begins at *at, moved behind it. */
static bool take_number(const char **at, const char *end, uint64_t *number)
{
    const char *s = *at;
    while (s < end && *s == ' ')
        s++;
    const bool is_negative = s < end && *s == '-';
    s += is_negative;
    if (s == end || !isdigit((unsigned char)*s))
        return false;
    *number = 0;
    while (s < end && isdigit((unsigned char)*s))
        *number = *number * 10 + (uint64_t)(*s++ - '0');
    if (is_negative)
        *number = 0;
    *at = s;
    return true;
}

/* "1234 (name) S 1 ...": the name ends at the last bracket. */
bool tree_parse_stat(const char *text, size_t n, struct tree_stat *stat)
{
    enum { FIELD_PARENT = 4, FIELD_START = 22 };
    const char *at = text, *end = text + n, *open = memchr(text, '(', n), *close = memrchr(text, ')', n);
    uint64_t id, number;
    if (!take_number(&at, end, &id) || id > INT32_MAX || !open || !close || close < open || end - close < 4)
        return false;
    *stat = (struct tree_stat){.id = (int)id};
    const size_t n_name = (size_t)(close - open - 1);
    memcpy(stat->name, open + 1, n_name < sizeof stat->name ? n_name : sizeof stat->name - 1);
    stat->state = close[2];
    at = close + 3; /* behind the state, field 3 */
    for (int field = FIELD_PARENT; field <= FIELD_START; field++) {
        if (!take_number(&at, end, &number))
            return false;
        if (field == FIELD_PARENT)
            stat->parent = number <= INT32_MAX ? (int)number : 0;
    }
    stat->start = number;
    return true;
}

bool tree_read_stat(pid_t pid, pid_t tid, struct tree_stat *stat)
{
    char path[64], text[1024];
    if (tid)
        snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    else
        snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t n = read(fd, text, sizeof text);
    close(fd);
    return n > 0 && tree_parse_stat(text, (size_t)n, stat);
}

/* ---- processes ---- */

struct process {
    pid_t pid, parent;
    bool below; /* of the root */
};

static pid_t number_of(const char *name)
{
    char *end;
    const long number = strtol(name, &end, 10);
    return *end || number <= 0 || number > INT32_MAX ? 0 : (pid_t)number;
}

static size_t all_processes(struct process **processes)
{
    DIR *dir = opendir("/proc");
    size_t n = 0, capacity = 0;
    *processes = NULL;
    for (const struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        const pid_t pid = number_of(entry->d_name);
        struct tree_stat stat;
        if (!pid || !tree_read_stat(pid, 0, &stat))
            continue;
        if (n == capacity) {
            capacity = capacity ? 2 * capacity : 256;
            *processes = mem_resize(*processes, capacity, sizeof **processes);
        }
        (*processes)[n++] = (struct process){.pid = pid, .parent = stat.parent};
    }
    if (dir)
        closedir(dir);
    return n;
}

static int compare_pids(const void *a, const void *b)
{
    const pid_t x = ((const struct process *)a)->pid, y = ((const struct process *)b)->pid;
    return x < y ? -1 : x > y;
}

static bool parent_is_below(const struct process *processes, size_t n, pid_t root,
                            const struct process *child)
{
    if (child->parent == root)
        return true;
    const struct process key = {.pid = child->parent};
    const struct process *parent = bsearch(&key, processes, n, sizeof *processes, compare_pids);
    return parent && parent->below;
}

size_t tree_descendants(pid_t root, pid_t except, pid_t **pids)
{
    struct process *processes;
    const size_t n = all_processes(&processes);
    size_t n_below = 0;
    if (n)
        qsort(processes, n, sizeof *processes, compare_pids);
    for (bool again = true;
         again;) { /* as often as the tree is deep; pids mostly grow downwards: once or twice */
        again = false;
        for (size_t i = 0; i < n; i++) {
            struct process *process = &processes[i];
            if (process->below || process->pid == except || !parent_is_below(processes, n, root, process))
                continue;
            process->below = again = true;
            n_below++;
        }
    }
    *pids = mem_new(n_below + 1, sizeof **pids);
    n_below = 0;
    for (size_t i = 0; i < n; i++)
        if (processes[i].below)
            (*pids)[n_below++] = processes[i].pid;
    free(processes);
    return n_below;
}

/* ---- threads ---- */

size_t tree_add_threads(pid_t pid, struct target_task **tasks, size_t n, size_t *capacity)
{
    char path[64];
    struct tree_stat process;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    if (!tree_read_stat(pid, 0, &process))
        return n;
    DIR *dir = opendir(path);
    for (const struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        const pid_t tid = number_of(entry->d_name);
        struct tree_stat stat;
        if (!tid || !tree_read_stat(pid, tid, &stat))
            continue;
        if (n == *capacity) {
            *capacity = *capacity ? 2 * *capacity : 64;
            *tasks = mem_resize(*tasks, *capacity, sizeof **tasks);
        }
        struct target_task *task = &(*tasks)[n++];
        *task = (struct target_task){.pid = pid,
                                     .tid = tid,
                                     .parent = tid == pid ? process.parent : pid,
                                     .state = stat.state,
                                     .start = stat.start};
        memcpy(task->name, stat.name, sizeof task->name);
    }
    if (dir)
        closedir(dir);
    return n;
}
