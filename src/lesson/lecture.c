/* A lesson being given. */
#include "lecture.h"

#include "../clock.h"
#include "measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A step without a time of its own whose tasks do not end is measured after this. */
#define LONGEST_STEP_NS (60 * NS_PER_S)

/* Tasks that are not there after this will not come: a message has told why. */
#define LONGEST_START_NS (10 * NS_PER_S)

struct lecture {
    struct session *session;
    const struct program *program;
    const struct lesson *lesson;
    const struct workload *base;
    const struct cpuset *base_cpus;
    const struct machine *machine;
    bool interactive;
    unsigned step;
    enum lecture_state state;
    uint64_t begun_ns; /* when the step's run was let go */
    struct lecture_step *steps;
    bool is_recorded; /* all of it is over: steps are only looked at */
    int question;     /* index of the measure that is asked for, -1: none */
    char note[LECTURE_NOTE_SIZE];
    struct measure measure;
    bool is_measuring; /* measure has begun */
    struct measure_kept kept;
    struct lecture_answer **answers; /* [step][measure] */
    struct measure_known *known;     /* of the steps that were measured */
    unsigned n_known;
};

static const struct lesson_step *step_of(const struct lecture *l)
{
    return &l->lesson->steps[l->step];
}

/* ---- settings ---- */

static bool fail_at(const struct program *program, const struct formula *formula, struct err *err)
{
    return program_fail(program, formula->line, formula->column, err);
}

/* A whole number of at least 1 and at most most; *wanted tells when it was more. */
static bool read_count(const struct formula *formula, const unsigned figures[3], unsigned most, unsigned *n,
                       double *wanted, struct err *err)
{
    if (!measure_eval_setting(formula->text, figures[0], figures[1], figures[2], wanted, err))
        return false;
    if (!(*wanted >= 0.5))
        return err_set(err, "\"%.80s\" is %g: at least one is needed", formula->text, *wanted);
    *n = *wanted > most ? most : (unsigned)(*wanted + 0.5);
    return true;
}

static bool read_tasks(const struct formula *formula, const unsigned figures[3], unsigned *n, struct err *err)
{
    double wanted;
    if (!read_count(formula, figures, WORKLOAD_MAX_TASKS, n, &wanted, err))
        return false;
    return wanted <= WORKLOAD_MAX_TASKS ||
           err_set(err, "\"%.80s\" is %g tasks: at most %d fit", formula->text, wanted, WORKLOAD_MAX_TASKS);
}

/* What a step does not say is as the workload has it, or in a run that goes on, as the step before left it.
 */
static bool begin_from(const struct program *program, unsigned number, const struct workload *base,
                       const struct cpuset *base_cpus, const struct machine *machine,
                       struct workload *workload, struct cpuset *cpus, struct err *err)
{
    const struct lesson_step *steps = program->lesson->steps;
    char note[LECTURE_NOTE_SIZE];
    *workload = *base;
    *cpus = *base_cpus;
    workload->started = steps[number].started;
    if (!steps[number].go_on || number == 0)
        return true;
    do
        number--;
    while (number > 0 && steps[number].no_run);
    return lecture_workload(program, number, base, base_cpus, machine, workload, cpus, note, err);
}

bool lecture_workload(const struct program *program, unsigned number, const struct workload *base,
                      const struct cpuset *base_cpus, const struct machine *machine,
                      struct workload *workload, struct cpuset *cpus, char note[LECTURE_NOTE_SIZE],
                      struct err *err)
{
    const struct lesson_step *step = &program->lesson->steps[number];
    const unsigned n_cpus = (unsigned)cpuset_count(&machine->allowed);
    double wanted;

    note[0] = '\0';
    if (!begin_from(program, number, base, base_cpus, machine, workload, cpus, err))
        return false;
    unsigned n_cores = (unsigned)cpuset_count(cpus), n_scaled = workload->n_tasks - workload->n_fixed;
    if (step->cores.text) {
        if (!read_count(&step->cores, (unsigned[3]){n_cpus, n_cores, n_scaled}, n_cpus, &n_cores, &wanted,
                        err))
            return fail_at(program, &step->cores, err);
        machine_first_cpus(machine, n_cores, cpus);
        if (wanted > n_cores)
            snprintf(note, LECTURE_NOTE_SIZE, "made for %.0f cores; this machine lets us use %u", wanted,
                     n_cores);
    }
    if (step->tasks.text &&
        !read_tasks(&step->tasks, (unsigned[3]){n_cpus, n_cores, n_scaled}, &n_scaled, err))
        return fail_at(program, &step->tasks, err);
    if (step->has_kind)
        workload->kind = step->kind;
    if (step->placement >= 0)
        workload->placement = (enum placement)step->placement;
    workload->settings = &step->settings;

    const uint32_t scaling = program_scaling_template(program);
    const bool scales = scaling != PROGRAM_NONE && (!workload->started || workload->started[scaling]);
    return workload_cast(workload, scales ? n_scaled : 0, err) ||
           program_fail(program, step->line, step->column, err);
}

/* ---- the check ---- */

static bool look_up_nothing(const struct expression_names *names, const char *name, double *value)
{
    (void)names, (void)name, (void)value;
    return false;
}

/* A formula without names. */
static bool is_number(const char *formula, double *value)
{
    static const struct expression_names none = {.lookup = look_up_nothing};
    return expression_eval(formula, &none, value, NULL);
}

static bool check_formula(const struct program *program, const struct measure_known *known, unsigned n_known,
                          const struct formula *formula, struct err *err)
{
    return measure_check(program, known, n_known, formula->text, err) || fail_at(program, formula, err);
}

/* A bound without a value would never be looked at. */
static bool check_bound(const struct program *program, const struct measure_known *known, unsigned n_known,
                        const struct formula *bound, struct err *err)
{
    double value;
    if (!check_formula(program, known, n_known, bound, err))
        return false;
    if (!is_number(bound->text, &value) || isfinite(value))
        return true;
    err_set(err, "within: \"%.80s\" has no value; give a number, or a formula that has one", bound->text);
    return fail_at(program, bound, err);
}

static bool check_bounds(const struct program *program, const struct measure_known *known, unsigned n_known,
                         const struct formula *lo, const struct formula *hi, struct err *err)
{
    double least, most;
    if (!lo->text || !hi->text)
        return true;
    if (!check_bound(program, known, n_known, lo, err) || !check_bound(program, known, n_known, hi, err))
        return false;
    if (is_number(lo->text, &least) && is_number(hi->text, &most) && least > most) {
        err_set(err, "nothing lies within [%s, %s]: the smaller one comes first", lo->text, hi->text);
        return fail_at(program, lo, err);
    }
    return true;
}

static bool check_measure(const struct program *program, const struct measure_known *known, unsigned n_known,
                          const struct lesson_measure *measure, struct err *err)
{
    bool good = check_formula(program, known, n_known, &measure->formula, err) &&
                check_bounds(program, known, n_known, &measure->lo, &measure->hi, err);
    for (unsigned i = 0; good && i < measure->n_choices; i++)
        good = check_bounds(program, known, n_known, &measure->choices[i].lo, &measure->choices[i].hi, err);
    return good;
}

/* A run that neither ends nor has a time would never be measured. */
static bool check_step(const struct program *program, unsigned number, const struct workload *base,
                       const struct cpuset *base_cpus, const struct machine *machine, struct err *err)
{
    const struct lesson_step *step = &program->lesson->steps[number];
    char note[LECTURE_NOTE_SIZE];
    struct workload workload;
    struct cpuset cpus;
    if (step->no_run)
        return true;
    if (!lecture_workload(program, number, base, base_cpus, machine, &workload, &cpus, note, err))
        return false;
    if (step->time_ns || workload_ends(&workload))
        return true;
    err_set(err, "the tasks of this step never end: give it a time, as time: 2s");
    return program_fail(program, step->line, step->column, err);
}

/* What the user chose and no step would keep. */
static bool check_given(const struct program *program, const struct lecture_given *given, struct err *err)
{
    const struct lesson *lesson = program->lesson;
    bool cores = given->cores, tasks = given->tasks, kind = given->kind, placement = given->placement;
    for (unsigned i = 0; i < lesson->n_steps; i++) {
        const struct lesson_step *step = &lesson->steps[i];
        if (step->no_run)
            continue;
        cores = cores && step->cores.text;
        tasks = tasks && step->tasks.text;
        kind = kind && step->has_kind;
        placement = placement && step->placement >= 0;
    }
    const char *option = cores ? "cores" : tasks ? "tasks" : kind ? "kind" : placement ? "placement" : NULL;
    return !option ||
           err_set(err, "--%s: every step of %s chooses this itself: leave it out, and change it by key",
                   option, program->name);
}

bool lecture_check(const struct program *program, const struct workload *base, const struct cpuset *base_cpus,
                   const struct machine *machine, const struct lecture_given *given, struct err *err)
{
    const struct lesson *lesson = program->lesson;
    struct measure_known *known = NULL;
    unsigned n_known = 0;
    bool good = check_given(program, given, err);
    for (unsigned i = 0; good && i < lesson->n_steps; i++) {
        const struct lesson_step *step = &lesson->steps[i];
        good = check_step(program, i, base, base_cpus, machine, err);
        for (unsigned k = 0; good && k < step->n_measures; k++) {
            good = check_measure(program, known, n_known, &step->measures[k], err);
            known = mem_resize(known, n_known + 1ul, sizeof *known);
            known[n_known++] = (struct measure_known){step->measures[k].name, 1};
        }
    }
    free(known);
    return good;
}

/* ---- steps ---- */

static int next_question(const struct lecture *l, int after)
{
    const struct lesson_step *step = step_of(l);
    for (unsigned i = (unsigned)(after + 1); l->interactive && i < step->n_measures; i++) {
        if (step->measures[i].question)
            return (int)i;
    }
    return -1;
}

static void forget_answers(struct lecture *l)
{
    const struct lesson_step *step = step_of(l);
    for (unsigned i = 0; i < step->n_measures; i++)
        l->answers[l->step][i] = (struct lecture_answer){.measure = &step->measures[i], .right_choice = -1};
}

static void stop_measuring(struct lecture *l)
{
    if (l->is_measuring)
        measure_end(&l->measure);
    l->is_measuring = false;
}

/* From here on it counts: the gate opens, or the change is made. */
static void begin(struct lecture *l)
{
    l->state = LECTURE_RUNS;
    l->question = -1;
    l->begun_ns = l->steps[l->step].begun_ns = clock_now_ns();
    session_hold(l->session, false);
}

/* A run that goes on is changed live. */
static bool change_live(struct lecture *l, const struct workload *workload, const struct cpuset *cpus,
                        struct err *err)
{
    struct session_info now;
    session_info(l->session, &now);
    return (cpuset_equal(&now.cpus, cpus) || session_set_cpus(l->session, cpus, err)) &&
           (now.workload.n_tasks == workload->n_tasks ||
            session_set_n_tasks(l->session, workload->n_tasks, err)) &&
           (now.workload.kind == workload->kind || session_set_kind(l->session, workload->kind, err)) &&
           (now.workload.placement == workload->placement ||
            session_set_placement(l->session, workload->placement, err));
}

/* What the step does to the session: nothing before its questions are answered, but that a new run waits at
 * the gate. */
static bool set_session(struct lecture *l, unsigned number, bool asks, struct err *err)
{
    const struct lesson_step *step = &l->lesson->steps[number];
    struct workload workload;
    struct cpuset cpus;
    l->note[0] = '\0';
    if (step->no_run)
        return true;
    if (!lecture_workload(l->program, number, l->base, l->base_cpus, l->machine, &workload, &cpus, l->note,
                          err))
        return false;
    if (step->go_on && !session_current_run(l->session)->end_ns)
        return asks || change_live(l, &workload, &cpus, err);
    session_hold(l->session, asks);
    return session_stage(l->session, &workload, &cpus, err);
}

bool lecture_go(struct lecture *l, unsigned number, struct err *err)
{
    if (number >= l->lesson->n_steps)
        return err_set(err, "this was the last step; p goes back, l shows all lessons");
    const unsigned before = l->step;
    l->step = number;
    if (l->is_recorded)
        return true;
    const int question = next_question(l, -1);
    stop_measuring(l);
    if (!set_session(l, number, question >= 0, err)) {
        l->step = before;
        return false;
    }
    forget_answers(l);
    begin(l);
    l->question = question;
    if (question >= 0) {
        session_hold(l->session, !step_of(l)->no_run && !step_of(l)->go_on);
        l->state = LECTURE_ASKS;
    }
    return true;
}

/* ---- predictions ---- */

static bool read_prediction(const struct lesson_measure *measure, const char *typed, double *value,
                            struct err *err)
{
    char *end;
    *value = strtod(typed, &end);
    while (*end == ' ')
        end++;
    if (end == typed || *end || !isfinite(*value))
        return err_set(err, "%.40s: type a number", typed);
    if (!measure->n_choices)
        return true;
    if (*value < 1 || *value > measure->n_choices || *value != floor(*value))
        return err_set(err, "type a number from 1 to %u", measure->n_choices);
    *value -= 1;
    return true;
}

bool lecture_predict(struct lecture *l, const char *typed, struct err *err)
{
    if (l->state != LECTURE_ASKS)
        return true;
    struct lecture_answer *answer = &l->answers[l->step][l->question];
    if (*typed) {
        if (!read_prediction(answer->measure, typed, &answer->prediction, err))
            return false;
        answer->is_predicted = true;
    }
    l->question = next_question(l, l->question);
    if (l->question >= 0)
        return true;
    begin(l);
    return !step_of(l)->go_on || set_session(l, l->step, false, err);
}

/* ---- measuring ---- */

static void judge(struct lecture *l, struct lecture_answer *answer)
{
    const struct lesson_measure *measure = answer->measure;
    struct err err;
    if (measure->lo.text && measure->hi.text &&
        measure_eval(&l->measure, measure->lo.text, &answer->lo, &err) &&
        measure_eval(&l->measure, measure->hi.text, &answer->hi, &err)) {
        answer->has_bounds = !isnan(answer->lo) && !isnan(answer->hi);
        answer->is_inside = answer->has_bounds && answer->value >= answer->lo && answer->value <= answer->hi;
    }
    for (unsigned i = 0; i < measure->n_choices; i++) {
        double lo, hi;
        const struct lesson_choice *choice = &measure->choices[i];
        if (answer->right_choice < 0 && measure_eval(&l->measure, choice->lo.text, &lo, &err) &&
            measure_eval(&l->measure, choice->hi.text, &hi, &err) && answer->value >= lo &&
            answer->value <= hi)
            answer->right_choice = (int)i;
    }
    if (measure->n_choices)
        answer->is_right = (int)answer->prediction == answer->right_choice;
    else
        answer->is_right =
            fabs(answer->prediction - answer->value) <= measure->tolerance * fabs(answer->value) + 1e-9;
    answer->is_right = answer->is_right && answer->is_predicted;
}

static void know(struct lecture *l, const char *name, double value)
{
    l->known = mem_resize(l->known, l->n_known + 1ul, sizeof *l->known);
    l->known[l->n_known++] = (struct measure_known){name, value};
    l->measure.known = l->known;
    l->measure.n_known = l->n_known;
}

/* Whether a template that asks for a real-time policy was refused it: the warning names the task. */
static bool is_refused(const struct lecture *l, const struct template *template)
{
    const struct engine *engine = session_engine(l->session);
    char begins[64];
    snprintf(begins, sizeof begins, "task %.40s: %s refused", template->name,
             policy_name(template->settings.policy));
    for (unsigned i = 0; i < engine_n_warnings(engine); i++) {
        if (strncmp(engine_warning(engine, i), begins, strlen(begins)) == 0)
            return true;
    }
    return false;
}

static bool has_real_time(const struct lecture *l)
{
    const struct lesson_step *step = step_of(l);
    for (uint32_t i = 0; i < l->program->n_templates; i++) {
        const struct template *template = &l->program->templates[i];
        const bool is_real_time =
            template->settings.policy == POLICY_FIFO || template->settings.policy == POLICY_RR;
        if (is_real_time && (!step->started || step->started[i]) && is_refused(l, template))
            return false;
    }
    return true;
}

/* NULL, or why the figure would mean nothing here. */
static const char *what_is_missing(const struct lecture *l, enum lesson_needs needs)
{
    struct session_info info;
    session_info(l->session, &info);
    switch (needs) {
    case LESSON_NEEDS_NOTHING:
        break;
    case LESSON_NEEDS_EXACT:
        return info.exact ? NULL : "needs exact slices: the sources perf or engine";
    case LESSON_NEEDS_PERF:
        return strcmp(info.source, "perf") == 0 ? NULL : "needs the source perf";
    case LESSON_NEEDS_RT:
        return has_real_time(l) ? NULL
                                : "needs the privilege for real-time policies (CAP_SYS_NICE, or ulimit -r)";
    }
    return NULL;
}

static void measure_one(struct lecture *l, struct lecture_answer *answer, const char *missing)
{
    struct err err;
    answer->value = NAN;
    if (!missing)
        missing = what_is_missing(l, answer->measure->needs);
    if (missing)
        snprintf(answer->why, sizeof answer->why, "%s", missing);
    else if (!measure_eval(&l->measure, answer->measure->formula.text, &answer->value, &err))
        snprintf(answer->why, sizeof answer->why, "%.*s", (int)sizeof answer->why - 1, err.msg);
    else if (isnan(answer->value))
        snprintf(answer->why, sizeof answer->why, "%s", l->measure.why);
    answer->is_measured = !isnan(answer->value);
    if (answer->is_measured)
        judge(l, answer);
    if (answer->measure->name)
        know(l, answer->measure->name, answer->value);
}

/* Figures of a busy machine are not those of the lesson: that is said. */
#define MANY_OTHERS 0.1

static bool note_others(struct lecture *l)
{
    double part;
    if (!measure_eval(&l->measure, "others", &part, NULL) || !(part > MANY_OTHERS))
        return false;
    snprintf(l->note, sizeof l->note, "other programs had %.0f %% of the cores while this was measured",
             100 * part);
    return true;
}

/* A prediction is not judged by figures that are not the lesson's. */
static void excuse(struct lecture *l, bool others)
{
    const struct lesson_step *step = step_of(l);
    const bool by_hand = !step->no_run && !step->go_on && session_current_run(l->session)->changed;
    for (unsigned i = 0; i < step->n_measures; i++) {
        struct lecture_answer *answer = &l->answers[l->step][i];
        const bool outside = answer->has_bounds && !answer->is_inside;
        answer->is_disturbed = answer->is_measured && (by_hand || (others && outside));
        answer->is_right = answer->is_right && !answer->is_disturbed;
    }
}

/* missing: why nothing can be measured, NULL when it can. */
static void measure_step(struct lecture *l, const char *missing)
{
    const struct lesson_step *step = step_of(l);
    l->measure.known = l->known;
    l->measure.n_known = l->n_known;
    l->measure.kept = l->kept;
    for (unsigned i = 0; i < step->n_measures; i++)
        measure_one(l, &l->answers[l->step][i], missing);
    if (missing) {
        l->state = LECTURE_MEASURED;
        return;
    }
    excuse(l, !step->no_run && note_others(l));
    if (step->keep)
        l->kept = measure_keep(&l->measure);
    if (step->keep && !step->no_run)
        session_keep(l->session, session_current_run(l->session)->number);
    l->state = LECTURE_MEASURED;
}

/* The run is over and all of it has come into the timeline, or the step's time is over. */
static bool is_time_to_measure(const struct lecture *l)
{
    const struct run *run = session_current_run(l->session);
    const uint64_t seen_ns = timeline_now_ns(session_timeline(l->session));
    const uint64_t time_ns = step_of(l)->time_ns ? step_of(l)->time_ns : LONGEST_STEP_NS;
    if (step_of(l)->no_run)
        return true;
    return (run->end_ns && seen_ns >= run->end_ns) || seen_ns >= l->measure.from_ns + time_ns;
}

bool lecture_turn(struct lecture *l, uint64_t now_ns)
{
    if (l->state != LECTURE_RUNS)
        return false;
    const struct lesson_step *step = step_of(l);
    if (!l->is_measuring) {
        if (!step->no_run && !session_current_run(l->session)->start_ns) {
            if (now_ns < l->begun_ns + LONGEST_START_NS)
                return false;
            measure_step(l, "its tasks could not be started");
            return true;
        }
        measure_begin(&l->measure, l->session, l->machine, !step->go_on || step->no_run);
        l->is_measuring = true;
    }
    if (!is_time_to_measure(l))
        return false;
    measure_step(l, NULL);
    return true;
}

/* ---- the lecture ---- */

static void make_answers(struct lecture *l)
{
    l->steps = mem_new(l->lesson->n_steps, sizeof *l->steps);
    l->answers = mem_new(l->lesson->n_steps, sizeof *l->answers);
    for (l->step = l->lesson->n_steps; l->step-- > 0;) {
        l->answers[l->step] = mem_new(step_of(l)->n_measures + 1ul, sizeof **l->answers);
        forget_answers(l);
    }
    l->step = 0;
}

struct lecture *lecture_new(struct session *session, const struct program *program,
                            const struct workload *base, const struct cpuset *base_cpus,
                            const struct machine *machine, bool interactive)
{
    struct lecture *l = mem_new(1, sizeof *l);
    *l = (struct lecture){.session = session,
                          .program = program,
                          .lesson = program->lesson,
                          .base = base,
                          .base_cpus = base_cpus,
                          .machine = machine,
                          .interactive = interactive,
                          .question = -1};
    make_answers(l);
    l->begun_ns = l->steps[0].begun_ns = clock_now_ns();
    l->question = next_question(l, -1);
    l->state = l->question >= 0 ? LECTURE_ASKS : LECTURE_RUNS;

    for (unsigned i = l->lesson->n_steps; i-- > 0;) {
        struct workload workload;
        struct cpuset cpus;
        if (!l->lesson->steps[i].no_run)
            lecture_workload(program, i, base, base_cpus, machine, &workload, &cpus, l->steps[i].scaled,
                             NULL);
    }
    strcpy(l->note, l->steps[0].scaled);
    return l;
}

struct lecture *lecture_recorded(const struct program *program, const struct lecture_answer *answers,
                                 unsigned n_answers, const struct lecture_step *steps, unsigned n_steps)
{
    struct lecture *l = mem_new(1, sizeof *l);
    *l = (struct lecture){.program = program,
                          .lesson = program->lesson,
                          .question = -1,
                          .state = LECTURE_MEASURED,
                          .is_recorded = true};
    make_answers(l);
    unsigned next = 0;
    for (unsigned s = 0; s < l->lesson->n_steps; s++) {
        if (s < n_steps)
            l->steps[s] = steps[s];
        for (unsigned i = 0; i < l->lesson->steps[s].n_measures && next < n_answers; i++) {
            const struct lesson_measure *measure = l->answers[s][i].measure;
            l->answers[s][i] = answers[next++];
            l->answers[s][i].measure = measure;
        }
    }
    return l;
}

void lecture_free(struct lecture *l)
{
    if (!l)
        return;
    stop_measuring(l);
    for (unsigned i = 0; i < l->lesson->n_steps; i++)
        free(l->answers[i]);
    free(l->answers);
    free(l->steps);
    free(l->known);
    free(l);
}

int lecture_question(const struct lecture *l)
{
    return l->state == LECTURE_ASKS ? l->question : -1;
}

bool lecture_is_recorded(const struct lecture *l)
{
    return l->is_recorded;
}

uint64_t lecture_step_ns(const struct lecture *l, unsigned step)
{
    return l->steps[step].begun_ns;
}

const struct lesson *lecture_lesson(const struct lecture *l)
{
    return l->lesson;
}

unsigned lecture_step(const struct lecture *l)
{
    return l->step;
}

enum lecture_state lecture_state(const struct lecture *l)
{
    return l->state;
}

const char *lecture_note(const struct lecture *l)
{
    return l->note;
}

double lecture_passed(const struct lecture *l, uint64_t now_ns)
{
    const uint64_t time_ns = step_of(l)->time_ns;
    if (l->state == LECTURE_MEASURED)
        return 1;
    if (!time_ns || !l->is_measuring)
        return time_ns ? 0 : -1;
    const double passed =
        now_ns > l->measure.from_ns ? (double)(now_ns - l->measure.from_ns) / (double)time_ns : 0;
    return passed < 1 ? passed : 1;
}

const struct lecture_answer *lecture_answer(const struct lecture *l, unsigned step, unsigned i)
{
    return &l->answers[step][i];
}

static unsigned count(const struct lecture *l, bool (*is_counted)(const struct lecture_answer *))
{
    unsigned n = 0;
    for (unsigned s = 0; s < l->lesson->n_steps; s++) {
        for (unsigned i = 0; i < l->lesson->steps[s].n_measures; i++)
            n += is_counted(&l->answers[s][i]);
    }
    return n;
}

static bool is_scored(const struct lecture_answer *answer)
{
    return answer->is_predicted && answer->is_measured && !answer->is_disturbed;
}

static bool is_right(const struct lecture_answer *answer)
{
    return is_scored(answer) && answer->is_right;
}

static bool is_outside(const struct lecture_answer *answer)
{
    return answer->is_measured && answer->has_bounds && !answer->is_inside;
}

static bool is_unmeasured(const struct lecture_answer *answer)
{
    return !answer->is_measured && answer->why[0];
}

unsigned lecture_score(const struct lecture *l, unsigned *n_predicted)
{
    *n_predicted = count(l, is_scored);
    return count(l, is_right);
}

unsigned lecture_n_outside(const struct lecture *l)
{
    return count(l, is_outside);
}

unsigned lecture_n_unmeasured(const struct lecture *l)
{
    return count(l, is_unmeasured);
}

const char *lecture_scaled(const struct lecture *l, unsigned step)
{
    return l->steps[step].scaled;
}
