/* Blocking calls that a signal can end at any moment, by a jump: so no moment between the look at the stop
 * flag and the call itself can be missed, and calls that restart by themselves (pthread_mutex_lock(3)) end
 * too. */
#include "wait.h"
#include "../clock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local struct waiter *volatile armed; /* who is inside the door, in this thread */

static void on_signal(int sig)
{
    struct waiter *waiter = armed;

    (void)sig;
    if (waiter && wait_is_stopped(waiter)) {
        armed = NULL;
        siglongjmp(waiter->base, 1);
    }
}

void wait_handle_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    sigaction(PLAY_SIGNAL, &action, NULL);
}

void wait_check(struct waiter *waiter)
{
    if (wait_is_stopped(waiter)) {
        armed = NULL;
        siglongjmp(waiter->base, 1);
    }
}

void wait_enter(struct waiter *waiter)
{
    if (waiter->notes.watch)
        watch_block(waiter->notes.watch);
    waiter->is_inside = true;
    armed = waiter;
    wait_check(waiter);
}

void wait_leave(struct waiter *waiter)
{
    armed = NULL;
    wait_recover(waiter);
}

void wait_recover(struct waiter *waiter)
{
    if (!waiter->is_inside)
        return;
    waiter->is_inside = false;
    if (waiter->notes.watch)
        watch_unblock(waiter->notes.watch);
}

void wait_word_until(struct waiter *waiter, const _Atomic uint32_t *word, uint32_t value, uint64_t until_ns)
{
    waiter->green->wait(waiter->green->context, word, value, until_ns);
    wait_check(waiter);
}

void wait_word(struct waiter *waiter, const _Atomic uint32_t *word, uint32_t value)
{
    if (waiter->green) {
        wait_word_until(waiter, word, value, 0);
        return;
    }
    wait_enter(waiter);
    /* Not FUTEX_PRIVATE: the tasks may be of several processes. */
    syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
    wait_leave(waiter);
    wait_check(waiter);
}

void wait_until(struct waiter *waiter, uint64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S)};

    if (waiter->green) {
        while (clock_now_ns() < until_ns)
            wait_word_until(waiter, NULL, 0, until_ns);
        return;
    }
    wait_enter(waiter);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        wait_check(waiter);
    wait_leave(waiter);
}

void wait_yield(struct waiter *waiter)
{
    if (waiter->green) {
        waiter->green->yield(waiter->green->context);
    } else {
        sched_yield();
        if (waiter->notes.watch)
            watch_step(waiter->notes.watch, clock_now_ns());
    }
    wait_check(waiter);
}

void wait_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}
