/* The report for a person: a headline, a table of tasks, a table of cores, and where the figures come from.
 */
#include "export.h"

#include <string.h>
#include <sys/wait.h>

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* export_duration right-aligned; the micro sign is one column but two bytes, which printf's width does not
 * know. */
static void print_duration(FILE *out, int cols, uint64_t ns)
{
    char text[40];
    export_duration(ns, text, sizeof text);
    int width = 0;
    for (const char *s = text; *s; s++)
        width += (*s & 0xc0) != 0x80;
    fprintf(out, "%*s%s", cols > width ? cols - width : 0, "", text);
}

/* "12 threads of 3 processes": all that were seen. */
static void print_program(const struct report *r, FILE *out)
{
    char cpus[64], name[4 * sizeof r->tasks->task.name + 64];
    unsigned n_threads = 0, n_processes = 0;
    for (unsigned i = 0; i < r->n_workload; i++) {
        n_threads += !r->tasks[i].task.continues;
        n_processes += !r->tasks[i].task.continues && r->tasks[i].task.kind == TASK_PROCESS;
    }
    export_safe_name(r->info.workload.name, name, sizeof name);
    fprintf(out, "schedviz  %s", name);
    if (r->target.pid) /* of a server's trace nobody is the first */
        fprintf(out, " (%d)", r->target.pid);
    fprintf(out, "  %u thread%s", n_threads, plural(n_threads));
    if (n_processes)
        fprintf(out, " of %u process%s", n_processes, n_processes == 1 ? "" : "es");
    fprintf(out, " on %u core%s (%s)\n", cpuset_count(&r->info.cpus), plural(cpuset_count(&r->info.cpus)),
            cpuset_format(&r->info.cpus, cpus, sizeof cpus));
}

static void print_workload(const struct report *r, FILE *out)
{
    const struct workload *w = &r->info.workload;
    char cpus[64], name[512];
    export_safe_name(w->name, name, sizeof name);
    fprintf(out, "schedviz  %s  %u %s on %u core%s (%s), %s\n", name, w->n_tasks,
            workload_kind_noun(w->kind, w->n_tasks), cpuset_count(&r->info.cpus),
            plural(cpuset_count(&r->info.cpus)), cpuset_format(&r->info.cpus, cpus, sizeof cpus),
            workload_placement_name(w->placement));
}

/* How a command ended, and what the kernel counted for it and for all that it waited for. */
static void print_end(const struct session_target *target, FILE *out)
{
    if (WIFSIGNALED(target->status))
        fprintf(out, "   ended by signal %d", WTERMSIG(target->status));
    else
        fprintf(out, "   ended with status %d", WEXITSTATUS(target->status));
    fprintf(out, "\nkernel    %llu voluntary and %llu forced switches of it and of all that it waited for",
            (unsigned long long)target->voluntary, (unsigned long long)target->involuntary);
}

static void print_head(const struct report *r, FILE *out)
{
    const struct workload *w = &r->info.workload;
    char buf[40], source[64], reason[1024];
    export_safe_name(r->info.source, source, sizeof source);
    export_safe_name(r->info.reason ? r->info.reason : "", reason, sizeof reason);
    if (r->has_target)
        print_program(r, out);
    else
        print_workload(r, out);
    fprintf(out, "source    %s, %s", source, r->info.exact ? "exact" : "sampled");
    if (r->info.n_sampled)
        fprintf(out, " for %u of %u tasks", r->info.n_watched - r->info.n_sampled, r->info.n_watched);
    fprintf(out, ", %llu lost\n", (unsigned long long)r->info.n_lost);
    if (r->info.reason)
        fprintf(out, "          %s\n", reason);
    fprintf(out, "duration  %s", export_duration(r->duration_ns, buf, sizeof buf));
    if (r->has_target && r->target.known)
        print_end(&r->target, out);
    else if (r->makespan_ns)
        fprintf(out, "   all work done (makespan)");
    else if (w->work_ns)
        fprintf(out, "   the work is not done");
    fprintf(out, "\n\n");
}

static void print_figures(const struct report *r, FILE *out)
{
    fprintf(out, "running at once  %.2f of %.2f tasks in progress (parallelism, concurrency)\n",
            r->parallelism, r->concurrency);
    fprintf(out, "switches         %llu (%llu voluntary, %llu forced), %.0f a second",
            (unsigned long long)r->n_switches, (unsigned long long)r->n_voluntary,
            (unsigned long long)r->n_involuntary, r->switches_per_s);
    if (r->cost_known) {
        char p50[40], p99[40];
        fprintf(out, "; cost p50 %s, p99 %s", export_duration(r->cost_p50_ns, p50, sizeof p50),
                export_duration(r->cost_p99_ns, p99, sizeof p99));
    }
    fprintf(out, "\nfairness         %.4f (Jain's index of run time)\n\n", r->fairness);
}

static const char *ending(const struct task *t, char *buf, size_t size)
{
    if (!t->exited)
        return "";
    if (!t->exit_known)
        return "ended";
    if (WIFSIGNALED(t->exit_status))
        snprintf(buf, size, "signal %d", WTERMSIG(t->exit_status));
    else if (WEXITSTATUS(t->exit_status))
        snprintf(buf, size, "status %d", WEXITSTATUS(t->exit_status));
    else
        return "ended";
    return buf;
}

static void print_count(FILE *out, bool known, uint64_t n)
{
    if (known)
        fprintf(out, " %10llu", (unsigned long long)n);
    else
        fprintf(out, " %10s", "-");
}

static void print_tasks(const struct report *r, FILE *out)
{
    fprintf(out, "task              tid      cpu        run    waiting    blocked  slices  slice p50  "
                 "voluntary     forced   "
                 "k.volunt.   k.forced      k.run  work\n");
    for (unsigned i = 0; i < r->n_tasks; i++) {
        const struct task *t = &r->tasks[i].task;
        const struct kernel_counts *k = &t->kernel;
        char name[EVENT_NAME_SIZE * 4], cpus[64], buf[40];
        export_safe_name(t->name, name, sizeof name);
        fprintf(out, "%-14s %6d %8s ", name, t->tid, cpuset_format(&r->tasks[i].cpus, cpus, sizeof cpus));
        print_duration(out, 10, t->run_ns);
        fputc(' ', out);
        print_duration(out, 10, t->runnable_ns);
        fputc(' ', out);
        print_duration(out, 10, t->blocked_ns);
        fprintf(out, " %7llu ", (unsigned long long)t->n_slices);
        if (t->slice_ns && t->slice_ns->n)
            print_duration(out, 10, histogram_quantile(t->slice_ns, 0.5));
        else
            fprintf(out, "%10s", "-");
        print_count(out, true, t->n_voluntary);
        print_count(out, true, t->n_involuntary);
        print_count(out, k->has_switches, k->voluntary - k->base_voluntary);
        print_count(out, k->has_switches, k->involuntary - k->base_involuntary);
        fputc(' ', out);
        if (k->has_run)
            print_duration(out, 10, k->run_ns - k->base_run_ns);
        else
            fprintf(out, "%10s", "-");
        if (t->work_total_ns)
            fprintf(out, "  %3.0f %%", 100.0 * (double)t->work_done_ns / (double)t->work_total_ns);
        const char *end = ending(t, buf, sizeof buf);
        fprintf(out, "%s%s\n", *end ? "  " : "", end);
    }
    fputc('\n', out);
}

static void print_cpus(const struct report *r, FILE *out)
{
    fprintf(out, "cpu        busy    slices  switches  others had it\n");
    for (unsigned i = 0; i < r->n_cpus; i++) {
        const struct report_cpu *c = &r->cpus[i];
        fprintf(out, "%3d ", c->cpu);
        print_duration(out, 11, c->totals.busy_ns);
        fprintf(out, " %9llu %9llu    ", (unsigned long long)c->totals.n_slices,
                (unsigned long long)c->totals.n_switches);
        print_duration(out, 11, c->totals.others_ns);
        fputc('\n', out);
    }
}

#define MAX_OTHERS 8

static void print_others(const struct report *r, FILE *out)
{
    if (r->n_others > 0)
        fprintf(out, "\nother tasks           tid        run  slices\n");
    for (unsigned i = 0; i < r->n_others && i < MAX_OTHERS; i++) {
        const struct task *t = &r->others[i];
        char name[EVENT_NAME_SIZE * 4];
        export_safe_name(t->name, name, sizeof name);
        fprintf(out, "%-16s %8d ", name, t->tid);
        print_duration(out, 10, t->run_ns);
        fprintf(out, " %7llu\n", (unsigned long long)t->n_slices);
    }
    if (r->n_others > MAX_OTHERS)
        fprintf(out, "and %u more\n", r->n_others - MAX_OTHERS);
}

static const char *safe(const char *text, char *buf, size_t size)
{
    export_safe_name(text, buf, size);
    return buf;
}

/* Of a program that is watched: behind whom its tasks waited for a core. */
static void print_behind(const struct report *r, FILE *out)
{
    char waited[40], ns[40], name[4 * EVENT_NAME_SIZE];
    if (!r->has_target || !r->waited.waited_ns)
        return;
    fprintf(out, "\nwaited    %s for a core", export_duration(r->waited.waited_ns, waited, sizeof waited));
    for (unsigned i = 0; i < r->n_behind && i < 4; i++) {
        struct task task;
        timeline_task(r->tl, r->behind[i].task, &task);
        fprintf(out, "%s %s behind %s", i ? "," : ":", export_duration(r->behind[i].ns, ns, sizeof ns),
                safe(task.name, name, sizeof name));
    }
    if (r->waited.unknown_ns)
        fprintf(out, "%s %s not known", r->n_behind ? "," : ":",
                export_duration(r->waited.unknown_ns, ns, sizeof ns));
    fprintf(out, "%s\n", r->waited.cut ? " (looked at in part)" : "");
}

static void print_alerts(const struct report *r, FILE *out)
{
    char text[1024];
    if (r->n_alerts + r->n_warnings > 0)
        fputc('\n', out);
    for (unsigned i = 0; i < r->n_alerts; i++)
        fprintf(out, "%s     %s\n", r->alerts[i]->kind == ALERT_DEADLOCK ? "ALERT" : "note ",
                safe(r->alerts[i]->text, text, sizeof text));
    for (unsigned i = 0; i < r->n_warnings; i++)
        fprintf(out, "warning   %s\n", safe(r->warnings[i], text, sizeof text));
}

static void print_answer(const struct lecture_answer *a, FILE *out)
{
    char figure[64], value[256], lo[32], hi[32], label[512], why[512];
    export_safe_name(a->measure->label, label, sizeof label);
    export_safe_name(a->why[0] ? a->why : "not reached", why, sizeof why);
    export_safe_name(export_figure(a->value, a->measure->unit, figure, sizeof figure), value, sizeof value);
    if (!a->is_measured) {
        fprintf(out, "   ?  %-46s %s\n", label, why);
        return;
    }
    fprintf(out, "  %s  %-46s %s", !a->has_bounds ? "  " : a->is_inside ? "ok" : "NO", label, value);
    if (a->has_bounds)
        fprintf(out, "   (%s to %s)", export_figure(a->lo, "", lo, sizeof lo),
                export_figure(a->hi, "", hi, sizeof hi));
    if (a->is_disturbed)
        fputs("   disturbed: others had the cores", out);
    fputc('\n', out);
}

static void print_lesson(const struct lecture *lecture, FILE *out)
{
    const struct lesson *l = lecture_lesson(lecture);
    char text[512], note[512];
    export_safe_name(l->title, text, sizeof text);
    fprintf(out, "\nlesson    %s\n", text);
    for (unsigned s = 0; s < l->n_steps; s++) {
        export_safe_name(l->steps[s].title, text, sizeof text);
        export_safe_name(lecture_scaled(lecture, s), note, sizeof note);
        fprintf(out, "%u. %s%s%s%s\n", s + 1, text, *note ? " (" : "", note, *note ? ")" : "");
        for (unsigned i = 0; i < l->steps[s].n_measures; i++)
            print_answer(lecture_answer(lecture, s, i), out);
    }
}

bool export_text(const struct report *r, FILE *out)
{
    print_head(r, out);
    print_figures(r, out);
    print_tasks(r, out);
    if (session_info_is_whole(&r->info))
        print_cpus(r, out);
    print_others(r, out);
    print_behind(r, out);
    print_alerts(r, out);
    if (r->lecture)
        print_lesson(r->lecture, out);
    return fflush(out) == 0 && !ferror(out);
}
