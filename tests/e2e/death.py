#!/usr/bin/env python3
"""Sudden death: whatever is killed, nothing stays behind, and schedviz tells what it saw in one line."""

import json
import os
import signal
import subprocess
import time

from lib import (Fail, Skip, Terminal, children, comm, end_tagged, expect, expect_nothing_left, main, run, start,
                 stat_fields, tagged, test, users, wait_until, workdir)

N_TASKS = 4


def threads(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def n_tasks_running(pids):
    """Threads and processes of the workload that are there, told by the names A, B..."""
    n = 0
    for pid in pids:
        for tid in threads(pid):
            try:
                with open(f"/proc/{pid}/task/{tid}/comm", encoding="utf-8", errors="replace") as file:
                    name = file.read().strip()
            except OSError:
                continue
            n += len(name) == 1 and "A" <= name <= "Z"
    return n


def start_workload(kind, *args, duration="30"):
    """A run in the background: the Popen, the pid of the host, the pids of worker processes."""
    process = start("-b", "-f", "json", "-n", str(N_TASKS), "-k", kind, "-d", duration, *args)
    try:
        wait_until(lambda: n_tasks_running(tagged(process.tag)) == N_TASKS, 10, "the tasks of the workload")
        hosts = children(process.pid)
        expect(len(hosts) == 1, f"one host was expected, there are {hosts}")
        return process, hosts[0]
    except BaseException:
        end_tagged(tagged(process.tag))
        finish(process)
        raise


def finish(process, timeout=10):
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        end_tagged(tagged(process.tag))
        out, err = process.communicate()
        raise Fail(f"schedviz did not end in {timeout} s: {err.decode(errors='replace')!r}") from None
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def register_kills():
    for kind in ("thread", "process"):

        @test(f"kill -9 of schedviz, {kind}: nothing stays behind")
        def _(kind=kind):
            process, _ = start_workload(kind)
            os.kill(process.pid, signal.SIGKILL)
            finish(process)
            expect_nothing_left(process.tag)

        @test(f"kill -9 of schedviz and the host at once, {kind}: nothing stays behind")
        def _(kind=kind):
            process, host = start_workload(kind)
            os.kill(host, signal.SIGSTOP)
            os.kill(process.pid, signal.SIGKILL)
            os.kill(host, signal.SIGKILL)
            finish(process)
            expect_nothing_left(process.tag)

        @test(f"kill -9 of schedviz just after its start, {kind}: nothing stays behind")
        def _(kind=kind):
            for delay_ms in (0, 2, 5, 10, 20, 40, 80):
                process = start("-b", "-n", "16", "-k", kind, "-d", "30")
                time.sleep(delay_ms / 1000)
                process.kill()
                finish(process)
                expect_nothing_left(process.tag)

        @test(f"kill -9 of the host, {kind}: one line, exit status 1, nothing stays behind")
        def _(kind=kind):
            process, host = start_workload(kind)
            os.kill(host, signal.SIGKILL)
            status, _, err = finish(process)
            expect(status == 1, f"status {status}, err {err!r}")
            expect(err.count("\n") == 1 and "host" in err, f"err {err!r}")
            expect_nothing_left(process.tag)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):

            @test(f"{number.name} of schedviz, {kind}: nothing stays behind")
            def _(kind=kind, number=number):
                process, _ = start_workload(kind)
                os.kill(process.pid, number)
                status, _, err = finish(process)
                expect(status != 2 and err.count("\n") <= 1, f"status {status}, err {err!r}")
                expect_nothing_left(process.tag)


register_kills()


def crew_of(host):
    """The process of the threads."""
    crew = [pid for pid in children(host) if comm(pid) == "schedviz-crew"]
    expect(len(crew) == 1, f"one crew was expected, there are {crew}")
    return crew[0]


@test("kill -9 of the crew: the end of each thread is told, the host does not end with it, nothing stays behind")
def _():
    process, host = start_workload("thread", duration="2")
    os.kill(crew_of(host), signal.SIGKILL)
    status, out, err = finish(process)
    expect(status in (0, 1), f"status {status}, err {err!r}")
    expect(all(" was ended by signal 9" in line for line in err.splitlines()), f"err {err!r}")
    tasks = {task["name"]: task for task in json.loads(out)["tasks"]}
    for name in "ABCD":
        expect(tasks[name]["exit"] == {"signal": 9}, f"exit of {name}: {tasks[name]['exit']}")
    expect(tasks["schedviz-crew"]["observer"], "the crew is not told apart from the workload")
    expect_nothing_left(process.tag)


@test("kill -9 of schedviz and the crew at once: nothing stays behind")
def _():
    process, host = start_workload("thread")
    crew = crew_of(host)
    os.kill(crew, signal.SIGSTOP)
    os.kill(process.pid, signal.SIGKILL)
    os.kill(crew, signal.SIGKILL)
    finish(process)
    expect_nothing_left(process.tag)


@test("kill -9 of schedviz while the crew is stopped: nothing stays behind")
def _():
    process, host = start_workload("thread")
    os.kill(crew_of(host), signal.SIGSTOP)
    os.kill(host, signal.SIGSTOP)
    os.kill(process.pid, signal.SIGKILL)
    finish(process)
    expect_nothing_left(process.tag)


@test("kill -9 of one worker process: its end is told, and the others go on")
def _():
    process, host = start_workload("process", duration="3")
    victim = [pid for pid in children(host) if comm(pid) == "B"]
    if len(victim) != 1:
        end_tagged(tagged(process.tag))
        finish(process)
        raise Fail(f"no one worker B among {[comm(pid) for pid in children(host)]}")
    os.kill(victim[0], signal.SIGKILL)
    time.sleep(0.3)
    running = n_tasks_running(tagged(process.tag))
    status, out, err = finish(process)
    expect(running == N_TASKS - 1, f"{running} tasks went on")
    expect(err.count("\n") <= 1, f"err {err!r}")
    expect(status in (0, 1), f"status {status}, err {err!r}")
    tasks = {task["name"]: task for task in json.loads(out)["tasks"] if not task["observer"]}
    expect(tasks["B"]["exit"] == {"signal": 9}, f"exit of B: {tasks['B']['exit']}")
    expect(tasks["B"]["run_ns"] < tasks["A"]["run_ns"], "B ran on after its death")
    for name in "ACD":
        expect(tasks[name]["exit"] in (None, {"code": 0}), f"exit of {name}: {tasks[name]['exit']}")
    expect_nothing_left(process.tag)


@test("kill -9 of one worker process with work to do: the run ends all the same")
def _():
    process = start("-b", "-f", "json", "-n", "2", "-k", "process", "-w", "2s", "-c", "1")
    wait_until(lambda: n_tasks_running(tagged(process.tag)) == 2, 10, "the tasks of the workload")
    victim = [pid for pid in tagged(process.tag) if comm(pid) == "B"]
    expect(len(victim) == 1, f"no one worker B: {victim}")
    os.kill(victim[0], signal.SIGKILL)
    status, out, err = finish(process, timeout=20)
    expect(status in (0, 1) and err.count("\n") <= 1, f"status {status}, err {err!r}")
    expect(json.loads(out)["makespan_ns"] is None, "a makespan, though B never did its work")
    expect_nothing_left(process.tag)


@test("no zombie is left while it runs")
def _():
    process, host = start_workload("process", duration="2")
    victim = children(host)[0]
    os.kill(victim, signal.SIGKILL)
    time.sleep(0.5)
    try:
        state = stat_fields(victim)[0]
    except OSError:
        state = "gone"
    finish(process)
    expect(state == "gone", f"a killed worker stays as {state}")
    expect_nothing_left(process.tag)


def schedviz_of(terminal):
    """The pid of schedviz itself in a terminal."""
    found = [pid for pid in terminal.pids() if comm(pid) == "schedviz" and int(stat_fields(pid)[1]) == terminal.shell]
    expect(len(found) == 1, f"one schedviz was expected, there are {found}")
    return found[0]


@test("on the screen: the killed host is told, and the terminal comes back")
def _():
    with Terminal(100, 30) as terminal:
        terminal.schedviz("-n", "4")
        wait_until(lambda: n_tasks_running(terminal.pids()) == 4, 10, "the tasks of the workload")
        schedviz = schedviz_of(terminal)
        for host in children(schedviz):
            os.kill(host, signal.SIGKILL)

        def told(screen):
            return "host" in screen or "status=" in screen or "host" in terminal.read("err.txt")

        terminal.wait(told, what="a word of the host's end")
        terminal.keys("q")
        terminal.status()
        wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


HOLDER = """
kind: process
tasks:
  holder: {loop: 1, lock: m, run: 100ms, crash: KILL}
  heir: {loop: 1, sleep: 50ms, lock: m, unlock: m}
"""


@test("the holder of a lock that dies is told, and the next one gets it")
def _():
    path = os.path.join(workdir(), "holder.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(HOLDER)
    result = run("-b", "-f", "json", path)
    expect(result.status == 0, str(result))
    warnings = json.loads(result.out)["warnings"]
    expect(len(warnings) == 1 and "holder died while it held m" in warnings[0], f"{warnings}")
    expect_nothing_left(result.tag)


GROUPS = """
tasks:
  a: {taskgroup: /left/x, run: 1000, kind: process}
  b: {taskgroup: /left/y, run: 1000}
"""


def task_groups():
    """Control groups that some schedviz made."""
    found = subprocess.run(["find", "/sys/fs/cgroup", "-maxdepth", "8", "-type", "d", "-name", "schedviz.[0-9]*"],
                           capture_output=True, check=False)
    return set(found.stdout.decode().split())


@test("kill -9 of schedviz, tasks in groups: no control group stays behind")
def _():
    path = os.path.join(workdir(), "groups.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(GROUPS)
    before = task_groups()
    process = start("-b", "-d", "30", path, user=users()[-1])
    try:
        wait_until(lambda: task_groups() - before, 5, "a control group")
    except Fail as failure:
        raise Skip("no control group can be made here") from failure
    finally:
        process.kill()
        process.communicate()
    expect_nothing_left(process.tag, within=10)
    wait_until(lambda: not task_groups() - before, 10, "the end of the control groups")


@test("on the screen: kill -9 of schedviz leaves nothing behind")
def _():
    with Terminal(100, 30) as terminal:
        terminal.schedviz("-n", "4", "-k", "process")
        wait_until(lambda: n_tasks_running(terminal.pids()) == 4, 10, "the tasks of the workload")
        schedviz = schedviz_of(terminal)
        os.kill(schedviz, signal.SIGKILL)
        wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


@test("on the screen: SIGTERM gives the terminal back")
def _():
    with Terminal(100, 30) as terminal:
        terminal.command(f"stty -a >{terminal.path('before')}")
        terminal.schedviz("-n", "2")
        wait_until(lambda: n_tasks_running(terminal.pids()) == 2, 10, "the tasks of the workload")
        schedviz = schedviz_of(terminal)
        os.kill(schedviz, signal.SIGTERM)
        terminal.status()
        terminal.command(f"stty -a >{terminal.path('new')}; mv {terminal.path('new')} {terminal.path('after')}")
        wait_until(lambda: os.path.exists(terminal.path("after")), 10, "stty")
        expect(terminal.read("before") == terminal.read("after"), "stty differs after SIGTERM")
        wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


if __name__ == "__main__":
    main()
