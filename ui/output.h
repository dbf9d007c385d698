/* Where a report goes: a stream that is there already, or a file that takes its name when it is complete. */
#ifndef SCHEDVIZ_OUTPUT_H
#define SCHEDVIZ_OUTPUT_H

#include "../src/err.h"

#include <stdio.h>

/* The members are the output's own, but for those that a writer needs. */
struct output {
    FILE *stream;     /* from output_begin(): to be written to */
    char *temporary;  /* the same as a path without links; NULL when it is no file */
    const char *name; /* as the user gave it; NULL: standard output */
    char *path;       /* NULL: a stream that was opened at once */
    bool force;
};

/* Whether name is a terminal, a pipe or another thing that is no file (NULL: standard output, so yes). */
bool output_is_stream(const char *name);

/* Whether something has that name. */
bool output_exists(const char *name);

/* Whether both are names of one file in one directory. */
bool output_is_same(const char *name, const char *other);

/* Before anything runs: finds out whether a report can be written to name, and opens it when it is a stream.
 * A file that exists is refused without force. The line begins with the name. Nothing is made yet. name stays
 * the caller's and must outlive the output. */
bool output_choose(struct output *output, const char *name, bool force, struct err *err);

/* When there is a report: makes the file under a temporary name beside its own, so that nobody ever sees half
 * of it. */
bool output_begin(struct output *output, struct err *err);

/* It is complete: brings it to the disk and gives it its name. When its name cannot be given, it is kept
 * under the temporary one, and the line says so. */
bool output_finish(struct output *output, struct err *err);

/* Closes the output; a file that was begun and not finished is removed. */
void output_fini(struct output *output);

#endif
