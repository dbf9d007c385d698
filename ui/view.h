/* Screen parts: pure functions from what is known (struct scene) to cells. */
#ifndef SCHEDVIZ_VIEW_H
#define SCHEDVIZ_VIEW_H

#include "../src/report.h"
#include "../src/session.h"
#include "../src/timeline/timeline.h"
#include "../src/timeline/waits.h"
#include "canvas.h"
#include "roster.h"
#include "transcript.h"
#include "viewport.h"

#include <stdint.h>

/* A lane of the core view. */
struct scene_cpu {
    int cpu;
    bool chosen; /* the workload may use it */
    bool online;
};

/* Something that the tasks of the current run share. */
struct scene_object {
    const struct object *object; /* its name and kind */
    uint32_t wait; /* its index among the timeline's waits; WAITS_NONE: nothing was told of it */
    bool has_state;
    struct object_state state; /* as the tasks have it now */
    bool is_level; /* a counter that goes up and down: what is in a buffer, not what was added up */
};

/* Everything a view may look at. Built by the app once a frame; views change nothing but the canvas. */
struct scene {
    const struct timeline *tl;
    const struct timeline *state; /* of the past, as it stood at the screen's instant; NULL: tl */
    const struct machine *machine;
    const struct glyphs *glyphs;
    struct viewport viewport;
    struct session_info info;

    const struct scene_cpu *cpus; /* what may be used, in the machine's order */
    unsigned n_cpus;
    const uint32_t *tasks; /* timeline indexes whose figures count, in slot order, schedviz's own last */
    unsigned n_tasks;
    unsigned n_quiet;              /* of a watched program, so many more slept all the time */
    const struct roster_row *rows; /* what views by task show */
    unsigned n_rows;
    const uint32_t *members; /* of folded rows */
    const unsigned *order;   /* of the rows, in the table; NULL: not sorted yet */
    int name_cols;           /* of the longest of their names that says more than a letter; 0: none does */

    const struct roster *roster; /* of a watched program; NULL: the workload is our own */
    struct figures *figures;     /* of its tasks in the window; NULL: as roster, or the window is empty */
    struct session_target target;
    const char *filter;              /* of the rows, NULL or "": none */
    unsigned n_matching, n_filtered; /* tasks that it lets through, of so many */

    const struct scene_object *objects; /* those that the tasks of the run use, in the program's order */
    unsigned n_objects;

    const struct alert *deadlock;    /* that lasts and was not closed; NULL: none */
    const struct alert *warnings[2]; /* that last, the newest ones */
    unsigned n_warnings;

    /* Where everybody is watched, and the table is shown: behind whom the tasks waited for a core in the
     * window, longest first. */
    struct behind antagonists[4];
    unsigned n_antagonists;
    struct behind_sums waited;

    /* What is recorded now, or when and where what is replayed was. */
    bool is_replay;
    uint64_t at_ns; /* the instant that the screen is about; of a live run now */
    struct session_origin origin;
    uint64_t replay_first_ns, replay_last_ns;
    unsigned n_recorded_runs;
    struct session_recording recording;

    const struct run *run, *reference; /* reference NULL: no comparison */
    const struct run *compared;        /* held against the reference */
    bool reference_is_sampled, compared_is_sampled;
    const char *reference_work, *compared_work; /* what they worked on, by name */
    bool works_differ;                          /* session_same_work() */
    unsigned n_held; /* tasks at the gate, of a run that waits for the answer to a lesson's question */
    enum comparison comparison;

    unsigned selected;  /* row in the current lanes or table */
    unsigned scroll;    /* first row shown, kept by the app so that `selected` is on the screen */
    bool mono;          /* the theme has no colours: letters say who runs, in every cell */
    bool lecture;       /* lecture size: lanes three rows high, secondary figures gone */
    bool show_selected; /* draw the selection */
    int sort_column;    /* of the table */
    bool sort_reverse;
};

/* Who holds what, and what is in the queues, at the instant that the screen is about. */
static inline const struct timeline *scene_state(const struct scene *scene)
{
    return scene->state ? scene->state : scene->tl;
}

struct view_ops {
    const char *name; /* "cores", "tasks", "table", "counters", "compare", "objects" */
    const char *title;
    void (*draw)(const struct scene *scene, struct canvas *canvas, struct rect rect);
    /* Rows that can be selected, and how many of them fit rect. */
    unsigned (*n_rows)(const struct scene *scene);
    unsigned (*n_fit)(const struct scene *scene, struct rect rect);
    /* The instant and the row under a cell (a click); false when there is none. time_ns 0: no time there. */
    bool (*hit)(const struct scene *scene, struct rect rect, int x, int y, unsigned *row, uint64_t *time_ns);
    /* Columns of time that fit rect: what viewport.cols must be. Does not look at scene->viewport. Views
     * without lanes give the same as those with them, so that the window stays when the view changes. */
    int (*lane_cols)(const struct scene *scene, struct rect rect);
};

extern const struct view_ops view_cores, view_tasks, view_table, view_counters, view_compare, view_objects;

/* The table's columns, for scene.sort_column; the order of the scene's rows in it (order has room for all of
 * them); and the task (timeline index) in one of its rows, as sorted. */
int view_table_n_columns(void);
void view_table_sort(const struct scene *scene, unsigned *order);
uint32_t view_table_task(const struct scene *scene, unsigned row);

/* Parts that are always there: the title line (lesson, tasks, cores, source, mode), the summary under the
 * view (two numbers and the word), the line of keys. Each takes the rows of its rect and no more. */
void view_title(const struct scene *scene, struct canvas *canvas, struct rect rect);
int view_summary_rows(const struct scene *scene, int rows_of_screen);
void view_summary(const struct scene *scene, struct canvas *canvas, struct rect rect);

/* The inspector: the slice at the cursor in the selected lane: who, where, how long, why it ended, who came
 * next; and who woke it last, if that is known (else TIMELINE_NO_TASK). */
void view_inspect(const struct scene *scene, struct canvas *canvas, struct rect rect,
                  const struct slice *slice, uint32_t waker);

/* The same where no slice is at the cursor: on a CPU, idle or somebody else's; of a task (cpu -1), why it
 * does not run. */
void view_inspect_gap(const struct scene *scene, struct canvas *canvas, struct rect rect, int cpu,
                      uint32_t task);

/* The line of keys at the bottom: drops from the end what does not fit. */
struct key_label {
    char key[16];
    const char *label;
    bool is_lit; /* it has something to tell */
};
void view_keys(struct canvas *canvas, struct rect rect, const struct key_label *items, unsigned n);

/* Slow motion's ticker: a line per core of what runs at the playhead and how its last switch came about. */
int view_ticker_rows(const struct scene *scene, int rows_of_screen);
void view_ticker(const struct scene *scene, struct canvas *canvas, struct rect rect);

/* What a command printed, under the view: the rows that end `up' rows above the last one. */
struct output_pane {
    const struct transcript *text;
    unsigned up;
    uint64_t n_before; /* bytes that are gone */
    bool is_captured;  /* there can be any */
};
int view_output_rows(int rows_of_screen);
void view_output(const struct scene *scene, struct canvas *canvas, struct rect rect,
                 const struct output_pane *pane);

/* What goes wrong: a deadlock as a band under the title, with its cycle drawn; warnings as lines over the
 * keys. */
int view_alert_rows(const struct scene *scene, int rows_of_screen);
void view_alert(const struct scene *scene, struct canvas *canvas, struct rect rect);
int view_warning_rows(const struct scene *scene, int rows_of_screen);
void view_warnings(const struct scene *scene, struct canvas *canvas, struct rect rect);

#endif
