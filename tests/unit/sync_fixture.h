/* Objects without an engine: a set in shared memory, and tasks, threads or processes, that use it. */
#ifndef SCHEDVIZ_SYNC_FIXTURE_H
#define SCHEDVIZ_SYNC_FIXTURE_H

#include "../../src/engine/channel.h"
#include "../../src/engine/counter.h"
#include "../../src/engine/sync.h"

#include <pthread.h>
#include <sys/types.h>

#define STAGE_MAX_TASKS  64
#define STAGE_PATIENCE_S 60 /* before a test gives up; never waited for when all is well */

struct stage;

struct member {
    struct stage *stage;
    unsigned number; /* and seat */
    struct waiter waiter;
    struct actor actor;
    void (*body)(struct member *);
    pthread_t thread;
    pid_t pid; /* 0: a thread */
};

/* What the tasks of a test share beside the objects. */
struct stage_words {
    _Atomic bool stop[STAGE_MAX_TASKS];
    _Atomic int tids[STAGE_MAX_TASKS];   /* 0: not there yet */
    _Atomic bool ended[STAGE_MAX_TASKS]; /* its body returned */
    _Atomic bool left[STAGE_MAX_TASKS];  /* it was called back */
    _Atomic int64_t words[32];           /* the test's own */
    struct ring rings[STAGE_MAX_TASKS];
};

struct stage {
    struct program program;
    struct stage_words *shared;
    struct objects *objects;
    struct member members[STAGE_MAX_TASKS];
    bool processes;
    unsigned n_tasks;
};

/* A program of one template whose tasks use all its objects. The names are "0", "1" ... */
void stage_open(struct stage *stage, const struct object *objects, uint32_t n_objects, bool processes);
void stage_close(struct stage *stage);

/* Starts a task with the next number; it has joined the objects. */
struct member *stage_start(struct stage *stage, void (*body)(struct member *));

/* Waits for the end of all (false when they do not end in time; then they are stopped). Tasks that were
 * killed have ended; all have left the objects. */
bool stage_join(struct stage *stage);

/* Tells a task to stop: the flag, and the signal. */
void stage_stop(struct stage *stage, unsigned number);
/* Ends a process at once, and takes it out of the objects. */
void stage_kill(struct stage *stage, unsigned number);
/* The task is asleep in the kernel. */
void stage_wait_asleep(struct stage *stage, unsigned number);

struct object_state stage_object(const struct stage *stage, uint32_t object);
/* Waits until so many wait for the object. */
void stage_wait_waiting(struct stage *stage, uint32_t object, unsigned n);

/* How many notes of the sort a task told of the object (-1: any); the last one of them. */
unsigned stage_count_notes(struct stage *stage, unsigned number, int note, int32_t object,
                           struct event *last);

#endif
