/* Events as columns of bytes and back, bit for bit: what the codec expects of an event costs a bit or two.
 *
 * Both ways walk through the same expectations (which task comes in after which, who wakes whom, what a
 * task's last figures were), so only what differs from them is written. They never decide what can be
 * written: any event can. */
#include "codec.h"

#include <endian.h>

/* An operation: which kind and detail, and what was not as expected. */
enum {
    OP_CPU = 1, /* its CPU follows */
    OP_TID = 2, /* its task follows */
    OP_PAYLOAD = 4,
    OP_CODE_SHIFT = 3,
    CODE_ESCAPE = 31, /* kind and detail follow */
};

#define N_SWITCH_CODES 5 /* the first ones; as many with an expected time follow */
#define N_CODES        28

/* Kind and detail of each code below CODE_ESCAPE; the file depends on their order. */
static const uint8_t codes[N_CODES][2] = {
    {EVENT_SWITCH_OUT, OUT_PREEMPTED},
    {EVENT_SWITCH_OUT, OUT_BLOCKED},
    {EVENT_SWITCH_IN, IN_SWITCHED},
    {EVENT_SWITCH_IN, IN_STAYED},
    {EVENT_SWITCH_IN, IN_PREEMPTED},
    {EVENT_SWITCH_OUT, OUT_PREEMPTED},
    {EVENT_SWITCH_OUT, OUT_BLOCKED},
    {EVENT_SWITCH_IN, IN_SWITCHED},
    {EVENT_SWITCH_IN, IN_STAYED},
    {EVENT_SWITCH_IN, IN_PREEMPTED},
    {EVENT_WAKE, 0},
    {EVENT_NEW, 0},
    {EVENT_EXIT, 0},
    {EVENT_NAME, 0},
    {EVENT_SAMPLE, SAMPLE_STATE},
    {EVENT_SAMPLE, SAMPLE_RUN},
    {EVENT_SAMPLE, SAMPLE_SWITCHES},
    {EVENT_NOTE, NOTE_WORK},
    {EVENT_NOTE, NOTE_WANTS},
    {EVENT_NOTE, NOTE_SLEEPS},
    {EVENT_NOTE, NOTE_BLOCKS},
    {EVENT_NOTE, NOTE_GOT},
    {EVENT_NOTE, NOTE_GAVE},
    {EVENT_NOTE, NOTE_VALUE},
    {EVENT_MARK, 0},
    {EVENT_LOST, 0},
    {EVENT_OBJECT, OBJECT_MUTEX},
    {EVENT_OBJECT, OBJECT_COUNTER},
};

/* How the 16 bytes of the payload are seen: as numbers, or as a text. */
enum layout {
    LAYOUT_HALVES, /* four of 32 bits */
    LAYOUT_WIDE,   /* two of 64 */
    LAYOUT_SYNC,   /* two of 32 and one of 64 */
    LAYOUT_TEXT,
};

struct payload {
    uint64_t word[2]; /* as in memory of a little-endian machine */
};

#define N_FIGURES 4    /* of a task, which are expected to grow from its last ones */
#define N_KINDS   16   /* kinds and details from here on share their expectations */
#define N_CPUS    1024 /* and so do CPUs that are the same modulo this */
#define N_BUCKETS 4096 /* at first: a power of two */
#define NO_FIGURE N_FIGURES

struct codec_task {
    int32_t tid;
    int32_t waker;        /* who woke it last */
    uint32_t next, woken; /* who came in after it; whom it woke last */
    /* What the kernel's figures should have grown by since they were told: the switches tell it. */
    uint64_t run_ns, wait_ns;
    uint64_t out_ns; /* when it was preempted last; 0: it was not, or came back since */
    uint32_t n_in, n_voluntary, n_involuntary;
    struct payload figures[N_FIGURES];
};

struct codec_cpu {
    uint32_t running, last;    /* tasks: that came in last, that went out last */
    uint64_t in_ns, out_ns;    /* when; 0 in a new block */
    uint64_t slice_ns, gap_ns; /* how long the last slice was, and the last time between two */
};

struct codec {
    uint64_t time_ns;
    uint32_t task, last_in; /* of the last event; that came in last, anywhere */
    int32_t new_tid;        /* the last that was written out */
    int16_t switch_cpu;
    int16_t cpus[N_KINDS][N_KINDS]; /* by kind and detail: the last */
    struct payload payloads[N_KINDS][N_KINDS];
    struct codec_cpu cpu[N_CPUS];

    struct codec_task *tasks; /* tasks[0] is tid 0 */
    uint32_t n_tasks, tasks_capacity;
    uint32_t *buckets; /* of tids, open addressing: index in tasks, 0: free; for encoding alone */
    uint32_t n_buckets;
    uint8_t code_of[N_KINDS][N_KINDS];
};

struct codec *codec_new(void)
{
    struct codec *c = mem_new(1, sizeof *c);
    memset(c->code_of, CODE_ESCAPE, sizeof c->code_of);
    for (uint8_t i = N_CODES; i-- > 0;) /* of two the first one */
        c->code_of[codes[i][0]][codes[i][1]] = i;
    c->n_buckets = N_BUCKETS;
    c->buckets = mem_new(c->n_buckets, sizeof *c->buckets);
    c->tasks_capacity = N_BUCKETS / 2;
    c->tasks = mem_new(c->tasks_capacity, sizeof *c->tasks);
    codec_begin(c, 0);
    return c;
}

void codec_free(struct codec *c)
{
    if (!c)
        return;
    free(c->tasks);
    free(c->buckets);
    free(c);
}

/* ---- tasks ---- */

static uint32_t *bucket_of(const struct codec *c, int32_t tid)
{
    uint32_t i = (uint32_t)tid * UINT32_C(2654435769) & (c->n_buckets - 1);
    while (c->buckets[i] && c->tasks[c->buckets[i]].tid != tid)
        i = (i + 1) & (c->n_buckets - 1);
    return &c->buckets[i];
}

static uint32_t add_task(struct codec *c, int32_t tid)
{
    if (c->n_tasks == c->tasks_capacity) {
        c->tasks_capacity *= 2;
        c->tasks = mem_resize(c->tasks, c->tasks_capacity, sizeof *c->tasks);
    }
    c->tasks[c->n_tasks] = (struct codec_task){.tid = tid};
    return c->n_tasks++;
}

static void grow_buckets(struct codec *c)
{
    free(c->buckets);
    c->n_buckets *= 2;
    c->buckets = mem_new(c->n_buckets, sizeof *c->buckets);
    for (uint32_t i = 1; i < c->n_tasks; i++)
        *bucket_of(c, c->tasks[i].tid) = i;
}

void codec_begin(struct codec *c, uint64_t first_ns)
{
    if (c->n_tasks > 1)
        memset(c->buckets, 0, c->n_buckets * sizeof *c->buckets);
    c->n_tasks = 0;
    add_task(c, 0);
    c->time_ns = first_ns;
    c->task = c->last_in = 0;
    c->new_tid = 0;
    c->switch_cpu = 0;
    memset(c->cpus, 0, sizeof c->cpus);
    memset(c->payloads, 0, sizeof c->payloads);
    memset(c->cpu, 0, sizeof c->cpu);
}

/* ---- expectations ---- */

static bool is_switch(uint8_t kind)
{
    return kind == EVENT_SWITCH_IN || kind == EVENT_SWITCH_OUT;
}

static unsigned slot_of(uint8_t value)
{
    return value < N_KINDS ? value : N_KINDS - 1;
}

static struct codec_cpu *cpu_of(struct codec *c, int16_t cpu)
{
    return &c->cpu[(uint16_t)cpu % N_CPUS];
}

static int16_t *expected_cpu(struct codec *c, uint8_t kind, uint8_t detail)
{
    return is_switch(kind) ? &c->switch_cpu : &c->cpus[slot_of(kind)][slot_of(detail)];
}

static uint32_t expected_task(struct codec *c, uint8_t kind, int16_t cpu)
{
    switch (kind) {
    case EVENT_SWITCH_IN:
        return c->tasks[cpu_of(c, cpu)->last].next;
    case EVENT_SWITCH_OUT:
        return cpu_of(c, cpu)->running;
    case EVENT_WAKE:
        return c->tasks[c->last_in].woken;
    case EVENT_MARK:
    case EVENT_LOST:
        return 0;
    default:
        return c->task;
    }
}

static enum layout layout_of(uint8_t kind, uint8_t detail)
{
    switch (kind) {
    case EVENT_NAME:
    case EVENT_MARK:
    case EVENT_OBJECT:
        return LAYOUT_TEXT;
    case EVENT_SAMPLE:
    case EVENT_LOST:
        return LAYOUT_WIDE;
    case EVENT_NOTE:
        return detail >= NOTE_WANTS && detail <= NOTE_VALUE ? LAYOUT_SYNC : LAYOUT_WIDE;
    default:
        return LAYOUT_HALVES;
    }
}

static unsigned figure_of(uint8_t kind, uint8_t detail)
{
    if (kind == EVENT_SAMPLE && detail <= SAMPLE_SWITCHES)
        return detail;
    return kind == EVENT_NOTE && detail == NOTE_WORK ? N_FIGURES - 1 : NO_FIGURE;
}

/* A time that a wait ends at is told from the event's own. */
static bool tells_until(uint8_t kind, uint8_t detail)
{
    return kind == EVENT_NOTE && (detail == NOTE_WANTS || detail == NOTE_SLEEPS);
}

/* Figures of the kernel as the switches since they were told last let them expect. */
static struct payload grown(const struct codec_task *t, uint8_t kind, uint8_t detail, struct payload last)
{
    if (kind != EVENT_SAMPLE)
        return last;
    switch (detail) {
    case SAMPLE_STATE:
        last.word[0] += t->n_in;
        break;
    case SAMPLE_RUN:
        last.word[0] += t->run_ns;
        last.word[1] += t->wait_ns;
        break;
    case SAMPLE_SWITCHES:
        last.word[0] += t->n_voluntary;
        last.word[1] += t->n_involuntary;
        break;
    default:
        break;
    }
    return last;
}

/* From here on they grow anew. */
static void told(struct codec_task *t, uint8_t kind, uint8_t detail)
{
    if (kind != EVENT_SAMPLE)
        return;
    if (detail == SAMPLE_STATE)
        t->n_in = 0;
    else if (detail == SAMPLE_RUN)
        t->run_ns = t->wait_ns = 0;
    else
        t->n_voluntary = t->n_involuntary = 0;
}

static struct payload expected_payload(const struct codec *c, uint8_t kind, uint8_t detail, uint32_t task)
{
    const struct codec_task *t = &c->tasks[task];
    if (is_switch(kind))
        return (struct payload){0};
    if (kind == EVENT_WAKE) {
        const int32_t waker = t->waker ? t->waker : c->tasks[c->last_in].tid;
        return (struct payload){.word = {(uint32_t)waker}};
    }
    const unsigned figure = figure_of(kind, detail);
    if (figure != NO_FIGURE)
        return grown(t, kind, detail, t->figures[figure]);
    struct payload expected = c->payloads[slot_of(kind)][slot_of(detail)];
    if (tells_until(kind, detail))
        expected.word[1] = 0;
    return expected;
}

static inline uint64_t expected_time(const struct codec_cpu *cpu, uint8_t kind)
{
    return kind == EVENT_SWITCH_IN ? cpu->out_ns + cpu->gap_ns : cpu->in_ns + cpu->slice_ns;
}

static inline void learn_switch(struct codec *c, uint8_t kind, uint8_t detail, struct codec_cpu *cpu,
                                uint32_t task, uint64_t time_ns)
{
    struct codec_task *t = &c->tasks[task];
    if (kind == EVENT_SWITCH_IN) {
        c->tasks[cpu->last].next = task;
        cpu->running = c->last_in = task;
        cpu->gap_ns = time_ns - cpu->out_ns;
        cpu->in_ns = time_ns;
        t->wait_ns += t->out_ns ? time_ns - t->out_ns : 0;
        t->out_ns = 0;
        t->n_in++;
    } else {
        cpu->last = task;
        cpu->slice_ns = time_ns - cpu->in_ns;
        cpu->out_ns = time_ns;
        t->run_ns += cpu->in_ns ? cpu->slice_ns : 0;
        t->out_ns = detail == OUT_PREEMPTED ? time_ns : 0;
        t->n_voluntary += detail != OUT_PREEMPTED;
        t->n_involuntary += detail == OUT_PREEMPTED;
    }
}

static void learn(struct codec *c, const struct event *e, uint32_t task, const struct payload *payload)
{
    c->time_ns = e->time_ns;
    c->task = task ? task : c->task;
    switch (e->kind) {
    case EVENT_SWITCH_IN:
    case EVENT_SWITCH_OUT:
        learn_switch(c, e->kind, e->detail, cpu_of(c, e->cpu), task, e->time_ns);
        break;
    case EVENT_WAKE:
        c->tasks[c->last_in].woken = task;
        c->tasks[task].waker = (int32_t)payload->word[0];
        break;
    default: {
        const unsigned figure = figure_of(e->kind, e->detail);
        told(&c->tasks[task], e->kind, e->detail);
        if (figure != NO_FIGURE)
            c->tasks[task].figures[figure] = *payload;
        else
            c->payloads[slot_of(e->kind)][slot_of(e->detail)] = *payload;
    }
    }
}

/* ---- payloads ---- */

static struct payload payload_of(const struct event *e)
{
    struct payload payload;
    memcpy(&payload, &e->u, sizeof payload);
    return (struct payload){.word = {le64toh(payload.word[0]), le64toh(payload.word[1])}};
}

static void payload_to(const struct payload *payload, struct event *e)
{
    const uint64_t words[2] = {htole64(payload->word[0]), htole64(payload->word[1])};
    memcpy(&e->u, words, sizeof words);
}

static uint32_t half_of(const struct payload *payload, unsigned i)
{
    return (uint32_t)(payload->word[i / 2] >> (32 * (i % 2)));
}

/* The numbers that a layout sees, in order; those of 32 bits come first. */
static unsigned n_halves(enum layout layout)
{
    return layout == LAYOUT_HALVES ? 4 : layout == LAYOUT_SYNC ? 2 : 0;
}

static unsigned first_wide(enum layout layout)
{
    return layout == LAYOUT_HALVES ? 2 : layout == LAYOUT_SYNC ? 1 : 0;
}

/* What the last number of a wait is a difference to. */
static uint64_t wide_base(const struct codec *c, uint8_t kind, uint8_t detail, const struct payload *expected,
                          unsigned word)
{
    return word == 1 && tells_until(kind, detail) ? c->time_ns : expected->word[word];
}

static void put_text(struct buffer *b, const struct payload *payload)
{
    uint8_t bytes[16];
    store_le(bytes, payload->word[0], 8);
    store_le(bytes + 8, payload->word[1], 8);
    uint8_t n = sizeof bytes;
    while (n > 0 && bytes[n - 1] == 0)
        n--;
    put_byte(b, n);
    memcpy(b->bytes + b->n, bytes, n);
    b->n += n;
}

/* A bit for each number that is not as expected, and these. */
static void put_payload(const struct codec *c, struct buffer *b, const struct event *e,
                        const struct payload *payload, const struct payload *expected)
{
    const enum layout layout = layout_of(e->kind, e->detail);
    if (layout == LAYOUT_TEXT) {
        put_text(b, payload);
        return;
    }
    const size_t at = b->n++;
    unsigned mask = 0, bit = 0;
    for (unsigned i = 0; i < n_halves(layout); i++, bit++) {
        const uint32_t difference = half_of(payload, i) - half_of(expected, i);
        if (difference) {
            mask |= 1u << bit;
            put_varint(b, zigzag32(difference));
        }
    }
    for (unsigned word = first_wide(layout); word < 2; word++, bit++) {
        if (payload->word[word] != expected->word[word]) {
            mask |= 1u << bit;
            put_varint(b, zigzag(payload->word[word] - wide_base(c, e->kind, e->detail, expected, word)));
        }
    }
    b->bytes[at] = (uint8_t)mask;
}

static struct payload get_text(struct cursor *from)
{
    uint8_t bytes[16] = {0};
    const uint8_t n = get_byte(from);
    const uint8_t *text = n <= sizeof bytes ? get_bytes(from, n) : NULL;
    if (text)
        memcpy(bytes, text, n);
    else
        from->bad = true;
    return (struct payload){.word = {load_le(bytes, 8), load_le(bytes + 8, 8)}};
}

static struct payload get_payload(const struct codec *c, struct cursor *from, const struct event *e,
                                  const struct payload *expected)
{
    const enum layout layout = layout_of(e->kind, e->detail);
    if (layout == LAYOUT_TEXT)
        return get_text(from);
    struct payload payload = *expected;
    unsigned mask = get_byte(from), bit = 0;
    for (unsigned i = 0; i < n_halves(layout); i++, bit++) {
        if (mask & 1u << bit) {
            const uint32_t half = half_of(expected, i) + unzigzag32(get_varint32(from));
            const unsigned shift = 32 * (i % 2);
            payload.word[i / 2] &= ~(UINT64_C(0xffffffff) << shift);
            payload.word[i / 2] |= (uint64_t)half << shift;
        }
    }
    for (unsigned word = first_wide(layout); word < 2; word++, bit++)
        if (mask & 1u << bit)
            payload.word[word] = get_signed(from) + wide_base(c, e->kind, e->detail, expected, word);
    return payload;
}

/* ---- encoding ---- */

/* The most that one event adds to a column. */
enum { MAX_TIME_HI = VARINT_MAX_BYTES, MAX_CPU = 3, MAX_TID = 11, MAX_PAYLOAD = 24 };

static void columns_reserve(struct columns *columns, size_t n)
{
    buffer_reserve(&columns->op, n);
    buffer_reserve(&columns->time, n);
    buffer_reserve(&columns->time_hi, n * MAX_TIME_HI);
    buffer_reserve(&columns->cpu, n * MAX_CPU);
    buffer_reserve(&columns->tid, n * MAX_TID);
    buffer_reserve(&columns->payload, n * MAX_PAYLOAD);
}

/* A task of this block by its number, a new one by the difference to the last new one. */
static uint32_t put_task(struct codec *c, struct buffer *b, int32_t tid)
{
    uint32_t *bucket = tid ? bucket_of(c, tid) : NULL;
    if (!bucket || *bucket) {
        const uint32_t task = bucket ? *bucket : 0;
        put_varint(b, (uint64_t)task + 1);
        return task;
    }
    put_byte(b, 0);
    put_varint(b, zigzag32((uint32_t)tid - (uint32_t)c->new_tid));
    c->new_tid = tid;
    const uint32_t task = *bucket = add_task(c, tid);
    if (c->n_tasks > c->n_buckets / 2)
        grow_buckets(c);
    return task;
}

static inline void encode(struct codec *c, struct columns *columns, const struct event *e)
{
    const uint8_t code =
        e->kind < N_KINDS && e->detail < N_KINDS ? c->code_of[e->kind][e->detail] : CODE_ESCAPE;
    unsigned op = (unsigned)code << OP_CODE_SHIFT;
    if (code == CODE_ESCAPE) {
        put_byte(&columns->payload, e->kind);
        put_byte(&columns->payload, e->detail);
    }

    const uint64_t difference = e->time_ns - c->time_ns;
    put_byte(&columns->time, (uint8_t)difference);
    put_varint(&columns->time_hi, difference >> 8);

    int16_t *cpu = expected_cpu(c, e->kind, e->detail);
    if (*cpu != e->cpu) {
        op |= OP_CPU;
        *cpu = e->cpu;
        put_varint(&columns->cpu, (uint16_t)(e->cpu + 1));
    }

    uint32_t task = expected_task(c, e->kind, e->cpu);
    if (c->tasks[task].tid != e->tid) {
        op |= OP_TID;
        task = put_task(c, &columns->tid, e->tid);
    }

    const struct payload payload = payload_of(e), expected = expected_payload(c, e->kind, e->detail, task);
    c->time_ns = e->time_ns;
    if (payload.word[0] != expected.word[0] || payload.word[1] != expected.word[1]) {
        op |= OP_PAYLOAD;
        put_payload(c, &columns->payload, e, &payload, &expected);
    }
    put_byte(&columns->op, (uint8_t)op);
    learn(c, e, task, &payload);
}

static inline uint8_t *varint_at(uint8_t *to, uint64_t v)
{
    while (v >= 0x80) {
        *to++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *to++ = (uint8_t)v;
    return to;
}

/* Whether the column of times gets fewer bytes: short of that the plainer operation is the better one, since
 * more of the same are packed better. */
static inline bool saves_bytes(uint64_t surprise, uint64_t difference)
{
    return difference >= 1 << 15 && (surprise < 1 << 15 || surprise < difference >> 7);
}

/* One with a code, and without a payload. */
static inline bool is_plain_switch(const struct event *e)
{
    const unsigned last = e->kind == EVENT_SWITCH_IN ? IN_PREEMPTED : OUT_BLOCKED;
    return e->kind <= EVENT_SWITCH_OUT && e->detail <= last && !e->u.run.run_ns && !e->u.run.wait_ns;
}

/* The same as encode(), for the events that come by the million: as many plain switches as follow one
 * another. Returns how many. */
static size_t encode_switches(struct codec *c, struct columns *columns, const struct event *events, size_t n)
{
    uint8_t *op = columns->op.bytes + columns->op.n, *time = columns->time.bytes + columns->time.n;
    uint8_t *time_hi = columns->time_hi.bytes + columns->time_hi.n;
    uint64_t time_ns = c->time_ns;
    uint32_t task = c->task;
    size_t i = 0;
    for (; i < n && is_plain_switch(&events[i]); i++) {
        const struct event *e = &events[i];
        struct codec_cpu *cpu = cpu_of(c, e->cpu);
        unsigned now = (unsigned)c->code_of[e->kind][e->detail] << OP_CODE_SHIFT;
        uint64_t difference = e->time_ns - time_ns;
        const uint64_t surprise = zigzag(e->time_ns - expected_time(cpu, e->kind));
        if (saves_bytes(surprise, difference)) {
            now += N_SWITCH_CODES << OP_CODE_SHIFT;
            difference = surprise;
        }
        time_ns = e->time_ns;
        *time++ = (uint8_t)difference;
        time_hi = varint_at(time_hi, difference >> 8);

        if (c->switch_cpu != e->cpu) {
            now |= OP_CPU;
            c->switch_cpu = e->cpu;
            put_varint(&columns->cpu, (uint16_t)(e->cpu + 1));
        }
        uint32_t this = e->kind == EVENT_SWITCH_IN ? c->tasks[cpu->last].next : cpu->running;
        if (c->tasks[this].tid != e->tid) {
            now |= OP_TID;
            this = put_task(c, &columns->tid, e->tid);
        }
        learn_switch(c, e->kind, e->detail, cpu, this, e->time_ns);
        task = this ? this : task;
        *op++ = (uint8_t)now;
    }
    c->time_ns = time_ns;
    c->task = task;
    columns->op.n += i;
    columns->time.n += i;
    columns->time_hi.n = (size_t)(time_hi - columns->time_hi.bytes);
    return i;
}

void codec_encode(struct codec *c, struct columns *columns, const struct event *events, size_t n)
{
    columns_reserve(columns, n);
    for (size_t i = 0; i < n;) {
        i += encode_switches(c, columns, events + i, n - i);
        if (i < n)
            encode(c, columns, &events[i++]);
    }
}

void columns_clear(struct columns *columns)
{
    columns->op.n = columns->time.n = columns->time_hi.n = 0;
    columns->cpu.n = columns->tid.n = columns->payload.n = 0;
}

void columns_fini(struct columns *columns)
{
    buffer_fini(&columns->op);
    buffer_fini(&columns->time);
    buffer_fini(&columns->time_hi);
    buffer_fini(&columns->cpu);
    buffer_fini(&columns->tid);
    buffer_fini(&columns->payload);
}

void columns_join(const struct columns *columns, struct buffer *to)
{
    const struct buffer *parts[] = {&columns->time_hi, &columns->cpu, &columns->tid, &columns->payload};
    const unsigned n_parts = sizeof parts / sizeof *parts;
    to->n = 0;
    for (unsigned i = 0; i < n_parts; i++)
        buffer_varint(to, parts[i]->n);
    buffer_bytes(to, columns->op.bytes, columns->op.n);
    for (unsigned i = 0; i < n_parts; i++)
        buffer_bytes(to, parts[i]->bytes, parts[i]->n);
}

/* ---- decoding ---- */

struct parts {
    struct cursor op, time_hi, cpu, tid, payload;
};

static uint32_t get_task(struct codec *c, struct cursor *from)
{
    const uint32_t number = get_varint32(from);
    if (number > c->n_tasks) {
        from->bad = true;
        return 0;
    }
    if (number > 0)
        return number - 1;
    c->new_tid = (int32_t)((uint32_t)c->new_tid + unzigzag32(get_varint32(from)));
    return add_task(c, c->new_tid);
}

static inline void decode(struct codec *c, struct parts *parts, uint8_t time, struct event *e)
{
    const unsigned op = get_byte(&parts->op), code = op >> OP_CODE_SHIFT;
    if (code < N_CODES) {
        e->kind = codes[code][0];
        e->detail = codes[code][1];
    } else {
        parts->op.bad |= code != CODE_ESCAPE;
        e->kind = get_byte(&parts->payload);
        e->detail = get_byte(&parts->payload);
    }
    const uint64_t told = get_varint(&parts->time_hi) << 8 | time;
    e->time_ns = c->time_ns + told;

    int16_t *cpu = expected_cpu(c, e->kind, e->detail);
    if (op & OP_CPU)
        *cpu = (int16_t)(uint16_t)(get_varint(&parts->cpu) - 1);
    e->cpu = *cpu;
    if (code >= N_SWITCH_CODES && code < 2 * N_SWITCH_CODES)
        e->time_ns = expected_time(cpu_of(c, e->cpu), e->kind) + unzigzag(told);

    const uint32_t task = op & OP_TID ? get_task(c, &parts->tid) : expected_task(c, e->kind, e->cpu);
    e->tid = c->tasks[task].tid;
    if (is_switch(e->kind) && !(op & OP_PAYLOAD)) {
        memset(&e->u, 0, sizeof e->u);
        c->time_ns = e->time_ns;
        c->task = task ? task : c->task;
        learn_switch(c, e->kind, e->detail, cpu_of(c, e->cpu), task, e->time_ns);
        return;
    }

    struct payload payload = expected_payload(c, e->kind, e->detail, task);
    c->time_ns = e->time_ns;
    if (op & OP_PAYLOAD) {
        const struct payload expected = payload;
        payload = get_payload(c, &parts->payload, e, &expected);
    }
    payload_to(&payload, e);
    learn(c, e, task, &payload);
}

bool codec_decode(struct codec *c, const uint8_t *times, const uint8_t *joined, size_t n_joined,
                  struct event *events, size_t n)
{
    struct cursor from = cursor_of(joined, n_joined);
    struct parts parts;
    struct cursor *const cursors[] = {&parts.time_hi, &parts.cpu, &parts.tid, &parts.payload};
    const unsigned n_cursors = sizeof cursors / sizeof *cursors;
    uint64_t n_bytes[sizeof cursors / sizeof *cursors];
    for (unsigned i = 0; i < n_cursors; i++)
        n_bytes[i] = get_varint(&from);
    const uint8_t *ops = get_bytes(&from, n);
    if (!ops)
        return false;
    parts.op = cursor_of(ops, n);
    for (unsigned i = 0; i < n_cursors; i++) {
        const uint8_t *part = n_bytes[i] <= cursor_left(&from) ? get_bytes(&from, (size_t)n_bytes[i]) : NULL;
        if (!part)
            return false;
        *cursors[i] = cursor_of(part, (size_t)n_bytes[i]);
    }
    if (cursor_left(&from) > 0)
        return false;

    for (size_t i = 0; i < n; i++)
        decode(c, &parts, times[i], &events[i]);
    bool good = !parts.op.bad;
    for (unsigned i = 0; i < n_cursors; i++)
        good = good && !cursors[i]->bad && cursor_left(cursors[i]) == 0;
    return good;
}
