/* Recordings: every event comes back bit for bit, what is damaged is noticed, what was cut off is opened. */
#include "../../src/record/block.h"
#include "../../src/record/codec.h"
#include "../../src/record/reader.h"
#include "../../src/record/recorder.h"
#include "../../src/record/state.h"
#include "../plausible.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- files ---- */

static char directory[] = "/tmp/schedviz-record.XXXXXX", path[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/file.svz", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

struct bytes {
    uint8_t *bytes;
    size_t n;
};

static struct bytes load(void)
{
    struct stat at;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &at), 0);
    struct bytes file = {.bytes = mem_new((size_t)at.st_size, 1), .n = (size_t)at.st_size};
    assert_int_equal(read(fd, file.bytes, file.n), file.n);
    close(fd);
    return file;
}

/* ---- the codec ---- */

static uint64_t seed = 1;

static uint64_t pick(uint64_t n)
{
    return random_below(&seed, n);
}

static void fill_random(void *to, size_t n)
{
    uint8_t *bytes = to;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)pick(256);
}

/* Bits and all, as the kernel would never give them, among plain ones; all bytes of an event count. */
static struct event any_event(const struct event *before)
{
    struct event event;
    memset(&event, 0, sizeof event);
    if (pick(4) == 0)
        fill_random(&event, sizeof event);
    event.time_ns = pick(8) ? before->time_ns + pick(5000000) : event.time_ns;
    event.tid = pick(8) ? (int32_t)pick(20) - 2 : event.tid;
    event.cpu = pick(8) ? (int16_t)((int)pick(6) - 1) : event.cpu;
    event.kind = pick(16) ? (uint8_t)pick(EVENT_OBJECT + 3) : event.kind;
    event.detail = pick(16) ? (uint8_t)pick(14) : event.detail;
    if (pick(4) == 0)
        event.u = before->u;
    if (pick(4) == 0)
        event.u.run.wait_ns += pick(1000);
    return event;
}

/* In four texts, of which each goes on from what the ones before it taught. */
static void check_chain(struct codec *codec, const struct event *events, size_t n, struct event *back)
{
    enum { N_TEXTS = 4 };
    struct buffer texts[N_TEXTS] = {0};
    codec_begin(codec, 77);
    for (size_t i = 0; i < N_TEXTS; i++)
        codec_encode_bits(codec, &texts[i], events + n * i / N_TEXTS,
                          n * (i + 1) / N_TEXTS - n * i / N_TEXTS);
    memset(back, 0, n * sizeof *back);
    codec_begin(codec, 77);
    for (size_t i = 0; i < N_TEXTS; i++)
        assert_true(codec_decode_bits(codec, texts[i].bytes, texts[i].n, back + n * i / N_TEXTS,
                                      n * (i + 1) / N_TEXTS - n * i / N_TEXTS));
    assert_memory_equal(back, events, n * sizeof *events);
    for (size_t i = 0; i < N_TEXTS; i++)
        buffer_fini(&texts[i]);
}

static void check_codec(const struct event *events, size_t n)
{
    struct codec *codec = codec_new();
    struct columns columns = {0};
    struct buffer joined = {0}, bits = {0};
    struct event *back = mem_new(n, sizeof *back);
    for (unsigned round = 0; round < 2; round++) { /* the second begins anew */
        columns_clear(&columns);
        codec_begin(codec, 77);
        for (size_t i = 0; i < n; i += 1000)
            codec_encode(codec, &columns, events + i, n - i < 1000 ? n - i : 1000);
        columns_join(&columns, &joined);
        codec_begin(codec, 77);
        assert_true(codec_decode(codec, columns.time.bytes, joined.bytes, joined.n, back, n));
        assert_memory_equal(back, events, n * sizeof *events);

        bits.n = 0;
        codec_begin(codec, 77);
        codec_encode_bits(codec, &bits, events, n);
        memset(back, 0, n * sizeof *back);
        codec_begin(codec, 77);
        assert_true(codec_decode_bits(codec, bits.bytes, bits.n, back, n));
        assert_memory_equal(back, events, n * sizeof *events);
        check_chain(codec, events, n, back);
    }
    free(back);
    buffer_fini(&bits);
    buffer_fini(&joined);
    columns_fini(&columns);
    codec_free(codec);
}

static void any_event_comes_back(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct event *events = mem_new(N, sizeof *events);
    for (unsigned round = 0; round < 10; round++) {
        struct event before = {.time_ns = 1000000};
        for (size_t i = 0; i < N; i++)
            before = events[i] = any_event(&before);
        check_codec(events, N);
    }
    free(events);
}

static void every_kind_and_detail_comes_back(void **state)
{
    (void)state;
    enum { N = 256 * 256 };
    struct event *events = mem_new(N, sizeof *events);
    for (unsigned i = 0; i < N; i++) {
        fill_random(&events[i], sizeof events[i]);
        events[i].kind = (uint8_t)(i / 256);
        events[i].detail = (uint8_t)i;
    }
    check_codec(events, N);
    free(events);
}

/* More tasks than the codec's tables begin with. */
static void many_tasks_come_back(void **state)
{
    (void)state;
    enum { N = 30000 };
    struct event *events = mem_new(N, sizeof *events);
    for (unsigned i = 0; i < N; i++)
        events[i] = (struct event){.time_ns = i, .tid = (int32_t)(i * 7919 % 20011), .kind = EVENT_WAKE};
    check_codec(events, N);
    check_codec(events, 0);
    free(events);
}

static void cut_off_bits_are_refused(void **state)
{
    (void)state;
    enum { N = 300 };
    struct codec *codec = codec_new();
    struct buffer bits = {0};
    struct event events[N], back[N], before = {0};
    for (size_t i = 0; i < N; i++)
        before = events[i] = any_event(&before);
    codec_begin(codec, 0);
    codec_encode_bits(codec, &bits, events, N);
    for (size_t n = 0; n < bits.n; n++) {
        codec_begin(codec, 0);
        assert_false(codec_decode_bits(codec, bits.bytes, n, back, N));
    }
    codec_begin(codec, 0);
    assert_true(codec_decode_bits(codec, bits.bytes, bits.n, back, N));
    buffer_reserve(&bits, 1);
    put_byte(&bits, 0);
    codec_begin(codec, 0);
    assert_false(codec_decode_bits(codec, bits.bytes, bits.n, back, N));
    buffer_fini(&bits);
    codec_free(codec);
}

/* Four tasks that take turns at every tick, each some microseconds late: little but the noise is written. */
static void ticks_cost_their_noise(void **state)
{
    (void)state;
    enum { N = 2000, TICK = 4000000 };
    struct codec *codec = codec_new();
    struct buffer bits = {0};
    struct event events[N];
    for (uint64_t i = 0; i < N; i += 2) {
        const uint64_t tick_ns = 1000000000 + i / 2 * TICK + pick(8192);
        events[i] = (struct event){.time_ns = tick_ns,
                                   .tid = (int32_t)(100 + i / 2 % 4),
                                   .kind = EVENT_SWITCH_OUT,
                                   .detail = OUT_PREEMPTED};
        events[i + 1] = (struct event){.time_ns = tick_ns + 2048 + pick(1024),
                                       .tid = (int32_t)(100 + (i / 2 + 1) % 4),
                                       .kind = EVENT_SWITCH_IN};
    }
    codec_begin(codec, 0);
    codec_encode_bits(codec, &bits, events, N);
    print_message("# %.1f bits a switch, of which 23 are noise\n", 8.0 * (double)bits.n / (N / 2.0));
    assert_true(bits.n * 8 < 26 * N / 2);
    buffer_fini(&bits);
    codec_free(codec);
}

static void damaged_columns_are_refused(void **state)
{
    (void)state;
    enum { N = 500 };
    struct codec *codec = codec_new();
    struct columns columns = {0};
    struct buffer joined = {0};
    struct event events[N], back[N], before = {0};
    for (size_t i = 0; i < N; i++)
        before = events[i] = any_event(&before);
    codec_begin(codec, 0);
    codec_encode(codec, &columns, events, N);
    columns_join(&columns, &joined);
    for (size_t n = 0; n < joined.n; n++) {
        codec_begin(codec, 0);
        assert_false(codec_decode(codec, columns.time.bytes, joined.bytes, n, back, N));
    }
    codec_begin(codec, 0);
    assert_false(codec_decode(codec, columns.time.bytes, joined.bytes, joined.n, back, N - 1));
    buffer_fini(&joined);
    columns_fini(&columns);
    codec_free(codec);
}

/* ---- the state of tasks, and sums ---- */

static uint64_t any_number(void)
{
    return pick(3) ? pick(1000) : random_next(&seed);
}

static struct task any_task(uint32_t index, unsigned n_tasks)
{
    struct task task = {
        .index = index,
        .tid = (int32_t)any_number(),
        .pid = (int32_t)any_number(),
        .slot = (int32_t)any_number(),
        .parent = pick(2) ? TIMELINE_NO_TASK : (uint32_t)pick(n_tasks),
        .run = (uint16_t)any_number(),
        .kind = (enum task_kind)pick(TASK_GREEN + 1),
        .role = (enum task_role)pick(ROLE_OTHER + 1),
        .state = (enum task_state)pick(STATE_GONE + 1),
        .state_since_ns = any_number(),
        .last_cpu = (int)pick(5) - 1,
        .first_ns = any_number(),
        .last_ns = any_number(),
        .exited = pick(2),
        .exit_known = pick(2),
        .exit_status = (int)any_number(),
        .run_ns = any_number(),
        .runnable_ns = any_number(),
        .blocked_ns = any_number(),
        .unknown_ns = any_number(),
        .n_slices = any_number(),
        .n_voluntary = any_number(),
        .n_involuntary = any_number(),
        .n_migrations = any_number(),
        .n_samples = any_number(),
        .n_wakes = any_number(),
        .wakes_known = pick(2),
        .carries = pick(2),
        .sampled = pick(2),
        .continues = pick(2),
        .work_done_ns = any_number(),
        .work_total_ns = any_number(),
        .kernel_state = (char)pick(256),
        .last_waker = pick(2) ? TIMELINE_NO_TASK : (uint32_t)pick(n_tasks),
    };
    fill_random(task.name, pick(EVENT_NAME_SIZE));
    task.name[strlen(task.name)] = '\0';
    memset(task.name + strlen(task.name), 0, sizeof task.name - strlen(task.name));
    if (pick(2))
        task.kernel = (struct kernel_counts){
            any_number(), any_number(), any_number(), any_number(), any_number(), any_number(), any_number(),
            any_number(), any_number(), any_number(), any_number(), pick(2),      pick(2),      pick(2)};
    return task;
}

static void check_task(const struct task *a, const struct task *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->exited | a->exit_known << 1 | a->wakes_known << 2 | a->carries << 3 | a->sampled << 4,
                     b->exited | b->exit_known << 1 | b->wakes_known << 2 | b->carries << 3 |
                         b->sampled << 4);
    const struct kernel_counts *k = &a->kernel, *l = &b->kernel;
    const uint64_t numbers[][2] = {
        {a->index, b->index},
        {(uint64_t)a->tid, (uint64_t)b->tid},
        {(uint64_t)a->pid, (uint64_t)b->pid},
        {(uint64_t)a->slot, (uint64_t)b->slot},
        {a->parent, b->parent},
        {a->run, b->run},
        {a->kind, b->kind},
        {a->role, b->role},
        {a->state, b->state},
        {a->state_since_ns, b->state_since_ns},
        {(uint64_t)a->last_cpu, (uint64_t)b->last_cpu},
        {a->first_ns, b->first_ns},
        {a->last_ns, b->last_ns},
        {(uint64_t)a->exit_status, (uint64_t)b->exit_status},
        {a->run_ns, b->run_ns},
        {a->runnable_ns, b->runnable_ns},
        {a->blocked_ns, b->blocked_ns},
        {a->unknown_ns, b->unknown_ns},
        {a->n_slices, b->n_slices},
        {a->n_voluntary, b->n_voluntary},
        {a->n_involuntary, b->n_involuntary},
        {a->n_migrations, b->n_migrations},
        {a->n_samples, b->n_samples},
        {a->n_wakes, b->n_wakes},
        {a->work_done_ns, b->work_done_ns},
        {a->work_total_ns, b->work_total_ns},
        {(uint64_t)a->kernel_state, (uint64_t)b->kernel_state},
        {a->last_waker, b->last_waker},
        {k->voluntary, l->voluntary},
        {k->involuntary, l->involuntary},
        {k->base_voluntary, l->base_voluntary},
        {k->base_involuntary, l->base_involuntary},
        {k->run_ns, l->run_ns},
        {k->wait_ns, l->wait_ns},
        {k->slices, l->slices},
        {k->base_run_ns, l->base_run_ns},
        {k->base_wait_ns, l->base_wait_ns},
        {k->base_slices, l->base_slices},
        {k->time_ns, l->time_ns},
        {k->has_switches, l->has_switches},
        {k->has_run, l->has_run},
        {k->has_slices, l->has_slices},
    };
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
        assert_int_equal(numbers[i][0], numbers[i][1]);
}

static void tasks_come_back(void **state)
{
    (void)state;
    enum { N = 300 };
    struct task tasks[N], *back;
    struct buffer bytes = {0};
    uint64_t now_ns;
    unsigned n;
    for (uint32_t i = 0; i < N; i++)
        tasks[i] = any_task(i, N);
    state_put_tasks(&bytes, UINT64_MAX, tasks, N);
    struct cursor from = cursor_of(bytes.bytes, bytes.n);
    assert_true(state_get_tasks(&from, &now_ns, &back, &n));
    assert_int_equal(now_ns, UINT64_MAX);
    assert_int_equal(n, N);
    assert_int_equal(cursor_left(&from), 0);
    for (uint32_t i = 0; i < N; i++)
        check_task(&tasks[i], &back[i]);
    free(back);
    for (size_t cut = 0; cut < bytes.n; cut += 7) {
        from = cursor_of(bytes.bytes, cut);
        assert_false(state_get_tasks(&from, &now_ns, &back, &n));
    }
    buffer_fini(&bytes);
}

static struct bin any_bin(bool of_cpu)
{
    struct bin bin = {.run_ns = any_number(),
                      .unknown_ns = any_number(),
                      .n_switches = (uint32_t)any_number(),
                      .n_samples = (uint32_t)any_number()};
    if (of_cpu) {
        bin.self_ns = any_number();
        bin.others_ns = any_number();
        for (unsigned i = 0; i < pick(BIN_LEADS + 1); i++) {
            bin.lead[i].who = (uint32_t)pick(20);
            bin.lead[i].ns = any_number() + 1;
        }
    } else {
        bin.runnable_ns = any_number();
        bin.blocked_ns = any_number();
    }
    return bin;
}

static void sums_come_back(void **state)
{
    (void)state;
    struct cpu_sums cpus[5] = {0};
    struct task_sums tasks[10] = {0};
    const struct sums_of_block sums = {.n_cpus = 5, .n_tasks = 10, .cpus = cpus, .tasks = tasks};
    for (unsigned round = 0; round < 1000; round++) {
        struct buffer bytes = {0};
        struct sums_of_block back;
        const uint64_t span_ns = any_number();
        for (int i = 0; i < 5; i++)
            cpus[i] = (struct cpu_sums){.cpu = i * 7, .bin = any_bin(true)};
        for (uint32_t i = 0; i < 10; i++)
            tasks[i] = (struct task_sums){.task = i * 2, .bin = any_bin(false)};
        const bool bits = round % 2;
        state_put_sums(&bytes, span_ns, &sums, bits);
        for (size_t n = 0; n < bytes.n; n++)
            assert_false(state_get_sums(bytes.bytes, n, span_ns, bits, &back));
        assert_true(state_get_sums(bytes.bytes, bytes.n, span_ns, bits, &back));
        assert_int_equal(back.n_cpus, 5);
        assert_int_equal(back.n_tasks, 10);
        for (unsigned i = 0; i < 5; i++) {
            assert_int_equal(back.cpus[i].cpu, cpus[i].cpu);
            assert_memory_equal(&back.cpus[i].bin, &cpus[i].bin, sizeof cpus[i].bin);
        }
        for (unsigned i = 0; i < 10; i++) {
            assert_int_equal(back.tasks[i].task, tasks[i].task);
            assert_memory_equal(&back.tasks[i].bin, &tasks[i].bin, sizeof tasks[i].bin);
        }
        sums_fini(&back);
        buffer_fini(&bytes);
    }
}

/* ---- whole files ---- */

#define N_EVENTS 1000
#define BATCH    100

static struct event recorded[N_EVENTS + 100];
static size_t n_recorded;

/* A recording of ten small blocks, with facts between them. */
static struct bytes record(void)
{
    struct plausible *machine = plausible_new(4, 12, 7);
    struct timeline *timeline = timeline_new(0);
    struct recorder *recorder = recorder_new(timeline, 0);
    struct err err = {""};
    assert_true(recorder_facts(recorder, 5, false, "machine", "{\"cpus\": 4}"));
    assert_true(recorder_start(recorder, path, true, UINT64_MAX, &err));
    for (n_recorded = 0; n_recorded < N_EVENTS;) {
        struct event *events = recorded + n_recorded;
        const size_t n = plausible_events(machine, events, BATCH);
        n_recorded += n;
        timeline_sink(timeline)->push(timeline_sink(timeline), events, n);
        recorder_sink(recorder)->push(recorder_sink(recorder), events, n);
        recorder_flush(recorder, events[n - 1].time_ns);
        assert_true(recorder_facts(recorder, events[n - 1].time_ns, true, "step", "{}"));
    }
    assert_true(recorder_facts(recorder, 6, false, "machine", "{\"cpus\": 5}"));
    assert_true(recorder_stop(recorder, &err));
    recorder_free(recorder);
    timeline_free(timeline);
    plausible_free(machine);
    return load();
}

/* All events that the reader gives, which are the first of those recorded; how many. */
static size_t check_events(struct reader *reader)
{
    static struct event events[RECORD_MAX_EVENTS];
    struct err err = {""};
    size_t n = 0;
    for (unsigned i = 0; i < reader_n_blocks(reader); i++) {
        const struct reader_block *block = reader_block(reader, i);
        assert_true(reader_events(reader, i, events, RECORD_MAX_EVENTS, &err));
        assert_true(n + block->n_events <= n_recorded);
        assert_memory_equal(events, recorded + n, block->n_events * sizeof *events);
        if (i > 0)
            assert_int_equal(block->first_ns, reader_block(reader, i - 1)->last_ns);
        n += block->n_events;
    }
    assert_int_equal(n, reader_n_events(reader));
    return n;
}

static void a_recording_comes_back(void **state)
{
    (void)state;
    struct bytes file = record();
    struct err err = {""};
    const char *line;
    struct reader *reader = reader_open(path, &err);
    assert_non_null(reader);
    assert_int_equal(reader_cut(reader, &line), 0);
    assert_string_equal(line, "");
    assert_int_equal(reader_n_blocks(reader), 10);
    assert_int_equal(check_events(reader), n_recorded);

    uint64_t first_ns, last_ns;
    reader_span(reader, &first_ns, &last_ns);
    assert_int_equal(first_ns, recorded[0].time_ns);
    assert_int_equal(last_ns, recorded[n_recorded - 1].time_ns);
    assert_int_equal(reader_find(reader, 0, false), 0);
    assert_int_equal(reader_find(reader, last_ns, false), 9);
    assert_int_equal(reader_find(reader, last_ns, true), 0); /* few events: one key will do */
    assert_int_equal(reader_find(reader, reader_block(reader, 4)->last_ns - 1, false), 4);
    reader_close(reader);
    free(file.bytes);
}

static void facts_come_back(void **state)
{
    (void)state;
    struct bytes file = record();
    struct err err = {""};
    size_t n;
    struct reader *reader = reader_open_memory(file.bytes, file.n, "bytes", &err);
    assert_non_null(reader);
    assert_int_equal(reader_n_facts(reader), 12);
    assert_int_equal(reader_first_facts(reader, "machine"), 0);
    assert_int_equal(reader_last_facts(reader, "machine"), 11);
    assert_int_equal(reader_last_facts(reader, "nothing"), 12);
    assert_true(reader_facts(reader, 3)->timed);
    assert_string_equal(reader_facts(reader, 3)->name, "step");
    char *text = reader_text(reader, 11, &n, &err);
    assert_string_equal(text, "{\"cpus\": 5}");
    assert_int_equal(n, strlen(text));
    free(text);
    text = reader_text(reader, 0, NULL, &err);
    assert_string_equal(text, "{\"cpus\": 4}");
    free(text);
    reader_close(reader);
    free(file.bytes);
}

/* ---- texts that are packed behind the first of their name ---- */

/* A text that zstd cannot make shorter by much, and that comes twice but for its end. */
static void a_text_that_repeats_the_first_is_short(void **state)
{
    (void)state;
    enum { LENGTH = 4000 };
    char text[LENGTH + 1] = "";
    struct timeline *timeline = timeline_new(0);
    struct recorder *recorder = recorder_new(timeline, 0);
    struct err err = {""};
    uint64_t random = 9;
    for (size_t i = 0; i < LENGTH; i++)
        text[i] = (char)('A' + random_below(&random, 26));
    assert_true(recorder_facts(recorder, 1, true, "story", "timed"));
    assert_true(recorder_start(recorder, path, true, UINT64_MAX, &err));
    assert_true(recorder_facts(recorder, 2, false, "tale", text));
    for (int i = 0; i < 3; i++) {
        text[LENGTH - 1] = (char)('a' + i);
        assert_true(recorder_facts(recorder, 3, false, "tale", text));
    }
    assert_true(recorder_facts(recorder, 4, false, "story", "of the name of a timed one"));
    assert_true(recorder_stop(recorder, &err));
    struct bytes file = load();
    assert_in_range(file.n, LENGTH / 2, LENGTH);
    free(file.bytes);

    struct reader *reader = reader_open(path, &err);
    assert_non_null(reader);
    assert_int_equal(reader_n_facts(reader), 6);
    for (unsigned i = 5; i-- > 2;) { /* in any order */
        text[LENGTH - 1] = (char)('a' + i - 2);
        char *got = reader_text(reader, i, NULL, &err);
        assert_string_equal(got, text);
        free(got);
    }
    char *got = reader_text(reader, 5, NULL, &err);
    assert_string_equal(got, "of the name of a timed one");
    free(got);
    reader_close(reader);
    recorder_free(recorder);
    timeline_free(timeline);
}

static void add_text(struct buffer *file, const char *name, const char *text, unsigned flags)
{
    struct buffer block = {0};
    struct block_header header = {
        .type = BLOCK_FACTS, .flags = (uint8_t)flags, .n_header = BLOCK_HEADER_SIZE};
    ZSTD_CCtx *packer = ZSTD_createCCtx();
    buffer_reserve(&block, BLOCK_HEADER_SIZE);
    block.n = BLOCK_HEADER_SIZE;
    block_add_section(&block, &header, SECTION_NAME, name, strlen(name));
    block_add_packed(&block, &header, SECTION_TEXT, text, strlen(text), packer);
    block_header_store(block.bytes, &header);
    buffer_bytes(file, block.bytes, block.n);
    buffer_fini(&block);
    ZSTD_freeCCtx(packer);
}

/* Which no writer makes. */
static void a_text_behind_none_is_damaged(void **state)
{
    (void)state;
    struct buffer file = {0};
    struct err err = {""};
    buffer_reserve(&file, FILE_HEADER_SIZE);
    file_header_store(file.bytes);
    file.n = FILE_HEADER_SIZE;
    add_text(&file, "tale", "behind itself", BLOCK_AFTER);
    add_text(&file, "tale", "behind one that is behind itself", BLOCK_AFTER);
    add_text(&file, "story", "behind none", 0);
    struct reader *reader = reader_open_memory(file.bytes, file.n, "f", &err);
    assert_non_null(reader);
    assert_int_equal(reader_n_facts(reader), 3);
    for (unsigned i = 0; i < 2; i++) {
        assert_null(reader_text(reader, i, NULL, &err));
        assert_non_null(strstr(err.msg, "is damaged"));
    }
    char *text = reader_text(reader, 2, NULL, &err);
    assert_string_equal(text, "behind none");
    free(text);
    reader_close(reader);
    buffer_fini(&file);
}

/* Cut anywhere it opens, with all whole blocks, and says so. */
static void what_is_cut_off_opens(void **state)
{
    (void)state;
    struct bytes file = record();
    struct err err;
    const char *line;
    size_t n_before = 0;
    for (size_t n = 0; n < file.n; n++) {
        uint8_t *cut = mem_new(n, 1); /* of the exact size, for sanitizers */
        memcpy(cut, file.bytes, n);
        struct reader *reader = reader_open_memory(cut, n, "cut", &err);
        assert_int_equal(reader != NULL, n >= FILE_HEADER_SIZE);
        if (reader) {
            assert_true(reader_cut(reader, &line) < n);
            assert_true(strlen(line) > 0);
            const size_t n_events = check_events(reader);
            assert_true(n_events >= n_before);
            n_before = n_events;
            reader_close(reader);
        }
        free(cut);
    }
    assert_int_equal(n_before, n_recorded);
    free(file.bytes);
}

/* Whether everything in the file can be read and is what was written. */
static bool reads_well(const uint8_t *bytes, size_t n)
{
    static struct event events[RECORD_MAX_EVENTS];
    struct err err = {""};
    struct reader *reader = reader_open_memory(bytes, n, "bytes", &err);
    size_t n_good = 0;
    const char *line;
    if (!reader)
        return false;
    bool good = true;
    reader_cut(reader, &line);
    for (unsigned i = 0; i < reader_n_blocks(reader) && good; i++) {
        const struct reader_block *block = reader_block(reader, i);
        struct preamble preamble;
        struct sums_of_block sums;
        good = reader_events(reader, i, events, RECORD_MAX_EVENTS, &err);
        if (good) { /* what is read without a word is right */
            assert_true(n_good + block->n_events <= n_recorded);
            assert_memory_equal(events, recorded + n_good, block->n_events * sizeof *events);
            n_good += block->n_events;
        }
        if (good && block->key && (good = reader_preamble(reader, i, &preamble, &err)))
            preamble_fini(&preamble);
        if (good && block->has_sums && (good = reader_sums(reader, i, &sums, &err)))
            sums_fini(&sums);
    }
    for (unsigned i = 0; i < reader_n_facts(reader) && good; i++) {
        char *text = reader_text(reader, i, NULL, &err);
        good = text != NULL;
        free(text);
    }
    good = good && n_good == n_recorded && reader_n_facts(reader) == 12 && !*line;
    reader_close(reader);
    return good;
}

static void a_flipped_byte_is_noticed(void **state)
{
    (void)state;
    struct bytes file = record();
    assert_true(reads_well(file.bytes, file.n));
    for (size_t i = 0; i < file.n; i++) {
        const uint8_t was = file.bytes[i];
        file.bytes[i] ^= (uint8_t)(1u << pick(8));
        assert_false(reads_well(file.bytes, file.n));
        file.bytes[i] = was;
    }
    free(file.bytes);
}

static void later_formats_are_refused(void **state)
{
    (void)state;
    struct err err = {""};
    uint8_t header[FILE_HEADER_SIZE];
    file_header_store(header);
    store_le(header + 8, FILE_MAJOR + 1, 2);
    store_le(header + 16, block_crc(header, 16), 4);
    assert_null(reader_open_memory(header, sizeof header, "new.svz", &err));
    assert_string_equal(err.msg,
                        "new.svz: is of format 2, and this schedviz knows formats up to 1: use a newer one");
    assert_null(reader_open_memory("{}", 2, "x", &err));
    assert_string_equal(err.msg, "x: is no recording of schedviz");
    assert_null(reader_open_memory("", 0, "x", &err));
    assert_null(reader_open("/dev/null", &err));
    assert_null(reader_open("/nowhere/x.svz", &err));
    assert_false(reader_is_recording("\x89SVZ", 4));
    assert_true(reader_is_recording(header, sizeof header));
}

/* A block of a type of tomorrow, between those of today. */
static void unknown_blocks_are_passed_over(void **state)
{
    (void)state;
    struct bytes file = record();
    struct block_header header = {.type = 99, .n_header = BLOCK_HEADER_SIZE, .n_body = 5};
    const size_t n = file.n + BLOCK_HEADER_SIZE + 5;
    uint8_t *longer = mem_new(n, 1);
    struct err err = {""};
    memcpy(longer, file.bytes, FILE_HEADER_SIZE);
    block_header_store(longer + FILE_HEADER_SIZE, &header);
    memcpy(longer + FILE_HEADER_SIZE + BLOCK_HEADER_SIZE + 5, file.bytes + FILE_HEADER_SIZE,
           file.n - FILE_HEADER_SIZE);
    struct reader *reader = reader_open_memory(longer, n, "longer", &err);
    assert_non_null(reader);
    assert_int_equal(check_events(reader), n_recorded);
    reader_close(reader);
    free(longer);
    free(file.bytes);
}

/* ---- chains that no writer makes ---- */

static void add_bits(struct buffer *file, struct codec *codec, const struct event *events, size_t n,
                     unsigned flags)
{
    struct buffer block = {0};
    struct block_header header = {.type = BLOCK_EVENTS,
                                  .flags = (uint8_t)(BLOCK_BITS | flags),
                                  .n_header = BLOCK_HEADER_SIZE,
                                  .n_events = (uint32_t)n,
                                  .last_ns = 1};
    buffer_reserve(&block, BLOCK_HEADER_SIZE);
    block.n = BLOCK_HEADER_SIZE;
    codec_encode_bits(codec, &block, events, n);
    block_close_section(&block, &header, SECTION_EVENTS);
    block_header_store(block.bytes, &header);
    buffer_bytes(file, block.bytes, block.n);
    buffer_fini(&block);
}

/* How many of n blocks of so many events can be read, all of which but the first go on from the one before;
 * and the first, too, if that is asked for. */
static unsigned read_chain(unsigned n, size_t n_events, bool first_too, bool backwards)
{
    struct event *events = mem_new(RECORD_MAX_EVENTS, sizeof *events);
    struct codec *codec = codec_new();
    struct buffer file = {0};
    struct err err = {""};
    unsigned n_good = 0;
    buffer_reserve(&file, FILE_HEADER_SIZE);
    file_header_store(file.bytes);
    file.n = FILE_HEADER_SIZE;
    for (unsigned i = 0; i < n; i++) {
        for (size_t j = 0; j < n_events; j++)
            events[j] = (struct event){.tid = (int32_t)(i * n_events + j + 1), .kind = EVENT_EXIT};
        add_bits(&file, codec, events, n_events, i || first_too ? BLOCK_NEXT : 0);
    }
    struct reader *reader = reader_open_memory(file.bytes, file.n, "f", &err);
    assert_non_null(reader);
    assert_int_equal(reader_n_blocks(reader), n);
    for (unsigned i = 0; i < n; i++)
        n_good += reader_events(reader, backwards ? n - 1 - i : i, events, RECORD_MAX_EVENTS, &err);
    reader_close(reader);
    buffer_fini(&file);
    codec_free(codec);
    free(events);
    return n_good;
}

static void chains_are_bounded(void **state)
{
    (void)state;
    for (unsigned backwards = 0; backwards < 2; backwards++) {
        assert_int_equal(read_chain(1, 3, true, backwards), 0);
        assert_int_equal(read_chain(RECORD_MAX_LINKS, 3, false, backwards), RECORD_MAX_LINKS);
        assert_int_equal(read_chain(2 * RECORD_MAX_LINKS, 0, false, backwards), RECORD_MAX_LINKS);
        assert_int_equal(read_chain(4, RECORD_MAX_CHAIN / 2, false, backwards), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_are_bounded),
        cmocka_unit_test(any_event_comes_back),
        cmocka_unit_test(every_kind_and_detail_comes_back),
        cmocka_unit_test(many_tasks_come_back),
        cmocka_unit_test(damaged_columns_are_refused),
        cmocka_unit_test(cut_off_bits_are_refused),
        cmocka_unit_test(ticks_cost_their_noise),
        cmocka_unit_test(tasks_come_back),
        cmocka_unit_test(sums_come_back),
        cmocka_unit_test(a_recording_comes_back),
        cmocka_unit_test(facts_come_back),
        cmocka_unit_test(a_text_that_repeats_the_first_is_short),
        cmocka_unit_test(a_text_behind_none_is_damaged),
        cmocka_unit_test(what_is_cut_off_opens),
        cmocka_unit_test(a_flipped_byte_is_noticed),
        cmocka_unit_test(later_formats_are_refused),
        cmocka_unit_test(unknown_blocks_are_passed_over),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
