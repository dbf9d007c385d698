/* A recording that is larger than memory. */
#include "window.h"

#include "flags.h"

#include <stdlib.h>
#include <string.h>

#define PART_EVENTS   UINT64_C(340000) /* that many are read in some 20 ms */
#define MAX_STRETCHES UINT64_C(200000) /* of sums, in all lanes: some 25 MiB */
#define FINE_GROUPS   400u             /* a window of that many looks as if there were more */

struct window {
    struct trace *trace;
    struct reader *reader;
    size_t memory_bytes;
    struct mark *marks; /* and alerts, of all of it */
    unsigned n_marks;

    struct timeline *whole;                    /* as it stands at the end; before that it has sums */
    unsigned sums_first, sums_end, sums_group; /* blocks that they are of, so many to a stretch */

    struct timeline *part; /* NULL: none */
    unsigned part_first, part_end;
};

/* A timeline of the blocks [first, end) has the marks and alerts of those. */
static void add_marks(const struct window *w, unsigned first, unsigned end, struct timeline *tl)
{
    const uint64_t from_ns = reader_block(w->reader, first)->first_ns;
    const uint64_t to_ns = reader_block(w->reader, end - 1)->last_ns;
    unsigned before = 0, behind = w->n_marks;
    while (before < w->n_marks && w->marks[before].time_ns < from_ns)
        before++;
    while (behind > before && w->marks[behind - 1].time_ns > to_ns)
        behind--;
    timeline_add_marks(tl, w->marks, before);
    timeline_add_marks(tl, w->marks + behind, w->n_marks - behind);
}

struct window *window_open(struct trace *trace, size_t memory_bytes, struct err *err)
{
    struct window *w = mem_new(1, sizeof *w);
    uint64_t first_ns, last_ns;
    *w = (struct window){.trace = trace, .reader = trace_reader(trace), .memory_bytes = memory_bytes};
    w->whole = trace_timeline(trace, memory_bytes);
    reader_span(w->reader, &first_ns, &last_ns);
    const unsigned n = reader_n_blocks(w->reader), key = reader_find(w->reader, last_ns, true);
    if (!trace_play_blocks(trace, key, n, w->whole, NULL, err) && timeline_n_events(w->whole) == 0) {
        window_free(w);
        return NULL;
    }
    w->n_marks = flags_read(w->reader, &w->marks);
    if (key < n)
        add_marks(w, key, n, w->whole);
    return w;
}

void window_free(struct window *w)
{
    if (!w)
        return;
    timeline_free(w->whole);
    timeline_free(w->part);
    free(w->marks);
    free(w);
}

/* ---- blocks ---- */

static uint64_t count_events(const struct window *w, unsigned first, unsigned end)
{
    uint64_t n = 0;
    for (unsigned i = first; i < end; i++)
        n += reader_block(w->reader, i)->n_events;
    return n;
}

/* The first block behind to_ns. */
static unsigned end_of(const struct window *w, uint64_t to_ns)
{
    unsigned end = reader_find(w->reader, to_ns, false);
    const unsigned n = reader_n_blocks(w->reader);
    while (end < n && reader_block(w->reader, end)->first_ns <= to_ns)
        end++;
    return end;
}

/* ---- sums ---- */

/* What a group of blocks adds up to, for each lane that had a part in it. */
struct group {
    struct bin *cpus, *tasks; /* by number, by index; all zero: none */
    uint32_t n_cpus, n_tasks;
};

static struct bin *room_for(struct bin **bins, uint32_t *n, uint32_t i)
{
    if (i >= *n) {
        *bins = mem_resize(*bins, i + 1ul, sizeof **bins);
        memset(*bins + *n, 0, (i + 1ul - *n) * sizeof **bins);
        *n = i + 1;
    }
    return &(*bins)[i];
}

/* Leads of the sum are leads of a part: one that was never among the first three is not missed. */
static void add_lead(struct bin *to, uint32_t who, uint64_t ns)
{
    unsigned i = 0;
    while (i < BIN_LEADS && to->lead[i].ns && to->lead[i].who != who)
        i++;
    if (i == BIN_LEADS) {
        i = BIN_LEADS - 1;
        if (to->lead[i].ns >= ns)
            return;
        to->lead[i].ns = 0;
    }
    to->lead[i].who = who;
    to->lead[i].ns += ns;
    for (; i > 0 && to->lead[i].ns > to->lead[i - 1].ns; i--) {
        const uint32_t w = to->lead[i].who;
        const uint64_t t = to->lead[i].ns;
        to->lead[i].who = to->lead[i - 1].who;
        to->lead[i].ns = to->lead[i - 1].ns;
        to->lead[i - 1].who = w;
        to->lead[i - 1].ns = t;
    }
}

static void add_bin(struct bin *to, const struct bin *bin)
{
    to->run_ns += bin->run_ns;
    to->self_ns += bin->self_ns;
    to->runnable_ns += bin->runnable_ns;
    to->others_ns += bin->others_ns;
    to->blocked_ns += bin->blocked_ns;
    to->unknown_ns += bin->unknown_ns;
    to->n_switches += bin->n_switches;
    to->n_samples += bin->n_samples;
    for (unsigned i = 0; i < BIN_LEADS && bin->lead[i].ns; i++)
        add_lead(to, bin->lead[i].who, bin->lead[i].ns);
}

/* A damaged block: nothing is known of its span. */
static void add_hole(const struct window *w, const struct reader_block *block, struct group *group)
{
    const uint64_t span_ns = block->last_ns - block->first_ns;
    for (uint32_t i = 0; i < (uint32_t)timeline_n_cpus(w->whole); i++)
        room_for(&group->cpus, &group->n_cpus, i)->unknown_ns += span_ns;
    for (uint32_t i = 0; i < timeline_n_tasks(w->whole); i++)
        room_for(&group->tasks, &group->n_tasks, i)->unknown_ns += span_ns;
}

static void add_block(const struct window *w, unsigned block, struct group *group, struct err *err)
{
    struct sums_of_block sums;
    if (!reader_block(w->reader, block)->has_sums)
        return;
    if (!reader_sums(w->reader, block, &sums, err)) {
        add_hole(w, reader_block(w->reader, block), group);
        return;
    }
    for (unsigned i = 0; i < sums.n_cpus; i++)
        add_bin(room_for(&group->cpus, &group->n_cpus, (uint32_t)sums.cpus[i].cpu), &sums.cpus[i].bin);
    for (unsigned i = 0; i < sums.n_tasks; i++)
        if (sums.tasks[i].task < timeline_n_tasks(w->whole))
            add_bin(room_for(&group->tasks, &group->n_tasks, sums.tasks[i].task), &sums.tasks[i].bin);
    sums_fini(&sums);
}

static bool is_any(const struct bin *bin)
{
    return bin->run_ns || bin->runnable_ns || bin->blocked_ns || bin->unknown_ns || bin->others_ns ||
           bin->n_switches || bin->n_samples;
}

/* Hands a group on, and empties it. */
static void give_group(struct window *w, struct group *group, uint64_t start_ns, uint64_t end_ns)
{
    for (uint32_t i = 0; i < group->n_cpus; i++)
        if (is_any(&group->cpus[i]))
            timeline_add_cpu_sums(w->whole, (int)i, start_ns, end_ns, &group->cpus[i]);
    for (uint32_t i = 0; i < group->n_tasks; i++) {
        struct bin *bin = &group->tasks[i];
        const uint64_t known_ns = bin->run_ns + bin->runnable_ns + bin->blocked_ns + bin->unknown_ns;
        if (!is_any(bin))
            continue;
        if (known_ns < end_ns - start_ns) /* of the blocks in which it did nothing */
            bin->blocked_ns += end_ns - start_ns - known_ns;
        timeline_add_task_sums(w->whole, i, start_ns, end_ns, bin);
    }
    if (group->n_cpus)
        memset(group->cpus, 0, group->n_cpus * sizeof *group->cpus);
    if (group->n_tasks)
        memset(group->tasks, 0, group->n_tasks * sizeof *group->tasks);
}

/* Blocks to a stretch, so that all lanes together hold in memory. */
static unsigned blocks_per_group(const struct window *w, unsigned n_blocks)
{
    const uint64_t lanes = (uint64_t)timeline_n_cpus(w->whole) + timeline_n_tasks(w->whole);
    return (unsigned)(n_blocks * lanes / MAX_STRETCHES + 1);
}

/* Whether what is there shows these blocks as fine as the screen can. */
static bool has_sums(const struct window *w, unsigned first, unsigned end)
{
    const bool is_covered = first >= w->sums_first && end <= w->sums_end;
    return is_covered && (w->sums_group == 1 || (end - first) / w->sums_group >= FINE_GROUPS);
}

static void read_sums(struct window *w, unsigned first, unsigned end, struct err *err)
{
    struct group group = {0};
    if (has_sums(w, first, end))
        return;
    const unsigned per_group = blocks_per_group(w, end - first);
    timeline_drop_sums(w->whole);
    for (unsigned i = first; i < end; i += per_group) {
        const unsigned last = i + per_group < end ? i + per_group : end;
        for (unsigned k = i; k < last; k++)
            add_block(w, k, &group, err);
        give_group(w, &group, reader_block(w->reader, i)->first_ns,
                   reader_block(w->reader, last - 1)->last_ns);
    }
    free(group.cpus);
    free(group.tasks);
    w->sums_first = first;
    w->sums_end = end;
    w->sums_group = per_group;
}

/* ---- slices ---- */

/* Widens [first, end) to both sides by turns while it is affordable, so that a step aside costs nothing. */
static void widen(const struct window *w, unsigned *first, unsigned *end)
{
    uint64_t n = count_events(w, *first, *end);
    const unsigned n_blocks = reader_n_blocks(w->reader);
    for (bool more = true; more;) {
        more = false;
        if (*first > 0 && n + reader_block(w->reader, *first - 1)->n_events <= PART_EVENTS) {
            n += reader_block(w->reader, --*first)->n_events;
            more = true;
        }
        if (*end < n_blocks && n + reader_block(w->reader, *end)->n_events <= PART_EVENTS) {
            n += reader_block(w->reader, (*end)++)->n_events;
            more = true;
        }
    }
}

/* The state of tasks is known where a block is key. */
static void read_part(struct window *w, unsigned first, unsigned end, struct err *err)
{
    if (w->part && first >= w->part_first && end <= w->part_end)
        return;
    widen(w, &first, &end);
    struct timeline *before = w->part;
    w->part = trace_timeline(w->trace, w->memory_bytes); /* at another address, by which a change is known */
    timeline_free(before);
    w->part_first = first;
    w->part_end = end;
    first = reader_find(w->reader, reader_block(w->reader, first)->first_ns, true);
    trace_play_blocks(w->trace, first, end, w->part, NULL, err);
    add_marks(w, first, end, w->part);
}

struct timeline *window_show(struct window *w, uint64_t from_ns, uint64_t to_ns, struct err *err)
{
    const unsigned first = reader_find(w->reader, from_ns, false), end = end_of(w, to_ns);
    err->msg[0] = '\0';
    if (first >= end)
        return w->whole;
    if (count_events(w, first, end) <= PART_EVENTS) {
        read_part(w, first, end, err);
        return w->part;
    }
    read_sums(w, first, end, err);
    return w->whole;
}

bool window_has_slices(const struct window *w, const struct timeline *shown)
{
    return shown == w->part;
}
