/* A gate of two words in shared memory and one futex. */
#include "gate.h"
#include "../clock.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

uint32_t gate_ticket(struct shared *shared)
{
    return atomic_load(&shared->released);
}

bool gate_wait(struct shared *shared, uint32_t ticket, const _Atomic bool *stop)
{
    for (;;) {
        uint32_t bell = atomic_load(&shared->gate_bell);
        if (atomic_load(stop) || atomic_load(&shared->quit))
            return false;
        if (atomic_load(&shared->released) != ticket)
            return true;
        /* Not FUTEX_PRIVATE: the waiters are threads of several processes. */
        syscall(SYS_futex, &shared->gate_bell, FUTEX_WAIT, bell, NULL, NULL, 0);
    }
}

void gate_open(struct shared *shared)
{
    atomic_store(&shared->released_ns, clock_now_ns());
    atomic_fetch_add(&shared->released, 1);
    gate_ring(shared);
}

void gate_ring(struct shared *shared)
{
    atomic_fetch_add(&shared->gate_bell, 1);
    syscall(SYS_futex, &shared->gate_bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
