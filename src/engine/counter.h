/* A number that tasks add to, in three ways. */
#ifndef SCHEDVIZ_ENGINE_COUNTER_H
#define SCHEDVIZ_ENGINE_COUNTER_H

#include "sync.h"

/* Adds `by` n times, or less often when the task is told to stop: HOW_PLAIN loads, adds and stores, so that
 * updates are lost where another task comes in between; HOW_LOCKED takes the counter's lock each time;
 * HOW_ATOMIC is one instruction. What the counter should be then is counted too, and the time. */
void counter_add(const struct actor *actor, uint32_t counter, enum action_how how, int64_t by, uint64_t n);

int64_t counter_value(const struct actor *actor, uint32_t counter);

#endif
