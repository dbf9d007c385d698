/* The command line: one table of options, read once. */
#ifndef SCHEDVIZ_OPTIONS_H
#define SCHEDVIZ_OPTIONS_H

#include "../src/machine.h"
#include "../src/session.h"
#include "theme.h"

#include <stdio.h>

enum output_format { FORMAT_TEXT, FORMAT_JSON };

struct options {
    enum { ACTION_RUN, ACTION_HELP, ACTION_VERSION, ACTION_LIST } action;
    struct session_config session;
    unsigned n_cores;     /* -c; 0: not given */
    bool cpus_given;      /* -C */
    uint64_t duration_ns; /* 0: without */
    bool batch;
    enum output_format format;
    const char *output; /* NULL: standard output */
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
    const char *later; /* not in this version: why, and what to use instead; NULL: works */
};
extern const struct option_row option_rows[];
extern const unsigned n_option_rows;

/* Reads the command line. False with one line when it is wrong: exit status 2. */
bool options_read(struct options *options, int argc, char **argv, struct err *err);

/* What only the machine can tell: chooses the CPUs. False with one line: exit status 2. */
bool options_choose_cpus(struct options *options, const struct machine *machine, struct err *err);

void options_help(FILE *out);
void options_list_lessons(FILE *out);

/* "500ms", "2s", "1.5", "3min", "200us": nanoseconds; a bare number is seconds. */
bool options_parse_time(const char *text, uint64_t *ns, struct err *err);

#endif
