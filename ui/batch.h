/* The program without a screen: run to the end, then report. */
#ifndef SCHEDVIZ_BATCH_H
#define SCHEDVIZ_BATCH_H

#include "options.h"

#include <stdio.h>

/* Runs the session to the end of its work or of the duration (or SIGINT, SIGTERM, SIGHUP) and writes the
 * report to out. Progress goes to standard error where that is a terminal. Returns the exit status. */
int batch_run(const struct options *options, const struct machine *machine, struct session *session,
              FILE *out);

#endif
