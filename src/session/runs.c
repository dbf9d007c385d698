/* Wanted and real: runs claim slots, and every step brings the engine nearer to what they claim. */
#include "runs.h"

#include "../clock.h"
#include "state.h"

#include <string.h>

struct run_state *runs_current(const struct session *s)
{
    return &s->runs.all[s->runs.current];
}

static struct run_state *run_of_slot(const struct session *s, unsigned slot)
{
    uint16_t number = s->runs.slots[slot].run;
    return number ? &s->runs.all[number - 1] : NULL;
}

/* ---- places ---- */

static const struct template *template_of_slot(const struct session *s, unsigned slot)
{
    const struct run_state *rs = run_of_slot(s, slot);
    return rs && rs->program ? &rs->program->templates[s->runs.slots[slot].part.template] : NULL;
}

/* The CPUs that the file gives a task, as far as they may be used. */
static bool template_cpus(const struct session *s, unsigned slot, struct cpuset *cpus)
{
    const struct template *template = template_of_slot(s, slot);
    if (!template || !template->settings.has_cpus)
        return false;
    *cpus = template->settings.cpus;
    for (int cpu = cpuset_next(cpus, -1); cpu >= 0; cpu = cpuset_next(cpus, cpu)) {
        if (!cpuset_has(&s->machine->allowed, cpu))
            cpuset_remove(cpus, cpu);
    }
    return cpuset_count(cpus) > 0;
}

static void slot_cpus(const struct session *s, const struct run_state *rs, unsigned slot, struct cpuset *cpus)
{
    if (template_cpus(s, slot, cpus))
        return;
    if (rs->run.placement == PLACEMENT_FREE) {
        *cpus = rs->run.cpus;
        return;
    }
    memset(cpus, 0, sizeof *cpus);
    cpuset_add(cpus, cpuset_nth(&rs->run.cpus, (slot - rs->first_slot) % cpuset_count(&rs->run.cpus)));
}

void runs_place(struct session *s, const struct run_state *rs)
{
    struct err err;
    if (!s->engine && !foreign_place(s, &err))
        session_say(s, "%s", err.msg);
    for (unsigned slot = rs->first_slot; slot < rs->first_slot + rs->n_slots; slot++) {
        struct cpuset cpus;
        slot_cpus(s, rs, slot, &cpus);
        if (!engine_place(s->engine, slot, &cpus, &err))
            session_say(s, "%s", err.msg);
    }
}

struct cpuset runs_cpus(const struct session *s)
{
    struct cpuset used = {0};
    for (unsigned i = 0; i < s->runs.n; i++) {
        const struct run_state *rs = &s->runs.all[i];
        for (int cpu = cpuset_next(&rs->run.cpus, -1); rs->active && cpu >= 0;
             cpu = cpuset_next(&rs->run.cpus, cpu))
            cpuset_add(&used, cpu);
    }
    return used;
}

/* ---- one slot ---- */

static void watch_slot(struct session *s, struct slot *slot, const struct engine_task *task)
{
    /* The kernel knows no green task. */
    bool lives = (task->state == ENGINE_GATED || task->state == ENGINE_RUNNING) && task->kind != TASK_GREEN;
    if (lives && slot->watched_tid != task->tid) {
        if (slot->watched_tid)
            proc_unwatch(s->sources.proc, slot->watched_tid);
        proc_watch(s->sources.proc, task->pid, task->tid);
        slot->watched_tid = task->tid;
    } else if (!lives && slot->watched_tid && task->state != ENGINE_STOPPING) {
        proc_unwatch(s->sources.proc, slot->watched_tid);
        slot->watched_tid = 0;
    }
}

static void spawn_slot(struct session *s, unsigned i)
{
    struct slot *slot = &s->runs.slots[i];
    const struct run_state *rs = run_of_slot(s, i);
    struct engine_order order = {.kind = slot->kind,
                                 .run = slot->run,
                                 .work_ns = rs->run.work_ns,
                                 .done_ns = slot->done_ns,
                                 .part = slot->part,
                                 .several = slot->several,
                                 .settings = rs->settings};
    struct err err;
    slot_cpus(s, rs, i, &order.cpus);
    if (!engine_spawn(s->engine, i, &order, &err)) {
        session_say(s, "%s", err.msg);
        slot->run = 0;
    }
    slot->told = false;
}

static void tell_death(struct session *s, struct slot *slot, const struct engine_task *task)
{
    if (slot->told)
        return;
    slot->told = true;
    const struct program *program = run_of_slot(s, (unsigned)task->slot)->program;
    char name[EVENT_NAME_SIZE];
    if (program)
        program_task_name(program, slot->part, slot->several, name);
    else
        workload_task_name((unsigned)task->slot, name);
    if (!engine_alive(s->engine, NULL))
        return; /* told once, for all */
    if (task->tid == 0)
        session_say(s, "task %s could not be started: %s", name, engine_error(s->engine));
    else if ((task->status & 0x7f) != 0)
        session_say(s, "task %s (%d) was ended by signal %d", name, task->tid, task->status & 0x7f);
    else
        session_say(s, "task %s (%d) ended with status %d", name, task->tid, task->status >> 8 & 0xff);
}

static bool is_there(const struct engine_task *task)
{
    return task->state != ENGINE_EMPTY && task->state != ENGINE_DONE && task->state != ENGINE_DIED;
}

/* A task that another one forked belongs to the run as long as that is active. */
static bool step_forked(struct session *s, unsigned i, const struct engine_task *task)
{
    if (is_there(task)) {
        bool right = s->runs.all[task->run - 1].active;
        if (!right)
            engine_stop(s->engine, i);
        return right;
    }
    if (!s->runs.slots[i].run)
        return true;
    spawn_slot(s, i);
    return false;
}

/* One step of one slot towards what is wanted of it. Returns true when it is where it should be, or past it.
 */
static bool step_slot(struct session *s, unsigned i)
{
    struct slot *slot = &s->runs.slots[i];
    struct engine_task task = engine_task(s->engine, i);
    watch_slot(s, slot, &task);
    if (task.forked)
        return step_forked(s, i, &task);
    bool right = slot->run && task.run == slot->run && task.kind == slot->kind;
    switch (task.state) {
    case ENGINE_EMPTY:
        if (!slot->run)
            return true;
        if (task.run == slot->run)
            slot->done_ns = task.work_done_ns; /* it was ended only to go on as another kind */
        spawn_slot(s, i);
        return false;
    case ENGINE_STARTING:
        return false;
    case ENGINE_GATED:
    case ENGINE_RUNNING:
        if (!right)
            engine_stop(s->engine, i);
        return right;
    case ENGINE_STOPPING:
        return false;
    case ENGINE_DONE:
        if (slot->run && task.run != slot->run) {
            spawn_slot(s, i);
            return false;
        }
        return true;
    case ENGINE_DIED:
        if (slot->run && task.run != slot->run) {
            spawn_slot(s, i);
            return false;
        }
        if (slot->run)
            tell_death(s, slot, &task);
        return true;
    }
    return true;
}

/* ---- the beginning and end of a run ---- */

/* A task is of the run's kind, unless the file gives its template one of its own. */
static void claim_slots(struct session *s, const struct run_state *rs, unsigned first)
{
    struct part parts[WORKLOAD_MAX_TASKS];
    const struct program *program = rs->program;
    if (program)
        program_cast(program, rs->started, rs->n_slots - rs->n_fixed, parts, WORKLOAD_MAX_TASKS);
    for (unsigned i = first; i < rs->first_slot + rs->n_slots; i++) {
        struct slot *slot = &s->runs.slots[i];
        *slot = (struct slot){.run = rs->run.number, .kind = rs->run.kind, .watched_tid = slot->watched_tid};
        if (!program)
            continue;
        slot->part = parts[i - rs->first_slot];
        const struct template *template = &program->templates[slot->part.template];
        slot->several = template->scales || template->n_instances > 1;
        if (template->has_kind)
            slot->kind = template->kind;
    }
}

/* For those who look at it when its tasks' memory is gone. */
static void note_sums(const struct session *s, struct run_state *rs)
{
    struct object_state state;
    rs->run.n_sums = 0;
    for (uint32_t i = 0; rs->program && i < rs->program->n_objects && rs->run.n_sums < RUN_MAX_SUMS; i++)
        if (rs->program->objects[i].kind == OBJECT_COUNTER &&
            engine_object(s->engine, rs->run.number, i, &state) && state.n_ops > 0)
            rs->run.sums[rs->run.n_sums++] =
                (struct counter_sum){.object = i, .found = state.value, .expected = state.expected};
}

/* Slots of a run that is over, or cut short, are wanted no more. */
static void end_run(struct session *s, struct run_state *rs)
{
    for (unsigned i = 0; i < WORKLOAD_MAX_TASKS; i++) {
        if (s->runs.slots[i].run == rs->run.number)
            s->runs.slots[i].run = 0;
    }
    if (rs->active) {
        rs->run.end_ns = clock_now_ns();
        note_sums(s, rs);
        rs->active = false;
    }
}

void runs_end_all(struct session *s)
{
    for (unsigned i = 0; i < s->runs.n; i++)
        end_run(s, &s->runs.all[i]);
}

bool runs_begin(struct session *s, unsigned first_slot, const struct run *like, struct err *err)
{
    struct runs *runs = &s->runs;
    if (first_slot + like->n_tasks > WORKLOAD_MAX_TASKS)
        return err_set(err, "%u tasks are too many at once: at most %d fit", first_slot + like->n_tasks,
                       WORKLOAD_MAX_TASKS);
    if (runs->n == UINT16_MAX)
        return err_set(err, "%u runs in one session are too many: start schedviz again", runs->n);
    if (first_slot == 0)
        runs_end_all(s);
    if (!engine_alive(s->engine, NULL) && !session_revive(s, err))
        return false;
    runs->all = mem_resize(runs->all, runs->n + 1ul, sizeof *runs->all);
    struct run_state *rs = &runs->all[runs->n];
    *rs =
        (struct run_state){.run = *like, .first_slot = first_slot, .n_slots = like->n_tasks, .active = true};
    rs->run.cpus = hotplug_left(s, &like->cpus);
    rs->run.number = (uint16_t)++runs->n;
    rs->run.start_ns = rs->run.end_ns = 0;
    rs->run.complete = rs->run.changed = false;
    rs->run.n_sums = 0;
    rs->program = s->config.workload.program;
    rs->started = s->config.workload.started;
    rs->settings = s->config.workload.settings;
    rs->n_fixed = s->config.workload.n_fixed;
    claim_slots(s, rs, first_slot);
    runs->current = runs->n - 1;
    s->config.cpus = rs->run.cpus;
    session_place_observer(s);
    runs_step(s);
    return true;
}

static unsigned slots_in_use(const struct session *s)
{
    unsigned n = engine_n_slots(s->engine);
    for (unsigned i = 0; i < s->runs.n; i++) {
        const struct run_state *rs = &s->runs.all[i];
        if (rs->active && rs->first_slot + rs->n_slots > n)
            n = rs->first_slot + rs->n_slots;
    }
    return n;
}

/* A run whose tasks, with those that they forked, have all ended by themselves is complete. */
static void finish_run(struct session *s, struct run_state *rs)
{
    const unsigned end_slot = rs->first_slot + rs->n_slots, n = slots_in_use(s);
    uint64_t end_ns = 0;
    bool complete = true;
    for (unsigned i = rs->first_slot; i < n; i++) {
        struct engine_task task = engine_task(s->engine, i);
        bool ended = task.state == ENGINE_DONE || task.state == ENGINE_DIED;
        bool forked = task.forked && task.run == rs->run.number && task.state != ENGINE_EMPTY;
        if (i >= end_slot && !forked)
            continue;
        if (task.run != rs->run.number || !ended)
            return;
        complete = complete && task.state == ENGINE_DONE;
        if (task.ended_ns > end_ns)
            end_ns = task.ended_ns;
    }
    rs->run.end_ns = end_ns ? end_ns : clock_now_ns();
    rs->run.complete = complete && rs->n_slots > 0;
    note_sums(s, rs);
    rs->active = false;
}

/* ---- changes ---- */

void runs_resize(struct session *s, struct run_state *rs, unsigned n)
{
    const unsigned before = rs->n_slots;
    rs->run.n_tasks = rs->n_slots = n;
    rs->run.changed = true;
    for (unsigned i = rs->first_slot + n; i < rs->first_slot + before; i++)
        s->runs.slots[i].run = 0;
    claim_slots(s, rs, rs->first_slot + before);
}

void runs_set_kind(struct session *s, struct run_state *rs, enum task_kind kind)
{
    rs->run.kind = kind;
    rs->run.changed = true;
    for (unsigned i = rs->first_slot; i < rs->first_slot + rs->n_slots; i++) {
        struct engine_task task = engine_task(s->engine, i);
        bool over = task.run == rs->run.number && (task.state == ENGINE_DONE || task.state == ENGINE_DIED);
        const struct template *template = template_of_slot(s, i);
        if (!over && !(template && template->has_kind))
            s->runs.slots[i].kind = kind;
    }
}

/* ---- the step ---- */

static void release(struct session *s)
{
    const uint64_t now = clock_now_ns();
    for (unsigned i = 0; i < s->runs.n; i++) {
        struct run_state *rs = &s->runs.all[i];
        if (rs->active && !rs->released) {
            rs->released = true;
            rs->run.start_ns = now;
        }
    }
    engine_release(s->engine);
}

void runs_step(struct session *s)
{
    const unsigned n = slots_in_use(s);
    bool settled = true, gated = false;
    for (unsigned i = 0; i < n; i++) {
        settled = step_slot(s, i) && settled;
        gated = gated || engine_task(s->engine, i).state == ENGINE_GATED;
    }
    if (settled && gated && !s->config.hold)
        release(s);
    for (unsigned i = 0; i < s->runs.n; i++) {
        if (s->runs.all[i].active)
            finish_run(s, &s->runs.all[i]);
    }
}
