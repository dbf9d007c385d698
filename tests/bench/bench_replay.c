/* A recording larger than memory: how fast it opens, any window of it is there, and all of it goes by.
 * Usage: bench_replay [FILE]; without one it makes one of 100 million events in TMPDIR (some 350 MB). */
#include "../../src/clock.h"
#include "../../src/record/recorder.h"
#include "../../src/session.h"
#include "../../src/session/trace.h"
#include "../plausible.h"
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COLS      200
#define N_WINDOWS 400

/* Both, since the first is others' as well where the machine is shared. */
struct moment {
    uint64_t clock_ns, cpu_ns;
};

static struct moment now(void)
{
    struct timespec cpu;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (struct moment){clock_now_ns(), (uint64_t)cpu.tv_sec * NS_PER_S + (uint64_t)cpu.tv_nsec};
}

static double clock_ms(struct moment since)
{
    return (double)(now().clock_ns - since.clock_ns) / 1e6;
}

static double cpu_ms(struct moment since)
{
    return (double)(now().cpu_ns - since.cpu_ns) / 1e6;
}

static struct session *open_it(const char *path, bool by_window, struct machine *machine)
{
    struct err err;
    struct trace *trace = trace_open(path, &err);
    const struct session_replay what = {.traces = &trace, .n_traces = 1, .by_window = by_window};
    struct session *session = trace ? session_replay(&what, machine, &err) : NULL;
    if (!session) {
        fprintf(stderr, "bench_replay: %s\n", err.msg);
        exit(1);
    }
    return session;
}

/* What a frame asks for: columns of all lanes, of 40 tasks. */
static void draw(const struct timeline *tl, uint64_t start_ns, uint64_t span_ns)
{
    static struct bin bins[COLS];
    for (int cpu = 0; cpu < timeline_n_cpus(tl); cpu++)
        timeline_cpu_bins(tl, cpu, start_ns, span_ns, COLS, bins);
    for (uint32_t i = 0; i < timeline_n_tasks(tl) && i < 40; i++)
        timeline_task_bins(tl, i, start_ns, span_ns, COLS, bins);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static long peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

/* Windows at every zoom from 10 us a column to all of it. */
static void look_around(struct session *session)
{
    static double ms[N_WINDOWS], cpu[N_WINDOWS];
    uint64_t first_ns, last_ns;
    session_replay_span(session, &first_ns, &last_ns);
    const uint64_t whole_ns = last_ns - first_ns;
    srandom(1);
    for (unsigned i = 0; i < N_WINDOWS; i++) {
        uint64_t span_ns = whole_ns >> (i % 20);
        span_ns = span_ns < COLS * UINT64_C(10000) ? COLS * UINT64_C(10000) : span_ns;
        const uint64_t room_ns = whole_ns > span_ns ? whole_ns - span_ns : 0;
        const uint64_t start_ns = first_ns + (uint64_t)((double)room_ns * (double)random() / 2147483648.0);
        const struct moment begun = now();
        session_show(session, start_ns, start_ns + span_ns, start_ns);
        draw(session_timeline(session), start_ns, span_ns);
        ms[i] = clock_ms(begun);
        cpu[i] = cpu_ms(begun);
    }
    qsort(ms, N_WINDOWS, sizeof *ms, compare_doubles);
    qsort(cpu, N_WINDOWS, sizeof *cpu, compare_doubles);
    printf("a window somewhere, drawn: median %.1f ms (%.1f of CPU), 99 %% within %.1f (%.1f), worst %.1f "
           "(%.1f) (bar: 50)\n",
           ms[N_WINDOWS / 2], cpu[N_WINDOWS / 2], ms[N_WINDOWS * 99 / 100], cpu[N_WINDOWS * 99 / 100],
           ms[N_WINDOWS - 1], cpu[N_WINDOWS - 1]);
    printf("peak %ld MiB (bar: 300)\n", peak_mib());
}

static void read_all(const char *path)
{
    struct machine machine;
    const struct moment begun = now();
    struct session *session = open_it(path, false, &machine);
    const double n = (double)timeline_n_events(session_timeline(session)), spent_ms = cpu_ms(begun);
    printf("all of it, for a report: %.2f s (%.2f of CPU), %.1f million events a second of CPU (bar: 10)\n",
           clock_ms(begun) / 1e3, spent_ms / 1e3, n / spent_ms / 1e3);
    session_free(session);
    machine_fini(&machine);
}

static void look_at(const char *path, char *name)
{
    struct machine machine;
    bench_print_speed();
    const struct moment begun = now();
    struct session *session = open_it(path, true, &machine);
    printf("opened, with the state at its end and sums of all of it: %.1f ms (%.1f of CPU) (bar: 100)\n",
           clock_ms(begun), cpu_ms(begun));
    look_around(session);
    session_free(session);
    machine_fini(&machine);

    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) { /* for a peak of its own */
        execl("/proc/self/exe", name, path, "all", NULL);
        _exit(127);
    }
    struct rusage usage;
    wait4(child, NULL, 0, &usage);
    printf("peak %ld MiB (bar: 300)\n", usage.ru_maxrss / 1024);
    bench_print_speed();
}

int main(int argc, char **argv)
{
    const char *dir = getenv("TMPDIR");
    struct recorder_figures figures;
    char path[4096];
    struct err err;
    if (argc == 3) {
        read_all(argv[1]);
        return 0;
    }
    if (argc == 2) {
        look_at(argv[1], argv[0]);
        return 0;
    }
    snprintf(path, sizeof path, "%s/bench_replay-%d.svz", dir ? dir : "/tmp", (int)getpid());
    if (plausible_record(path, 100000000, 8, 24, 1, &figures, &err))
        look_at(path, argv[0]);
    else
        fprintf(stderr, "bench_replay: %s\n", err.msg);
    unlink(path);
    return 0;
}
