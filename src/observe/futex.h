/* Who waits for whom, as the kernel has it: futex(2) addresses, and the owner that glibc keeps there. It
 * needs no help of the program that is looked at. */
#ifndef SCHEDVIZ_OBSERVE_FUTEX_H
#define SCHEDVIZ_OBSERVE_FUTEX_H

#include "../err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct futex_task {
    int pid, tid;
};

enum futex_edge_kind {
    FUTEX_EDGE_MUTEX,
    FUTEX_EDGE_JOIN,    /* pthread_join(3): the owner is the thread whose end is awaited */
    FUTEX_EDGE_UNKNOWN, /* a semaphore, a condition, or anything else: nobody owns it. So it is with a lock
                           with priority inheritance whose wait would close a cycle: the kernel refuses it
                           (FUTEX_LOCK_PI, EDEADLK), and glibc makes the task sleep elsewhere for ever. Of
                           tasks that close it at the same time the kernel may refuse more than one */
};

/* A task that sleeps in futex(2). */
struct futex_edge {
    int waiter_tid;
    int owner_tid; /* 0: UNKNOWN */
    uint64_t address;
    enum futex_edge_kind kind;
    /* MUTEX that processes share: where it is, whatever address each has it at. inode 0: it is at its address
     * in the waiter's process. */
    uint64_t device, inode, offset;
    bool is_limited; /* in time: it goes on by itself */
};

/* Looks at n tasks one after the other; edges has room for n. False, with the reason and the way out in err,
 * when one or more may not be looked at; what is seen of the others is there all the same. A task that is
 * gone is left out. In another pid namespace than ours an owner is found among the threads of the waiter's
 * process alone: what processes share there is UNKNOWN. */
bool futex_edges(const struct futex_task *tasks, unsigned n, struct futex_edge *edges, unsigned *n_edges,
                 struct err *err);

/* Numbers the cycles among them: cycle[i] is the number (from 1) of the one that edges[i] is part of, or 0.
 * Returns how many there are. As the tasks were not looked at in one instant, a deadlock is a cycle that a
 * second look, a while later, shows again. */
unsigned futex_cycles(const struct futex_edge *edges, unsigned n, unsigned *cycle);

/* ---- pure parsers of kernel text, and of memory ---- */

enum futex_state {
    FUTEX_RUNNING, /* or runnable */
    FUTEX_ELSEWHERE,
    FUTEX_WAITING,
};

/* What /proc/TID/syscall (proc(5)) tells. */
struct futex_call {
    enum futex_state state;
    uint64_t address;
    uint32_t operation; /* FUTEX_WAIT and so on, without flags */
    uint32_t value;     /* what the word was expected to be */
    bool is_private;    /* FUTEX_PRIVATE_FLAG */
    bool is_limited;    /* it has a timeout */
    bool is_compat;     /* a 32-bit program on a 64-bit kernel */
};

/* False when it is no such text. */
bool futex_parse_syscall(const char *text, size_t n, struct futex_call *call);

/* The mapping that holds an address, from the text of /proc/PID/maps. */
struct futex_mapping {
    uint64_t begin, end, offset;
    uint64_t device, inode; /* inode 0: of this process alone */
    bool is_shared;
};

/* Reads the next line at *text and moves behind it; false at the end, or when it is no such line. */
bool futex_parse_mapping(const char **text, const char *end, struct futex_mapping *mapping);

/* The first words of a pthread_mutex_t, or of whatever is at the address. */
#define FUTEX_WORDS 5

/* What a wait is by the words that were found at its address, and the tid that it then speaks of: to be
 * checked whether there is such a thread. */
enum futex_edge_kind futex_judge(const struct futex_call *call, const uint32_t words[FUTEX_WORDS],
                                 int *owner_tid);

#endif
