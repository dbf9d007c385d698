/* The one door through which a task of the workload blocks. A task that is told to stop is called back
 * through it, and a green thread lets its fellows run meanwhile. */
#ifndef SCHEDVIZ_ENGINE_WAIT_H
#define SCHEDVIZ_ENGINE_WAIT_H

#include "note.h"

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Sent to a task that is to stop and may be blocked, after its stop flag was set. A task that is not inside
 * the door looks at its flag by itself, and the signal does nothing to it. */
#define PLAY_SIGNAL SIGUSR1

/* How a green thread waits; made by who carries it. */
struct green_wait {
    void *context;
    /* Returns when *word is no longer value (word NULL: never), or at until_ns (0: never), or when the green
     * thread is to stop. Nobody is told that a word changed: it is looked at. */
    void (*wait)(void *context, const _Atomic uint32_t *word, uint32_t value, uint64_t until_ns);
    void (*yield)(void *context);
};

struct waiter {
    struct notes notes;
    unsigned seat;                  /* the number of its slot */
    const _Atomic bool *stop;       /* its own flag */
    const _Atomic bool *quit;       /* everybody's; may be NULL */
    const struct green_wait *green; /* NULL: a thread or a process */

    /* Where a task that is to stop is called back to: set with sigsetjmp(base, 1) before it first waits. */
    sigjmp_buf base;
    volatile sig_atomic_t is_inside;
};

static inline bool wait_is_stopped(const struct waiter *waiter)
{
    return atomic_load_explicit(waiter->stop, memory_order_relaxed) ||
           (waiter->quit && atomic_load_explicit(waiter->quit, memory_order_relaxed));
}

/* Around a system call that may block, with nothing else in between: from anywhere between the two
 * PLAY_SIGNAL leads to base. */
void wait_enter(struct waiter *waiter);
void wait_leave(struct waiter *waiter);

/* After base was reached: the task is outside again. */
void wait_recover(struct waiter *waiter);

/* Leads to base when the task is to stop. */
void wait_check(struct waiter *waiter);

/* All of these lead to base when the task is to stop. They may return early, wait_until() excepted. */
void wait_word(struct waiter *waiter, const _Atomic uint32_t *word, uint32_t value);
void wait_until(struct waiter *waiter, uint64_t until_ns);
void wait_yield(struct waiter *waiter);

/* A green thread alone: wait_word() with an end. */
void wait_word_until(struct waiter *waiter, const _Atomic uint32_t *word, uint32_t value, uint64_t until_ns);

/* Wakes the one task that is in wait_word(); of any process. */
void wait_wake(_Atomic uint32_t *word);

/* Installs the handler of PLAY_SIGNAL for the whole process; once in each process that has tasks. */
void wait_handle_signals(void);

#endif
