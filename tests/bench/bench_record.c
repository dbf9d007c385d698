/* Bench: what recording costs, on the disk and of the CPU, and how fast a recording opens and is read.
 *
 * A pipe ping-pong and four spinners (ten times as long), each on one core, are captured and recorded, with
 * `perf sched record` beside the ping-pong where it is there. Then a recording of a machine that never was is
 * written, opened and read. Usage: bench_record [EVENTS [SECONDS]] (100,000,000 events; the file is made
 * under /tmp and removed)
 */
#include "../../src/cpuset.h"
#include "../../src/observe/merge.h"
#include "../../src/observe/perf.h"
#include "../../src/record/reader.h"
#include "../../src/record/recorder.h"
#include "../plausible.h"
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARGIN_NS NS_PER_MS /* a record is in its ring long before that */
#define N_PLAYERS 4
#define FLUSH_NS  (4 * NS_PER_S) /* as session/recording.c does */
#define PATIENCE  10             /* so much longer with spinners: they switch seldom */
#define BATCH     1024

static char directory[] = "/tmp/bench_record.XXXXXX", path[64], peer_path[64];
static int player_cpu, observer_cpu;
static double seconds = 3;

static void die(const char *what)
{
    fprintf(stderr, "bench_record: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void pin(int cpu)
{
    struct cpuset set = {0};
    cpuset_add(&set, cpu);
    if (!cpuset_set_affinity(0, &set))
        die("sched_setaffinity");
}

static uint64_t cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* CPU time of recording, without what it takes to ask for the time. */
static uint64_t recording_ns, asking_ns;

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void measure_asking(void)
{
    enum { N = 2001 };
    static uint64_t took_ns[N];
    for (unsigned i = 0; i < N; i++) {
        const uint64_t from_ns = cpu_ns();
        took_ns[i] = cpu_ns() - from_ns;
    }
    qsort(took_ns, N, sizeof *took_ns, by_size);
    asking_ns = took_ns[N / 2];
}

static void count_recording(uint64_t from_ns)
{
    const uint64_t took_ns = cpu_ns() - from_ns;
    recording_ns += took_ns > asking_ns ? took_ns - asking_ns : 0;
}

static void record(struct recorder *recorder, const struct event *events, unsigned long n)
{
    const uint64_t from_ns = cpu_ns();
    recorder_sink(recorder)->push(recorder_sink(recorder), events, n);
    count_recording(from_ns);
}

static bool stop_recording(struct recorder *recorder, struct err *err)
{
    const uint64_t from_ns = cpu_ns();
    const bool good = recorder_stop(recorder, err);
    count_recording(from_ns);
    return good;
}

static off_t size_of(const char *name)
{
    struct stat at;
    return stat(name, &at) == 0 ? at.st_size : 0;
}

/* ---- who is watched ---- */

static _Noreturn void play(int in, int out, bool serves)
{
    char ball = 'o';
    if (serves && write(out, &ball, 1) != 1)
        _exit(1);
    while (read(in, &ball, 1) == 1 && write(out, &ball, 1) == 1)
        ;
    _exit(0);
}

static _Noreturn void spin(void)
{
    for (;;)
        __asm__ volatile("" ::: "memory");
}

static unsigned start_players(bool spinners, pid_t pids[N_PLAYERS])
{
    const unsigned n = spinners ? N_PLAYERS : 2;
    int there[2], back[2];
    if (pipe2(there, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0)
        die("pipe");
    for (unsigned i = 0; i < n; i++) {
        pids[i] = fork();
        if (pids[i] < 0)
            die("fork");
        if (pids[i] > 0)
            continue;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pin(player_cpu);
        if (spinners)
            spin();
        play(i ? there[0] : back[0], i ? back[1] : there[1], i == 0);
    }
    close(there[0]);
    close(there[1]);
    close(back[0]);
    close(back[1]);
    return n;
}

static void stop_players(const pid_t *pids, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
}

/* ---- the peer: perf sched record, of the whole machine, at the same time ---- */

static pid_t start_peer(void)
{
    const pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(fd, 1);
        dup2(fd, 2);
        execlp("perf", "perf", "sched", "record", "-o", peer_path, (char *)NULL);
        _exit(127);
    }
    usleep(700000); /* until it records */
    return waitpid(pid, NULL, WNOHANG) == 0 ? pid : -1;
}

static off_t stop_peer(pid_t pid)
{
    if (pid < 0)
        return 0;
    kill(pid, SIGINT);
    waitpid(pid, NULL, 0);
    const off_t n = size_of(peer_path);
    unlink(peer_path);
    return n;
}

/* ---- captured ---- */

struct counter {
    struct sink sink;
    struct sink *timeline;
    struct recorder *recorder;
    uint64_t n_switches;
};

static void push(struct sink *sink, const struct event *events, unsigned long n)
{
    struct counter *c = (struct counter *)sink;
    for (unsigned long i = 0; i < n; i++)
        c->n_switches += events[i].kind == EVENT_SWITCH_IN;
    c->timeline->push(c->timeline, events, n);
    record(c->recorder, events, n);
}

static bool capture(struct source *perf, struct merge *merge, struct timeline *timeline,
                    struct counter *counter, struct recorder *recorder, double length, struct err *err)
{
    struct pollfd fds[2];
    uint64_t now_ns = clock_now_ns(), flushed_ns = now_ns;
    const uint64_t end_ns = now_ns + (uint64_t)(length * 1e9);
    recording_ns = 0;
    if (!recorder_start(recorder, path, true, UINT64_MAX, err))
        return false;
    while (now_ns < end_ns) {
        poll(fds, perf->ops->poll_fds(perf, fds, 2), 15); /* a screen's frames */
        now_ns = clock_now_ns();
        perf->ops->tick(perf, now_ns);
        merge_run(merge, now_ns - MARGIN_NS, &counter->sink);
        timeline_advance(timeline, now_ns - MARGIN_NS);
        if (now_ns >= flushed_ns + FLUSH_NS) {
            const uint64_t from_ns = cpu_ns();
            recorder_flush(recorder, now_ns - MARGIN_NS);
            count_recording(from_ns);
            flushed_ns = now_ns;
        }
    }
    return stop_recording(recorder, err);
}

/* Beside perf sched record only sizes are compared: it takes the CPU and its caches meanwhile. */
static void show_captured(const char *what, bool spinners, bool beside_peer)
{
    struct perf_config config = {0};
    struct err err;
    pid_t pids[N_PLAYERS];
    cpuset_add(&config.cpus, player_cpu);
    cpuset_add(&config.cpus, observer_cpu);
    struct source *perf = perf_open(&config, &err);
    if (!perf) {
        printf("%-12s skipped: %s\n", what, err.msg);
        return;
    }
    struct timeline *timeline = timeline_new(0);
    struct merge *merge = merge_new();
    struct recorder *recorder = recorder_new(timeline, 0);
    struct counter counter = {
        .sink = {.push = push}, .timeline = timeline_sink(timeline), .recorder = recorder};
    struct recorder_figures figures;
    merge_add(merge, perf);
    const pid_t peer = beside_peer ? start_peer() : -1;
    const unsigned n = start_players(spinners, pids);
    const double length = spinners ? seconds * PATIENCE : seconds;
    const bool good = capture(perf, merge, timeline, &counter, recorder, length, &err);
    stop_players(pids, n);
    const off_t n_peer = stop_peer(peer);
    recorder_figures(recorder, &figures);
    if (!good)
        printf("%-12s %s\n", what, err.msg);
    else if (n_peer)
        printf(
            "%-12s %9.0f switches/s beside perf sched record: it %.0f MB, ours %.1f MB: %.0f times as much\n",
            what, (double)counter.n_switches / length, (double)n_peer / 1e6, (double)figures.n_bytes / 1e6,
            (double)n_peer / (double)figures.n_bytes);
    else if (!beside_peer)
        printf("%-12s %9.0f switches/s   %5.2f bytes a switch on disk (bar: 4)   %5.1f ns of CPU an event "
               "(bar: 30)   %" PRIu64 " blocks\n",
               what, (double)counter.n_switches / length,
               (double)figures.n_bytes / (double)counter.n_switches,
               (double)recording_ns / (double)figures.n_taken, figures.n_blocks);
    recorder_free(recorder);
    merge_free(merge);
    perf->ops->close(perf);
    timeline_free(timeline);
}

static void show_all_captured(void)
{
    struct cpuset allowed;
    cpuset_get_affinity(0, &allowed);
    player_cpu = cpuset_nth(&allowed, 0);
    observer_cpu = cpuset_nth(&allowed, 1);
    if (observer_cpu < 0) {
        printf("captured     skipped: two CPUs are needed, one to play and one to observe\n");
        return;
    }
    pin(observer_cpu);
    show_captured("ping-pong", false, false);
    show_captured("ping-pong", false, true);
    show_captured("4 spinners", true, false);
}

/* ---- a large one ---- */

static void write_large(const char *what, uint64_t n_events, unsigned n_cpus, unsigned n_tasks)
{
    static struct event events[BATCH + 16];
    struct plausible *machine = plausible_new(n_cpus, n_tasks, 1);
    struct timeline *timeline = timeline_new(64 << 20);
    struct recorder *recorder = recorder_new(timeline, 0);
    struct recorder_figures figures;
    struct err err;
    recording_ns = 0;
    bool good = recorder_start(recorder, path, true, UINT64_MAX, &err);
    for (uint64_t n = 0; good && n < n_events;) {
        const size_t got = plausible_events(machine, events, n_events - n < BATCH ? n_events - n : BATCH);
        timeline_sink(timeline)->push(timeline_sink(timeline), events, got);
        record(recorder, events, got);
        n += got;
    }
    if (!good || !stop_recording(recorder, &err)) {
        fprintf(stderr, "bench_record: %s\n", err.msg);
        exit(1);
    }
    recorder_figures(recorder, &figures);
    printf(
        "%-12s %.0f M events of %u CPUs and %u tasks: %5.2f bytes and %5.1f ns of CPU an event (bar: 30)\n",
        what, (double)figures.n_events / 1e6, n_cpus, n_tasks,
        (double)figures.n_bytes / (double)figures.n_events, (double)recording_ns / (double)figures.n_taken);
    recorder_free(recorder);
    timeline_free(timeline);
    plausible_free(machine);
}

static struct reader *open_large(void)
{
    struct err err;
    const uint64_t from_ns = clock_now_ns();
    struct reader *reader = reader_open(path, &err);
    const uint64_t took_ns = clock_now_ns() - from_ns;
    if (!reader) {
        fprintf(stderr, "bench_record: %s\n", err.msg);
        exit(1);
    }
    printf("open         %.1f M events in %u blocks, %.0f MB: %.2f ms (bar: 100)\n",
           (double)reader_n_events(reader) / 1e6, reader_n_blocks(reader),
           (double)reader_n_bytes(reader) / 1e6, (double)took_ns / 1e6);
    return reader;
}

static void read_large(struct reader *reader)
{
    static struct event events[RECORD_MAX_EVENTS];
    struct err err;
    uint64_t from_ns = cpu_ns(), n = 0;
    for (unsigned i = 0; i < reader_n_blocks(reader) && cpu_ns() - from_ns < 5 * NS_PER_S; i++) {
        if (!reader_events(reader, i, events, RECORD_MAX_EVENTS, &err)) {
            fprintf(stderr, "bench_record: %s\n", err.msg);
            exit(1);
        }
        n += reader_block(reader, i)->n_events;
    }
    printf("decode       %.1f M events a second of one core (bar: 25)\n",
           (double)n * 1e3 / (double)(cpu_ns() - from_ns));

    unsigned n_sums = 0;
    from_ns = cpu_ns();
    for (; n_sums < reader_n_blocks(reader); n_sums++) {
        struct sums_of_block sums;
        if (reader_sums(reader, n_sums, &sums, &err))
            sums_fini(&sums);
    }
    printf("sums         of all %u blocks: %.1f ms\n", n_sums, (double)(cpu_ns() - from_ns) / 1e6);
}

int main(int argc, char **argv)
{
    const uint64_t n_events = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000000;
    if (argc > 2)
        seconds = atof(argv[2]);
    if (n_events == 0 || seconds <= 0) {
        fprintf(stderr, "usage: bench_record [EVENTS [SECONDS]]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    measure_asking();
    if (!mkdtemp(directory))
        die("mkdtemp");
    snprintf(path, sizeof path, "%s/file.svz", directory);
    snprintf(peer_path, sizeof peer_path, "%s/perf.data", directory);
    show_all_captured();
    bench_print_speed();
    write_large("128 CPUs", n_events / 10, 128, 200);
    write_large("8 CPUs", n_events, 8, 24);
    struct reader *reader = open_large();
    read_large(reader);
    reader_close(reader);
    unlink(path);
    rmdir(directory);
    return 0;
}
