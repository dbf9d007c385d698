/* Task groups (rt-app's `taskgroup`): control groups of the cpu controller, below the one that we are in. */
#ifndef SCHEDVIZ_ENGINE_TASKGROUP_H
#define SCHEDVIZ_ENGINE_TASKGROUP_H

#include "../err.h"

#include <stdbool.h>

/* Puts the calling thread into the group "/a/b", which is made where it does not exist, in a group of its own
 * for the caller's process group. Fails where no group may be made. */
bool taskgroup_enter(const char *name, struct err *err);

/* Removes all that this process group made, and what process groups made that are gone. Their tasks are gone
 * too. */
void taskgroup_clean(void);

/* Forks a process that does so when all of this process group are gone, however they ended: the caller is to
 * live until then, and so are all that it forks from here on. */
void taskgroup_watch(void);

#endif
