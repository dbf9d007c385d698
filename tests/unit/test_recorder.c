/* The recorder: what it writes is what the timeline knew, whatever happens to the program, the disk or the
 * name. */
#include "../../src/clock.h"
#include "../../src/record/block.h"
#include "../../src/record/reader.h"
#include "../../src/record/recorder.h"
#include "../plausible.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BATCH 500

static char directory[] = "/tmp/schedviz-recorder.XXXXXX", path[64], other[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/file.svz", directory);
    snprintf(other, sizeof other, "%s/other.svz", directory);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

/* A machine, its timeline and a recorder. */
struct rig {
    struct plausible *machine;
    struct timeline *timeline;
    struct recorder *recorder;
    struct event events[BATCH + 16];
    size_t n;
    uint64_t n_events;
};

static void rig_init(struct rig *rig, size_t memory_bytes)
{
    *rig = (struct rig){.machine = plausible_new(4, 12, 3), .timeline = timeline_new(0)};
    rig->recorder = recorder_new(rig->timeline, memory_bytes);
}

static void rig_fini(struct rig *rig)
{
    recorder_free(rig->recorder);
    timeline_free(rig->timeline);
    plausible_free(rig->machine);
}

static void rig_batch(struct rig *rig)
{
    rig->n = plausible_events(rig->machine, rig->events, BATCH);
    timeline_sink(rig->timeline)->push(timeline_sink(rig->timeline), rig->events, rig->n);
    recorder_sink(rig->recorder)->push(recorder_sink(rig->recorder), rig->events, rig->n);
    rig->n_events += rig->n;
}

static void rig_flush(struct rig *rig)
{
    recorder_flush(rig->recorder, timeline_now_ns(rig->timeline));
}

static struct reader *open_recording(const char *name)
{
    struct err err = {""};
    struct reader *reader = reader_open(name, &err);
    if (!reader)
        fail_msg("%s", err.msg);
    return reader;
}

/* Every block can be read, and the events are those that a machine of the same seed made, from the beginning
 * on. */
static uint64_t check_blocks(struct reader *reader)
{
    static struct event events[RECORD_MAX_EVENTS], wanted[BATCH + 16];
    struct plausible *machine = plausible_new(4, 12, 3);
    struct err err = {""};
    size_t n_wanted = 0, used = 0;
    uint64_t n = 0;
    for (unsigned i = 0; i < reader_n_blocks(reader); i++) {
        if (!reader_events(reader, i, events, RECORD_MAX_EVENTS, &err))
            fail_msg("%s", err.msg);
        for (unsigned j = 0; j < reader_block(reader, i)->n_events; j++, n++) {
            if (used == n_wanted) {
                n_wanted = plausible_events(machine, wanted, BATCH);
                used = 0;
            }
            assert_memory_equal(&events[j], &wanted[used++], sizeof *events);
        }
    }
    plausible_free(machine);
    return n;
}

/* ---- what a block tells ---- */

static void replay(struct timeline *timeline, struct reader *reader, unsigned first, unsigned end)
{
    static struct event events[RECORD_MAX_EVENTS];
    struct err err;
    for (unsigned i = first; i < end; i++) {
        assert_true(reader_events(reader, i, events, RECORD_MAX_EVENTS, &err));
        timeline_sink(timeline)->push(timeline_sink(timeline), events, reader_block(reader, i)->n_events);
        timeline_advance(timeline, reader_block(reader, i)->last_ns);
    }
}

static void check_same_task(const struct task *a, const struct task *b)
{
    assert_int_equal(a->tid, b->tid);
    assert_int_equal(a->slot, b->slot);
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->state_since_ns, b->state_since_ns);
    assert_int_equal(a->run_ns, b->run_ns);
    assert_int_equal(a->runnable_ns, b->runnable_ns);
    assert_int_equal(a->blocked_ns, b->blocked_ns);
    assert_int_equal(a->n_slices, b->n_slices);
    assert_int_equal(a->n_wakes, b->n_wakes);
    assert_int_equal(a->last_waker, b->last_waker);
}

/* A preamble is what a timeline knows that took all before it. */
static void preambles_are_the_timelines(void **state)
{
    (void)state;
    struct rig rig;
    struct err err;
    rig_init(&rig, 0);
    assert_true(recorder_start(rig.recorder, path, false, UINT64_MAX, &err));
    for (unsigned i = 0; i < 200; i++)
        rig_batch(&rig);
    assert_true(recorder_stop(rig.recorder, &err));
    rig_fini(&rig);

    struct reader *reader = open_recording(path);
    struct timeline *timeline = timeline_new(0);
    unsigned n_keys = 0;
    for (unsigned i = 0; i < reader_n_blocks(reader); i++) {
        struct preamble preamble;
        if (reader_block(reader, i)->key) {
            assert_true(reader_preamble(reader, i, &preamble, &err));
            assert_int_equal(preamble.n_tasks, timeline_n_tasks(timeline));
            for (uint32_t task = 0; task < preamble.n_tasks; task++) {
                struct task now;
                timeline_task(timeline, task, &now);
                check_same_task(&preamble.tasks[task], &now);
            }
            n_keys += preamble.n_tasks > 0;
            preamble_fini(&preamble);
        }
        replay(timeline, reader, i, i + 1);
    }
    assert_true(n_keys > 3);
    timeline_free(timeline);
    reader_close(reader);
}

/* Sums of all blocks are those of the whole. */
static void sums_add_up(void **state)
{
    (void)state;
    struct rig rig;
    struct err err;
    rig_init(&rig, 0);
    assert_true(recorder_start(rig.recorder, path, false, UINT64_MAX, &err));
    for (unsigned i = 0; i < 300; i++) {
        rig_batch(&rig);
        if (i % 11 == 0)
            rig_flush(&rig);
    }
    assert_true(recorder_stop(rig.recorder, &err));
    struct reader *reader = open_recording(path);
    uint64_t run_ns[4] = {0}, n_switches[4] = {0}, task_run_ns[12] = {0}, task_runnable_ns[12] = {0};
    for (unsigned i = 0; i < reader_n_blocks(reader); i++) {
        struct sums_of_block sums;
        assert_true(reader_block(reader, i)->has_sums);
        assert_true(reader_sums(reader, i, &sums, &err));
        for (unsigned j = 0; j < sums.n_cpus; j++) {
            run_ns[sums.cpus[j].cpu] += sums.cpus[j].bin.run_ns;
            n_switches[sums.cpus[j].cpu] += sums.cpus[j].bin.n_switches;
        }
        for (unsigned j = 0; j < sums.n_tasks; j++) {
            task_run_ns[sums.tasks[j].task] += sums.tasks[j].bin.run_ns;
            task_runnable_ns[sums.tasks[j].task] += sums.tasks[j].bin.runnable_ns;
        }
        sums_fini(&sums);
    }
    for (int cpu = 0; cpu < 4; cpu++) {
        struct bin bin;
        timeline_cpu_sum(rig.timeline, cpu, 0, UINT64_MAX, &bin);
        assert_int_equal(run_ns[cpu], bin.run_ns);
        assert_int_equal(n_switches[cpu], bin.n_switches);
    }
    for (uint32_t i = 0; i < 12; i++) {
        struct task task;
        timeline_task(rig.timeline, i, &task);
        assert_int_equal(task_run_ns[i], task.run_ns);
        assert_int_equal(task_runnable_ns[i], task.runnable_ns);
    }
    reader_close(reader);
    rig_fini(&rig);
}

static void push_extra(void *data, struct sink *to)
{
    struct event events[3] = {{.tid = 1, .kind = EVENT_OBJECT, .u.name = "m"},
                              {.tid = 2, .kind = EVENT_NOTE, .detail = NOTE_WANTS, .u.sync = {.other = 7}},
                              {.time_ns = *(const uint64_t *)data, .kind = EVENT_MARK, .u.name = "now"}};
    to->push(to, events, 2);
    to->push(to, events + 2, 1);
}

static void extra_events_come_back(void **state)
{
    (void)state;
    struct rig rig;
    struct err err;
    struct preamble preamble;
    uint64_t told = 42;
    rig_init(&rig, 0);
    recorder_set_extra(rig.recorder, push_extra, &told);
    assert_true(recorder_start(rig.recorder, path, false, UINT64_MAX, &err));
    rig_batch(&rig);
    assert_true(recorder_stop(rig.recorder, &err));
    rig_fini(&rig);
    struct reader *reader = open_recording(path);
    assert_true(reader_preamble(reader, 0, &preamble, &err));
    assert_int_equal(preamble.n_extra, 3);
    assert_string_equal(preamble.extra[0].u.name, "m");
    assert_int_equal(preamble.extra[1].u.sync.other, 7);
    assert_int_equal(preamble.extra[2].time_ns, 42);
    preamble_fini(&preamble);
    reader_close(reader);
}

/* ---- memory ---- */

static void the_past_can_be_saved(void **state)
{
    (void)state;
    struct rig rig;
    struct err err;
    struct recorder_figures figures;
    rig_init(&rig, 300000);
    for (unsigned i = 0; i < 1000; i++) {
        rig_batch(&rig);
        recorder_figures(rig.recorder, &figures);
        assert_true(figures.memory_bytes <= 300000);
    }
    assert_true(figures.memory_from_ns > timeline_first_ns(rig.timeline));
    const uint64_t from_ns = (figures.memory_from_ns + timeline_now_ns(rig.timeline)) / 2;
    assert_true(recorder_start(rig.recorder, path, false, from_ns, &err));
    rig_batch(&rig);
    assert_true(recorder_stop(rig.recorder, &err));
    const uint64_t n_taken = rig.n_events;
    assert_true(recorder_start(rig.recorder, other, false, 0, &err)); /* all that is held */
    assert_true(recorder_stop(rig.recorder, &err));

    struct reader *reader = open_recording(path), *all = open_recording(other);
    uint64_t first_ns, last_ns, all_first_ns, all_last_ns;
    reader_span(reader, &first_ns, &last_ns);
    reader_span(all, &all_first_ns, &all_last_ns);
    assert_true(reader_block(reader, 0)->key);
    assert_true(first_ns <= from_ns && first_ns >= figures.memory_from_ns);
    assert_int_equal(last_ns, timeline_now_ns(rig.timeline));
    assert_true(all_first_ns <= first_ns);
    assert_int_equal(all_last_ns, last_ns);
    assert_true(reader_n_events(all) > reader_n_events(reader) && reader_n_events(all) < n_taken);
    reader_close(reader);
    reader_close(all);
    rig_fini(&rig);
}

/* ---- names ---- */

/* However little happens: what is kept of the last ten seconds is not much more than these. */
static void a_quiet_past_is_cut_by_time(void **state)
{
    (void)state;
    enum { SECONDS = 60 };
    struct timeline *timeline = timeline_new(0);
    struct recorder *recorder = recorder_new(timeline, 1 << 20);
    struct recorder_figures figures;
    struct err err = {""};
    const uint64_t begin_ns = 100 * NS_PER_S, now_ns = begin_ns + SECONDS * NS_PER_S;
    for (uint64_t t_ns = begin_ns; t_ns <= now_ns; t_ns += NS_PER_S) {
        struct event event = {.time_ns = t_ns, .tid = 7, .cpu = 0, .kind = EVENT_SWITCH_IN};
        event.kind = t_ns / NS_PER_S % 2 ? EVENT_SWITCH_OUT : EVENT_SWITCH_IN;
        timeline_sink(timeline)->push(timeline_sink(timeline), &event, 1);
        recorder_sink(recorder)->push(recorder_sink(recorder), &event, 1);
        if (t_ns / NS_PER_S % 4 == 0)
            recorder_flush(recorder, t_ns);
    }
    if (!recorder_start(recorder, path, true, now_ns - 10 * NS_PER_S, &err))
        fail_msg("%s", err.msg);
    assert_true(recorder_stop(recorder, &err));
    recorder_figures(recorder, &figures);
    assert_in_range(now_ns - figures.first_ns, 10 * NS_PER_S, 19 * NS_PER_S);
    recorder_free(recorder);
    timeline_free(timeline);
}

static void names_are_guarded(void **state)
{
    (void)state;
    struct rig rig;
    struct err err;
    struct stat at;
    rig_init(&rig, 0);
    assert_true(recorder_start(rig.recorder, path, false, UINT64_MAX, &err));
    assert_int_equal(stat(path, &at), 0);
    assert_int_equal(at.st_mode & 0777, 0600);
    assert_false(recorder_start(rig.recorder, other, false, UINT64_MAX, &err)); /* one at a time */
    assert_true(recorder_stop(rig.recorder, &err));

    assert_false(recorder_start(rig.recorder, path, false, UINT64_MAX, &err));
    assert_non_null(strstr(err.msg, "exists: --force writes over it"));
    const ino_t before = at.st_ino;
    const int held = open(path, O_RDONLY | O_CLOEXEC); /* its number is not given anew */
    assert_true(recorder_start(rig.recorder, path, true, UINT64_MAX, &err));
    assert_true(recorder_stop(rig.recorder, &err));
    assert_int_equal(stat(path, &at), 0);
    assert_true(at.st_ino != before); /* another file took the name */
    close(held);

    assert_int_equal(symlink(path, other), 0);
    assert_false(recorder_start(rig.recorder, other, false, UINT64_MAX, &err));
    assert_false(recorder_start(rig.recorder, other, true, UINT64_MAX, &err));
    assert_non_null(strstr(err.msg, "is no regular file"));
    unlink(other);
    assert_int_equal(symlink("/tmp/schedviz-nowhere", other), 0); /* leads to nothing yet */
    assert_false(recorder_start(rig.recorder, other, false, UINT64_MAX, &err));
    assert_false(recorder_start(rig.recorder, directory, true, UINT64_MAX, &err));
    assert_false(recorder_start(rig.recorder, "/nowhere/x", true, UINT64_MAX, &err));
    assert_false(recorder_start(rig.recorder, "/dev/null", true, UINT64_MAX, &err));
    assert_false(recorder_start(rig.recorder, "", true, UINT64_MAX, &err));
    rig_fini(&rig);
}

/* ---- facts ---- */

static void facts_replace_one_another(void **state)
{
    (void)state;
    struct rig rig;
    struct err err;
    char *large = mem_new(RECORD_TEXT_MAX + 2, 1), text[20];
    memset(large, 'x', RECORD_TEXT_MAX + 1);
    rig_init(&rig, 0);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "%u", i);
        assert_true(recorder_facts(rig.recorder, i, false, "state", text));
        assert_true(recorder_facts(rig.recorder, i, false, "state", text)); /* known */
        assert_true(recorder_facts(rig.recorder, i, true, "step", text));
    }
    assert_false(recorder_facts(rig.recorder, 0, false, "", "x"));
    assert_false(recorder_facts(rig.recorder, 0, false, "a name that is longer than names may be", "x"));
    assert_false(recorder_facts(rig.recorder, 0, false, "large", large));
    large[RECORD_TEXT_MAX] = '\0';
    assert_true(recorder_facts(rig.recorder, 0, true, "large", large));
    assert_true(recorder_start(rig.recorder, path, false, UINT64_MAX, &err));
    assert_true(recorder_facts(rig.recorder, 11, false, "state", "eleven"));
    assert_true(recorder_stop(rig.recorder, &err));
    rig_fini(&rig);
    free(large);

    struct reader *reader = open_recording(path);
    const unsigned first = reader_first_facts(reader, "state"), last = reader_last_facts(reader, "state");
    assert_int_equal(reader_n_facts(reader),
                     2 + 10 + 1 + 1); /* the first and the last state, and what followed */
    char *said = reader_text(reader, first, NULL, &err);
    assert_string_equal(said, "0");
    free(said);
    said = reader_text(reader, last, NULL, &err);
    assert_string_equal(said, "eleven");
    assert_int_equal(reader_facts(reader, last)->time_ns, 11);
    free(said);
    reader_close(reader);
}

/* ---- disasters ---- */

/* What the child has handed to a sealed block before it goes on; shared with it. */
struct progress {
    _Atomic uint64_t n_sealed;
};

static _Noreturn void write_until_killed(struct progress *progress)
{
    struct rig rig;
    struct err err;
    rig_init(&rig, 0);
    if (!recorder_start(rig.recorder, path, true, UINT64_MAX, &err))
        _exit(1);
    for (;;) {
        rig_batch(&rig);
        rig_flush(&rig);
        progress->n_sealed = rig.n_events;
    }
}

static void kills_lose_no_whole_block(void **state)
{
    (void)state;
    const char *wants_long = getenv("SCHEDVIZ_TEST_LONG");
    const unsigned n_rounds = wants_long && *wants_long ? 1000 : 20;
    struct progress *progress =
        mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(progress != MAP_FAILED);
    uint64_t seed = (uint64_t)getpid() * 2 + 1;
    for (unsigned i = 0; i < n_rounds; i++) {
        progress->n_sealed = 0;
        unlink(path);
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            write_until_killed(progress);
        for (unsigned waits = 0; progress->n_sealed == 0 && waits < 10000; waits++)
            usleep(1000);
        usleep((useconds_t)random_below(&seed, 20000));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        struct reader *reader = open_recording(path);
        assert_true(check_blocks(reader) >= progress->n_sealed);
        reader_close(reader);
    }
    munmap(progress, sizeof *progress);
}

/* The child's limit of file sizes stands for the disk: what it finds, it tells by its exit status. */
static int fill_disk(rlim_t limit)
{
    const struct rlimit limits = {limit, limit};
    struct rig rig;
    struct err err;
    setrlimit(RLIMIT_FSIZE, &limits);
    rig_init(&rig, 0);
    if (!recorder_start(rig.recorder, path, true, UINT64_MAX, &err))
        return 2;
    for (unsigned i = 0; i < 100; i++) {
        rig_batch(&rig);
        rig_flush(&rig);
    }
    if (recorder_state(rig.recorder) != RECORDER_FAILED ||
        !strstr(recorder_error(rig.recorder), "File too large"))
        return 3;
    if (recorder_stop(rig.recorder, &err) || recorder_state(rig.recorder) != RECORDER_OFF)
        return 4;
    rig_fini(&rig);
    return 0;
}

static void a_full_disk_stops_the_recording(void **state)
{
    (void)state;
    for (rlim_t limit = 3000; limit < 30000; limit += 2500) {
        int status;
        unlink(path);
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(fill_disk(limit));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        struct reader *reader = open_recording(path);
        assert_int_equal(reader_cut(reader, NULL), 0); /* no half of a block is left */
        check_blocks(reader);
        reader_close(reader);
    }
}

/* Nothing is lost but what did not come: blocks of a batch that is larger than any, and one that goes back.
 */
static void odd_batches_are_whole(void **state)
{
    (void)state;
    enum { N = 150000 };
    struct event *events = mem_new(N, sizeof *events), *back = mem_new(N + RECORD_MAX_EVENTS, sizeof *back);
    struct timeline *timeline = timeline_new(0);
    struct recorder *recorder = recorder_new(timeline, 0);
    struct err err;
    uint64_t seed = 9;
    for (unsigned i = 0; i < N; i++)
        events[i] = (struct event){.time_ns = i % 1000 ? i * 1000 : random_next(&seed),
                                   .tid = (int32_t)(i / 2 % 3) + 1,
                                   .kind = i % 2 ? EVENT_SWITCH_OUT : EVENT_SWITCH_IN};
    assert_true(recorder_start(recorder, path, false, 0, &err));
    timeline_sink(timeline)->push(timeline_sink(timeline), events, N);
    recorder_sink(recorder)->push(recorder_sink(recorder), events, N);
    recorder_flush(recorder, 5);
    assert_true(recorder_stop(recorder, &err));
    struct reader *reader = open_recording(path);
    assert_int_equal(reader_n_events(reader), N);
    size_t n = 0;
    for (unsigned i = 0; i < reader_n_blocks(reader); i++) {
        assert_true(reader_events(reader, i, back + n, RECORD_MAX_EVENTS, &err));
        n += reader_block(reader, i)->n_events;
    }
    assert_memory_equal(events, back, N * sizeof *events);
    reader_close(reader);
    recorder_free(recorder);
    timeline_free(timeline);
    free(events);
    free(back);
}

static void push_object(void *data, struct sink *to)
{
    const struct event event = {.time_ns = 42, .tid = 7, .kind = EVENT_OBJECT, .u.name = "m"};
    (void)data;
    to->push(to, &event, 1);
}

/* Blocks of few events go on from one another, and each can be read by itself all the same. */
static void few_events_go_on_from_one_another(void **state)
{
    (void)state;
    enum { N = 60, OF_BLOCK = 400, N_EVENTS = N * OF_BLOCK };
    struct timeline *timeline = timeline_new(0);
    struct recorder *recorder = recorder_new(timeline, 0);
    struct event *events = mem_new(N_EVENTS, sizeof *events), *back = mem_new(OF_BLOCK, sizeof *back);
    struct err err;
    uint64_t n_bytes = 0;
    recorder_set_extra(recorder, push_object, NULL);
    assert_true(recorder_start(recorder, path, false, 0, &err));
    for (unsigned i = 0; i < N_EVENTS; i++)
        events[i] = (struct event){.time_ns = 1000000000 + i * UINT64_C(1000003) + i % 7,
                                   .tid = (int32_t)(i / 2 % 3) + 1,
                                   .kind = i % 2 ? EVENT_SWITCH_OUT : EVENT_SWITCH_IN};
    for (unsigned i = 0; i < N_EVENTS; i += OF_BLOCK) {
        timeline_sink(timeline)->push(timeline_sink(timeline), events + i, OF_BLOCK);
        recorder_sink(recorder)->push(recorder_sink(recorder), events + i, OF_BLOCK);
        recorder_flush(recorder, events[i + OF_BLOCK - 1].time_ns);
    }
    assert_true(recorder_stop(recorder, &err));
    struct reader *reader = open_recording(path);
    assert_int_equal(reader_n_blocks(reader), N);
    for (unsigned i = 0; i < 4 * N; i++) {
        const unsigned block = i < N ? i : i < 2 * N ? 2 * N - 1 - i : i * 7 % N; /* there, back, anyhow */
        if (!reader_events(reader, block, back, OF_BLOCK, &err))
            fail_msg("%s", err.msg);
        assert_memory_equal(back, events + (size_t)block * OF_BLOCK, OF_BLOCK * sizeof *back);
    }
    for (unsigned i = 1; i < 10; i++)
        n_bytes += reader_block(reader, i)->n_bytes;
    print_message("# %llu bytes for 9 blocks of %d events\n", (unsigned long long)n_bytes, OF_BLOCK);
    assert_true(n_bytes < UINT64_C(9) * OF_BLOCK); /* less than a byte an event, headers and all */
    reader_close(reader);
    recorder_free(recorder);
    timeline_free(timeline);
    free(events);
    free(back);
}

/* Its last byte, which is one of its events. */
static void damage_block(unsigned block)
{
    FILE *file = fopen(path, "r+");
    uint8_t header[BLOCK_HEADER_SIZE];
    struct block_header h = {.n_header = FILE_HEADER_SIZE};
    long at = 0;
    int last;
    assert_non_null(file);
    for (unsigned n = 0; n <= block; n += h.type == BLOCK_EVENTS) {
        at += (long)block_size(&h);
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        assert_int_equal(fread(header, sizeof header, 1, file), 1);
        assert_true(block_header_load(header, &h));
    }
    at += (long)block_size(&h) - 1;
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    last = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_not_equal(fputc(last ^ 1, file), EOF);
    assert_int_equal(fclose(file), 0);
}

/* One of them that is damaged takes those with it that go on from it, up to the next state of all tasks. */
static void a_damaged_block_ends_its_chain(void **state)
{
    static struct event events[RECORD_MAX_EVENTS];
    struct err err;
    unsigned key = 1;
    few_events_go_on_from_one_another(state);
    struct reader *reader = open_recording(path);
    while (key < reader_n_blocks(reader) && !reader_block(reader, key)->key)
        key++;
    reader_close(reader);
    assert_in_range(key, 10, 59);
    damage_block(key - 3);
    reader = open_recording(path);
    for (unsigned i = reader_n_blocks(reader); i-- > 0;)
        assert_int_equal(reader_events(reader, i, events, RECORD_MAX_EVENTS, &err), i < key - 3 || i >= key);
    reader_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(preambles_are_the_timelines, remove_files),
        cmocka_unit_test_teardown(sums_add_up, remove_files),
        cmocka_unit_test_teardown(extra_events_come_back, remove_files),
        cmocka_unit_test_teardown(the_past_can_be_saved, remove_files),
        cmocka_unit_test_teardown(a_quiet_past_is_cut_by_time, remove_files),
        cmocka_unit_test_teardown(names_are_guarded, remove_files),
        cmocka_unit_test_teardown(facts_replace_one_another, remove_files),
        cmocka_unit_test_teardown(kills_lose_no_whole_block, remove_files),
        cmocka_unit_test_teardown(a_full_disk_stops_the_recording, remove_files),
        cmocka_unit_test_teardown(odd_batches_are_whole, remove_files),
        cmocka_unit_test_teardown(few_events_go_on_from_one_another, remove_files),
        cmocka_unit_test_teardown(a_damaged_block_ends_its_chain, remove_files),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
