/* Signals as something to poll, and the way out when a fatal one strikes. */
#include "signals.h"

#include "../src/err.h"
#include "../src/session.h"
#include "screen.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* What a fatal signal must end. A handler has no other way to know. */
static _Atomic(const struct session *) guarded;

int signals_open(void)
{
    static int fd = -1;
    if (fd >= 0)
        return fd;
    static const int polled[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH, SIGCONT};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof polled / sizeof *polled; i++)
        sigaddset(&set, polled[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        err_no_memory();
    return fd;
}

unsigned signals_read(int fd)
{
    struct signalfd_siginfo info;
    unsigned came = 0;
    while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        switch (info.ssi_signo) {
        case SIGTSTP:
            came |= SIGNAL_STOP;
            break;
        case SIGWINCH:
            came |= SIGNAL_RESIZE;
            break;
        case SIGCONT:
            came |= SIGNAL_CONTINUE;
            break;
        default:
            came |= SIGNAL_END;
        }
    }
    return came;
}

static void strike(int signal_number)
{
    screen_emergency_restore();
    const struct session *session = atomic_load(&guarded);
    if (session)
        session_kill(session);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void signals_guard(const struct session *session)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
    atomic_store(&guarded, session);
    struct sigaction action = {.sa_handler = strike, .sa_flags = SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        sigaction(fatal[i], &action, NULL);
}
