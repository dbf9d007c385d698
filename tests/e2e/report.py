#!/usr/bin/env python3
"""The report: the JSON contract, and figures that agree with the kernel's own, for every user and source."""

import contextlib
import functools
import itertools
import json
import os
import re
import sqlite3
import subprocess
import tempfile

from lib import (LONG, PYTHON, SRCDIR, Fail, Neighbours, Skip, allowed_cpus, comment, cpu_busy_s, environment, expect,
                 expect_nothing_left, idle_cpus, main, ordinary, perf_refused, run, test, users, workdir)

COUNT = int
NUMBER = (int, float)


def optional(kind):
    return ("optional", kind)


HISTOGRAM = {"min": COUNT, "p50": COUNT, "p95": COUNT, "max": COUNT}

CONTRACT = {
    "schedviz": str,
    "source": {"switches": str, "lost": COUNT, "reason": optional(str)},
    "host": {"kernel": str, "cpus_online": COUNT, "cpus_allowed": [COUNT]},
    "workload": {"name": str, "kind": str, "tasks": COUNT, "cores": [COUNT], "placement": str},
    "program": optional({"pid": COUNT, "command": bool, "exit": optional({}), "kernel": optional({"voluntary": COUNT, "involuntary": COUNT})}),
    "start_ns": COUNT,
    "duration_ns": COUNT,
    "makespan_ns": optional(COUNT),
    "parallelism": NUMBER,
    "concurrency": NUMBER,
    "switches": {
        "total": COUNT,
        "voluntary": COUNT,
        "involuntary": COUNT,
        "per_second": NUMBER,
        "cost_ns": optional({"p50": COUNT, "p99": COUNT}),
    },
    "cpus": [{"cpu": COUNT, "busy_ns": optional(COUNT), "slices": optional(COUNT), "switches": optional(COUNT)}],
    "tasks": [{
        "tid": COUNT,
        "pid": COUNT,
        "name": str,
        "observer": bool,
        "kind": str,
        "cpus": [COUNT],
        "run_ns": COUNT,
        "runnable_ns": COUNT,
        "blocked_ns": COUNT,
        "slices": COUNT,
        "slice_ns": optional(HISTOGRAM),
        "voluntary": COUNT,
        "involuntary": COUNT,
        "migrations": COUNT,
        "kernel": {
            "voluntary": optional(COUNT),
            "involuntary": optional(COUNT),
            "run_ns": optional(COUNT),
            "wait_ns": optional(COUNT),
            "slices": optional(COUNT),
        },
        "work_done_ns": COUNT,
        "work_total_ns": optional(COUNT),
        "exit": optional({}),
    }],
    "alerts": [{"kind": str, "tids": [COUNT], "text": str}],
    "warnings": [str],
    "lesson": optional({
        "title": str,
        "steps": [{"title": str, "measures": [{"label": str, "value": optional(NUMBER), "unit": str, "inside": optional(bool)}]}],
        "outside": COUNT,
        "not_measured": COUNT,
    }),
}


def check_contract(value, contract, path="report"):
    """Every field of the contract is there and has its type; more fields are allowed."""
    if isinstance(contract, tuple) and contract and contract[0] == "optional":
        if value is not None:
            check_contract(value, contract[1], path)
    elif isinstance(contract, dict):
        expect(isinstance(value, dict), f"{path} is no object: {value!r}")
        for key, inner in contract.items():
            expect(key in value, f"{path}.{key} is missing")
            check_contract(value[key], inner, f"{path}.{key}")
    elif isinstance(contract, list):
        expect(isinstance(value, list), f"{path} is no array: {value!r}")
        for i, item in enumerate(value):
            check_contract(item, contract[0], f"{path}[{i}]")
    else:
        right = isinstance(value, contract) and (contract is bool or not isinstance(value, bool))
        expect(right, f"{path} is {value!r}")
        if contract is COUNT:
            expect(value >= 0, f"{path} is negative: {value}")


def stolen_ticks():
    """What the hypervisor took of the machine's time, in ticks of 10 ms: `steal` of proc(5), /proc/stat."""
    with open("/proc/stat", encoding="ascii") as file:
        return int(file.readline().split()[8])


def take_report(*args, **how):
    """The report of a run as JSON, with the contract checked."""
    stolen = stolen_ticks()
    with Neighbours() as others:
        result = run("-b", "-f", "json", *args, **how)
        expect(result.status == 0, str(result))
        expect(result.err == "", f"something on standard error: {result}")
        expect_nothing_left(result.tag)
    report = json.loads(result.out)
    check_contract(report, CONTRACT)
    report["stolen_ticks"] = stolen_ticks() - stolen
    report["neighbours"] = others.part
    return report


def workers(report):
    return [task for task in report["tasks"] if not task["observer"]]


def check_sums(report):
    """The figures of one report agree with each other."""
    tasks = workers(report)
    for task in tasks:
        parts = task["run_ns"] + task["runnable_ns"] + task["blocked_ns"] + task.get("unknown_ns", 0)
        life = task.get("life_ns", parts)
        expect(abs(parts - life) <= 1000, f"{task['name']}: states add up to {parts} ns of a life of {life} ns")
        expect(life <= report["duration_ns"] + 3_000_000_000, f"{task['name']}: lived longer than the run: {life} ns")
        expect(set(task["cpus"]) <= set(report["host"]["cpus_allowed"]), f"{task['name']}: ran on {task['cpus']}")
        lengths = task["slice_ns"]
        if lengths:
            expect(lengths["min"] <= lengths["p50"] <= lengths["p95"] <= lengths["max"], f"{task['name']}: {lengths}")
    for kind in ("voluntary", "involuntary"):
        total = sum(task[kind] for task in tasks)
        expect(report["switches"][kind] == total, f"{kind}: {report['switches'][kind]} in all, {total} by task")
    n_cpus = len(report["workload"]["cores"])
    expect(0 <= report["parallelism"] <= n_cpus * 1.001 + 0.01, f"parallelism {report['parallelism']} on {n_cpus} cores")
    expect(report["parallelism"] <= report["concurrency"] + 0.01, "more tasks ran than were in progress")
    if report["source"]["switches"] == "proc":
        return
    # A CPU's slices cannot overlap: it was never busy for longer than the run, ends and starts included.
    for cpu in report["cpus"]:
        expect(None not in cpu.values(), f"a figure is missing: {cpu}")
        expect(cpu["busy_ns"] <= report["duration_ns"] + 500_000_000, f"cpu {cpu['cpu']} busy for {cpu['busy_ns']} ns")
    busy = sum(cpu["busy_ns"] for cpu in report["cpus"])
    ran = sum(task["run_ns"] for task in tasks)
    expect(abs(busy - ran) <= 0.001 * ran + 100_000, f"cores were busy {busy} ns, tasks ran {ran} ns")


def check_counts(report):
    """Captured switches beside the kernel's own counts."""
    expect(report["source"]["lost"] == 0, f"{report['source']['lost']} events were lost")
    for task in workers(report):
        kernel, name = task["kernel"], f"{task['name']} ({task['tid']})"
        for key in ("voluntary", "involuntary", "run_ns"):
            expect(kernel[key] is not None, f"{name}: the kernel's {key} was not read")
        expect(abs(task["involuntary"] - kernel["involuntary"]) <= 1,
               f"{name}: involuntary {task['involuntary']}, the kernel's {kernel['involuntary']}")
        expect(abs(task["voluntary"] - kernel["voluntary"]) <= 1,
               f"{name}: voluntary {task['voluntary']}, the kernel's {kernel['voluntary']}")


def times_off(report):
    """What is wrong with the run times beside the kernel's own, or ""."""
    for task in workers(report):
        kernel_ns = task["kernel"]["run_ns"]
        if abs(task["run_ns"] - kernel_ns) > 0.01 * kernel_ns + 1_000_000:
            return f"{task['name']} ({task['tid']}): ran {task['run_ns']} ns, the kernel's {kernel_ns} ns"
    return ""


def waited_at_end(report):
    """The task that perf saw wait after its last look at its own counts, or "". Ending threads share locks of the kernel."""
    if report["source"]["switches"] == "perf":
        for task in workers(report):
            seen, counted = task["voluntary"], task["kernel"]["voluntary"]
            if counted is not None and seen > counted + 1:
                return f"{task['name']} ({task['tid']}): voluntary {seen}, the kernel's {counted} before it ended"
    return ""


def agree_with_kernel(take, tries=4):
    """Takes a report whose counts and run times are the kernel's. The kernel leaves time that the hypervisor stole out
    of a task's run time (update_rq_clock_task() in kernel/sched/core.c); the task that was on the CPU knows nothing of it.
    And it counts the way into and out of a task as that task's, which a task that times itself does not see: a thousand
    switches a second, where other programs want the same core, are more than the bar allows."""
    stolen = busy = 0
    for _ in range(tries):
        report = take()
        off = waited_at_end(report)
        if not off:
            check_counts(report)
            off = times_off(report)
        if not off:
            return report
        comment(f"{off}; {report['stolen_ticks']} ticks were stolen meanwhile")
        stolen += report["stolen_ticks"] > 0
        busy += report["neighbours"] > Neighbours.BUSY
    if stolen == tries:
        raise Skip("the hypervisor stole time in every try")
    if busy == tries:
        raise Skip("other programs wanted the cores in every try")
    raise Fail(off)


def check_asked(report, n_tasks, kind, placement, cpus, source):
    workload = report["workload"]
    expect(report["source"]["switches"] == source, f"source {report['source']}")
    expect(workload["name"] == "interleave", f"name {workload['name']}")
    expect((workload["tasks"], workload["kind"], workload["placement"]) == (n_tasks, kind, placement), f"{workload}")
    expect(workload["cores"] == cpus, f"cores {workload['cores']}, asked for {cpus}")
    tasks = workers(report)
    expect(len(tasks) == n_tasks, f"{len(tasks)} tasks of {n_tasks}")
    expect(any(task["observer"] for task in report["tasks"]), "schedviz itself is not in the report")
    pids = {task["pid"] for task in tasks}
    expect(len(pids) == (n_tasks if kind == "process" else 1), f"{len(pids)} processes for {n_tasks} tasks, {kind}")
    for i, task in enumerate(tasks):
        expect(task["kind"] == kind, f"{task['name']} is a {task['kind']}")
        if placement == "pinned":
            own = cpus[i % len(cpus)]
            expect(task["cpus"] in ([own], []), f"{task['name']} is pinned to {own} but ran on {task['cpus']}")
            expect(task["migrations"] == 0, f"{task['name']} is pinned but migrated {task['migrations']} times")
        else:
            expect(set(task["cpus"]) <= set(cpus), f"{task['name']} ran on {task['cpus']}")


def perf_opens(user):
    """Whether perf is there for this user: found by trying, once."""
    if user.name not in _perf:
        _perf[user.name] = run("-b", "-d", "0.1", "-s", "perf", user=user).status == 0
    return _perf[user.name]


_perf = {}

DURATION = "2" if LONG else "1"


def register_runs():
    kinds, placements, counts = ("thread", "process"), ("pinned", "free"), (1, 4, 16, 64)
    if LONG:
        shapes = list(itertools.product(kinds, placements, counts))
    else:
        shapes = [("thread", "pinned", 4), ("process", "free", 4), ("thread", "free", 16), ("process", "pinned", 1)]
    for user, source, shape in itertools.product(users(), ("perf", "engine", "proc"), shapes):
        if not LONG and source == "proc" and shape[2] != 4:
            continue
        if not LONG and user.name == "root" and shape not in shapes[:2]:
            continue
        kind, placement, n_tasks = shape

        @test(f"{source}, {user.name}: {n_tasks} tasks, {kind}, {placement}", timeout=90)
        def _(user=user, source=source, kind=kind, placement=placement, n_tasks=n_tasks):
            if source == "perf" and not perf_opens(user):
                raise Skip("perf_event_open is refused here")
            cpus = allowed_cpus()[:2]
            take = functools.partial(take_report, "-d", DURATION, "-s", source, "-n", str(n_tasks), "-k", kind,
                                     "-m", placement, "-C", ",".join(map(str, cpus)), user=user, timeout=60)
            report = take() if source == "proc" else agree_with_kernel(take)
            check_asked(report, n_tasks, kind, placement, cpus, source)
            check_sums(report)


register_runs()


@test("work is done: makespan, work_done_ns and exit are told")
def _():
    for kind in ("thread", "process"):
        report = agree_with_kernel(functools.partial(take_report, "-w", "100ms", "-n", "2", "-k", kind, "-d", "30"))
        expect(report["makespan_ns"], "no makespan")
        expect(report["makespan_ns"] <= report["duration_ns"] + 1_000_000, "makespan is longer than the run")
        for task in workers(report):
            expect(task["work_done_ns"] == task["work_total_ns"] == 100_000_000,
                   f"{task['name']}: {task['work_done_ns']} of {task['work_total_ns']}")
            expect(task["exit"] in (None, {"code": 0}), f"{task['name']}: exit {task['exit']}")


@test("work that is cut short has no makespan")
def _():
    report = take_report("-w", "1min", "-n", "2", "-d", "0.3")
    expect(report["makespan_ns"] is None, f"makespan {report['makespan_ns']}")
    for task in workers(report):
        expect(task["work_done_ns"] < task["work_total_ns"] == 60_000_000_000, f"{task}")


@test("where perf is refused, engine takes its place, exact, and the way to perf is told")
def _():
    for user in users():
        report = agree_with_kernel(
            functools.partial(take_report, "-d", "0.5", "-n", "3", user=user, prefix=perf_refused()))
        expect(report["source"]["switches"] == "engine", f"source {report['source']}")
        reason = report["source"]["reason"] or ""
        expect("perf_event_paranoid" in reason or "cap_perfmon" in reason or "seccomp" in reason, f"reason {reason!r}")
        check_sums(report)


NEIGHBOUR = """
import threading, time
def rest():
    for _ in range(2000):
        time.sleep(0.002)
threading.Thread(target=rest, daemon=True).start()
print("up", flush=True)
rest()
"""


@test("-a: a neighbour's threads are known as threads of its process")
def _():
    with subprocess.Popen([PYTHON, "-c", NEIGHBOUR], stdout=subprocess.PIPE, env=environment()) as neighbour:
        try:
            neighbour.stdout.readline()
            with tempfile.TemporaryDirectory() as place:
                path = os.path.join(place, "a.db")
                result = run("-b", "-a", "-d", "0.5", "-f", "sqlite", "-o", path, user=users()[-1])
                if result.status != 0 and "run as root" in result.err:
                    raise Skip("not all of the machine may be watched")
                expect(result.status == 0, str(result))
                with contextlib.closing(sqlite3.connect(path)) as db:
                    rows = db.execute("SELECT tid, kind, role FROM task WHERE pid = ?", (neighbour.pid,)).fetchall()
        finally:
            neighbour.kill()
    expect(sorted(kind for _, kind, _ in rows) == ["process", "thread"], str(rows))
    expect(all(role == "other" and (tid == neighbour.pid) == (kind == "process") for tid, kind, role in rows), str(rows))


@test("-a: where a filter refuses perf nobody is told to become root")
def _():
    for user in users():
        result = run("-b", "-a", "-d", "0.2", user=user, prefix=perf_refused())
        expect(result.status == 1 and result.err.count("\n") == 1, str(result))
        expect("seccomp" in result.err and "run as root" not in result.err, f"{user.name}: {result.err}")


@test("auto takes perf where it opens, and gives no reason then")
def _():
    if not perf_opens(ordinary()):
        raise Skip("perf_event_open is refused here")
    source = take_report("-d", "0.2")["source"]
    expect(source["switches"] == "perf" and source["reason"] is None, f"{source}")


def quiet_run(cpus, *args):
    """A run on CPUs that nobody else used: tells (report, None), or (None, why not)."""
    before = cpu_busy_s(cpus)
    report = take_report("-C", ",".join(map(str, cpus)), *args)
    after = cpu_busy_s(cpus)
    busy = sum(after[cpu] - before[cpu] for cpu in cpus)
    # Start, calibration and end of schedviz itself happen there too where there is no other CPU.
    ours = sum(task["run_ns"] for task in report["tasks"]) / 1e9
    others = busy - ours
    if others > 0.03 * report["duration_ns"] / 1e9 * len(cpus) + 0.05:
        return None, f"others used the cores for {others:.2f} s"
    return report, None


def with_idle_cpus(n_cpus, args, check, tries=8):
    """Runs until it happened on an idle machine; a wrong figure from such a run fails, a busy machine is a skip."""
    reason = "no idle core"
    for _ in range(tries):
        cpus = idle_cpus(n_cpus)
        if cpus:
            report, reason = quiet_run(cpus, *args)
            if report:
                check(report)
                return
    raise Skip(f"the machine is busy: {reason}")


@test("4 tasks on 1 core: parallelism between 0.9 and 1.0", timeout=120)
def _():
    def check(report):
        expect(0.9 <= report["parallelism"] <= 1.0001, f"parallelism {report['parallelism']}")
        expect(3.9 <= report["concurrency"] <= 4.0001, f"concurrency {report['concurrency']}")

    with_idle_cpus(1, ["-n", "4", "-d", "2"], check)


@test("2 tasks on 2 cores: parallelism of 1.8 or more", timeout=120)
def _():
    if len(allowed_cpus()) < 2:
        raise Skip("there is one CPU")

    def check(report):
        expect(report["parallelism"] >= 1.8, f"parallelism {report['parallelism']}")

    with_idle_cpus(2, ["-n", "2", "-d", "2"], check)


@test("the text report tells the same figures in words")
def _():
    result = run("-b", "-d", "0.3", "-n", "2")
    expect(result.status == 0 and result.err == "", str(result))
    expect(all(line.isprintable() for line in result.out.splitlines()), f"control characters: {result.out!r}")
    for word in ("schedviz", "interleave", "source", "0 lost", "fairness", "A", "B"):
        expect(word in result.out, f"{word!r} is not in the report:\n{result.out}")


@test("64 processes start, are told apart, and end")
def _():
    report = take_report("-n", "64", "-k", "process", "-d", "0.5", timeout=50)
    names = [task["name"] for task in workers(report)]
    expect(len(set(names)) == 64 and names[0] == "A" and names[26] == "AA", f"names {names[:3]}...")
    comment(f"{report['switches']['total']} switches")


@test("a file that says nothing of nice leaves a task the one that schedviz has")
def _():
    with open(os.path.join(workdir(), "plain.yaml"), "w", encoding="utf-8") as file:
        file.write("tasks: {a: {loop: 1, run: 1000}, b: {priority: 15, loop: 1, run: 1000}}\n")
    report = take_report("plain.yaml", prefix=("nice", "-n", "7"))
    expect(not report["warnings"], f"warnings: {report['warnings']}")


@test("--all shows the neighbours to who may see them, and refuses the others in one line")
def _():
    for user in users():
        result = run("-b", "-f", "json", "-a", "-d", "0.5", "-n", "2", user=user)
        if result.status == 0:
            report = json.loads(result.out)
            names = [task["name"] for task in workers(report)]
            expect(names == ["A", "B"], f"tasks {names}")
            tids = {task["tid"] for task in report["tasks"]}
            expect(not tids & {task["tid"] for task in report["others"]}, "a task is its own neighbour")
        else:
            expect(user.name != "root", str(result))
            expect(result.status == 1 and result.err.count("\n") == 1 and "run as root" in result.err, str(result))


# ---- The database ----

@contextlib.contextmanager
def database(*args, **how):
    """The database of a run, opened, with what any of them must hold checked."""
    with tempfile.TemporaryDirectory(dir=workdir()) as directory:
        os.chmod(directory, 0o777)
        path = os.path.join(directory, "run.db")
        result = run("-b", "-f", "sqlite", "-o", path, *args, **how)
        expect(result.status == 0 and result.out == "" and result.err == "", str(result))
        expect_nothing_left(result.tag)
        expect(os.listdir(directory) == ["run.db"], f"in the directory: {os.listdir(directory)}")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            expect(value(db, "PRAGMA user_version") == 1, "user_version")
            expect(value(db, "PRAGMA integrity_check") == "ok", "integrity_check")
            expect(rows(db, "PRAGMA foreign_key_check") == [], "foreign_key_check")
            expect(value(db, "SELECT count(*) FROM report") == 1, "not one report")
            yield db


def rows(db, sql):
    return [dict(row) for row in db.execute(sql)]


def value(db, sql):
    return db.execute(sql).fetchone()[0]


OWN = "JOIN task ON task.id = {} WHERE task.role = 'workload'"

# What a database tells twice: the figures of the report, and the rows that they are of.
TOLD_TWICE = [
    ("SELECT sum(switches_total) FROM report", "SELECT count(*) FROM switch " + OWN.format("from_task")),
    ("SELECT switches_voluntary FROM report",
     "SELECT count(*) FROM switch " + OWN.format("from_task") + " AND switch.voluntary"),
    ("SELECT switches_involuntary FROM report",
     "SELECT count(*) FROM switch " + OWN.format("from_task") + " AND NOT switch.voluntary"),
    ("SELECT sum(slices) FROM cpu", "SELECT count(*) FROM slice " + OWN.format("task_id")),
    ("SELECT sum(switches) FROM cpu", "SELECT count(*) FROM switch " + OWN.format("from_task")),
    ("SELECT sum(busy_ns) FROM cpu", "SELECT sum(duration_ns) FROM slice " + OWN.format("task_id")),
    ("SELECT count(*) FROM slice", "SELECT count(*) FROM slice WHERE duration_ns = end_ns - start_ns AND duration_ns >= 0"),
    ("SELECT count(*) FROM switch", "SELECT count(*) FROM switch JOIN slice ON id = slice_id WHERE task_id = from_task"
                                    " AND slice.cpu = switch.cpu AND end_ns = time_ns"
                                    " AND voluntary = (end_reason <> 'preempted')"),
    ("SELECT count(*) FROM slice WHERE end_reason NOT IN ('open', 'lost')", "SELECT count(*) FROM switch"),
    ("SELECT count(cost_ns) FROM switch",
     "SELECT count(*) FROM switch WHERE cost_ns = gap_ns AND cost_ns BETWEEN 0 AND 20000 AND to_task <> from_task"),
    # Nothing overlaps: not on a core, and not of a task.
    ("SELECT 0", "SELECT count(*) FROM (SELECT start_ns < lag(end_ns) OVER (PARTITION BY cpu ORDER BY start_ns, end_ns)"
                 " AS bad FROM slice) WHERE bad"),
    ("SELECT 0", "SELECT count(*) FROM (SELECT start_ns < lag(end_ns) OVER (PARTITION BY task_id ORDER BY start_ns, end_ns)"
                 " AS bad FROM slice) WHERE bad"),
]

BY_TASK = """
    SELECT name, slices, voluntary, involuntary, run_ns, kernel_voluntary, kernel_involuntary, kernel_run_ns, exited,
           end_ns - start_ns - run_ns - runnable_ns - blocked_ns - unknown_ns AS missing_ns,
           (SELECT count(*) FROM slice WHERE task_id = task.id) AS found_slices,
           (SELECT total(duration_ns) FROM slice WHERE task_id = task.id) AS found_run_ns,
           (SELECT count(*) FROM switch WHERE from_task = task.id AND switch.voluntary) AS found_voluntary,
           (SELECT count(*) FROM switch WHERE from_task = task.id AND NOT switch.voluntary) AS found_involuntary
    FROM task WHERE role = 'workload'"""


def not_as_counted(db):
    """How a database differs from what the kernel counted, or "". On a busy machine events are lost, and a task waits
    once more after the last look at its own counts."""
    if value(db, "SELECT source_lost FROM report"):
        return "events were lost"
    return "".join(f"not the kernel's: {task}" for task in rows(db, BY_TASK)
                   if abs(task["involuntary"] - task["kernel_involuntary"]) > 1
                   or abs(task["voluntary"] - task["kernel_voluntary"]) > 1)


def check_database(db, n_tasks):
    expect(value(db, "SELECT history_ns <= 0 FROM report"), "the run's beginning is not held")
    for told, found in TOLD_TWICE:
        expect(value(db, told) == value(db, found), f"{told}: {value(db, told)}, but {found}: {value(db, found)}")
    tasks = rows(db, BY_TASK)
    expect(len(tasks) == n_tasks, f"{len(tasks)} tasks of {n_tasks}")
    for task in tasks:
        for key in ("slices", "run_ns", "voluntary", "involuntary"):
            expect(task[key] == task["found_" + key], f"{key} of {task}")
        expect(task["missing_ns"] == 0, f"states do not add up: {task}")


def register_databases():
    for user, source in itertools.product(users(), ("perf", "engine")):

        @test(f"database, {source}, {user.name}: slices and switches are those that the figures and the kernel count")
        def _(user=user, source=source):
            if source == "perf" and not perf_opens(user):
                raise Skip("perf_event_open is refused here")
            for more in (["-n", "4"], ["-n", "16", "-k", "process", "-m", "free", "-c", str(min(2, len(allowed_cpus())))]):
                for _ in range(4):
                    with database("-d", DURATION, "-s", source, *more, user=user) as db:
                        off = not_as_counted(db)
                        if not off:
                            check_database(db, int(more[1]))
                            report = rows(db, "SELECT * FROM report")[0]
                            expect(report["source_switches"] == source and report["makespan_ns"] is None, f"{report}")
                            comment(f"{report['switches_total']} switches, "
                                    f"{value(db, 'SELECT count(cost_ns) FROM switch')} with cost")
                            break
                    comment(off)
                expect(not off, off)


register_databases()


@test("database, proc: there are figures but no slices, and what is not known is null")
def _():
    with database("-d", "0.5", "-s", "proc", "-n", "2", "-w", "50ms") as db:
        for table in ("slice", "switch"):
            expect(value(db, f"SELECT count(*) FROM {table}") == 0, f"{table} is not empty")
        expect(value(db, "SELECT count(*) FROM cpu WHERE busy_ns IS NULL AND slices IS NULL") > 0, "cpu")
        tasks = rows(db, "SELECT * FROM task WHERE role = 'workload'")
        expect(len(tasks) == 2, f"{tasks}")
        for task in tasks:
            expect(task["run_ns"] > 0 and task["slice_ns_p50"] is None, f"{task}")
            expect(task["work_done_ns"] == task["work_total_ns"] == 50_000_000, f"{task}")


@test("the page names every table and column of the database")
def _():
    with open(os.path.join(SRCDIR, "man", "schedviz.1"), encoding="utf-8") as file:
        page = file.read()
    page = page[page.index(".Sh DATABASE"):page.index(".Sh ENVIRONMENT")]
    with database("-d", "0.1") as db:
        for table in rows(db, "SELECT name FROM sqlite_schema WHERE type = 'table'"):
            section = re.search(rf"^\.It Li {table['name']}$(.*?)^\.(?:It Li \w+$|El)", page, re.MULTILINE | re.DOTALL)
            expect(section, f"table {table['name']} is not in the page")
            for column in rows(db, f"PRAGMA table_xinfo({table['name']})"):
                expect(re.search(rf"\b{column['name']}\b", section[1]), f"{table['name']}.{column['name']} is not in the page")


if __name__ == "__main__":
    main()
