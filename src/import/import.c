/* Recognises a trace, opens its reader, and hands out what the teller makes of its moments. */
#include "import.h"

#include "dat.h"
#include "script.h"
#include "teller.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Events that are held back while the first switch is looked for; when there are more, it comes later. */
#define MAX_HELD 65536

/* A text whose times are differences shows it in its first moments: of these every second or third goes back,
 * where perf script, when it puts events in order too late, has one here and there. */
#define ORDER_MOMENTS 256
#define ORDER_LEAST   8

struct import {
    enum import_kind kind;
    struct bytes bytes;
    struct dat *dat; /* one of these two */
    struct script *script;
    struct teller *teller;
    struct event *held; /* told, and not handed out */
    size_t next_held, n_held, max_held;
    bool is_coarse; /* no time of a text had anything below the microsecond */
    char recorder[96];
    char remark[320];
};

/* ---- recognition ---- */

enum import_kind import_recognise(const void *bytes, size_t n)
{
    static const char perf[] = "PERFILE2"; /* magic of perf.data: Documentation/perf.data-file-format.txt */
    static const char swapped[] = "2ELIFREP";
    if (dat_is_one(bytes, n))
        return IMPORT_TRACE_CMD;
    if (n >= sizeof perf - 1 &&
        (memcmp(bytes, perf, sizeof perf - 1) == 0 || memcmp(bytes, swapped, sizeof swapped - 1) == 0))
        return IMPORT_PERF_DATA;
    return script_is_one(bytes, n) ? IMPORT_PERF_SCRIPT : IMPORT_NONE;
}

static enum import_kind recognise(const struct bytes *bytes)
{
    char *first = mem_new(IMPORT_RECOGNISE_BYTES, 1);
    const size_t n = bytes_read(bytes, 0, first, IMPORT_RECOGNISE_BYTES);
    const enum import_kind kind = import_recognise(first, n);
    free(first);
    return kind;
}

enum import_kind import_recognise_file(const char *path)
{
    struct bytes bytes;
    if (!bytes_open(&bytes, path, NULL))
        return IMPORT_NONE;
    const enum import_kind kind = recognise(&bytes);
    bytes_close(&bytes);
    return kind;
}

/* ---- events ---- */

static bool next_moment(struct import *import, struct moment *moment)
{
    if (import->dat)
        return dat_next(import->dat, moment);
    if (!script_next(import->script, moment))
        return false;
    import->is_coarse &= moment->time_ns % 1000 == 0;
    return true;
}

static struct event *room(struct import *import)
{
    if (import->n_held + TELLER_MAX_EVENTS > import->max_held) {
        import->max_held = import->max_held ? import->max_held * 2 : 4 * TELLER_MAX_EVENTS;
        import->held = mem_resize(import->held, import->max_held, sizeof *import->held);
    }
    return import->held + import->n_held;
}

/* Tells one more moment into what is held; false at the end. */
static bool hold_one(struct import *import)
{
    struct moment moment;
    if (!next_moment(import, &moment))
        return false;
    struct event *events = room(import);
    import->n_held += teller_tell(import->teller, &moment, events);
    return true;
}

static size_t hand_out(struct import *import, struct event *events, size_t max)
{
    const size_t left = import->n_held - import->next_held, n = left < max ? left : max;
    if (n > 0)
        memcpy(events, import->held + import->next_held, n * sizeof *events);
    import->next_held += n;
    if (import->next_held == import->n_held)
        import->next_held = import->n_held = 0;
    return n;
}

size_t import_read(struct import *import, struct event *events, size_t max)
{
    struct moment moment;
    size_t n = hand_out(import, events, max);
    while (import->n_held == 0 && max - n >= TELLER_MAX_EVENTS && next_moment(import, &moment))
        n += teller_tell(import->teller, &moment, events + n);
    while (n == 0 && max > 0 && hold_one(import))
        n = hand_out(import, events, max); /* room for a few only */
    return n;
}

/* ---- opening and closing ---- */

static bool open_reader(struct import *import, const char *name, struct err *err)
{
    switch (import->kind) {
    case IMPORT_TRACE_CMD:
        import->dat = dat_open(&import->bytes, name, err);
        if (!import->dat)
            return false;
        snprintf(import->recorder, sizeof import->recorder, "trace-cmd%s%s",
                 dat_header(import->dat)->recorder[0] ? " " : "", dat_header(import->dat)->recorder);
        return true;
    case IMPORT_PERF_SCRIPT:
        snprintf(import->recorder, sizeof import->recorder, "perf script");
        import->script = script_open(&import->bytes);
        return true;
    case IMPORT_PERF_DATA:
        return err_set(err, "%s is perf's own binary: perf script --ns -i %s > trace.txt, and open trace.txt",
                       name, name);
    default:
        return err_set(
            err,
            "%s is no trace that is known here: trace-cmd record -e sched makes one, or perf sched "
            "record and perf script --ns",
            name);
    }
}

static bool no_switches(struct import *import, const char *name, struct err *err)
{
    if (import->dat && (dat_header(import->dat)->no_table || dat_n_missing(import->dat) > 0))
        return err_set(err, "%s is cut off before its first sched_switch: copy it whole", name);
    if (import->dat)
        return err_set(err, "%s holds no sched_switch: record with trace-cmd record -e sched", name);
    const struct script_figures figures = script_figures(import->script);
    switch (figures.why) {
    case SCRIPT_NO_CPU:
        return err_set(err, "%s:%llu: the CPU is missing: perf script --ns -F +cpu", name,
                       (unsigned long long)figures.first_unreadable);
    case SCRIPT_NO_TIME:
        return err_set(err, "%s:%llu: the time is missing: perf script --ns -F +time", name,
                       (unsigned long long)figures.first_unreadable);
    case SCRIPT_UNREADABLE:
        return err_set(
            err, "%s:%llu: the event's fields are not as the kernel prints them: perf script --ns -F +trace",
            name, (unsigned long long)figures.first_unreadable);
    default:
        return err_set(err, "%s holds no sched_switch: record with perf sched record", name);
    }
}

static bool find_first_switch(struct import *import, const char *name, struct err *err)
{
    while (teller_figures(import->teller).n_switches == 0 && import->n_held < MAX_HELD) {
        if (!hold_one(import))
            return no_switches(import, name, err);
    }
    return true;
}

static bool has_times_in_order(struct import *import, const char *name, struct err *err)
{
    if (!import->script)
        return true;
    while (script_figures(import->script).n_moments < ORDER_MOMENTS && import->n_held < MAX_HELD) {
        if (!hold_one(import))
            break;
    }
    const struct script_figures figures = script_figures(import->script);
    if (figures.n_moments < ORDER_LEAST || figures.n_back * 4 < figures.n_moments)
        return true;
    return err_set(err,
                   "%s:%llu: times go back again and again, as those of --deltatime do: perf script --ns, "
                   "without --deltatime",
                   name, (unsigned long long)figures.first_back);
}

static struct import *open_bytes(const struct bytes *bytes, const char *name, struct err *err)
{
    struct import *import = mem_new(1, sizeof *import);
    import->bytes = *bytes;
    import->is_coarse = true;
    import->kind = recognise(&import->bytes);
    import->teller = teller_new();
    if (open_reader(import, name, err) && find_first_switch(import, name, err) &&
        has_times_in_order(import, name, err))
        return import;
    import_close(import);
    return NULL;
}

struct import *import_open(const char *path, struct err *err)
{
    struct bytes bytes;
    return bytes_open(&bytes, path, err) ? open_bytes(&bytes, path, err) : NULL;
}

struct import *import_open_memory(const void *memory, size_t n, const char *name, struct err *err)
{
    struct bytes bytes;
    bytes_open_memory(&bytes, memory, n);
    return open_bytes(&bytes, name, err);
}

void import_close(struct import *import)
{
    if (!import)
        return;
    dat_close(import->dat);
    script_close(import->script);
    teller_free(import->teller);
    bytes_close(&import->bytes);
    free(import->held);
    free(import);
}

/* ---- facts ---- */

void import_progress(const struct import *import, uint64_t *n_read, uint64_t *n_bytes)
{
    *n_read = import->dat ? dat_n_read(import->dat) : script_figures(import->script).n_read;
    *n_bytes = import->dat ? dat_n_bytes(import->dat) : import->bytes.size;
}

static void dat_facts(const struct import *import, struct import_facts *facts)
{
    static const char *const in_ns[] = {"local",    "global", "perf", "mono",
                                        "mono_raw", "boot",   "tai",  "uptime"};
    const struct dat_header *header = dat_header(import->dat);
    facts->machine = header->machine;
    facts->clock = header->clock;
    facts->times_are_ticks = header->clock[0] != '\0' && header->scale.mult == 0;
    for (size_t i = 0; i < sizeof in_ns / sizeof *in_ns; i++)
        facts->times_are_ticks &= strcmp(header->clock, in_ns[i]) != 0;
    if (header->n_cpus > facts->n_cpus && header->n_cpus <= DAT_MAX_CPUS)
        facts->n_cpus = header->n_cpus;
}

/* A few switches escape the kernel's own recording (events within events are not taken); of a trace of some
 * tasks most are missing. */
static bool is_whole(const struct teller_figures *figures)
{
    return figures->n_broken * 100 <= figures->n_switches;
}

void import_facts(const struct import *import, struct import_facts *facts)
{
    const struct teller_figures figures = teller_figures(import->teller);
    *facts = (struct import_facts){
        .kind = import->kind,
        .recorder = import->recorder,
        .machine = "",
        .clock = "",
        .resolution_ns = import->dat || !import->is_coarse ? 1 : 1000,
        .n_cpus = figures.n_cpus,
        .first_ns = figures.first_ns,
        .last_ns = figures.last_ns,
        .n_switches = figures.n_switches,
        .n_lost = figures.n_lost,
        .whole = is_whole(&figures),
    };
    if (import->dat)
        dat_facts(import, facts);
}

/* Adds a sentence to the remark. */
static void __attribute__((format(printf, 2, 3))) remark(struct import *import, const char *format, ...)
{
    const size_t n = strlen(import->remark);
    va_list args;
    va_start(args, format);
    if (n > 0)
        snprintf(import->remark + n, sizeof import->remark - n, "; ");
    vsnprintf(import->remark + strlen(import->remark), sizeof import->remark - strlen(import->remark), format,
              args);
    va_end(args);
}

static void remark_dat(struct import *import)
{
    const uint64_t n_missing = dat_n_missing(import->dat), n_damaged = dat_n_damaged(import->dat);
    if (n_missing > 0)
        remark(import, "the file is cut off: %llu of %llu bytes of events are missing",
               (unsigned long long)n_missing, (unsigned long long)n_missing + dat_n_bytes(import->dat));
    if (dat_header(import->dat)->no_table)
        remark(import, "the file is cut off: what follows is missing, and CPUs are numbered as they come");
    if (n_damaged > 0)
        remark(import, "%llu damaged or cut part%s skipped", (unsigned long long)n_damaged,
               n_damaged == 1 ? " was" : "s were");
}

static void remark_script(struct import *import)
{
    const struct script_figures figures = script_figures(import->script);
    if (figures.cut)
        remark(import, "the text is cut off: its last line has no end, and is left out");
    if (figures.n_unreadable > 0)
        remark(import, "%llu line%s not understood, the first is line %llu",
               (unsigned long long)figures.n_unreadable, figures.n_unreadable == 1 ? " was" : "s were",
               (unsigned long long)figures.first_unreadable);
}

const char *import_remark(struct import *import)
{
    const struct teller_figures figures = teller_figures(import->teller);
    import->remark[0] = '\0';
    if (import->dat)
        remark_dat(import);
    else
        remark_script(import);
    if (figures.n_lost > 0)
        remark(import, "at least %llu event%s lost when it was recorded", (unsigned long long)figures.n_lost,
               figures.n_lost == 1 ? " was" : "s were");
    if (!is_whole(&figures))
        remark(import,
               "not all tasks are in it: %llu of %llu switches come after others that were not traced",
               (unsigned long long)figures.n_broken, (unsigned long long)figures.n_switches);
    else if (figures.n_broken > 0)
        remark(import, "at least %llu switch%s not recorded", (unsigned long long)figures.n_broken,
               figures.n_broken == 1 ? " was" : "es were");
    return import->remark;
}
