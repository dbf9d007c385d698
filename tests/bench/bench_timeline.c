/* What the timeline costs: time an event, bytes a slice, time a frame, beside perf sched timehist on a real
 * trace. */
#include "../../src/err.h"
#include "../../src/observe/merge.h"
#include "../../src/timeline/timeline.h"
#include "bench.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 4096

static struct event batch[BATCH];
static size_t n_batch;
static uint64_t push_ns, n_pushed;

/* CPU time, so that a busy machine matters less. */
static uint64_t cpu_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void flush(struct timeline *tl)
{
    uint64_t start_ns = cpu_now_ns();
    timeline_sink(tl)->push(timeline_sink(tl), batch, n_batch);
    push_ns += cpu_now_ns() - start_ns;
    n_pushed += n_batch;
    n_batch = 0;
}

static void give(struct timeline *tl, uint64_t t_ns, int32_t tid, int cpu, enum event_kind kind,
                 enum event_out out)
{
    batch[n_batch++] = (struct event){
        .time_ns = t_ns, .tid = tid, .cpu = (int16_t)cpu, .kind = (uint8_t)kind, .detail = (uint8_t)out};
    if (n_batch == BATCH)
        flush(tl);
}

/* Tasks take turns on their CPU (task i on CPU i mod n_cpus); slices around mean_ns, a tenth ends blocked. */
static struct timeline *round_robin(int n_tasks, int n_cpus, uint64_t mean_ns, uint64_t n_slices,
                                    size_t memory)
{
    struct timeline *tl = timeline_new(memory);
    uint64_t next_ns[256], n = 0, seed = 88172645463325252U;
    int turn[256] = {0};
    for (int i = 0; i < n_cpus; i++)
        next_ns[i] = NS_PER_S + (uint64_t)i * 100;
    push_ns = n_pushed = 0;
    while (n < n_slices) {
        int cpu = 0;
        for (int i = 1; i < n_cpus; i++)
            if (next_ns[i] < next_ns[cpu])
                cpu = i;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        uint64_t t_ns = next_ns[cpu], gap_ns = 500 + seed % 1000;
        int of_cpu = n_tasks / n_cpus, tid = 1000 + cpu + turn[cpu] * n_cpus;
        turn[cpu] = (turn[cpu] + 1) % of_cpu;
        next_ns[cpu] += mean_ns / 2 + seed % mean_ns;
        give(tl, t_ns, tid, cpu, EVENT_SWITCH_IN, 0);
        /* Of several CPUs' events the outs come a little out of order: they are taken as they are. */
        give(tl, next_ns[cpu] - (gap_ns < mean_ns / 4 ? gap_ns : mean_ns / 4), tid, cpu, EVENT_SWITCH_OUT,
             seed % 10 ? OUT_PREEMPTED : OUT_BLOCKED);
        n++;
    }
    flush(tl);
    timeline_advance(tl, timeline_now_ns(tl));
    return tl;
}

static void bench_push(const char *what, int n_tasks, int n_cpus, uint64_t mean_ns)
{
    double best = 1e9, bytes = 0;
    for (int i = 0; i < 3; i++) {
        struct timeline *tl = round_robin(n_tasks, n_cpus, mean_ns, 2000000, (size_t)1 << 30);
        double ns = (double)push_ns / (double)n_pushed;
        best = ns < best ? ns : best;
        bytes = (double)timeline_memory(tl) / (double)timeline_n_slices(tl);
        timeline_free(tl);
    }
    printf("%-44s %6.1f ns an event, %5.2f bytes a slice\n", what, best, bytes);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#define COLS    200
#define REPEATS 9

static void frame(const struct timeline *tl, int n_lanes, bool tasks, uint64_t start_ns, uint64_t span_ns)
{
    static struct bin bins[COLS];
    for (int lane = 0; lane < n_lanes; lane++) {
        if (tasks)
            timeline_task_bins(tl, (uint32_t)lane, start_ns, span_ns, COLS, bins);
        else
            timeline_cpu_bins(tl, lane, start_ns, span_ns, COLS, bins);
    }
}

/* Windows at REPEATS places of the history for each zoom, so that memory is as cold as in use. */
static void bench_frames(const char *what, const struct timeline *tl, int n_lanes, bool tasks)
{
    uint64_t first_ns = timeline_edge_ns(tl), whole_ns = timeline_now_ns(tl) - first_ns;
    double worst_median = 0, worst = 0, medians[64];
    uint64_t worst_col_ns = 0;
    unsigned n_medians = 0;
    for (uint64_t col_ns = 10 * NS_PER_US; n_medians < 64; col_ns = col_ns * 2) {
        uint64_t span_ns = col_ns * COLS < whole_ns ? col_ns * COLS : whole_ns;
        double ms[REPEATS];
        for (uint64_t i = 0; i < REPEATS; i++) {
            uint64_t start_ns = first_ns + (whole_ns - span_ns) / REPEATS * i;
            uint64_t begin_ns = cpu_now_ns();
            frame(tl, n_lanes, tasks, start_ns, span_ns);
            ms[i] = (double)(cpu_now_ns() - begin_ns) / 1e6;
        }
        qsort(ms, REPEATS, sizeof *ms, compare);
        medians[n_medians++] = ms[REPEATS / 2];
        if (ms[REPEATS / 2] > worst_median) {
            worst_median = ms[REPEATS / 2];
            worst_col_ns = span_ns / COLS;
        }
        worst = ms[REPEATS - 1] > worst ? ms[REPEATS - 1] : worst;
        if (getenv("BENCH_ZOOMS"))
            printf("  %10llu ns a column: %.3f ms\n", (unsigned long long)(span_ns / COLS), ms[REPEATS / 2]);
        if (span_ns == whole_ns)
            break;
    }
    qsort(medians, n_medians, sizeof *medians, compare);
    printf("%-44s %6.2f ms at the median zoom, %.2f ms at the dearest (%llu us a column), %.2f ms the worst "
           "of all\n",
           what, medians[n_medians / 2], worst_median, (unsigned long long)(worst_col_ns / 1000), worst);
}

/* ---- merged ---- */

#define N_STREAMS       8
#define EVENTS_A_STREAM 500000

/* A source that has its events ready. */
struct ready {
    struct source source;
    struct event *events[N_STREAMS];
    size_t next[N_STREAMS];
};

static unsigned ready_n_streams(const struct source *source)
{
    (void)source;
    return N_STREAMS;
}

static size_t ready_read(struct source *source, unsigned stream, struct event *events, size_t max)
{
    struct ready *ready = (struct ready *)source;
    size_t left = EVENTS_A_STREAM - ready->next[stream], n = left < max ? left : max;
    memcpy(events, ready->events[stream] + ready->next[stream], n * sizeof *events);
    ready->next[stream] += n;
    return n;
}

/* A ping-pong has two tasks on one busy CPU, as the trace has that the peer is timed on. */
static void bench_merged(int n_busy, int tasks_a_cpu, const char *what)
{
    static const struct source_ops ops = {.name = "ready", .n_streams = ready_n_streams, .read = ready_read};
    static struct ready ready = {.source = {&ops}};
    for (int cpu = 0; cpu < N_STREAMS; cpu++) {
        ready.events[cpu] = mem_new(EVENTS_A_STREAM, sizeof(struct event));
        uint64_t t_ns = NS_PER_S, x = (uint64_t)cpu + 1;
        for (unsigned i = 0; i < EVENTS_A_STREAM; i++) {
            x = x * UINT64_C(6364136223846793005) + 1;
            t_ns += i % 2 ? 1000 + (x >> 40) % 50000 : 1000;
            ready.events[cpu][i] = (struct event){.time_ns = t_ns,
                                                  .tid = 1000 + cpu * 8 + (int)i / 2 % tasks_a_cpu,
                                                  .cpu = (int16_t)cpu,
                                                  .kind = i % 2 ? EVENT_SWITCH_OUT : EVENT_SWITCH_IN};
        }
    }
    double best = 1e9;
    for (int i = 0; i < 3; i++) {
        for (int cpu = 0; cpu < N_STREAMS; cpu++)
            ready.next[cpu] = cpu < n_busy ? 0 : EVENTS_A_STREAM;
        struct timeline *tl = timeline_new(0);
        struct merge *merge = merge_new();
        merge_add(merge, &ready.source);
        uint64_t start_ns = cpu_now_ns();
        uint64_t n = merge_run(merge, UINT64_MAX, timeline_sink(tl));
        double ns = (double)(cpu_now_ns() - start_ns) / (double)(n ? n : 1);
        best = ns < best ? ns : best;
        merge_free(merge);
        timeline_free(tl);
    }
    printf("%-44s %6.1f ns an event%s\n", what, best, n_busy == 1 ? " (bar: 40)" : "");
    for (int cpu = 0; cpu < N_STREAMS; cpu++)
        free(ready.events[cpu]);
}

/* ---- the peer ---- */

static int run_quietly(char *const argv[], const char *out)
{
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execvp(argv[0], argv);
        _exit(127);
    }
    int status = -1;
    if (pid > 0)
        waitpid(pid, &status, 0);
    return status;
}

static uint64_t count_lines(const char *path)
{
    FILE *f = fopen(path, "r");
    uint64_t n = 0;
    for (int c; f && (c = getc(f)) != EOF;)
        n += c == '\n';
    if (f)
        fclose(f);
    return n;
}

/* perf sched timehist prints a line per slice: two of our events. */
static void bench_peer(void)
{
    char dir[] = "/tmp/bench_timeline.XXXXXX", data[64], out[64];
    if (!mkdtemp(dir))
        return;
    snprintf(data, sizeof data, "%s/data", dir);
    snprintf(out, sizeof out, "%s/out", dir);
    char *record[] = {"perf",  "sched", "record", "-o", data,    "perf",
                      "bench", "sched", "pipe",   "-l", "50000", NULL};
    char *timehist[] = {"perf", "sched", "timehist", "-i", data, NULL};
    if (run_quietly(record, out) != 0) {
        printf("peer skipped: perf sched record is not there or refused here\n");
    } else {
        uint64_t start_ns = clock_now_ns();
        int status = run_quietly(timehist, out);
        uint64_t took_ns = clock_now_ns() - start_ns, n_events = 2 * count_lines(out);
        if (status != 0 || n_events < 1000)
            printf("peer skipped: perf sched timehist could not read its own recording\n");
        else
            printf("%-44s %6.1f ns an event (%llu events)\n", "perf sched timehist, a pipe ping-pong",
                   (double)took_ns / (double)n_events, (unsigned long long)n_events);
    }
    unlink(data);
    unlink(out);
    rmdir(dir);
}

int main(void)
{
    bench_print_speed();
    bench_push("push, ping-pong, 2 tasks on 1 CPU", 2, 1, 1500);
    bench_push("push, 4 tasks on 2 CPUs", 4, 2, 4 * NS_PER_MS);
    bench_push("push, 64 tasks on 8 CPUs", 64, 8, 100 * NS_PER_US);
    bench_merged(1, 2, "merged and pushed, ping-pong");
    bench_merged(N_STREAMS, 8, "merged and pushed, 64 tasks on 8 CPUs");
    struct {
        int n_tasks, n_cpus;
    } const shapes[] = {{4, 2}, {64, 8}, {112, 56}};
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char what[64];
        struct timeline *tl =
            round_robin(shapes[i].n_tasks, shapes[i].n_cpus, 100 * NS_PER_US, 10000000, (size_t)1 << 30);
        int n_lanes = shapes[i].n_tasks < 56 ? shapes[i].n_tasks : 56;
        snprintf(what, sizeof what, "frame, %d CPU lanes of 10 M slices", shapes[i].n_cpus);
        bench_frames(what, tl, shapes[i].n_cpus, false);
        snprintf(what, sizeof what, "frame, %d of %d task lanes", n_lanes, shapes[i].n_tasks);
        bench_frames(what, tl, n_lanes, true);
        timeline_free(tl);
    }
    bench_peer();
    return 0;
}
