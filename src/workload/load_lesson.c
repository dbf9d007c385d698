/* Reads the lesson of a workload file: its steps, their settings, and what they measure and ask. */
#include "load.h"

#include "../lesson/expression.h"
#include "lesson.h"
#include "workload.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STEPS    256
#define MAX_MEASURES 64 /* of a step */

/* ---- Measures ---- */

/* names: of all measures so far; each may be used by later formulas, so each is there once. */
struct lesson_reader {
    struct loader *l;
    struct lesson *lesson;
    struct lh_table *names;
};

static bool read_within(struct loader *l, const struct node *node, struct formula *lo, struct formula *hi)
{
    if (!load_is_sequence(l, node, "within"))
        return false;
    if (node->n_children != 2)
        return load_fail(l, node->place, "within: two numbers or formulas are needed: [LEAST, MOST]");
    return load_formula(l, node->first, "within", lo) && load_formula(l, node->first->next, "within", hi);
}

static bool read_choice(struct loader *l, const struct node *node, struct lesson_choice *choice)
{
    static const char *const names[] = {"text", "within"};
    const struct fields fields = {.what = "a choice", .names = names, .n = 2};
    const struct node *v[2];

    if (!load_fields(l, node, &fields, v))
        return false;
    if (!v[0] || !v[1])
        return load_fail(l, node->place, "a choice needs `text' and `within', here is no `%s'",
                         v[0] ? "within" : "text");
    return load_text(l, v[0], "text", &choice->text) && read_within(l, v[1], &choice->lo, &choice->hi);
}

static bool read_choices(struct loader *l, const struct node *node, struct lesson_measure *measure)
{
    if (!load_is_sequence(l, node, "choices"))
        return false;
    if (node->n_children < 2 || node->n_children > LESSON_MAX_CHOICES)
        return load_fail(l, node->place, "choices: %u of them; give 2 to %d", node->n_children,
                         LESSON_MAX_CHOICES);
    for (const struct node *child = node->first; child; child = child->next)
        if (!read_choice(l, child, &measure->choices[measure->n_choices++]))
            return false;
    return true;
}

static bool no_names(const struct expression_names *names, const char *name, double *value)
{
    (void)names, (void)name, (void)value;
    return false;
}

static bool read_tolerance(struct loader *l, const struct node *node, double *tolerance)
{
    const struct expression_names names = {.lookup = no_names};

    if (node->kind != NODE_SCALAR || !expression_eval(node->text, &names, tolerance, NULL) ||
        !(*tolerance >= 0 && *tolerance <= 1))
        return load_fail(l, node->place, "tolerance: give a part of the measured value, such as 0.2");
    return true;
}

/* Letters, digits and '_', so that a formula can use it. */
static bool read_measure_name(struct lesson_reader *r, const struct node *node, char **name)
{
    const char *text;
    void *found;

    if (!load_name(r->l, node, "name", &text))
        return false;
    for (const char *c = text; *c; c++)
        if (!(isalpha((unsigned char)*c) || *c == '_' || (c > text && isdigit((unsigned char)*c))))
            return load_fail(r->l, node->place, "name: `%s' cannot be used in a formula; use letters and _",
                             load_shown(text).text);
    if (lh_table_lookup_ex(r->names, text, &found))
        return load_fail(r->l, node->place, "name: `%s' is measured already; give another name",
                         load_shown(text).text);
    *name = load_copy(text);
    lh_table_insert(r->names, *name, r);
    return true;
}

enum measure_field {
    MEASURE_NAME,
    MEASURE_LABEL,
    MEASURE_VALUE,
    MEASURE_UNIT,
    MEASURE_WITHIN,
    MEASURE_ASK,
    MEASURE_CHOICES,
    MEASURE_TOLERANCE,
    MEASURE_NEEDS,
    N_MEASURE_FIELDS
};

static bool read_needs(struct loader *l, const struct node *node, enum lesson_needs *needs)
{
    static const char *const words[] = {"exact", "perf", "rt"};
    unsigned i;

    if (!load_word(l, node, "needs", words, 3, &i))
        return false;
    *needs = (enum lesson_needs)(LESSON_NEEDS_EXACT + i);
    return true;
}

static bool read_measure(struct lesson_reader *r, const struct node *node, struct lesson_measure *m)
{
    static const char *const names[N_MEASURE_FIELDS] = {"name", "label",   "value",     "unit", "within",
                                                        "ask",  "choices", "tolerance", "needs"};
    const struct fields fields = {.what = "a measure", .names = names, .n = N_MEASURE_FIELDS};
    const struct node *v[LOAD_MAX_FIELDS];
    struct loader *l = r->l;

    if (!load_fields(l, node, &fields, v))
        return false;
    *m = (struct lesson_measure){.tolerance = 0.2};
    if (!v[MEASURE_VALUE])
        return load_fail(l, node->place, "a measure needs a `value': a formula over what is measured");
    if (v[MEASURE_CHOICES] && !v[MEASURE_ASK])
        return load_fail(l, v[MEASURE_CHOICES]->place, "choices without a question; add `ask'");
    if (v[MEASURE_CHOICES] && v[MEASURE_TOLERANCE])
        return load_fail(l, v[MEASURE_TOLERANCE]->place,
                         "tolerance is for typed numbers; leave it out where there are choices");
    m->unit = load_copy("");
    if (!load_formula(l, v[MEASURE_VALUE], "value", &m->formula) ||
        (v[MEASURE_NAME] && !read_measure_name(r, v[MEASURE_NAME], &m->name)) ||
        (v[MEASURE_LABEL] && !load_text(l, v[MEASURE_LABEL], "label", &m->label)) ||
        (v[MEASURE_UNIT] && !load_text(l, v[MEASURE_UNIT], "unit", &m->unit)) ||
        (v[MEASURE_WITHIN] && !read_within(l, v[MEASURE_WITHIN], &m->lo, &m->hi)) ||
        (v[MEASURE_ASK] && !load_text(l, v[MEASURE_ASK], "ask", &m->question)) ||
        (v[MEASURE_CHOICES] && !read_choices(l, v[MEASURE_CHOICES], m)) ||
        (v[MEASURE_TOLERANCE] && !read_tolerance(l, v[MEASURE_TOLERANCE], &m->tolerance)) ||
        (v[MEASURE_NEEDS] && !read_needs(l, v[MEASURE_NEEDS], &m->needs)))
        return false;
    if (!m->label)
        m->label = load_copy(m->name ? m->name : m->formula.text);
    return true;
}

static bool read_measures(struct lesson_reader *r, const struct node *node, struct lesson_step *step)
{
    if (!load_is_sequence(r->l, node, "measure"))
        return false;
    if (node->n_children > MAX_MEASURES)
        return load_fail(r->l, node->place, "measure: %u are too many for one step; give at most %d",
                         node->n_children, MAX_MEASURES);
    step->measures = mem_new(node->n_children, sizeof *step->measures);
    for (const struct node *child = node->first; child; child = child->next)
        if (!read_measure(r, child, &step->measures[step->n_measures++]))
            return false;
    return true;
}

/* ---- Steps ---- */

enum step_field {
    STEP_TITLE,
    STEP_TEXT,
    STEP_RULE,
    STEP_CORES,
    STEP_TASKS,
    STEP_KIND,
    STEP_PLACEMENT,
    STEP_START,
    STEP_WORK,
    STEP_TIME,
    STEP_POLICY,
    STEP_PRIORITY,
    STEP_SLICE,
    STEP_MODE,
    STEP_WINDOW,
    STEP_VIEW,
    STEP_KEEP,
    STEP_RUN,
    STEP_NO_RUN,
    STEP_GO_ON,
    STEP_MEASURE,
    N_STEP_FIELDS
};

static bool read_start(struct loader *l, const struct node *node, struct lesson_step *step)
{
    uint32_t index;

    if (!load_is_sequence(l, node, "start"))
        return false;
    if (node->n_children == 0)
        return load_fail(l, node->place, "start: the list is empty; name a task, or leave it out for all");
    step->started = mem_new(l->program->n_templates, sizeof *step->started);
    for (const struct node *child = node->first; child; child = child->next) {
        if (!load_find_template(l, child, &index))
            return false;
        step->started[index] = true;
    }
    return true;
}

static bool read_number_of_tasks(struct loader *l, const struct node *node, struct lesson_step *step)
{
    uint32_t scaling = program_scaling_template(l->program);

    if (scaling == PROGRAM_NONE)
        return load_fail(l, node->place,
                         "tasks: none of them scales; say `scales: true' in the one that does");
    if (step->started && !step->started[scaling])
        return load_fail(l, node->place, "tasks: `%s' scales, and is not started in this step",
                         load_shown(l->program->templates[scaling].name).text);
    return load_setting(l, node, "tasks", 3, &step->tasks);
}

static bool read_step_settings(struct loader *l, const struct node *const *v, struct settings *s)
{
    struct place at = {1, 1};

    if ((v[STEP_POLICY] && !load_policy(l, v[STEP_POLICY], &s->policy)) ||
        (v[STEP_PRIORITY] && !load_priority(l, v[STEP_PRIORITY], s)) ||
        (v[STEP_SLICE] && !load_time(l, v[STEP_SLICE], "slice", true, &s->dl_runtime_ns)))
        return false;
    if (v[STEP_POLICY] || v[STEP_PRIORITY])
        at = (v[STEP_POLICY] ? v[STEP_POLICY] : v[STEP_PRIORITY])->place;
    return load_fit_settings(l, at, s->policy, s);
}

static bool read_screen(struct loader *l, const struct node *const *v, struct lesson_step *step)
{
    static const char *const modes[] = {"scope", "slow", "scroll"}, *const views[] = {"cores",   "tasks",
                                                                                      "table",   "counters",
                                                                                      "compare", "objects"};
    unsigned index;

    if (v[STEP_MODE]) {
        if (!load_word(l, v[STEP_MODE], "mode", modes, 3, &index))
            return false;
        step->mode = LESSON_MODE_SCOPE + index;
    }
    if (v[STEP_VIEW]) {
        if (!load_word(l, v[STEP_VIEW], "view", views, 6, &index))
            return false;
        step->view = LESSON_VIEW_CORES + index;
    }
    return !v[STEP_WINDOW] || load_time(l, v[STEP_WINDOW], "window", true, &step->window_ns);
}

/* `run: false' and `no_run: true' say the same. */
static bool read_run(struct loader *l, const struct node *const *v, struct lesson_step *step)
{
    bool run = true;

    if ((v[STEP_RUN] && !load_bool(l, v[STEP_RUN], "run", &run)) ||
        (v[STEP_NO_RUN] && !load_bool(l, v[STEP_NO_RUN], "no_run", &step->no_run)) ||
        (v[STEP_KEEP] && !load_bool(l, v[STEP_KEEP], "keep", &step->keep)) ||
        (v[STEP_GO_ON] && !load_bool(l, v[STEP_GO_ON], "go_on", &step->go_on)))
        return false;
    step->no_run = step->no_run || !run;
    return true;
}

static bool read_step_texts(struct loader *l, const struct node *const *v, struct lesson_step *step)
{
    step->text = load_copy("");
    return load_text(l, v[STEP_TITLE], "title", &step->title) &&
           (!v[STEP_TEXT] || load_text(l, v[STEP_TEXT], "text", &step->text)) &&
           (!v[STEP_RULE] || load_text(l, v[STEP_RULE], "rule", &step->rule));
}

static bool check_step(struct lesson_reader *r, const struct node *node, const struct lesson_step *step)
{
    const struct lesson_step *before = r->lesson->n_steps > 1 ? step - 1 : NULL;

    if (step->no_run && (step->go_on || step->keep))
        return load_fail(r->l, node->place, "a step without a run has nothing to %s; leave that out",
                         step->go_on ? "go on with" : "keep");
    if (step->go_on && (!before || before->no_run))
        return load_fail(r->l, node->place, "go_on: the step before has no run that could go on");
    if (step->go_on && step->started)
        return load_fail(r->l, node->place, "start: the step before has started who goes on; leave it out");
    return true;
}

static bool read_step(struct lesson_reader *r, const struct node *node, struct lesson_step *step)
{
    static const char *const names[N_STEP_FIELDS] = {
        [STEP_TITLE] = "title",         [STEP_TEXT] = "text",     [STEP_RULE] = "rule",
        [STEP_CORES] = "cores",         [STEP_TASKS] = "tasks",   [STEP_KIND] = "kind",
        [STEP_PLACEMENT] = "placement", [STEP_START] = "start",   [STEP_WORK] = "work",
        [STEP_TIME] = "time",           [STEP_POLICY] = "policy", [STEP_PRIORITY] = "priority",
        [STEP_SLICE] = "slice",         [STEP_MODE] = "mode",     [STEP_WINDOW] = "window",
        [STEP_VIEW] = "view",           [STEP_KEEP] = "keep",     [STEP_RUN] = "run",
        [STEP_NO_RUN] = "no_run",       [STEP_GO_ON] = "go_on",   [STEP_MEASURE] = "measure",
    };
    const struct fields fields = {.what = "a step", .names = names, .n = N_STEP_FIELDS};
    const struct node *v[LOAD_MAX_FIELDS];
    struct loader *l = r->l;

    *step = (struct lesson_step){.placement = -1, .line = node->place.line, .column = node->place.column};
    load_no_settings(&step->settings);
    if (!load_fields(l, node, &fields, v))
        return false;
    if (!v[STEP_TITLE])
        return load_fail(l, node->place, "a step needs a `title'");
    if (v[STEP_WORK])
        return load_fail(l, v[STEP_WORK]->place,
                         "work: the tasks have their own, `run' with a `loop'; leave it out");
    return read_step_texts(l, v, step) &&
           (!v[STEP_CORES] || load_setting(l, v[STEP_CORES], "cores", 3, &step->cores)) &&
           (!v[STEP_START] || read_start(l, v[STEP_START], step)) &&
           (!v[STEP_TASKS] || read_number_of_tasks(l, v[STEP_TASKS], step)) &&
           (!v[STEP_KIND] || load_kind(l, v[STEP_KIND], &step->has_kind, &step->kind)) &&
           (!v[STEP_PLACEMENT] || load_placement(l, v[STEP_PLACEMENT], &step->placement)) &&
           (!v[STEP_TIME] || load_time(l, v[STEP_TIME], "time", true, &step->time_ns)) &&
           read_step_settings(l, v, &step->settings) && read_screen(l, v, step) && read_run(l, v, step) &&
           (!v[STEP_MEASURE] || read_measures(r, v[STEP_MEASURE], step)) && check_step(r, node, step);
}

static bool read_steps(struct lesson_reader *r, const struct node *node)
{
    if (!load_is_sequence(r->l, node, "steps"))
        return false;
    if (node->n_children == 0 || node->n_children > MAX_STEPS)
        return load_fail(r->l, node->place, "steps: %u of them; give 1 to %d", node->n_children, MAX_STEPS);
    r->lesson->steps = mem_new(node->n_children, sizeof *r->lesson->steps);
    for (const struct node *child = node->first; child; child = child->next)
        if (!read_step(r, child, &r->lesson->steps[r->lesson->n_steps++]))
            return false;
    return true;
}

/* ---- The lesson ---- */

static bool read_summary(struct loader *l, const struct node *node, char **summary)
{
    if (!load_text(l, node, "summary", summary))
        return false;
    return !strchr(*summary, '\n') || load_fail(l, node->place, "summary: several lines; make it one");
}

static bool read_lesson(struct lesson_reader *r, const struct node *node)
{
    enum { TITLE, SUMMARY, WATCH, STEPS, N_FIELDS };
    static const char *const names[N_FIELDS] = {"title", "summary", "watch", "steps"};
    const struct fields fields = {.what = "a lesson", .names = names, .n = N_FIELDS};
    const struct node *v[N_FIELDS];
    struct lesson *lesson = r->lesson;
    struct loader *l = r->l;

    if (!load_fields(l, node, &fields, v))
        return false;
    if (!v[TITLE] || !v[STEPS])
        return load_fail(l, node->place, "a lesson needs a `title' and `steps', here is no `%s'",
                         v[TITLE] ? "steps" : "title");
    return load_text(l, v[TITLE], "title", &lesson->title) &&
           (!v[SUMMARY] || read_summary(l, v[SUMMARY], &lesson->summary)) &&
           (!v[WATCH] || load_text(l, v[WATCH], "watch", &lesson->watch)) && read_steps(r, v[STEPS]);
}

bool load_lesson(struct loader *l, const struct node *node)
{
    struct lesson *lesson = l->program->lesson = mem_new(1, sizeof *lesson);
    struct lesson_reader r = {.l = l, .lesson = lesson, .names = lh_kchar_table_new(64, NULL)};
    bool good;

    if (!r.names)
        err_no_memory();
    lesson->summary = load_copy("");
    lesson->watch = load_copy("");
    good = read_lesson(&r, node);
    lh_table_free(r.names);
    return good;
}
