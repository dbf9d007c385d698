/* The proc source: a few of the watched tasks are read at each tick, the cheap files more often than the dear
 * ones. */
#include "proc.h"

#include "../clock.h"
#include "../err.h"

#include <errno.h>
#include <fcntl.h>
#include <libproc2/meminfo.h>
#include <libproc2/pids.h>
#include <libproc2/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* What one tick reads at most: about 0.2 ms of counters, and 0.4 ms of states through libproc2 (13 us a
 * thread). */
#define COUNTERS_PER_TICK 32
#define STATES_PER_TICK   32
#define CROWD             2000

#define FDS_FOR_OTHERS 256 /* file descriptors that the rest of the program may need */
#define FILE_BYTES     8192

enum task_file { FILE_SCHEDSTAT, FILE_STATUS, FILE_STAT, N_FILES };

struct watched {
    int pid, tid;
    int fds[N_FILES]; /* kept open, -1: not */
    uint64_t slices;  /* as last read */
    uint64_t run_ns;
    uint64_t run_tick_ns; /* the tick at which schedstat was */
    uint64_t counters_due_ns, states_due_ns;
    uint64_t voluntary, involuntary;
    bool knows_run, knows_switches;          /* they could be read the last time */
    uint64_t counted_slices, counted_run_ns; /* schedstat's, when the switches were read, */
    unsigned n_same;                         /* and so many times since then */
    bool is_close;                           /* see proc_watch_closely() */
    bool gone;
};

struct proc {
    struct source source;
    struct proc_config config;
    unsigned n_tasks, max_tasks;
    struct watched *tasks; /* ordered by pid, then tid: the threads of a process lie together */
    unsigned n_close;
    unsigned counters_at[2], states_at[2]; /* where the next tick goes on: with all, with the close ones */
    bool refresh;
    bool any_gone;
    uint64_t crowd_ns;   /* up to when a crowd's share of readings was given out */
    int dir_fd, dir_pid; /* /proc/PID/task of the process that was read last; 0: none */
    unsigned n_fds, max_fds;
    unsigned n_events, max_events, first_event;
    struct event *events;     /* not yet read: first_event .. n_events */
    struct pids_info *states; /* items of enum state_item; NULL when libproc2 has no access */
    struct pids_info *memory; /* items of enum memory_item */
    struct stat_info *stat;
    struct meminfo_info *meminfo;
};

enum state_item { ITEM_TID, ITEM_STATE, ITEM_PROCESSOR, N_STATE_ITEMS };
enum memory_item { ITEM_RESIDENT, ITEM_PSS, N_MEMORY_ITEMS };

static const struct source_ops proc_ops;

/* ---- opening ---- */

/* Two or three kept files a task: a thousand tasks need more than the usual soft limit of 1024. */
static unsigned raise_fd_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= FDS_FOR_OTHERS)
        return 0;
    return limit.rlim_cur < 1000000 ? (unsigned)limit.rlim_cur - FDS_FOR_OTHERS : 1000000;
}

struct source *proc_open(const struct proc_config *config)
{
    enum pids_item states[N_STATE_ITEMS] = {PIDS_ID_TID, PIDS_STATE, PIDS_PROCESSOR};
    enum pids_item memory[N_MEMORY_ITEMS] = {PIDS_MEM_RES, PIDS_SMAP_PSS};
    struct proc *proc = mem_new(1, sizeof *proc);
    proc->source.ops = &proc_ops;
    proc->config = *config;
    proc->max_fds = raise_fd_limit();
    if (procps_pids_new(&proc->states, states, N_STATE_ITEMS) < 0)
        proc->states = NULL;
    if (procps_pids_new(&proc->memory, memory, N_MEMORY_ITEMS) < 0)
        proc->memory = NULL;
    if (procps_stat_new(&proc->stat) < 0)
        proc->stat = NULL;
    if (procps_meminfo_new(&proc->meminfo) < 0)
        proc->meminfo = NULL;
    return &proc->source;
}

/* ---- files of a task ---- */

static void close_files(struct proc *proc, struct watched *task)
{
    for (int i = 0; i < N_FILES; i++) {
        if (task->fds[i] < 0)
            continue;
        close(task->fds[i]);
        task->fds[i] = -1;
        proc->n_fds--;
    }
}

static void close_dir(struct proc *proc)
{
    if (proc->dir_pid)
        close(proc->dir_fd);
    proc->dir_pid = 0;
}

/* The process has no file descriptor left: gives back all that are kept here, and keeps fewer from now on. */
static void give_back_files(struct proc *proc)
{
    proc->max_fds = proc->n_fds / 2;
    for (unsigned i = 0; i < proc->n_tasks; i++)
        close_files(proc, &proc->tasks[i]);
}

/* The directory of the process's threads, kept open while its files are read in a row: that is half of the
 * way to each. -1: there is none. */
static int task_dir(struct proc *proc, int pid)
{
    char path[64];
    if (proc->dir_pid == pid)
        return proc->dir_fd;
    close_dir(proc);
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    proc->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    proc->dir_pid = proc->dir_fd < 0 ? 0 : pid;
    return proc->dir_fd;
}

static int open_in_dir(struct proc *proc, const struct watched *task, enum task_file file)
{
    static const char *const names[N_FILES] = {"schedstat", "status", "stat"};
    char path[32];
    const int dir_fd = task_dir(proc, task->pid);
    if (dir_fd < 0)
        return -1;
    snprintf(path, sizeof path, "%d/%s", task->tid, names[file]);
    return openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
}

static int open_file(struct proc *proc, const struct watched *task, enum task_file file)
{
    int fd = open_in_dir(proc, task, file);
    if (fd < 0 && errno == EMFILE && proc->n_fds > 0) {
        give_back_files(proc);
        return open_in_dir(proc, task, file);
    }
    if (fd < 0 && (errno == ENOENT || errno == ESRCH)) { /* the pid may be another process's by now */
        close_dir(proc);
        fd = open_in_dir(proc, task, file);
    }
    return fd;
}

/* Reads a file from its start; the bytes read, 0 when there are none. Notes when the task has vanished. */
static size_t read_file(struct proc *proc, struct watched *task, enum task_file file, char text[FILE_BYTES])
{
    int fd = task->fds[file];
    if (fd < 0)
        fd = open_file(proc, task, file);
    const ssize_t n = fd < 0 ? -1 : pread(fd, text, FILE_BYTES, 0);
    const int error = errno;
    if (fd >= 0 && fd != task->fds[file]) {
        if (proc->n_fds < proc->max_fds) {
            task->fds[file] = fd;
            proc->n_fds++;
        } else {
            close(fd);
        }
    }
    /* a kernel without CONFIG_SCHED_INFO has no schedstat: its absence alone tells nothing of the task */
    if (n < 0 && (error == ESRCH || (error == ENOENT && file != FILE_SCHEDSTAT)))
        task->gone = proc->any_gone = true;
    return n > 0 ? (size_t)n : 0;
}

/* ---- the list of tasks ---- */

/* Where the task is, or where it belongs. */
static unsigned place_of(const struct proc *proc, int pid, int tid)
{
    unsigned low = 0, high = proc->n_tasks;
    while (low < high) {
        const unsigned middle = low + (high - low) / 2;
        const struct watched *task = &proc->tasks[middle];
        if (task->pid < pid || (task->pid == pid && task->tid < tid))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct watched *find(struct proc *proc, int pid, int tid)
{
    const unsigned i = place_of(proc, pid, tid);
    if (i < proc->n_tasks && proc->tasks[i].pid == pid && proc->tasks[i].tid == tid)
        return &proc->tasks[i];
    return NULL;
}

void proc_watch(struct source *source, int pid, int tid)
{
    struct proc *proc = (struct proc *)source;
    const unsigned i = place_of(proc, pid, tid);
    if (find(proc, pid, tid))
        return;
    if (proc->n_tasks == proc->max_tasks) {
        proc->max_tasks = proc->max_tasks ? proc->max_tasks * 2 : 64;
        proc->tasks = mem_resize(proc->tasks, proc->max_tasks, sizeof *proc->tasks);
    }
    memmove(&proc->tasks[i + 1], &proc->tasks[i], (proc->n_tasks++ - i) * sizeof *proc->tasks);
    proc->tasks[i] = (struct watched){.pid = pid, .tid = tid, .fds = {-1, -1, -1}};
}

void proc_watch_closely(struct source *source, int pid, int tid)
{
    struct proc *proc = (struct proc *)source;
    proc_watch(source, pid, tid);
    struct watched *task = find(proc, pid, tid);
    proc->n_close += !task->is_close;
    task->is_close = true;
}

static void forget(struct proc *proc, unsigned i)
{
    proc->n_close -= proc->tasks[i].is_close;
    close_files(proc, &proc->tasks[i]);
    memmove(&proc->tasks[i], &proc->tasks[i + 1], (--proc->n_tasks - i) * sizeof *proc->tasks);
}

void proc_unwatch(struct source *source, int tid)
{
    struct proc *proc = (struct proc *)source;
    for (unsigned i = 0; i < proc->n_tasks; i++) {
        if (proc->tasks[i].tid == tid) {
            forget(proc, i);
            return;
        }
    }
}

void proc_refresh(struct source *source)
{
    ((struct proc *)source)->refresh = true;
}

static void forget_gone(struct proc *proc)
{
    for (unsigned i = proc->any_gone ? proc->n_tasks : 0; i-- > 0;) {
        if (proc->tasks[i].gone)
            forget(proc, i);
    }
    proc->any_gone = false;
}

/* ---- sampling ---- */

static struct event *add_sample(struct proc *proc, const struct watched *task, enum event_sample sample,
                                uint64_t time_ns)
{
    if (proc->n_events == proc->max_events) {
        proc->max_events = proc->max_events ? proc->max_events * 2 : 256;
        proc->events = mem_resize(proc->events, proc->max_events, sizeof *proc->events);
    }
    struct event *event = &proc->events[proc->n_events++];
    *event = (struct event){
        .time_ns = time_ns, .tid = task->tid, .cpu = -1, .kind = EVENT_SAMPLE, .detail = (uint8_t)sample};
    return event;
}

static void sample_run(struct proc *proc, struct watched *task, uint64_t tick_ns, uint64_t time_ns)
{
    char text[FILE_BYTES];
    uint64_t run_ns, wait_ns, slices;
    const size_t n = read_file(proc, task, FILE_SCHEDSTAT, text);
    task->knows_run = proc_parse_schedstat(text, n, &run_ns, &wait_ns, &slices);
    if (!task->knows_run)
        return;
    task->slices = slices;
    task->run_ns = run_ns;
    task->run_tick_ns = tick_ns;
    struct event *event = add_sample(proc, task, SAMPLE_RUN, time_ns);
    event->u.run.run_ns = run_ns;
    event->u.run.wait_ns = wait_ns;
}

/* It has not run since its counts of switches were read: they are what they were. (Once more they are read
 * after it was found asleep: the first time may have been just before it was switched out.) */
static bool sleeps_on(struct watched *task)
{
    const bool same = task->knows_run && task->knows_switches && task->slices == task->counted_slices &&
                      task->run_ns == task->counted_run_ns;
    task->n_same = same ? task->n_same + 1 : 0;
    return task->n_same > 1;
}

static void read_switches(struct proc *proc, struct watched *task)
{
    char text[FILE_BYTES];
    const size_t n = read_file(proc, task, FILE_STATUS, text);
    task->knows_switches = proc_parse_status(text, n, &task->voluntary, &task->involuntary);
    task->counted_slices = task->slices;
    task->counted_run_ns = task->run_ns;
}

static void sample_switches(struct proc *proc, struct watched *task, uint64_t time_ns)
{
    if (!sleeps_on(task) || proc->refresh)
        read_switches(proc, task);
    if (!task->knows_switches)
        return;
    struct event *event = add_sample(proc, task, SAMPLE_SWITCHES, time_ns);
    event->u.switches.voluntary = task->voluntary;
    event->u.switches.involuntary = task->involuntary;
}

/* How many of a crowd are to be read in this tick. */
static unsigned crowd_share(struct proc *proc, uint64_t now_ns)
{
    const uint64_t each_ns = NS_PER_S / proc->config.crowd_per_s, most_ns = each_ns * COUNTERS_PER_TICK;
    if (now_ns < proc->crowd_ns)
        return 0;
    if (now_ns - proc->crowd_ns > most_ns)
        proc->crowd_ns = now_ns - most_ns;
    const uint64_t n = (now_ns - proc->crowd_ns) / each_ns;
    proc->crowd_ns += n * each_ns;
    return (unsigned)n;
}

/* The next one in turn: all have theirs, and the close ones by themselves have another one, so that a crowd
 * does not keep them waiting. */
static unsigned next_in_turn(const struct proc *proc, unsigned *at)
{
    if (*at >= proc->n_tasks)
        *at = 0;
    return (*at)++;
}

static void sample_counters(struct proc *proc, bool close_ones, unsigned budget, uint64_t now_ns)
{
    const struct proc_config *config = &proc->config;
    unsigned n_read = 0;
    for (unsigned i = 0; i < proc->n_tasks && n_read < budget; i++) {
        struct watched *task = &proc->tasks[next_in_turn(proc, &proc->counters_at[close_ones])];
        if ((close_ones && !task->is_close) || (now_ns < task->counters_due_ns && !proc->refresh))
            continue;
        task->counters_due_ns =
            now_ns + (task->is_close ? config->close_counters_every_ns : config->counters_every_ns);
        const uint64_t time_ns = clock_now_ns();
        sample_run(proc, task, now_ns, time_ns);
        sample_switches(proc, task, time_ns);
        n_read++;
    }
}

/* Its slices are to be of the same tick. */
static void add_state(struct proc *proc, struct watched *task, char letter, int processor, uint64_t tick_ns,
                      uint64_t time_ns)
{
    if (task->run_tick_ns != tick_ns)
        sample_run(proc, task, tick_ns, time_ns);
    struct event *event = add_sample(proc, task, SAMPLE_STATE, time_ns);
    event->cpu = processor >= 0 && processor <= INT16_MAX ? (int16_t)processor : -1;
    event->u.state.letter = letter;
    event->u.state.slices = task->slices;
}

static void sample_process(struct proc *proc, int pid, uint64_t tick_ns)
{
    unsigned these[1] = {(unsigned)pid};
    struct pids_fetch *fetch = procps_pids_select(proc->states, these, 1, PIDS_SELECT_PID_THREADS);
    const uint64_t time_ns = clock_now_ns();
    for (int i = 0; fetch && i < fetch->counts->total; i++) {
        const struct pids_result *items = fetch->stacks[i]->head;
        struct watched *task = find(proc, pid, items[ITEM_TID].result.s_int);
        if (task)
            add_state(proc, task, (char)items[ITEM_STATE].result.s_ch, items[ITEM_PROCESSOR].result.s_int,
                      tick_ns, time_ns);
    }
}

static void sample_thread(struct proc *proc, struct watched *task, uint64_t tick_ns)
{
    char text[FILE_BYTES], letter;
    int processor;
    const size_t n = read_file(proc, task, FILE_STAT, text);
    if (proc_parse_stat(text, n, &letter, &processor))
        add_state(proc, task, letter, processor, tick_ns, clock_now_ns());
}

static uint64_t states_due_ns(const struct proc *proc, const struct watched *task, uint64_t now_ns)
{
    return now_ns + (task->is_close ? proc->config.close_states_every_ns : proc->config.states_every_ns);
}

/* libproc2 reads a process with all of its threads or not at all. Where these are too many for one tick (or
 * libproc2 has no access), each thread's stat is read by itself. */
static unsigned sample_state_at(struct proc *proc, unsigned at, uint64_t now_ns)
{
    const int pid = proc->tasks[at].pid;
    const unsigned first = place_of(proc, pid, INT32_MIN);
    unsigned n = 0;
    while (first + n < proc->n_tasks && proc->tasks[first + n].pid == pid && n <= STATES_PER_TICK)
        n++;
    if (n > STATES_PER_TICK || !proc->states) {
        proc->tasks[at].states_due_ns = states_due_ns(proc, &proc->tasks[at], now_ns);
        sample_thread(proc, &proc->tasks[at], now_ns);
        return 1;
    }
    for (unsigned i = 0; i < n; i++)
        proc->tasks[first + i].states_due_ns = states_due_ns(proc, &proc->tasks[first + i], now_ns);
    sample_process(proc, pid, now_ns);
    return n;
}

/* Returns how many more than were to be: a process is read whole. */
static unsigned sample_states(struct proc *proc, bool close_ones, unsigned budget, uint64_t now_ns)
{
    unsigned n_read = 0;
    for (unsigned i = 0; i < proc->n_tasks && n_read < budget; i++) {
        const unsigned at = next_in_turn(proc, &proc->states_at[close_ones]);
        if ((!close_ones || proc->tasks[at].is_close) && now_ns >= proc->tasks[at].states_due_ns)
            n_read += sample_state_at(proc, at, now_ns);
    }
    return n_read > budget ? n_read - budget : 0;
}

static void proc_tick(struct source *source, uint64_t now_ns)
{
    struct proc *proc = (struct proc *)source;
    const bool is_crowd = proc->n_tasks > CROWD && proc->config.crowd_per_s;
    const unsigned share = is_crowd ? crowd_share(proc, now_ns) : 0;
    if (proc->n_close > 0 && !proc->refresh)
        sample_counters(proc, true, COUNTERS_PER_TICK, now_ns);
    if (proc->n_close > 0)
        sample_states(proc, true, STATES_PER_TICK, now_ns);
    sample_counters(proc, false,
                    proc->refresh ? proc->n_tasks
                    : is_crowd    ? share
                                  : COUNTERS_PER_TICK,
                    now_ns);
    proc->refresh = false;
    const unsigned n_more = sample_states(proc, false, is_crowd ? share : STATES_PER_TICK, now_ns);
    if (is_crowd)
        proc->crowd_ns += n_more * (NS_PER_S / proc->config.crowd_per_s);
    forget_gone(proc);
}

/* ---- the source ---- */

static unsigned proc_n_streams(const struct source *source)
{
    (void)source;
    return 1;
}

static size_t proc_read(struct source *source, unsigned stream, struct event *events, size_t max)
{
    struct proc *proc = (struct proc *)source;
    const unsigned n_waiting = proc->n_events - proc->first_event;
    const unsigned n = n_waiting < max ? n_waiting : (unsigned)max;
    (void)stream;
    if (n > 0)
        memcpy(events, &proc->events[proc->first_event], n * sizeof *events);
    proc->first_event += n;
    if (proc->first_event == proc->n_events)
        proc->first_event = proc->n_events = 0;
    return n;
}

static uint64_t proc_lost(const struct source *source)
{
    (void)source;
    return 0;
}

static void proc_close(struct source *source)
{
    struct proc *proc = (struct proc *)source;
    for (unsigned i = 0; i < proc->n_tasks; i++)
        close_files(proc, &proc->tasks[i]);
    close_dir(proc);
    if (proc->states)
        procps_pids_unref(&proc->states);
    if (proc->memory)
        procps_pids_unref(&proc->memory);
    if (proc->stat)
        procps_stat_unref(&proc->stat);
    if (proc->meminfo)
        procps_meminfo_unref(&proc->meminfo);
    free(proc->tasks);
    free(proc->events);
    free(proc);
}

static const struct source_ops proc_ops = {
    .name = "proc",
    .n_streams = proc_n_streams,
    .read = proc_read,
    .tick = proc_tick,
    .lost = proc_lost,
    .close = proc_close,
};

/* ---- figures on request ---- */

void proc_system_read(struct source *source, struct proc_system *system)
{
    enum stat_item counts[] = {STAT_SYS_CTX_SWITCHES, STAT_SYS_PROC_RUNNING};
    enum meminfo_item sizes[] = {MEMINFO_MEM_TOTAL, MEMINFO_MEM_AVAILABLE};
    struct proc *proc = (struct proc *)source;
    *system = (struct proc_system){0};
    const struct stat_stack *stat = proc->stat ? procps_stat_select(proc->stat, counts, 2) : NULL;
    if (stat) {
        system->context_switches = stat->head[0].result.ul_int;
        system->n_running = (unsigned)stat->head[1].result.ul_int;
    }
    const struct meminfo_stack *memory =
        proc->meminfo ? procps_meminfo_select(proc->meminfo, sizes, 2) : NULL;
    if (memory) {
        system->memory_total_kib = memory->head[0].result.ul_int;
        system->memory_available_kib = memory->head[1].result.ul_int;
    }
}

bool proc_memory_read(struct source *source, int pid, struct proc_memory *memory)
{
    struct proc *proc = (struct proc *)source;
    unsigned these[1] = {(unsigned)pid};
    *memory = (struct proc_memory){0};
    if (!proc->memory)
        return false;
    const struct pids_fetch *fetch = procps_pids_select(proc->memory, these, 1, PIDS_SELECT_PID);
    if (!fetch || fetch->counts->total < 1)
        return false;
    memory->resident_kib = fetch->stacks[0]->head[ITEM_RESIDENT].result.ul_int;
    memory->pss_kib = fetch->stacks[0]->head[ITEM_PSS].result.ul_int;
    return true;
}
