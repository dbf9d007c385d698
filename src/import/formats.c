/* Formats of events: texts in, records read by them. */
#include "formats.h"

#include "stretch.h"

#include <string.h>

/* Numbers of the fields in struct format, for each event. */
enum { SWITCH_PREV_COMM, SWITCH_PREV_PID, SWITCH_PREV_STATE, SWITCH_NEXT_COMM, SWITCH_NEXT_PID };
enum { WAKE_COMM, WAKE_PID, WAKE_TARGET_CPU, WAKE_SUCCESS };
enum { FORK_PARENT_COMM, FORK_PARENT_PID, FORK_CHILD_COMM, FORK_CHILD_PID };
enum { EXEC_FILENAME, EXEC_PID, EXEC_OLD_PID };
enum { EXIT_COMM, EXIT_PID };

struct wanted {
    const char *name;
    unsigned needed; /* bits of fields */
    const char *fields[FORMAT_FIELDS];
};

static const struct wanted wanted[FORMAT_EVENTS] = {
    [FORMAT_SWITCH] = {"sched_switch",
                       1 << SWITCH_PREV_PID | 1 << SWITCH_PREV_STATE | 1 << SWITCH_NEXT_PID,
                       {"prev_comm", "prev_pid", "prev_state", "next_comm", "next_pid"}},
    [FORMAT_WAKING] = {"sched_waking", 1 << WAKE_PID, {"comm", "pid", "target_cpu", "success"}},
    [FORMAT_WAKEUP] = {"sched_wakeup", 1 << WAKE_PID, {"comm", "pid", "target_cpu", "success"}},
    [FORMAT_WAKEUP_NEW] = {"sched_wakeup_new", 1 << WAKE_PID, {"comm", "pid", "target_cpu", "success"}},
    [FORMAT_FORK] = {"sched_process_fork",
                     1 << FORK_PARENT_PID | 1 << FORK_CHILD_PID,
                     {"parent_comm", "parent_pid", "child_comm", "child_pid"}},
    [FORMAT_EXEC] = {"sched_process_exec", 1 << EXEC_PID, {"filename", "pid", "old_pid"}},
    [FORMAT_EXIT] = {"sched_process_exit", 1 << EXIT_PID, {"comm", "pid"}},
};

/* ---- format files ---- */

/* The number behind key in [text, end). */
static bool number_after(const char *text, const char *end, const char *key, unsigned max, unsigned *value)
{
    const char *at = memmem(text, (size_t)(end - text), key, strlen(key));
    if (!at)
        return false;
    unsigned n_digits = 0;
    *value = 0;
    for (at += strlen(key); at < end && *at == ' '; at++)
        ;
    for (; at < end && *at >= '0' && *at <= '9' && *value <= max; at++, n_digits++)
        *value = *value * 10 + (unsigned)(*at - '0');
    return n_digits > 0 && *value <= max;
}

/* The name that a declaration ends with, as "char prev_comm[16]" does. */
static bool declares(const char *declaration, const char *end, const char *name)
{
    const char *bracket = memchr(declaration, '[', (size_t)(end - declaration));
    const size_t n_name = strlen(name);
    /* "__data_loc char[] comm": the brackets are the type's */
    if (bracket && !memchr(bracket, ' ', (size_t)(end - bracket)))
        end = bracket;
    return (size_t)(end - declaration) > n_name && memcmp(end - n_name, name, n_name) == 0 &&
           (end[-(ptrdiff_t)n_name - 1] == ' ' || end[-(ptrdiff_t)n_name - 1] == '*');
}

static bool begins(const char *text, const char *end, const char *with)
{
    return (size_t)(end - text) >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

bool formats_line(const char *line, size_t n, const char *name, struct format_field *field)
{
    static const char key[] = "field:";
    const char *const end = line + n;
    unsigned at, size;
    const char *declaration = memmem(line, n, key, sizeof key - 1);
    if (!declaration)
        return false;
    declaration += sizeof key - 1;
    for (; declaration < end && *declaration == ' '; declaration++)
        ;
    const char *semicolon = memchr(declaration, ';', (size_t)(end - declaration));
    if (!semicolon || !declares(declaration, semicolon, name) ||
        !number_after(semicolon, end, "offset:", UINT16_MAX, &at) ||
        !number_after(semicolon, end, "size:", UINT16_MAX, &size))
        return false;
    *field = (struct format_field){(uint16_t)at, (uint16_t)size, FIELD_PLAIN};
    if (begins(declaration, semicolon, "__data_loc"))
        field->kind = FIELD_LOC;
    else if (begins(declaration, semicolon, "__rel_loc") || begins(declaration, semicolon, "__rel_data_loc"))
        field->kind = FIELD_REL_LOC;
    return true;
}

static const char *line_end(const char *line, const char *end)
{
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    return newline ? newline : end;
}

static unsigned event_of_name(const char *text, const char *end)
{
    unsigned event = FORMAT_EVENTS;
    if (!begins(text, end, "name:"))
        return event;
    for (text += strlen("name:"); text < end && *text == ' '; text++)
        ;
    for (event = 0; event < FORMAT_EVENTS; event++) {
        const size_t n = strlen(wanted[event].name);
        if ((size_t)(line_end(text, end) - text) == n && memcmp(text, wanted[event].name, n) == 0)
            break;
    }
    return event;
}

static void take_line(struct format *format, const struct wanted *want, const char *line, const char *end)
{
    const size_t n = (size_t)(end - line);
    unsigned id;
    if (begins(line, end, "ID:") && number_after(line, end, "ID:", UINT16_MAX, &id)) {
        format->id = (uint16_t)id;
        format->known = true;
    }
    formats_line(line, n, "common_type", &format->type);
    formats_line(line, n, "common_flags", &format->flags);
    formats_line(line, n, "common_pid", &format->pid);
    for (unsigned i = 0; i < FORMAT_FIELDS && want->fields[i]; i++)
        formats_line(line, n, want->fields[i], &format->fields[i]);
}

void formats_add(struct formats *formats, const char *text, size_t n)
{
    const char *const end = text + n;
    const unsigned event = event_of_name(text, end);
    struct format format = {0};
    if (event == FORMAT_EVENTS)
        return;
    for (const char *line = text; line < end; line = line_end(line, end) + 1)
        take_line(&format, &wanted[event], line, line_end(line, end));
    for (unsigned i = 0; i < FORMAT_FIELDS; i++) {
        if ((wanted[event].needed & 1u << i) && format.fields[i].size == 0)
            format.known = false;
    }
    if (format.known && format.type.size == 2)
        formats->events[event] = format;
}

/* ---- records ---- */

struct record {
    const unsigned char *bytes;
    size_t n;
    bool big_endian;
};

static bool holds(const struct record *record, size_t at, size_t size)
{
    return size > 0 && at <= record->n && size <= record->n - at;
}

static int64_t number(const struct record *record, const struct format_field *field, int64_t otherwise)
{
    if (field->size > 8 || !holds(record, field->at, field->size))
        return otherwise;
    const uint64_t value = stretch_number(record->bytes + field->at, field->size, record->big_endian);
    return field->size == 4 ? (int32_t)value : (int64_t)value;
}

static int32_t tid_of(const struct record *record, const struct format_field *field)
{
    const int64_t tid = number(record, field, -1);
    return tid >= 0 && tid <= INT32_MAX ? (int32_t)tid : -1;
}

/* Where the field's text is, and how long at most. */
static const char *text_of(const struct record *record, const struct format_field *field, size_t *n)
{
    size_t at = field->at, size = field->size;
    *n = 0;
    if (!holds(record, at, size))
        return "";
    if (field->kind != FIELD_PLAIN) {
        const uint32_t loc = (uint32_t)stretch_number(record->bytes + at, size, record->big_endian);
        at = (loc & 0xffff) + (field->kind == FIELD_REL_LOC ? at + size : 0);
        size = loc >> 16;
        if (!holds(record, at, size))
            return "";
    }
    *n = strnlen((const char *)record->bytes + at, size);
    return (const char *)record->bytes + at;
}

static void take_name(char *name, const char *text, size_t n)
{
    if (n >= EVENT_NAME_SIZE)
        n = EVENT_NAME_SIZE - 1;
    memcpy(name, text, n);
    name[n] = '\0';
}

static void name_of(const struct record *record, const struct format_field *field, char *name)
{
    size_t n;
    const char *text = text_of(record, field, &n);
    take_name(name, text, n);
}

/* begin_new_exec() of fs/exec.c: a task is called as its program's file, without directories. */
static void basename_of(const struct record *record, const struct format_field *field, char *name)
{
    size_t n;
    const char *text = text_of(record, field, &n);
    const char *slash = memrchr(text, '/', n);
    if (slash) {
        n -= (size_t)(slash + 1 - text);
        text = slash + 1;
    }
    take_name(name, text, n);
}

/* Bits of prev_state (TASK_STATE_TO_CHAR_STR and __trace_sched_switch_state() of the kernel): the low 8 are
 * states; what is above tells that it was preempted. */
static enum moment_left left_of(int64_t prev_state)
{
    enum { DEAD = 0x10, ZOMBIE = 0x20, DEAD_OR_PARKED = 0x40, ALL = 0xff };
    if (!(prev_state & ALL))
        return LEFT_RUNNABLE;
    if (prev_state & (DEAD | ZOMBIE))
        return LEFT_DEAD;
    return prev_state & DEAD_OR_PARKED ? LEFT_DEAD_OR_PARKED : LEFT_BLOCKED;
}

static bool take_switch(const struct record *record, const struct format *format, struct moment *moment)
{
    const struct format_field *fields = format->fields;
    moment->tid = tid_of(record, &fields[SWITCH_PREV_PID]);
    moment->other = tid_of(record, &fields[SWITCH_NEXT_PID]);
    moment->left = (uint8_t)left_of(number(record, &fields[SWITCH_PREV_STATE], 0));
    name_of(record, &fields[SWITCH_PREV_COMM], moment->name);
    name_of(record, &fields[SWITCH_NEXT_COMM], moment->other_name);
    return moment->tid >= 0 && moment->other >= 0;
}

static bool take_wake(const struct record *record, const struct format *format, struct moment *moment)
{
    enum { HARDIRQ = 0x08, SOFTIRQ = 0x10 }; /* TRACE_FLAG_* of include/linux/trace_events.h */
    const struct format_field *fields = format->fields;
    const int64_t target_cpu = number(record, &fields[WAKE_TARGET_CPU], -1);
    moment->tid = tid_of(record, &format->pid);
    moment->other = tid_of(record, &fields[WAKE_PID]);
    moment->target_cpu = target_cpu >= 0 && target_cpu <= INT16_MAX ? (int32_t)target_cpu : -1;
    moment->waker_known = !(number(record, &format->flags, 0) & (HARDIRQ | SOFTIRQ));
    name_of(record, &fields[WAKE_COMM], moment->other_name);
    return moment->other > 0 && number(record, &fields[WAKE_SUCCESS], 1) != 0;
}

static bool take_fork(const struct record *record, const struct format *format, struct moment *moment)
{
    const struct format_field *fields = format->fields;
    moment->tid = tid_of(record, &fields[FORK_PARENT_PID]);
    moment->other = tid_of(record, &fields[FORK_CHILD_PID]);
    name_of(record, &fields[FORK_PARENT_COMM], moment->name);
    name_of(record, &fields[FORK_CHILD_COMM], moment->other_name);
    return moment->tid >= 0 && moment->other > 0;
}

static bool take_exec(const struct record *record, const struct format *format, struct moment *moment)
{
    const struct format_field *fields = format->fields;
    moment->tid = tid_of(record, &fields[EXEC_PID]);
    moment->other = tid_of(record, &fields[EXEC_OLD_PID]);
    basename_of(record, &fields[EXEC_FILENAME], moment->name);
    return moment->tid > 0;
}

static bool take_exit(const struct record *record, const struct format *format, struct moment *moment)
{
    moment->tid = tid_of(record, &format->fields[EXIT_PID]);
    name_of(record, &format->fields[EXIT_COMM], moment->name);
    return moment->tid > 0;
}

bool formats_moment(const struct formats *formats, const unsigned char *record_bytes, size_t n,
                    struct moment *moment)
{
    static const struct {
        enum moment_kind kind;
        bool (*take)(const struct record *record, const struct format *format, struct moment *moment);
    } takers[FORMAT_EVENTS] = {
        [FORMAT_SWITCH] = {MOMENT_SWITCH, take_switch}, [FORMAT_WAKING] = {MOMENT_WAKING, take_wake},
        [FORMAT_WAKEUP] = {MOMENT_WAKEUP, take_wake},   [FORMAT_WAKEUP_NEW] = {MOMENT_NEW, take_wake},
        [FORMAT_FORK] = {MOMENT_FORK, take_fork},       [FORMAT_EXEC] = {MOMENT_EXEC, take_exec},
        [FORMAT_EXIT] = {MOMENT_EXIT, take_exit},
    };
    const struct record record = {record_bytes, n, formats->big_endian};
    for (unsigned i = 0; i < FORMAT_EVENTS; i++) {
        const struct format *format = &formats->events[i];
        if (!format->known || number(&record, &format->type, -1) != format->id)
            continue;
        moment->kind = (uint8_t)takers[i].kind;
        moment->target_cpu = -1;
        return takers[i].take(&record, format, moment);
    }
    return false;
}
