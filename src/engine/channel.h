/* Messages between tasks: through shared memory or a pipe, one way or to and fro. */
#ifndef SCHEDVIZ_ENGINE_CHANNEL_H
#define SCHEDVIZ_ENGINE_CHANNEL_H

#include "sync.h"

/* What a task touches with each message: its working set. */
struct channel_load {
    volatile unsigned char *bytes;
    uint64_t n;
};

/* One message; both wait, the sender for room. how: HOW_SHARED or HOW_PIPE (then the set must be open). They
 * return how long they waited, in nanoseconds. */
uint64_t channel_put(const struct actor *actor, uint32_t channel, enum action_how how, uint64_t message);
uint64_t channel_take(const struct actor *actor, uint32_t channel, enum action_how how, uint64_t *message);

/* So many of them, counted in the channel's operations. */
void channel_send(const struct actor *actor, uint32_t channel, enum action_how how, uint64_t n,
                  struct channel_load load);
void channel_receive(const struct actor *actor, uint32_t channel, enum action_how how, uint64_t n,
                     struct channel_load load);

/* Waits for somebody else who comes for this, then plays n round trips with it, or as many as it wants where
 * that is fewer; the game is over early when the other one is gone. how: HOW_YIELD too. */
void channel_pingpong(const struct actor *actor, uint32_t channel, enum action_how how, uint64_t n,
                      struct channel_load load);

#endif
