/* Reads the tasks of a workload file: instances, phases, and the events in their order. */
#include "load.h"

#include "workload.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COUNT INT64_C(1000000000000)

/* ---- Objects and templates by name ---- */

static bool is_addition(enum object_kind kind)
{
    return kind == OBJECT_SEM || kind == OBJECT_COUNTER || kind == OBJECT_CHANNEL;
}

static const char *object_kind_name(enum object_kind kind)
{
    static const char *const names[] = {
        [OBJECT_MUTEX] = "a mutex",     [OBJECT_CONDITION] = "a condition",
        [OBJECT_BARRIER] = "a barrier", [OBJECT_SEM] = "a semaphore",
        [OBJECT_TIMER] = "a timer",     [OBJECT_SUSPEND] = "to suspend by",
        [OBJECT_COUNTER] = "a counter", [OBJECT_CHANNEL] = "a channel",
    };
    return names[kind];
}

/* rt-app's kinds have a space of names each, and its own files make use of that. */
static bool fits_others(struct loader *l, struct place at, const char *name, enum object_kind kind)
{
    for (unsigned other = 0; other < LOAD_N_OBJECT_KINDS; other++) {
        void *found;
        if (other == (unsigned)kind || (!is_addition(kind) && !is_addition((enum object_kind)other)) ||
            lh_table_length(l->objects[other]) == 0 || !lh_table_lookup_ex(l->objects[other], name, &found))
            continue;
        return load_fail(l, at, "`%s' is %s here, but %s in line %u; give one of them another name",
                         load_shown(name).text, object_kind_name(kind),
                         object_kind_name((enum object_kind)other),
                         l->object_notes[(uintptr_t)found - 1].place.line);
    }
    return true;
}

bool load_object(struct loader *l, struct place at, const char *name, enum object_kind kind, uint32_t *index)
{
    struct program *program = l->program;
    void *found;

    if (lh_table_lookup_ex(l->objects[kind], name, &found)) {
        *index = (uint32_t)(uintptr_t)found - 1;
        return true;
    }
    if (!fits_others(l, at, name, kind))
        return false;
    if (program->n_objects == LOAD_MAX_OBJECTS)
        return load_fail(l, at, "more than %d locks, conditions and the like; use fewer", LOAD_MAX_OBJECTS);
    if (program->n_objects == l->object_capacity) {
        l->object_capacity = l->object_capacity ? 2 * l->object_capacity : 64;
        program->objects = mem_resize(program->objects, l->object_capacity, sizeof *program->objects);
        l->object_notes = mem_resize(l->object_notes, l->object_capacity, sizeof *l->object_notes);
    }
    *index = program->n_objects++;
    program->objects[*index] =
        (struct object){.name = load_copy(name),
                        .kind = kind,
                        .unique = kind == OBJECT_TIMER && strncmp(name, "unique", strlen("unique")) == 0};
    l->object_notes[*index] = (struct object_note){.place = at};
    lh_table_insert(l->objects[kind], program->objects[*index].name, (void *)((uintptr_t)*index + 1));
    return true;
}

static bool object_by_node(struct loader *l, const struct node *node, const char *what, enum object_kind kind,
                           uint32_t *index)
{
    const char *name;
    return load_name(l, node, what, &name) && load_object(l, node->place, name, kind, index);
}

bool load_find_template(struct loader *l, const struct node *node, uint32_t *index)
{
    const char *name;
    void *found;

    if (!load_name(l, node, "a task", &name))
        return false;
    if (lh_table_lookup_ex(l->templates, name, &found)) {
        *index = (uint32_t)(uintptr_t)found - 1;
        return true;
    }
    struct nearest nearest = {.word = name};
    for (unsigned i = 0; i < l->program->n_templates; i++)
        nearest_try(&nearest, l->program->templates[i].name);
    if (nearest.best)
        return load_fail(l, node->place, "there is no task `%s'; did you mean `%s'?", load_shown(name).text,
                         load_shown(nearest.best).text);
    return load_fail(l, node->place, "there is no task `%s'; name one of `tasks'", load_shown(name).text);
}

/* ---- Events ---- */

/* What an event is read into; name: of the task, where a value left out means it. */
struct target {
    const char *name;
    struct action *action;
};

static bool read_time(struct loader *l, const struct node *value, const struct target *t)
{
    return load_time(l, value, action_name(t->action->kind), false, &t->action->amount);
}

static bool read_bytes(struct loader *l, const struct node *value, const struct target *t)
{
    int64_t bytes = 0;
    bool good = load_int(l, value, action_name(t->action->kind), 0, MAX_COUNT, &bytes);
    t->action->amount = (uint64_t)bytes;
    return good;
}

static bool read_object(struct loader *l, const struct node *value, const struct target *t)
{
    static const enum object_kind kinds[] = {
        [ACTION_LOCK] = OBJECT_MUTEX,       [ACTION_UNLOCK] = OBJECT_MUTEX,
        [ACTION_SIGNAL] = OBJECT_CONDITION, [ACTION_BROAD] = OBJECT_CONDITION,
        [ACTION_BARRIER] = OBJECT_BARRIER,  [ACTION_RESUME] = OBJECT_SUSPEND,
        [ACTION_SEM_POST] = OBJECT_SEM,     [ACTION_SEM_WAIT] = OBJECT_SEM,
    };
    struct action *a = t->action;

    if (!object_by_node(l, value, action_name(a->kind), kinds[a->kind], &a->object))
        return false;
    l->program->objects[a->object].n_users++;
    return true;
}

/* Without a value it is the task's own name. */
static bool read_suspend(struct loader *l, const struct node *value, const struct target *t)
{
    if (load_is_null(value) || (value->kind == NODE_SCALAR && !*value->text))
        return load_object(l, value->place, t->name, OBJECT_SUSPEND, &t->action->object);
    return object_by_node(l, value, "suspend", OBJECT_SUSPEND, &t->action->object);
}

/* `while': the loop around a wait for a condition that a counter tells. */
static bool read_while(struct loader *l, const struct node *value, struct action *a)
{
    static const char *const names[] = {"ref", "is"};
    const struct fields fields = {.what = "while", .names = names, .n = 2};
    const struct node *v[2];

    if (!value)
        return true;
    if (!load_fields(l, value, &fields, v))
        return false;
    if (!v[0] || !v[1])
        return load_fail(l, value->place, "while: `%s' is missing; write { ref: COUNTER, is: NUMBER }",
                         v[0] ? "is" : "ref");
    return object_by_node(l, v[0], "while", OBJECT_COUNTER, &a->while_counter) &&
           load_int(l, v[1], "is", INT_MIN, INT_MAX, &a->while_value);
}

static bool read_wait(struct loader *l, const struct node *value, const struct target *t)
{
    static const char *const names[] = {"ref", "mutex", "while"};
    bool is_wait = t->action->kind == ACTION_WAIT;
    const struct fields fields = {.what = is_wait ? "wait" : "sync", .names = names, .n = is_wait ? 3 : 2};
    const struct node *v[3] = {NULL};

    if (!load_fields(l, value, &fields, v) || !read_while(l, v[2], t->action))
        return false;
    if (!v[0] || !v[1])
        return load_fail(l, value->place, "%s: `%s' is missing; write { ref: CONDITION, mutex: MUTEX }",
                         action_name(t->action->kind), v[0] ? "mutex" : "ref");
    return object_by_node(l, v[0], "ref", OBJECT_CONDITION, &t->action->object) &&
           object_by_node(l, v[1], "mutex", OBJECT_MUTEX, &t->action->mutex);
}

/* Without `ref' all timers are one, as in rt-app. */
static bool read_timer(struct loader *l, const struct node *value, const struct target *t)
{
    static const char *const names[] = {"ref", "period", "mode"}, *const modes[] = {"relative", "absolute"};
    const struct fields fields = {.what = "timer", .names = names, .n = 3};
    const struct node *v[3];
    struct action *a = t->action;
    unsigned mode = 0;

    if (!load_fields(l, value, &fields, v) || (v[1] && !load_time(l, v[1], "period", false, &a->amount)) ||
        (v[2] && !load_word(l, v[2], "mode", modes, 2, &mode)))
        return false;
    a->absolute = mode == 1;
    return v[0] ? object_by_node(l, v[0], "ref", OBJECT_TIMER, &a->object)
                : load_object(l, value->place, "unknown", OBJECT_TIMER, &a->object);
}

static bool read_nothing(struct loader *l, const struct node *value, const struct target *t)
{
    (void)t;
    if (value->kind != NODE_SCALAR)
        return load_fail(l, value->place, "yield takes no value; leave it out");
    return true;
}

static bool read_fork(struct loader *l, const struct node *value, const struct target *t)
{
    return load_find_template(l, value, &t->action->template);
}

static bool read_count(struct loader *l, const struct node *value, const char *what, uint64_t *count)
{
    int64_t n = 1;
    bool good = !value || load_int(l, value, what, 1, MAX_COUNT, &n);
    *count = (uint64_t)n;
    return good;
}

static bool read_add(struct loader *l, const struct node *value, const struct target *t)
{
    static const char *const names[] = {"ref", "times", "how", "by"},
                             *const hows[] = {
                                 [HOW_PLAIN] = "plain", [HOW_LOCKED] = "locked", [HOW_ATOMIC] = "atomic"};
    const struct fields fields = {.what = "add", .names = names, .n = 4};
    const struct node *v[4] = {value, NULL, NULL, NULL};
    unsigned how = HOW_PLAIN;

    if (value->kind == NODE_MAPPING && !load_fields(l, value, &fields, v))
        return false;
    if (!v[0])
        return load_fail(l, value->place, "add: `ref' is missing; name a counter");
    if (!object_by_node(l, v[0], "add", OBJECT_COUNTER, &t->action->object) ||
        !read_count(l, v[1], "times", &t->action->amount) ||
        (v[2] && !load_word(l, v[2], "how", hows, 3, &how)) ||
        (v[3] && !load_int(l, v[3], "by", INT_MIN, INT_MAX, &t->action->by)))
        return false;
    t->action->how = (enum action_how)how;
    return true;
}

/* Signals that do not end a process by themselves, and those that the engine needs (signal(7)). */
static bool kills(int number)
{
    static const int others[] = {SIGCHLD, SIGCONT, SIGSTOP,  SIGTSTP, SIGTTIN,
                                 SIGTTOU, SIGURG,  SIGWINCH, SIGUSR1, SIGUSR2};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i] == number)
            return false;
    return number > 0 && number < 32 && sigabbrev_np(number);
}

static bool read_crash(struct loader *l, const struct node *value, const struct target *t)
{
    const char *name = "SEGV";
    int64_t number = 0;

    t->action->amount = SIGSEGV;
    if (load_is_null(value))
        return true;
    if (!load_name(l, value, "crash", &name))
        return false;
    if (text_number(name, &number) != TEXT_IS_NUMBER) {
        name += strncmp(name, "SIG", 3) == 0 ? 3 : 0;
        number = 31;
        while (number > 0 && (!sigabbrev_np((int)number) || strcmp(sigabbrev_np((int)number), name) != 0))
            number--;
    }
    if (number <= 0 || number >= 32 || !kills((int)number))
        return load_fail(l, value->place, "crash: `%s' is no signal that ends a task; say SEGV, ABRT or KILL",
                         load_shown(value->text).text);
    t->action->amount = (uint64_t)number;
    return true;
}

static bool use_channel(struct loader *l, const struct node *value, struct action *a)
{
    struct object_note *note = &l->object_notes[a->object];
    bool pingpong = a->kind == ACTION_PINGPONG;

    note->messages |= !pingpong;
    note->pingpongs |= pingpong;
    if (note->messages && note->pingpongs)
        return load_fail(l, value->place, "`%s' is for messages and for ping-pong; give one another name",
                         load_shown(l->program->objects[a->object].name).text);
    return true;
}

static bool read_via(struct loader *l, const struct node *value, struct action *a)
{
    static const char *const vias[] = {"shared", "pipe", "yield"};
    struct object_note *note = &l->object_notes[a->object];
    unsigned via = 0;

    if (!value)
        return true;
    if (!load_word(l, value, "via", vias, a->kind == ACTION_PINGPONG ? 3 : 2, &via))
        return false;
    if (note->has_via && note->via != HOW_SHARED + via)
        return load_fail(l, value->place, "`%s' goes another way elsewhere; say the same `via' everywhere",
                         load_shown(l->program->objects[a->object].name).text);
    note->has_via = true;
    note->via = HOW_SHARED + via;
    return true;
}

static bool read_message(struct loader *l, const struct node *value, const struct target *t)
{
    static const char *const names[] = {"send", "to", "receive", "from", "pingpong", "count", "via", "bytes"};
    const struct fields fields = {.what = "message", .names = names, .n = 8};
    const struct node *v[8], *channel = NULL;
    struct action *a = t->action;
    int64_t bytes = 0;

    if (!load_fields(l, value, &fields, v))
        return false;
    for (unsigned i = 0; i < 5; i++) {
        if (!v[i])
            continue;
        if (channel)
            return load_fail(l, v[i]->place,
                             "message: `%s' is too much; say one of send, receive and pingpong", names[i]);
        channel = v[i];
        a->kind = i < 2 ? ACTION_SEND : i < 4 ? ACTION_RECEIVE : ACTION_PINGPONG;
    }
    if (!channel)
        return load_fail(l, value->place,
                         "message: say { send: NAME }, { receive: NAME } or { pingpong: NAME }");
    if (v[7] && a->kind != ACTION_PINGPONG)
        return load_fail(l, v[7]->place, "message: `bytes' is for pingpong alone; leave it out");
    if (!object_by_node(l, channel, "message", OBJECT_CHANNEL, &a->object) ||
        !read_count(l, v[5], "count", &a->amount) || !use_channel(l, channel, a) || !read_via(l, v[6], a) ||
        (v[7] && !load_int(l, v[7], "bytes", 0, MAX_COUNT, &bytes)))
        return false;
    a->bytes = (uint64_t)bytes;
    return true;
}

static bool read_create(struct loader *l, const struct node *value, const struct target *t)
{
    static const char *const names[] = {"kind", "count"};
    const struct fields fields = {.what = "create", .names = names, .n = 2};
    const struct node *v[2] = {value, NULL};
    bool has_kind;

    if (value->kind == NODE_MAPPING && !load_fields(l, value, &fields, v))
        return false;
    return (!v[0] || load_kind(l, v[0], &has_kind, &t->action->create_kind)) &&
           read_count(l, v[1], "count", &t->action->amount);
}

/* A word stands before those that it begins with. */
static const struct event_word {
    const char *word;
    enum action_kind kind;
    bool (*read)(struct loader *l, const struct node *value, const struct target *target);
} event_words[] = {
    {"runtime", ACTION_RUNTIME, read_time},
    {"run", ACTION_RUN, read_time},
    {"sleep", ACTION_SLEEP, read_time},
    {"timer", ACTION_TIMER, read_timer},
    {"lock", ACTION_LOCK, read_object},
    {"unlock", ACTION_UNLOCK, read_object},
    {"wait", ACTION_WAIT, read_wait},
    {"signal", ACTION_SIGNAL, read_object},
    {"broad", ACTION_BROAD, read_object},
    {"sync", ACTION_SYNC, read_wait},
    {"barrier", ACTION_BARRIER, read_object},
    {"suspend", ACTION_SUSPEND, read_suspend},
    {"resume", ACTION_RESUME, read_object},
    {"sem_post", ACTION_SEM_POST, read_object},
    {"sem_wait", ACTION_SEM_WAIT, read_object},
    {"yield", ACTION_YIELD, read_nothing},
    {"fork", ACTION_FORK, read_fork},
    {"memrun", ACTION_MEM, read_bytes},
    {"mem", ACTION_MEM, read_bytes},
    {"iorun", ACTION_IORUN, read_bytes},
    {"add", ACTION_ADD, read_add},
    {"crash", ACTION_CRASH, read_crash},
    {"block", ACTION_BLOCK, read_time},
    {"message", ACTION_SEND, read_message},
    {"create", ACTION_CREATE, read_create},
};
#define N_EVENT_WORDS (sizeof event_words / sizeof *event_words)

static bool begins_with(const char *name, const char *word)
{
    while (*word && *name == *word)
        name++, word++;
    return !*word;
}

/* rt-app's rule: an event is a word with anything after it, run0 or lock_again; the longest word counts. */
static const struct event_word *find_event(const char *name)
{
    size_t i = 0;

    while (i < N_EVENT_WORDS && !begins_with(name, event_words[i].word))
        i++;
    if (i == N_EVENT_WORDS || strcmp(name, "membind_nodes") == 0)
        return NULL;
    return &event_words[i];
}

/* ---- Settings ---- */

enum field {
    FIELD_CPUS,
    FIELD_POLICY,
    FIELD_PRIORITY,
    FIELD_DL_RUNTIME,
    FIELD_DL_PERIOD,
    FIELD_DL_DEADLINE,
    FIELD_DL_RECLAIM,
    FIELD_UTIL_MIN,
    FIELD_UTIL_MAX,
    FIELD_NODES_MEMBIND,
    FIELD_MEMBIND_NODES,
    FIELD_TASKGROUP,
    FIELD_LOOP,
    N_PHASE_FIELDS, /* what follows is for whole tasks */
    FIELD_INSTANCE = N_PHASE_FIELDS,
    FIELD_DELAY,
    FIELD_KIND,
    FIELD_SCALES,
    FIELD_PERIOD, /* rt-app's names of old for dl-* */
    FIELD_DEADLINE,
    N_SIMPLE_TASK_FIELDS, /* what follows is for tasks that have phases */
    FIELD_PHASES = N_SIMPLE_TASK_FIELDS,
    FIELD_RUNTIME,
    N_TASK_FIELDS
};

static const char *const field_names[N_TASK_FIELDS] = {
    [FIELD_CPUS] = "cpus",
    [FIELD_POLICY] = "policy",
    [FIELD_PRIORITY] = "priority",
    [FIELD_DL_RUNTIME] = "dl-runtime",
    [FIELD_DL_PERIOD] = "dl-period",
    [FIELD_DL_DEADLINE] = "dl-deadline",
    [FIELD_DL_RECLAIM] = "dl-reclaim",
    [FIELD_UTIL_MIN] = "util_min",
    [FIELD_UTIL_MAX] = "util_max",
    [FIELD_NODES_MEMBIND] = "nodes_membind",
    [FIELD_MEMBIND_NODES] = "membind_nodes",
    [FIELD_TASKGROUP] = "taskgroup",
    [FIELD_LOOP] = "loop",
    [FIELD_INSTANCE] = "instance",
    [FIELD_DELAY] = "delay",
    [FIELD_KIND] = "kind",
    [FIELD_SCALES] = "scales",
    [FIELD_PERIOD] = "period",
    [FIELD_DEADLINE] = "deadline",
    [FIELD_PHASES] = "phases",
    [FIELD_RUNTIME] = "runtime",
};

static bool is_event(const char *name, struct nearest *nearest)
{
    for (size_t i = 0; nearest && i < N_EVENT_WORDS; i++)
        nearest_try(nearest, event_words[i].word);
    return find_event(name) != NULL;
}

/* `lock_order' and `exec' are of the grammar that rt-app had until 2014; one version of it ran functions out
 * of shared libraries. */
static bool refuse_other_grammars(struct loader *l, const struct node *node)
{
    for (const struct node *key = node->first; key; key = key->next->next) {
        if (strcmp(key->text, "exec") == 0 || strcmp(key->text, "lock_order") == 0)
            return load_fail(l, key->place,
                             "`%s' is of a grammar that rt-app gave up; write it as events: run, lock, sleep",
                             key->text);
        if (begins_with(key->text, "external_workload"))
            return load_fail(l, key->place,
                             "`%s' calls a shared library, which is not done here; write it as events: run, "
                             "lock, sleep",
                             load_shown(key->text).text);
    }
    return true;
}

static bool read_fields(struct loader *l, const struct node *node, const char *what, unsigned n,
                        const struct node **values)
{
    const struct fields fields = {.what = what, .names = field_names, .n = n, .other = is_event};

    return (node->kind != NODE_MAPPING || refuse_other_grammars(l, node)) &&
           load_fields(l, node, &fields, values);
}

void load_no_settings(struct settings *settings)
{
    *settings = (struct settings){.policy = POLICY_KEEP, .util_min = -1, .util_max = -1};
}

static bool read_cpus(struct loader *l, const struct node *value, struct settings *settings)
{
    int64_t cpu = 0;

    if (!load_is_sequence(l, value, "cpus"))
        return false;
    for (const struct node *node = value->first; node; node = node->next) {
        if (!load_int(l, node, "cpus", 0, CPUSET_MAX - 1, &cpu))
            return false;
        cpuset_add(&settings->cpus, (int)cpu);
    }
    settings->has_cpus = value->first != NULL;
    return settings->has_cpus ||
           load_fail(l, value->place, "cpus: the list is empty; name a CPU, or leave it out for all");
}

static bool read_nodes(struct loader *l, const struct node *value, struct settings *settings)
{
    int64_t number = 0;

    if (!load_is_sequence(l, value, "nodes_membind"))
        return false;
    for (const struct node *node = value->first; node; node = node->next) {
        if (!load_int(l, node, "nodes_membind", 0, 63, &number))
            return false;
        settings->nodes |= UINT64_C(1) << number;
    }
    settings->has_nodes = value->first != NULL;
    return settings->has_nodes ||
           load_fail(l, value->place, "nodes_membind: the list is empty; name a node, or leave it out");
}

/* The name becomes a path below the mount point of cgroups, and is to stay there. */
static bool read_taskgroup(struct loader *l, const struct node *value, struct settings *settings)
{
    if (load_is_null(value) || (value->kind == NODE_SCALAR && !*value->text))
        return true;
    if (!load_text(l, value, "taskgroup", &settings->taskgroup))
        return false;
    if (settings->taskgroup[0] != '/')
        return load_fail(l, value->place, "taskgroup: `%s' does not begin with /; write \"/%s\"",
                         load_shown(value->text).text, load_shown(value->text).text);
    for (const char *part = settings->taskgroup; *part;) {
        part += strspn(part, "/");
        size_t n = strcspn(part, "/\n\t");
        if (part[n] == '\n' || part[n] == '\t' || (n == 1 && part[0] == '.') ||
            (n == 2 && strncmp(part, "..", 2) == 0))
            return load_fail(l, value->place, "taskgroup: `%s' is not a plain path; write \"/GROUP/GROUP\"",
                             load_shown(value->text).text);
        part += n;
    }
    return true;
}

static bool read_util(struct loader *l, const struct node *value, const char *what, int *util)
{
    int64_t number = 0;
    bool good = load_int(l, value, what, -1, 1024, &number); /* SCHED_CAPACITY_SCALE of the kernel */
    *util = (int)number;
    return good;
}

static bool read_settings(struct loader *l, const struct node *const *v, struct settings *s)
{
    const struct node *nodes = v[FIELD_NODES_MEMBIND] ? v[FIELD_NODES_MEMBIND] : v[FIELD_MEMBIND_NODES];

    if (v[FIELD_NODES_MEMBIND] && v[FIELD_MEMBIND_NODES])
        return load_fail(l, v[FIELD_MEMBIND_NODES]->place,
                         "membind_nodes is nodes_membind by another name; leave one of them out");
    return (!v[FIELD_CPUS] || read_cpus(l, v[FIELD_CPUS], s)) &&
           (!v[FIELD_POLICY] || load_policy(l, v[FIELD_POLICY], &s->policy)) &&
           (!v[FIELD_PRIORITY] || load_priority(l, v[FIELD_PRIORITY], s)) &&
           (!v[FIELD_DL_RUNTIME] ||
            load_time(l, v[FIELD_DL_RUNTIME], "dl-runtime", false, &s->dl_runtime_ns)) &&
           (!v[FIELD_DL_PERIOD] || load_time(l, v[FIELD_DL_PERIOD], "dl-period", false, &s->dl_period_ns)) &&
           (!v[FIELD_DL_DEADLINE] ||
            load_time(l, v[FIELD_DL_DEADLINE], "dl-deadline", false, &s->dl_deadline_ns)) &&
           (!v[FIELD_DL_RECLAIM] || load_bool(l, v[FIELD_DL_RECLAIM], "dl-reclaim", &s->dl_reclaim)) &&
           (!v[FIELD_UTIL_MIN] || read_util(l, v[FIELD_UTIL_MIN], "util_min", &s->util_min)) &&
           (!v[FIELD_UTIL_MAX] || read_util(l, v[FIELD_UTIL_MAX], "util_max", &s->util_max)) &&
           (!nodes || read_nodes(l, nodes, s)) &&
           (!v[FIELD_TASKGROUP] || read_taskgroup(l, v[FIELD_TASKGROUP], s));
}

static bool fit_priority(struct loader *l, struct place at, enum policy policy, const struct settings *s)
{
    bool real_time = policy == POLICY_FIFO || policy == POLICY_RR;

    if (!s->has_priority || policy == POLICY_KEEP)
        return true;
    if (policy == POLICY_DEADLINE || policy == POLICY_IDLE) {
        if (s->priority != 0)
            program_warn(l->program, "line %u: priority %d means nothing under %s", at.line, s->priority,
                         policy_name(policy));
        return true;
    }
    if (real_time && s->priority < 1)
        return load_fail(l, at, "priority %d: %s has 1 to 99", s->priority, policy_name(policy));
    if (!real_time && s->priority > 19)
        return load_fail(l, at, "priority %d: %s has nice values, -20 to 19", s->priority,
                         policy_name(policy));
    return true;
}

/* sched(7): runtime <= deadline <= period; what is not said is the one before, as in rt-app. */
static bool fit_deadline(struct loader *l, struct place at, struct settings *s)
{
    if (!s->dl_runtime_ns)
        return load_fail(l, at, "SCHED_DEADLINE without a runtime; give dl-runtime and dl-period");
    if (!s->dl_period_ns)
        s->dl_period_ns = s->dl_deadline_ns ? s->dl_deadline_ns : s->dl_runtime_ns;
    if (!s->dl_deadline_ns)
        s->dl_deadline_ns = s->dl_period_ns;
    if (s->dl_runtime_ns > s->dl_deadline_ns || s->dl_deadline_ns > s->dl_period_ns)
        return load_fail(l, at, "dl-runtime, dl-deadline and dl-period must not decrease in this order");
    return true;
}

bool load_fit_settings(struct loader *l, struct place at, enum policy policy, struct settings *s)
{
    if (s->util_min >= 0 && s->util_max >= 0 && s->util_min > s->util_max)
        return load_fail(l, at, "util_min %d is above util_max %d; exchange them", s->util_min, s->util_max);
    if (s->dl_reclaim && policy != POLICY_KEEP && policy != POLICY_DEADLINE)
        program_warn(l->program, "line %u: dl-reclaim means nothing under %s", at.line, policy_name(policy));
    return fit_priority(l, at, policy, s) && (policy != POLICY_DEADLINE || fit_deadline(l, at, s));
}

/* ---- Phases ---- */

static bool read_loop(struct loader *l, const struct node *value, int *loop)
{
    int64_t number = 0;

    if (!load_int(l, value, "loop", -1, INT_MAX, &number))
        return false;
    if (number == 0)
        return load_fail(l, value->place, "loop: 0 would do nothing; give how many times, or -1 for ever");
    *loop = (int)number;
    return true;
}

static bool note_action(struct loader *l, struct place place)
{
    if (l->n_actions == LOAD_MAX_ACTIONS)
        return load_fail(l, place, "more than %d events; use `loop'", LOAD_MAX_ACTIONS);
    if (l->n_actions == l->action_capacity) {
        l->action_capacity = l->action_capacity ? 2 * l->action_capacity : 256;
        l->action_places = mem_resize(l->action_places, l->action_capacity, sizeof *l->action_places);
    }
    l->action_places[l->n_actions++] = place;
    return true;
}

static bool read_actions(struct loader *l, const struct node *node, const char *name, struct phase *phase)
{
    phase->actions = mem_new(node->n_children / 2, sizeof *phase->actions); /* some may be settings */
    for (const struct node *key = node->first; key; key = key->next->next) {
        const struct event_word *word = find_event(key->text);
        if (!word)
            continue;
        struct action *a = &phase->actions[phase->n_actions++];
        *a = (struct action){.kind = word->kind,
                             .object = PROGRAM_NONE,
                             .mutex = PROGRAM_NONE,
                             .template = PROGRAM_NONE,
                             .while_counter = PROGRAM_NONE,
                             .by = 1,
                             .line = (int)key->place.line};
        if (!note_action(l, key->place) ||
            !word->read(l, key->next, &(struct target){.name = name, .action = a}))
            return false;
    }
    return phase->n_actions > 0 ||
           load_fail(l, node->place, "nothing to do in it; give it an event: run, sleep, lock ...");
}

static bool new_phases(struct loader *l, struct place at, struct template *template, unsigned n)
{
    if (n > LOAD_MAX_PHASES - l->n_phases)
        return load_fail(l, at, "more than %d phases; use `loop'", LOAD_MAX_PHASES);
    l->n_phases += n;
    template->phases = mem_new(n, sizeof *template->phases);
    return true;
}

/* The task is one phase by itself: its `loop' is the template's. */
static bool read_only_phase(struct loader *l, const struct node *node, struct template *template)
{
    if (!new_phases(l, node->place, template, 1))
        return false;
    struct phase *phase = &template->phases[template->n_phases++];
    phase->name = load_copy("");
    phase->loop = 1;
    load_no_settings(&phase->settings);
    return read_actions(l, node, template->name, phase);
}

static bool read_phase(struct loader *l, const struct node *key, struct template *template)
{
    struct phase *phase = &template->phases[template->n_phases++];
    const struct node *v[LOAD_MAX_FIELDS];

    phase->loop = 1;
    load_no_settings(&phase->settings);
    phase->name = load_copy(load_shown(key->text).text);
    return read_fields(l, key->next, "a phase", N_PHASE_FIELDS, v) &&
           (!v[FIELD_LOOP] || read_loop(l, v[FIELD_LOOP], &phase->loop)) &&
           read_settings(l, v, &phase->settings) &&
           load_fit_settings(l, key->place, phase->settings.policy, &phase->settings) &&
           read_actions(l, key->next, template->name, phase);
}

static bool read_phases(struct loader *l, const struct node *node, struct template *template)
{
    if (!load_is_mapping(l, node, "phases"))
        return false;
    if (node->n_children == 0)
        return load_fail(l, node->place, "phases: there is none; give one, with something to do");
    if (!new_phases(l, node->place, template, node->n_children / 2))
        return false;
    for (const struct node *key = node->first; key; key = key->next->next)
        if (!read_phase(l, key, template))
            return false;
    return true;
}

/* rt-app refuses it too: groups of cgroups' cpu controller are for policies that share. */
static bool check_taskgroups(struct loader *l, struct place at, enum policy policy,
                             const struct template *template)
{
    const char *group = template->settings.taskgroup;

    for (unsigned i = 0; i < template->n_phases; i++) {
        const struct settings *s = &template->phases[i].settings;
        if (s->policy != POLICY_KEEP)
            policy = s->policy;
        if (s->taskgroup)
            group = s->taskgroup;
        if (group && (policy == POLICY_FIFO || policy == POLICY_RR || policy == POLICY_DEADLINE))
            return load_fail(l, at, "a task group under %s; the kernel has groups for SCHED_OTHER alone",
                             policy_name(policy));
    }
    return true;
}

/* ---- Tasks ---- */

/* A number, or a formula: then this is the template that scales. */
static bool read_instance(struct loader *l, const struct node *value, struct template *template)
{
    int64_t number = 0;

    if (value->kind == NODE_SCALAR && !load_is_null(value) &&
        text_number(value->text, &number) == TEXT_NO_NUMBER) {
        if (l->program->tasks.text)
            return load_fail(l, value->place,
                             "a second formula for the number of tasks; one task may have it");
        template->n_instances = 1;
        template->scales = true;
        return load_setting(l, value, "instance", 1, &l->program->tasks);
    }
    if (!load_int(l, value, "instance", 0, WORKLOAD_MAX_TASKS, &number))
        return false;
    template->n_instances = (unsigned)number;
    return true;
}

/* rt-app's older names, and `runtime' where it cannot be the event; where it can be both, it is. */
static bool read_old_deadline(struct loader *l, const struct node *node, const struct node *const *v,
                              enum policy policy, struct settings *s)
{
    const struct node *runtime = v[FIELD_PHASES] ? v[FIELD_RUNTIME] : NULL;

    for (const struct node *key = node->first; key && !v[FIELD_PHASES] && policy == POLICY_DEADLINE;
         key = key->next->next)
        if (strcmp(key->text, "runtime") == 0)
            runtime = key->next;
    return (!runtime || s->dl_runtime_ns || load_time(l, runtime, "runtime", false, &s->dl_runtime_ns)) &&
           (!v[FIELD_PERIOD] || s->dl_period_ns ||
            load_time(l, v[FIELD_PERIOD], "period", false, &s->dl_period_ns)) &&
           (!v[FIELD_DEADLINE] || s->dl_deadline_ns ||
            load_time(l, v[FIELD_DEADLINE], "deadline", false, &s->dl_deadline_ns));
}

static bool has_phases(const struct node *node)
{
    for (const struct node *key = node->first; key; key = key->next->next)
        if (strcmp(key->text, field_names[FIELD_PHASES]) == 0)
            return true;
    return false;
}

static bool read_what_it_does(struct loader *l, const struct node *node, const struct node *phases,
                              struct template *template)
{
    if (!phases)
        return read_only_phase(l, node, template);
    for (const struct node *key = node->first; key; key = key->next->next) {
        if (strcmp(key->text, field_names[FIELD_RUNTIME]) == 0 || !find_event(key->text))
            continue;
        program_warn(l->program,
                     "line %u: `%s' stands beside `phases' and is not run, as in rt-app; put it into a phase",
                     key->place.line, load_shown(key->text).text);
        break;
    }
    return read_phases(l, phases, template);
}

static bool read_task(struct loader *l, const struct node *key, struct template *template)
{
    const struct node *v[LOAD_MAX_FIELDS] = {NULL}, *node = key->next;
    struct settings *s = &template->settings;
    bool phased = node->kind == NODE_MAPPING && has_phases(node);
    enum policy policy;

    if (!read_fields(l, node, "a task", phased ? N_TASK_FIELDS : N_SIMPLE_TASK_FIELDS, v) ||
        !read_settings(l, v, s))
        return false;
    policy = s->policy == POLICY_KEEP ? l->program->default_policy : s->policy;
    return read_old_deadline(l, node, v, policy, s) && load_fit_settings(l, key->place, policy, s) &&
           (!v[FIELD_LOOP] || read_loop(l, v[FIELD_LOOP], &template->loop)) &&
           (!v[FIELD_DELAY] || load_time(l, v[FIELD_DELAY], "delay", false, &template->delay_ns)) &&
           (!v[FIELD_KIND] || load_kind(l, v[FIELD_KIND], &template->has_kind, &template->kind)) &&
           (!v[FIELD_SCALES] || load_bool(l, v[FIELD_SCALES], "scales", &template->scales)) &&
           (!v[FIELD_INSTANCE] || read_instance(l, v[FIELD_INSTANCE], template)) &&
           read_what_it_does(l, node, phased ? v[FIELD_PHASES] : NULL, template) &&
           check_taskgroups(l, key->place, policy, template);
}

/* Names first: a fork may name a task that comes later. */
static bool name_tasks(struct loader *l, const struct node *tasks)
{
    struct program *program = l->program;
    unsigned n = tasks->n_children / 2;

    if (n == 0)
        return load_fail(l, tasks->place, "tasks: there is none; give one a name and something to do");
    if (n > LOAD_MAX_TEMPLATES)
        return load_fail(l, tasks->place, "tasks: %u are too many; give at most %d, with `instance' for more",
                         n, LOAD_MAX_TEMPLATES);
    program->templates = mem_new(n, sizeof *program->templates);
    l->template_places = mem_new(n, sizeof *l->template_places);
    for (const struct node *key = tasks->first; key; key = key->next->next) {
        const char *name;
        void *found;
        if (!load_name(l, key, "tasks", &name))
            return false;
        if (lh_table_lookup_ex(l->templates, name, &found))
            return load_fail(l, key->place,
                             "there is a task `%s' in line %u already; give this one another name",
                             load_shown(name).text, l->template_places[(uintptr_t)found - 1].line);
        l->template_places[program->n_templates] = key->place;
        struct template *template = &program->templates[program->n_templates++];
        *template = (struct template){
            .name = load_copy(name), .n_instances = 1, .loop = -1, .line = (int)key->place.line};
        load_no_settings(&template->settings);
        lh_table_insert(l->templates, template->name, (void *)(uintptr_t)program->n_templates);
    }
    return true;
}

bool load_tasks(struct loader *l, const struct node *tasks)
{
    struct template *template;

    if (!load_is_mapping(l, tasks, "tasks") || !name_tasks(l, tasks))
        return false;
    template = l->program->templates;
    template->scales = l->program->n_templates == 1;
    for (const struct node *key = tasks->first; key; key = key->next->next)
        if (!read_task(l, key, template ++))
            return false;
    return true;
}
