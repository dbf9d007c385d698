/* The roster: the tasks of a watched program as rows of the screen, processes with their threads and the
 * processes that they made under them. Kept at the cost of those that live, not of all that ever were. */
#ifndef SCHEDVIZ_ROSTER_H
#define SCHEDVIZ_ROSTER_H

#include "lengths.h"

#include <stdbool.h>
#include <stdint.h>

struct roster;

struct roster *roster_new(void);
void roster_free(struct roster *roster); /* NULL is fine */

/* ---- what is wanted ---- */

struct roster_wish {
    uint64_t start_ns;  /* the window: who ended before it is not shown, */
    uint64_t end_ns;    /* nor who began after it; UINT64_MAX: who lives, and for a moment who just ended */
    const char *filter; /* a part of a name, or the beginning of a tid; "": everybody */
    unsigned n_fit;     /* rows that the view has: what needs more is folded by itself */
    bool with_ended;    /* everybody that ever was */
    uint64_t others_ns; /* tasks that are not the program's, if they ran since then; UINT64_MAX: none */
};

/* Whether a filter lets the task through; capitals in it are meant. */
bool roster_matches(const char *filter, const struct task *task);

/* Brings it up to the timeline's now: who lives and who is at work each time, the rows a few times a second
 * or when the wish or a fold has changed. */
void roster_update(struct roster *roster, const struct timeline *tl, const struct roster_wish *wish);

/* Folds what is under the task's process, threads and processes, or opens it. False: there is nothing. */
bool roster_fold(struct roster *roster, uint32_t task);
/* Opens everything, or where nothing is folded, folds the threads of all processes (where none has threads,
 * all processes). */
void roster_fold_all(struct roster *roster);

/* ---- what there is ---- */

struct roster_row {
    uint32_t task;        /* of a process its first thread */
    uint16_t depth;       /* how many rows it lies under */
    bool is_process;      /* not a thread under its process's row */
    bool has_more;        /* there are threads or processes under it */
    bool is_folded;       /* and it stands for them: roster_members() from `first' on, itself the first */
    uint32_t first, n;    /* of those that it stands for, n is 1 where it stands for itself */
    uint32_t n_threads;   /* of the process, itself too */
    uint32_t n_processes; /* that it stands for */
};
const struct roster_row *roster_rows(const struct roster *roster, unsigned *n);
const uint32_t *roster_members(const struct roster *roster);
/* Of all that the row stands for, as lengths_together() has it. */
int64_t roster_length(const struct roster *roster, const struct timeline *tl, const struct roster_row *row,
                      enum length which);
/* See lengths_of_all(). */
const struct histogram *roster_slice_lengths(const struct roster *roster, const struct timeline *tl);

/* The program's tasks that did anything but sleep since start_ns (and schedviz's own), and how many others of
 * it live. Filters and folds do not matter. */
const uint32_t *roster_active(const struct roster *roster, unsigned *n);
unsigned roster_n_quiet(const struct roster *roster);
bool roster_is_active(const struct roster *roster, uint32_t task);

struct roster_counts {
    unsigned n_processes, n_tasks; /* of the program, that live */
    unsigned n_shown, n_all;       /* tasks in rows, and without the filter */
};
struct roster_counts roster_counts(const struct roster *roster);

/* How a task looks: its process takes the next colour when it appears, its threads those after it; where a
 * row stands for several, they are all of its colour. */
struct roster_look {
    unsigned colour; /* from 0, without end */
    uint32_t number; /* of a thread, in its process; 0: the first */
    uint32_t leader; /* the first thread of its process; TIMELINE_NO_TASK: not known */
};
struct roster_look roster_look(const struct roster *roster, uint32_t task);

#endif
