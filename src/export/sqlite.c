/* The run as a database: the schema of schedviz(1), section DATABASE. Slices and switches are the timeline's,
 * one row for each; the figures are the report's. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "slices.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

/* user_version is the schema's: raised when what is there changes its meaning, not when something is added.
 * application_id tells these databases from others ("schv"). A journal and syncs guard a database that is
 * changed: this one is made once, and thrown away when that fails. */
static const char schema[] =
    "PRAGMA application_id = 0x73636876;"
    "PRAGMA user_version = 1;"
    "PRAGMA journal_mode = OFF;"
    "PRAGMA synchronous = OFF;"
    "PRAGMA locking_mode = EXCLUSIVE;"
    "BEGIN;"
    "CREATE TABLE report ("
    " schedviz TEXT NOT NULL,"
    " source_switches TEXT NOT NULL, source_exact INTEGER NOT NULL, source_lost INTEGER NOT NULL,"
    " source_sampled_tasks INTEGER NOT NULL, source_reason TEXT,"
    " host_kernel TEXT NOT NULL, host_cpus_online INTEGER NOT NULL, host_cpus_allowed TEXT NOT NULL,"
    " workload_name TEXT NOT NULL, workload_kind TEXT NOT NULL, workload_tasks INTEGER NOT NULL,"
    " workload_cores TEXT NOT NULL, workload_placement TEXT NOT NULL,"
    " start_ns INTEGER NOT NULL, duration_ns INTEGER NOT NULL, makespan_ns INTEGER,"
    " history_ns INTEGER NOT NULL,"
    " parallelism REAL NOT NULL, concurrency REAL NOT NULL, fairness REAL NOT NULL,"
    " switches_total INTEGER NOT NULL, switches_voluntary INTEGER NOT NULL,"
    " switches_involuntary INTEGER NOT NULL, switches_per_second REAL NOT NULL,"
    " switches_cost_ns_p50 INTEGER, switches_cost_ns_p99 INTEGER);"
    "CREATE TABLE cpu ("
    " cpu INTEGER PRIMARY KEY,"
    " busy_ns INTEGER, slices INTEGER, switches INTEGER, others_ns INTEGER);"
    "CREATE TABLE task ("
    " id INTEGER PRIMARY KEY,"
    " tid INTEGER NOT NULL, pid INTEGER, name TEXT NOT NULL,"
    " kind TEXT NOT NULL, role TEXT NOT NULL, observer INTEGER NOT NULL, sampled INTEGER NOT NULL,"
    " run INTEGER,"
    " start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, exited INTEGER NOT NULL,"
    " exit_code INTEGER, exit_signal INTEGER,"
    " run_ns INTEGER NOT NULL, runnable_ns INTEGER NOT NULL, blocked_ns INTEGER NOT NULL,"
    " unknown_ns INTEGER NOT NULL,"
    " slices INTEGER NOT NULL, slice_ns_min INTEGER, slice_ns_p50 INTEGER, slice_ns_p95 INTEGER,"
    " slice_ns_max INTEGER,"
    " voluntary INTEGER NOT NULL, involuntary INTEGER NOT NULL, migrations INTEGER NOT NULL,"
    " kernel_voluntary INTEGER, kernel_involuntary INTEGER, kernel_run_ns INTEGER, kernel_wait_ns INTEGER,"
    " kernel_slices INTEGER,"
    " work_done_ns INTEGER NOT NULL, work_total_ns INTEGER);"
    "CREATE TABLE slice ("
    " id INTEGER PRIMARY KEY,"
    " task_id INTEGER NOT NULL REFERENCES task (id), cpu INTEGER NOT NULL REFERENCES cpu (cpu),"
    " start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,"
    " duration_ns INTEGER GENERATED ALWAYS AS (end_ns - start_ns),"
    " waited_ns INTEGER NOT NULL, end_reason TEXT NOT NULL);"
    "CREATE TABLE switch ("
    " slice_id INTEGER PRIMARY KEY REFERENCES slice (id),"
    " time_ns INTEGER NOT NULL, cpu INTEGER NOT NULL REFERENCES cpu (cpu),"
    " from_task INTEGER NOT NULL REFERENCES task (id), voluntary INTEGER NOT NULL,"
    " to_task INTEGER REFERENCES task (id), gap_ns INTEGER, cost_ns INTEGER);"
    "CREATE TABLE mark (time_ns INTEGER NOT NULL, text TEXT NOT NULL);"
    "CREATE TABLE alert ("
    " kind TEXT NOT NULL, since_ns INTEGER NOT NULL, time_ns INTEGER NOT NULL, ended_ns INTEGER,"
    " text TEXT NOT NULL);"
    "CREATE TABLE hole ("
    " cpu INTEGER NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, lost INTEGER NOT NULL);";

/* Built when the rows are there: sorting once is faster than finding a place for each. */
static const char finish[] = "CREATE INDEX slice_by_task ON slice (task_id, start_ns);"
                             "CREATE INDEX slice_by_cpu ON slice (cpu, start_ns);"
                             "CREATE INDEX switch_by_task ON switch (from_task, time_ns);"
                             "COMMIT;";

enum table {
    TABLE_REPORT,
    TABLE_CPU,
    TABLE_TASK,
    TABLE_SLICE,
    TABLE_SWITCH,
    TABLE_MARK,
    TABLE_ALERT,
    TABLE_HOLE,
    N_TABLES
};

static const struct {
    const char *name;
    int n_columns; /* that are given */
} tables[N_TABLES] = {
    [TABLE_REPORT] = {"report", 27}, [TABLE_CPU] = {"cpu", 5},       [TABLE_TASK] = {"task", 33},
    [TABLE_SLICE] = {"slice", 7},    [TABLE_SWITCH] = {"switch", 8}, [TABLE_MARK] = {"mark", 2},
    [TABLE_ALERT] = {"alert", 5},    [TABLE_HOLE] = {"hole", 4},
};

struct database {
    sqlite3 *db;
    sqlite3_stmt *insert[N_TABLES];
    const struct report *report;
    const struct timeline *tl;
    int64_t slice_id;
    struct err *err;
};

/* What the system said is more than that there was an error. */
static bool fail(const struct database *d)
{
    int code = sqlite3_errcode(d->db), error = sqlite3_system_errno(d->db);
    if (error && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN))
        return err_set(d->err, "%s: %s", sqlite3_errmsg(d->db), strerror(error));
    return err_set(d->err, "%s", sqlite3_errmsg(d->db));
}

static bool run_sql(const struct database *d, const char *sql)
{
    return sqlite3_exec(d->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(d);
}

static bool prepare_inserts(struct database *d)
{
    for (int table = 0; table < N_TABLES; table++) {
        char sql[256];
        int n = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", tables[table].name);
        for (int i = 1; i < tables[table].n_columns; i++)
            n += snprintf(sql + n, sizeof sql - (size_t)n, ",?");
        snprintf(sql + n, sizeof sql - (size_t)n, ")");
        if (sqlite3_prepare_v2(d->db, sql, -1, &d->insert[table], NULL) != SQLITE_OK)
            return fail(d);
    }
    return true;
}

/* ---- a row: its columns are put in order ---- */

struct row {
    const struct database *d;
    enum table table;
    sqlite3_stmt *insert;
    int n;
};

static struct row row_of(const struct database *d, enum table table)
{
    return (struct row){.d = d, .table = table, .insert = d->insert[table]};
}

static bool insert(struct row *row)
{
    assert(row->n == tables[row->table].n_columns);
    bool ok = sqlite3_step(row->insert) == SQLITE_DONE || fail(row->d);
    sqlite3_reset(row->insert);
    return ok;
}

static void check_bound(int result)
{
    assert(result == SQLITE_OK || result == SQLITE_NOMEM);
    if (result != SQLITE_OK)
        err_no_memory();
}

static void put_null(struct row *row)
{
    check_bound(sqlite3_bind_null(row->insert, ++row->n));
}

static void put_int(struct row *row, int64_t value)
{
    check_bound(sqlite3_bind_int64(row->insert, ++row->n, value));
}

static void put_count(struct row *row, uint64_t value)
{
    put_int(row, (int64_t)value);
}

static void put_optional(struct row *row, bool known, uint64_t value)
{
    if (known)
        put_count(row, value);
    else
        put_null(row);
}

/* Times count from the start of the run. */
static void put_time(struct row *row, uint64_t time_ns)
{
    put_int(row, (int64_t)(time_ns - row->d->report->start_ns));
}

static void put_real(struct row *row, double value)
{
    check_bound(sqlite3_bind_double(row->insert, ++row->n, value));
}

/* A word of our own, that stays. */
static void put_word(struct row *row, const char *word)
{
    check_bound(sqlite3_bind_text(row->insert, ++row->n, word, -1, SQLITE_STATIC));
}

/* As in the other formats, a name that is not UTF-8, or would command a terminal, is escaped. NULL is taken.
 */
static void put_text(struct row *row, const char *text)
{
    if (!text) {
        put_null(row);
        return;
    }
    char safe[512];
    export_safe_name(text, safe, sizeof safe);
    check_bound(sqlite3_bind_text(row->insert, ++row->n, safe, -1, SQLITE_TRANSIENT));
}

static void put_cpus(struct row *row, const struct cpuset *cpus)
{
    char list[512];
    put_text(row, cpuset_format(cpus, list, sizeof list));
}

/* ---- the figures ---- */

static bool add_report(const struct database *d)
{
    const struct report *r = d->report;
    struct row row = row_of(d, TABLE_REPORT);
    put_word(&row, PACKAGE_VERSION);
    put_text(&row, r->info.source);
    put_int(&row, r->info.exact);
    put_count(&row, r->info.n_lost);
    put_count(&row, r->info.exact ? r->info.n_sampled : r->n_workload);
    put_text(&row, r->info.reason);
    put_text(&row, r->machine->kernel);
    put_count(&row, cpuset_count(&r->machine->online));
    put_cpus(&row, &r->machine->allowed);
    put_text(&row, r->info.workload.name);
    put_word(&row, r->has_target ? "program" : workload_kind_name(r->info.workload.kind));
    put_count(&row, r->has_target ? r->n_workload : r->info.workload.n_tasks);
    put_cpus(&row, &r->info.cpus);
    put_word(&row, workload_placement_name(r->info.workload.placement));
    put_count(&row, r->start_ns);
    put_count(&row, r->duration_ns);
    put_optional(&row, r->makespan_ns > 0, r->makespan_ns);
    put_time(&row, timeline_edge_ns(d->tl));
    put_real(&row, r->parallelism);
    put_real(&row, r->concurrency);
    put_real(&row, r->fairness);
    put_count(&row, r->n_switches);
    put_count(&row, r->n_voluntary);
    put_count(&row, r->n_involuntary);
    put_real(&row, r->switches_per_s);
    put_optional(&row, r->cost_known, r->cost_p50_ns);
    put_optional(&row, r->cost_known, r->cost_p99_ns);
    return insert(&row);
}

static void put_slice_lengths(struct row *row, const struct histogram *h)
{
    static const double quantiles[] = {0, 0.5, 0.95, 1};
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        put_optional(row, h && h->n > 0, h ? histogram_quantile(h, quantiles[i]) : 0);
}

/* Over the same part of the task's life that was captured. */
static void put_kernel(struct row *row, const struct kernel_counts *k)
{
    put_optional(row, k->has_switches, k->voluntary - k->base_voluntary);
    put_optional(row, k->has_switches, k->involuntary - k->base_involuntary);
    put_optional(row, k->has_run, k->run_ns - k->base_run_ns);
    put_optional(row, k->has_run, k->wait_ns - k->base_wait_ns);
    put_optional(row, k->has_slices, k->slices - k->base_slices);
}

static bool add_task(const struct database *d, const struct task *t)
{
    bool told = t->exited && t->exit_known, killed = told && WIFSIGNALED(t->exit_status);
    struct row row = row_of(d, TABLE_TASK);
    put_count(&row, t->index);
    put_int(&row, t->tid);
    put_optional(&row, t->pid > 0, (uint64_t)t->pid);
    put_text(&row, t->name);
    put_word(&row, workload_kind_name(t->kind));
    put_word(&row, slices_role_name(t->role));
    put_int(&row, t->role == ROLE_OBSERVER || t->role == ROLE_HOST);
    put_int(&row, !d->report->info.exact || t->sampled);
    put_optional(&row, t->run > 0, t->run);
    put_time(&row, t->first_ns);
    put_time(&row, t->last_ns);
    put_int(&row, t->exited);
    put_optional(&row, told && !killed, (uint64_t)WEXITSTATUS(t->exit_status));
    put_optional(&row, killed, (uint64_t)WTERMSIG(t->exit_status));
    put_count(&row, t->run_ns);
    put_count(&row, t->runnable_ns);
    put_count(&row, t->blocked_ns);
    put_count(&row, t->unknown_ns);
    put_count(&row, t->n_slices);
    put_slice_lengths(&row, t->slice_ns);
    put_count(&row, t->n_voluntary);
    put_count(&row, t->n_involuntary);
    put_count(&row, t->n_migrations);
    put_kernel(&row, &t->kernel);
    put_count(&row, t->work_done_ns);
    put_optional(&row, t->work_total_ns > 0, t->work_total_ns);
    return insert(&row);
}

/* Every task of the timeline: the report's rows say more where slices are samples. */
static bool add_tasks(const struct database *d)
{
    uint32_t n = timeline_n_tasks(d->tl);
    const struct task **reported = mem_new(n, sizeof *reported);
    for (unsigned i = 0; i < d->report->n_tasks; i++)
        reported[d->report->tasks[i].task.index] = &d->report->tasks[i].task;
    bool ok = true;
    for (uint32_t i = 0; ok && i < n; i++) {
        struct task task;
        timeline_task(d->tl, i, &task);
        ok = add_task(d, reported[i] ? reported[i] : &task);
    }
    free(reported);
    return ok;
}

/* ---- slices and switches ---- */

/* A CPU's slices, as they are visited. */
struct lane {
    struct database *d;
    int cpu;
    bool any;
    struct slice last;
    unsigned next_hole;
};

/* Whether events of this CPU were lost between two instants. The holes of one CPU are in order. */
static bool hole_between(struct lane *lane, uint64_t from_ns, uint64_t to_ns)
{
    const struct hole *hole;
    while ((hole = timeline_hole(lane->d->tl, lane->next_hole)) &&
           (hole->cpu != lane->cpu || hole->end_ns < from_ns))
        lane->next_hole++;
    return hole && hole->start_ns < to_ns;
}

/* What a switch cost is seen where the next task had been runnable all the while: see TIMELINE_MAX_SWITCH_NS.
 * Tasks that time themselves tell none. */
static bool cost_is_known(const struct lane *lane, const struct slice *next)
{
    uint64_t gap_ns = next->start_ns - lane->last.end_ns;
    return lane->d->report->cost_known && next->task != lane->last.task && next->runnable_ns >= gap_ns &&
           gap_ns <= TIMELINE_MAX_SWITCH_NS;
}

/* The switch that ended the lane's last slice; next is NULL when no other was seen. */
static bool add_switch(struct lane *lane, const struct slice *next)
{
    const struct slice *last = &lane->last;
    if (last->end == SLICE_OPEN || last->end == SLICE_LOST)
        return true;
    if (next && hole_between(lane, last->end_ns, next->start_ns))
        next = NULL;
    struct row row = row_of(lane->d, TABLE_SWITCH);
    put_int(&row, lane->d->slice_id);
    put_time(&row, last->end_ns);
    put_int(&row, lane->cpu);
    put_count(&row, last->task);
    put_int(&row, last->end != SLICE_PREEMPTED);
    put_optional(&row, next, next ? next->task : 0);
    put_optional(&row, next, next ? next->start_ns - last->end_ns : 0);
    bool known = next && cost_is_known(lane, next);
    put_optional(&row, known, known ? next->start_ns - last->end_ns : 0);
    return insert(&row);
}

static bool add_slice(void *data, const struct slice *slice)
{
    struct lane *lane = data;
    if (lane->any && !add_switch(lane, slice))
        return false;
    lane->any = true;
    lane->last = *slice;
    struct row row = row_of(lane->d, TABLE_SLICE);
    put_int(&row, ++lane->d->slice_id);
    put_count(&row, slice->task);
    put_int(&row, slice->cpu);
    put_time(&row, slice->start_ns);
    put_time(&row, slice->end_ns);
    put_count(&row, slice->runnable_ns);
    put_word(&row, slices_end_name(slice->end));
    return insert(&row);
}

static const struct report_cpu *reported_cpu(const struct report *r, int cpu)
{
    for (unsigned i = 0; i < r->n_cpus; i++)
        if (r->cpus[i].cpu == cpu)
            return &r->cpus[i];
    return NULL;
}

/* The report's figures; none where nobody ran that they are of. */
static bool add_cpu(const struct database *d, int cpu)
{
    const struct report_cpu *reported = reported_cpu(d->report, cpu);
    const struct cpu_totals totals = reported ? reported->totals : (struct cpu_totals){0};
    const bool exact = session_info_is_whole(&d->report->info); /* samples tell nothing of a CPU's slices */
    struct row row = row_of(d, TABLE_CPU);
    put_int(&row, cpu);
    put_optional(&row, exact, totals.busy_ns);
    put_optional(&row, exact, totals.n_slices);
    put_optional(&row, exact, totals.n_switches);
    put_optional(&row, exact, totals.others_ns);
    return insert(&row);
}

/* The report's CPUs, and those on which only others' slices were seen. */
static bool add_lanes(struct database *d)
{
    for (int cpu = 0; cpu < CPUSET_MAX; cpu++) {
        struct lane lane = {.d = d, .cpu = cpu};
        if (!timeline_each_cpu_slice(d->tl, cpu, 0, add_slice, &lane) ||
            (lane.any && !add_switch(&lane, NULL)))
            return false;
        if ((lane.any || reported_cpu(d->report, cpu)) && !add_cpu(d, cpu))
            return false;
    }
    return true;
}

static bool add_marks(const struct database *d)
{
    for (unsigned i = 0; i < timeline_n_marks(d->tl); i++) {
        const struct mark *mark = timeline_mark(d->tl, i);
        struct row row = row_of(d, TABLE_MARK);
        put_time(&row, mark->time_ns);
        put_text(&row, mark->text);
        if (!insert(&row))
            return false;
    }
    return true;
}

static bool add_alerts(const struct database *d)
{
    for (unsigned i = 0; i < d->report->n_alerts; i++) {
        const struct alert *alert = d->report->alerts[i];
        struct row row = row_of(d, TABLE_ALERT);
        put_word(&row, export_alert_kind(alert->kind));
        put_time(&row, alert->since_ns);
        put_time(&row, alert->time_ns);
        if (alert->ended_ns)
            put_time(&row, alert->ended_ns);
        else
            put_null(&row);
        put_text(&row, alert->text);
        if (!insert(&row))
            return false;
    }
    return true;
}

static bool add_holes(const struct database *d)
{
    for (unsigned i = 0; i < timeline_n_holes(d->tl); i++) {
        const struct hole *hole = timeline_hole(d->tl, i);
        struct row row = row_of(d, TABLE_HOLE);
        put_int(&row, hole->cpu);
        put_time(&row, hole->start_ns);
        put_time(&row, hole->end_ns);
        put_count(&row, hole->n_lost);
        if (!insert(&row))
            return false;
    }
    return true;
}

bool export_sqlite(const struct report *report, const struct timeline *tl, const char *path, struct err *err)
{
    struct database d = {.report = report, .tl = tl, .err = err};
    /* No link is followed: where others may write, one might have been put into the place of the file. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX;
    bool ok = sqlite3_open_v2(path, &d.db, flags, NULL) == SQLITE_OK || fail(&d);
    ok = ok && run_sql(&d, schema) && prepare_inserts(&d) && add_report(&d) && add_tasks(&d) &&
         add_lanes(&d) && add_marks(&d) && add_alerts(&d) && add_holes(&d) && run_sql(&d, finish);
    for (int table = 0; table < N_TABLES; table++)
        sqlite3_finalize(d.insert[table]);
    int closed = sqlite3_close(d.db);
    return ok && (closed == SQLITE_OK || err_set(err, "%s", sqlite3_errstr(closed)));
}
