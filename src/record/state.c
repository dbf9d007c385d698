/* What a block tells beside its events, as bytes: the state of all tasks when it begins, and its sums.
 *
 * Numbers are differences to what they follow from as a rule, so most are one byte and zero. */
#include "state.h"

#include "bits.h"

/* The fewest bytes that one of them takes: no count is believed that the bytes left cannot hold. */
#define MIN_TASK_BYTES     28
#define MIN_SUMS_BYTES     8
#define MIN_CPU_SUMS_BYTES 8

static bool fits(struct cursor *from, uint64_t n, uint64_t max, size_t min_bytes)
{
    if (n > max || n > cursor_left(from) / min_bytes)
        from->bad = true;
    return !from->bad;
}

/* ---- tasks ---- */

enum task_flags {
    TASK_EXITED = 1,
    TASK_EXIT_KNOWN = 2,
    TASK_WAKES_KNOWN = 4,
    TASK_CARRIES = 8,
    TASK_NAMED = 16,   /* its name follows; else it is that of the task before it */
    TASK_COUNTED = 32, /* the kernel's counts follow */
    TASK_SAMPLED = 64,
    TASK_CONTINUES = 128,
};

enum counts_flags { COUNTS_SWITCHES = 1, COUNTS_RUN = 2, COUNTS_SLICES = 4 };

static bool is_counted(const struct kernel_counts *k)
{
    const uint64_t any = k->voluntary | k->involuntary | k->base_voluntary | k->base_involuntary | k->run_ns |
                         k->wait_ns | k->slices | k->base_run_ns | k->base_wait_ns | k->base_slices |
                         k->time_ns;
    return any || k->has_switches || k->has_run || k->has_slices;
}

static void put_counts(struct buffer *to, const struct task *t, uint64_t now_ns)
{
    const struct kernel_counts *k = &t->kernel;
    buffer_byte(to, (uint8_t)((k->has_switches ? COUNTS_SWITCHES : 0) | (k->has_run ? COUNTS_RUN : 0) |
                              (k->has_slices ? COUNTS_SLICES : 0)));
    buffer_signed(to, now_ns - k->time_ns);
    buffer_signed(to, k->voluntary - k->base_voluntary - t->n_voluntary);
    buffer_signed(to, k->involuntary - k->base_involuntary - t->n_involuntary);
    buffer_signed(to, k->run_ns - k->base_run_ns - t->run_ns);
    buffer_signed(to, k->wait_ns - k->base_wait_ns - t->runnable_ns);
    buffer_signed(to, k->slices - k->base_slices - t->n_slices);
    const uint64_t bases[] = {k->base_voluntary, k->base_involuntary, k->base_run_ns, k->base_wait_ns,
                              k->base_slices};
    for (unsigned i = 0; i < sizeof bases / sizeof *bases; i++)
        buffer_varint(to, bases[i]);
}

static void get_counts(struct cursor *from, struct task *t, uint64_t now_ns)
{
    struct kernel_counts *k = &t->kernel;
    const unsigned flags = get_byte(from);
    k->has_switches = flags & COUNTS_SWITCHES;
    k->has_run = flags & COUNTS_RUN;
    k->has_slices = flags & COUNTS_SLICES;
    k->time_ns = now_ns - get_signed(from);
    k->voluntary = get_signed(from) + t->n_voluntary;
    k->involuntary = get_signed(from) + t->n_involuntary;
    k->run_ns = get_signed(from) + t->run_ns;
    k->wait_ns = get_signed(from) + t->runnable_ns;
    k->slices = get_signed(from) + t->n_slices;
    k->voluntary += k->base_voluntary = get_varint(from);
    k->involuntary += k->base_involuntary = get_varint(from);
    k->run_ns += k->base_run_ns = get_varint(from);
    k->wait_ns += k->base_wait_ns = get_varint(from);
    k->slices += k->base_slices = get_varint(from);
}

static void put_name(struct buffer *to, const char name[EVENT_NAME_SIZE])
{
    const size_t n = strnlen(name, EVENT_NAME_SIZE);
    buffer_byte(to, (uint8_t)n);
    buffer_bytes(to, name, n);
}

/* At least its last byte stays NUL. */
static void get_name(struct cursor *from, char name[EVENT_NAME_SIZE])
{
    const uint8_t n = get_byte(from);
    const uint8_t *bytes = n < EVENT_NAME_SIZE ? get_bytes(from, n) : NULL;
    if (bytes)
        memcpy(name, bytes, n);
    else
        from->bad = true;
}

static void put_task(struct buffer *to, uint64_t now_ns, const struct task *t, const struct task *before)
{
    const bool named = strncmp(t->name, before->name, EVENT_NAME_SIZE) != 0, counted = is_counted(&t->kernel);
    buffer_byte(to, (uint8_t)((t->exited ? TASK_EXITED : 0) | (t->exit_known ? TASK_EXIT_KNOWN : 0) |
                              (t->wakes_known ? TASK_WAKES_KNOWN : 0) | (t->carries ? TASK_CARRIES : 0) |
                              (named ? TASK_NAMED : 0) | (counted ? TASK_COUNTED : 0) |
                              (t->sampled ? TASK_SAMPLED : 0) | (t->continues ? TASK_CONTINUES : 0)));
    buffer_signed(to, (uint64_t)t->tid - (uint64_t)before->tid);
    buffer_signed(to, (uint64_t)t->pid - (uint64_t)before->pid);
    buffer_signed(to, (uint64_t)t->slot - (uint64_t)before->slot);
    buffer_varint(to, (uint32_t)(t->parent + 1)); /* 0: TIMELINE_NO_TASK */
    buffer_varint(to, t->run);
    buffer_byte(to, (uint8_t)t->kind);
    buffer_byte(to, (uint8_t)t->role);
    buffer_byte(to, (uint8_t)t->state);
    buffer_byte(to, (uint8_t)t->kernel_state);
    if (named)
        put_name(to, t->name);
    buffer_signed(to, (uint64_t)t->last_cpu);
    buffer_signed(to, (uint64_t)t->exit_status);
    buffer_signed(to, now_ns - t->first_ns);
    buffer_signed(to, now_ns - t->last_ns);
    buffer_signed(to, t->last_ns - t->state_since_ns);
    buffer_varint(to, t->run_ns);
    buffer_varint(to, t->runnable_ns);
    buffer_varint(to, t->unknown_ns);
    buffer_signed(to, t->last_ns - t->first_ns - t->run_ns - t->runnable_ns - t->unknown_ns - t->blocked_ns);
    buffer_varint(to, t->n_voluntary);
    buffer_varint(to, t->n_involuntary);
    buffer_signed(to, t->n_slices - t->n_voluntary - t->n_involuntary);
    buffer_varint(to, t->n_migrations);
    buffer_varint(to, t->n_samples);
    buffer_varint(to, t->n_wakes);
    buffer_varint(to, (uint32_t)(t->last_waker + 1));
    buffer_varint(to, t->work_done_ns);
    buffer_varint(to, t->work_total_ns);
    if (counted)
        put_counts(to, t, now_ns);
}

/* A task's number is one of this preamble's or none. */
static uint32_t get_other(struct cursor *from, unsigned n_tasks)
{
    const uint32_t number = get_varint32(from);
    from->bad |= number > n_tasks;
    return number - 1;
}

static unsigned get_enum(struct cursor *from, unsigned last)
{
    const uint8_t value = get_byte(from);
    from->bad |= value > last;
    return value;
}

static void get_task(struct cursor *from, uint64_t now_ns, unsigned n_tasks, const struct task *before,
                     struct task *t)
{
    const unsigned flags = get_byte(from);
    t->exited = flags & TASK_EXITED;
    t->exit_known = flags & TASK_EXIT_KNOWN;
    t->wakes_known = flags & TASK_WAKES_KNOWN;
    t->carries = flags & TASK_CARRIES;
    t->sampled = flags & TASK_SAMPLED;
    t->continues = flags & TASK_CONTINUES;
    t->tid = (int32_t)(get_signed(from) + (uint64_t)before->tid);
    t->pid = (int32_t)(get_signed(from) + (uint64_t)before->pid);
    t->slot = (int32_t)(get_signed(from) + (uint64_t)before->slot);
    t->parent = get_other(from, n_tasks);
    t->run = (uint16_t)get_varint(from);
    t->kind = (enum task_kind)get_enum(from, TASK_GREEN);
    t->role = (enum task_role)get_enum(from, ROLE_OTHER);
    t->state = (enum task_state)get_enum(from, STATE_GONE);
    t->kernel_state = (char)get_byte(from);
    if (flags & TASK_NAMED)
        get_name(from, t->name);
    else
        memcpy(t->name, before->name, sizeof t->name);
    t->last_cpu = (int16_t)get_signed(from);
    t->exit_status = (int)get_signed(from);
    t->first_ns = now_ns - get_signed(from);
    t->last_ns = now_ns - get_signed(from);
    t->state_since_ns = t->last_ns - get_signed(from);
    t->run_ns = get_varint(from);
    t->runnable_ns = get_varint(from);
    t->unknown_ns = get_varint(from);
    t->blocked_ns = t->last_ns - t->first_ns - t->run_ns - t->runnable_ns - t->unknown_ns - get_signed(from);
    t->n_voluntary = get_varint(from);
    t->n_involuntary = get_varint(from);
    t->n_slices = get_signed(from) + t->n_voluntary + t->n_involuntary;
    t->n_migrations = get_varint(from);
    t->n_samples = get_varint(from);
    t->n_wakes = get_varint(from);
    t->last_waker = get_other(from, n_tasks);
    t->work_done_ns = get_varint(from);
    t->work_total_ns = get_varint(from);
    if (flags & TASK_COUNTED)
        get_counts(from, t, now_ns);
}

void state_put_tasks(struct buffer *to, uint64_t now_ns, const struct task *tasks, unsigned n_tasks)
{
    struct task before = {0};
    buffer_varint(to, now_ns);
    buffer_varint(to, n_tasks);
    for (unsigned i = 0; i < n_tasks; i++) {
        put_task(to, now_ns, &tasks[i], &before);
        before = tasks[i];
    }
}

bool state_get_tasks(struct cursor *from, uint64_t *now_ns, struct task **tasks, unsigned *n_tasks)
{
    const struct task nothing = {0}, *before = &nothing;
    *now_ns = get_varint(from);
    const uint64_t n = get_varint(from);
    if (!fits(from, n, STATE_MAX_TASKS, MIN_TASK_BYTES))
        return false;
    *n_tasks = (unsigned)n;
    *tasks = mem_new(*n_tasks, sizeof **tasks);
    for (uint32_t i = 0; i < *n_tasks && !from->bad; i++) {
        struct task *task = &(*tasks)[i];
        task->index = i;
        get_task(from, *now_ns, *n_tasks, before, task);
        before = task;
    }
    if (from->bad)
        free(*tasks);
    return !from->bad;
}

/* ---- sums ---- */

/* Each kind of number has models of its own, where they are written as bits. */
enum sums_field {
    SUMS_N_TASKS,
    SUMS_TASK,
    SUMS_LARGEST,
    SUMS_REST,
    SUMS_PART, /* one for each of N_PARTS */
    SUMS_SWITCHES = SUMS_PART + 4,
    SUMS_SAMPLES,
    SUMS_N_CPUS,
    SUMS_CPU,
    SUMS_N_LEADS,
    SUMS_LEAD,
    SUMS_LEAD_TIME,
    SUMS_RUN,
    SUMS_SELF,
    SUMS_OTHERS,
    SUMS_UNKNOWN,
    SUMS_CPU_SWITCHES,
    SUMS_CPU_SAMPLES,
    N_SUMS_FIELDS
};

struct sums_models {
    struct number_model of[N_SUMS_FIELDS];
};

struct sums_writer {
    struct buffer *to;
    struct sums_models *models; /* NULL: as bytes */
    struct bits_writer bits;
};

struct sums_reader {
    struct cursor bytes;
    struct sums_models *models; /* NULL: they are bytes */
    struct bits_reader bits;
};

static void put(struct sums_writer *w, enum sums_field field, uint64_t v)
{
    if (w->models)
        bits_put_number(&w->bits, &w->models->of[field], v);
    else
        buffer_varint(w->to, v);
}

static void put_difference(struct sums_writer *w, enum sums_field field, uint64_t v)
{
    put(w, field, zigzag(v));
}

static uint64_t get(struct sums_reader *r, enum sums_field field)
{
    return r->models ? bits_get_number(&r->bits, &r->models->of[field]) : get_varint(&r->bytes);
}

static uint64_t get_difference(struct sums_reader *r, enum sums_field field)
{
    return unzigzag(get(r, field));
}

static bool *is_bad(struct sums_reader *r)
{
    return r->models ? &r->bits.from.bad : &r->bytes.bad;
}

/* At most `max', or it is bad, and 0. */
static uint64_t get_bounded(struct sums_reader *r, enum sums_field field, uint64_t max)
{
    const uint64_t v = get(r, field);
    *is_bad(r) |= v > max;
    return v > max ? 0 : v;
}

/* How many there are: bits can tell much by little, so there the limit is a low one. */
static uint64_t get_count(struct sums_reader *r, enum sums_field field, uint64_t max, size_t min_bytes)
{
    const uint64_t room = r->models ? STATE_MAX_BITS : cursor_left(&r->bytes) / min_bytes;
    const uint64_t n = get_bounded(r, field, room < max ? room : max);
    return *is_bad(r) ? 0 : n;
}

/* Of a task four times add up to its part of the span: the largest is told by its difference to the rest. */
enum { N_PARTS = 4 };

static uint64_t *part_of(struct bin *bin, unsigned i)
{
    uint64_t *const parts[N_PARTS] = {&bin->run_ns, &bin->runnable_ns, &bin->blocked_ns, &bin->unknown_ns};
    return parts[i];
}

static void put_task_sums(struct sums_writer *w, uint64_t span_ns, const struct task_sums *sums,
                          uint32_t before)
{
    struct bin bin = sums->bin;
    unsigned largest = 0;
    uint64_t rest_ns = span_ns;
    for (unsigned i = 0; i < N_PARTS; i++) {
        rest_ns -= *part_of(&bin, i);
        if (*part_of(&bin, i) > *part_of(&bin, largest))
            largest = i;
    }
    put(w, SUMS_TASK, sums->task - before);
    put(w, SUMS_LARGEST, largest);
    put_difference(w, SUMS_REST, rest_ns);
    for (unsigned i = 0; i < N_PARTS; i++)
        if (i != largest)
            put(w, SUMS_PART + i, *part_of(&bin, i));
    put(w, SUMS_SWITCHES, bin.n_switches);
    put(w, SUMS_SAMPLES, bin.n_samples);
}

static void get_task_sums(struct sums_reader *r, uint64_t span_ns, struct task_sums *sums, uint32_t before)
{
    struct bin *bin = &sums->bin;
    sums->task = before + (uint32_t)get_bounded(r, SUMS_TASK, UINT32_MAX);
    const unsigned largest = (unsigned)get_bounded(r, SUMS_LARGEST, N_PARTS - 1);
    uint64_t left_ns = span_ns - get_difference(r, SUMS_REST);
    for (unsigned i = 0; i < N_PARTS; i++)
        if (i != largest)
            left_ns -= *part_of(bin, i) = get(r, SUMS_PART + i);
    *part_of(bin, largest) = left_ns;
    bin->n_switches = (uint32_t)get_bounded(r, SUMS_SWITCHES, UINT32_MAX);
    bin->n_samples = (uint32_t)get_bounded(r, SUMS_SAMPLES, UINT32_MAX);
}

/* A task that ran on one CPU only led there for all that it ran. */
static uint64_t run_ns_of(const struct sums_of_block *sums, uint32_t task)
{
    unsigned low = 0, high = sums->n_tasks;
    while (low < high) {
        const unsigned middle = low + (high - low) / 2;
        if (sums->tasks[middle].task < task)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sums->n_tasks && sums->tasks[low].task == task ? sums->tasks[low].bin.run_ns : 0;
}

static void put_cpu_sums(struct sums_writer *w, const struct sums_of_block *sums, const struct cpu_sums *cpu,
                         int before)
{
    const struct bin *bin = &cpu->bin;
    uint64_t leads_ns = 0;
    unsigned n_leads = 0;
    while (n_leads < BIN_LEADS && bin->lead[n_leads].ns > 0)
        n_leads++;
    put(w, SUMS_CPU, (uint64_t)(cpu->cpu - before));
    put(w, SUMS_N_LEADS, n_leads);
    for (unsigned i = 0; i < n_leads; i++) {
        put(w, SUMS_LEAD, bin->lead[i].who);
        put_difference(w, SUMS_LEAD_TIME, run_ns_of(sums, bin->lead[i].who) - bin->lead[i].ns);
        leads_ns += bin->lead[i].ns;
    }
    put_difference(w, SUMS_RUN, bin->run_ns - leads_ns);
    put(w, SUMS_SELF, bin->self_ns);
    put(w, SUMS_OTHERS, bin->others_ns);
    put(w, SUMS_UNKNOWN, bin->unknown_ns);
    put(w, SUMS_CPU_SWITCHES, bin->n_switches);
    put(w, SUMS_CPU_SAMPLES, bin->n_samples);
}

static void get_cpu_sums(struct sums_reader *r, const struct sums_of_block *sums, struct cpu_sums *cpu,
                         int before)
{
    struct bin *bin = &cpu->bin;
    cpu->cpu = before + (int)get_bounded(r, SUMS_CPU, (uint64_t)(INT16_MAX - before));
    const unsigned n_leads = (unsigned)get_bounded(r, SUMS_N_LEADS, BIN_LEADS);
    for (unsigned i = 0; i < n_leads; i++) {
        bin->lead[i].who = (uint32_t)get_bounded(r, SUMS_LEAD, UINT32_MAX);
        bin->lead[i].ns = run_ns_of(sums, bin->lead[i].who) - get_difference(r, SUMS_LEAD_TIME);
        bin->run_ns += bin->lead[i].ns;
    }
    bin->run_ns += get_difference(r, SUMS_RUN);
    bin->self_ns = get(r, SUMS_SELF);
    bin->others_ns = get(r, SUMS_OTHERS);
    bin->unknown_ns = get(r, SUMS_UNKNOWN);
    bin->n_switches = (uint32_t)get_bounded(r, SUMS_CPU_SWITCHES, UINT32_MAX);
    bin->n_samples = (uint32_t)get_bounded(r, SUMS_CPU_SAMPLES, UINT32_MAX);
}

static void put_sums(struct sums_writer *w, uint64_t span_ns, const struct sums_of_block *sums)
{
    put(w, SUMS_N_TASKS, sums->n_tasks);
    for (unsigned i = 0; i < sums->n_tasks; i++)
        put_task_sums(w, span_ns, &sums->tasks[i], i ? sums->tasks[i - 1].task : 0);
    put(w, SUMS_N_CPUS, sums->n_cpus);
    for (unsigned i = 0; i < sums->n_cpus; i++)
        put_cpu_sums(w, sums, &sums->cpus[i], i ? sums->cpus[i - 1].cpu : 0);
}

static void get_sums(struct sums_reader *r, uint64_t span_ns, struct sums_of_block *sums)
{
    const uint64_t n_tasks = get_count(r, SUMS_N_TASKS, STATE_MAX_TASKS, MIN_SUMS_BYTES);
    sums->tasks = mem_new((size_t)n_tasks, sizeof *sums->tasks);
    for (; sums->n_tasks < n_tasks && !*is_bad(r); sums->n_tasks++) {
        const unsigned i = sums->n_tasks;
        get_task_sums(r, span_ns, &sums->tasks[i], i ? sums->tasks[i - 1].task : 0);
    }
    const uint64_t n_cpus = get_count(r, SUMS_N_CPUS, STATE_MAX_CPUS, MIN_CPU_SUMS_BYTES);
    sums->cpus = mem_new((size_t)n_cpus, sizeof *sums->cpus);
    for (; sums->n_cpus < n_cpus && !*is_bad(r); sums->n_cpus++) {
        const unsigned i = sums->n_cpus;
        get_cpu_sums(r, sums, &sums->cpus[i], i ? sums->cpus[i - 1].cpu : 0);
    }
}

bool state_sums_fit_bits(const struct sums_of_block *sums)
{
    return sums->n_tasks <= STATE_MAX_BITS && sums->n_cpus <= STATE_MAX_BITS;
}

void state_put_sums(struct buffer *to, uint64_t span_ns, const struct sums_of_block *sums, bool bits)
{
    struct sums_writer w = {.to = to};
    if (bits) {
        w.models = mem_new(1, sizeof *w.models);
        w.bits = bits_begin(to);
    }
    put_sums(&w, span_ns, sums);
    if (bits)
        bits_end(&w.bits);
    free(w.models);
}

bool state_get_sums(const uint8_t *bytes, size_t n, uint64_t span_ns, bool bits, struct sums_of_block *sums)
{
    struct sums_reader r = {.bytes = cursor_of(bytes, n)};
    if (bits) {
        r.models = mem_new(1, sizeof *r.models);
        r.bits = bits_open(bytes, n);
    }
    *sums = (struct sums_of_block){0};
    get_sums(&r, span_ns, sums);
    const bool good = !*is_bad(&r) && (!bits || bits_at_end(&r.bits));
    free(r.models);
    if (!good)
        sums_fini(sums);
    return good;
}
