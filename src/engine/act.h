/* What a task does in one action of the program. */
#ifndef SCHEDVIZ_ENGINE_ACT_H
#define SCHEDVIZ_ENGINE_ACT_H

#include "play.h"

/* May wait, and then leads to the waiter's base when the task is to stop; else it is over soon then. */
void act(struct player *player, const struct action *action);

/* Sleeps, and tells so. object: the number of a timer, or NOTE_NO_OBJECT. */
void act_sleep_until(struct player *player, int32_t object, uint64_t until_ns);

#endif
