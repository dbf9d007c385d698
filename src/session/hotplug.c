/* The machine changes under us: each change is told, marked and acted upon. */
#include "hotplug.h"

#include "../clock.h"
#include "../observe/perf.h"
#include "state.h"

#include <stdio.h>
#include <string.h>

#define EVERY_NS (500 * NS_PER_MS)
#define AGAIN_NS (50 * NS_PER_MS)

static struct cpuset minus(const struct cpuset *set, const struct cpuset *without)
{
    struct cpuset left = *set;
    for (int cpu = cpuset_next(without, -1); cpu >= 0; cpu = cpuset_next(without, cpu))
        cpuset_remove(&left, cpu);
    return left;
}

void hotplug_init(struct session *s)
{
    s->hotplug = (struct hotplug){.online = s->machine->online, .allowed = s->machine->allowed};
}

/* ---- what is told ---- */

/* One message for all that changed at one look. */
struct news {
    char text[160];
};

static void add_news(struct news *news, const struct cpuset *cpus, const char *what)
{
    char list[48];
    const size_t n = strlen(news->text);
    if (cpuset_count(cpus) > 0)
        snprintf(news->text + n, sizeof news->text - n, "%scpu%s %s %s", n > 0 ? "; " : "",
                 cpuset_count(cpus) == 1 ? "" : "s", cpuset_format(cpus, list, sizeof list), what);
}

static void mark(struct session *s, const struct cpuset *cpus, const char *what)
{
    const unsigned n = cpuset_count(cpus);
    if (n == 1)
        notes_mark(&s->notes, "cpu %d %s", cpuset_next(cpus, -1), what);
    else if (n > 1)
        notes_mark(&s->notes, "%u cpus %s", n, what);
}

static void tell_gone(struct session *s, struct news *news, const struct cpuset *gone)
{
    const struct cpuset offline = minus(gone, &s->machine->online), taken = minus(gone, &offline);
    add_news(news, &offline, "went offline");
    add_news(news, &taken, cpuset_count(&taken) == 1 ? "was taken away" : "were taken away");
    mark(s, gone, "gone");
}

/* perf follows to the CPUs that came; where it does not see all that is there, that is told. */
static void follow(struct session *s, struct news *news, const struct cpuset *come)
{
    struct cpuset partly = {0}, unseen = {0};
    for (int cpu = cpuset_next(come, -1); cpu >= 0; cpu = cpuset_next(come, cpu)) {
        bool whole = true;
        if (!perf_add_cpu(s->sources.perf, cpu, &whole, NULL))
            cpuset_add(&unseen, cpu);
        else if (!whole)
            cpuset_add(&partly, cpu);
    }
    add_news(news, &partly, "cannot show what runs there already, r begins anew");
    add_news(news, &unseen, "cannot be watched by perf");
}

static void tell_come(struct session *s, struct news *news, const struct cpuset *before,
                      const struct cpuset *come)
{
    const struct cpuset back = minus(come, before), again = minus(come, &back);
    add_news(news, &back, "came online");
    add_news(news, &again, "may be used now");
    mark(s, come, "came");
}

/* Where perf watches all tasks, its event of a CPU ends with the CPU: how its last slice ended was not seen.
 */
static void tell_hole(struct session *s, const struct cpuset *offline)
{
    for (int cpu = cpuset_next(offline, -1); cpu >= 0; cpu = cpuset_next(offline, cpu)) {
        struct event event = {.time_ns = clock_now_ns(), .cpu = (int16_t)cpu, .kind = EVENT_LOST};
        event.u.lost.n = 1;
        notes_add(&s->notes, event);
    }
}

/* ---- what is done ---- */

static bool uses_gone_cpus(const struct session *s, const struct cpuset *cpus)
{
    return !cpuset_subset(cpus, &s->machine->allowed);
}

/* What is left of a set of CPUs, or another one. */
static struct cpuset what_is_left(const struct session *s, const struct cpuset *cpus)
{
    const struct cpuset gone = minus(cpus, &s->machine->allowed);
    struct cpuset left = minus(cpus, &gone);
    if (cpuset_count(&left) == 0)
        cpuset_add(&left, cpuset_next(&s->machine->allowed, -1));
    return left;
}

struct cpuset hotplug_left(const struct session *s, const struct cpuset *cpus)
{
    machine_refresh(s->machine);
    return what_is_left(s, cpus);
}

static void leave_gone_cpus(struct session *s, struct run_state *rs)
{
    compare_freeze(s, rs);
    rs->run.cpus = what_is_left(s, &rs->run.cpus);
    rs->run.changed = true;
}

/* A comparison whose CPUs are not all there compares nothing. */
static bool spoils_comparison(const struct session *s, const struct cpuset *used)
{
    return compare_is_running(s) && (uses_gone_cpus(s, used) || uses_gone_cpus(s, &s->compare.cpus));
}

static void give_up_comparison(struct session *s, struct news *news)
{
    const size_t n = strlen(news->text);
    snprintf(news->text + n, sizeof news->text - n, ": the comparison is given up, x begins it anew");
    s->compare.cpus = what_is_left(s, &s->compare.cpus);
    session_restart(s, NULL);
}

/* Runs go on with what is left of their CPUs. */
static void move_runs(struct session *s, struct news *news, const struct cpuset *used)
{
    char list[48];
    const size_t n = strlen(news->text);
    s->config.cpus = what_is_left(s, &s->config.cpus);
    if (uses_gone_cpus(s, used))
        snprintf(news->text + n, sizeof news->text - n, ": the tasks go on on cpu%s %s",
                 cpuset_count(&s->config.cpus) == 1 ? "" : "s",
                 cpuset_format(&s->config.cpus, list, sizeof list));
    for (unsigned i = 0; i < s->runs.n; i++) {
        struct run_state *rs = &s->runs.all[i];
        if (!rs->active)
            continue;
        if (uses_gone_cpus(s, &rs->run.cpus))
            leave_gone_cpus(s, rs);
        runs_place(s, rs); /* a task may have CPUs of its own that came or went */
    }
}

static void act(struct session *s)
{
    const struct machine *machine = s->machine;
    const struct hotplug before = s->hotplug;
    const struct cpuset come = minus(&machine->allowed, &before.allowed),
                        gone = minus(&before.allowed, &machine->allowed),
                        online = minus(&machine->online, &before.online),
                        offline = minus(&before.online, &machine->online), used = runs_cpus(s);
    struct news news = {""};
    hotplug_init(s);
    tell_come(s, &news, &before.online, &come);
    tell_gone(s, &news, &gone);
    if (s->config.all) { /* also of CPUs that we may not use */
        tell_hole(s, &offline);
        follow(s, &news, &online);
    } else if (s->sources.perf) {
        follow(s, &news, &come);
    }
    if (spoils_comparison(s, &used))
        give_up_comparison(s, &news);
    else
        move_runs(s, &news, &used);
    if (news.text[0])
        session_say(s, "%s", news.text);
    session_place_observer(s);
}

/* A CPU leaves the affinity masks a moment before it is offline: so it seems taken away at first. */
static bool seems_taken_away(const struct session *s)
{
    const struct cpuset gone = minus(&s->hotplug.allowed, &s->machine->allowed),
                        offline = minus(&gone, &s->machine->online);
    return !cpuset_equal(&gone, &offline);
}

/* Where tasks were taken off a CPU that is ours again, nobody but us brings them back. */
static void come_back(struct session *s)
{
    for (unsigned i = 0; i < s->runs.n; i++) {
        if (s->runs.all[i].active)
            runs_place(s, &s->runs.all[i]);
    }
    session_place_observer(s);
}

void hotplug_check(struct session *s, uint64_t now_ns)
{
    if (now_ns < s->hotplug.next_ns)
        return;
    const bool was_unsure = s->hotplug.unsure;
    machine_refresh(s->machine);
    s->hotplug.unsure = false;
    if (!cpuset_equal(&s->machine->allowed, &s->hotplug.allowed) ||
        !cpuset_equal(&s->machine->online, &s->hotplug.online)) {
        s->hotplug.unsure = !was_unsure && seems_taken_away(s);
        if (!s->hotplug.unsure)
            act(s);
    } else if (was_unsure) {
        come_back(s);
    }
    s->hotplug.next_ns = now_ns + (s->hotplug.unsure ? AGAIN_NS : EVERY_NS);
}
