/* The program without a screen: run to the end, then report. */
#ifndef SCHEDVIZ_BATCH_H
#define SCHEDVIZ_BATCH_H

#include "output.h"
#include "setup.h"

enum batch_end {
    BATCH_DONE,
    BATCH_FAILED,   /* cut short; a line has told why */
    BATCH_DEADLOCK, /* with --exit-on-deadlock */
};

/* Runs the session to the end of its work or of the duration, or the lecture (NULL: none) through its steps,
 * or until SIGINT, SIGTERM, SIGHUP, and stops it. Progress goes to standard error where that is a terminal.
 */
enum batch_end batch_run(const struct options *options, const struct setup *setup, struct session *session,
                         struct lecture *lecture);

/* Writes the report, in the format that the options name. */
bool batch_report(const struct options *options, struct machine *machine, struct session *session,
                  struct lecture *lecture, struct output *output, struct err *err);

#endif
