/* A program that schedviz watches and that is not its own: a command that it starts, or a process that runs
 * already. */
#ifndef SCHEDVIZ_TARGET_H
#define SCHEDVIZ_TARGET_H

#include "../cpuset.h"
#include "../err.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

struct target;

struct target_command {
    const struct rlimit *files; /* RLIMIT_NOFILE as it was when we began: we may have raised ours */
    char *const *argv;          /* ends in NULL; outlives the target */
    const struct cpuset *cpus;  /* where it begins; copied */
    bool captured; /* its standard output and error come to target_output() by way of a pseudo-terminal, and
                      its input is /dev/null; else it has ours */
};

/* Forks a keeper, and that the command's process, which waits until target_release() and then executes it:
 * execvp(3). Sources that watch by inheritance must be open on the caller before. The keeper is the parent of
 * what the command leaves behind (PR_SET_CHILD_SUBREAPER of prctl(2)), tells how it ended, and ends all there
 * is when we are gone, however that came. */
struct target *target_start(const struct target_command *command, struct err *err);

/* A process that lives, or that of a thread. NULL with a line where there is none, or where the user may not look
 * at it (ptrace(2), PTRACE_MODE_READ_FSCREDS). */
struct target *target_attach(int pid, struct err *err);

/* Ends a command that still runs, with all of its descendants, unless it was let run; frees. */
void target_free(struct target *target);
void target_kill(const struct target *target); /* for the fatal-signal handler: async-signal-safe */

void target_release(struct target *target);
void target_end(struct target *target); /* SIGTERM to all there is, after a second SIGKILL; does not wait */
void target_let_run(struct target *target);

int target_pid(const struct target *target);
int target_keeper_pid(const struct target *target); /* 0: there is none */
bool target_is_command(const struct target *target);

/* Looks whether it ended, and reaps orphans. */
void target_poll(struct target *target);
bool target_ended(const struct target *target);
bool target_all_ended(const struct target *target); /* and nothing is left that descends from it */
/* Of a command that ended, and of all of its descendants that were waited for; false: not known. */
bool target_usage(const struct target *target, struct rusage *usage);
bool target_status(const struct target *target, int *status); /* wait(2); false: not known, or not yet */
int target_exec_error(const struct target *target);           /* errno of execvp(3); 0 */

/* Readable when there is something for target_poll() or target_read(). */
unsigned target_poll_fds(const struct target *target, struct pollfd *fds, unsigned max);
/* Takes what is there; never blocks. */
void target_read(struct target *target);
/* The last of what it wrote, at most TARGET_OUTPUT_BYTES; *n_before: bytes before those. */
#define TARGET_OUTPUT_BYTES (256u * 1024)
const char *target_output(const struct target *target, size_t *n, uint64_t *n_before);

/* Job control: SIGSTOP and SIGCONT to a captured command's group. */
void target_suspend(const struct target *target);
void target_resume(const struct target *target);

/* ---- its tasks ---- */

/* A thread as /proc has it. */
struct target_task {
    int pid, tid;
    int parent;     /* of a process: the pid of its parent; of a thread: its process */
    char name[16];  /* its comm */
    char state;     /* letter of proc(5) */
    uint64_t start; /* when it began, in ticks since boot (field 22 of /proc/PID/stat, proc(5)): tells it from
                       another one that had its tid */
};

/* All threads of the process and of its descendants, of a command also those that became our children;
 * ordered by tid. *tasks is the caller's to free. What vanishes meanwhile is left out. */
size_t target_list(const struct target *target, struct target_task **tasks);

#endif
