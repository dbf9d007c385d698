/* A timeline that begins in the middle: tasks as another one knew them then. */
#include "chunk.h"
#include "model.h"
#include "ride.h"

static uint64_t take_most(uint64_t ns, uint64_t *left_ns)
{
    if (ns > *left_ns)
        ns = *left_ns;
    *left_ns -= ns;
    return ns;
}

/* What timeline_task() counts of the state that lasts is not in its track yet. No more than left_ns, its life
 * before that, whatever a file says. */
static struct sums settled(const struct task *task, uint64_t now_ns, uint64_t left_ns)
{
    const uint64_t lasts_ns = now_ns > task->state_since_ns ? now_ns - task->state_since_ns : 0;
    struct sums sums = {.run_ns = task->run_ns,
                        .wait_ns = task->runnable_ns,
                        .unknown_ns = task->unknown_ns,
                        .n_slices = (uint32_t)task->n_slices,
                        .n_samples = (uint32_t)task->n_samples};
    uint64_t *part = task->state == STATE_RUNNING    ? &sums.run_ns
                     : task->state == STATE_RUNNABLE ? &sums.wait_ns
                     : task->state == STATE_UNKNOWN  ? &sums.unknown_ns
                                                     : NULL;
    if (part)
        *part -= *part < lasts_ns ? *part : lasts_ns;
    sums.run_ns = take_most(sums.run_ns, &left_ns);
    sums.wait_ns = take_most(sums.wait_ns, &left_ns);
    sums.unknown_ns = take_most(sums.unknown_ns, &left_ns);
    return sums;
}

/* Of the events before nothing is held: its track begins with what it does now. */
static void restore_task(struct timeline *tl, const struct task *task, uint32_t base, uint64_t now_ns)
{
    const uint64_t since_ns = task->state_since_ns < now_ns ? task->state_since_ns : now_ns;
    struct life *life = life_add(tl, task->tid, now_ns);
    const uint32_t index = life->task.index;
    life->task = *task;
    life->task.index = index;
    life->task.run = task->run ? task->run : tl->default_run;
    life_classify(life);
    life->task.first_ns = task->first_ns < since_ns ? task->first_ns : since_ns;
    life->task.state_since_ns = since_ns;
    life->task.parent = task->parent < index - base ? base + task->parent : TIMELINE_NO_TASK;
    life->task.last_waker = TIMELINE_NO_TASK;
    life->task.slice_ns = life->task.wake_ns = NULL;
    life->task.state = STATE_UNKNOWN;
    life->switched = task->n_slices > 0;
    life->event_ns = since_ns;
    track_init(&life->track, true, since_ns);
    life->track.total = settled(task, now_ns, since_ns - life->task.first_ns);
}

static bool is_cpu(int number)
{
    return number >= 0 && number <= INT16_MAX;
}

/* Nobody is told to run where somebody runs already. */
static void restore_running(struct timeline *tl, struct life *life, uint64_t since_ns)
{
    const bool is_green = life->task.kind == TASK_GREEN;
    struct cpu *cpu = is_cpu(life->task.last_cpu) ? timeline_cpu(tl, life->task.last_cpu) : NULL;
    if (!cpu || (!is_green && cpu->running))
        return;
    life_set_state(tl, life, STATE_RUNNING, since_ns);
    if (is_green)
        return;
    cpu->running = life;
    cpu->last_ns = cpu->last_ns > since_ns ? cpu->last_ns : since_ns;
}

static void restore_state(struct timeline *tl, struct life *life, const struct task *task)
{
    const uint64_t since_ns = life->task.state_since_ns;
    switch (task->state) {
    case STATE_RUNNING:
        restore_running(tl, life, since_ns);
        break;
    case STATE_GONE:
        life_gone(tl, life, since_ns);
        break;
    case STATE_RUNNABLE:
    case STATE_BLOCKED:
        if (is_cpu(life->task.last_cpu))
            timeline_cpu(tl, life->task.last_cpu);
        else
            life->task.last_cpu = -1;
        life_set_state(tl, life, task->state, since_ns);
        break;
    case STATE_UNKNOWN:
        break;
    }
    if (life->task.kind != TASK_GREEN)
        return;
    ride_join(tl, life, since_ns);
    if (life->task.state == STATE_RUNNING && life->carrier && !life->carrier->rider)
        life->carrier->rider = life;
}

void timeline_restore(struct timeline *tl, const struct task *tasks, unsigned n, uint64_t now_ns)
{
    const uint32_t base = tl->n_lives;
    if (now_ns > MODEL_MAX_TIME_NS)
        now_ns = MODEL_MAX_TIME_NS;
    if (!base)
        tl->first_ns = now_ns;
    for (unsigned i = 0; i < n; i++)
        restore_task(tl, &tasks[i], base, now_ns);
    for (unsigned i = 0; i < n; i++)
        restore_state(tl, tl->lives[base + i], &tasks[i]);
    if (n && tl->store.edge_ns < now_ns)
        tl->store.edge_ns = now_ns;
    timeline_advance(tl, now_ns);
}
