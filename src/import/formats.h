/* The events of the scheduler in a kernel's ring buffer: where their fields are, by their format files. */
#ifndef SCHEDVIZ_IMPORT_FORMATS_H
#define SCHEDVIZ_IMPORT_FORMATS_H

#include "moment.h"

#include <stddef.h>

enum format_event {
    FORMAT_SWITCH,
    FORMAT_WAKING,
    FORMAT_WAKEUP,
    FORMAT_WAKEUP_NEW,
    FORMAT_FORK,
    FORMAT_EXEC,
    FORMAT_EXIT,
    FORMAT_EVENTS
};

enum field_kind {
    FIELD_PLAIN,
    FIELD_LOC,     /* __data_loc: its 4 bytes tell where in the record the data is, and how long */
    FIELD_REL_LOC, /* __rel_data_loc: the same, counted from the end of these 4 bytes */
};

struct format_field {
    uint16_t at, size; /* size 0: it has no such field */
    uint8_t kind;      /* enum field_kind */
};

#define FORMAT_FIELDS 5
struct format {
    bool known;
    uint16_t id;
    struct format_field type, flags, pid;      /* common_* */
    struct format_field fields[FORMAT_FIELDS]; /* as format_event needs them: see formats.c */
};

struct formats {
    bool big_endian;
    struct format events[FORMAT_EVENTS];
};

/* Pure: takes in the text of a format file (events/sched/NAME/format of tracefs); one of another event, or
 * that lacks a field that is needed, changes nothing. */
void formats_add(struct formats *formats, const char *text, size_t n);

/* Pure: what a record of the ring buffer tells; time_ns and cpu are the caller's. False when it is none of
 * the scheduler's, or too short for its format. */
bool formats_moment(const struct formats *formats, const unsigned char *record, size_t n,
                    struct moment *moment);

/* Pure: the field of this name ("" matches none) in one line of a format file, and of header_page. */
bool formats_line(const char *line, size_t n, const char *name, struct format_field *field);

#endif
