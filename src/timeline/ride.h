/* Green tasks: user-level threads, of which one at a time runs, where and while the thread runs that carries
 * it. */
#ifndef SCHEDVIZ_TIMELINE_RIDE_H
#define SCHEDVIZ_TIMELINE_RIDE_H

#include "model.h"

/* Takes an event of a green task (tid below zero) that is not taken as any other task's; false: it is. */
bool ride_take(struct timeline *tl, const struct event *event);

/* It is told which thread carries it (task.pid). */
void ride_join(struct timeline *tl, struct life *life, uint64_t t_ns);

/* It leaves its carrier; a slice ends as told. */
void ride_leave(struct timeline *tl, struct life *life, uint64_t t_ns, enum slice_end end);

/* A thread with a rider begins and ends a slice. */
void ride_on(struct timeline *tl, struct life *carrier, uint64_t t_ns);
void ride_off(struct timeline *tl, struct life *carrier, uint64_t t_ns, enum slice_end end);

/* A thread that carried green tasks is no more. */
void ride_carrier_gone(struct timeline *tl, const struct life *carrier, uint64_t t_ns);

#endif
