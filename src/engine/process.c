/* The beginning, the waiting and the places of the engine's processes. */
#include "process.h"
#include "../clock.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

void process_die_with(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
}

void process_reset_signals(void)
{
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
}

void process_unblock_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

void place_init(struct place *place)
{
    cpuset_get_affinity(0, &place->home);
    place->here = place->home;
}

void place_go(struct place *place, const struct cpuset *cpus)
{
    if (!cpuset_equal(&place->here, cpus) && cpuset_set_affinity(0, cpus))
        place->here = *cpus;
}

void process_sleep(int bell, int timeout_ms)
{
    struct pollfd pollfd = {.fd = bell, .events = POLLIN};
    struct timespec timeout = {.tv_nsec = timeout_ms * (long)NS_PER_MS};
    sigset_t none;
    eventfd_t count;

    sigemptyset(&none);
    if (ppoll(&pollfd, 1, timeout_ms < 0 ? NULL : &timeout, &none) > 0)
        eventfd_read(bell, &count);
}
