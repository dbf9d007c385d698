/* Signals as something to poll, and the way out when a fatal one strikes. */
#ifndef SCHEDVIZ_SIGNALS_H
#define SCHEDVIZ_SIGNALS_H

struct session;

enum {
    SIGNAL_END = 1,    /* SIGINT, SIGTERM, SIGHUP, SIGQUIT */
    SIGNAL_STOP = 2,   /* SIGTSTP: Ctrl-Z */
    SIGNAL_RESIZE = 4, /* SIGWINCH */
    SIGNAL_CONTINUE = 8,
};

/* Blocks these signals and returns a signalfd(2) for them; the process keeps one for its life. -1 never: no
 * fd dies. */
int signals_open(void);

/* What came since the last call: SIGNAL_* together; never blocks. */
unsigned signals_read(int fd);

/* From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT and SIGSYS give the terminal back, kill the session's
 * tasks (NULL: none), and strike again. */
void signals_guard(const struct session *session);

#endif
