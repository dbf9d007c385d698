/* Hand-written runs of the scheduler for tests of the views: events, a timeline of them, and a scene to draw.
 */
#ifndef SCHEDVIZ_TEST_VIEW_FIXTURE_H
#define SCHEDVIZ_TEST_VIEW_FIXTURE_H

#include "../../ui/view.h"

#define FIXTURE_MAX_CPUS    16
#define FIXTURE_MAX_TASKS   32
#define FIXTURE_MAX_OBJECTS 8

struct fixture {
    struct timeline *tl;
    struct machine machine;
    struct machine_cpu machine_cpus[FIXTURE_MAX_CPUS];
    struct scene_cpu cpus[FIXTURE_MAX_CPUS];
    uint32_t tasks[FIXTURE_MAX_TASKS];
    struct roster_row rows[FIXTURE_MAX_TASKS];
    struct object objects[FIXTURE_MAX_OBJECTS];
    struct scene_object scene_objects[FIXTURE_MAX_OBJECTS];
    struct program program; /* empty: that there is one */
    struct run runs[2];
    struct roster *roster;
    struct scene scene;
    struct event *events;
    unsigned long n_events, room;
};

/* One of: "interleave" (4 tasks on core 0 of 2), "parallel" (4 on 4), "mixed" (6 with blocking on 2 of 8,
 * SMT), "dense" (a ping-pong of microseconds), "lost" (a hole), "work" (2 cores, work with an end), "compare"
 * (1 core then 2), "samples" (proc only), "partial" (perf, and one by samples), "deadlock" (two tasks, two
 * locks), "shared" (an object of each kind), "green" (two on one thread), "watched" (a program of three
 * processes), "folded" (the same, its threads behind one row), "empty". NULL: no such one. */
struct fixture *fixture_new(const char *name);
void fixture_free(struct fixture *fixture);

/* All that the screen shows: title, view with room left for the summary, summary, keys; sets viewport.cols.
 */
void fixture_draw(struct fixture *fixture, const struct view_ops *view, struct canvas *canvas);

#endif
