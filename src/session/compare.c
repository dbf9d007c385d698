/* The comparison: the same work on 1 core and on k, at the same time where there is room, else in turn. */
#include "compare.h"

#include "../clock.h"
#include "replay.h"
#include "state.h"

#include <string.h>

#define DEFAULT_WORK_NS (500 * NS_PER_MS)

/* ---- the reference ---- */

static void refer_to(struct session *s, uint16_t run)
{
    s->compare.reference = run;
    s->compare.reference_is_frozen = false;
}

void session_keep(struct session *s, uint16_t run)
{
    refer_to(s, run <= s->runs.n ? run : 0);
}

const struct run *session_reference(const struct session *s)
{
    if (!s->compare.reference)
        return NULL;
    return s->compare.reference_is_frozen ? &s->compare.frozen : &s->runs.all[s->compare.reference - 1].run;
}

void compare_freeze(struct session *s, const struct run_state *rs)
{
    if (s->compare.reference != rs->run.number || s->compare.reference_is_frozen || rs->run.end_ns)
        return;
    s->compare.frozen = rs->run;
    s->compare.frozen.end_ns = clock_now_ns();
    s->compare.frozen.went_on = true;
    s->compare.reference_is_frozen = true;
}

/* ---- what both had to do ---- */

const char *session_run_work(const struct session *s, const struct run *run)
{
    const char *name = s->replay   ? replay_facts_of_run(s, run->number)->info.workload.name
                       : s->engine ? s->config.workload.name
                                   : s->foreign.name;
    return name ? name : "";
}

static bool was_watched(const struct session *s, const struct run *run)
{
    return s->replay ? replay_facts_of_run(s, run->number)->has_target : !s->engine;
}

/* Work that is not told is so much for each task. */
static bool is_as_much(const struct run *a, const struct run *b)
{
    if (!a->work_ns && !b->work_ns)
        return a->n_tasks == b->n_tasks;
    return a->n_tasks * a->work_ns == b->n_tasks * b->work_ns;
}

bool session_same_work(const struct session *s, const struct run *a, const struct run *b)
{
    const bool is_watched = was_watched(s, a);
    return is_watched == was_watched(s, b) && strcmp(session_run_work(s, a), session_run_work(s, b)) == 0 &&
           (is_watched || is_as_much(a, b));
}

/* ---- 1 core against k ---- */

enum comparison session_comparison(const struct session *s)
{
    return s->compare.now;
}

bool compare_is_running(const struct session *s)
{
    return s->compare.now == COMPARE_TOGETHER || s->compare.now == COMPARE_FIRST ||
           s->compare.now == COMPARE_SECOND;
}

static bool begin_in_turn(struct session *s, struct run *like, struct err *err)
{
    like->cpus = (struct cpuset){0};
    cpuset_add(&like->cpus, cpuset_next(&s->compare.cpus, -1));
    if (!runs_begin(s, 0, like, err))
        return false;
    s->compare.now = COMPARE_FIRST;
    return true;
}

/* The run on k CPUs is the current one, that on the spare CPU the reference. */
static bool begin_together(struct session *s, struct run *like, int spare, struct err *err)
{
    like->cpus = s->compare.cpus;
    if (!runs_begin(s, 0, like, err))
        return false;
    const unsigned on_k = s->runs.current;
    like->cpus = (struct cpuset){0};
    cpuset_add(&like->cpus, spare);
    if (!runs_begin(s, like->n_tasks, like, err))
        return false;
    refer_to(s, runs_current(s)->run.number);
    s->runs.current = on_k;
    s->config.cpus = s->compare.cpus;
    s->compare.now = COMPARE_TOGETHER;
    return true;
}

bool session_compare(struct session *s, struct err *err)
{
    struct workload *w = &s->config.workload;
    struct cpuset chosen = s->config.cpus;
    if (s->replay)
        return err_set(err, "this is a recording; two of them are compared by: schedviz ONE TWO");
    if (!s->engine)
        return err_set(err, "a comparison is of work that is known: a program that is watched has its own");
    if (compare_is_running(s))
        return err_set(err, "the comparison is still running");
    if (cpuset_count(&chosen) < 2)
        chosen = s->machine->allowed;
    if (cpuset_count(&chosen) < 2)
        return err_set(err, "a comparison needs two cores, and only cpu %d may be used here",
                       cpuset_next(&chosen, -1));
    s->compare.saved_work_ns = w->work_ns;
    if (w->work_ns == 0)
        w->work_ns = DEFAULT_WORK_NS;
    s->compare.cpus = chosen;

    /* Not even a hardware thread of a chosen core: the two runs are not to touch each other. */
    const int spare = machine_spare_cpu(s->machine, &chosen);
    const bool room = spare >= 0 && 2 * w->n_tasks <= WORKLOAD_MAX_TASKS;
    struct run like = {
        .kind = w->kind, .placement = w->placement, .n_tasks = w->n_tasks, .work_ns = w->work_ns};
    if (!(room ? begin_together(s, &like, spare, err) : begin_in_turn(s, &like, err))) {
        w->work_ns = s->compare.saved_work_ns;
        return false;
    }
    notes_mark(&s->notes, "compare");
    return true;
}

static void begin_second(struct session *s)
{
    struct err err;
    struct run like = runs_current(s)->run;
    refer_to(s, like.number);
    like.cpus = s->compare.cpus;
    s->compare.now = COMPARE_SECOND;
    if (!runs_begin(s, 0, &like, &err)) {
        session_say(s, "%s", err.msg);
        s->compare.now = COMPARE_NONE;
    }
}

void compare_step(struct session *s)
{
    if (!compare_is_running(s) || !runs_current(s)->run.end_ns)
        return;
    if (s->compare.now == COMPARE_FIRST) {
        begin_second(s);
        return;
    }
    const bool in_turn = s->compare.now == COMPARE_SECOND;
    if (!in_turn && !s->runs.all[s->compare.reference - 1].run.end_ns)
        return;
    s->compare.now = in_turn ? COMPARE_FINISHED_IN_TURN : COMPARE_FINISHED_TOGETHER;
    s->config.workload.work_ns = s->compare.saved_work_ns;
}

void compare_give_up(struct session *s)
{
    if (compare_is_running(s)) {
        s->config.workload.work_ns = s->compare.saved_work_ns;
        s->config.cpus = s->compare.cpus;
    }
    s->compare.now = COMPARE_NONE;
}
