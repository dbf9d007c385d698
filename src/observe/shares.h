/* What two tasks share: Linux knows one notion of task, and clone(2)'s flags say what a new one shares with
 * its maker. */
#ifndef SCHEDVIZ_SHARES_H
#define SCHEDVIZ_SHARES_H

#include <stdbool.h>

enum shares_what {
    SHARES_MEMORY,  /* CLONE_VM: the address space */
    SHARES_FILES,   /* CLONE_FILES: the table of open files */
    SHARES_FS,      /* CLONE_FS: root, working directory, umask */
    SHARES_SIGHAND, /* CLONE_SIGHAND: the table of signal handlers */
};

/* 1 or 0; -1 where the kernel does not tell (kcmp(2): a task is gone, or may not be looked at). */
int shares(int tid, int other_tid, enum shares_what what);

#endif
