/* Bench: what it costs to capture a pipe ping-pong on one core, beside what `perf sched record` costs it.
 *
 * The two players share one core, the observer has another one. Rounds of unwatched, ours and the peer's
 * follow one another, so that what else the machine does falls on all alike; figures are medians. Trips are a
 * second of the players' own CPU time, so that a busy machine falls out of the figures as far as it can.
 * Usage: bench_capture [SECONDS [ROUNDS]] */
#include "../../src/cpuset.h"
#include "../../src/observe/merge.h"
#include "../../src/observe/perf.h"
#include "../../src/timeline/timeline.h"
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS_MAX 15
#define MARGIN_NS  NS_PER_MS /* a record is in its ring long before that */

/* Shared with the players. */
struct game {
    volatile bool over;
    volatile uint64_t n_trips;
};

static struct game *game;
static int player_cpu, observer_cpu;
static double seconds = 2;

static void die(const char *what)
{
    fprintf(stderr, "bench_capture: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void pin(int cpu)
{
    struct cpuset set = {0};
    cpuset_add(&set, cpu);
    if (!cpuset_set_affinity(0, &set))
        die("sched_setaffinity");
}

static _Noreturn void play(int in, int out, bool serves)
{
    char ball = 'o';
    uint64_t n = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(player_cpu);
    if (serves && write(out, &ball, 1) != 1)
        _exit(1);
    while (!game->over && read(in, &ball, 1) == 1 && write(out, &ball, 1) == 1)
        game->n_trips = serves ? ++n : game->n_trips;
    _exit(0);
}

/* As schedviz does: a short slice asked for (Linux 6.12 and newer) lets the observer be woken promptly on a
 * core that others use as well. A kernel that does not know it does without. */
static void ask_short_slice(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
    } attr = {.size = sizeof attr, .runtime_ns = 100 * NS_PER_US};
    syscall(SYS_sched_setattr, 0, &attr, 0);
}

struct players {
    pid_t pid[2];
    int fds[4];
    uint64_t start_ns;
};

static void start_players(struct players *players)
{
    int there[2], back[2];
    *game = (struct game){0};
    if (pipe2(there, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0)
        die("pipe");
    players->start_ns = clock_now_ns();
    for (int i = 0; i < 2; i++) {
        players->pid[i] = fork();
        if (players->pid[i] < 0)
            die("fork");
        if (players->pid[i] == 0)
            play(i ? there[0] : back[0], i ? back[1] : there[1], i == 0);
    }
    memcpy(players->fds, (int[4]){there[0], there[1], back[0], back[1]}, sizeof players->fds);
}

static double cpu_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

/* Ends the game; round trips a second of the players' CPU time, which is what they would make of a core of
 * their own: the clock on the wall would count what others do on that core meanwhile. */
static double stop_players(struct players *players)
{
    struct rusage usage;
    double s = 0;
    game->over = true;
    for (int i = 0; i < 2; i++)
        kill(players->pid[i], SIGKILL);
    for (int i = 0; i < 2; i++) {
        if (wait4(players->pid[i], NULL, 0, &usage) < 0)
            die("wait4");
        s += cpu_seconds(&usage);
    }
    for (int i = 0; i < 4; i++)
        close(players->fds[i]);
    return (double)game->n_trips / s;
}

static double unwatched(void)
{
    struct players players;
    start_players(&players);
    usleep((useconds_t)(seconds * 1e6));
    return stop_players(&players);
}

/* ---- ours ---- */

struct capture {
    double trips_per_s;
    uint64_t n_records, n_lost, n_late;
    double cpu_ns_per_record;
    uint64_t n_slices;
};

static uint64_t thread_cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static bool ours(struct capture *capture)
{
    struct perf_config config = {0};
    struct err err;
    struct players players;
    struct pollfd fds[2];

    cpuset_add(&config.cpus, player_cpu);
    cpuset_add(&config.cpus, observer_cpu);
    struct source *perf = perf_open(&config, &err);
    if (!perf) {
        printf("ours            skipped: %s\n", err.msg);
        return false;
    }
    struct timeline *timeline = timeline_new(0);
    struct merge *merge = merge_new();
    merge_add(merge, perf);

    *capture = (struct capture){0};
    start_players(&players);
    ask_short_slice();
    const uint64_t end_ns = players.start_ns + (uint64_t)(seconds * 1e9);
    const uint64_t cpu_ns = thread_cpu_ns();
    for (uint64_t now_ns = clock_now_ns(); now_ns < end_ns; now_ns = clock_now_ns()) {
        const unsigned n_fds = perf->ops->poll_fds(perf, fds, 2);
        poll(fds, n_fds, 50);
        now_ns = clock_now_ns();
        perf->ops->tick(perf, now_ns);
        capture->n_records += merge_run(merge, now_ns - MARGIN_NS, timeline_sink(timeline));
        timeline_advance(timeline, now_ns - MARGIN_NS);
    }
    const uint64_t spent_ns = thread_cpu_ns() - cpu_ns;
    capture->trips_per_s = stop_players(&players);
    capture->cpu_ns_per_record = (double)spent_ns / (double)(capture->n_records ? capture->n_records : 1);
    capture->n_lost = perf->ops->lost(perf);
    capture->n_late = merge_n_late(merge);
    capture->n_slices = timeline_n_slices(timeline);
    merge_free(merge);
    perf->ops->close(perf);
    timeline_free(timeline);
    return true;
}

/* ---- the peer ---- */

/* Starts `perf sched record` on the observer's core; it watches the whole machine, as is its way. */
static pid_t start_peer(const char *file, const char *log)
{
    const pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(observer_cpu);
    const int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    dup2(fd, 1);
    dup2(fd, 2);
    execlp("perf", "perf", "sched", "record", "-o", file, (char *)NULL);
    _exit(127);
}

static void first_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    line[0] = '\0';
    while (file && fgets(line, (int)size, file) && strspn(line, " \t\n") == strlen(line))
        line[0] = '\0';
    if (file)
        fclose(file);
    line[strcspn(line, "\n")] = '\0';
}

static bool peer(double *trips_per_s, off_t *n_bytes)
{
    char dir[] = "/tmp/bench_capture.XXXXXX", file[64], log[64];
    struct players players;
    int status;

    if (!mkdtemp(dir))
        die("mkdtemp");
    snprintf(file, sizeof file, "%s/perf.data", dir);
    snprintf(log, sizeof log, "%s/log", dir);
    const pid_t pid = start_peer(file, log);
    usleep(500000); /* until it records */
    const bool runs = waitpid(pid, &status, WNOHANG) == 0;
    if (runs) {
        start_players(&players);
        usleep((useconds_t)(seconds * 1e6));
        *trips_per_s = stop_players(&players);
        kill(pid, SIGINT);
        waitpid(pid, &status, 0);
        const int fd = open(file, O_RDONLY | O_CLOEXEC);
        *n_bytes = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
        close(fd);
    } else {
        char line[200];
        first_line(log, line, sizeof line);
        printf("perf sched      skipped: %s\n",
               line[0] ? line : "perf (Debian package linux-perf) did not start");
    }
    unlink(file);
    unlink(log);
    rmdir(dir);
    return runs;
}

/* ---- for the reader: tools that stop at each system call ---- */

static pid_t start_tracer(char *const argv[])
{
    const pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(observer_cpu);
    const int fd = open("/dev/null", O_RDWR);
    dup2(fd, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    execvp(argv[0], argv);
    _exit(127);
}

/* On the clock: while it is stopped a player uses no CPU time. */
static double trips_per_s_now(double for_s)
{
    const uint64_t n_before = game->n_trips, start_ns = clock_now_ns();
    usleep((useconds_t)(for_s * 1e6));
    return (double)(game->n_trips - n_before) * 1e9 / (double)(clock_now_ns() - start_ns);
}

/* argv[pids[0]] is where the players' pids go in this format, argv[pids[1]] that of the second by itself. */
static void show_tracer(const char *what, char *argv[], const unsigned pids[2], const char *format)
{
    char text[2][64];
    struct players players;
    int status;
    start_players(&players);
    usleep(100000);
    const double before = trips_per_s_now(0.5);
    snprintf(text[0], sizeof text[0], format, players.pid[0], players.pid[1]);
    snprintf(text[1], sizeof text[1], "%d", players.pid[1]);
    argv[pids[0]] = text[0];
    if (pids[1])
        argv[pids[1]] = text[1];
    const pid_t tracer = start_tracer(argv);
    usleep(700000); /* until it traces */
    if (waitpid(tracer, &status, WNOHANG) == 0) {
        const double traced = trips_per_s_now(1);
        printf("%-15s %9.0f trips/s on the clock, %9.0f before it: %.1f times as slow\n", what, traced,
               before, before / traced);
        kill(tracer, SIGINT);
        stop_players(&players);
        usleep(100000);
        kill(tracer, SIGKILL);
        waitpid(tracer, NULL, 0);
    } else {
        printf("%-15s skipped: it is not installed, or refused here\n", what);
        stop_players(&players);
    }
}

static void show_tracers(void)
{
    char *perf_trace[] = {"perf", "trace", "-s", "-p", NULL, NULL};
    char *strace[] = {"strace", "-f", "-c", "-p", NULL, "-p", NULL, NULL};
    show_tracer("perf trace -s", perf_trace, (const unsigned[2]){4, 0}, "%d,%d");
    show_tracer("strace -f -c", strace, (const unsigned[2]){4, 6}, "%d");
}

/* ---- the figures ---- */

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, unsigned n)
{
    double sorted[ROUNDS_MAX];
    memcpy(sorted, values, n * sizeof *values);
    qsort(sorted, n, sizeof *sorted, compare_doubles);
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static void choose_cpus(void)
{
    struct cpuset allowed;
    cpuset_get_affinity(0, &allowed);
    player_cpu = cpuset_nth(&allowed, 0);
    observer_cpu = cpuset_nth(&allowed, 1);
    if (observer_cpu < 0) {
        printf("# skipped: two CPUs are needed, one to play and one to observe\n");
        exit(0);
    }
    pin(observer_cpu);
}

int main(int argc, char **argv)
{
    double plain[ROUNDS_MAX], watched[ROUNDS_MAX], peered[ROUNDS_MAX], cost[ROUNDS_MAX];
    unsigned rounds = 3, n_ours = 0, n_peer = 0;
    uint64_t n_records = 0, n_lost = 0, n_late = 0;
    struct capture capture;
    off_t n_bytes = 0;

    if (argc > 1)
        seconds = atof(argv[1]);
    if (argc > 2)
        rounds = (unsigned)atoi(argv[2]);
    if (seconds <= 0 || rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_capture [SECONDS [ROUNDS, at most %d]]\n", ROUNDS_MAX);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    choose_cpus();
    game = mmap(NULL, sizeof *game, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (game == MAP_FAILED)
        die("mmap");

    printf("pipe ping-pong on CPU %d, observer on CPU %d, %u rounds of %g s\n", player_cpu, observer_cpu,
           rounds, seconds);
    for (unsigned i = 0; i < rounds; i++) {
        plain[i] = unwatched();
        if (n_ours == i && ours(&capture)) {
            watched[n_ours] = capture.trips_per_s;
            cost[n_ours++] = capture.cpu_ns_per_record;
            n_records += capture.n_records;
            n_lost += capture.n_lost;
            n_late += capture.n_late;
        }
        if (n_peer == i && peer(&peered[n_peer], &n_bytes))
            n_peer++;
    }

    const double base = median(plain, rounds);
    printf("unwatched       %9.0f trips/s\n", base);
    bench_print_speed();
    double slow_ours = 0, slow_peer = 0; /* time added to a trip, of what it takes unwatched */
    if (n_ours) {
        slow_ours = base / median(watched, n_ours) - 1;
        printf("ours            %9.0f trips/s   a trip takes %5.1f %% longer   %" PRIu64
               " records (%.0f/s), %" PRIu64 " lost, %" PRIu64 " late\n",
               median(watched, n_ours), 100 * slow_ours, n_records / n_ours,
               (double)n_records / n_ours / seconds, n_lost, n_late);
        printf("                %9.1f ns of CPU a record, ring to timeline, waking up included (bar: 50)\n",
               median(cost, n_ours));
    }
    if (n_peer) {
        slow_peer = base / median(peered, n_peer) - 1;
        printf("perf sched      %9.0f trips/s   a trip takes %5.1f %% longer   %.0f MB written\n",
               median(peered, n_peer), 100 * slow_peer, (double)n_bytes / 1e6);
    }
    if (n_ours && n_peer)
        printf("time added by ours / by perf sched record: %.2f (bar: 0.50); of trips a second lost: %.2f\n",
               slow_ours / slow_peer, (1 - 1 / (1 + slow_ours)) / (1 - 1 / (1 + slow_peer)));
    show_tracers();
    return 0;
}
