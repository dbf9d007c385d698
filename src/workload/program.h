/* What the tasks of a workload do: rt-app's grammar (tasks, phases, ordered actions) as a tree, with ours.
 *
 * Made by load.c and checked there; from then on it is only read, by schedviz, by the host and by the tasks,
 * which all have it because they are forked after it was made. docs: schedviz-workload(5). */
#ifndef SCHEDVIZ_PROGRAM_H
#define SCHEDVIZ_PROGRAM_H

#include "../cpuset.h"
#include "../err.h"
#include "../event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_NONE UINT32_MAX /* no object, no template */

/* Something that tasks share by name: made when its name is first used (rt-app's `resources`). */
struct object {
    char *name;
    enum object_kind kind;
    bool unique;      /* OBJECT_TIMER whose name begins with "unique": each task has one of its own */
    unsigned n_users; /* OBJECT_BARRIER: how often the name is used in the file, instances not counted */
    int64_t value;    /* OBJECT_SEM: where it begins */
    bool inherits;    /* OBJECT_MUTEX: with priority inheritance, as if pi_enabled were said for it alone */
};

enum action_kind {
    /* rt-app's */
    ACTION_RUN,      /* amount: ns of calibrated work */
    ACTION_RUNTIME,  /* amount: ns of time that passes, computing */
    ACTION_SLEEP,    /* amount: ns */
    ACTION_TIMER,    /* object; amount: period in ns; absolute */
    ACTION_LOCK,     /* object */
    ACTION_UNLOCK,   /* object */
    ACTION_WAIT,     /* object: condition; mutex; ours: again as long as while_counter is while_value */
    ACTION_SIGNAL,   /* object */
    ACTION_BROAD,    /* object */
    ACTION_SYNC,     /* object: condition; mutex: lock, signal, wait, unlock */
    ACTION_BARRIER,  /* object */
    ACTION_SUSPEND,  /* object (OBJECT_SUSPEND, named by the string or the task) */
    ACTION_RESUME,   /* object */
    ACTION_SEM_POST, /* object */
    ACTION_SEM_WAIT, /* object */
    ACTION_YIELD,
    ACTION_FORK,  /* template */
    ACTION_MEM,   /* amount: bytes written into the task's buffer */
    ACTION_IORUN, /* amount: bytes written to global.io_device */
    /* additions of schedviz */
    ACTION_ADD,      /* object: counter; amount: how many times; by how much each time; how */
    ACTION_CRASH,    /* amount: signal number */
    ACTION_BLOCK,    /* amount: ns in a blocking system call (a green thread takes its fellows with it) */
    ACTION_SEND,     /* object: channel; amount: how many messages; how */
    ACTION_RECEIVE,  /* the same; waits for them */
    ACTION_PINGPONG, /* object: channel; amount: round trips; how; bytes: touched by each side in each trip.
                        The first task that comes and the second one play with each other */
    ACTION_CREATE,   /* amount: how many tasks of create_kind to make, start, and wait for, one by one */
};

enum action_how {
    HOW_PLAIN, /* ADD: load, add, store: what a data race is */
    HOW_LOCKED,
    HOW_ATOMIC,
    HOW_SHARED, /* SEND, RECEIVE, PINGPONG: through shared memory and a futex */
    HOW_PIPE,
    HOW_YIELD, /* PINGPONG between green threads */
};

struct action {
    enum action_kind kind;
    uint32_t object, mutex; /* indexes into program.objects, or PROGRAM_NONE */
    uint32_t template;      /* index into program.templates, or PROGRAM_NONE */
    uint64_t amount;
    uint64_t bytes;
    int64_t by;             /* ADD: 1 unless said */
    uint32_t while_counter; /* WAIT: index of an OBJECT_COUNTER, or PROGRAM_NONE */
    int64_t while_value;
    enum action_how how;
    bool absolute;
    enum task_kind create_kind;
    int line; /* in the file, from 1 */
};

enum policy { POLICY_KEEP, POLICY_OTHER, POLICY_BATCH, POLICY_IDLE, POLICY_FIFO, POLICY_RR, POLICY_DEADLINE };

/* What a template or a phase asks of the scheduler; what is not said stays as it was. */
struct settings {
    enum policy policy;
    bool has_priority;
    int priority; /* nice for OTHER, BATCH; 1 to 99 for FIFO, RR */
    uint64_t dl_runtime_ns, dl_deadline_ns,
        dl_period_ns;       /* 0: not said. OTHER: dl_runtime is the slice asked */
    bool dl_reclaim;        /* DEADLINE: beyond dl_runtime it may take what others do not use */
    int util_min, util_max; /* -1: not said */
    bool has_cpus;
    struct cpuset cpus;
    bool has_nodes;
    uint64_t nodes;  /* bit n: NUMA node n; NUMA nodes from 64 on are refused by the loader */
    char *taskgroup; /* NULL: not said */
};

struct phase {
    char *name; /* "" where the template has no `phases` */
    int loop;   /* -1: for ever */
    struct settings settings;
    struct action *actions;
    unsigned n_actions;
};

struct template
{
    char *name;
    unsigned n_instances;
    uint64_t delay_ns;
    int loop; /* -1: for ever */
    bool has_kind;
    enum task_kind kind;
    bool scales; /* -n and the keys change how many instances there are; at most one template of a program */
    struct settings settings;
    struct phase *phases;
    unsigned n_phases;
    int line;
};

/* A formula (lesson/expression.h), and where it stands in the file. */
struct formula {
    char *text; /* NULL: not said */
    unsigned line, column;
};

/* Something in the file that is not done here as it is there, told once to the user. */
#define PROGRAM_MAX_WARNINGS 16

struct program_warning {
    char text[160];
};

struct program {
    char *file; /* as given */
    char *name; /* the lesson's or the file's, without folder and ending */
    char *text; /* all of the file, for a recording to keep; a NUL stands behind it */
    size_t length;
    struct template *templates;
    unsigned n_templates;
    struct object *objects;
    unsigned n_objects;
    struct program_warning *warnings;
    unsigned n_warnings;

    /* rt-app's `global` */
    uint64_t duration_ns;       /* 0: until all tasks have ended */
    enum policy default_policy; /* POLICY_OTHER unless said */
    bool pi_enabled, lock_pages;
    char *io_device;
    size_t mem_buffer_bytes;

    /* additions: how the whole is run unless the user says otherwise */
    bool has_kind;
    enum task_kind kind;
    struct formula cores; /* over `cpus` */
    struct formula tasks; /* the same, for the template that scales */
    int placement;        /* enum placement, or -1: not said (free, as rt-app does it) */

    struct lesson *lesson; /* NULL: it has no steps */
};

/* Reads, checks and limits-checks a workload file: rt-app's JSON (comments, trailing commas, repeated keys,
 * values left out) or YAML. text need not end with a NUL; file is for messages alone. NULL with one line
 * "FILE:LINE:COLUMN: what; way out" when it is wrong. */
struct program *program_load(const char *file, const char *text, size_t length, struct err *err);
/* The same from a file of at most 16 MiB; "-" is standard input. */
struct program *program_load_file(const char *file, struct err *err);
void program_free(struct program *program);

/* Adds a line to the warnings of a program; beyond PROGRAM_MAX_WARNINGS it is left out. */
void program_warn(struct program *program, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "FILE:LINE:COLUMN: " before the line in err (NULL: nothing is told), which is one line afterwards even
 * where a formula in it was several. Returns false. */
bool program_fail(const struct program *program, unsigned line, unsigned column, struct err *err);

uint32_t program_find_template(const struct program *program, const char *name); /* or PROGRAM_NONE */
/* The first in the file: one name may stand for objects of several kinds (rt-app's files do that). */
uint32_t program_find_object(const struct program *program, const char *name);
uint32_t program_scaling_template(const struct program *program); /* or PROGRAM_NONE */

/* Who is on the stage: one entry for each task to start, templates in file order but the one that scales last
 * and with n_scaled instances (0: as the file says). started: NULL for every template, else n_templates
 * flags. Fills at most max and returns how many there are. */
struct part {
    uint32_t template;
    unsigned instance;
};
unsigned program_cast(const struct program *program, const bool *started, unsigned n_scaled,
                      struct part *parts, unsigned max);

/* "worker-1" of the first instance of several, "worker" of a single one; a name that is too long loses its
 * end, not its number. Returns buf. */
char *program_task_name(const struct program *program, struct part part, bool several,
                        char buf[EVENT_NAME_SIZE]);

const char *action_name(enum action_kind kind); /* as in the file: "sem_post" */
const char *policy_name(enum policy policy);    /* "SCHED_BATCH" */

#endif
