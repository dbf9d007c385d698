/* The screen as a text, where there is no screen: for a terminal, a chat or an issue. */
#ifndef SCHEDVIZ_PICTURE_H
#define SCHEDVIZ_PICTURE_H

#include "setup.h"

#include <stdio.h>

/* Writes what the screen shows of all that is known of the session, which has ended or is replayed, paused:
 * as large as the terminal that out is, with its colours, or else 120x36 in plain characters. lecture may be
 * NULL. False when the stream failed (errno tells). */
bool picture_write(const struct options *options, struct machine *machine, struct session *session,
                   struct lecture *lecture, FILE *out);

#endif
