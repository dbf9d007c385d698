/* The text of perf script as moments; and that of tracefs' `trace', of trace-cmd report, which is nearly the
 * same. */
#ifndef SCHEDVIZ_IMPORT_SCRIPT_H
#define SCHEDVIZ_IMPORT_SCRIPT_H

#include "bytes.h"
#include "moment.h"

enum script_line {
    SCRIPT_OTHER,      /* another event, a comment, part of a call chain */
    SCRIPT_MOMENT,     /* moment is set */
    SCRIPT_NO_CPU,     /* an event of the scheduler's without its CPU: perf script -F +cpu */
    SCRIPT_NO_TIME,    /* the same, without its time */
    SCRIPT_UNREADABLE, /* the same, but not as it should be */
};

/* Pure: one line without its newline. */
enum script_line script_line(const char *line, size_t n, struct moment *moment);

/* Whether the first bytes of a file are such a text: one of its whole lines is a moment, or would be one if
 * it had its CPU and its time, or is a record of perf's own. */
bool script_is_one(const char *text, size_t n);

struct script;

/* The bytes stay the caller's, and must stay. */
struct script *script_open(const struct bytes *bytes);
void script_close(struct script *script);

/* The next moment, in the order of the text; false at the end. */
bool script_next(struct script *script, struct moment *moment);

struct script_figures {
    uint64_t n_read;       /* bytes, so far */
    uint64_t n_unreadable; /* lines */
    uint64_t first_unreadable;
    enum script_line why; /* of the first one */
    bool cut;             /* the last line has no end, and was left out */
    uint64_t n_moments;
    uint64_t n_back;     /* of them, those that are earlier than the one before */
    uint64_t first_back; /* the first one's line */
};
struct script_figures script_figures(const struct script *script);

#endif
