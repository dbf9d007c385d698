/* Workload files: what is loaded, what is refused and with which line, the examples of the manual, and how
 * long it takes. */
#include "../../src/clock.h"
#include "../../src/workload/lesson.h"
#include "../../src/workload/load_tree.h"
#include "../../src/workload/workload.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define US UINT64_C(1000)

/* ---- Helpers ---- */

static struct program *load(const char *text)
{
    struct err err = {""};
    struct program *program = program_load("f", text, strlen(text), &err);
    if (!program)
        fail_msg("%s", err.msg);
    return program;
}

/* message: what follows "f:"; where it ends in "..." the rest is left open. */
static void refused(const char *text, const char *message)
{
    size_t n = strlen(message);
    bool open_end = n > 3 && strcmp(message + n - 3, "...") == 0;
    struct err err = {""};
    struct program *program = program_load("f", text, strlen(text), &err);
    if (program)
        fail_msg("loaded, instead of: %s\n%s", message, text);
    assert_memory_equal(err.msg, "f:", 2);
    if (open_end)
        assert_memory_equal(err.msg + 2, message, n - 3);
    else
        assert_string_equal(err.msg + 2, message);
}

/* Tasks given as what stands between the braces of `tasks'. */
static void task_refused(const char *tasks, const char *message)
{
    char text[2000];
    snprintf(text, sizeof text, "{tasks: {%s}}", tasks);
    refused(text, message);
}

static char *source_path(const char *file, char *path, size_t size)
{
    const char *top = getenv("top_srcdir");
    snprintf(path, size, "%s/%s", top ? top : ".", file);
    return path;
}

static struct program *load_fixture(const char *file)
{
    char path[4096], name[256];
    struct err err = {""};
    snprintf(name, sizeof name, "tests/data/workloads/%s", file);
    struct program *program = program_load_file(source_path(name, path, sizeof path), &err);
    if (!program)
        fail_msg("%s", err.msg);
    return program;
}

static const struct object *object_of(const struct program *program, const struct action *a)
{
    assert_true(a->object < program->n_objects);
    return &program->objects[a->object];
}

static const struct action *action_of(const struct program *program, unsigned template, unsigned i)
{
    assert_true(i < program->templates[template].phases[0].n_actions);
    return &program->templates[template].phases[0].actions[i];
}

/* ---- rt-app's language ---- */

static void test_events(void **state)
{
    static const struct {
        enum action_kind kind;
        uint64_t amount;
        const char *object;
    } expected[] = {
        {ACTION_RUN, 2000 * US, NULL},
        {ACTION_RUN, 10 * US, NULL},
        {ACTION_RUN, 20 * US, NULL},
        {ACTION_RUN, 30 * US, NULL},
        {ACTION_RUNTIME, 400 * US, NULL},
        {ACTION_RUNTIME, 500 * US, NULL},
        {ACTION_SLEEP, 0, NULL},
        {ACTION_LOCK, 0, "m"},
        {ACTION_WAIT, 0, "c"},
        {ACTION_SYNC, 0, "c"},
        {ACTION_UNLOCK, 0, "m"},
        {ACTION_SYNC, 0, "c"},
        {ACTION_SIGNAL, 0, "c"},
        {ACTION_BROAD, 0, "c"},
        {ACTION_BARRIER, 0, "meet"},
        {ACTION_SUSPEND, 0, "worker"},
        {ACTION_RESUME, 0, "worker"},
        {ACTION_TIMER, 10 * MS, "unique_tick"},
        {ACTION_TIMER, 10 * MS, "unique_tick"},
        {ACTION_TIMER, 5 * MS, "tick"},
        {ACTION_YIELD, 0, NULL},
        {ACTION_MEM, 4096, NULL},
        {ACTION_MEM, 8192, NULL},
        {ACTION_IORUN, 100, NULL},
        {ACTION_SEM_WAIT, 0, "jobs"},
        {ACTION_SEM_POST, 0, "jobs"},
        {ACTION_FORK, 0, NULL},
    };
    struct program *program = load_fixture("events.json");
    const unsigned n = sizeof expected / sizeof *expected;
    (void)state;
    assert_int_equal(program->templates[0].phases[0].n_actions, n);
    for (unsigned i = 0; i < n; i++) {
        const struct action *a = action_of(program, 0, i);
        assert_int_equal(a->kind, expected[i].kind);
        assert_int_equal(a->amount, expected[i].amount);
        if (expected[i].object)
            assert_string_equal(object_of(program, a)->name, expected[i].object);
        else
            assert_int_equal(a->object, PROGRAM_NONE);
    }
    assert_int_equal(action_of(program, 0, 0)->line, 13);
    assert_string_equal(program->objects[action_of(program, 0, 8)->mutex].name, "m");
    assert_int_equal(action_of(program, 0, 8)->while_counter, PROGRAM_NONE);
    assert_int_equal(action_of(program, 0, 9)->how, HOW_LOCKED); /* it holds the mutex there */
    assert_int_equal(action_of(program, 0, 11)->how, HOW_PLAIN);
    assert_int_equal(object_of(program, action_of(program, 0, 14))->n_users, 2);
    assert_true(action_of(program, 0, 17)->absolute);
    assert_true(action_of(program, 0, 18)->absolute); /* the mode is the timer's */
    assert_false(action_of(program, 0, 19)->absolute);
    assert_true(object_of(program, action_of(program, 0, 17))->unique);
    assert_false(object_of(program, action_of(program, 0, 19))->unique);
    assert_int_equal(action_of(program, 0, 26)->template, program_find_template(program, "child"));
    assert_int_equal(program->n_warnings, 1);
    assert_string_equal(program->warnings[0].text,
                        "global: calibration, logdir, log_size: not used; schedviz "
                        "calibrates, records (-r) and reports (-b) itself");
    program_free(program);
}

static void test_task_settings(void **state)
{
    struct program *program = load_fixture("events.json");
    const struct template *worker = &program->templates[0], *other = &program->templates[1];
    const struct settings *s = &worker->settings;
    (void)state;
    assert_string_equal(program->name, "events");
    assert_int_equal(worker->n_instances, 3);
    assert_int_equal(worker->loop, 20);
    assert_int_equal(worker->phases[0].loop, 1);
    assert_string_equal(worker->phases[0].name, "");
    assert_int_equal(worker->delay_ns, 1500 * US);
    assert_int_equal(s->policy, POLICY_OTHER);
    assert_int_equal(s->priority, -5);
    assert_int_equal(s->dl_runtime_ns, 3 * MS);
    assert_int_equal(s->dl_period_ns, 0);
    assert_int_equal(s->util_min, 100);
    assert_int_equal(s->util_max, 1024);
    assert_true(s->has_cpus && cpuset_has(&s->cpus, 0) && cpuset_has(&s->cpus, 2));
    assert_int_equal(cpuset_count(&s->cpus), 2);
    assert_int_equal(other->loop, -1);
    assert_int_equal(other->n_phases, 3);
    assert_string_equal(other->phases[1].name, "second");
    assert_string_equal(other->phases[2].name, "second");
    assert_int_equal(other->phases[0].loop, 2);
    assert_int_equal(other->phases[1].loop, -1);
    assert_true(other->phases[2].settings.has_priority && !other->phases[1].settings.has_priority);
    assert_int_equal(other->phases[2].settings.policy, POLICY_KEEP);
    assert_int_equal(other->settings.nodes, 1 | UINT64_C(1) << 63);
    assert_string_equal(program->templates[2].settings.taskgroup, "/a/b");
    assert_int_equal(program->templates[2].n_instances, 0);
    assert_int_equal(program->templates[3].settings.dl_runtime_ns, 10 * MS); /* the older names */
    assert_int_equal(program->templates[3].settings.dl_deadline_ns, 30 * MS);
    assert_int_equal(program->templates[3].phases[0].settings.nodes, 2);
    assert_int_equal(program->duration_ns, 2000 * MS);
    assert_true(program->pi_enabled && !program->lock_pages);
    assert_int_equal(program->mem_buffer_bytes, 1048576);
    program_free(program);
}

/* One name may be a mutex, a condition, a barrier, a timer and something to suspend by: rt-app's files do
 * that. */
static void test_spaces_of_names(void **state)
{
    struct program *program =
        load("{tasks: {x: {instance: 2, loop: 1, lock: x, wait: {ref: x, mutex: x}, unlock: x, barrier: x, "
             "signal: x, timer: {ref: x, period: 1}, resume: x, suspend}}}");
    (void)state;
    assert_int_equal(program->n_objects, 5);
    assert_int_equal(program_find_object(program, "x"), 0);
    assert_int_equal(program_find_object(program, "y"), PROGRAM_NONE);
    program_free(program);
}

static void test_deadline(void **state)
{
    struct program *program =
        load("{tasks: {a: {dl-runtime: 10, run: 5}, b: {policy: SCHED_DEADLINE, runtime: 7, "
             "dl-period: 9, dl-reclaim: true, util_min: -1}, c: {policy: SCHED_OTHER, runtime: 7}}, "
             "global: {default_policy: SCHED_DEADLINE}}");
    (void)state;
    assert_int_equal(program->templates[0].settings.policy, POLICY_KEEP);
    assert_int_equal(program->default_policy, POLICY_DEADLINE);
    assert_int_equal(program->templates[0].settings.dl_period_ns, 10 * US);
    assert_int_equal(program->templates[0].settings.dl_deadline_ns, 10 * US);
    assert_int_equal(program->templates[1].settings.dl_runtime_ns, 7 * US);
    assert_int_equal(program->templates[1].settings.dl_deadline_ns, 9 * US);
    assert_true(program->templates[1].settings.dl_reclaim);
    assert_false(program->templates[0].settings.dl_reclaim);
    assert_int_equal(program->templates[1].settings.util_min, -1);
    assert_int_equal(program->templates[2].settings.dl_runtime_ns, 0);
    program_free(program);
}

/* A shared timer is absolute for all when one use says so; a unique one for all uses of its task. */
static void test_timer_modes(void **state)
{
    struct program *program =
        load("{tasks: {a: {timer: {ref: t, period: 1}, timer: {ref: unique, period: 1, mode: absolute}}, "
             "b: {timer: {ref: t, period: 1, mode: absolute}, timer: {ref: unique, period: 1}, timer: "
             "{period: 2}}}}");
    (void)state;
    assert_true(action_of(program, 0, 0)->absolute);
    assert_true(action_of(program, 0, 1)->absolute);
    assert_true(action_of(program, 1, 0)->absolute);
    assert_false(action_of(program, 1, 1)->absolute);
    assert_string_equal(object_of(program, action_of(program, 1, 2))->name, "unknown");
    program_free(program);
}

/* ---- Additions ---- */

static void test_additions(void **state)
{
    struct program *program = load_fixture("additions.yaml");
    const struct action *a;
    (void)state;
    assert_true(program->has_kind && program->kind == TASK_PROCESS);
    assert_string_equal(program->cores.text, "min(2, cpus)");
    assert_string_equal(program->tasks.text, "2 * cpus");
    assert_int_equal(program->placement, PLACEMENT_PINNED);
    assert_int_equal(program_scaling_template(program), 0);
    assert_int_equal(program->templates[0].n_instances, 1);
    assert_int_equal(program->objects[program_find_object(program, "jobs")].value, 3);
    assert_int_equal(program->objects[program_find_object(program, "items")].value, 3);
    assert_true(program->objects[program_find_object(program, "m")].inherits);
    assert_false(program->objects[program_find_object(program, "plain one")].inherits);
    a = action_of(program, 0, 0);
    assert_true(a->kind == ACTION_ADD && a->amount == 100000 && a->how == HOW_PLAIN && a->by == 1);
    a = action_of(program, 0, 1);
    assert_true(a->kind == ACTION_ADD && a->amount == 5 && a->how == HOW_LOCKED);
    a = action_of(program, 0, 2);
    assert_true(a->kind == ACTION_ADD && a->amount == 1 && a->how == HOW_ATOMIC);
    assert_int_equal(action_of(program, 0, 4)->by, -1);
    a = action_of(program, 0, 6);
    assert_int_equal(a->kind, ACTION_WAIT);
    assert_string_equal(program->objects[a->while_counter].name, "items");
    assert_int_equal(a->while_value, 0);
    assert_int_equal(action_of(program, 0, 9)->amount, 2 * MS);
    assert_int_equal(action_of(program, 0, 10)->amount, 1500 * US);
    assert_true(action_of(program, 0, 11)->kind == ACTION_BLOCK &&
                action_of(program, 0, 11)->amount == 20 * MS);
    a = action_of(program, 0, 12);
    assert_true(a->kind == ACTION_CREATE && a->create_kind == TASK_PROCESS && a->amount == 1);
    a = action_of(program, 0, 13);
    assert_true(a->create_kind == TASK_GREEN && a->amount == 50);
    a = action_of(program, 1, 0);
    assert_true(a->kind == ACTION_SEND && a->amount == 4 && a->how == HOW_PIPE); /* said by the receiver */
    assert_int_equal(action_of(program, 2, 1)->kind, ACTION_RECEIVE);
    a = action_of(program, 3, 0);
    assert_true(a->kind == ACTION_PINGPONG && a->bytes == 65536 && a->how == HOW_YIELD);
    assert_true(program->templates[4].n_instances == 2 &&
                program->templates[4].kind == TASK_GREEN); /* alias */
    assert_int_equal(action_of(program, 5, 1)->amount, 11);
    assert_int_equal(action_of(program, 6, 0)->amount, 9);
    assert_int_equal(action_of(program, 7, 0)->amount, 6);
    assert_int_equal(program->n_warnings, 0);
    program_free(program);
}

static void test_lesson(void **state)
{
    struct program *program = load_fixture("lesson.yaml");
    const struct lesson *lesson = program->lesson;
    const struct lesson_step *one = &lesson->steps[0], *all = &lesson->steps[1];
    (void)state;
    assert_string_equal(lesson->title, "Interleaved, then parallel");
    assert_string_equal(lesson->summary, "several tasks on one core, then on several");
    assert_int_equal(lesson->n_steps, 3);
    assert_string_equal(one->text, "Four tasks share one core.\n\nWatch how they take turns.");
    assert_true(one->has_kind && one->kind == TASK_PROCESS && one->placement == PLACEMENT_PINNED);
    assert_true(one->started[0] && !one->started[1]);
    assert_int_equal(one->time_ns, 2000 * MS);
    assert_int_equal(one->window_ns, 80 * MS);
    assert_int_equal(one->settings.policy, POLICY_BATCH);
    assert_true(one->settings.has_priority && one->settings.priority == 5);
    assert_int_equal(one->settings.dl_runtime_ns, 3 * MS);
    assert_int_equal(one->mode, LESSON_MODE_SLOW);
    assert_int_equal(one->view, LESSON_VIEW_TASKS);
    assert_true(one->keep && !one->go_on && !one->no_run);
    assert_int_equal(one->n_measures, 2);
    assert_string_equal(one->measures[0].name, "alone");
    assert_string_equal(one->measures[0].lo.text, "0.9");
    assert_true(fabs(one->measures[0].tolerance - 0.1) < 1e-9);
    assert_string_equal(one->measures[1].label, "switches");
    assert_string_equal(one->measures[1].unit, "");
    assert_int_equal(one->measures[1].needs, LESSON_NEEDS_PERF);
    assert_int_equal(one->measures[0].needs, LESSON_NEEDS_NOTHING);
    assert_null(one->measures[1].question);
    assert_string_equal(all->tasks.text, "2 * cores");
    assert_int_equal(all->measures[0].n_choices, 2);
    assert_string_equal(all->measures[0].choices[1].hi.text, "1000");
    assert_true(fabs(all->measures[0].tolerance - 0.2) < 1e-9);
    assert_true(all->started[0] && all->started[1]);
    assert_null(lesson->steps[2].started);
    assert_true(lesson->steps[2].no_run);
    assert_string_equal(lesson->steps[2].text, "");
    program_free(program);
}

/* ---- Cast and names ---- */

static void test_cast(void **state)
{
    struct program *program =
        load("{tasks: {a: {instance: 2, run: 1}, b: {scales: true, run: 1}, c: {run: 1}}}");
    const bool started[] = {true, true, false};
    struct part parts[4];
    (void)state;
    assert_int_equal(program_scaling_template(program), 1);
    assert_int_equal(program_cast(program, NULL, 0, NULL, 0), 4);
    assert_int_equal(program_cast(program, started, 3, parts, 4), 5);
    assert_true(parts[1].template == 0 && parts[1].instance == 1);
    assert_true(parts[2].template == 1 && parts[2].instance == 0);
    assert_int_equal(program_cast(program, NULL, 1, parts, 4), 4);
    assert_true(parts[2].template == 2 && parts[3].template == 1); /* the one that scales comes last */
    program_free(program);
    program = load("{tasks: {a: {scales: false, run: 1}}}");
    assert_int_equal(program_scaling_template(program), PROGRAM_NONE);
    program_free(program);
}

static void test_names(void **state)
{
    struct program *program = load(
        "{tasks: {worker: {run: 1}, 'abcdefghijklmnopqr': {run: 1}, 'abcdefghijkl\u00e4\u00f6': {run: 1}}}");
    const struct part worker = {.template = 0, .instance = 9}, longest = {.template = 1, .instance = 99},
                      umlaut = {.template = 2, .instance = 0};
    char name[EVENT_NAME_SIZE];
    (void)state;
    assert_string_equal(program_task_name(program, worker, true, name), "worker-10");
    assert_string_equal(program_task_name(program, worker, false, name), "worker");
    assert_string_equal(program_task_name(program, longest, true, name), "abcdefghijk-100");
    assert_string_equal(program_task_name(program, umlaut, false, name), "abcdefghijkl\u00e4");
    assert_string_equal(program_task_name(program, umlaut, true, name), "abcdefghijkl-1");
    program_free(program);
}

/* ---- What is refused ---- */

static void test_syntax_refused(void **state)
{
    (void)state;
    refused("", "1:1: the file is empty; write tasks: { NAME: { run: 1000 } }");
    refused("/* only\nthis", "1:1: this comment does not end; close it with */");
    refused("{tasks: {a: {run: 1}}}\n  /* end", "2:3: this comment does not end; close it with */");
    refused("tasks:\n  a: {run: 1}\n---\ntasks: {}\n",
            "4:1: a second document begins; a workload is one document");
    refused(
        "{tasks: {a: {run: 1]}}",
        "1:20: did not find expected ',' or '}' while parsing a flow mapping; look at what begins in line 1");
    refused("{tasks: {[a]: {run: 1}}}",
            "1:10: a list or a group stands where a name is expected; write NAME: VALUE");
    refused("tasks: *a", "1:8: an alias of something that is not there before it; set &NAME there");
    refused("tasks: &a {a: *a}", "1:15: an alias of something that is not there before it; set &NAME there");
    refused("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "1:33: nested too deeply; no workload needs that");
    refused("tasks: \"a\\0b\"", "1:8: a text with a zero byte in it; take it out");
    refused("[1, 2]", "1:1: a workload: a group { NAME: VALUE, ... } is missing, here is a list");
}

/* Columns count characters, and comments keep everything in its place. */
static void test_places(void **state)
{
    (void)state;
    refused("{ /* \u00e4\u00f6\u00fc */ taks: 1 }",
            "1:13: `taks' is not known in a workload; did you mean `tasks'?");
    refused("// a\n/* b\n*/ {\n\t\"tasks\" : { /* c */ \"a\" : { \"rum\" : \"// no comment /*\" } } }",
            "4:30: `rum' is not known in a task; did you mean `run'?");
    refused("# a YAML file\ntasks:\n  a: # here /* is no comment\n    loop: 0\n    run: 1\n",
            "4:11: loop: 0 would do nothing; give how many times, or -1 for ever");
}

static void test_words_refused(void **state)
{
    (void)state;
    refused("{taskz: {}}", "1:2: `taskz' is not known in a workload; did you mean `tasks'?");
    refused("{tasks: {}, wombat: 1}",
            "1:13: `wombat' is not known in a workload; schedviz-workload(5) has what is");
    refused("{kind: thread}", "1:1: there is no `tasks' group; write tasks: { NAME: { run: 1000 } }");
    refused("{tasks: {a: {run: 1}}, kind: proces}",
            "1:30: kind: `proces' is not known; did you mean `process'?");
    refused("{tasks: {a: {run: 1}}, placement: here}",
            "1:35: placement: `here' is not known; there are pinned, free");
    task_refused("a: {slep: 1}", "1:14: `slep' is not known in a task; did you mean `sleep'?");
    task_refused("a: {prioritty: 1, run: 1}",
                 "1:14: `prioritty' is not known in a task; did you mean `priority'?");
    task_refused("a: {phases: {p: {run: 1, instance: 2}}}",
                 "1:35: `instance' is not known in a phase; schedviz-workload(5) has what is");
    task_refused("a: {policy: SCHED_FIFA, run: 1}",
                 "1:22: policy: `SCHED_FIFA' is not known; did you mean `SCHED_FIFO'?");
    task_refused("a: {run: 1, fork: bb}, bbb: {run: 1}", "1:28: there is no task `bb'; did you mean `bbb'?");
    task_refused("a: {run: 1, loop: 1, loop: 2}", "1:31: `loop' is said twice; leave one of them out");
    task_refused("a: {run: 1}, a: {run: 2}",
                 "1:23: there is a task `a' in line 1 already; give this one another name");
    task_refused("a: {exec: 1000, period: 1}",
                 "1:14: `exec' is of a grammar that rt-app gave up; write it as events: run, lock, sleep");
    task_refused("a: {phases: {p: {external_workload0: {main_method: f}}}}",
                 "1:27: `external_workload0' calls a shared library, which is not done here; write it as "
                 "events: run, lock, sleep");
    refused("{tasks: {a: {run: 1}}, resources: {m: {type: mutx}}}",
            "1:46: type: `mutx' is not known; did you mean `mutex'?");
    refused("{tasks: {a: {run: 1}}, resources: {m: {type: mutex, protocol: ceiling}}}",
            "1:53: `protocol' is not known in a resource; schedviz-workload(5) has what is");
    task_refused("a: {timer: {ref: t, periode: 1}}",
                 "1:30: `periode' is not known in timer; did you mean `period'?");
    task_refused("a: {timer: {ref: t, mode: abs}}",
                 "1:36: mode: `abs' is not known; there are relative, absolute");
    task_refused("a: {crash: SEGVV}",
                 "1:21: crash: `SEGVV' is no signal that ends a task; say SEGV, ABRT or KILL");
    task_refused("a: {crash: SIGCHLD}",
                 "1:21: crash: `SIGCHLD' is no signal that ends a task; say SEGV, ABRT or KILL");
    task_refused("\"a\\tb\": {run: 1}", "1:10: tasks: a control character in a name; take it out");
    task_refused("\"\": {run: 1}", "1:10: tasks: the name is empty; write one");
}

static void test_values_refused(void **state)
{
    (void)state;
    task_refused("a: {run: -5}", "1:19: run: a time below zero: -5; give 0 or more");
    task_refused("a: {run: soon}",
                 "1:19: run: a time (whole microseconds, or such as \"2ms\") is needed, not `soon'");
    task_refused("a: {run: \"100\"}",
                 "1:19: run: a time (whole microseconds, or such as \"2ms\") is needed, not "
                 "`100'; leave the quotes out");
    task_refused("a: {run: \"2h\"}",
                 "1:19: run: a time (whole microseconds, or such as \"2ms\") is needed, not `2h'");
    task_refused("a: {run: 1.5}",
                 "1:19: run: a time (whole microseconds, or such as \"2ms\") is needed, not `1.5'");
    task_refused("a: {run: [1]}",
                 "1:19: run: a time (whole microseconds, or such as \"2ms\") is missing, here is a list");
    task_refused("a: {run}",
                 "1:17: run: a time (whole microseconds, or such as \"2ms\") is missing, here is nothing");
    task_refused("a: {run: 99999999999999999999}",
                 "1:19: run: 99999999999999999999 is longer than a year; give less");
    task_refused("a: {run: 31536000000001}", "1:19: run: 31536000000001 is longer than a year; give less");
    task_refused("a: {instance: -1, run: 1}", "1:24: instance: -1 is out of range; give 0 to 1024");
    task_refused("a: {instance: 1025, run: 1}", "1:24: instance: 1025 is out of range; give 0 to 1024");
    task_refused("a: {loop: -2, run: 1}", "1:20: loop: -2 is out of range; give -1 to 2147483647");
    task_refused("a: {loop: many, run: 1}", "1:20: loop: a whole number is needed, not `many'");
    task_refused("a: {cpus: 1, run: 1}", "1:20: cpus: a list [ ... ] is needed, not `1'");
    task_refused("a: {cpus: [9999], run: 1}", "1:21: cpus: 9999 is out of range; give 0 to 4095");
    task_refused("a: {cpus: [], run: 1}",
                 "1:20: cpus: the list is empty; name a CPU, or leave it out for all");
    task_refused("a: {nodes_membind: [64], run: 1}", "1:30: nodes_membind: 64 is out of range; give 0 to 63");
    task_refused("a: {util_min: 1025, run: 1}", "1:24: util_min: 1025 is out of range; give -1 to 1024");
    task_refused("a: {util_min: 9, util_max: 8, run: 1}",
                 "1:10: util_min 9 is above util_max 8; exchange them");
    task_refused("a: {priority: 20, policy: SCHED_OTHER, run: 1}",
                 "1:10: priority 20: SCHED_OTHER has nice values, -20 to 19");
    task_refused("a: {priority: 0, policy: SCHED_RR, run: 1}", "1:10: priority 0: SCHED_RR has 1 to 99");
    task_refused("a: {policy: SCHED_DEADLINE, run: 1}",
                 "1:10: SCHED_DEADLINE without a runtime; give dl-runtime and dl-period");
    task_refused("a: {policy: SCHED_DEADLINE, dl-runtime: 2, dl-period: 1, run: 1}",
                 "1:10: dl-runtime, dl-deadline and dl-period must not decrease in this order");
    task_refused("a: {taskgroup: a, run: 1}", "1:25: taskgroup: `a' does not begin with /; write \"/a\"");
    task_refused("a: {taskgroup: /a/../b, run: 1}",
                 "1:25: taskgroup: `/a/../b' is not a plain path; write \"/GROUP/GROUP\"");
    task_refused("a: {taskgroup: /a, policy: SCHED_FIFO, run: 1}",
                 "1:10: a task group under SCHED_FIFO; the kernel has groups for SCHED_OTHER alone");
    task_refused("a: {lock: [m]}", "1:20: lock: a name is missing, here is a list");
    task_refused("a: {add: {times: 5}}", "1:19: add: `ref' is missing; name a counter");
    task_refused("a: {message: {send: a, receive: b}}",
                 "1:42: message: `receive' is too much; say one of send, receive and pingpong");
    task_refused("a: {message: {count: 1}}",
                 "1:23: message: say { send: NAME }, { receive: NAME } or { pingpong: NAME }");
    task_refused("a: {message: {send: c, via: yield}}",
                 "1:38: via: `yield' is not known; there are shared, pipe");
    refused("{tasks: {a: {run: 1}}, global: {duration: -2}}",
            "1:43: duration: -2 is out of range; give -1 to 31536000");
    refused("{tasks: {a: {run: 1}}, global: {pi_enabled: 1}}",
            "1:45: pi_enabled: true or false is needed, not `1'");
    refused("{tasks: {a: {run: 1}}, semaphores: {s: -1}}",
            "1:40: a semaphore: -1 is out of range; give 0 to 2147483647");
    refused("{tasks: {a: {run: 1}}, cores: 2 *}", "1:31: cores: \"2 *\": ...");
}

static void test_meaning_refused(void **state)
{
    (void)state;
    refused("{tasks: {}}", "1:9: tasks: there is none; give one a name and something to do");
    task_refused("a: {loop: 1}", "1:13: nothing to do in it; give it an event: run, sleep, lock ...");
    task_refused("a: {phases: {}}", "1:22: phases: there is none; give one, with something to do");
    task_refused("a: {sem_wait: m, lock: m, unlock: m, run: 1}",
                 "1:33: `m' is a mutex here, but a semaphore in line 1; give one of them another name");
    task_refused("a: {lock: m, unlock: n, run: 1}",
                 "1:23: unlock: `n' is never locked by this task; lock it before");
    task_refused("a: {lock: m, unlock: m, unlock: m, run: 1}",
                 "1:34: unlock: `m' is not held here; lock it before");
    task_refused("a: {wait: {ref: c, mutex: m}}",
                 "1:14: wait: its mutex `m' is not held here; lock it before, unlock it after");
    task_refused("a: {wait: {ref: c}}",
                 "1:20: wait: `mutex' is missing; write { ref: CONDITION, mutex: MUTEX }");
    task_refused("a: {lock: m, wait: {ref: c, mutex: m, while: {ref: i}}, unlock: m}",
                 "1:55: while: `is' is missing; write { ref: COUNTER, is: NUMBER }");
    task_refused("a: {phases: {p: {lock: m, run: 1, unlock: m}, q: {loop: 2, unlock: m, run: 1}}}",
                 "1:69: unlock: `m' is not held here; lock it before");
    task_refused("a: {sync: {ref: c, mutex: m}, lock: m, run: 1}",
                 "1:14: sync: `m' is held in some rounds only; unlock it at the end of a round");
    task_refused("a: {lock: m, unlock: m}",
                 "1:10: `a' loops for ever and nothing in it takes time; add a run or a "
                 "sleep, or give it a `loop'");
    task_refused(
        "a: {phases: {p: {loop: -1, signal: c, run: 0}}}",
        "1:37: this phase loops for ever and nothing in it takes time; add a run or a sleep, or give it a "
        "`loop'");
    task_refused("a: {message: {send: c, via: pipe}}, b: {message: {receive: c, via: shared}}",
                 "1:77: `c' goes another way elsewhere; say the same `via' everywhere");
    task_refused("a: {message: {send: c}}, b: {message: {pingpong: c}}",
                 "1:59: `c' is for messages and for ping-pong; give one another name");
    task_refused("a: {scales: true, run: 1}, b: {scales: true, run: 1}",
                 "1:37: `b' scales, and `a' does too; one task may");
    task_refused("a: {instance: cpus, run: 1}, b: {instance: 2 * cpus, run: 1}",
                 "1:53: a second formula for the number of tasks; one task may have it");
}

static void test_forks(void **state)
{
    (void)state;
    task_refused("a: {run: 1, fork: b}, b: {instance: 0, loop: 1, fork: a}",
                 "1:58: forks without end: a forks b forks a; break the circle");
    task_refused("a: {loop: 1, fork: a}", "1:23: forks without end: a forks a; break the circle");
    task_refused(
        "a: {sleep: 1, fork: b}, b: {instance: 0, run: 1}",
        "1:24: `a' forks `b' for ever, and these never end; give `b' a `loop', or global a duration");
    task_refused(
        "a: {loop: 2000, sleep: 1, fork: b}, b: {instance: 0, run: 1}",
        "1:10: what `a' and those before it fork never ends and is more than 1024 tasks; fork fewer");
    task_refused("a: {sleep: 1, fork: b}, b: {instance: 0, loop: 1, fork: c}, c: {instance: 0, run: 1}",
                 "1:24: `a' forks `b' for ever, and their children never end; give `b' a `loop', or global a "
                 "duration");
    /* Those that end may be forked for ever; so may others where the whole ends; and what is never reached.
     */
    program_free(load("{tasks: {a: {sleep: 1, fork: b}, b: {instance: 0, loop: 2, run: 1}}}"));
    program_free(load("{tasks: {a: {sleep: 1, fork: b}, b: {instance: 0, run: 1, crash}}}"));
    program_free(load("{tasks: {a: {sleep: 1, fork: b}, b: {instance: 0, run: 1}}, global: {duration: 1}}"));
    program_free(load("{tasks: {a: {phases: {p: {loop: -1, run: 1}, q: {fork: a}}}}}"));
}

static void test_limits(void **state)
{
    (void)state;
    task_refused("a: {instance: 1000, run: 1}, b: {instance: 25, run: 1}",
                 "1:39: with `b' these are 1025 tasks; at most 1024 can be started");
    refused("{tasks: {a: {instance: 1024, mem: 1}}, global: {mem_buffer_size: 1099511627776}}",
            "1:10: with `a' the tasks write to 1073741824 MiB, more than half of this machine's memory; make "
            "mem_buffer_size or bytes smaller");
    task_refused(
        "a: {message: {pingpong: c, bytes: 1000000000000}}",
        "1:10: with `a' the tasks write to 953674 MiB, more than half of this machine's memory; make "
        "mem_buffer_size or bytes smaller");
    /* Aliases of aliases: a few lines that would be 10 million nodes. */
    refused("a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
            "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
            "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n"
            "g: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n",
            "7:8: too much, with what the aliases stand for; write it shorter");
}

static void step_refused(const char *step, const char *message)
{
    char text[2000];
    snprintf(text, sizeof text,
             "tasks: {one: {run: 1}, two: {scales: true, run: 1}}\nlesson:\n  title: t\n  steps:\n"
             "  - {title: first, run: false}\n  - %s\n",
             step);
    refused(text, message);
}

static void test_lesson_refused(void **state)
{
    (void)state;
    refused("{tasks: {a: {run: 1}}, lesson: {title: t}}",
            "1:32: a lesson needs a `title' and `steps', here is no `steps'");
    refused("{tasks: {a: {run: 1}}, lesson: {title: t, steps: []}}", "1:50: steps: 0 of them; give 1 to 256");
    step_refused("{text: t}", "6:5: a step needs a `title'");
    step_refused("{title: t, start: [tow]}", "6:24: there is no task `tow'; did you mean `two'?");
    step_refused("{title: t, start: [one], tasks: 4}",
                 "6:37: tasks: `two' scales, and is not started in this step");
    step_refused("{title: t, tasks: 4 * wombats}", "6:23: tasks: \"4 * wombats\": ...");
    step_refused("{title: t, time: 5}", "6:22: time: a unit is missing; write \"5s\" or \"5ms\"");
    step_refused("{title: t, work: 5s}",
                 "6:22: work: the tasks have their own, `run' with a `loop'; leave it out");
    step_refused("{title: t, go_on: true}", "6:5: go_on: the step before has no run that could go on");
    step_refused(
        "{title: t, view: lanes}",
        "6:22: view: `lanes' is not known; there are cores, tasks, table, counters, compare, objects");
    step_refused("{title: t, policy: SCHED_FIFO, priority: -1}", "6:24: priority -1: SCHED_FIFO has 1 to 99");
    step_refused("{title: t, measure: [{name: x}]}",
                 "6:26: a measure needs a `value': a formula over what is measured");
    step_refused("{title: t, measure: [{value: 1, needs: root}]}",
                 "6:44: needs: `root' is not known; there are exact, perf, rt");
    step_refused("{title: t, measure: [{value: 1 +}]}", "6:34: value: \"1 +\": ...");
    step_refused("{title: t, measure: [{value: max(1, 2)}]}",
                 "6:41: `2)' looks like the rest of a formula with a comma; put it all in quotes");
    step_refused("{title: t, measure: [{name: x-1, value: 1}]}",
                 "6:33: name: `x-1' cannot be used in a formula; use letters and _");
    step_refused("{title: t, measure: [{name: x, value: 1}, {name: x, value: 2}]}",
                 "6:54: name: `x' is measured already; give another name");
    step_refused("{title: t, measure: [{value: 1, within: [1]}]}",
                 "6:45: within: two numbers or formulas are needed: [LEAST, MOST]");
    step_refused("{title: t, measure: [{value: 1, choices: [{text: a, within: [1, 2]}]}]}",
                 "6:46: choices without a question; add `ask'");
    step_refused("{title: t, measure: [{value: 1, ask: q, choices: [{text: a, within: [1, 2]}]}]}",
                 "6:54: choices: 1 of them; give 2 to 6");
    step_refused("{title: t, measure: [{value: 1, ask: q, tolerance: 2}]}",
                 "6:56: tolerance: give a part of the measured value, such as 0.2");
}

static void test_files_refused(void **state)
{
    struct err err = {""};
    (void)state;
    assert_null(program_load_file("/nowhere/at/all", &err));
    assert_string_equal(err.msg, "/nowhere/at/all: No such file or directory");
    assert_null(program_load_file("/", &err));
    assert_string_equal(err.msg, "/: Is a directory");
    assert_null(program_load_file("/dev/zero", &err));
    assert_string_equal(err.msg,
                        "/dev/zero: larger than 16 MiB; a workload is smaller, use `loop' and `instance'");
}

/* ---- What is only warned of ---- */

static void warned(const char *text, const char *warning)
{
    struct program *program = load(text);
    assert_int_equal(program->n_warnings, 1);
    assert_string_equal(program->warnings[0].text, warning);
    program_free(program);
}

static void test_warnings(void **state)
{
    (void)state;
    warned("{tasks: {a: {lock: m, run: 1}}}",
           "line 1: `a' locks `m', which it holds already: it will wait for itself");
    warned("{tasks: {a: {suspend: one, run: 1}, b: {resume: onw, run: 1}}}",
           "line 1: nobody resumes `one': who waits for it waits for ever; did you mean `onw'?");
    warned("{tasks: {a: {sem_wait: jobs, run: 1}}}",
           "line 1: nobody posts `jobs': who waits for it waits for ever");
    warned("{tasks: {a: {run: 1, phases: {p: {run: 1}}}}}",
           "line 1: `run' stands beside `phases' and is not run, as in rt-app; put it into a phase");
    warned("{tasks: {a: {run: 1, dl-reclaim: true}}}", "line 1: dl-reclaim means nothing under SCHED_OTHER");
    warned("{tasks: {a: {policy: SCHED_DEADLINE, dl-runtime: 1, priority: 50, run: 1}}}",
           "line 1: priority 50 means nothing under SCHED_DEADLINE");
    warned("{tasks: {a: {policy: SCHED_IDLE, priority: -5, run: 1}}}",
           "line 1: priority -5 means nothing under SCHED_IDLE");
    warned("{tasks: {a: {run: 1}},\n resources: {t: {type: signal, target: c}, m: {type: mutex}}}",
           "line 2: resources: `target' is not used, as in rt-app; signal the condition itself");
    warned("{tasks: {a: {instance: 2, message: {pingpong: x, count: 9}},\n b: {message: {pingpong: x, count: "
           "9}}}}",
           "line 2: 3 tasks play pingpong over `x', two by two: one waits for ever");
    warned("{tasks: {a: {message: {pingpong: x, count: 9}}}}",
           "line 1: 1 task plays pingpong over `x', two by two: one waits for ever");
}

/* ---- The manual's examples ---- */

static void test_manual(void **state)
{
    char path[4096], line[512], text[20000] = "";
    FILE *manual = fopen(source_path("man/schedviz-workload.5", path, sizeof path), "r");
    bool in_example = false;
    unsigned n = 0;
    (void)state;
    if (!manual) {
        print_message("# %s is not here\n", path);
        skip();
        return;
    }
    while (fgets(line, sizeof line, manual)) {
        if (strncmp(line, ".Ed", 3) == 0 && in_example) {
            struct err err = {""};
            struct program *program = program_load("example", text, strlen(text), &err);
            if (!program)
                fail_msg("%s\n%s", err.msg, text);
            assert_int_equal(program->n_warnings, 0);
            program_free(program);
            in_example = false;
            n++;
        } else if (in_example) {
            char *from = line, *to = line; /* as mdoc(7) shows it */
            for (; *from; from++)
                if (strncmp(from, "\\e", 2) == 0)
                    *to++ = '\\', from++;
                else if (strncmp(from, "\\&", 2) == 0)
                    from++;
                else
                    *to++ = *from;
            *to = '\0';
            strncat(text, line, sizeof text - strlen(text) - 1);
        } else if (strncmp(line, ".Bd -literal", 12) == 0) {
            in_example = true;
            *text = '\0';
        }
    }
    fclose(manual);
    assert_true(n >= 5);
}

/* ---- Speed ---- */

static char *large_workload(size_t *length)
{
    const size_t size = 1 << 20;
    char *text = malloc(size + 65536);
    size_t n = (size_t)sprintf(text, "{\n\t\"tasks\" : {\n");
    assert_non_null(text);
    for (unsigned t = 0; n < size; t++) {
        n += (size_t)sprintf(text + n, "\t\t\"thread%u\" : {\n\t\t\t\"phases\" : {\n", t);
        for (unsigned p = 0; p < 20; p++)
            n += (size_t)sprintf(
                text + n,
                "\t\t\t\t\"phase%u\" : {\n\t\t\t\t\t\"loop\" : 3,\n\t\t\t\t\t\"lock\" : \"m%u\",\n"
                "\t\t\t\t\t\"run\" : %u, /* work */\n\t\t\t\t\t\"unlock\" : \"m%u\",\n"
                "\t\t\t\t\t\"timer\" : { \"ref\" : \"unique\", \"period\" : 10000 },\n\t\t\t\t},\n",
                p, 20 * t + p, 10 * p, 20 * t + p);
        n += (size_t)sprintf(text + n, "\t\t\t}\n\t\t},\n");
    }
    n += (size_t)sprintf(text + n, "\t}\n}\n");
    *length = n;
    return text;
}

/* Not a judgement of this machine: twice the text may take twice as long, and not four times. */
static unsigned n_different(const struct node *a, const struct node *b)
{
    if (a->kind != b->kind || a->quoted != b->quoted || a->n_children != b->n_children ||
        a->place.line != b->place.line || a->place.column != b->place.column || strcmp(a->text, b->text) != 0)
        return 1;
    for (a = a->first, b = b->first; a; a = a->next, b = b->next)
        if (n_different(a, b))
            return 1;
    return 0;
}

static void same_by_both(const char *text)
{
    struct tree ours, theirs;
    struct err our_err = {""}, their_err = {""};
    const bool read = tree_read(&ours, "f", text, strlen(text), &our_err);

    if (read != tree_read_yaml(&theirs, "f", text, strlen(text), &their_err))
        fail_msg("read by one reader only: %s", text);
    assert_string_equal(our_err.msg, their_err.msg);
    if (read && n_different(ours.root, theirs.root))
        fail_msg("read differently: %s", text);
    tree_free(&ours);
    tree_free(&theirs);
}

/* Where plain JSON ends and YAML begins, nothing may change. */
static void test_both_readers(void **state)
{
    static const char *const texts[] = {
        "{}",
        "\n  {\"a\":1,\"b\" : [ 1 , -2,x.y, ] ,\n\tc: {d: e_f-g,},\n}\n \n",
        "{a: 1} x",
        "{a: 1} ---",
        "{a: 1}\n...\n{b: 2}",
        "{a: 1}\n\t",
        "\t{a: 1}",
        "{a:1}",
        "{a:1,b:}",
        "{a :1}",
        "{\"a\" :1}",
        "{\"a\":1\"b\":2}",
        "{a: 1 b: 2}",
        "{a: word word}",
        "{a: word\n  word}",
        "{a: 1 # comment\n}",
        "{a: , b}",
        "{,}",
        "[1,,2]",
        "{a: [b: c]}",
        "{a: -}",
        "{a: - 1}",
        "{\n---\n}",
        "{a: \n---, b: 1}",
        "{a: .5, b: 1.5}",
        "{\"a\\tb\": \"\\u00e4\"}",
        "{\"\xc3\xa4\": \"\xc3\xa4\", b: 1}",
        "{\"a\"\n: 1}",
        "{\"a\n b\": 1}",
        "{a: \"\x7f\"}",
        "{a: 1,\r\n b: 2}",
        "{a: &x 1, b: *x}",
        "{a: 'it''s'}",
        "{? a : 1}",
        "{[a]: 1}",
        "{{a: 1}: 1}",
        "{a: [1}",
        "{a: 1",
        "{a: \"1",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    };
    char *key = malloc(2200);
    size_t length;
    char *large = large_workload(&length);

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        same_by_both(texts[i]);
    for (int n = 990; n < 1030;
         n++) { /* the longest key that libyaml takes, and the first that it does not */
        sprintf(key, "{%0*d: 1}", n, 0);
        same_by_both(key);
        sprintf(key, "{\"%0*d\" :1}", n, 0);
        same_by_both(key);
    }
    same_by_both(large);
    free(large);
    free(key);
}

static void test_speed(void **state)
{
    size_t length;
    char *text = large_workload(&length);
    struct err err = {""};
    double best_ms = 1e9;
    (void)state;
    for (int round = 0; round < 5; round++) {
        uint64_t start_ns = clock_now_ns();
        struct program *program = program_load("large", text, length, &err);
        double ms = (double)(clock_now_ns() - start_ns) / 1e6;
        if (!program)
            fail_msg("%s", err.msg);
        program_free(program);
        best_ms = ms < best_ms ? ms : best_ms;
    }
    print_message("# %zu bytes loaded in %.1f ms (best of 5)\n", length, best_ms);
    struct tree tree;
    uint64_t start_ns = clock_now_ns();
    assert_true(tree_read_yaml(&tree, "large", text, length, &err));
    print_message("# libyaml alone: %.1f ms\n", (double)(clock_now_ns() - start_ns) / 1e6);
    tree_free(&tree);
    assert_true(best_ms < 30000); /* a loader that compares each name with each takes longer on any machine */
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),          cmocka_unit_test(test_task_settings),
        cmocka_unit_test(test_spaces_of_names), cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_timer_modes),     cmocka_unit_test(test_additions),
        cmocka_unit_test(test_lesson),          cmocka_unit_test(test_cast),
        cmocka_unit_test(test_names),           cmocka_unit_test(test_syntax_refused),
        cmocka_unit_test(test_places),          cmocka_unit_test(test_words_refused),
        cmocka_unit_test(test_values_refused),  cmocka_unit_test(test_meaning_refused),
        cmocka_unit_test(test_forks),           cmocka_unit_test(test_limits),
        cmocka_unit_test(test_lesson_refused),  cmocka_unit_test(test_files_refused),
        cmocka_unit_test(test_warnings),        cmocka_unit_test(test_manual),
        cmocka_unit_test(test_both_readers),    cmocka_unit_test(test_speed),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
