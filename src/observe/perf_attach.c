/* The perf source and tasks that run already: their events, and who inherited them. */
#include "../clock.h"
#include "perf_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES_LEFT_TO_OTHERS 64
/* A record is in its ring that long after its time. */
#define MARGIN_NS NS_PER_MS

/* ---- who is made and who ends, as the rings have it ---- */

static void note_task(struct perf *perf, struct ring *ring, const struct event *event)
{
    struct found *found = &perf->found;
    const struct event last = ring->last_scanned;
    ring->last_scanned = *event;
    if (last.kind == event->kind && last.tid == event->tid)
        return; /* it is covered twice */
    if (found->n == found->max) {
        found->max = found->max ? 2 * found->max : 64;
        found->events = mem_resize(found->events, found->max, sizeof *found->events);
    }
    found->events[found->n++] = *event;
}

/* Returns the bytes of the whole records. */
static size_t scan_row(struct perf *perf, struct ring *ring, const unsigned char *bytes, size_t n)
{
    size_t at = 0;
    while (n - at >= sizeof(struct perf_event_header)) {
        struct perf_event_header header;
        memcpy(&header, bytes + at, sizeof header);
        if (header.size < sizeof header || header.size > n - at)
            break;
        if (header.type == PERF_RECORD_FORK || header.type == PERF_RECORD_EXIT) {
            struct event event;
            bool is_event;
            perf_parse(bytes + at, n - at, ring->cpu, NULL, &event, &is_event);
            if (is_event)
                note_task(perf, ring, &event);
        } else {
            ring->last_scanned.tid = 0;
            if (header.type == PERF_RECORD_LOST)
                families_doubt(perf->families);
        }
        at += header.size;
    }
    return at;
}

void perf_scan(struct perf *perf, struct ring *ring, uint64_t end)
{
    while (ring->scanned < end) {
        size_t n_whole, n = 0;
        const unsigned char *bytes =
            perf_bytes_at(perf, ring, ring->scanned, (size_t)(end - ring->scanned), &n_whole);
        if (bytes)
            n = scan_row(perf, ring, bytes, n_whole);
        if (n == 0) { /* no record: what is left cannot be told apart */
            families_doubt(perf->families);
            n = (size_t)(end - ring->scanned);
        }
        ring->scanned += n;
    }
}

static void scan_all(struct perf *perf)
{
    for (unsigned i = 0; i < perf->n_rings; i++) {
        struct ring *ring = &perf->rings[i];
        perf_scan(perf, ring, __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE));
    }
}

/* ---- opening ---- */

/* False when the limit is what it may be already. */
static bool raise_limit(struct perf *perf)
{
    struct rlimit limit;
    if (perf->limit_was_raised || getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return false;
    perf->limit_was_raised = true;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static rlim_t files_limit(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 0 : limit.rlim_cur;
}

/* File descriptors are given out from the lowest: one near the limit says that few are left. */
static bool is_one_of_the_last(int fd)
{
    const rlim_t limit = files_limit(),
                 left = limit / 4 < FILES_LEFT_TO_OTHERS ? limit / 4 : FILES_LEFT_TO_OTHERS;
    return (rlim_t)fd >= limit - left;
}

/* -1 and errno. */
static int open_for(const struct perf *perf, int tid, int cpu, const struct ring *ring)
{
    const int fd = perf_open_event(tid, cpu, perf->rings[0].n_bytes);
    int error = 0;
    if (fd < 0)
        return -1;
    if (is_one_of_the_last(fd))
        error = EMFILE;
    else if (ring && ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) != 0)
        error = errno;
    if (!error)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

static bool add_event(struct family_event *events, unsigned *n, int cpu, int fd)
{
    if (fd >= 0)
        events[(*n)++] = (struct family_event){cpu, fd};
    return fd >= 0;
}

/* Returns 0, or errno with no event left open. */
static int open_all(const struct perf *perf, int tid, struct family_event *events, unsigned *n)
{
    bool ok = true;
    *n = 0;
    for (unsigned i = 0; i < perf->n_rings && ok; i++) {
        const struct ring *ring = &perf->rings[i];
        ok = add_event(events, n, ring->cpu, open_for(perf, tid, ring->cpu, ring));
    }
    for (unsigned i = 0; i < perf->n_waiting && ok; i++) {
        const struct waiting *waiting = &perf->waiting[i];
        if (waiting->fd >= 0)
            ok = add_event(events, n, waiting->cpu, open_for(perf, tid, waiting->cpu, NULL));
    }
    if (ok)
        return 0;
    const int error = errno;
    while (*n > 0)
        close(events[--*n].fd);
    return error;
}

static enum perf_attached not_attached(const struct perf *perf, int tid, int error, struct err *err)
{
    switch (error) {
    case ESRCH:
        err_set(err, "there is no thread %d any more", tid);
        return PERF_GONE;
    case EMFILE:
    case ENFILE:
        err_set(err, "each takes %u of the %llu files that may be open (ulimit -Hn)",
                perf->n_rings + perf->n_waiting, (unsigned long long)files_limit());
        return PERF_NO_FILES;
    case EACCES:
    case EPERM:
        err_set(
            err,
            "thread %d may not be watched (%s): it is somebody else's, or of a set-user-ID program; run as "
            "root",
            tid, strerror(error));
        return PERF_REFUSED;
    default:
        err_set(err, "thread %d cannot be watched: perf_event_open: %s", tid, strerror(error));
        return PERF_REFUSED;
    }
}

static enum perf_attached attach_events(struct perf *perf, int tid, struct err *err)
{
    struct family_event *events = mem_new(perf->n_rings + perf->n_waiting, sizeof *events);
    const uint64_t since_ns = clock_now_ns(); /* it may end as soon as it has events */
    unsigned n;
    int error = open_all(perf, tid, events, &n);
    if (error == EMFILE && raise_limit(perf))
        error = open_all(perf, tid, events, &n);
    if (!error)
        families_attach(perf->families, tid, events, n, since_ns);
    free(events);
    return error ? not_attached(perf, tid, error, err) : PERF_ATTACHED;
}

/* ---- families ---- */

static int compare_times(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

/* Tells the families what was found up to until_ns: all rings together, in the order of time. */
static void tell_families(struct perf *perf, uint64_t until_ns)
{
    struct found *found = &perf->found;
    size_t n = 0;
    if (found->n == 0)
        return;
    qsort(found->events, found->n, sizeof *found->events, compare_times);
    for (; n < found->n && found->events[n].time_ns <= until_ns; n++) {
        const struct event *event = &found->events[n];
        if (event->kind == EVENT_EXIT)
            families_exit(perf->families, event->tid, event->time_ns);
        else if (families_fork(perf->families, event->u.task.parent, event->tid, event->time_ns))
            attach_events(perf, event->tid, NULL); /* may be gone: then there is nothing to see either */
    }
    found->n -= n;
    memmove(found->events, found->events + n, found->n * sizeof *found->events);
}

static void look_at_rings(struct perf *perf, uint64_t now_ns)
{
    scan_all(perf);
    tell_families(perf, now_ns > MARGIN_NS ? now_ns - MARGIN_NS : 0);
}

void perf_attach_tick(struct perf *perf, uint64_t now_ns)
{
    look_at_rings(perf, now_ns);
}

static bool is_covered(const struct perf *perf, int tid)
{
    if (families_has(perf->families, tid))
        return true;
    for (size_t i = 0; i < perf->found.n; i++) {
        if (perf->found.events[i].tid == tid && perf->found.events[i].kind == EVENT_NEW)
            return true;
    }
    return false;
}

enum perf_attached perf_attach(struct source *source, int tid, struct err *err)
{
    struct perf *perf = (struct perf *)source;
    if (perf->pid < 0)
        return PERF_COVERED;
    if (!perf->families) {
        perf->families = families_new();
        for (unsigned i = 0; i < perf->n_rings; i++)
            perf->rings[i].scanned = perf->rings[i].page->data_tail;
    }
    look_at_rings(perf, clock_now_ns());
    return is_covered(perf, tid) ? PERF_COVERED : attach_events(perf, tid, err);
}

void perf_detach(struct source *source, int tid)
{
    struct perf *perf = (struct perf *)source;
    if (perf->families)
        families_exit(perf->families, tid, UINT64_MAX);
}

unsigned perf_n_attached(const struct source *source)
{
    const struct perf *perf = (const struct perf *)source;
    return perf->families ? families_n_attached(perf->families) : 0;
}

unsigned perf_n_attached_files(const struct source *source)
{
    const struct perf *perf = (const struct perf *)source;
    return perf->families ? families_n_events(perf->families) : 0;
}

static void set_output(void *ring_fd, int fd)
{
    ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, *(const int *)ring_fd);
}

void perf_attach_ring(struct perf *perf, const struct ring *ring)
{
    if (perf->families)
        families_each_event(perf->families, ring->cpu, set_output, (void *)&ring->fd);
}

/* ---- what is told twice ---- */

static bool is_same(const struct event *a, const struct event *b)
{
    return a->tid == b->tid && a->kind == b->kind && a->detail == b->detail && a->kind != EVENT_LOST &&
           (a->kind != EVENT_NAME || memcmp(a->u.name, b->u.name, sizeof a->u.name) == 0);
}

/* A task's events are told one behind the other of what it does, with interrupts or preemption off
 * (perf_iterate_sb() of kernel/events/core.c): nothing comes in between, and nothing that is told once is
 * the same twice in a row on one CPU. */
size_t perf_drop_doubled(struct ring *ring, struct event *events, size_t n)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_same(&ring->last_given, &events[i]))
            continue;
        ring->last_given = events[i];
        events[n_kept++] = events[i];
    }
    return n_kept;
}
