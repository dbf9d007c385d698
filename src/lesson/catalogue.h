/* The lessons that ship, inside the program itself, so that they are there wherever it is. */
#ifndef SCHEDVIZ_CATALOGUE_H
#define SCHEDVIZ_CATALOGUE_H

#include "../workload/program.h"

struct catalogue_entry {
    const char *name; /* "deadlock" */
    const char *text; /* the file, lessons/deadlock.yaml */
};

extern const struct catalogue_entry catalogue[];
extern const unsigned n_catalogue;

/* The lesson of this name, else the workload file of this name; "-" is standard input. NULL with one line. A
 * file in the working folder whose name is a lesson's is reached as ./NAME. */
struct program *catalogue_load(const char *name, struct err *err);

/* The lesson whose name is nearest to this one, or NULL when none is near. */
const char *catalogue_suggest(const char *name);

#endif
