/* Answers about the timeline: totals, bins, slices and states at an instant. */
#include "chunk.h"
#include "model.h"
#include "overview.h"
#include "timeline.h"

#include <string.h>

/* Items that all lanes of a frame together may look at one by one: about a quarter of a millisecond. */
#define FRAME_SCAN_ITEMS 65536u
#define FRAME_MAX_LANES  56u
#define LEADS_SCAN_ITEMS 256u

uint64_t timeline_edge_ns(const struct timeline *tl)
{
    if (tl->overview)
        return overview_edge_ns(tl->overview);
    return tl->store.edge_ns > tl->first_ns ? tl->store.edge_ns : tl->first_ns;
}

uint64_t timeline_first_ns(const struct timeline *tl)
{
    return tl->first_ns;
}

uint64_t timeline_now_ns(const struct timeline *tl)
{
    return tl->now_ns;
}

size_t timeline_memory(const struct timeline *tl)
{
    return tl->store.used;
}

uint64_t timeline_n_slices(const struct timeline *tl)
{
    uint64_t n = 0;
    for (int i = 0; i < tl->n_cpus; i++)
        n += tl->cpus[i] ? track_n_slices(&tl->cpus[i]->track) : 0;
    return n;
}

uint64_t timeline_n_events(const struct timeline *tl)
{
    return tl->n_events;
}

uint64_t timeline_n_lost(const struct timeline *tl)
{
    return tl->n_lost;
}

unsigned timeline_n_tasks(const struct timeline *tl)
{
    return tl->n_lives;
}

int timeline_n_cpus(const struct timeline *tl)
{
    return tl->n_cpus;
}

unsigned timeline_n_marks(const struct timeline *tl)
{
    return tl->n_marks;
}

const struct mark *timeline_mark(const struct timeline *tl, unsigned i)
{
    return i < tl->n_marks ? &tl->marks[i] : NULL;
}

unsigned timeline_n_holes(const struct timeline *tl)
{
    return tl->n_holes;
}

const struct hole *timeline_hole(const struct timeline *tl, unsigned i)
{
    return i < tl->n_holes ? &tl->holes[i] : NULL;
}

void timeline_slice_lengths(const struct timeline *tl, struct histogram *lengths)
{
    *lengths = (struct histogram){0};
    for (uint32_t i = 0; i < tl->n_lives; i++)
        if (tl->lives[i]->slice_ns && !life_is_self(tl->lives[i]))
            histogram_merge(lengths, tl->lives[i]->slice_ns);
}

const struct histogram *timeline_switch_costs(const struct timeline *tl)
{
    return &tl->switch_costs;
}

/* ---- tails: what is not finished ---- */

static uint64_t life_end(const struct timeline *tl, const struct life *life)
{
    return life->task.state == STATE_GONE ? life->task.last_ns : tl->now_ns;
}

struct item life_tail(const struct timeline *tl, const struct life *life)
{
    uint64_t since_ns = life->task.state_since_ns, end_ns = life_end(tl, life);
    struct item tail = {.prev_ns = life->track.end_ns, .start_ns = end_ns, .end_ns = end_ns, .tag = TAG_TURN};
    switch (life->task.state) {
    case STATE_RUNNING:
        tail.start_ns = since_ns;
        tail.wait_ns = life->wait_ns;
        tail.who = (uint32_t)life->task.last_cpu;
        tail.tag = SLICE_OPEN;
        break;
    case STATE_RUNNABLE:
        tail.wait_ns = end_ns - since_ns;
        break;
    case STATE_UNKNOWN:
        tail.start_ns = since_ns;
        tail.tag = TAG_UNKNOWN;
        break;
    case STATE_BLOCKED:
    case STATE_GONE:
        break;
    }
    return tail;
}

struct item cpu_tail(const struct timeline *tl, const struct cpu *cpu)
{
    struct item tail = {
        .prev_ns = cpu->track.end_ns, .start_ns = tl->now_ns, .end_ns = tl->now_ns, .tag = TAG_TURN};
    if (cpu->running) {
        const struct life *life = cpu->running;
        tail.start_ns = life->task.state_since_ns;
        tail.who = life->task.index;
        tail.tag = SLICE_OPEN;
        tail.self = life_is_self(life);
    }
    return tail;
}

static const struct cpu *get_cpu(const struct timeline *tl, int cpu)
{
    return cpu >= 0 && cpu < tl->n_cpus ? tl->cpus[cpu] : NULL;
}

static const struct life *get_life(const struct timeline *tl, uint32_t index)
{
    return index < tl->n_lives ? tl->lives[index] : NULL;
}

/* ---- totals ---- */

static const struct task nobody = {.index = TIMELINE_NO_TASK,
                                   .slot = -1,
                                   .parent = TIMELINE_NO_TASK,
                                   .last_waker = TIMELINE_NO_TASK,
                                   .last_cpu = -1,
                                   .state = STATE_GONE};

void timeline_task(const struct timeline *tl, uint32_t index, struct task *task)
{
    const struct life *life = get_life(tl, index);
    if (!life) {
        *task = nobody;
        task->index = index;
        return;
    }
    *task = life->task;
    const struct sums *total = &life->track.total;
    struct item tail = life_tail(tl, life);
    uint64_t tail_ns = tail.end_ns - tail.start_ns;
    task->last_ns = life_end(tl, life);
    task->slice_ns = life->slice_ns;
    task->wake_ns = life->wake_ns;
    task->run_ns = total->run_ns + (tail.tag == SLICE_OPEN ? tail_ns : 0);
    task->unknown_ns = total->unknown_ns + (tail.tag == TAG_UNKNOWN ? tail_ns : 0);
    task->runnable_ns = total->wait_ns + tail.wait_ns;
    task->blocked_ns = task->last_ns - task->first_ns - task->run_ns - task->unknown_ns - task->runnable_ns;
}

const struct task *timeline_task_told(const struct timeline *tl, uint32_t index)
{
    const struct life *life = get_life(tl, index);
    return life ? &life->task : &nobody;
}

uint64_t timeline_id(const struct timeline *tl)
{
    return tl->id;
}

uint64_t timeline_task_pulse(const struct timeline *tl, uint32_t index)
{
    return index < tl->n_lives ? tl->pulses[index] : 0;
}

void timeline_cpu_totals(const struct timeline *tl, int number, struct cpu_totals *totals)
{
    const struct cpu *cpu = get_cpu(tl, number);
    *totals = (struct cpu_totals){0};
    if (!cpu)
        return;
    const struct sums *total = &cpu->track.total;
    *totals = (struct cpu_totals){
        .busy_ns = total->run_ns - total->self_ns,
        .self_ns = total->self_ns,
        .others_ns = total->wait_ns,
        .n_slices = cpu->n_slices,
        .n_switches = cpu->n_switches,
    };
    if (!cpu->running)
        return;
    struct item tail = cpu_tail(tl, cpu);
    if (tail.self)
        totals->self_ns += tail.end_ns - tail.start_ns;
    else
        totals->busy_ns += tail.end_ns - tail.start_ns;
}

/* ---- bins ---- */

static unsigned scan_items(unsigned n_lanes, unsigned n)
{
    if (n_lanes > FRAME_MAX_LANES)
        n_lanes = FRAME_MAX_LANES;
    return FRAME_SCAN_ITEMS / (n_lanes ? n_lanes : 1) / (n ? n : 1);
}

/* A window that ends at the end of time at the latest. */
static uint64_t clip_span(uint64_t start_ns, uint64_t span_ns)
{
    return span_ns < UINT64_MAX - start_ns ? span_ns : UINT64_MAX - start_ns;
}

/* A lane and a window of it, ready for track.h. */
struct question {
    const struct track *track;
    struct track nothing; /* stands in for a lane that there is not */
    struct item tail;
    struct window window;
};

static void ask_cpu(const struct timeline *tl, int number, uint64_t start_ns, uint64_t span_ns,
                    struct question *q)
{
    const struct cpu *cpu = get_cpu(tl, number);
    q->tail = (struct item){.start_ns = tl->now_ns, .end_ns = tl->now_ns, .tag = TAG_TURN};
    q->window = (struct window){.start_ns = start_ns,
                                .span_ns = clip_span(start_ns, span_ns),
                                .lo_ns = timeline_edge_ns(tl),
                                .hi_ns = tl->now_ns,
                                .rest_is_unknown = !tl->any_switch};
    if (cpu)
        q->tail = cpu_tail(tl, cpu);
    track_init(&q->nothing, false, 0);
    q->track = cpu ? &cpu->track : &q->nothing;
}

static void ask_task(const struct timeline *tl, uint32_t index, uint64_t start_ns, uint64_t span_ns,
                     struct question *q)
{
    const struct life *life = get_life(tl, index);
    q->tail = (struct item){.tag = TAG_TURN};
    q->window = (struct window){.start_ns = start_ns, .span_ns = clip_span(start_ns, span_ns)};
    if (life) {
        q->tail = life_tail(tl, life);
        q->window.hi_ns = life_end(tl, life);
        q->window.lo_ns = timeline_edge_ns(tl);
        if (q->window.lo_ns < life->task.first_ns)
            q->window.lo_ns = life->task.first_ns;
        if (q->window.hi_ns < q->window.lo_ns)
            q->window.hi_ns = q->window.lo_ns;
    }
    track_init(&q->nothing, true, 0);
    q->track = life ? &life->track : &q->nothing;
}

static void ask_overview(const struct timeline *tl, uint32_t index, uint64_t start_ns, uint64_t span_ns,
                         unsigned n, struct bin *bins)
{
    const struct life *life = get_life(tl, index);
    overview_task_bins(tl->overview, index, life ? life->task.first_ns : 0, life ? life_end(tl, life) : 0,
                       start_ns, clip_span(start_ns, span_ns), n, bins);
}

void timeline_cpu_bins(const struct timeline *tl, int number, uint64_t start_ns, uint64_t span_ns, unsigned n,
                       struct bin *bins)
{
    struct question q;
    if (tl->overview) {
        overview_cpu_bins(tl->overview, number, start_ns, clip_span(start_ns, span_ns), n, bins);
        return;
    }
    ask_cpu(tl, number, start_ns, span_ns, &q);
    q.window.scan_items = scan_items((unsigned)tl->n_cpus, n);
    track_bins(q.track, &q.tail, &q.window, n, bins);
}

void timeline_task_bins(const struct timeline *tl, uint32_t index, uint64_t start_ns, uint64_t span_ns,
                        unsigned n, struct bin *bins)
{
    struct question q;
    if (tl->overview) {
        ask_overview(tl, index, start_ns, span_ns, n, bins);
        return;
    }
    ask_task(tl, index, start_ns, span_ns, &q);
    q.window.scan_items = scan_items(tl->n_lives, n);
    track_bins(q.track, &q.tail, &q.window, n, bins);
}

void timeline_cpu_sum(const struct timeline *tl, int number, uint64_t start_ns, uint64_t span_ns,
                      struct bin *bin)
{
    struct question q;
    if (tl->overview) {
        overview_cpu_bins(tl->overview, number, start_ns, clip_span(start_ns, span_ns), 1, bin);
        return;
    }
    ask_cpu(tl, number, start_ns, span_ns, &q);
    track_sum(q.track, &q.tail, &q.window, bin);
}

void timeline_cpu_leads(const struct timeline *tl, int number, uint64_t start_ns, uint64_t span_ns,
                        struct bin *bin)
{
    struct question q;
    struct bin column;
    if (tl->overview) {
        overview_cpu_bins(tl->overview, number, start_ns, clip_span(start_ns, span_ns), 1, &column);
    } else {
        ask_cpu(tl, number, start_ns, span_ns, &q);
        q.window.scan_items = LEADS_SCAN_ITEMS;
        q.window.all_chunks = true;
        track_bins(q.track, &q.tail, &q.window, 1, &column);
    }
    memcpy(bin->lead, column.lead, sizeof bin->lead);
}

void timeline_task_sum(const struct timeline *tl, uint32_t index, uint64_t start_ns, uint64_t span_ns,
                       struct bin *bin)
{
    struct question q;
    if (tl->overview) {
        ask_overview(tl, index, start_ns, span_ns, 1, bin);
        return;
    }
    ask_task(tl, index, start_ns, span_ns, &q);
    track_sum(q.track, &q.tail, &q.window, bin);
}

/* ---- slices ---- */

/* A lane's slices in history, for walking; the tail is copied in. */
struct walk {
    struct cursor cursor;
    struct item item;
    uint64_t edge_ns;
};

static bool at_slice(struct walk *walk)
{
    walk->item = cursor_item(&walk->cursor);
    if (walk->item.end_ns <= walk->edge_ns && walk->item.start_ns < walk->edge_ns)
        return false;
    return item_is_slice(&walk->item);
}

static bool walk_next(struct walk *walk)
{
    while (cursor_next(&walk->cursor))
        if (at_slice(walk))
            return true;
    return false;
}

static bool walk_back(struct walk *walk)
{
    while (cursor_back(&walk->cursor))
        if (at_slice(walk))
            return true;
    return false;
}

/* The first slice that ends after t_ns, or begins then or later. */
static bool walk_seek(struct walk *walk, const struct track *track, const struct item *tail, uint64_t t_ns)
{
    walk->cursor = cursor_seek(track, tail, t_ns);
    bool found = at_slice(walk) || walk_next(walk);
    while (found && walk->item.end_ns <= t_ns && walk->item.start_ns < t_ns)
        found = walk_next(walk);
    return found;
}

/* When the walk has come to the end without finding: the last slice of all. */
static bool walk_last(struct walk *walk)
{
    return at_slice(walk) || walk_back(walk);
}

/* From the slice at t_ns (or from behind the last one) to the one asked for. */
static bool walk_to(struct walk *walk, const struct track *track, const struct item *tail, uint64_t t_ns,
                    int step)
{
    bool found = walk_seek(walk, track, tail, t_ns);
    if (step < 0)
        return found ? walk_back(walk) : walk_last(walk);
    if (step == 0)
        return found;
    do /* slices without length may begin at the same instant */
        found = found && walk_next(walk);
    while (found && walk->item.start_ns <= t_ns);
    return found;
}

static struct walk walk_of(const struct timeline *tl)
{
    return (struct walk){.edge_ns = timeline_edge_ns(tl)};
}

/* How long the task of a slice on a CPU had waited for it. */
static uint64_t wait_before(const struct timeline *tl, uint32_t index, uint64_t start_ns, int number)
{
    const struct life *life = tl->lives[index];
    struct item tail = life_tail(tl, life);
    struct cursor cursor = cursor_seek(&life->track, &tail, start_ns);
    do {
        struct item item = cursor_item(&cursor);
        if (item.start_ns > start_ns)
            return 0;
        if (item.start_ns == start_ns && item_is_slice(&item) && item.who == (uint32_t)number)
            return item.wait_ns;
    } while (cursor_next(&cursor));
    return 0;
}

bool timeline_cpu_slice(const struct timeline *tl, int number, uint64_t t_ns, int step, struct slice *slice)
{
    const struct cpu *cpu = get_cpu(tl, number);
    if (!cpu)
        return false;
    struct item tail = cpu_tail(tl, cpu);
    struct walk walk = walk_of(tl);
    if (!walk_to(&walk, &cpu->track, &tail, t_ns, step))
        return false;
    const struct item *item = &walk.item;
    *slice = (struct slice){item->start_ns, item->end_ns, item->who, number, (enum slice_end)item->tag, 0};
    slice->runnable_ns = wait_before(tl, item->who, item->start_ns, number);
    return true;
}

bool timeline_task_slice(const struct timeline *tl, uint32_t index, uint64_t t_ns, int step,
                         struct slice *slice)
{
    const struct life *life = get_life(tl, index);
    if (!life)
        return false;
    struct item tail = life_tail(tl, life);
    struct walk walk = walk_of(tl);
    if (!walk_to(&walk, &life->track, &tail, t_ns, step))
        return false;
    const struct item *item = &walk.item;
    *slice = (struct slice){item->start_ns, item->end_ns, index, (int)item->who, (enum slice_end)item->tag,
                            item->wait_ns};
    return true;
}

/* Copies slices from where the walk is on, chunk by chunk: a lane is drawn from thousands of them. The task
 * is that of a task's track, or TIMELINE_NO_TASK on that of the CPU `number`. */
static unsigned copy_slices(const struct walk *walk, uint32_t task, int number, struct slice *slices,
                            unsigned max)
{
    const struct track *track = walk->cursor.track;
    unsigned n = 0, i = walk->cursor.i;
    for (uint32_t c = walk->cursor.chunk; c < track->n; c++, i = 0) {
        const struct chunk *chunk = track_chunk(track, c);
        for (; i < chunk->n; i++) {
            const uint32_t word = chunk_word(chunk, i), who = word >> WORD_WHO;
            const uint64_t start_ns = chunk_start(chunk, i), end_ns = chunk_end(chunk, i);
            if ((word & WORD_TAG) > SLICE_LOST || (end_ns <= walk->edge_ns && start_ns < walk->edge_ns))
                continue;
            if (n == max)
                return n;
            slices[n++] =
                task == TIMELINE_NO_TASK
                    ? (struct slice){start_ns, end_ns, who, number, word & WORD_TAG, 0}
                    : (struct slice){start_ns, end_ns, task, (int)who, word & WORD_TAG, chunk_wait(chunk, i)};
        }
    }
    const struct item *tail = walk->cursor.tail;
    if (n < max && item_is_slice(tail))
        slices[n++] = task == TIMELINE_NO_TASK
                          ? (struct slice){tail->start_ns, tail->end_ns, tail->who, number, tail->tag, 0}
                          : (struct slice){tail->start_ns, tail->end_ns, task,
                                           (int)tail->who, tail->tag,    tail->wait_ns};
    return n;
}

unsigned timeline_cpu_slices(const struct timeline *tl, int number, uint64_t t_ns, struct slice *slices,
                             unsigned max)
{
    const struct cpu *cpu = get_cpu(tl, number);
    if (!cpu)
        return 0;
    struct item tail = cpu_tail(tl, cpu);
    struct walk walk = walk_of(tl);
    if (!walk_seek(&walk, &cpu->track, &tail, t_ns))
        return 0;
    return copy_slices(&walk, TIMELINE_NO_TASK, number, slices, max);
}

unsigned timeline_task_slices(const struct timeline *tl, uint32_t index, uint64_t t_ns, struct slice *slices,
                              unsigned max)
{
    const struct life *life = get_life(tl, index);
    if (!life)
        return 0;
    struct item tail = life_tail(tl, life);
    struct walk walk = walk_of(tl);
    if (!walk_seek(&walk, &life->track, &tail, t_ns))
        return 0;
    return copy_slices(&walk, index, -1, slices, max);
}

bool timeline_each_cpu_slice(const struct timeline *tl, int number, uint64_t from_ns,
                             bool (*visit)(void *data, const struct slice *slice), void *data)
{
    const struct cpu *cpu = get_cpu(tl, number);
    if (!cpu)
        return true;
    struct item tail = cpu_tail(tl, cpu);
    struct walk walk = walk_of(tl);
    for (bool found = walk_seek(&walk, &cpu->track, &tail, from_ns); found; found = walk_next(&walk)) {
        const struct item *item = &walk.item;
        struct slice slice = {.start_ns = item->start_ns,
                              .end_ns = item->end_ns,
                              .task = item->who,
                              .cpu = number,
                              .end = (enum slice_end)item->tag,
                              .runnable_ns = wait_before(tl, item->who, item->start_ns, number)};
        if (!visit(data, &slice))
            return false;
    }
    return true;
}

/* ---- instants ---- */

enum task_state timeline_task_at(const struct timeline *tl, uint32_t index, uint64_t t_ns, uint64_t *since_ns,
                                 uint64_t *until_ns, int *cpu)
{
    const struct life *life = get_life(tl, index);
    *since_ns = *until_ns = t_ns;
    *cpu = -1;
    if (!life)
        return STATE_UNKNOWN;
    uint64_t end_ns = life_end(tl, life), edge_ns = timeline_edge_ns(tl);
    if (t_ns < life->task.first_ns || t_ns < edge_ns) {
        *since_ns = 0;
        *until_ns = life->task.first_ns > edge_ns ? life->task.first_ns : edge_ns;
        return STATE_UNKNOWN;
    }
    if (t_ns >= end_ns && (life->task.state == STATE_GONE || t_ns > end_ns)) {
        *since_ns = end_ns;
        return life->task.state == STATE_GONE ? STATE_GONE : STATE_UNKNOWN;
    }
    struct item tail = life_tail(tl, life);
    struct cursor cursor = cursor_seek(&life->track, &tail, t_ns);
    struct item item = cursor_item(&cursor);
    while (item.end_ns <= t_ns && cursor_next(&cursor))
        item = cursor_item(&cursor);
    uint64_t wait_from_ns = item.start_ns - item.wait_ns;
    if (t_ns >= item.start_ns && item.tag != TAG_TURN) {
        *since_ns = item.start_ns;
        *until_ns = item.end_ns;
        if (!item_is_slice(&item))
            return STATE_UNKNOWN;
        *cpu = (int)item.who;
        return STATE_RUNNING;
    }
    *until_ns = item.start_ns;
    if (t_ns == end_ns && life->task.state == STATE_RUNNABLE) {
        *since_ns = life->task.state_since_ns;
        return STATE_RUNNABLE;
    }
    if (item.wait_ns && t_ns >= wait_from_ns) {
        *since_ns = wait_from_ns;
        return STATE_RUNNABLE;
    }
    *since_ns = item.prev_ns;
    if (t_ns < end_ns)
        *until_ns = wait_from_ns;
    return STATE_BLOCKED;
}

/* The nearest start or end of a slice strictly after or before t_ns, or of starts alone. */
static uint64_t next_edge(const struct timeline *tl, const struct track *track, const struct item *tail,
                          uint64_t t_ns, int dir, bool starts_only)
{
    struct walk walk = walk_of(tl);
    bool found = walk_seek(&walk, track, tail, t_ns);
    if (dir > 0) {
        for (; found; found = walk_next(&walk)) {
            if (walk.item.start_ns > t_ns)
                return walk.item.start_ns;
            if (!starts_only && walk.item.tag != SLICE_OPEN && walk.item.end_ns > t_ns)
                return walk.item.end_ns;
        }
        return 0;
    }
    for (found = found || walk_last(&walk); found; found = walk_back(&walk)) {
        if (!starts_only && walk.item.tag != SLICE_OPEN && walk.item.end_ns < t_ns)
            return walk.item.end_ns;
        if (walk.item.start_ns < t_ns)
            return walk.item.start_ns;
    }
    return 0;
}

uint64_t timeline_next_switch(const struct timeline *tl, int number, uint64_t t_ns, int dir)
{
    if (number < 0) {
        uint64_t best_ns = 0;
        for (int i = 0; i < tl->n_cpus; i++) {
            uint64_t ns = timeline_next_switch(tl, i, t_ns, dir);
            if (ns && (!best_ns || (dir > 0 ? ns < best_ns : ns > best_ns)))
                best_ns = ns;
        }
        return best_ns;
    }
    const struct cpu *cpu = get_cpu(tl, number);
    if (!cpu)
        return 0;
    struct item tail = cpu_tail(tl, cpu);
    return next_edge(tl, &cpu->track, &tail, t_ns, dir, false);
}

uint64_t timeline_next_switch_in(const struct timeline *tl, uint32_t index, uint64_t t_ns, int dir)
{
    const struct life *life = get_life(tl, index);
    if (!life)
        return 0;
    struct item tail = life_tail(tl, life);
    return next_edge(tl, &life->track, &tail, t_ns, dir, true);
}
