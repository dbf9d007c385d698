/* What schedviz may do beyond its user: kept to the least, and not handed on. */
#ifndef SCHEDVIZ_PRIVILEGE_H
#define SCHEDVIZ_PRIVILEGE_H

#include "err.h"

#include <stdbool.h>

/* First thing in main(). Where the program gained privileges as it was executed (file capabilities, set-uid,
 * set-gid), all are given up for good but CAP_PERFMON, and user and group are the caller's own. What the
 * caller brought along itself, as root does, stays. False when the kernel does not let go of them: nothing
 * may be done then. */
bool privilege_begin(struct err *err);

/* In a child, before it executes a program that is not ours: what was gained goes, CAP_PERFMON too. */
bool privilege_none(struct err *err);

/* Whether the user may look at a process without what was gained: ptrace(2), PTRACE_MODE_READ_FSCREDS. Else,
 * or when there is none, a line with the way out. */
bool privilege_may_watch(int pid, struct err *err);

#endif
