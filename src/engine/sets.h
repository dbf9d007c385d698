/* The sets of objects of a program: each run has one of its own. */
#ifndef SCHEDVIZ_ENGINE_SETS_H
#define SCHEDVIZ_ENGINE_SETS_H

#include "../err.h"
#include "feed.h"
#include "objects.h"

#define SETS_NONE (-1)

struct sets {
    struct shared *shared;
    struct feed *feed; /* tells of the objects of a set when it is given to a run */
    struct {
        uint16_t run;     /* 0: never used */
        unsigned n_users; /* tasks that are there */
        uint64_t begun_ns;
    } all[OBJECTS_SETS];
};

/* Maps them as shared memory, for the program in it, before the host is forked. */
bool sets_init(struct sets *sets, struct shared *shared, struct feed *feed, struct err *err);
void sets_fini(struct sets *sets);

/* The set of the run, or SETS_NONE. */
int sets_find(const struct sets *sets, uint16_t run);

/* The set of the run; if there is none, it gets the oldest that no task uses, which the host makes anew.
 * SETS_NONE when all are in use. */
int sets_take(struct sets *sets, uint16_t run);

/* A task comes to use a set; it is gone. */
void sets_use(struct sets *sets, unsigned set);
void sets_leave(struct sets *sets, unsigned set);

#endif
