/* Keeps a run: its events as blocks in memory, so that the past can still be saved, and in a recording. */
#include "recorder.h"

#include "../clock.h"
#include "codec.h"
#include "keep.h"
#include "state.h"
#include "texts.h"
#include "writer.h"

#define BLOCK_TARGET 16384 /* events of a block, if batches end there, */
#define BLOCK_LARGE  49152 /* of many tasks, whose sums take more than the events do, */
#define MANY_TASKS   2000
#define BLOCK_LIMIT  RECORD_MAX_EVENTS /* and in any case */
#define FEW_EVENTS   4096  /* a block with no more is coded as bits: its time does not count, its room does */
#define KEY_PER_TASK 16    /* events between two blocks with the state of all tasks: for each task, */
#define KEY_EVENTS   8192  /* and at least; the timeline takes so many in a millisecond; */
#define KEY_CHAIN    16384 /* of blocks that go on from one another */
#define KEY_NS                                                                                               \
    (4 * NS_PER_S) /* or so long, while none of it goes to a file: what is kept begins with one,             \
                    */
#define KEY_TASK_NS  (4 * NS_PER_MS) /* and at least, for each task */
#define CHAIN_LIMIT  24576           /* so many events of them, if none becomes key, */
#define CHAIN_BLOCKS 32              /* and blocks: all of them are lost with the first */
#define TASK_BYTES   100             /* of a preamble, about */

/* How zstd packs, by what: 0 stands for its own choice (zstd.h, ZSTD_cParameter). */
enum packing { PACK_EVENTS, PACK_SUMS, PACK_TASKS, PACK_TEXTS };
static const struct {
    int level, hash_log, min_match;
} packings[] = {
    /* Their columns have long repetitions or none: with fewer looks, at a table that leaves room in the cache
     * for others, it takes two thirds of the time, and 2 % more bytes where there are few repetitions. */
    [PACK_EVENTS] = {.level = 1, .hash_log = 10, .min_match = 7},
    /* Thousands of them are read at once, and they are few bytes: not made of codes. */
    [PACK_SUMS] = {.level = -20},
    [PACK_TASKS] = {.level = 1},
    [PACK_TEXTS] = {.level = 9}, /* seldom */
};

/* What is known of a task to tell whether it did something in a block. */
struct glimpse {
    uint64_t pulse;
    bool busy; /* it runs, or waits for a CPU */
};

struct recorder {
    struct sink sink;
    const struct timeline *tl;
    void (*extra)(void *data, struct sink *to);
    void *extra_data;

    /* The block that is being filled. */
    struct codec *codec;
    struct event *few; /* its first FEW_EVENTS events, while there are no more; then all are in columns */
    size_t n_few;
    bool is_full; /* as the block before was, before it was flushed: so this one is in columns at once */
    struct columns columns;
    uint64_t begin_ns; /* its span begins; where nothing was known before, with its first event */
    bool begin_known;
    uint64_t min_ns, max_ns; /* of its events */
    uint64_t known_ns;       /* of the last flush */
    struct buffer preamble;  /* empty: it is not key */

    bool chained;     /* the block before is of bits, and the codec still knows what it learned of it */
    size_t n_chain;   /* events of it and of all that it went on from, */
    unsigned n_links; /* and blocks */

    uint64_t n_since_key; /* events */
    uint64_t key_ns;      /* the last one's begin */
    struct glimpse *glimpses;
    unsigned n_glimpses, glimpses_capacity;
    bool *cpus; /* those that had a slice */
    int n_cpus;
    struct sums_of_block sums;
    unsigned sums_tasks_capacity, sums_cpus_capacity;
    struct task *tasks;
    unsigned tasks_capacity;

    struct buffer packed_block, scratch;
    ZSTD_CCtx *packer;

    struct texts texts;
    struct keep keep;
    enum recorder_state state;
    struct writer writer;
    uint64_t n_taken;
};

static ZSTD_CCtx *packer_of(struct recorder *r, enum packing packing)
{
    ZSTD_CCtx_setParameter(r->packer, ZSTD_c_compressionLevel, packings[packing].level);
    ZSTD_CCtx_setParameter(r->packer, ZSTD_c_hashLog, packings[packing].hash_log);
    ZSTD_CCtx_setParameter(r->packer, ZSTD_c_minMatch, packings[packing].min_match);
    return r->packer;
}

static bool is_active(const struct recorder *r)
{
    return r->keep.max_bytes > 0 || r->state == RECORDER_ON;
}

static size_t n_in_block(const struct recorder *r)
{
    return r->n_few + r->columns.op.n;
}

/* ---- the state of all tasks ---- */

struct extra_events {
    struct sink sink;
    struct event *events;
    size_t n, capacity;
};

static void take_extra(struct sink *sink, const struct event *events, unsigned long n)
{
    struct extra_events *extra = (struct extra_events *)sink;
    if (n > RECORD_MAX_EXTRA - extra->n)
        n = RECORD_MAX_EXTRA - extra->n;
    if (extra->n + n > extra->capacity) {
        extra->capacity = 2 * (extra->n + n);
        extra->events = mem_resize(extra->events, extra->capacity, sizeof *extra->events);
    }
    if (n)
        memcpy(extra->events + extra->n, events, n * sizeof *events);
    extra->n += n;
}

/* What was learned is forgotten. */
static void begin_chain(struct recorder *r)
{
    codec_begin(r->codec, 0);
    r->chained = false;
    r->n_chain = r->n_links = 0;
}

/* With the codec and the columns of the block that has not begun. */
static void put_extra(struct recorder *r)
{
    struct extra_events extra = {.sink = {.push = take_extra}};
    if (r->extra)
        r->extra(r->extra_data, &extra.sink);
    buffer_varint(&r->preamble, extra.n);
    begin_chain(r);
    codec_encode(r->codec, &r->columns, extra.events, extra.n);
    buffer_bytes(&r->preamble, r->columns.time.bytes, r->columns.time.n);
    columns_join(&r->columns, &r->scratch);
    buffer_bytes(&r->preamble, r->scratch.bytes, r->scratch.n);
    columns_clear(&r->columns);
    free(extra.events);
}

/* The block that begins now is key. One with more tasks than a reader would take is not. */
static void put_preamble(struct recorder *r)
{
    const unsigned n = timeline_n_tasks(r->tl);
    if (n > r->tasks_capacity) {
        r->tasks_capacity = 2 * n;
        r->tasks = mem_resize(r->tasks, r->tasks_capacity, sizeof *r->tasks);
    }
    for (unsigned i = 0; i < n; i++)
        timeline_task(r->tl, i, &r->tasks[i]);
    r->preamble.n = 0;
    buffer_reserve(&r->preamble, n * TASK_BYTES);
    state_put_tasks(&r->preamble, timeline_now_ns(r->tl), r->tasks, n);
    put_extra(r);
    if (n > STATE_MAX_TASKS || r->preamble.n > BLOCK_MAX_UNPACKED)
        r->preamble.n = 0;
    r->n_since_key = 0;
    r->key_ns = timeline_now_ns(r->tl);
}

static bool key_is_due(const struct recorder *r)
{
    const uint64_t n_tasks = timeline_n_tasks(r->tl);
    const uint64_t passed_ns = timeline_now_ns(r->tl) - r->key_ns;
    if (r->state != RECORDER_ON && passed_ns >= KEY_NS && passed_ns >= n_tasks * KEY_TASK_NS)
        return true;
    return r->n_since_key > (r->chained ? KEY_CHAIN : KEY_EVENTS) && r->n_since_key > KEY_PER_TASK * n_tasks;
}

/* ---- sums ---- */

/* Whether it did something since the last block, or does it all the time. */
static bool is_busy(struct recorder *r, uint32_t task, bool at_batch_end)
{
    const uint64_t pulse = timeline_task_pulse(r->tl, task);
    struct glimpse *before = &r->glimpses[task];
    if (task < r->n_glimpses && before->pulse == pulse)
        return before->busy;
    if (at_batch_end) {
        struct task now;
        timeline_task(r->tl, task, &now);
        *before = (struct glimpse){.pulse = pulse,
                                   .busy = now.state == STATE_RUNNING || now.state == STATE_RUNNABLE};
    }
    return true;
}

/* Within a batch the timeline is ahead of the block: what is new then is still new for the next one. */
static void sum_tasks(struct recorder *r, uint64_t span_ns, bool at_batch_end)
{
    struct sums_of_block *sums = &r->sums;
    const unsigned n = timeline_n_tasks(r->tl);
    if (n > r->glimpses_capacity) {
        r->glimpses_capacity = 2 * n;
        r->glimpses = mem_resize(r->glimpses, r->glimpses_capacity, sizeof *r->glimpses);
    }
    if (n > r->sums_tasks_capacity) {
        r->sums_tasks_capacity = 2 * n;
        sums->tasks = mem_resize(sums->tasks, r->sums_tasks_capacity, sizeof *sums->tasks);
    }
    sums->n_tasks = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!is_busy(r, i, at_batch_end))
            continue;
        struct task_sums *task = &sums->tasks[sums->n_tasks++];
        task->task = i;
        timeline_task_sum(r->tl, i, r->begin_ns, span_ns, &task->bin);
    }
    if (at_batch_end)
        r->n_glimpses = n;
}

static void sum_cpus(struct recorder *r, uint64_t span_ns)
{
    struct sums_of_block *sums = &r->sums;
    const int n = timeline_n_cpus(r->tl);
    if (n > r->n_cpus) {
        r->cpus = mem_resize(r->cpus, (size_t)n, sizeof *r->cpus);
        memset(r->cpus + r->n_cpus, 0, (size_t)(n - r->n_cpus) * sizeof *r->cpus);
        r->n_cpus = n;
        sums->cpus = mem_resize(sums->cpus, (size_t)n, sizeof *sums->cpus);
    }
    sums->n_cpus = 0;
    for (int i = 0; i < n; i++) {
        struct cpu_sums *cpu = &sums->cpus[sums->n_cpus];
        struct bin *bin = &cpu->bin;
        cpu->cpu = i;
        timeline_cpu_sum(r->tl, i, r->begin_ns, span_ns, bin);
        r->cpus[i] = r->cpus[i] || bin->run_ns || bin->n_switches || bin->n_samples || bin->others_ns;
        if (!r->cpus[i])
            continue;
        sums->n_cpus++;
        if (bin->run_ns)
            timeline_cpu_leads(r->tl, i, r->begin_ns, span_ns, bin);
    }
}

/* ---- blocks ---- */

static void begin_block(struct recorder *r)
{
    r->n_few = 0;
    columns_clear(&r->columns);
    r->min_ns = UINT64_MAX;
    r->max_ns = 0;
}

static void put_events(struct recorder *r, struct block_header *header)
{
    struct buffer *block = &r->packed_block;
    if (r->columns.op.n == 0) {
        if (!r->chained || r->n_chain + r->n_few > CHAIN_LIMIT || r->n_links == CHAIN_BLOCKS)
            begin_chain(r);
        header->flags |= r->chained ? BLOCK_NEXT : 0;
        r->chained = true;
        r->n_chain += r->n_few;
        r->n_links++;
        codec_encode_bits(r->codec, block, r->few, r->n_few);
        header->flags |= BLOCK_BITS;
    } else {
        columns_join(&r->columns, &r->scratch);
        buffer_bytes(block, r->columns.time.bytes, r->columns.time.n);
        block_pack(block, r->scratch.bytes, r->scratch.n, packer_of(r, PACK_EVENTS));
    }
    block_close_section(block, header, SECTION_EVENTS);
}

/* Of few events they are a good part of the block, and so they are bits, too. */
static void put_sums(struct recorder *r, struct block_header *header)
{
    struct buffer *block = &r->packed_block, *plain = &r->scratch;
    const uint64_t span_ns = header->last_ns - header->first_ns;
    if (r->columns.op.n == 0 && state_sums_fit_bits(&r->sums)) {
        state_put_sums(block, span_ns, &r->sums, true);
        block_close_section(block, header, SECTION_SUMS);
        header->flags |= BLOCK_SUMS | BLOCK_SUM_BITS;
        return;
    }
    plain->n = 0;
    state_put_sums(plain, span_ns, &r->sums, false);
    if (plain->n <= BLOCK_MAX_UNPACKED) {
        block_add_packed(block, header, SECTION_SUMS, plain->bytes, plain->n, packer_of(r, PACK_SUMS));
        header->flags |= BLOCK_SUMS;
    }
}

static void put_block(struct recorder *r, struct block_header *header)
{
    struct buffer *block = &r->packed_block;
    buffer_reserve(block, BLOCK_HEADER_SIZE);
    block->n = BLOCK_HEADER_SIZE;

    put_sums(r, header);
    if (r->preamble.n > 0) {
        block_add_packed(block, header, SECTION_PREAMBLE, r->preamble.bytes, r->preamble.n,
                         packer_of(r, PACK_TASKS));
        header->flags |= BLOCK_KEY;
    }
    put_events(r, header);
    block_header_store(block->bytes, header);
}

static void hand_out(struct recorder *r, const struct buffer *block, const struct index_entry *entry)
{
    if (r->state == RECORDER_ON) {
        writer_append(&r->writer, block->bytes, block->n, entry);
        if (r->writer.failed)
            r->state = RECORDER_FAILED;
    }
    if (r->keep.max_bytes > 0 && entry->type == BLOCK_EVENTS)
        keep_add(&r->keep, block->bytes, block->n, entry);
}

/* The span of the block goes to end_ns, or as far as its events do. */
static void seal(struct recorder *r, uint64_t end_ns, bool at_batch_end)
{
    const size_t n = n_in_block(r);
    struct block_header header = {.type = BLOCK_EVENTS,
                                  .n_header = BLOCK_HEADER_SIZE,
                                  .n_events = (uint32_t)n,
                                  .first_ns = n && r->min_ns < r->begin_ns ? r->min_ns : r->begin_ns,
                                  .last_ns = end_ns > r->begin_ns ? end_ns : r->begin_ns};
    if (n && r->max_ns > header.last_ns)
        header.last_ns = r->max_ns;
    r->begin_ns = header.first_ns;
    sum_tasks(r, header.last_ns - header.first_ns, at_batch_end);
    sum_cpus(r, header.last_ns - header.first_ns);
    put_block(r, &header);
    const struct index_entry entry = index_entry_of(&header, 0, NULL, 0);
    hand_out(r, &r->packed_block, &entry);

    r->n_since_key += n;
    r->begin_ns = header.last_ns;
    r->preamble.n = 0;
    r->n_few = 0;
    columns_clear(&r->columns);
    if (at_batch_end && key_is_due(r))
        put_preamble(r);
    begin_block(r);
}

/* They are in order as a rule: of such only the first and the last count. */
static void see_times(struct recorder *r, const struct event *events, size_t n)
{
    uint64_t min_ns = events[0].time_ns, max_ns = min_ns, before_ns = min_ns;
    for (size_t i = 1; i < n; i++) {
        const uint64_t time_ns = events[i].time_ns;
        if (time_ns < before_ns) {
            max_ns = before_ns > max_ns ? before_ns : max_ns;
            min_ns = time_ns < min_ns ? time_ns : min_ns;
        }
        before_ns = time_ns;
    }
    max_ns = before_ns > max_ns ? before_ns : max_ns;
    r->min_ns = min_ns < r->min_ns ? min_ns : r->min_ns;
    r->max_ns = max_ns > r->max_ns ? max_ns : r->max_ns;
}

static void take(struct recorder *r, const struct event *events, size_t n)
{
    if (!r->is_full && r->columns.op.n == 0 && r->n_few + n <= FEW_EVENTS) {
        memcpy(r->few + r->n_few, events, n * sizeof *events);
        r->n_few += n;
    } else {
        if (r->columns.op.n == 0)
            begin_chain(r);
        codec_encode(r->codec, &r->columns, r->few, r->n_few);
        codec_encode(r->codec, &r->columns, events, n);
        r->n_few = 0;
    }
    see_times(r, events, n);
    r->n_taken += n;
}

static void push(struct sink *sink, const struct event *events, unsigned long n)
{
    struct recorder *r = (struct recorder *)sink;
    if (!is_active(r) || n == 0)
        return;
    if (!r->begin_known) {
        r->begin_ns = events[0].time_ns;
        r->begin_known = true;
    }
    while (n > 0) {
        const size_t target = timeline_n_tasks(r->tl) > MANY_TASKS ? BLOCK_LARGE : BLOCK_TARGET;
        const size_t room = BLOCK_LIMIT - n_in_block(r), now = n < room ? n : room;
        take(r, events, now);
        events += now;
        n -= now;
        if (n_in_block(r) >= (n > 0 ? BLOCK_LIMIT : target)) {
            seal(r, events[-1].time_ns, n == 0);
            r->is_full = true;
        }
    }
}

void recorder_flush(struct recorder *r, uint64_t now_ns)
{
    if (!is_active(r))
        return;
    r->known_ns = now_ns;
    r->is_full = r->is_full && n_in_block(r) > FEW_EVENTS;
    if (n_in_block(r) > 0)
        seal(r, now_ns, true);
}

/* From here on, with the state of all tasks as it is now. */
static void begin_anew(struct recorder *r)
{
    r->begin_ns = timeline_now_ns(r->tl);
    r->begin_known = timeline_n_events(r->tl) > 0;
    r->n_glimpses = 0;
    r->n_few = 0;
    columns_clear(&r->columns);
    put_preamble(r);
    begin_block(r);
}

/* ---- facts ---- */

static void write_facts(struct recorder *r, const struct kept_text *facts)
{
    struct block_header header = {.type = BLOCK_FACTS,
                                  .flags = facts->timed ? BLOCK_TIMED : 0,
                                  .n_header = BLOCK_HEADER_SIZE,
                                  .first_ns = facts->time_ns,
                                  .last_ns = facts->time_ns};
    struct buffer block = {0};
    const size_t n_name = strlen(facts->name);
    const struct kept_text *first = texts_first(&r->texts, facts->name);
    if (!facts->timed && first != facts)
        header.flags |= BLOCK_AFTER;
    buffer_reserve(&block, BLOCK_HEADER_SIZE);
    block.n = BLOCK_HEADER_SIZE;
    block_add_section(&block, &header, SECTION_NAME, facts->name, n_name);
    ZSTD_CCtx *packer = packer_of(r, PACK_TEXTS);
    if (header.flags & BLOCK_AFTER)
        ZSTD_CCtx_refPrefix(packer, first->text, strlen(first->text));
    block_add_packed(&block, &header, SECTION_TEXT, facts->text, strlen(facts->text), packer);
    block_header_store(block.bytes, &header);
    const struct index_entry entry = index_entry_of(&header, 0, facts->name, n_name);
    hand_out(r, &block, &entry);
    buffer_fini(&block);
}

bool recorder_facts(struct recorder *r, uint64_t time_ns, bool timed, const char *name, const char *text)
{
    const enum text_taken taken = texts_take(&r->texts, time_ns, timed, name, text);
    if (taken == TEXT_NEW && r->state == RECORDER_ON)
        write_facts(r, &r->texts.kept[r->texts.n - 1]);
    return taken != TEXT_REFUSED;
}

bool recorder_past(struct recorder *r, uint64_t at_ns, uint8_t **bytes, size_t *n_bytes)
{
    struct buffer past = {0};
    if (is_active(r) && n_in_block(r) > 0)
        seal(r, timeline_now_ns(r->tl), true);
    const unsigned first = keep_find(&r->keep, at_ns);
    if (first == r->keep.n || keep_block(&r->keep, first)->entry.first_ns > at_ns)
        return false;
    buffer_reserve(&past, FILE_HEADER_SIZE);
    file_header_store(past.bytes);
    past.n = FILE_HEADER_SIZE;
    for (unsigned i = first; i < r->keep.n && keep_block(&r->keep, i)->entry.first_ns <= at_ns; i++)
        buffer_bytes(&past, keep_block(&r->keep, i)->bytes, keep_block(&r->keep, i)->n_bytes);
    *bytes = past.bytes;
    *n_bytes = past.n;
    return true;
}

/* ---- the file ---- */

bool recorder_start(struct recorder *r, const char *path, bool force, uint64_t from_ns, struct err *err)
{
    if (r->state == RECORDER_ON)
        return err_set(err, "%s is being recorded: stop it first", r->writer.path);
    if (!writer_open(&r->writer, path, force, err))
        return false;
    if (is_active(r) && n_in_block(r) > 0)
        seal(r, timeline_now_ns(r->tl), true);
    r->state = RECORDER_ON;
    for (unsigned i = 0; i < r->texts.n; i++)
        write_facts(r, &r->texts.kept[i]);
    const unsigned first = keep_find(&r->keep, from_ns);
    for (unsigned i = first; i < r->keep.n; i++) {
        const struct kept_block *block = keep_block(&r->keep, i);
        writer_append(&r->writer, block->bytes, block->n_bytes, &block->entry);
    }
    if (first == r->keep.n)
        begin_anew(r);
    if (r->writer.failed)
        r->state = RECORDER_FAILED;
    return true;
}

enum recorder_state recorder_state(const struct recorder *r)
{
    return r->state;
}

const char *recorder_error(const struct recorder *r)
{
    return r->state == RECORDER_FAILED ? r->writer.err.msg : NULL;
}

const char *recorder_path(const struct recorder *r)
{
    return r->writer.path;
}

/* What is known after the last event belongs to the recording: tasks ran on, or slept. */
bool recorder_stop(struct recorder *r, struct err *err)
{
    if (r->state == RECORDER_OFF)
        return true;
    const uint64_t now_ns = timeline_now_ns(r->tl);
    const uint64_t end_ns = r->known_ns > now_ns ? r->known_ns : now_ns;
    if (r->state == RECORDER_ON && (n_in_block(r) > 0 || (r->begin_known && end_ns > r->begin_ns)))
        seal(r, end_ns, true);
    const bool good = writer_close(&r->writer, err);
    r->state = RECORDER_OFF;
    return good;
}

void recorder_figures(const struct recorder *r, struct recorder_figures *figures)
{
    *figures = (struct recorder_figures){
        .n_events = r->writer.n_events,
        .n_blocks = r->writer.n_blocks,
        .n_bytes = r->writer.n_bytes,
        .first_ns = r->writer.first_ns,
        .last_ns = r->writer.last_ns,
        .n_taken = r->n_taken,
        .memory_bytes = r->keep.n_bytes,
        .memory_from_ns = r->keep.n ? keep_block(&r->keep, 0)->entry.first_ns : 0,
    };
}

/* ---- its life ---- */

struct recorder *recorder_new(const struct timeline *tl, size_t memory_bytes)
{
    struct recorder *r = mem_new(1, sizeof *r);
    r->sink.push = push;
    r->tl = tl;
    r->keep.max_bytes = memory_bytes;
    r->writer.fd = -1;
    r->codec = codec_new();
    r->few = mem_new(FEW_EVENTS, sizeof *r->few);
    r->packer = ZSTD_createCCtx();
    if (!r->packer)
        err_no_memory();
    begin_anew(r);
    return r;
}

void recorder_set_extra(struct recorder *r, void (*extra)(void *data, struct sink *to), void *data)
{
    r->extra = extra;
    r->extra_data = data;
}

struct sink *recorder_sink(struct recorder *r)
{
    return &r->sink;
}

void recorder_free(struct recorder *r)
{
    if (!r)
        return;
    recorder_stop(r, NULL);
    writer_fini(&r->writer);
    keep_fini(&r->keep);
    texts_fini(&r->texts);
    codec_free(r->codec);
    free(r->few);
    columns_fini(&r->columns);
    buffer_fini(&r->preamble);
    buffer_fini(&r->packed_block);
    buffer_fini(&r->scratch);
    sums_fini(&r->sums);
    free(r->glimpses);
    free(r->cpus);
    free(r->tasks);
    ZSTD_freeCCtx(r->packer);
    free(r);
}
