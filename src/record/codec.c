/* Events as what is told of them, and back, bit for bit.
 *
 * Both ways walk through the same expectations (which task comes in after which, who wakes whom, what a
 * task's last figures were), so only what differs from them is written. They never decide what can be
 * written: any event can. */
#include "codec.h"

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
    uint64_t n_in, n_voluntary, n_involuntary;
    struct payload figures[N_FIGURES];
};

struct codec_cpu {
    uint32_t running, last;    /* tasks: that came in last, that went out last */
    uint64_t in_ns, out_ns;    /* when; 0 in a new block */
    uint64_t slice_ns, gap_ns; /* how long the last slice was, and the last time between two */
    /* Tasks are preempted by the kernel's tick: when it came last, freed of most of the noise, and how far
     * its ticks are from each other. */
    uint64_t tick_ns, period_ns;
    uint64_t preempted_ns; /* when one was last */
    bool is_off;           /* that was not at a tick */
};

struct codec {
    uint64_t time_ns;
    uint32_t task, last_in; /* of the last event; that came in last, anywhere */
    int32_t new_tid;        /* the last that was written out */
    int16_t switch_cpu;
    int16_t cpus[N_KINDS][N_KINDS]; /* by kind and detail: the last */
    struct payload payloads[N_KINDS][N_KINDS];
    struct codec_cpu cpu[N_CPUS];
    unsigned n_cpus; /* of them no more were used since codec_begin() */

    struct codec_task *tasks; /* tasks[0] is tid 0 */
    uint32_t n_tasks, tasks_capacity;
    uint32_t *buckets; /* of tids, open addressing: index in tasks, 0: free; for encoding alone */
    uint32_t n_buckets;
    uint8_t code_of[N_KINDS][N_KINDS];
    struct told_models *models; /* NULL until bits are coded */
    bool models_known;          /* they are of what was coded since codec_begin() */
    bool counts;                /* what switches tell of the kernel's figures: of bits only */
};

struct codec *codec_new(void)
{
    struct codec *c = mem_new(1, sizeof *c);
    memset(c->code_of, CODE_ESCAPE, sizeof c->code_of);
    for (uint8_t i = N_CODES; i-- > 0;) /* of two the first one */
        c->code_of[told_codes[i][0]][told_codes[i][1]] = i;
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
    free(c->models);
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
    c->models_known = c->counts = false;
    memset(c->cpus, 0, sizeof c->cpus);
    memset(c->payloads, 0, sizeof c->payloads);
    memset(c->cpu, 0, c->n_cpus * sizeof *c->cpu);
    c->n_cpus = 1; /* switch_cpu */
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

/* Each but the first is told before it is used. */
static void see_cpu(struct codec *c, int16_t cpu)
{
    const unsigned n = (uint16_t)cpu % N_CPUS + 1;
    c->n_cpus = n > c->n_cpus ? n : c->n_cpus;
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

static inline uint64_t expected_time(const struct codec_cpu *cpu, uint8_t kind, uint8_t detail)
{
    if (kind == EVENT_SWITCH_IN)
        return cpu->out_ns + cpu->gap_ns;
    return detail == OUT_PREEMPTED ? cpu->tick_ns + cpu->period_ns : cpu->in_ns + cpu->slice_ns;
}

#define TICK_NOISE_NS 65536 /* that far from it, at most, is at the tick */
#define TICK_MISSED   16    /* so many may pass without a switch */

/* The tick, and how long it is to the next one, follow what comes slowly, as each is some microseconds late;
 * two in turn that do not fit begin anew. */
static void learn_tick(struct codec_cpu *cpu, uint64_t time_ns)
{
    uint64_t tick_ns = cpu->tick_ns + cpu->period_ns;
    if (time_ns - tick_ns + TICK_NOISE_NS > 2 * TICK_NOISE_NS && cpu->period_ns > 2 * TICK_NOISE_NS) {
        const uint64_t n = (time_ns - cpu->tick_ns + cpu->period_ns / 2) / cpu->period_ns;
        if (n <= TICK_MISSED)
            tick_ns = cpu->tick_ns + n * cpu->period_ns;
    }
    const int64_t late_ns = (int64_t)(time_ns - tick_ns);
    if (late_ns >= -TICK_NOISE_NS && late_ns <= TICK_NOISE_NS) {
        cpu->tick_ns = tick_ns + (uint64_t)(late_ns / 8);
        cpu->period_ns += (uint64_t)(late_ns / 128);
        cpu->is_off = false;
    } else if (cpu->is_off) {
        cpu->tick_ns = time_ns;
        cpu->period_ns = time_ns - cpu->preempted_ns;
        cpu->is_off = false;
    } else {
        cpu->is_off = true;
    }
    cpu->preempted_ns = time_ns;
}

/* What the kernel counts at a switch. */
static void count_switch(struct codec_task *t, const struct codec_cpu *cpu, uint8_t kind, uint8_t detail,
                         uint64_t time_ns)
{
    if (kind == EVENT_SWITCH_IN) {
        t->wait_ns += t->out_ns ? time_ns - t->out_ns : 0;
        t->out_ns = 0;
        t->n_in++;
    } else {
        t->run_ns += cpu->in_ns ? time_ns - cpu->in_ns : 0;
        t->out_ns = detail == OUT_PREEMPTED ? time_ns : 0;
        t->n_voluntary += detail != OUT_PREEMPTED;
        t->n_involuntary += detail == OUT_PREEMPTED;
    }
}

static inline void learn_switch(struct codec *c, uint8_t kind, uint8_t detail, struct codec_cpu *cpu,
                                uint32_t task, uint64_t time_ns)
{
    if (kind == EVENT_SWITCH_IN) {
        c->tasks[cpu->last].next = task;
        cpu->running = c->last_in = task;
        cpu->gap_ns = time_ns - cpu->out_ns;
        cpu->in_ns = time_ns;
    } else {
        cpu->last = task;
        cpu->slice_ns = time_ns - cpu->in_ns;
        cpu->out_ns = time_ns;
        if (detail == OUT_PREEMPTED)
            learn_tick(cpu, time_ns);
    }
}

static void learn(struct codec *c, const struct event *e, uint32_t task, const struct payload *payload)
{
    c->time_ns = e->time_ns;
    c->task = task ? task : c->task;
    switch (e->kind) {
    case EVENT_SWITCH_IN:
    case EVENT_SWITCH_OUT:
        if (c->counts)
            count_switch(&c->tasks[task], cpu_of(c, e->cpu), e->kind, e->detail, e->time_ns);
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

/* The numbers of 32 bits that a layout begins with. */
static unsigned n_halves(enum layout layout)
{
    return layout == LAYOUT_HALVES ? 4 : layout == LAYOUT_SYNC ? 2 : 0;
}

/* What the last number of a wait is a difference to. */
static uint64_t wide_base(const struct codec *c, const struct told *told, const struct payload *expected,
                          unsigned word)
{
    return word == 1 && tells_until(told->kind, told->detail) ? c->time_ns : expected->word[word];
}

static void tell_text(struct told *told, const struct payload *payload)
{
    uint8_t *text = told->payload.text;
    store_le(text, payload->word[0], 8);
    store_le(text + 8, payload->word[1], 8);
    told->n_text = TOLD_TEXT;
    while (told->n_text > 0 && text[told->n_text - 1] == 0)
        told->n_text--;
}

static void tell_payload(const struct codec *c, struct told *told, const struct payload *payload,
                         const struct payload *expected)
{
    const enum layout layout = layout_of(told->kind, told->detail);
    if (layout == LAYOUT_TEXT) {
        tell_text(told, payload);
        return;
    }
    unsigned n = 0, bit = 0;
    told->mask = 0;
    for (unsigned i = 0; i < n_halves(layout); i++, bit++) {
        const uint32_t difference = half_of(payload, i) - half_of(expected, i);
        if (difference) {
            told->mask |= (uint8_t)(1u << bit);
            told->payload.numbers[n++] = zigzag32(difference);
        }
    }
    for (unsigned word = n_halves(layout) / 2; word < 2; word++, bit++) {
        if (payload->word[word] != expected->word[word]) {
            told->mask |= (uint8_t)(1u << bit);
            told->payload.numbers[n++] = zigzag(payload->word[word] - wide_base(c, told, expected, word));
        }
    }
}

static struct payload told_payload(const struct codec *c, const struct told *told,
                                   const struct payload *expected)
{
    const enum layout layout = layout_of(told->kind, told->detail);
    if (layout == LAYOUT_TEXT)
        return (struct payload){.word = {load_le(told->payload.text, 8), load_le(told->payload.text + 8, 8)}};
    struct payload payload = *expected;
    unsigned n = 0, bit = 0;
    for (unsigned i = 0; i < n_halves(layout); i++, bit++) {
        if (told->mask & 1u << bit) {
            const uint32_t half = half_of(expected, i) + unzigzag32((uint32_t)told->payload.numbers[n++]);
            const unsigned shift = 32 * (i % 2);
            payload.word[i / 2] &= ~(UINT64_C(0xffffffff) << shift);
            payload.word[i / 2] |= (uint64_t)half << shift;
        }
    }
    for (unsigned word = n_halves(layout) / 2; word < 2; word++, bit++)
        if (told->mask & 1u << bit)
            payload.word[word] = unzigzag(told->payload.numbers[n++]) + wide_base(c, told, expected, word);
    return payload;
}

/* ---- encoding ---- */

/* A task of this block by its number, a new one by the difference to the last new one. */
static uint32_t tell_task(struct codec *c, int32_t tid, uint32_t *new_tid)
{
    uint32_t *bucket = tid ? bucket_of(c, tid) : NULL;
    if (!bucket)
        return 1;
    if (*bucket)
        return *bucket + 1;
    *new_tid = zigzag32((uint32_t)tid - (uint32_t)c->new_tid);
    c->new_tid = tid;
    *bucket = add_task(c, tid);
    if (c->n_tasks > c->n_buckets / 2)
        grow_buckets(c);
    return 0;
}

static uint32_t index_told(const struct codec *c, uint32_t task)
{
    return task ? task - 1 : c->n_tasks - 1;
}

#define LEAST_SAVED 32768

/* Whether it gets shorter by much, as columns: short of that the plainer operation is the better one, since
 * more of the same are packed better. */
static inline bool saves_bytes(uint64_t surprise, uint64_t difference)
{
    return difference >= LEAST_SAVED && (surprise < LEAST_SAVED || surprise < difference >> 7);
}

static inline unsigned code_of(const struct codec *c, const struct event *e)
{
    return e->kind < N_KINDS && e->detail < N_KINDS ? c->code_of[e->kind][e->detail] : CODE_ESCAPE;
}

/* Without a payload. */
static inline bool is_plain_switch(const struct event *e)
{
    return !(e->u.run.run_ns | e->u.run.wait_ns);
}

/* The same as bits, where a time that is as expected takes fewer of them. A switch in is told from the switch
 * out as a rule, which is the event before it; where others came between, they tell nothing of it. */
static inline bool saves_bits(const struct codec *c, const struct event *e, uint64_t surprise,
                              uint64_t difference)
{
    if (e->kind == EVENT_SWITCH_IN && c->time_ns != c->cpu[(uint16_t)e->cpu % N_CPUS].out_ns)
        return surprise < difference;
    return difference >= LEAST_SAVED && surprise < difference / 4;
}

static inline void tell(struct codec *c, const struct event *e, struct told *told)
{
    const unsigned code = code_of(c, e);
    unsigned op = code << OP_CODE_SHIFT;
    told->kind = e->kind;
    told->detail = e->detail;
    told->time = e->time_ns - c->time_ns;
    if (code < N_SWITCH_CODES && is_plain_switch(e)) {
        const uint64_t surprise = zigzag(e->time_ns - expected_time(cpu_of(c, e->cpu), e->kind, e->detail));
        if (saves_bits(c, e, surprise, told->time)) {
            op += N_SWITCH_CODES << OP_CODE_SHIFT;
            told->time = surprise;
        }
    }

    int16_t *cpu = expected_cpu(c, e->kind, e->detail);
    if (*cpu != e->cpu) {
        op |= OP_CPU;
        *cpu = e->cpu;
        see_cpu(c, e->cpu);
        told->cpu = (uint16_t)(e->cpu + 1);
    }

    uint32_t task = expected_task(c, e->kind, e->cpu);
    if (c->tasks[task].tid != e->tid) {
        op |= OP_TID;
        told->task = tell_task(c, e->tid, &told->new_tid);
        task = index_told(c, told->task);
    }

    const struct payload payload = payload_of(e), expected = expected_payload(c, e->kind, e->detail, task);
    c->time_ns = e->time_ns;
    if (payload.word[0] != expected.word[0] || payload.word[1] != expected.word[1]) {
        op |= OP_PAYLOAD;
        tell_payload(c, told, &payload, &expected);
    }
    told->op = (uint8_t)op;
    learn(c, e, task, &payload);
}

/* Where the next byte of a column goes, apart from the column: a byte that is written could be part of
 * anything, so what is kept behind a pointer would be read again for each. */
struct ends {
    uint8_t *op, *time, *time_hi, *cpu, *tid, *payload;
};

static struct ends ends_of(const struct columns *columns)
{
    return (struct ends){.op = columns->op.bytes + columns->op.n,
                         .time = columns->time.bytes + columns->time.n,
                         .time_hi = columns->time_hi.bytes + columns->time_hi.n,
                         .cpu = columns->cpu.bytes + columns->cpu.n,
                         .tid = columns->tid.bytes + columns->tid.n,
                         .payload = columns->payload.bytes + columns->payload.n};
}

static void set_ends(struct columns *columns, const struct ends *ends)
{
    columns->op.n = (size_t)(ends->op - columns->op.bytes);
    columns->time.n = (size_t)(ends->time - columns->time.bytes);
    columns->time_hi.n = (size_t)(ends->time_hi - columns->time_hi.bytes);
    columns->cpu.n = (size_t)(ends->cpu - columns->cpu.bytes);
    columns->tid.n = (size_t)(ends->tid - columns->tid.bytes);
    columns->payload.n = (size_t)(ends->payload - columns->payload.bytes);
}

static inline void end_time(struct ends *ends, uint64_t time)
{
    *ends->time++ = (uint8_t)time;
    ends->time_hi = varint_at(ends->time_hi, time >> 8);
}

static inline uint32_t end_task(struct codec *c, struct ends *ends, int32_t tid)
{
    uint32_t new_tid = 0;
    const uint32_t number = tell_task(c, tid, &new_tid);
    ends->tid = varint_at(ends->tid, number);
    if (number == 0)
        ends->tid = varint_at(ends->tid, new_tid);
    return index_told(c, number);
}

/* The same as tell() and columns_put(), for the events that come by the million. */
static inline void encode_switch(struct codec *c, struct ends *ends, const struct event *e, unsigned code)
{
    struct codec_cpu *cpu = cpu_of(c, e->cpu);
    unsigned op = code << OP_CODE_SHIFT;
    uint64_t difference = e->time_ns - c->time_ns;
    if (difference >= LEAST_SAVED) {
        const uint64_t surprise = zigzag(e->time_ns - expected_time(cpu, e->kind, e->detail));
        if (saves_bytes(surprise, difference)) {
            op += N_SWITCH_CODES << OP_CODE_SHIFT;
            difference = surprise;
        }
    }
    c->time_ns = e->time_ns;
    end_time(ends, difference);

    if (c->switch_cpu != e->cpu) {
        op |= OP_CPU;
        c->switch_cpu = e->cpu;
        see_cpu(c, e->cpu);
        ends->cpu = varint_at(ends->cpu, (uint16_t)(e->cpu + 1));
    }
    uint32_t task = e->kind == EVENT_SWITCH_IN ? c->tasks[cpu->last].next : cpu->running;
    if (c->tasks[task].tid != e->tid) {
        op |= OP_TID;
        task = end_task(c, ends, e->tid);
    }
    learn_switch(c, e->kind, e->detail, cpu, task, e->time_ns);
    c->task = task ? task : c->task;
    *ends->op++ = (uint8_t)op;
}

#define WAKER_DIFFERS 1 /* the mask of a payload of which the first number differs */

/* Of which no more is told than who woke it. */
static inline bool is_plain_wake(const struct event *e)
{
    const struct payload payload = payload_of(e);
    return !payload.word[1] && payload.word[0] <= UINT32_MAX;
}

static inline void encode_wake(struct codec *c, struct ends *ends, const struct event *e)
{
    unsigned op = CODE_WAKE << OP_CODE_SHIFT;
    end_time(ends, e->time_ns - c->time_ns);
    c->time_ns = e->time_ns;

    int16_t *cpu = &c->cpus[EVENT_WAKE][0];
    if (*cpu != e->cpu) {
        op |= OP_CPU;
        *cpu = e->cpu;
        ends->cpu = varint_at(ends->cpu, (uint16_t)(e->cpu + 1));
    }
    uint32_t task = c->tasks[c->last_in].woken;
    if (c->tasks[task].tid != e->tid) {
        op |= OP_TID;
        task = end_task(c, ends, e->tid);
    }
    const int32_t waker = c->tasks[task].waker ? c->tasks[task].waker : c->tasks[c->last_in].tid;
    if (waker != e->u.wake.waker_tid) {
        op |= OP_PAYLOAD;
        *ends->payload++ = WAKER_DIFFERS;
        ends->payload = varint_at(ends->payload, zigzag32((uint32_t)e->u.wake.waker_tid - (uint32_t)waker));
    }
    c->tasks[c->last_in].woken = task;
    c->tasks[task].waker = e->u.wake.waker_tid;
    c->task = task ? task : c->task;
    *ends->op++ = (uint8_t)op;
}

void codec_encode(struct codec *c, struct columns *columns, const struct event *events, size_t n)
{
    struct told told = {0};
    if (n == 0)
        return;
    columns_reserve(columns, n);
    struct ends ends = ends_of(columns);
    for (size_t i = 0; i < n; i++) {
        const struct event *e = &events[i];
        const unsigned code = code_of(c, e);
        if (code < N_SWITCH_CODES && is_plain_switch(e)) {
            encode_switch(c, &ends, e, code);
        } else if (code == CODE_WAKE && is_plain_wake(e)) {
            encode_wake(c, &ends, e);
        } else {
            tell(c, e, &told);
            set_ends(columns, &ends);
            columns_put(columns, &told);
            ends = ends_of(columns);
        }
    }
    set_ends(columns, &ends);
}

static struct told_models *models_of(struct codec *c)
{
    if (!c->models)
        c->models = told_models_new();
    else if (!c->models_known)
        told_forget(c->models);
    c->models_known = c->counts = true;
    return c->models;
}

void codec_encode_bits(struct codec *c, struct buffer *to, const struct event *events, size_t n)
{
    struct told told = {0};
    struct told_writer w = told_begin(models_of(c), to);
    for (size_t i = 0; i < n; i++) {
        tell(c, &events[i], &told);
        told_put(&w, &told);
    }
    told_end(&w);
}

/* ---- decoding ---- */

/* The task that a number stands for; false when there is none. */
static inline bool task_told(struct codec *c, uint32_t number, uint32_t new_tid, uint32_t *task)
{
    if (number > c->n_tasks)
        return false;
    if (number == 0) {
        c->new_tid = (int32_t)((uint32_t)c->new_tid + unzigzag32(new_tid));
        add_task(c, c->new_tid);
    }
    *task = index_told(c, number);
    return true;
}

/* False when there is no such task. */
static inline bool understand(struct codec *c, const struct told *told, struct event *e)
{
    e->kind = told->kind;
    e->detail = told->detail;
    int16_t *cpu = expected_cpu(c, e->kind, e->detail);
    if (told->op & OP_CPU) {
        *cpu = (int16_t)(uint16_t)(told->cpu - 1);
        see_cpu(c, *cpu);
    }
    e->cpu = *cpu;

    const unsigned code = told_code(told);
    if (code >= N_SWITCH_CODES && code < 2 * N_SWITCH_CODES)
        e->time_ns = expected_time(cpu_of(c, e->cpu), e->kind, e->detail) + unzigzag(told->time);
    else
        e->time_ns = c->time_ns + told->time;

    uint32_t task;
    if (!(told->op & OP_TID))
        task = expected_task(c, e->kind, e->cpu);
    else if (!task_told(c, told->task, told->new_tid, &task))
        return false;
    e->tid = c->tasks[task].tid;

    struct payload payload = expected_payload(c, e->kind, e->detail, task);
    c->time_ns = e->time_ns;
    if (told->op & OP_PAYLOAD) {
        const struct payload expected = payload;
        payload = told_payload(c, told, &expected);
    }
    payload_to(&payload, e);
    learn(c, e, task, &payload);
    return true;
}

/* The same as columns_get() and understand(), for what comes by the million, with the payloads that
 * encode_switch() and encode_wake() write. There are as many operations and lowest bytes of times as events.
 */
static inline bool decode_switch(struct codec *c, struct columns_reader *r, struct event *e)
{
    const uint8_t op = *r->op.p++, code = op >> OP_CODE_SHIFT;
    const uint8_t kind = told_codes[code][0], detail = told_codes[code][1];
    const uint64_t time = get_varint(&r->time_hi) << 8 | *r->time.p++;
    if (op & OP_CPU) {
        c->switch_cpu = (int16_t)(uint16_t)(get_varint(&r->cpu) - 1);
        see_cpu(c, c->switch_cpu);
    }
    struct codec_cpu *cpu = cpu_of(c, c->switch_cpu);
    const uint64_t time_ns =
        code < N_SWITCH_CODES ? c->time_ns + time : expected_time(cpu, kind, detail) + unzigzag(time);
    uint32_t task = kind == EVENT_SWITCH_IN ? c->tasks[cpu->last].next : cpu->running;
    if (op & OP_TID) {
        const uint32_t number = get_varint32(&r->tid);
        if (!task_told(c, number, number ? 0 : get_varint32(&r->tid), &task))
            return false;
    }
    *e = (struct event){
        .time_ns = time_ns, .tid = c->tasks[task].tid, .cpu = c->switch_cpu, .kind = kind, .detail = detail};
    c->time_ns = time_ns;
    c->task = task ? task : c->task;
    learn_switch(c, kind, detail, cpu, task, time_ns);
    return true;
}

static inline bool decode_wake(struct codec *c, struct columns_reader *r, struct event *e)
{
    const uint8_t op = *r->op.p++;
    const uint64_t time_ns = c->time_ns + (get_varint(&r->time_hi) << 8 | *r->time.p++);
    int16_t *cpu = &c->cpus[EVENT_WAKE][0];
    if (op & OP_CPU)
        *cpu = (int16_t)(uint16_t)(get_varint(&r->cpu) - 1);
    struct codec_task *last_in = &c->tasks[c->last_in];
    uint32_t task = last_in->woken;
    if (op & OP_TID) {
        const uint32_t number = get_varint32(&r->tid);
        if (!task_told(c, number, number ? 0 : get_varint32(&r->tid), &task))
            return false;
        last_in = &c->tasks[c->last_in];
    }
    struct codec_task *t = &c->tasks[task];
    t->waker = t->waker ? t->waker : last_in->tid;
    if (op & OP_PAYLOAD) {
        r->payload.p++; /* WAKER_DIFFERS */
        t->waker = (int32_t)((uint32_t)t->waker + unzigzag32((uint32_t)get_varint(&r->payload)));
    }
    last_in->woken = task;
    *e = (struct event){.time_ns = time_ns, .tid = t->tid, .cpu = *cpu, .kind = EVENT_WAKE};
    e->u.wake.waker_tid = t->waker; /* by itself: what is initialized of a union leaves the rest of it open */
    c->time_ns = time_ns;
    c->task = task ? task : c->task;
    return true;
}

static inline bool is_plain_wake_next(const struct columns_reader *r, unsigned op)
{
    return op >> OP_CODE_SHIFT == CODE_WAKE &&
           (!(op & OP_PAYLOAD) || (r->payload.p < r->payload.end && *r->payload.p == WAKER_DIFFERS));
}

bool codec_decode(struct codec *c, const uint8_t *times, const uint8_t *joined, size_t n_joined,
                  struct event *events, size_t n)
{
    struct columns_reader r;
    struct told told = {0};
    if (!columns_open(&r, times, joined, n_joined, n))
        return false;
    bool good = true;
    for (size_t i = 0; i < n && good; i++) {
        const uint8_t op = *r.op.p, code = op >> OP_CODE_SHIFT;
        if (!(op & OP_PAYLOAD) && code < 2 * N_SWITCH_CODES) {
            good = decode_switch(c, &r, &events[i]);
        } else if (is_plain_wake_next(&r, op)) {
            good = decode_wake(c, &r, &events[i]);
        } else {
            columns_get(&r, &told);
            good = understand(c, &told, &events[i]);
        }
    }
    return good && columns_at_end(&r);
}

bool codec_decode_bits(struct codec *c, const uint8_t *bytes, size_t n_bytes, struct event *events, size_t n)
{
    struct told told = {0};
    struct told_reader r = told_open(models_of(c), bytes, n_bytes);
    bool good = true;
    for (size_t i = 0; i < n && good; i++) {
        told_get(&r, &told);
        good = !r.bits.from.bad && understand(c, &told, &events[i]);
    }
    return good && told_at_end(&r);
}
