/* Which tasks descend from a process, as /proc has it. */
#ifndef SCHEDVIZ_TARGET_TREE_H
#define SCHEDVIZ_TARGET_TREE_H

#include "target.h"

#include <sys/types.h>

/* The processes that descend from root, without root and without `except` (0: nobody) and what is below that;
 * ordered by pid. *pids is the caller's to free. */
size_t tree_descendants(pid_t root, pid_t except, pid_t **pids);

/* Adds all threads of a process to *tasks, which has n of them and room for *capacity; returns how many there
 * are then. A process that has vanished has none. */
size_t tree_add_threads(pid_t pid, struct target_task **tasks, size_t n, size_t *capacity);

/* What /proc/PID/stat or /proc/PID/task/TID/stat tells (proc(5)). */
struct tree_stat {
    int id;     /* pid or tid */
    int parent; /* pid */
    char name[16];
    char state;     /* R S D T t Z X I */
    uint64_t start; /* ticks since boot */
};

/* Pure: false when it is no such text. The name may hold any byte, brackets and blanks too. */
bool tree_parse_stat(const char *text, size_t n, struct tree_stat *stat);

/* Of a process, or of a thread in it (tid 0: none); false when it has vanished. */
bool tree_read_stat(pid_t pid, pid_t tid, struct tree_stat *stat);

#endif
