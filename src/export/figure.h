/* What the drawn formats share: a window of the timeline with its lanes, how tasks look, the window in
 * figures and in words, and texts that harm no XML. */
#ifndef SCHEDVIZ_FIGURE_H
#define SCHEDVIZ_FIGURE_H

#include "export.h"

#define FIGURE_COLOURS 8 /* the program's own: Okabe and Ito's, grey for their black */
#define FIGURE_NOWHERE UINT32_MAX

enum figure_kin { FIGURE_WORKLOAD, FIGURE_OWN, FIGURE_OTHER };

/* A task that lived in the window. */
struct figure_task {
    struct task task;
    struct bin sum; /* over the window */
    enum figure_kin kin;
    unsigned colour; /* below FIGURE_COLOURS; its process and its place there, as on the screen */
    char letter[12];
    char name[4 * EVENT_NAME_SIZE + 16]; /* harmless to a terminal; the format's own escaping is still due */
};

struct figure_cpu {
    int cpu;
    bool is_chosen; /* the workload may use it */
    bool is_off;    /* it may not, and did not in the window */
    struct bin sum;
};

/* What is in progress in the part of the window that belongs to the run, without schedviz's own tasks. */
enum figure_word {
    WORD_IS_NOTHING,
    WORD_IS_IDLE,
    WORD_IS_WAITING,
    WORD_IS_ALONE,
    WORD_IS_INTERLEAVED,
    WORD_IS_PARALLEL,
    WORD_IS_MIXED
};

struct figure_sums {
    uint64_t lo_ns, hi_ns;
    unsigned n_tasks, n_active, n_cores, n_chosen;
    double parallelism, concurrency, demand; /* demand: tasks that ran or waited for a core, averaged */
    double others_part;                      /* of the chosen cores' time */
    uint64_t n_switches, n_voluntary, n_forced, mean_slice_ns;
    double switches_per_s, fairness;
    enum figure_word word;
};

struct figure {
    const struct report *report;
    const struct timeline *tl;
    uint64_t start_ns, end_ns;    /* what of the window asked for history holds; end_ns > start_ns */
    unsigned n_tasks, n_workload; /* the workload's first, then schedviz's own, then others' that ran */
    struct figure_task *tasks;
    uint32_t *places; /* of the timeline's tasks in tasks[], or FIGURE_NOWHERE */
    unsigned n_cpus;
    struct figure_cpu *cpus; /* chosen ones and those that ran anybody, by number */
    struct figure_sums sums;
};

/* The report and the timeline are the caller's, and outlive the figure. */
void figure_init(struct figure *figure, const struct report *report, const struct timeline *tl,
                 const struct export_window *window);
void figure_fini(struct figure *figure);

/* open_memstream(3) that does not fail: it calls err_no_memory(). */
FILE *figure_stream(char **text, size_t *size);

/* The figure's task at an index of the timeline, or NULL. */
const struct figure_task *figure_task(const struct figure *figure, uint32_t index);

/* The part of the window in which a CPU was busy, as the screen has it: the workload's, or everybody's where
 * all tasks are watched. */
double figure_busy(const struct figure *figure, const struct figure_cpu *cpu);

/* Whether an alert lasted in the window, and its name on the axis. */
bool figure_has_alert(const struct figure *figure, const struct alert *alert);
const char *figure_alert_name(const struct alert *alert);

/* Slices of a CPU or of a task one by one, each once, from the one that runs at from_ns on. */
struct figure_walk {
    const struct timeline *tl;
    uint32_t task; /* TIMELINE_NO_TASK: those of the CPU */
    int cpu;
    uint64_t t_ns;
    unsigned n, i, n_seen; /* slices[] filled, the next one; those that the next filling begins with again */
    bool is_last;
    struct slice slices[128];
};
void figure_walk_cpu(struct figure_walk *walk, const struct timeline *tl, int cpu, uint64_t from_ns);
void figure_walk_task(struct figure_walk *walk, const struct timeline *tl, uint32_t task, uint64_t from_ns);
bool figure_walk_next(struct figure_walk *walk, struct slice *slice);

/* A task's states one after the other, without a gap, from its first one in [from_ns, to_ns) to its end.
 * Slices are whole, and so is the wait before the first one. */
struct figure_state {
    enum task_state state;
    uint64_t start_ns, end_ns;
    struct slice slice; /* STATE_RUNNING */
};
struct figure_states {
    struct figure_walk walk;
    uint64_t t_ns, to_ns;
    bool has_next;
    struct slice next;
};
void figure_states_init(struct figure_states *states, const struct timeline *tl, const struct task *task,
                        uint64_t from_ns, uint64_t to_ns);
bool figure_states_next(struct figure_states *states, struct figure_state *state);

/* Texts of a figure. Each returns buf. */
char *figure_duration(uint64_t ns, char *buf, size_t size); /* export_duration, always with a micro sign */
char *figure_title(const struct figure *figure, char *buf, size_t size);    /* harmless, of any length */
char *figure_workload(const struct figure *figure, char *buf, size_t size); /* "4 threads · 1 of 8 cores" */
char *figure_source(const struct figure *figure, char *buf, size_t size);   /* "perf, exact, 0 lost" */
char *figure_span(const struct figure *figure, char *buf, size_t size);     /* "80.0 ms, from 1.20 s on" */
char *figure_explain(const struct figure *figure, char *buf, size_t size);  /* the word in plain English */
char *figure_switches(const struct figure *figure, char *buf, size_t size); /* "251/s, all but 2 forced" */
char *figure_percent(double part, char *buf, size_t size);                  /* "4.4 %", "61 %" */
char *figure_origin(const struct figure *figure, char *buf,
                    size_t size);                     /* "recorded 2026-11-22 12:14 · ..." */
const char *figure_word(const struct figure *figure); /* "INTERLEAVED" */

/* The distance of ticks, 1, 2 or 5 times a power of ten, of which the span has at most n; and the unit for
 * their labels. */
uint64_t figure_step(uint64_t span_ns, unsigned n);
uint64_t figure_unit(uint64_t step_ns, const char **name);

/* Writes a text so that it stands for itself in XML, HTML and their attributes: what is no valid UTF-8, no
 * character of XML, a control or a reordering mark is shown as \xNN. */
void figure_put_text(const char *text, FILE *out);

#endif
