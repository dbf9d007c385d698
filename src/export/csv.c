/* The slices as comma-separated values (RFC 4180), one a line, CPU by CPU and in time order: for R, pandas, a
 * spreadsheet. */
#include "slices.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Times count from the start of the run, but for the first column, which is CLOCK_MONOTONIC. */
static const char header[] = "monotonic_ns,start_ns,end_ns,duration_ns,cpu,tid,pid,name,kind,role,run,"
                             "end_reason,waited_ns\r\n";

struct table {
    const struct report *report;
    const struct timeline *tl;
    FILE *out;
    char **tasks; /* the columns tid to run of each task, NULL before its first slice */
};

/* A spreadsheet takes what begins so for a formula (a tab or a CR is escaped before). An apostrophe says that
 * it is text. */
static bool is_formula(const char *text)
{
    return *text && strchr("=+-@", *text);
}

#define SAFE_SIZE  (EVENT_NAME_SIZE * 4) /* each byte may become \xNN */
#define FIELD_SIZE (2 * SAFE_SIZE + 4)

/* A field in quotes, of a name that may hold anything. */
static void quote_name(const char *name, char field[FIELD_SIZE])
{
    char safe[SAFE_SIZE];
    export_safe_name(name, safe, sizeof safe);
    *field++ = '"';
    if (is_formula(safe))
        *field++ = '\'';
    for (const char *s = safe; *s; s++) {
        if (*s == '"')
            *field++ = '"';
        *field++ = *s;
    }
    *field++ = '"';
    *field = '\0';
}

/* What is not known is left empty. */
static const char *known(int64_t value, char buf[24])
{
    buf[0] = '\0';
    if (value > 0)
        snprintf(buf, 24, "%" PRId64, value);
    return buf;
}

static char *format_task(const struct timeline *tl, uint32_t index)
{
    struct task task;
    char name[FIELD_SIZE], pid[24], run[24];
    const size_t size = FIELD_SIZE + 128;
    char *columns = mem_new(size, 1);
    timeline_task(tl, index, &task);
    quote_name(task.name, name);
    snprintf(columns, size, "%d,%s,%s,%s,%s,%s", task.tid, known(task.pid, pid), name,
             workload_kind_name(task.kind), slices_role_name(task.role), known(task.run, run));
    return columns;
}

static bool put_slice(void *data, const struct slice *slice)
{
    const struct table *table = data;
    char **task = &table->tasks[slice->task];
    if (!*task)
        *task = format_task(table->tl, slice->task);
    const uint64_t start_ns = table->report->start_ns;
    return fprintf(table->out, "%" PRIu64 ",%" PRId64 ",%" PRId64 ",%" PRIu64 ",%d,%s,%s,%" PRIu64 "\r\n",
                   slice->start_ns, (int64_t)(slice->start_ns - start_ns),
                   (int64_t)(slice->end_ns - start_ns), slice->end_ns - slice->start_ns, slice->cpu, *task,
                   slices_end_name(slice->end), slice->runnable_ns) >= 0;
}

bool export_csv(const struct report *report, const struct timeline *tl, const struct export_window *window,
                FILE *out)
{
    const struct slices_span span = slices_span(tl, window);
    const unsigned n_tasks = timeline_n_tasks(tl);
    struct table table = {
        .report = report, .tl = tl, .out = out, .tasks = mem_new(n_tasks, sizeof *table.tasks)};
    bool ok = fputs(header, out) >= 0;
    for (int cpu = 0; ok && cpu < timeline_n_cpus(tl); cpu++)
        ok = slices_each(tl, cpu, &span, put_slice, &table);
    for (unsigned i = 0; i < n_tasks; i++)
        free(table.tasks[i]);
    free(table.tasks);
    return ok && fflush(out) == 0;
}
