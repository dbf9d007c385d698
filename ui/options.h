/* The command line: one table of options, read once. */
#ifndef SCHEDVIZ_OPTIONS_H
#define SCHEDVIZ_OPTIONS_H

#include "../src/session.h"
#include "theme.h"

#include <stdio.h>

#define OPTIONS_DEFAULT_TASKS 4

enum output_format {
    FORMAT_TEXT,
    FORMAT_JSON,
    FORMAT_CSV,
    FORMAT_SVG,
    FORMAT_HTML,
    FORMAT_PERFETTO,
    FORMAT_SQLITE,
    FORMAT_SCREEN
};

#define OPTIONS_MAX_TRACES 2

struct options {
    enum { ASKED_RUN, ASKED_HELP, ASKED_VERSION, ASKED_LIST } action;
    char *const *command;                   /* after --; ends in NULL; NULL: none */
    int pid;                                /* -p; 0: none */
    const char *lesson;                     /* a lesson's or a file's name; NULL: none */
    const char *traces[OPTIONS_MAX_TRACES]; /* recordings to show, or traces of other tools */
    unsigned n_traces;
    const char *record; /* -r; NULL: nothing is recorded */
    unsigned n_tasks;   /* 0: not given */
    unsigned n_cores;   /* -c; 0: not given */
    bool cpus_given;    /* -C */
    struct cpuset cpus; /* with -C */
    bool kind_given;
    enum task_kind kind; /* threads unless given */
    bool placement_given;
    enum placement placement; /* pinned unless given */
    uint64_t work_ns;         /* 0: without end */
    uint64_t duration_ns;     /* 0: without */
    enum source_choice source;
    bool all;
    size_t memory_bytes;   /* 0: the default */
    bool exit_on_deadlock; /* --batch: a deadlock ends the run, with status 3 */
    bool batch;
    enum output_format format;
    const char *output; /* NULL: standard output */
    bool force;         /* a file that exists is written over */
    enum theme_name theme;
    bool theme_given;
    bool ascii, no_mouse;
};

/* One row of the table; the help text and the manual page are checked against it. */
struct option_row {
    char letter; /* 0: long only */
    const char *name;
    const char *argument; /* NULL: none */
    const char *help;
};
extern const struct option_row option_rows[];
extern const unsigned n_option_rows;

/* Reads the command line; what it points to is argv's. False with one line when it is wrong; whether there is
 * a command is known all the same. */
bool options_read(struct options *options, int argc, char **argv, struct err *err);

void options_help(FILE *out);
void options_list_lessons(FILE *out);

/* "500ms", "2s", "1.5", "3min", "200us": nanoseconds; a bare number is seconds. */
bool options_parse_time(const char *text, uint64_t *ns, struct err *err);

#endif
