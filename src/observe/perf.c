/* The perf source: one event and one ring per CPU, from which records are taken as events. */
#include "perf.h"

#include "../clock.h"
#include "perf_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 87,000 switches, 24 bytes each: a fifth of a second at the fastest ping-pong, in which we may have to wait
 * for a core ourselves. It takes RLIMIT_MEMLOCK where there are few CPUs; else there is less
 * (perf_event_mlock_kb). */
#define RING_BYTES_DEFAULT (2048UL * 1024)
/* A quarter of that. To be woken costs 100 us in caches that others used meanwhile: shared by 21,000 switches
 * it is 5 ns each. */
#define WAKEUP_BYTES       (512UL * 1024)
#define RING_BYTES_LEAST   (16UL * 1024)
#define HANGUP_CHECK_NS    (10 * NS_PER_MS)
#define SWITCH_RECORD_SIZE 24

static const struct source_ops perf_ops;

/* ---- opening ---- */

/* perf_event_paranoid, only to explain a refusal; Debian and Ubuntu know values above 2. -1 when it cannot be
 * read. */
static int paranoid_level(void)
{
    int level = -1;
    FILE *file = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
    if (!file)
        return -1;
    if (fscanf(file, "%d", &level) != 1)
        level = -1;
    fclose(file);
    return level;
}

/* The kernel looks at the flags before it asks who we are: such a call is refused only by who stands before
 * it. */
static bool is_filtered(void)
{
    return syscall(SYS_perf_event_open, NULL, 0, -1, -1, ~0ul) < 0 && (errno == EPERM || errno == EACCES);
}

static bool refused(int pid, int cpu, int error, struct err *err)
{
    const int level = paranoid_level();
    switch (error) {
    case EACCES:
    case EPERM:
        if (is_filtered())
            return err_set(
                err,
                "perf_event_open was refused (%s), and not by the kernel's settings: a seccomp filter "
                "forbids it; run outside the container, or with its seccomp profile off",
                strerror(error));
        if (pid < 0 && geteuid() == 0)
            return err_set(
                err,
                "watching all tasks of the machine was refused (%s), to root as well: a container or a "
                "security module keeps CAP_PERFMON back; run outside of it",
                strerror(error));
        /* Levels above 2 are Debian's and Ubuntu's: they ask for CAP_SYS_ADMIN, not CAP_PERFMON. */
        if (pid < 0)
            return err_set(err,
                           "watching all tasks of the machine takes a privilege: run as root, or %s"
                           "sudo sysctl kernel.perf_event_paranoid=0",
                           level > 2 ? "" : "sudo setcap cap_perfmon+ep on schedviz, or ");
        if (level > 2)
            return err_set(err,
                           "perf_event_open was refused (perf_event_paranoid is %d): "
                           "sudo sysctl kernel.perf_event_paranoid=2, or run as root",
                           level);
        return err_set(
            err,
            "perf_event_open was refused (%s), and not by perf_event_paranoid, which is %d: a security "
            "module forbids it, or the container; run outside of it",
            strerror(error), level);
    case ENOSYS:
        return err_set(err, "perf_event_open is not there: a sandbox hides it, or the kernel lacks "
                            "CONFIG_PERF_EVENTS; run outside the sandbox");
    case EMFILE:
    case ENFILE:
        return err_set(err,
                       "perf_event_open found no free file descriptor (%s): raise the limit with ulimit -n",
                       strerror(error));
    case ESRCH:
        return err_set(err, "perf_event_open: the process to watch is gone");
    case EINVAL:
        return err_set(
            err,
            "perf_event_open does not know what is asked for on CPU %d (%s): Linux 4.3 or newer is "
            "needed",
            cpu, strerror(error));
    default:
        return err_set(err, "perf_event_open: %s", strerror(error));
    }
}

static uint32_t watermark(size_t ring_bytes)
{
    return (uint32_t)(ring_bytes / 3 < WAKEUP_BYTES ? ring_bytes / 3 : WAKEUP_BYTES);
}

int perf_open_event(int pid, int cpu, size_t ring_bytes)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof attr,
        .config = PERF_COUNT_SW_DUMMY,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME, /* the ring tells the CPU */
        .inherit = 1,
        .exclude_kernel = 1,
        .exclude_hv = 1,
        .comm = 1,
        .comm_exec = 1,
        .task = 1,
        .watermark = 1,
        .sample_id_all = 1,
        .use_clockid = 1,
        .context_switch = 1,
        .wakeup_watermark = watermark(ring_bytes),
        .clockid = CLOCK_MONOTONIC,
    };
    return (int)syscall(SYS_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static int open_tracepoint(const struct tracepoint *tracepoint, int cpu, size_t ring_bytes)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_TRACEPOINT,
        .size = sizeof attr,
        .config = tracepoint->id,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW,
        .watermark = 1,
        .sample_id_all = 1,
        .use_clockid = 1,
        .wakeup_watermark = watermark(ring_bytes),
        .clockid = CLOCK_MONOTONIC,
    };
    return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

enum opened { OPENED, OPENED_NOT, OPENED_OFFLINE, OPENED_NO_MEMORY };

/* mmap's EPERM is the mlock budget: perf_event_mlock_kb for each CPU and RLIMIT_MEMLOCK, in all rings of a
 * user. */
static enum opened map_failed(size_t n_bytes, int error, struct err *err)
{
    if (error != EPERM && error != ENOMEM) {
        err_set(err, "mmap of a perf ring of %zu KiB: %s", n_bytes / 1024, strerror(error));
        return OPENED_NOT;
    }
    err_set(err,
            "no locked memory is left for perf rings of %zu KiB: raise ulimit -l, or sudo sysctl "
            "kernel.perf_event_mlock_kb, or use fewer CPUs",
            n_bytes / 1024);
    return OPENED_NO_MEMORY;
}

/* On success the ring has the fd. */
static enum opened map_ring(struct perf *perf, int cpu, int fd, size_t n_bytes, struct err *err)
{
    void *map = mmap(NULL, perf->page_bytes + n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return map_failed(n_bytes, errno, err);
    perf->rings = mem_resize(perf->rings, perf->n_rings + 1, sizeof *perf->rings);
    perf->rings[perf->n_rings++] = (struct ring){.cpu = cpu,
                                                 .fd = fd,
                                                 .page = map,
                                                 .data = (const unsigned char *)map + perf->page_bytes,
                                                 .n_bytes = n_bytes};
    return OPENED;
}

static enum opened add_ring(struct perf *perf, int cpu, size_t n_bytes, struct err *err)
{
    const int fd = perf_open_event(perf->pid, cpu, n_bytes);
    if (fd < 0 && errno == ENODEV)
        return OPENED_OFFLINE;
    if (fd < 0) {
        refused(perf->pid, cpu, errno, err);
        return OPENED_NOT;
    }
    const enum opened opened = map_ring(perf, cpu, fd, n_bytes, err);
    if (opened != OPENED)
        close(fd);
    return opened;
}

static void close_if_open(int *fd)
{
    if (*fd > 0)
        close(*fd);
    *fd = 0;
}

static void close_wakes(struct ring *ring)
{
    for (unsigned i = 0; i < N_WAKE_EVENTS; i++)
        close_if_open(&ring->wake_fds[i]);
}

static bool add_wakes(const struct perf *perf, struct ring *ring, struct err *err)
{
    const struct tracepoint *const tracepoints[N_WAKE_EVENTS] = {&perf->wakes.waking,
                                                                 &perf->wakes.wakeup_new};
    close_wakes(ring);
    for (unsigned i = 0; i < N_WAKE_EVENTS; i++) {
        const int fd = open_tracepoint(tracepoints[i], ring->cpu, ring->n_bytes);
        if (fd < 0)
            return err_set(err,
                           "who woke whom is not known: the kernel refuses its tracepoints (%s); run as root",
                           strerror(errno));
        ring->wake_fds[i] = fd;
        if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) != 0)
            return err_set(err, "who woke whom is not known: its events cannot share the ring of CPU %d (%s)",
                           ring->cpu, strerror(errno));
    }
    return true;
}

/* All CPUs or none: where some are missing it would not be known who was not woken. */
static void open_wakes(struct perf *perf)
{
    struct err *why = &perf->why_no_wakes;
    if (perf->pid >= 0) {
        err_set(why, "who woke whom is not known where only some tasks are watched");
        return;
    }
    bool all = tracepoint_read_wakes(&perf->wakes, why);
    for (unsigned i = 0; i < perf->n_rings && all; i++)
        all = add_wakes(perf, &perf->rings[i], why);
    for (unsigned i = 0; i < perf->n_rings && !all; i++)
        close_wakes(&perf->rings[i]);
    perf->told_wakes = all ? &perf->wakes : NULL;
}

bool perf_has_wakes(const struct source *source, const char **why)
{
    const struct perf *perf = (const struct perf *)source;
    if (why)
        *why = perf->why_no_wakes.msg;
    return perf->told_wakes != NULL;
}

static void drop_rings(struct perf *perf)
{
    for (unsigned i = 0; i < perf->n_rings; i++) {
        munmap(perf->rings[i].page, perf->page_bytes + perf->rings[i].n_bytes);
        close(perf->rings[i].fd);
        close_if_open(&perf->rings[i].again_fd);
        close_wakes(&perf->rings[i]);
    }
    perf->n_rings = 0;
}

static enum opened add_rings(struct perf *perf, const struct cpuset *cpus, size_t n_bytes, struct err *err)
{
    for (int cpu = cpuset_next(cpus, -1); cpu >= 0; cpu = cpuset_next(cpus, cpu)) {
        const enum opened opened = add_ring(perf, cpu, n_bytes, err);
        if (opened != OPENED && opened != OPENED_OFFLINE)
            return opened;
    }
    if (perf->n_rings > 0)
        return OPENED;
    err_set(err, "none of the CPUs to watch is online");
    return OPENED_NOT;
}

/* The sizes to try: the one that is wanted, or the default and its halves. */
static bool smaller(const struct perf *perf, size_t *n_bytes)
{
    *n_bytes /= 2;
    return !perf->size_is_fixed && *n_bytes >= RING_BYTES_LEAST && *n_bytes >= perf->page_bytes;
}

/* The kernel opens a task's event for a CPU that is offline as well. One that it refuses is no loss now. */
static void add_waiting(struct perf *perf, const struct cpuset *cpus, size_t n_bytes)
{
    perf->waiting = mem_new(cpuset_count(cpus), sizeof *perf->waiting);
    for (int cpu = cpuset_next(cpus, -1); cpu >= 0; cpu = cpuset_next(cpus, cpu)) {
        const int fd = perf_open_event(perf->pid, cpu, n_bytes);
        if (fd < 0)
            return;
        perf->waiting[perf->n_waiting++] = (struct waiting){cpu, fd};
    }
}

/* All rings get the same size: were each to take what there is, nothing would be left for the last CPUs. */
struct source *perf_open(const struct perf_config *config, struct err *err)
{
    struct perf *perf = mem_new(1, sizeof *perf);
    enum opened opened;
    perf->source.ops = &perf_ops;
    perf->pid = config->pid;
    perf->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    perf->size_is_fixed = config->ring_bytes != 0;

    size_t n_bytes = config->ring_bytes ? config->ring_bytes : RING_BYTES_DEFAULT;
    for (;;) {
        opened = add_rings(perf, &config->cpus, n_bytes, err);
        if (opened != OPENED_NO_MEMORY || !smaller(perf, &n_bytes))
            break;
        drop_rings(perf);
    }
    if (opened != OPENED) {
        perf_ops.close(&perf->source);
        return NULL;
    }
    add_waiting(perf, &config->later, n_bytes);
    if (config->wakes)
        open_wakes(perf);
    return &perf->source;
}

static struct ring *ring_of(const struct perf *perf, int cpu)
{
    for (unsigned i = 0; i < perf->n_rings; i++) {
        if (perf->rings[i].cpu == cpu)
            return &perf->rings[i];
    }
    return NULL;
}

static struct waiting *waiting_of(const struct perf *perf, int cpu)
{
    for (unsigned i = 0; i < perf->n_waiting; i++) {
        if (perf->waiting[i].cpu == cpu && perf->waiting[i].fd >= 0)
            return &perf->waiting[i];
    }
    return NULL;
}

/* A task's event is there whenever the task runs on the CPU. An event of the CPU itself was taken away with
 * it (kernel/events/core.c, perf_event_exit_cpu): a new one writes into the ring that is there. */
static bool go_on(const struct perf *perf, struct ring *ring, struct err *err)
{
    if (perf->pid >= 0)
        return true;
    const int fd = perf_open_event(perf->pid, ring->cpu, ring->n_bytes);
    if (fd < 0) {
        refused(perf->pid, ring->cpu, errno, err);
        return false;
    }
    if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) != 0) {
        err_set(err, "the ring of CPU %d cannot be used again: %s", ring->cpu, strerror(errno));
        close(fd);
        return false;
    }
    close_if_open(&ring->again_fd);
    ring->again_fd = fd;
    return !perf->told_wakes || add_wakes(perf, ring, err);
}

bool perf_add_cpu(struct source *source, int cpu, bool *whole, struct err *err)
{
    struct perf *perf = (struct perf *)source;
    struct ring *ring = ring_of(perf, cpu);
    struct waiting *waiting = waiting_of(perf, cpu);
    size_t n_bytes = perf->rings[0].n_bytes;
    enum opened opened;
    if (whole)
        *whole = ring || waiting || perf->pid < 0;
    if (ring)
        return go_on(perf, ring, err);
    do {
        opened = waiting ? map_ring(perf, cpu, waiting->fd, n_bytes, err) : add_ring(perf, cpu, n_bytes, err);
    } while (opened == OPENED_NO_MEMORY && smaller(perf, &n_bytes));
    if (opened == OPENED_OFFLINE)
        return err_set(err, "CPU %d is offline: echo 1 | sudo tee /sys/devices/system/cpu/cpu%d/online", cpu,
                       cpu);
    if (opened != OPENED)
        return false;
    if (waiting)
        waiting->fd = -1;
    ring = &perf->rings[perf->n_rings - 1];
    perf_attach_ring(perf, ring);
    return !perf->told_wakes || add_wakes(perf, ring, err);
}

size_t perf_ring_bytes(const struct source *source)
{
    const struct perf *perf = (const struct perf *)source;
    size_t least = perf->rings[0].n_bytes;
    for (unsigned i = 1; i < perf->n_rings; i++) {
        if (perf->rings[i].n_bytes < least)
            least = perf->rings[i].n_bytes;
    }
    return least;
}

/* ---- reading ---- */

const unsigned char *perf_bytes_at(struct perf *perf, const struct ring *ring, uint64_t tail, size_t n,
                                   size_t *n_whole)
{
    const size_t at = (size_t)tail & (ring->n_bytes - 1);
    const size_t to_end = ring->n_bytes - at;
    struct perf_event_header header; /* never wraps: records are multiples of 8 bytes */
    memcpy(&header, ring->data + at, sizeof header);
    *n_whole = n < to_end ? n : to_end;
    if (header.size <= to_end)
        return ring->data + at;
    *n_whole = header.size;
    if (header.size > n)
        return NULL;
    memcpy(perf->joined, ring->data + at, to_end);
    memcpy(perf->joined + to_end, ring->data, header.size - to_end);
    return perf->joined;
}

static struct perf_batch take_records(struct perf *perf, const struct ring *ring, uint64_t tail, size_t n,
                                      struct event *events, size_t max)
{
    size_t n_whole;
    const unsigned char *bytes = perf_bytes_at(perf, ring, tail, n, &n_whole);
    if (!bytes)
        return (struct perf_batch){0};
    return perf_parse_batch(bytes, n_whole, ring->cpu, perf->told_wakes, events, max);
}

/* The kernel writes whole records only. Should it not be so, what is left cannot be told apart: it is lost.
 */
static struct perf_batch lose_rest(const struct ring *ring, size_t n, struct event *event)
{
    const uint64_t n_lost = n / SWITCH_RECORD_SIZE + 1;
    *event = (struct event){.time_ns = ring->last_ns, .cpu = (int16_t)ring->cpu, .kind = EVENT_LOST};
    event->u.lost.n = n_lost;
    return (struct perf_batch){.n_bytes = n, .n_events = 1, .n_lost = n_lost};
}

static size_t perf_read(struct source *source, unsigned stream, struct event *events, size_t max)
{
    struct perf *perf = (struct perf *)source;
    struct ring *ring = &perf->rings[stream];
    const uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = ring->page->data_tail; /* only we write it */
    size_t n_events = 0;

    if (tail == head)
        return 0;
    while (tail != head && n_events < max) {
        const size_t n = (size_t)(head - tail);
        struct perf_batch batch = take_records(perf, ring, tail, n, events + n_events, max - n_events);
        if (batch.n_bytes == 0)
            batch = lose_rest(ring, n, &events[n_events]);
        tail += batch.n_bytes;
        if (perf->families)
            batch.n_events = perf_drop_doubled(ring, events + n_events, batch.n_events);
        n_events += batch.n_events;
        perf->n_lost += batch.n_lost;
        if (n_events > 0)
            ring->last_ns = events[n_events - 1].time_ns;
    }
    if (perf->families)
        perf_scan(perf, ring, tail);
    __atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
    return n_events;
}

static unsigned perf_n_streams(const struct source *source)
{
    return ((const struct perf *)source)->n_rings;
}

static uint64_t perf_lost(const struct source *source)
{
    return ((const struct perf *)source)->n_lost;
}

/* ---- waiting ---- */

static unsigned perf_poll_fds(const struct source *source, struct pollfd *fds, unsigned max)
{
    const struct perf *perf = (const struct perf *)source;
    unsigned n = 0;
    for (unsigned i = 0; i < perf->n_rings && n < max; i++) {
        if (!perf->rings[i].hung_up)
            fds[n++] = (struct pollfd){.fd = perf->rings[i].fd, .events = POLLIN};
    }
    return n;
}

/* An event whose task has ended is POLLHUP for ever: a poll on it would never sleep. What is in its ring
 * stays. */
static void perf_tick(struct source *source, uint64_t now_ns)
{
    struct perf *perf = (struct perf *)source;
    if (perf->families)
        perf_attach_tick(perf, now_ns);
    if (now_ns - perf->hangup_checked_ns < HANGUP_CHECK_NS)
        return;
    perf->hangup_checked_ns = now_ns;
    for (unsigned i = 0; i < perf->n_rings; i++) {
        struct ring *ring = &perf->rings[i];
        struct pollfd fd = {.fd = ring->fd, .events = 0};
        if (!ring->hung_up && poll(&fd, 1, 0) == 1)
            ring->hung_up = true;
    }
}

static void perf_close(struct source *source)
{
    struct perf *perf = (struct perf *)source;
    families_free(perf->families);
    free(perf->found.events);
    drop_rings(perf);
    for (unsigned i = 0; i < perf->n_waiting; i++) {
        if (perf->waiting[i].fd >= 0)
            close(perf->waiting[i].fd);
    }
    free(perf->waiting);
    free(perf->rings);
    free(perf);
}

static const struct source_ops perf_ops = {
    .name = "perf",
    .n_streams = perf_n_streams,
    .read = perf_read,
    .poll_fds = perf_poll_fds,
    .tick = perf_tick,
    .lost = perf_lost,
    .close = perf_close,
};
