#!/usr/bin/env python3
"""Programs that are not ours: `-- COMMAND` and `-p PID`. What the command gets and gives is untouched, what is counted is
what the kernel counts, and whatever the program does, schedviz says what it saw and leaves nothing behind."""

import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import threading
import time
import uuid

from lib import (LONG, PYTHON, Fail, Neighbours, Skip, Terminal, User, allowed_cpus, comm, comment, end_tagged, environment, expect, expect_nothing_left, main,
                 ordinary, perf_refused, program, start, tagged, test, users, wait_until, watch, workdir)

TRIES = 5


def ways():
    """Who runs it and how: every user, and perf refused to the first of them."""
    for user in users():
        yield user.name, lambda user=user: {"user": user}
    yield "perf refused", lambda: {"user": ordinary(), "prefix": perf_refused()}


def each_way(name, timeout=60):
    """Registers a test for every way; it gets the arguments for watch()."""

    def register(function):
        for way, how in ways():
            test(f"{way}: {name}", timeout)(lambda how=how: function(**how()))
        return function

    return register


def script(name, text):
    """Puts a program into the work directory, for every user; the same text once only."""
    path = os.path.join(workdir(), name)
    if not os.path.exists(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
    return path


def need_perf(watched):
    source = watched.report["source"]
    if source["switches"] != "perf":
        raise Skip(f"perf_event_open is refused here: {source['reason']}")


def expect_one_line(watched, status, *words):
    expect(watched.status == status, f"expected exit status {status}: {watched}")
    text = watched.err.decode(errors="replace")
    expect(watched.out == b"" and text.count("\n") == 1 and text.startswith("schedviz: "), f"not exactly one line: {watched}")
    for word in words:
        expect(word in text, f"{word!r} is not said: {watched}")
    expect_nothing_left(watched.tag)


# ---- Exit statuses ----

STATUSES = [
    (["true"], 0),
    (["sh", "-c", "exit 3"], 3),
    (["sh", "-c", "exit 255"], 255),
    (["sh", "-c", "kill -KILL $$"], 128 + 9),
    (["sh", "-c", "kill -TERM $$"], 128 + 15),
    (["sh", "-c", "kill -USR1 $$"], 128 + 10),
]


@each_way("the exit status is the command's own")
def _(**how):
    for command, status in STATUSES:
        watched = watch("-d", "20", "--", *command, **how)
        expect(watched.status == status, f"expected {status}: {watched}")
        expect(watched.report and watched.tasks(), f"no report of it: {watched}")
        end_tagged(tagged(watched.tag))


@each_way("a command that is not there is 127, one that cannot be executed 126, and each is one line")
def _(**how):
    path = {"PATH": "/usr/bin:/bin"}  # with a directory in it that is closed to the user, execvp(3) tells of that
    expect_one_line(watch("--", "no-such-command-here", env=path, **how), 127, "no-such-command-here")
    expect_one_line(watch("--", "/no/such/command", **how), 127, "/no/such/command")
    expect_one_line(watch("--", workdir(), **how), 126, workdir())
    path = script("not-a-program", "#!/no/such/interpreter\n")
    os.chmod(path, 0o755)
    expect_one_line(watch("--", path, **how), 127, path)
    os.chmod(path, 0o644)
    expect_one_line(watch("--", path, **how), 126, path)


@test("what fails in schedviz itself is 125, and the command does not run")
def _():
    witness = os.path.join(workdir(), "ran")
    refused = watch("-s", "perf", "--", "touch", witness, prefix=perf_refused())
    expect_one_line(refused, 125, "perf")
    expect(not os.path.exists(witness), "the command ran all the same")


@test("wrong usage with a command is 125 as well, the command does not run; without one it is 2")
def _():
    witness = os.path.join(workdir(), "ran-wrongly")
    for words in (["-b", "-c", "99"], ["-b", "-n", "3"], ["-b", "-m", "free"], ["-b", "-f", "bogus"], ["-b", "--bogus"], ["-b", "-X"],
                  ["-b", "-d"], ["-b", "-d", "x"], ["-b", "-p", "1"], ["-b", "parallelism"], ["-b", "-f", "sqlite"],
                  ["-b", "-f", "sqlite", "-o", "/dev/null"], ["-b", "-C", "9999"], ["-f", "text"], []):
        done = subprocess.run([*ordinary().prefix, program(), *words, "--", "touch", witness], stdin=subprocess.DEVNULL,
                              capture_output=True, env=environment(), cwd=workdir(), timeout=20, check=False)
        expect(done.returncode == 125 and done.stderr.count(b"\n") == 1, f"{words}: status {done.returncode}, {done.stderr!r}")
        expect(not os.path.exists(witness), f"{words}: the command ran all the same")
    for words in (["-b", "-f", "bogus"], ["-b", "-n", "0"], ["-b", "--"], ["-f", "bogus", "true"], []):
        done = subprocess.run([*ordinary().prefix, program(), *words], stdin=subprocess.DEVNULL, capture_output=True,
                              env=environment(), cwd=workdir(), timeout=20, check=False)
        expect(done.returncode == 2, f"{words}: status {done.returncode}, {done.stderr!r}")


@test("-s proc: what was not seen of many short-lived tasks is told, in one line")
def _():
    watched = watch("-s", "proc", "--", "sh", "-c", "for i in $(seq 1 200); do /bin/true; done")
    kernel = watched.report["program"]["kernel"]
    counted, seen = kernel["voluntary"] + kernel["involuntary"], watched.report["switches"]["total"]
    expect(counted > seen, f"all was seen: {counted} switches")  # 200 tasks, and at most some looks
    told = [line for line in watched.report["warnings"] if "were seen" in line]
    expect(len(told) == 1 and told[0].startswith(f"{seen} of the kernel's {counted} switches"), watched.report["warnings"])


@test("where each switch is told nothing is said of any that was not seen")
def _():
    watched = watch("--", "sh", "-c", "for i in $(seq 1 20); do /bin/true; done")
    need_perf(watched)
    expect(not any("were seen" in line for line in watched.report["warnings"]), watched.report["warnings"])


@test("a report that cannot be written is told, in one line, with status 125")
def _():
    command = [*ordinary().prefix, program(), "-b", "-o", "/no/such/directory/report", "--", "true"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=environment(), cwd=workdir(),
                          timeout=20, check=False)
    expect(done.returncode == 125 and done.stderr.count(b"\n") == 1, f"status {done.returncode}, err {done.stderr!r}")


@test("its options end where the command begins")
def _():
    watched = watch("--", "sh", "-c", 'echo "$@"', "sh", "-b", "--version", "-n", "3", "--")
    expect(watched.status == 0 and watched.out == b"-b --version -n 3 --\n", str(watched))


# ---- What the command gets ----

@each_way("standard input, output and error pass through untouched, binary too")
def _(**how):
    given = bytes(range(256)) * 1200
    watched = watch("--", "cat", given=given, **how)
    expect(watched.status == 0 and watched.err == b"", str(watched))
    expect(watched.out == given, f"{len(watched.out)} bytes came out, {len(given)} went in, or others")
    watched = watch("--", "sh", "-c", r"printf '\000\377\033[2J' >&2; printf out", **how)
    expect((watched.out, watched.err) == (b"out", b"\0\xff\x1b[2J"), str(watched))


@test("a pipe that is closed ends the command as without schedviz")
def _():
    line = f"{' '.join(ordinary().prefix)} {program()} -b -o /dev/null --force -- yes | head -n 1; echo ${{PIPESTATUS[0]}}"
    if not shutil.which("bash"):
        raise Skip("bash is missing")
    done = subprocess.run(["bash", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, env=environment(),
                          cwd=workdir(), timeout=20, check=False)
    expect(done.stdout == b"y\n141\n", f"out {done.stdout!r}, err {done.stderr!r}")


BLOCK = 512 * 1024  # what a pipe and its reader hold is less


def expect_cut_from(out, whole, what):
    expect(len(out) > 0 and out == whole[:len(out)], f"{what}: {len(out)} bytes, and not those that were written")


@each_way("a pipe that nobody reads holds the command up, and not the end of the time")
def _(user, prefix=()):
    path = os.path.join(workdir(), f"report-{uuid.uuid4().hex}.json")
    process = start("-b", "-f", "json", "-o", path, "-d", "1", "--", "sh", "-c", "yes; echo over >&2", user=user, prefix=prefix)
    try:
        process.wait(timeout=20)  # without a look at its output
    except subprocess.TimeoutExpired as stuck:
        end_tagged(tagged(process.tag))
        raise Fail("it waits for a reader") from stuck
    out, err = process.communicate(timeout=10)
    expect(b"over" not in err, "the command went on")
    expect_cut_from(out, b"y\n" * BLOCK, "of a full pipe")
    with open(path, "rb") as file:
        report = json.load(file)
    expect(report["tasks"] and 900_000_000 < report["duration_ns"] < 10_000_000_000, f"{report['duration_ns']} ns")
    expect_nothing_left(process.tag)


@each_way("a slow reader gets all of the output, as it is written")
def _(user, prefix=()):
    n = 40_000
    process = start("-b", "-o", "/dev/null", "--force", "--", "seq", str(n), user=user, prefix=prefix)
    out = b""
    while chunk := os.read(process.stdout.fileno(), 4096):
        out += chunk
        time.sleep(0.002)
    _, err = process.communicate(timeout=20)
    expect(process.returncode == 0 and err == b"", f"status {process.returncode}, err {err!r}")
    expect(out == b"".join(b"%d\n" % i for i in range(1, n + 1)), f"{len(out)} bytes, and not those that were written")


@test("with a screen: output that is huge and binary is taken to its end, and shown harmlessly", timeout=90)
def _():
    line = "head -c 200000000 /dev/urandom; printf 'the\\033[2Jlast\\377\\n'; exec sleep 60"
    path = script("huge", f"#!/bin/sh\n{line}\n")
    with Terminal(100, 30) as terminal:
        terminal.schedviz("--", path)
        terminal.wait(lambda s: "output*" in s, what="the mark of new output")
        terminal.keys("O")
        screen = terminal.wait(lambda s: re.search(r"the\S*.*last", s) and "core 0" in s, 60, "the last line")
        for row in screen.splitlines():
            expect(row.isprintable(), f"control characters: {row!r}")
        pid = next(pid for pid in terminal.pids() if comm(pid) == "schedviz")
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            resident_kib = next(int(row.split()[1]) for row in file if row.startswith("VmRSS"))
        comment(f"200 MB were printed; schedviz has {resident_kib} KiB")
        expect(resident_kib < 150_000, f"{resident_kib} KiB are kept")
        terminal.keys("q")
        terminal.wait(lambda s: "still runs" in s, what="the question")
        terminal.keys("e")
        terminal.status()
        wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


@test("perf refused: the screen scrolls through seconds, with a sample in each column")
def _():
    with Terminal(100, 30) as terminal:
        terminal.schedviz("--", PYTHON, "-c", "'while True: pass'", prefix=perf_refused())
        terminal.keys("2")
        terminal.wait(lambda s: "scroll" in s.splitlines()[0] and "a sample" in s and "\u25aa" * 10 in s, what="ten samples beside each other")
        terminal.keys("C-c")
        terminal.status()


@test("a command's locks are not said to be none, and its comparison tells of no key that is refused")
def _():
    with Terminal(100, 30) as terminal:
        terminal.schedviz("--", "sleep", "30")
        terminal.wait(lambda s: "busy" in s, what="the lanes")
        terminal.keys("5")
        screen = terminal.wait(lambda s: "Nothing to compare" in s, what="the comparison")
        expect("x does it all" not in screen, screen)
        terminal.keys("6")
        terminal.wait(lambda s: "a watched program's locks" in s, what="the objects")
        terminal.keys("C-c")
        terminal.status()


# ---- Processes that are hidden ----

def behind_hidden_proc():
    """An ordinary user for whom /proc has his own processes alone (proc(5), hidepid=2)."""
    if os.geteuid() != 0 or not ordinary().prefix:
        raise Skip("needs root, to mount /proc with hidepid=2")
    mount = ["unshare", "--mount", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc && exec "$@"', "sh"]
    user = User("ordinary user behind hidepid=2", [*mount, *ordinary().prefix])
    seen = subprocess.run([*user.prefix, "ls", "/proc/1/stat"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if b"ermission" in seen.stderr and b"mount" in seen.stderr or seen.returncode == 127:
        raise Skip("/proc cannot be mounted here")
    expect(seen.returncode != 0, "nothing is hidden")
    return user


@test("/proc with hidepid=2: a command and its children are there as ever, with perf and without")
def _():
    line = "(sleep 0.4) & i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; wait; exit 5"
    for prefix in ([], perf_refused()):
        watched = watch("--", "sh", "-c", line, user=behind_hidden_proc(), prefix=prefix)
        expect(watched.status == 5 and watched.err == b"", str(watched))
        names = sorted(task["name"] for task in watched.tasks())
        expect(names == ["sh", "sleep"], f"{names}, by {watched.report['source']}")
        busy = next(task for task in watched.tasks() if task["name"] == "sh")
        expect(busy["run_ns"] > 30_000_000, f"{busy}")
        expect_nothing_left(watched.tag)


@test("/proc with hidepid=2: -p shows an own process with its threads, and refuses others in one line")
def _():
    user = behind_hidden_proc()
    for prefix in ([], perf_refused()):
        with Running(ASLEEP, 20) as running:
            watched = watch("-d", "0.5", "-p", running.pid, user=user, prefix=prefix)
            expect(watched.status == 0 and len(watched.tasks()) == 21, f"{watched}, {len(watched.tasks())} tasks")
        with Running("import time; print('ready'); time.sleep(30)", user=users()[-1]) as running:
            expect_one_line(watch("-d", "1", "-p", running.pid, user=user, prefix=prefix), 1, str(running.pid))


SELF = """
import json, os, resource, signal
def status(key):
    return [line.split()[1] for line in open("/proc/self/status") if line.startswith(key)][0]
print(json.dumps({
    "files": sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:-1],
    "limits": [resource.getrlimit(getattr(resource, name)) for name in ("RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_CORE")],
    "signals": [status("SigBlk"), status("SigIgn")],
    "nice": os.nice(0), "policy": os.sched_getscheduler(0), "cpus": sorted(os.sched_getaffinity(0)),
    "directory": os.getcwd(), "umask": os.umask(0), "dumpable": os.access("/proc/self/environ", os.R_OK),
    "privileges": [status("CapEff"), status("CapInh"), status("CapAmb"), status("NoNewPrivs"), status("Uid")],
    "environment": sorted(name for name in os.environ if name not in ("_", "SCHEDVIZ_TEST_TAG")),
}))
"""


@each_way("the command gets files, limits, signals, nice, policy and privileges as without schedviz")
def _(user, prefix=()):
    alone = subprocess.run([*user.prefix, *prefix, PYTHON, "-c", SELF], stdin=subprocess.DEVNULL, capture_output=True,
                           env=environment(), cwd=workdir(), start_new_session=True, timeout=20, check=True)
    cpus = ",".join(map(str, allowed_cpus()))
    watched = watch("-C", cpus, "--", PYTHON, "-c", SELF, user=user, prefix=prefix)
    expect(watched.status == 0, str(watched))
    without, within = json.loads(alone.stdout), json.loads(watched.out)
    for key, value in without.items():
        expect(within[key] == value, f"{key}: {within[key]}, without schedviz {value}")


# ---- Cores ----

@each_way("-C and -c choose the cores of all its tasks")
def _(**how):
    cpu = allowed_cpus()[-1]
    line = "nproc; (nproc) & wait; grep Cpus_allowed_list /proc/self/status"
    watched = watch("-C", cpu, "--", "sh", "-c", line, **how)
    expect(re.fullmatch(rf"1\n1\nCpus_allowed_list:\s*{cpu}\n", watched.out.decode()), str(watched))
    expect(watched.report["workload"]["cores"] == [cpu], f"{watched.report['workload']}")
    for task in watched.tasks():
        expect(set(task["cpus"]) <= {cpu}, f"{task['name']} ran on {task['cpus']}")
    expect(watch("-c", "1", "--", "nproc", **how).out == b"1\n", "-c 1 is not one core")


# ---- Exact ----

# Tells, after its own command, what the kernel counted for the tree that it reaped: getrusage(2). Under SCHED_BATCH nobody
# of the tree takes its core from another one by waking up (sched(7)): where the other cores are busy, who waits for a child
# would take that off on its last steps.
COUNTING = """#!/bin/sh
exec {python} -c 'import os, resource, subprocess, sys
os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
status = subprocess.call(sys.argv[1:])
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print("counted", usage.ru_nvcsw, usage.ru_nivcsw)
sys.exit(status)' "$@"
"""

THREADS = """
import threading
def work():
    for i in range(30):
        sum(range(20000))
threads = [threading.Thread(target=work) for i in range(8)]
for t in threads: t.start()
for t in threads: t.join()
"""

COUNTED = [
    ("threads that compute", lambda: [PYTHON, "-c", THREADS], 9),
    ("a shell's pipes", lambda: ["sh", "-c", "for i in 1 2 3 4 5; do seq 20000 | sort -n | tail -n 1; done >/dev/null"], 16),
    ("a child that is alone", lambda: ["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 0.02; done"], 9),
]


def difference(watched, n_tasks):
    """How the captured switches differ from the kernel's own, or ""."""
    counted = re.search(rb"counted (\d+) (\d+)", watched.out)
    expect(watched.status == 0 and counted, str(watched))
    voluntary, involuntary = (int(group) for group in counted.groups())
    need_perf(watched)
    if watched.report["source"]["lost"]:  # of all tasks of the machine, for who sees them
        return f"{watched.report['source']['lost']} events were lost"
    first = watched.tasks()[0]["tid"]
    tasks = [task for task in watched.tasks() if task["tid"] != first]
    expect(len(tasks) == n_tasks, f"{len(tasks)} tasks, not {n_tasks}")
    seen = [sum(task[key] for task in tasks) for key in ("voluntary", "involuntary")]
    comment(f"{n_tasks} tasks: captured {seen[0]} voluntary, {seen[1]} involuntary; the kernel's {voluntary}, {involuntary}")
    expect(seen[1] <= involuntary, "more involuntary switches than the kernel counts")
    if abs(seen[0] - voluntary) > n_tasks:
        return f"{seen[0]} voluntary switches of {n_tasks} tasks, the kernel counts {voluntary}"
    return f"{seen[1]} involuntary switches, the kernel counts {involuntary}" if seen[1] != involuntary else ""


def register_counts():
    """A task that ends is told by perf until perf_event_exit_task(), and what follows the kernel counts alone: where it is
    taken off once more on its last steps. That call wakes schedviz, who takes a core on which nothing runs, or else this
    one. So on a busy machine every other try leaves schedviz a core of its own; where others want all of them it is a skip."""
    for user in users():
        for name, command, n_tasks in COUNTED:

            @test(f"{user.name}: switches of {name} are those that the kernel counts", timeout=120)
            def _(user=user, command=command, n_tasks=n_tasks):
                path = script("counting", COUNTING.format(python=PYTHON))
                n_busy = 0
                for i in range(TRIES):
                    place = ["-C", allowed_cpus()[-1]] if i % 2 and len(allowed_cpus()) > 1 else []
                    watched = watch(*place, "--", path, *command(), user=user)
                    off = difference(watched, n_tasks)
                    if not off:
                        return
                    comment(f"{off}{', on one core' if place else ''}")
                    n_busy += watched.neighbours > Neighbours.BUSY
                if n_busy == TRIES:
                    raise Skip("other programs wanted the cores in every try")
                raise Fail(off)


register_counts()


def forks():
    """Tasks that the machine made since its boot: `processes` of proc(5), /proc/stat."""
    with open("/proc/stat", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("processes"))


def expect_tasks(watched, n_tasks, made):
    expect(watched.status == 0, str(watched))
    need_perf(watched)
    tasks = watched.tasks()
    expect(len({task["tid"] for task in tasks}) <= made, f"{len(tasks)} tasks, and the kernel made {made}")
    expect(len(tasks) == n_tasks, f"{len(tasks)} tasks, {n_tasks} were made")
    for task in tasks:
        expect(task["slices"] > 0 and task["run_ns"] > 0, f"{task['name']} ({task['tid']}) never ran")


@test("tasks that live less than a millisecond: 200 of a shell's loop are all there", timeout=90)
def _():
    for user in users():
        before = forks()
        watched = watch("--", "sh", "-c", "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done", user=user)
        expect_tasks(watched, 201, forks() - before)
        short = [task for task in watched.tasks() if task["run_ns"] < 1_000_000]
        comment(f"{len(short)} of 201 ran for less than a millisecond")


@test("make -j4 of 50 tiny jobs: as many tasks as were made, each with its name", timeout=90)
def _():
    if not shutil.which("make"):
        raise Skip("make is missing")
    jobs = " ".join(f"j{i}" for i in range(50))
    # The kernel's own pid tells how many: make executes a plain line itself, a list of commands by a shell.
    path = script("tiny.mk", f"all: {jobs}\n{jobs}:\n\t@/bin/true; /bin/true $@\n.PHONY: {jobs}\n")
    os.chmod(path, 0o644)
    before = forks()
    watched = watch("--", "make", "-s", "-r", "-j4", "-f", path)
    expect_tasks(watched, 1 + 50 * 3, forks() - before)
    names = [task["name"] for task in watched.tasks()]
    expect((names.count("true"), names.count("sh"), names.count("make")) == (100, 50, 1), f"{sorted(set(names))}")


@test("where perf is refused, samples are told as such, with the way out, and totals are the kernel's", timeout=90)
def _():
    watched = watch("--", "sh", "-c", "i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done", prefix=perf_refused())
    source = watched.report["source"]
    expect(source["switches"] == "proc" and source["reason"], f"{source}")
    (task,) = watched.tasks()
    expect(task["run_ns"] > 50_000_000 and task["kernel"]["run_ns"], f"{task}")
    expect(task["run_ns"] <= watched.report["duration_ns"] * 1.05, f"{task}")


# ---- Its end ----

@each_way("the end of the time ends a command, even one that ignores SIGTERM")
def _(**how):
    line = "trap '' TERM; sh -c 'trap \"\" TERM; sleep 60' & sleep 60; wait"
    watched = watch("-d", "0.5", "--", "sh", "-c", line, **how)
    expect(watched.report and watched.report["duration_ns"] < 20_000_000_000, str(watched))
    expect(watched.report["makespan_ns"] is None, "a makespan of what did not end")
    expect_nothing_left(watched.tag)


@each_way("SIGTERM, SIGINT and kill -9 of schedviz end the command")
def _(user, prefix=()):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        process = start("-b", "-o", "/dev/null", "--force", "--", "sh", "-c", "sleep 60 & sleep 60; sleep 60", user=user,
                        prefix=prefix)
        wait_until(lambda: sum(comm(pid) == "sleep" for pid in tagged(process.tag)) == 2, 10, "the command's tasks")
        os.kill(process.pid, number)
        process.communicate(timeout=15)
        expect_nothing_left(process.tag, within=8)


@each_way("a daemon that the command leaves is let live, and schedviz ends with the command")
def _(**how):
    # The pipes of its streams are closed, too: who reads them does not wait for the daemon.
    line = "setsid sleep 40 >/dev/null 2>&1 </dev/null & exit 4"
    watched = watch("-d", "30", "--", "sh", "-c", line, timeout=20, **how)
    expect(watched.status == 4, str(watched))
    daemons = wait_until(lambda: [pid for pid in tagged(watched.tag) if comm(pid) == "sleep"], 5, "the daemon")
    time.sleep(0.3)
    expect([comm(pid) for pid in daemons] == ["sleep"], f"{len(daemons)} daemons, {[comm(pid) for pid in daemons]}")
    end_tagged(daemons)
    expect_nothing_left(watched.tag)


@test("a command that executes others keeps its place, with the last name")
def _():
    watched = watch("--", "sh", "-c", "sleep 0.05; exec sleep 0.1")
    need_perf(watched)
    first = watched.tasks()[0]
    expect(len(watched.tasks()) == 2 and first["name"] == "sleep", f"{[task['name'] for task in watched.tasks()]}")


THREAD_EXECUTES = """
import os, threading, time
threading.Thread(target=lambda: [time.sleep(0.05), os.execvp("sh", ["sh", "-c", "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done; sleep 0.3"])]).start()
time.sleep(60)
"""


@test("a thread that executes a program is its process from then on")
def _():
    for user in users():
        watched = watch("--", PYTHON, "-c", THREAD_EXECUTES, user=user)
        need_perf(watched)
        pid = watched.report["program"]["pid"]
        process = [task for task in watched.tasks() if task["tid"] == pid]
        thread = [task for task in watched.tasks() if task["pid"] == pid and task["tid"] != pid]
        said = f"{user.name}: {watched.tasks()}, {watched.report['warnings']}"
        expect([task["kind"] for task in process] == ["process", "process"] and process[1]["name"] == "sh", said)
        expect(process[1]["life_ns"] > 300_000_000 and process[1]["exit"] == {"code": 0}, said)
        expect(process[1]["run_ns"] > 10_000_000, said)
        expect(thread and all(task["unknown_ns"] == 0 for task in thread + process), said)
        expect(not watched.report["warnings"], said)
        words = [*user.prefix, program(), "-b", "-f", "text", "--", PYTHON, "-c", THREAD_EXECUTES]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=environment(), cwd=workdir(),
                              timeout=30, check=False)
        expect(b" 3 threads of 2 processes on " in done.stderr, str(done))


def set_uid_sleep():
    """A program of root's with the set-uid bit, that sleeps for a second."""
    if os.geteuid() != 0 or ordinary().name == "root":
        raise Skip("needs root, to make a set-uid program")
    path = os.path.join(workdir(), "sleep-as-root")
    shutil.copy(shutil.which("sleep"), path)
    os.chown(path, 0, 0)
    os.chmod(path, 0o4755)
    if os.statvfs(workdir()).f_flag & os.ST_NOSUID:
        raise Skip("the file system has no set-uid programs")
    return path


@test("a set-uid program runs with its rights; what cannot be seen any more is said")
def _():
    watched = watch("--", set_uid_sleep(), "1", user=ordinary())
    expect(watched.status == 0, str(watched))
    expect(watched.report["duration_ns"] >= 1_000_000_000, f"it ended early: {watched.report['duration_ns']} ns")
    if watched.report["source"]["switches"] == "perf":
        for said in (watched.err.decode(), " ".join(watched.report["warnings"])):
            expect("set-uid" in said, f"nothing is said of it: {watched}, {watched.report['warnings']}")
    expect_nothing_left(watched.tag)


@test("/proc with hidepid=2: what it hides of a program with other rights, or that may not be traced, is said")
def _():
    untraced = [PYTHON, "-c", "import ctypes, time; ctypes.CDLL(None).prctl(4, 0); time.sleep(2.5)"]  # PR_SET_DUMPABLE
    for command, words in (([set_uid_sleep(), "1"], "set-uid"), (untraced, "hidepid")):
        watched = watch("--", *command, user=behind_hidden_proc())
        need_perf(watched)
        expect(watched.status == 0, str(watched))
        expect(words in " ".join(watched.report["warnings"]), f"{watched}, {watched.report['warnings']}")
        expect_nothing_left(watched.tag)


NUMBER_USED_TWICE = """
import os, time
def child(seconds):
    pid = os.fork()
    if pid == 0:
        time.sleep(seconds)
        os._exit(0)
    return pid
first = child(0)
os.waitpid(first, 0)
with open("/proc/sys/kernel/ns_last_pid", "w") as file:
    file.write(str(first - 1))
second = child(1)
os.waitpid(second, 0)
os._exit(0 if first == second else 9)
"""


@test("a process that gets the number of one that has just ended has no other rights")
def _():
    own = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    probe = subprocess.run([*ordinary().prefix, *own, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if probe.returncode != 0:
        raise Skip("no pid namespace of one's own can be made here")
    watched = watch("--", PYTHON, "-c", NUMBER_USED_TWICE, user=ordinary(), prefix=own)
    need_perf(watched)
    if watched.status != 0:
        raise Skip(f"the number was not given out again: {watched}")
    expect(not watched.report["warnings"], f"{watched.report['warnings']}")


@test("su and passwd without a terminal end as without schedviz")
def _():
    for command in (["su", "-c", "true"], ["passwd", "--help"]):
        path = shutil.which(command[0])
        if not path or not os.stat(path).st_mode & stat.S_ISUID:
            continue
        alone = subprocess.run([*ordinary().prefix, *command], stdin=subprocess.DEVNULL, capture_output=True,
                               env=environment(), cwd=workdir(), start_new_session=True, timeout=30, check=False)
        watched = watch("--", *command)
        expect((watched.status, watched.out) == (alone.returncode, alone.stdout), f"{watched}; alone {alone}")


# ---- Names ----

NAMES = [b"\x1b[31mred", b"a\nb\tc", b"\xff\xfe\xfd", b'"quoted\\', b"\xc3", "名前".encode(), b"<b>&amp;", b"\x9b31m", b" "]

RENAMING = """
import os, sys, threading, time
names = [bytes.fromhex(word) for word in sys.argv[1:]]
def work(name):
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "wb", buffering=0) as file:
        file.write(name)
    time.sleep(0.4)
threads = [threading.Thread(target=work, args=(name,)) for name in names]
for t in threads: t.start()
for t in threads: t.join()
"""


@each_way("names with control characters or broken UTF-8 are shown harmlessly, in every format")
def _(user, prefix=()):
    command = [PYTHON, "-c", RENAMING, *(name.hex() for name in NAMES)]
    watched = watch("--", *command, user=user, prefix=prefix)  # the report is read as UTF-8, strictly
    names = [task["name"] for task in watched.tasks()]
    expect(len(names) == len(NAMES) + 1, f"names {names}")
    expect("名前" in names and '"quoted\\' in names, f"names {names}")
    path = os.path.join(workdir(), f"report-{uuid.uuid4().hex}")
    words = [*user.prefix, *prefix, program(), "-b", "-f", "text", "-o", path, "--", *command]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=environment(), cwd=workdir(),
                          timeout=30, check=False)
    expect(done.returncode == 0, f"status {done.returncode}, err {done.stderr!r}")
    with open(path, "rb") as file:
        text = file.read().decode("utf-8")
    for line in text.splitlines():
        expect(line.isprintable(), f"control characters: {line!r}")


# ---- A process that runs already ----

class Running:
    """`with Running(text, words) as process:` a Python program of the user's that has printed its first line."""

    def __init__(self, text, *words, user=None):
        self.command = [*(user or ordinary()).prefix, PYTHON, "-u", "-c", text, *map(str, words)]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=workdir(),
                                        env=environment(), start_new_session=True)
        self.pid = self.process.pid
        self.first = self.process.stdout.readline()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def finish(self):
        """Ends its standard input, and returns the rest of its output."""
        out, _ = self.process.communicate(timeout=30)
        return out.decode()


# Threads that come and go, each some milliseconds long, and some that stay: tells of each when it began and ended, and
# what the kernel counted of it at last.
COMING_AND_GOING = """
import os, sys, threading, time
told = []
def now():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
def work(seconds):
    tid, begin = threading.get_native_id(), now()
    end = begin + int(seconds * 1e9)
    while now() < end:
        sum(range(500))
        time.sleep(0.001)
    told.append((tid, begin, now()))
go_on = True
def input_ends():
    global go_on
    sys.stdin.read()
    go_on = False
threading.Thread(target=input_ends, daemon=True).start()
threads = [threading.Thread(target=work, args=(60,), daemon=True) for i in range(3)]
for t in threads: t.start()
print("ready")
while go_on:
    t = threading.Thread(target=work, args=(0.02,))
    t.start()
    time.sleep(0.005)
time.sleep(0.1)
for line in list(told):
    print(*line)
"""


def expect_seen(watched, lines, margin_ns=50_000_000):
    """Each thread that lived while it was watched, by its own word, is in the report."""
    begin = watched.report["start_ns"]
    end = begin + watched.report["duration_ns"]
    seen = {task["tid"] for task in watched.tasks()}
    lives = [tuple(map(int, line.split())) for line in lines.splitlines()]
    due = [tid for tid, born, died in lives if died > begin + margin_ns and born < end - margin_ns]
    missing = [tid for tid in due if tid not in seen]
    comment(f"{len(due)} threads lived meanwhile, {len(missing)} of them were not seen; {len(seen)} in the report")
    expect(len(due) > 20, f"only {len(due)} threads came and went")
    expect(not missing, f"{len(missing)} of {len(due)} threads are missing: {missing[:10]}")


@test("-p: threads that come and go in a running program are all seen", timeout=120)
def _():
    for user in users():
        with Running(COMING_AND_GOING, user=user) as running:
            watched = watch("-d", "1.5", "-p", running.pid, user=user)
            expect(watched.status == 0, str(watched))
            lines = running.finish()
        need_perf(watched)
        expect_seen(watched, lines)
        expect(all(task["pid"] == running.pid for task in watched.tasks()), "tasks of another process")


# Threads that are blocked, work for a while after a line of input, and block again.
BY_TURNS = """
import sys, threading, time
go, over = threading.Event(), threading.Event()
def work():
    go.wait()
    end = time.monotonic() + 1
    while time.monotonic() < end:
        sum(range(3000)); time.sleep(0.002)
    over.wait()
threads = [threading.Thread(target=work, daemon=True) for i in range(4)]
for t in threads: t.start()
time.sleep(0.2)
print("ready")
sys.stdin.readline()
go.set()
sys.stdin.read()
"""


def counts(pid):
    """What the kernel has counted of each thread: voluntary and involuntary switches by tid (proc(5), status)."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8", errors="replace") as file:
            found[int(tid)] = [int(line.split()[1]) for line in file if "ctxt_switches" in line]
    return found


@test("-p: switches of its tasks are those that the kernel counts meanwhile", timeout=120)
def _():
    for user in users():
        for _ in range(TRIES):
            with Running(BY_TURNS, user=user) as running:
                before = counts(running.pid)
                threading.Timer(0.7, lambda running=running: running.say("go")).start()
                watched = watch("-d", "3", "-p", running.pid, user=user)
                expect(watched.status == 0, str(watched))
                need_perf(watched)
                after = counts(running.pid)
            seen = {task["tid"]: [task["voluntary"], task["involuntary"]] for task in watched.tasks()}
            expect(set(seen) == set(before), f"tasks {set(seen)}, threads {set(before)}")
            kernel = {tid: [after[tid][i] - before[tid][i] for i in (0, 1)] for tid in seen}
            comment(f"captured {[sum(n) for n in zip(*seen.values())]}, the kernel's {[sum(n) for n in zip(*kernel.values())]}")
            off = [f"{tid}: captured {seen[tid]}, the kernel's {kernel[tid]}" for tid in seen
                   if abs(seen[tid][0] - kernel[tid][0]) > 1 or seen[tid][1] != kernel[tid][1]]
            if watched.report["source"]["lost"]:
                off.append(f"{watched.report['source']['lost']} events were lost")
            if not off:
                break
        expect(not off, "; ".join(off))


@each_way("-p: a process is left as it was, and its affinity put back")
def _(user, prefix=()):
    text = ("import threading, time\n"
            "def brood():\n"
            "    while True:\n"
            "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); time.sleep(0.1)\n"
            "threading.Thread(target=brood, daemon=True).start()\n"
            "print('ready')\ntime.sleep(60)\n")
    all_cpus = set(allowed_cpus())
    if len(all_cpus) < 2:
        raise Skip("there is one CPU")

    def masks(pid):
        return [os.sched_getaffinity(int(tid)) for tid in os.listdir(f"/proc/{pid}/task")]

    with Running(text, user=user) as running:
        watched = watch("-d", "0.3", "-p", running.pid, user=user, prefix=prefix)
        expect(watched.status == 0, str(watched))
        expect(all(mask == all_cpus for mask in masks(running.pid)), "-p alone moved the process")
        for ending in (None, signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            process = start("-b", "-o", "/dev/null", "--force", "-C", str(min(all_cpus)), "-d", "1" if ending is None else "30",
                            "-p", str(running.pid), user=user, prefix=prefix)
            try:
                wait_until(lambda: all(mask == {min(all_cpus)} for mask in masks(running.pid)), 5, "its move to one CPU")
                time.sleep(0.3)
            finally:
                if ending:
                    process.send_signal(ending)
                _, err = process.communicate(timeout=20)
            if ending == signal.SIGKILL: # then its guard does it
                wait_until(lambda: all(mask == all_cpus for mask in masks(running.pid)), 5, "the old CPUs after kill -9")
            expect_nothing_left(process.tag)
            wrong = [mask for mask in masks(running.pid) if mask != all_cpus]
            expect(not wrong, f"{len(wrong)} of {len(masks(running.pid))} threads stay on {wrong[:1]} after {ending}; {err!r}")
        expect(running.process.poll() is None, "the process was ended")


@test("-p: nice and policy are given back, as far as the kernel allows it")
def _():
    def treated(pid):
        return {(os.getpriority(os.PRIO_PROCESS, int(tid)), os.sched_getscheduler(int(tid))) for tid in os.listdir(f"/proc/{pid}/task")}

    text = ("import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
            "print('ready')\ntime.sleep(60)\n")
    for user in users():
        with Running(text, user=user) as running, Terminal(100, 30, user=user) as terminal:
            before = treated(running.pid)
            (nice, policy), = before
            terminal.schedviz("-p", str(running.pid))
            terminal.wait(lambda s: "busy" in s, what="the lanes")
            terminal.keys("F8", "P")
            wait_until(lambda: treated(running.pid) == {(nice + 1, os.SCHED_BATCH)}, 5, "nice and SCHED_BATCH")
            terminal.keys("q")
            expect(terminal.status() == 0, f"status {terminal.status()}")
            after = treated(running.pid)
        may = user.name == "root" or resource.getrlimit(resource.RLIMIT_NICE)[0] >= 20 - nice
        expect(after == ({(nice, policy)} if may else {(nice + 1, policy)}), f"{user.name}: {before}, then {after}")


@each_way("-p: a process that ends meanwhile ends the run, with status 0")
def _(**how):
    with Running("import time; print('ready'); time.sleep(0.7)", user=how["user"]) as running:
        watched = watch("-d", "20", "-p", running.pid, **how)
    expect(watched.status == 0, str(watched))
    expect(watched.report["duration_ns"] < 10_000_000_000, "it waited for who is gone")


@each_way("-p: a pid that is nobody's, gone, or no number is one line")
def _(**how):
    gone = subprocess.Popen(["true"])
    gone.wait()
    expect_one_line(watch("-p", gone.pid, **how), 1, str(gone.pid))
    for word in ("0", "-1", "x", "99999999999"):
        expect_one_line(watch("-p", word, **how), 2, word)


@test("-p: somebody else's process is refused to an ordinary user, in one line")
def _():
    if os.geteuid() != 0:
        raise Skip("needs root, for a process of somebody else's")
    with Running("import time; print('ready'); time.sleep(30)", user=users()[-1]) as running:
        expect_one_line(watch("-d", "1", "-p", running.pid, user=ordinary()), 1, str(running.pid))
        expect(watch("-d", "0.3", "-p", running.pid, user=users()[-1]).status == 0, "root may not either")


ASLEEP = """
import sys, threading, time
threading.stack_size(65536)
for i in range(int(sys.argv[1])): threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
print("ready")
while True: time.sleep(0.01)
"""


@test("-p: two thousand threads asleep are attached to, and shown", timeout=120)
def _():
    n = 10000 if LONG else 2000
    for user in users():
        with Running(ASLEEP, n, user=user) as running:
            begin = time.monotonic()
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            watched = watch("-d", "2", "-p", running.pid, user=user)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            taken = time.monotonic() - begin
        expect(watched.status == 0, str(watched))
        expect(len(watched.tasks()) == n + 1, f"{len(watched.tasks())} tasks of {n + 1}")
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        comment(f"{n} threads: {taken:.1f} s in all of which 2 watched, {cpu_s:.2f} s of CPU, {watched.report['source']}")


@test("-p: with few file descriptors it goes on with what it has, and says so", timeout=120)
def _():
    if not shutil.which("prlimit"):
        raise Skip("prlimit is missing")
    with Running(ASLEEP, 400) as running:
        soft = watch("-d", "0.5", "-p", running.pid, prefix=["prlimit", "--nofile=64:4096"])
        expect(soft.status == 0 and len(soft.tasks()) == 401, f"{soft}, {len(soft.tasks())} tasks")
        expect(soft.err == b"", f"the soft limit could have been raised: {soft}")
        hard = watch("-d", "0.5", "-p", running.pid, prefix=["prlimit", "--nofile=64:64"])
    expect(hard.status == 0 and len(hard.tasks()) == 401, f"{hard}")
    for said in (hard.err.decode(), " ".join(hard.report["warnings"])):
        expect("file" in said and "limit" in said, f"nothing is said: {hard}, {hard.report['warnings']}")


LAST_SPINS = """
import sys, threading, time
def spin():
    while True: pass
def make():
    threading.Thread(target=spin, daemon=True).start()
    time.sleep(100)
for i in range(60): threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
threading.Thread(target=make, daemon=True).start()
print("ready")
while True: time.sleep(1)
"""


@test("-p: threads that perf could not be brought to are seen by samples, counted, and no wait is made up", timeout=60)
def _():
    if not shutil.which("prlimit"):
        raise Skip("prlimit is missing")
    few = ["prlimit", "--nofile=100:100"]
    with Running(LAST_SPINS) as running:
        user = ordinary()
        watched = watch("-d", "1", "-p", running.pid, user=user, prefix=few)
        with Terminal(120, 30, user=user) as terminal:
            terminal.command(f"ulimit -n 100; {program()} -p {running.pid}")
            terminal.wait(lambda s: re.search(r"perf, \d+ of 63 exact", s), 10, "a header that says of how many it is exact")
            terminal.wait(lambda s: "seen by samples only" in s, 10, "what is said in place of the word")
            terminal.keys("q")
    need_perf(watched)
    tasks = watched.tasks()
    expect(len(tasks) == 63, f"{len(tasks)} tasks of 63")
    n_sampled = sum(task["sampled"] for task in tasks)
    if n_sampled == 0:
        raise Skip("all tasks of the machine are seen here")
    expect(0 < n_sampled < 63 and watched.report["source"]["sampled_tasks"] == n_sampled, watched.report["source"])
    said = " ".join(watched.report["warnings"])
    expect(f"{63 - n_sampled} of 63 threads" in said, said)
    spins = max(tasks, key=lambda task: task["kernel"]["run_ns"] or 0)
    expect(spins["sampled"] and spins["run_ns"] == spins["kernel"]["run_ns"] > 0, f"it spun: {spins}")
    expect(spins["slices"] == spins["kernel"]["slices"], f"{spins}")
    expect(spins["runnable_ns"] <= spins["kernel"]["wait_ns"], f"a wait that the kernel does not know: {spins}")


if __name__ == "__main__":
    main()
