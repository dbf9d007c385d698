/* Whether a workload can work as a whole: locks, loops without time, forks without end, how many tasks and
 * how much memory; before anything starts. */
#include "load.h"

#include "workload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *object_name(const struct loader *l, uint32_t object)
{
    return l->program->objects[object].name;
}

/* ---- What is said at one use of an object and counts for all of them ---- */

/* A timer is absolute when one use says so: in all tasks, or in its own where each has one (rt-app's way). */
static void settle_timers(struct template *template, uint32_t mark, uint32_t *marks, bool unique,
                          const struct object *objects, bool settle)
{
    for (unsigned p = 0; p < template->n_phases; p++)
        for (unsigned i = 0; i < template->phases[p].n_actions; i++) {
            struct action *a = &template->phases[p].actions[i];
            if (a->kind != ACTION_TIMER || objects[a->object].unique != unique)
                continue;
            if (settle)
                a->absolute = marks[a->object] == mark;
            else if (a->absolute)
                marks[a->object] = mark;
        }
}

static void settle_all_timers(struct program *program)
{
    uint32_t *marks = mem_new(program->n_objects, sizeof *marks);

    for (uint32_t settle = 0; settle < 2; settle++)
        for (uint32_t t = 0; t < program->n_templates; t++)
            settle_timers(&program->templates[t], UINT32_MAX, marks, false, program->objects, settle);
    for (uint32_t t = 0; t < program->n_templates; t++)
        for (uint32_t settle = 0; settle < 2; settle++)
            settle_timers(&program->templates[t], t + 1, marks, true, program->objects, settle);
    free(marks);
}

static void settle_channels(const struct loader *l, struct template *template)
{
    for (unsigned p = 0; p < template->n_phases; p++)
        for (unsigned i = 0; i < template->phases[p].n_actions; i++) {
            struct action *a = &template->phases[p].actions[i];
            if (a->kind == ACTION_SEND || a->kind == ACTION_RECEIVE || a->kind == ACTION_PINGPONG)
                a->how = l->object_notes[a->object].has_via ? l->object_notes[a->object].via : HOW_SHARED;
        }
}

/* ---- Locks: what a task does is known from beginning to end, so its mistakes are certain ---- */

struct follower {
    struct loader *l;
    const struct template *template;
    bool *held, *locked; /* beside the objects: now; at some time in this template */
    uint32_t *touched;   /* objects whose flags are set */
    unsigned n_touched;
    bool stuck; /* it waits for itself */
};

static bool fail_unlock(struct follower *f, const struct action *a, struct place at)
{
    const char *how = f->locked[a->object] ? "is not held here" : "is never locked by this task";

    return load_fail(f->l, at, "unlock: `%s' %s; lock it before",
                     load_shown(object_name(f->l, a->object)).text, how);
}

static void follow_lock(struct follower *f, const struct action *a)
{
    if (f->held[a->object]) {
        program_warn(f->l->program,
                     "line %d: `%s' locks `%s', which it holds already: it will wait for itself", a->line,
                     load_shown(f->template->name).text, load_shown(object_name(f->l, a->object)).text);
        f->stuck = true;
    }
    f->held[a->object] = f->locked[a->object] = true;
    f->touched[f->n_touched++] = a->object;
}

static bool follow_sync(struct follower *f, struct action *a, struct place at, bool again)
{
    enum action_how how = f->held[a->mutex] ? HOW_LOCKED : HOW_PLAIN;

    if (again && a->how != how)
        return load_fail(f->l, at, "sync: `%s' is held in some rounds only; unlock it at the end of a round",
                         load_shown(object_name(f->l, a->mutex)).text);
    a->how = how;
    return true;
}

/* again: this action has been followed before, in an earlier round. */
static bool follow(struct follower *f, struct action *a, struct place at, bool again)
{
    switch (a->kind) {
    case ACTION_LOCK:
        follow_lock(f, a);
        return true;
    case ACTION_UNLOCK:
        if (!f->held[a->object])
            return fail_unlock(f, a, at);
        f->held[a->object] = false;
        return true;
    case ACTION_WAIT:
        return f->held[a->mutex] ||
               load_fail(f->l, at, "wait: its mutex `%s' is not held here; lock it before, unlock it after",
                         load_shown(object_name(f->l, a->mutex)).text);
    case ACTION_SYNC:
        return follow_sync(f, a, at, again);
    default:
        return true;
    }
}

static bool follow_phase(struct follower *f, struct phase *phase, const struct place *places, bool again)
{
    unsigned rounds = phase->loop == 1 ? 1 : 2; /* a third one would find what the second found */

    for (unsigned round = 0; round < rounds; round++)
        for (unsigned i = 0; i < phase->n_actions && !f->stuck; i++)
            if (!follow(f, &phase->actions[i], places[i], again || round > 0))
                return false;
    return true;
}

static bool follow_template(struct follower *f, const struct place *places)
{
    unsigned rounds = f->template->loop == 1 ? 1 : 2;

    for (unsigned round = 0; round < rounds; round++) {
        const struct place *at = places;
        for (unsigned p = 0; p < f->template->n_phases; p++) {
            struct phase *phase = &f->template->phases[p];
            if (!follow_phase(f, phase, at, round > 0))
                return false;
            if (phase->loop == -1 || f->stuck)
                return true;
            at += phase->n_actions;
        }
    }
    return true;
}

static unsigned n_actions_of(const struct template *template)
{
    unsigned n = 0;

    for (unsigned p = 0; p < template->n_phases; p++)
        n += template->phases[p].n_actions;
    return n;
}

static bool check_locks(struct loader *l)
{
    const struct program *program = l->program;
    struct follower f = {.l = l,
                         .held = mem_new(program->n_objects, sizeof *f.held),
                         .locked = mem_new(program->n_objects, sizeof *f.locked),
                         .touched = mem_new(4 * (unsigned long)l->n_actions, sizeof *f.touched)};
    const struct place *places = l->action_places;
    bool good = true;

    for (uint32_t t = 0; t < program->n_templates && good; t++) {
        f.template = &program->templates[t];
        good = follow_template(&f, places);
        places += n_actions_of(f.template);
        for (; f.n_touched > 0; f.n_touched--)
            f.held[f.touched[f.n_touched - 1]] = f.locked[f.touched[f.n_touched - 1]] = false;
        f.stuck = false;
    }
    free(f.held);
    free(f.locked);
    free(f.touched);
    return good;
}

/* ---- Loops without end in which no time passes ---- */

static bool takes_time(const struct program *program, const struct template *template, const struct action *a)
{
    switch (a->kind) {
    case ACTION_RUN:
    case ACTION_RUNTIME:
    case ACTION_SLEEP:
    case ACTION_TIMER:
    case ACTION_MEM:
    case ACTION_IORUN:
    case ACTION_BLOCK:
        return a->amount > 0;
    case ACTION_BARRIER:
        return program->objects[a->object].n_users > 1 || template->n_instances > 1 || template->scales;
    case ACTION_LOCK:
    case ACTION_UNLOCK:
    case ACTION_SIGNAL:
    case ACTION_BROAD:
    case ACTION_RESUME:
    case ACTION_SEM_POST:
    case ACTION_FORK:
        return false;
    case ACTION_WAIT:
    case ACTION_SYNC:
    case ACTION_SUSPEND:
    case ACTION_SEM_WAIT:
    case ACTION_YIELD:
    case ACTION_ADD:
    case ACTION_CRASH:
    case ACTION_SEND:
    case ACTION_RECEIVE:
    case ACTION_PINGPONG:
    case ACTION_CREATE:
        return true;
    }
    return true;
}

static bool check_loops(struct loader *l)
{
    const struct program *program = l->program;
    unsigned n = 0;

    for (uint32_t t = 0; t < program->n_templates; t++) {
        const struct template *template = &program->templates[t];
        bool task_takes = false, endless = template->loop == -1;
        for (unsigned p = 0; p < template->n_phases; p++) {
            const struct phase *phase = &template->phases[p];
            bool takes = false;
            for (unsigned i = 0; i < phase->n_actions; i++)
                takes = takes || takes_time(program, template, &phase->actions[i]);
            if (!takes && phase->loop == -1)
                return load_fail(l, l->action_places[n],
                                 "this phase loops for ever and nothing in it takes "
                                 "time; add a run or a sleep, or give it a `loop'");
            task_takes = task_takes || takes;
            n += phase->n_actions;
        }
        if (!task_takes && endless)
            return load_fail(l, l->template_places[t],
                             "`%s' loops for ever and nothing in it takes time; add a "
                             "run or a sleep, or give it a `loop'",
                             load_shown(template->name).text);
    }
    return true;
}

/* ---- Forks ---- */

#define WITHOUT_END UINT64_MAX

static uint64_t times(uint64_t a, uint64_t b)
{
    return __builtin_mul_overflow(a, b, &a) ? WITHOUT_END : a;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return __builtin_add_overflow(a, b, &a) ? WITHOUT_END : a;
}

struct forks {
    struct loader *l;
    const unsigned *first_actions; /* of each template, in action_places */
    uint64_t *lasting; /* of each template: forked by one of it, themselves or by these, and never ended */
    enum { FORKS_UNSEEN, FORKS_OPEN, FORKS_DONE } * states;
    uint32_t *path; /* templates that are open, one forking the next */
    unsigned depth;
};

static bool never_ends(const struct template *template)
{
    bool endless = template->loop == -1;

    for (unsigned p = 0; p < template->n_phases; p++) {
        endless = endless || template->phases[p].loop == -1;
        for (unsigned i = 0; i < template->phases[p].n_actions; i++)
            if (template->phases[p].actions[i].kind == ACTION_CRASH)
                return false;
    }
    return endless;
}

static bool fail_cycle(struct forks *f, struct place at, uint32_t again)
{
    char cycle[200] = "";
    size_t used = 0;
    unsigned i = 0;

    while (f->path[i] != again)
        i++;
    for (; i < f->depth && used < sizeof cycle - 60; i++)
        used += (size_t)snprintf(cycle + used, sizeof cycle - used, "%s forks ",
                                 load_shown(f->l->program->templates[f->path[i]].name).text);
    if (i < f->depth)
        used += (size_t)snprintf(cycle + used, sizeof cycle - used, "... ");
    snprintf(cycle + used, sizeof cycle - used, "%s", load_shown(f->l->program->templates[again].name).text);
    return load_fail(f->l, at, "forks without end: %s; break the circle", cycle);
}

static bool see_forks(struct forks *f, uint32_t t);

static bool see_fork(struct forks *f, uint32_t t, const struct action *a, struct place at, uint64_t n)
{
    const struct template *child = &f->l->program->templates[a->template];

    if (f->states[a->template] == FORKS_OPEN)
        return fail_cycle(f, at, a->template);
    if (!see_forks(f, a->template))
        return false;
    uint64_t each = plus(f->lasting[a->template], never_ends(child));
    if (n == WITHOUT_END && each > 0 && f->l->program->duration_ns == 0)
        return load_fail(f->l, at,
                         "`%s' forks `%s' for ever, and %s never end; give `%s' a `loop', or global a "
                         "duration",
                         load_shown(f->l->program->templates[t].name).text, load_shown(child->name).text,
                         never_ends(child) ? "these" : "their children", load_shown(child->name).text);
    f->lasting[t] = plus(f->lasting[t], n == WITHOUT_END ? 0 : times(n, each));
    return true;
}

static bool see_forks(struct forks *f, uint32_t t)
{
    const struct template *template = &f->l->program->templates[t];
    const struct place *at = f->l->action_places + f->first_actions[t];
    uint64_t rounds = template->loop == -1 ? WITHOUT_END : (uint64_t) template->loop;

    if (f->states[t] == FORKS_DONE)
        return true;
    f->states[t] = FORKS_OPEN;
    f->path[f->depth++] = t;
    for (unsigned p = 0; p < template->n_phases; p++) {
        const struct phase *phase = &template->phases[p];
        uint64_t n = phase->loop == -1 ? WITHOUT_END : times(rounds, (uint64_t)phase->loop);
        for (unsigned i = 0; i < phase->n_actions; i++, at++)
            if (phase->actions[i].kind == ACTION_FORK && !see_fork(f, t, &phase->actions[i], *at, n))
                return false;
        if (phase->loop == -1)
            break; /* what follows is never reached */
    }
    f->depth--;
    f->states[t] = FORKS_DONE;
    return true;
}

/* ---- How much of it there is ---- */

static bool check_number_of_tasks(struct loader *l, const uint64_t *lasting)
{
    const struct program *program = l->program;
    uint64_t n = 0, n_forked = 0;

    for (uint32_t t = 0; t < program->n_templates; t++) {
        n += program->templates[t].n_instances;
        n_forked = plus(n_forked, times(program->templates[t].n_instances, lasting[t]));
        if (n > WORKLOAD_MAX_TASKS)
            return load_fail(
                l, l->template_places[t], "with `%s' these are %llu tasks; at most %d can be started",
                load_shown(program->templates[t].name).text, (unsigned long long)n, WORKLOAD_MAX_TASKS);
        if (plus(n, n_forked) > WORKLOAD_MAX_TASKS)
            return load_fail(
                l, l->template_places[t],
                "what `%s' and those before it fork never ends and is more than %d tasks; fork fewer",
                load_shown(program->templates[t].name).text, WORKLOAD_MAX_TASKS);
    }
    return true;
}

static uint64_t buffer_bytes(const struct program *program, const struct template *template)
{
    uint64_t buffer = 0, pingpong = 0;

    for (unsigned p = 0; p < template->n_phases; p++)
        for (unsigned i = 0; i < template->phases[p].n_actions; i++) {
            const struct action *a = &template->phases[p].actions[i];
            if (a->kind == ACTION_MEM || a->kind == ACTION_IORUN)
                buffer = program->mem_buffer_bytes;
            if (a->kind == ACTION_PINGPONG && a->bytes > pingpong)
                pingpong = a->bytes;
        }
    return plus(buffer, pingpong);
}

static bool check_memory(struct loader *l)
{
    const struct program *program = l->program;
    uint64_t allowed = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 2, needed = 0;

    for (uint32_t t = 0; t < program->n_templates; t++) {
        const struct template *template = &program->templates[t];
        uint64_t n = template->n_instances ? template->n_instances : 1;
        needed = plus(needed, times(n, buffer_bytes(program, template)));
        if (needed > allowed)
            return load_fail(
                l, l->template_places[t],
                "with `%s' the tasks write to %llu MiB, more than half of this machine's memory; "
                "make mem_buffer_size or bytes smaller",
                load_shown(template->name).text, (unsigned long long)(needed >> 20));
    }
    return true;
}

static bool check_forks_and_tasks(struct loader *l)
{
    const struct program *program = l->program;
    unsigned n = program->n_templates, first = 0;
    unsigned *first_actions = mem_new(n, sizeof *first_actions);
    struct forks f = {.l = l,
                      .first_actions = first_actions,
                      .lasting = mem_new(n, sizeof *f.lasting),
                      .states = mem_new(n, sizeof *f.states),
                      .path = mem_new(n, sizeof *f.path)};
    bool good = true;

    for (uint32_t t = 0; t < n; t++) {
        first_actions[t] = first;
        first += n_actions_of(&program->templates[t]);
    }
    for (uint32_t t = 0; t < n && good; t++)
        good = see_forks(&f, t);
    good = good && check_number_of_tasks(l, f.lasting);
    free(first_actions);
    free(f.lasting);
    free(f.states);
    free(f.path);
    return good;
}

static bool check_scaling(struct loader *l)
{
    const struct program *program = l->program;
    uint32_t scaling = program_scaling_template(program);

    for (uint32_t t = scaling + 1; scaling != PROGRAM_NONE && t < program->n_templates; t++)
        if (program->templates[t].scales)
            return load_fail(l, l->template_places[t], "`%s' scales, and `%s' does too; one task may",
                             load_shown(program->templates[t].name).text,
                             load_shown(program->templates[scaling].name).text);
    return true;
}

/* ---- Waiting for what nobody gives: a name that is wrong is not seen in any other way ---- */

struct uses {
    bool taken, given;
    int line; /* of the first taking */
};

static void count_use(const struct action *a, struct uses *uses)
{
    bool takes = a->kind == ACTION_WAIT || a->kind == ACTION_SYNC || a->kind == ACTION_SUSPEND ||
                 a->kind == ACTION_SEM_WAIT || a->kind == ACTION_RECEIVE;
    bool gives = a->kind == ACTION_SIGNAL || a->kind == ACTION_BROAD || a->kind == ACTION_SYNC ||
                 a->kind == ACTION_RESUME || a->kind == ACTION_SEM_POST || a->kind == ACTION_SEND;

    if (!takes && !gives)
        return;
    if (takes && !uses[a->object].taken)
        uses[a->object].line = a->line;
    uses[a->object].taken |= takes;
    uses[a->object].given |= gives;
}

static const char *nearest_given(const struct program *program, uint32_t object, const struct uses *uses)
{
    struct nearest nearest = {.word = program->objects[object].name};

    for (uint32_t i = 0; i < program->n_objects; i++)
        if (i != object && program->objects[i].kind == program->objects[object].kind && uses[i].given)
            nearest_try(&nearest, program->objects[i].name);
    return nearest.best;
}

static void warn_of_vain_waiting(struct loader *l)
{
    static const char *const givers[LOAD_N_OBJECT_KINDS] = {[OBJECT_CONDITION] = "signals",
                                                            [OBJECT_SUSPEND] = "resumes",
                                                            [OBJECT_SEM] = "posts",
                                                            [OBJECT_CHANNEL] = "sends to"};
    const struct program *program = l->program;
    struct uses *uses = mem_new(program->n_objects, sizeof *uses);

    for (uint32_t t = 0; t < program->n_templates; t++)
        for (unsigned p = 0; p < program->templates[t].n_phases; p++)
            for (unsigned i = 0; i < program->templates[t].phases[p].n_actions; i++)
                count_use(&program->templates[t].phases[p].actions[i], uses);
    for (uint32_t i = 0; i < program->n_objects && program->n_warnings < PROGRAM_MAX_WARNINGS; i++) {
        const struct object *object = &program->objects[i];
        if (!uses[i].taken || uses[i].given || object->value > 0)
            continue;
        const char *meant = nearest_given(program, i, uses);
        program_warn(l->program, "line %d: nobody %s `%s': who waits for it waits for ever%s%s%s",
                     uses[i].line, givers[object->kind], load_shown(object->name).text,
                     meant ? "; did you mean `" : "", meant ? load_shown(meant).text : "", meant ? "'?" : "");
    }
    free(uses);
}

/* As many as the file starts; those that others fork are not known before. */
static unsigned n_players(const struct program *program, uint32_t channel, int *line)
{
    unsigned n = 0;
    for (uint32_t t = 0; t < program->n_templates; t++) {
        const struct template *template = &program->templates[t];
        bool plays = false;
        for (unsigned p = 0; p < template->n_phases; p++) {
            for (unsigned i = 0; i < template->phases[p].n_actions; i++) {
                const struct action *a = &template->phases[p].actions[i];
                if (a->kind != ACTION_PINGPONG || a->object != channel)
                    continue;
                plays = true;
                *line = a->line;
            }
        }
        n += plays ? template->n_instances : 0;
    }
    return n;
}

static void warn_of_lone_players(struct loader *l)
{
    const struct program *program = l->program;
    for (uint32_t i = 0; i < program->n_objects; i++) {
        int line = 0;
        const unsigned n = program->objects[i].kind == OBJECT_CHANNEL ? n_players(program, i, &line) : 0;
        if (n % 2)
            program_warn(l->program, "line %d: %u %s pingpong over `%s', two by two: one waits for ever",
                         line, n, n == 1 ? "task plays" : "tasks play",
                         load_shown(program->objects[i].name).text);
    }
}

bool load_check(struct loader *l)
{
    settle_all_timers(l->program);
    for (uint32_t t = 0; t < l->program->n_templates; t++)
        settle_channels(l, &l->program->templates[t]);
    if (!check_scaling(l) || !check_locks(l) || !check_loops(l) || !check_forks_and_tasks(l) ||
        !check_memory(l))
        return false;
    warn_of_vain_waiting(l);
    warn_of_lone_players(l);
    return true;
}
