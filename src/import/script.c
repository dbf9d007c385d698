/* Lines of perf script, of `trace' and of trace-cmd report:
 *   COMM  PID[/TID] [CPU] [FLAGS] SECONDS.FRACTION: [PERIOD] [sched:]EVENT: ARGUMENTS
 *   COMM-PID [(TGID)] [CPU] [FLAGS] SECONDS.FRACTION: EVENT: ARGUMENTS
 * A comm may hold any byte but NUL and newline, blanks and colons too: what follows it is found by its shape.
 */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES 65536 /* a longer line is none of ours */
#define COMM_MAX     (EVENT_NAME_SIZE - 1)

/* What is left of a line. */
struct text {
    const char *at, *end;
};

/* ---- parts ---- */

static bool eat(struct text *text, const char *literal)
{
    const size_t n = strlen(literal);
    if ((size_t)(text->end - text->at) < n || memcmp(text->at, literal, n) != 0)
        return false;
    text->at += n;
    return true;
}

static void eat_blanks(struct text *text)
{
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\t'))
        text->at++;
}

static bool eat_number(struct text *text, uint64_t max, uint64_t *number)
{
    const char *const first = text->at;
    *number = 0;
    for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++) {
        const uint64_t digit = (uint64_t)(*text->at - '0');
        if (*number > (max - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return text->at > first;
}

static bool eat_tid(struct text *text, int32_t *tid)
{
    uint64_t number;
    if (!eat_number(text, INT32_MAX, &number))
        return false;
    *tid = (int32_t)number;
    return true;
}

/* Up to the next blank or the end. */
static struct text eat_word(struct text *text)
{
    struct text word = {text->at, text->at};
    while (text->at < text->end && *text->at != ' ' && *text->at != '\t')
        text->at++;
    word.end = text->at;
    return word;
}

static bool eat_time(struct text *text, uint64_t *time_ns)
{
    uint64_t seconds, fraction;
    if (!eat_number(text, UINT64_MAX / 1000000000 - 1, &seconds) || !eat(text, "."))
        return false;
    const char *const first = text->at;
    if (!eat_number(text, 999999999, &fraction) || text->at - first > 9)
        return false;
    for (long n = text->at - first; n < 9; n++)
        fraction *= 10;
    *time_ns = seconds * 1000000000 + fraction;
    return eat(text, ":");
}

static void take_name(char *name, const char *from, size_t n)
{
    if (n > COMM_MAX)
        n = COMM_MAX;
    memcpy(name, from, n);
    name[n] = '\0';
}

/* A comm, which ends where `behind', a number and `after' follow: "prev_comm=two words prev_pid=12 ". */
static bool eat_comm(struct text *text, const char *behind, const char *after, char *name, int32_t *tid)
{
    for (const char *at = text->at; at < text->end && at - text->at <= COMM_MAX; at++) {
        struct text rest = {at, text->end};
        if (eat(&rest, behind) && eat_tid(&rest, tid) && eat(&rest, after)) {
            take_name(name, text->at, (size_t)(at - text->at));
            *text = rest;
            return true;
        }
    }
    return false;
}

/* ---- arguments ---- */

/* "S", "R+", "D|K", "0x100"; perf without the format's flags has numbers. */
static bool eat_state(struct text *text, uint8_t *left)
{
    const struct text word = eat_word(text);
    if (word.at == word.end)
        return false;
    switch (*word.at) {
    case 'R':
        *left = LEFT_RUNNABLE;
        return true;
    case 'X':
    case 'Z':
        *left = LEFT_DEAD;
        return true;
    case 'x': /* TASK_DEAD up to Linux 4.13 */
        *left = LEFT_DEAD_OR_PARKED;
        return true;
    default:
        *left = LEFT_BLOCKED;
        return (*word.at >= 'A' && *word.at <= 'Z') || (*word.at >= 'a' && *word.at <= 'z');
    }
}

/* "120]" of the short form, behind "A:1 [". */
static bool eat_priority(struct text *text)
{
    uint64_t priority;
    eat(text, "-");
    return eat_number(text, INT32_MAX, &priority) && eat(text, "]");
}

/* prev_comm=A prev_pid=1 prev_prio=120 prev_state=S ==> next_comm=B next_pid=2 next_prio=120 */
static bool switch_long(struct text text, struct moment *moment)
{
    if (!eat(&text, "prev_comm=") || !eat_comm(&text, " prev_pid=", " ", moment->name, &moment->tid))
        return false;
    static const char key[] = " prev_state=";
    const char *const state = memmem(text.at, (size_t)(text.end - text.at), key, sizeof key - 1);
    if (!state)
        return false;
    text.at = state + sizeof key - 1;
    if (!eat_state(&text, &moment->left))
        return false;
    eat_blanks(&text);
    return eat(&text, "==> next_comm=") &&
           eat_comm(&text, " next_pid=", " next_prio=", moment->other_name, &moment->other);
}

/* A:1 [120] S ==> B:2 [120]: with libtraceevent's plugins. */
static bool switch_short(struct text text, struct moment *moment)
{
    if (!eat_comm(&text, ":", " [", moment->name, &moment->tid) || !eat_priority(&text))
        return false;
    eat_blanks(&text);
    if (!eat_state(&text, &moment->left))
        return false;
    eat_blanks(&text);
    return eat(&text, "==> ") && eat_comm(&text, ":", " [", moment->other_name, &moment->other) &&
           eat_priority(&text);
}

static bool take_switch(struct text text, struct moment *moment)
{
    return switch_long(text, moment) || switch_short(text, moment);
}

static int32_t find_cpu(const struct text *text, const char *key)
{
    uint64_t cpu;
    const char *at = memmem(text->at, (size_t)(text->end - text->at), key, strlen(key));
    if (!at)
        return -1;
    struct text rest = {at + strlen(key), text->end};
    return eat_number(&rest, INT16_MAX, &cpu) ? (int32_t)cpu : -1;
}

/* comm=B pid=2 prio=120 [success=1] target_cpu=003, or B:2 [120] [success=1] CPU:003 */
static bool take_wake(struct text text, struct moment *moment)
{
    static const char failed[] = "success=0";
    struct text args = text;
    if (!(eat(&args, "comm=") && eat_comm(&args, " pid=", " ", moment->other_name, &moment->other))) {
        args = text;
        if (!eat_comm(&args, ":", " [", moment->other_name, &moment->other) || !eat_priority(&args))
            return false;
    }
    moment->target_cpu = find_cpu(&args, "target_cpu=");
    if (moment->target_cpu < 0)
        moment->target_cpu = find_cpu(&args, "CPU:");
    return moment->other > 0 && !memmem(args.at, (size_t)(args.end - args.at), failed, sizeof failed - 1);
}

/* comm=A pid=1 child_comm=B child_pid=2 */
static bool take_fork(struct text text, struct moment *moment)
{
    return eat(&text, "comm=") && eat_comm(&text, " pid=", " ", moment->name, &moment->tid) &&
           eat(&text, "child_comm=") &&
           eat_comm(&text, " child_pid=", "", moment->other_name, &moment->other) && moment->other > 0;
}

/* filename=/bin/sh pid=2 old_pid=2; begin_new_exec() of fs/exec.c: it is called as the file, without
 * directories. */
static bool take_exec(struct text text, struct moment *moment)
{
    static const char key[] = " pid=";
    if (!eat(&text, "filename="))
        return false;
    const char *behind = memmem(text.at, (size_t)(text.end - text.at), key, sizeof key - 1);
    if (!behind)
        return false;
    const char *slash = memrchr(text.at, '/', (size_t)(behind - text.at));
    const char *base = slash ? slash + 1 : text.at;
    take_name(moment->name, base, (size_t)(behind - base));
    text.at = behind + sizeof key - 1;
    if (!eat_tid(&text, &moment->tid) || moment->tid == 0)
        return false;
    moment->other = moment->tid;
    return !eat(&text, " old_pid=") || eat_tid(&text, &moment->other);
}

/* comm=A pid=1 prio=120 */
static bool take_exit(struct text text, struct moment *moment)
{
    return eat(&text, "comm=") && eat_comm(&text, " pid=", " ", moment->name, &moment->tid) &&
           moment->tid > 0;
}

/* "PERF_RECORD_LOST lost 12" (perf script --show-lost-events) */
static bool take_lost(struct text text, struct moment *moment)
{
    eat_blanks(&text);
    return eat(&text, "lost ") && eat_number(&text, UINT32_MAX, &moment->n) && moment->n > 0;
}

/* ---- events ---- */

struct event_name {
    const char *name;
    enum moment_kind kind;
    bool (*take)(struct text text, struct moment *moment);
};

static const struct event_name events[] = {
    {"sched_switch: ", MOMENT_SWITCH, take_switch},   {"sched_waking: ", MOMENT_WAKING, take_wake},
    {"sched_wakeup: ", MOMENT_WAKEUP, take_wake},     {"sched_wakeup_new: ", MOMENT_NEW, take_wake},
    {"sched_process_fork: ", MOMENT_FORK, take_fork}, {"sched_process_exec: ", MOMENT_EXEC, take_exec},
    {"sched_process_exit: ", MOMENT_EXIT, take_exit}, {"PERF_RECORD_LOST ", MOMENT_LOST, take_lost},
};

/* What stands behind the time: sets text behind the event's name. */
static const struct event_name *eat_event(struct text *text)
{
    uint64_t period;
    struct text rest = *text;
    eat_blanks(&rest);
    struct text sampled = rest;
    if (eat_number(&sampled, UINT64_MAX, &period) && sampled.at < sampled.end && *sampled.at == ' ') {
        rest = sampled;
        eat_blanks(&rest);
    }
    eat(&rest, "sched:");
    for (unsigned i = 0; i < sizeof events / sizeof *events; i++) {
        struct text behind = rest;
        if (eat(&behind, events[i].name)) {
            eat_blanks(&behind);
            *text = behind;
            return &events[i];
        }
    }
    return NULL;
}

/* ---- the head of a line ---- */

/* PID/TID, or TID: perf has a blank before it, the others the comm and a dash. */
static void take_who(const char *begin, const char *end, struct moment *moment)
{
    const char *at = end;
    while (at > begin && at[-1] != ' ' && at[-1] != '-')
        at--;
    if (at - begin >= 2 && at[-1] == '-' && at[-2] == ' ')
        return; /* perf knows it no more: -1 */
    struct text who = {at, end};
    int32_t first;
    if (!eat_tid(&who, &first))
        return;
    moment->tid = first;
    if (eat(&who, "/")) {
        moment->pid = first;
        if (!eat_tid(&who, &moment->tid))
            moment->tid = moment->pid = 0;
    }
}

/* `trace' with the option record-tgid: "( 1234)" or "(-------)" between the task and its CPU. */
static const char *before_tgid(const char *begin, const char *end, struct moment *moment)
{
    if (end == begin || end[-1] != ')')
        return end;
    const char *open = memrchr(begin, '(', (size_t)(end - begin));
    if (!open)
        return end;
    struct text tgid = {open + 1, end};
    eat_blanks(&tgid);
    int32_t pid;
    if (eat_tid(&tgid, &pid))
        moment->pid = pid;
    return open;
}

static const char *before_blanks(const char *begin, const char *end)
{
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return end;
}

/* "[003] d..2. 12.345678:" */
static bool eat_cpu_and_time(struct text *text, uint64_t *cpu, uint64_t *time_ns)
{
    if (!eat(text, "[") || !eat_number(text, INT16_MAX, cpu) || !eat(text, "]"))
        return false;
    eat_blanks(text);
    struct text time = *text;
    if (!eat_time(&time, time_ns)) {
        eat_word(text); /* flags */
        eat_blanks(text);
        time = *text;
        if (!eat_time(&time, time_ns))
            return false;
    }
    *text = time;
    return true;
}

/* "[003] " and what follows up to the event. False: here is no CPU, or no event of ours behind it. */
static const struct event_name *eat_head(const char *begin, struct text *text, struct moment *moment)
{
    uint64_t cpu;
    const char *const bracket = text->at;
    if (!eat_cpu_and_time(text, &cpu, &moment->time_ns))
        return NULL;
    const struct event_name *event = eat_event(text);
    if (!event)
        return NULL;
    moment->cpu = (int16_t)cpu;
    const char *end = before_blanks(begin, bracket);
    end = before_blanks(begin, before_tgid(begin, end, moment));
    take_who(begin, end, moment);
    return event;
}

/* Why a line without a head is none: it is another event's, or perf was told to leave a field out. */
static enum script_line without_head(const char *line, const char *end)
{
    static const char key[] = " sched:sched_switch: ";
    const char *const at = memmem(line, (size_t)(end - line), key, sizeof key - 1);
    if (!at)
        return SCRIPT_OTHER;
    const char *const colon = before_blanks(line, at);
    const char *digits = colon;
    while (digits > line && digits[-1] != ' ')
        digits--;
    struct text time = {digits, colon};
    uint64_t time_ns;
    return eat_time(&time, &time_ns) ? SCRIPT_NO_CPU : SCRIPT_NO_TIME;
}

enum script_line script_line(const char *line, size_t n, struct moment *moment)
{
    const char *const end = line + n;
    *moment = (struct moment){.target_cpu = -1};
    const char *bracket = line;
    while ((bracket = memchr(bracket, '[', (size_t)(end - bracket))) != NULL) {
        struct text text = {bracket, end};
        const struct event_name *event = eat_head(line, &text, moment);
        if (!event) {
            bracket++;
            continue;
        }
        moment->kind = (uint8_t)event->kind;
        moment->waker_known = event->kind == MOMENT_WAKING || event->kind == MOMENT_NEW;
        const int32_t ran = moment->tid;
        if (!event->take(text, moment))
            return SCRIPT_UNREADABLE;
        if (moment->tid != ran)
            moment->pid = 0; /* perf names the task of its own pid namespace, the event that of the first */
        return SCRIPT_MOMENT;
    }
    return without_head(line, end);
}

/* One of perf's own records, as perf script --show-task-events has them for all tasks before the first event.
 */
static bool is_record(const char *line, const char *end)
{
    uint64_t cpu, time_ns;
    for (const char *at = line; (at = memchr(at, '[', (size_t)(end - at))) != NULL; at++) {
        struct text text = {at, end};
        if (!eat_cpu_and_time(&text, &cpu, &time_ns))
            continue;
        eat_blanks(&text);
        if (eat(&text, "PERF_RECORD_"))
            return true;
    }
    return false;
}

bool script_is_one(const char *text, size_t n)
{
    const char *const end = text + n;
    for (const char *line = text, *newline; line < end; line = newline + 1) {
        struct moment moment;
        newline = memchr(line, '\n', (size_t)(end - line));
        if (!newline)
            break;
        if (script_line(line, (size_t)(newline - line), &moment) != SCRIPT_OTHER || is_record(line, newline))
            return true;
    }
    return false;
}

/* ---- the text ---- */

struct script {
    const struct bytes *bytes;
    struct script_figures figures;
    uint64_t at; /* behind what is in the buffer */
    uint64_t n_lines;
    uint64_t last_ns; /* the last moment's time */
    size_t next, n;   /* of the buffer */
    bool in_long;     /* the rest of a line that did not fit is skipped */
    char buffer[BUFFER_BYTES];
};

struct script *script_open(const struct bytes *bytes)
{
    struct script *script = mem_new(1, sizeof *script);
    script->bytes = bytes;
    return script;
}

void script_close(struct script *script)
{
    free(script);
}

struct script_figures script_figures(const struct script *script)
{
    return script->figures;
}

static bool fill(struct script *script)
{
    const size_t kept = script->n - script->next;
    memmove(script->buffer, script->buffer + script->next, kept);
    const size_t n = bytes_read(script->bytes, script->at, script->buffer + kept, BUFFER_BYTES - kept);
    script->next = 0;
    script->n = kept + n;
    script->at += n;
    return n > 0;
}

/* A line's beginning that fills the buffer is dropped, and so will be its end. */
static void drop_long(struct script *script)
{
    if (script->n - script->next < BUFFER_BYTES)
        return;
    script->next = script->n;
    script->in_long = true;
}

/* The next line of the buffer; NULL at the end of the text. */
static const char *next_line(struct script *script, size_t *n)
{
    for (;;) {
        const char *const line = script->buffer + script->next;
        const char *const newline = memchr(line, '\n', script->n - script->next);
        if (newline) {
            const bool was_long = script->in_long;
            *n = (size_t)(newline - line);
            script->next += *n + 1;
            script->figures.n_read += *n + 1;
            script->n_lines++;
            script->in_long = false;
            if (was_long)
                continue;
            return line;
        }
        drop_long(script);
        if (!fill(script))
            break;
    }
    script->figures.cut = script->n > script->next;
    script->figures.n_read = script->bytes->size;
    return NULL;
}

static void count_moment(struct script *script, uint64_t time_ns)
{
    struct script_figures *figures = &script->figures;
    figures->n_moments++;
    if (time_ns < script->last_ns && figures->n_back++ == 0)
        figures->first_back = script->n_lines;
    script->last_ns = time_ns;
}

bool script_next(struct script *script, struct moment *moment)
{
    const char *line;
    size_t n;
    while ((line = next_line(script, &n)) != NULL) {
        const enum script_line what = script_line(line, n, moment);
        if (what == SCRIPT_MOMENT) {
            count_moment(script, moment->time_ns);
            return true;
        }
        if (what == SCRIPT_OTHER)
            continue;
        if (script->figures.n_unreadable++ == 0) {
            script->figures.first_unreadable = script->n_lines;
            script->figures.why = what;
        }
    }
    return false;
}
