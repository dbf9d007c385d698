/* A lesson: a workload file with steps, each with something to see and perhaps a question that the
 * measurement answers. Part of struct program; made by load_lesson.c; docs: schedviz-workload(5). */
#ifndef SCHEDVIZ_LESSON_H
#define SCHEDVIZ_LESSON_H

#include "program.h"

#define LESSON_MAX_CHOICES 6

struct lesson_choice {
    char *text;
    struct formula lo, hi; /* it is right when the measured value lies in [lo, hi] */
};

/* What must be there for a figure to mean something. */
enum lesson_needs {
    LESSON_NEEDS_NOTHING,
    LESSON_NEEDS_EXACT, /* exact slices: the sources perf or engine */
    LESSON_NEEDS_PERF,
    LESSON_NEEDS_RT, /* the real-time policies that the step's tasks ask for */
};

/* A value that a step shows when it was measured, and perhaps asks for before. */
struct lesson_measure {
    char *name;             /* later expressions may use it; NULL: none */
    char *label;            /* "times as fast" */
    struct formula formula; /* over the names of measure.h */
    char *unit;             /* "" , "ms", "1/s": for showing alone */
    struct formula lo, hi;  /* where it must lie (`within`): both or none */
    char *question;         /* NULL: it is shown without being asked for */
    struct lesson_choice choices[LESSON_MAX_CHOICES];
    unsigned n_choices; /* 0: a number is typed */
    double tolerance;   /* a typed number is right within this part of the measured one; 0.2 unless said */
    enum lesson_needs needs;
};

enum lesson_view {
    LESSON_VIEW_KEEP,
    LESSON_VIEW_CORES,
    LESSON_VIEW_TASKS,
    LESSON_VIEW_TABLE,
    LESSON_VIEW_COUNTERS,
    LESSON_VIEW_COMPARE,
    LESSON_VIEW_OBJECTS
};
enum lesson_mode { LESSON_MODE_KEEP, LESSON_MODE_SCOPE, LESSON_MODE_SLOW, LESSON_MODE_SCROLL };

struct lesson_step {
    char *title;
    char *text; /* paragraphs divided by empty lines; lines are to be filled */
    char *rule; /* one sentence to keep; NULL */
    /* Settings; what is not said stays as the workload has it (not as the step before had it). */
    struct formula cores, tasks;
    bool has_kind;
    enum task_kind kind;
    int placement;    /* enum placement, or -1 */
    bool *started;    /* n_templates flags; NULL: all */
    uint64_t work_ns; /* 0: not said */
    uint64_t time_ns; /* how long it is run before it is measured; 0: until all its tasks have ended */
    struct settings settings; /* policy of all its tasks */
    enum lesson_mode mode;
    uint64_t window_ns; /* the time that the screen shows at once; 0: as it is */
    enum lesson_view view;
    bool keep;   /* its run is the reference that later steps are compared with */
    bool no_run; /* only a text, or figures of the steps before */
    bool go_on;  /* the run of the step before goes on: changes are made live */
    struct lesson_measure *measures;
    unsigned n_measures;
    unsigned line, column;
};

struct lesson {
    char *title;
    char *summary; /* one line, for --list */
    char *watch;   /* what to watch */
    struct lesson_step *steps;
    unsigned n_steps;
};

#endif
