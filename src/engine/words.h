/* What a task says of itself when it comes and when it goes. */
#ifndef SCHEDVIZ_ENGINE_WORDS_H
#define SCHEDVIZ_ENGINE_WORDS_H

#include "watch.h"

/* Its first words: who it is (tid, time_ns and u.task of *about), and its name. */
void words_first(struct ring *ring, const struct event *about, const char *name);

/* The last words of the calling thread, all at one moment: *work (u.work; NULL: nothing), the kernel's own
 * counters (nobody can read them once the thread is gone), and with a watch, which ends, the last switch out
 * and the end. True when the end was told; others are seen to end by who joins them. */
bool words_last(struct ring *ring, int tid, struct watch *watch, const struct event *work);

#endif
