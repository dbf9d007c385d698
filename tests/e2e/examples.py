#!/usr/bin/env python3
"""The programs of examples/: each is built, watched, and shows what its head and schedviz-lessons(7) say of it. What depends
on idle cores is judged on idle cores only."""

import functools
import os
import re
import shutil
import subprocess

from lib import (PYTHON, SRCDIR, Fail, Neighbours, Skip, allowed_cpus, comment, expect, expect_nothing_left, idle_cpus, main,
                 test, watch, workdir)

DURATION = "8"
TRIES = 6


# ---- Building ----

@functools.lru_cache(None)
def directory():
    """Where the examples are built, for every user to read."""
    path = os.path.join(workdir(), "examples")
    shutil.copytree(os.path.join(SRCDIR, "examples"), path)
    for name in os.listdir(path):
        os.chmod(os.path.join(path, name), 0o644)
    os.chmod(path, 0o755)
    return path


def need(runtime, *commands):
    for command in commands:
        if not shutil.which(command):
            raise Skip(f"{runtime} is not installed ({command} is missing)")


@functools.lru_cache(None)
def build(*command):
    """Runs a compiler in the directory of the examples."""
    env = dict(os.environ, GOCACHE=os.path.join(directory(), "go-cache"), GO111MODULE="off")
    done = subprocess.run(command, cwd=directory(), env=env, capture_output=True, timeout=150, check=False)
    expect(done.returncode == 0, f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")


def compile_c(source, *flags):
    need("a C compiler", "cc")
    if "-fopenmp" in flags and not openmp_is_there():
        raise Skip("OpenMP is missing (libgomp)")
    build("cc", "-O2", "-g", *flags, "-o", source[:-2], source)
    return [os.path.join(directory(), source[:-2])]


@functools.lru_cache(None)
def openmp_is_there():
    done = subprocess.run(["cc", "-fopenmp", "-x", "c", "-", "-o", os.path.join(directory(), "openmp-probe")],
                          input=b"int main(void) { return 0; }", capture_output=True, check=False)
    return done.returncode == 0


def compile_go(source):
    need("Go", "go")
    build("go", "build", "-o", "go-" + source[:-3], source)
    return [os.path.join(directory(), "go-" + source[:-3])]


def compile_java(source):
    need("Java", "javac", "java")
    build("javac", source)
    return ["java", "-Xshare:auto", "-cp", directory(), source[:-5]]


def compile_rust(source):
    need("Rust", "rustc")
    build("rustc", "-O", "-o", source[:-3], source)
    return [os.path.join(directory(), source[:-3])]


def compile_erlang(source):
    need("Erlang", "erlc", "erl")
    build("erlc", source)
    return ["erl", "-noshell", "-pa", directory(), "-s", source[:-4], "main"]


def python(source):
    return [PYTHON, os.path.join(directory(), source)]


def node(source):
    need("Node", "node")
    return ["node", os.path.join(directory(), source)]


# ---- Watching ----

def two_cpus():
    if len(allowed_cpus()) < 2:
        raise Skip("there is one CPU")
    return allowed_cpus()[:2]


def look(command, *options, cpus=None, status=0, user=None):
    """One run of an example, with what holds of every run checked."""
    chosen = cpus or allowed_cpus()[:2]
    watched = watch("-d", DURATION, *options, "-C", ",".join(map(str, chosen)), "--", *command, user=user)
    expect(watched.status == status, str(watched))
    expect(watched.report, f"no report: {watched}")
    if watched.report["source"]["switches"] != "perf":
        raise Skip(f"perf_event_open is refused here: {watched.report['source']['reason']}")
    expect_nothing_left(watched.tag)
    for task in watched.tasks():
        expect(set(task["cpus"]) <= set(chosen), f"{task['name']} ran on {task['cpus']}, not on {chosen}")
    return watched


def look_on_idle(command, check, n_cpus=2, **how):
    """Runs on idle cores until check(watched) had such a run to judge, and a second one if it dislikes the first: what takes
    a core away for a moment is not always seen. A machine that is busy every time is a skip."""
    if len(allowed_cpus()) < n_cpus:
        raise Skip(f"there is one CPU, not {n_cpus}")
    reason, disliked = "no idle cores", None
    for _ in range(TRIES):
        cpus = idle_cpus(n_cpus)
        if not cpus:
            continue
        watched = look(command, cpus=cpus, **how)
        if watched.neighbours > Neighbours.BUSY:
            reason = f"others had {100 * watched.neighbours:.0f} % of the cores"
            continue
        try:
            check(watched)
            return
        except Fail as failure:
            if disliked:
                raise
            disliked = failure
            comment(f"{failure}: tried again")
    if disliked:
        raise disliked
    raise Skip(f"the machine is busy: {reason}")


def figures(watched):
    """The figures of a run for the log."""
    report = watched.report
    comment(f"{len(watched.tasks())} tasks, parallelism {report['parallelism']:.2f}, concurrency {report['concurrency']:.2f}, "
            f"{report['switches']['voluntary']} voluntary and {report['switches']['involuntary']} involuntary switches, "
            f"{report['duration_ns'] / 1e9:.2f} s")
    return report


def busy(watched, part=0.2):
    """Tasks that ran for this part of the whole run."""
    return [task for task in watched.tasks() if task["run_ns"] > part * watched.report["duration_ns"]]


def in_output(watched, pattern):
    found = re.search(pattern, watched.out.decode())
    expect(found, f"the example said {watched.out!r}")
    return [int(group) for group in found.groups()]


# ---- Go ----

@test("Go: five goroutines sleep a second each: done in a second, by a handful of threads", timeout=200)
def _():
    command = compile_go("sleep.go")
    few = look(command, cpus=allowed_cpus()[:1])
    expect(few.report["duration_ns"] >= 1_000_000_000, f"done in {few.report['duration_ns']} ns")
    expect(len(few.tasks()) <= 16, f"{len(few.tasks())} threads")
    many = look([*command, "10000", "300"])
    expect(len(many.tasks()) <= 32, f"{len(many.tasks())} threads for 10000 goroutines")

    def check(watched):
        report = figures(watched)
        expect(report["duration_ns"] < 1_800_000_000, f"one after the other? {report['duration_ns'] / 1e9:.2f} s")
        expect(report["parallelism"] < 0.2, f"parallelism {report['parallelism']}")

    look_on_idle(command, check, n_cpus=1)


@test("Go: eight goroutines that compute: two busy threads on two cores, one on one", timeout=300)
def _():
    command = compile_go("compute.go")
    expect(len(look([*command, "8", "1000000"]).tasks()) <= 16, "a thread for each goroutine?")

    def check_two(watched):
        report = figures(watched)
        expect(1.7 <= report["parallelism"] <= 2.05, f"parallelism {report['parallelism']}")
        expect(len(watched.tasks()) <= 16, f"{len(watched.tasks())} threads")

    def check_one(watched):
        figures(watched)
        expect(len(busy(watched)) == 1, f"{len(busy(watched))} busy threads on one core")

    look_on_idle(command, check_two)
    look_on_idle(command, check_one, n_cpus=1)


# ---- Python ----

@test("Python: five processes compute, each on its own: more than one at once on two cores", timeout=200)
def _():
    command = python("processes.py")
    watched = look([*command, "5", "100000"])
    expect(len({task["pid"] for task in watched.tasks()}) == 6, f"{[task['pid'] for task in watched.tasks()]}")

    def check(watched):
        report = figures(watched)
        expect(report["parallelism"] > 1.5, f"parallelism {report['parallelism']}")

    look_on_idle(command, check)


@test("Python: five threads compute under the GIL: five in progress, one at a time", timeout=300)
def _():
    command = python("gil.py")
    watched = look([*command, "5", "1000000"])
    expect(len(watched.tasks()) == 6, f"{len(watched.tasks())} threads, with the main one")
    expect(len({task["pid"] for task in watched.tasks()}) == 1, "more than one process")

    def check(watched):
        report = figures(watched)
        expect(0.8 < report["parallelism"] < 1.2, f"parallelism {report['parallelism']}")
        return report

    def check_short(watched):
        report = check(watched)
        # With an interval of 50 ms the threads are long in starting: each wants the lock for its first steps.
        expect(4.5 <= report["concurrency"] <= 6.1, f"concurrency {report['concurrency']}")
        short.append(report["switches"]["voluntary"])

    def check_long(watched):
        n_long = check(watched)["switches"]["voluntary"]
        expect(short[-1] > 2 * n_long, f"voluntary switches with an interval of 5 ms: {short[-1]}, and of 50: {n_long}")

    short = []
    look_on_idle(command, check_short)
    look_on_idle([*command, "5", "5000000", "50"], check_long)


@test("Python: a thousand coroutines wait for a second, in one thread", timeout=200)
def _():
    watched = look([*python("coroutines.py"), "1000", "1000"])
    report = figures(watched)
    expect(len(watched.tasks()) == 1, f"{len(watched.tasks())} tasks")
    expect(report["concurrency"] <= 1.01, f"concurrency {report['concurrency']}")
    expect(report["duration_ns"] < 8_000_000_000, "they waited one after the other")


# ---- Node ----

@test("Node: two workers of a cluster run at once", timeout=200)
def _():
    command = node("cluster.js")
    watched = look([*command, "2", "4", "1000000"])
    expect(len({task["pid"] for task in watched.tasks()}) == 3, "not a primary and two workers")

    def check(watched):
        report = figures(watched)
        expect(report["parallelism"] > 1.4, f"parallelism {report['parallelism']}")
        expect(len({task["pid"] for task in busy(watched)}) == 2, f"{len(busy(watched))} busy threads")

    look_on_idle(command, check)


@test("Node: a blocked event loop: one thread does it all, and the timer does not come", timeout=200)
def _():
    command = node("event_loop.js")
    watched = look(command)
    report = figures(watched)
    away_ms = in_output(watched, r"away for up to (\d+) ms")[0]
    (worker,) = busy(watched, 0.1)
    expect(worker["tid"] == worker["pid"], "it is not the main thread that computes")
    rest = sum(task["run_ns"] for task in watched.tasks()) - worker["run_ns"]
    expect(rest < 0.3 * worker["run_ns"], f"other threads ran {rest} ns, it {worker['run_ns']} ns")
    expect(report["parallelism"] < 1.3, f"parallelism {report['parallelism']}")
    expect(away_ms * 1_000_000 > 0.5 * worker["run_ns"], f"the timer was away for {away_ms} ms only")


# ---- Java ----

@test("Java: a fixed pool: as many threads as asked for, and a queue that grows", timeout=200)
def _():
    command = compile_java("Pool.java")
    for threads in (2, 4):
        watched = look([*command, str(threads)])
        names = sorted(task["name"] for task in watched.tasks() if task["name"].startswith("pool-1-thread-"))
        expect(names == [f"pool-1-thread-{i + 1}" for i in range(threads)], f"the pool's threads: {names}")
        jobs, asked, queued = in_output(watched, r"(\d+) jobs came to (\d+) threads; (\d+) were")
        comment(f"{jobs} jobs, {asked} threads: {queued} in the queue, {len(watched.tasks())} tasks")
        expect(threads > 2 or queued >= 2, f"{queued} jobs in the queue")


@test("Java: a deadlock of two monitors: both threads blocked, no owner to be known, so no alert", timeout=200)
def _():
    watched = look([*compile_java("Deadlock.java"), "2500"], status=3)
    expect(in_output(watched, r"threads in a deadlock: (\d+)") == [2], f"{watched.out!r}")
    expect(watched.report["alerts"] == [], f"{watched.report['alerts']}")
    for name in ("left", "right"):
        tasks = [task for task in watched.tasks() if task["name"] == name]
        expect(len(tasks) == 1, f"{len(tasks)} threads named {name}")
        expect(tasks[0]["run_ns"] < 200_000_000, f"{name} ran for {tasks[0]['run_ns']} ns")


# ---- Rust, Erlang ----

@test("Rust: scoped threads with an atomic counter never block", timeout=200)
def _():
    command = compile_rust("counter.rs")
    watched = look(command)
    adders = [task for task in watched.tasks() if task["name"].startswith("adder ")]
    expect(len(adders) == 4 and len(watched.tasks()) == 5, f"{[task['name'] for task in watched.tasks()]}")
    in_output(watched, r"counted to (80000000)\b")
    for task in adders:
        expect(task["voluntary"] <= 5, f"{task['name']} blocked {task['voluntary']} times")

    def check(watched):
        expect(figures(watched)["parallelism"] > 1.5, f"parallelism {watched.report['parallelism']}")

    look_on_idle(command, check)


@test("Erlang: ten thousand processes on as many schedulers as cores", timeout=200)
def _():
    command = compile_erlang("many.erl")
    watched = look(command, cpus=two_cpus())
    processes, schedulers = in_output(watched, r"(\d+) processes on (\d+) schedulers")
    expect((processes, schedulers) == (10000, 2), f"{watched.out!r}")
    figures(watched)
    expect(len(watched.tasks()) < 100, f"{len(watched.tasks())} threads")
    ran = sorted(watched.tasks(), key=lambda task: task["run_ns"])
    expect(all("scheduler" in task["name"] or "sched" in task["name"] for task in ran[-2:]), f"most ran {ran[-1]['name']}")


# ---- C ----

@test("C: threads are one process, and run on both cores", timeout=200)
def _():
    command = compile_c("threads.c", "-pthread")
    watched = look([*command, "4", "1000000"])
    expect(sorted(task["name"] for task in watched.tasks())[1:] == [f"worker {i}" for i in range(4)],
           f"{[task['name'] for task in watched.tasks()]}")
    expect(len({task["pid"] for task in watched.tasks()}) == 1, "more than one process")

    def check(watched):
        expect(figures(watched)["parallelism"] > 1.8, f"parallelism {watched.report['parallelism']}")

    look_on_idle(command, check)


@test("C: forked processes are as many, and run on both cores", timeout=200)
def _():
    command = compile_c("processes.c")
    watched = look([*command, "4", "1000000"])
    expect(len({task["pid"] for task in watched.tasks()}) == len(watched.tasks()) == 5, f"{len(watched.tasks())} tasks")

    def check(watched):
        expect(figures(watched)["parallelism"] > 1.8, f"parallelism {watched.report['parallelism']}")

    look_on_idle(command, check)


@test("C: OpenMP has as many threads as cores, made once", timeout=200)
def _():
    command = compile_c("openmp.c", "-fopenmp")
    watched = look([*command, "4", "10000"], cpus=two_cpus())
    expect(len(watched.tasks()) == 2, f"{len(watched.tasks())} threads")

    def check(watched):
        expect(figures(watched)["parallelism"] > 1.7, f"parallelism {watched.report['parallelism']}")

    look_on_idle(command, check)


def expect_deadlock(watched):
    alerts = [alert for alert in watched.report["alerts"] if alert["kind"] == "deadlock"]
    expect(len(alerts) == 1, f"alerts: {watched.report['alerts']}")
    tids = {task["tid"] for task in watched.tasks() if task["name"] in ("left", "right")}
    expect(set(alerts[0]["tids"]) == tids and len(tids) == 2, f"{alerts[0]}, but left and right are {tids}")
    comment(alerts[0]["text"])


@test("C: the lock-order deadlock is an alert with both threads", timeout=100)
def _():
    watched = look([*compile_c("deadlock.c", "-pthread"), "4"], status=128 + 14)
    expect_deadlock(watched)


@test("C: --exit-on-deadlock ends with status 3 and ends the program", timeout=100)
def _():
    command = compile_c("deadlock.c", "-pthread")
    expect_deadlock(look(command, "--exit-on-deadlock", status=3))
    well = look([*compile_c("threads.c", "-pthread"), "2", "1000000"], "--exit-on-deadlock")
    expect(well.report["alerts"] == [], f"{well.report['alerts']}")


# ---- The sources themselves ----

@test("each example says what to look for, and how to watch it")
def _():
    for name in sorted(os.listdir(directory())):
        path = os.path.join(directory(), name)
        if not os.path.isfile(path) or os.access(path, os.X_OK) or name.endswith((".beam", ".class")):
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for word in ("Look for:", "schedviz ", "examples/" + name):
            expect(word in text, f"{name} does not say {word!r}")
        expect(text.count("\n") <= 60, f"{name} has {text.count(chr(10))} lines")


if __name__ == "__main__":
    main()
