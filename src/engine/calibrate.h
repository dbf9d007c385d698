/* How long a unit of work takes on a core of its own. */
#ifndef SCHEDVIZ_ENGINE_CALIBRATE_H
#define SCHEDVIZ_ENGINE_CALIBRATE_H

#include "shared.h"

/* Runs the workers' loop, as it will run with or without self-timing, for about 4 ms; fills in unit_ps and
 * gap_ns. */
void calibrate(struct shared *shared);

#endif
