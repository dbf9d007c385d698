/* What it costs to make a task: ACTION_CREATE. */
#ifndef SCHEDVIZ_ENGINE_CREATE_H
#define SCHEDVIZ_ENGINE_CREATE_H

#include "../err.h"
#include "../event.h"

#include <stdbool.h>

/* Makes one thread, process or green thread, lets it run (it does nothing) and waits for its end. */
bool create_task(enum task_kind kind, struct err *err);

#endif
