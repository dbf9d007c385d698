#!/usr/bin/env python3
"""Every lesson that ships, on the real kernel: its answers lie inside the bounds that it states, and it leaves nothing
behind. The list of lessons is the same everywhere."""

import json
import os
import re
import resource
import signal
import time

from lib import (LONG, SRCDIR, Fail, Skip, allowed_cpus, comment, cpu_busy_s, expect, expect_nothing_left, main,
                 perf_refused, run, start, test, wait_until)

FOLDER = os.path.join(SRCDIR, "lessons")
LESSONS = sorted(name[:-len(".yaml")] for name in os.listdir(FOLDER) if name.endswith(".yaml"))

# Beyond this part of the machine's time, other programs or the hypervisor had it: bounds that need the cores cannot hold.
STRANGERS = 0.05


def children_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def busy_s():
    """Seconds of all CPUs that were not idle, stolen ones included."""
    return sum(cpu_busy_s(set(allowed_cpus())).values())


def teach(name, *args, prefix=()):
    """The report of a lesson, and the part of the machine's time that others had meanwhile."""
    wall, busy, ours = time.monotonic(), busy_s(), children_s()
    result = run("-b", "-f", "json", *args, name, prefix=prefix, timeout=170)
    expect(result.status == 0, str(result))
    expect_nothing_left(result.tag)
    wall, busy, ours = time.monotonic() - wall, busy_s() - busy, children_s() - ours
    return json.loads(result.out), max(0, busy - ours) / (wall * len(allowed_cpus()))


def faults(lesson):
    """What lies outside its bounds, and what could not be measured for no good reason."""
    found = []
    for number, step in enumerate(lesson["steps"], 1):
        for answer in step["measures"]:
            what = f"step {number}, {answer['label']}"
            if answer["value"] is None and not (answer["why"] or "").startswith("needs "):
                found.append(f"{what}: {answer['why'] or 'not reached'}")
            elif answer["inside"] is False:
                found.append(f"{what}: {answer['value']} is outside {answer['within']}")
    return found


def check_lesson(name, *args, prefix=(), tries=3):
    quietest = 1
    for _ in range(tries):
        report, strangers = teach(name, *args, prefix=prefix)
        lesson = report["lesson"]
        expect(lesson["outside"] == sum(answer["inside"] is False for step in lesson["steps"] for answer in step["measures"]),
               "the sum of what is outside is wrong")
        expect(any(answer["value"] is not None for step in lesson["steps"] for answer in step["measures"]),
               "nothing was measured at all")
        found = faults(lesson)
        if not found:
            return report
        comment(f"{'; '.join(found)}; others had {100 * strangers:.0f} % of the machine meanwhile")
        if strangers > STRANGERS:
            quietest = min(quietest, strangers)
        else:
            quietest = 0
    if quietest > 0:
        raise Skip(f"others had at least {100 * quietest:.0f} % of the machine in every try")
    raise Fail("; ".join(found))


for lesson_name in LESSONS:

    @test(f"lesson {lesson_name}: its answers are inside their bounds", timeout=600)
    def _(name=lesson_name):
        check_lesson(name)


for lesson_name in LESSONS if LONG else ["deadlock", "interleave", "lock-contention", "producer-consumer"]:

    @test(f"lesson {lesson_name}, where perf is refused: its answers are inside their bounds", timeout=600)
    def _(name=lesson_name):
        report = check_lesson(name, prefix=perf_refused())
        expect(report["source"]["switches"] == "engine", f"source {report['source']}")


@test("--list names every lesson, and so do the manual page and the README")
def _():
    listed = dict(line.split(None, 1) for line in run("--list").out.splitlines())
    expect(sorted(listed) == LESSONS, f"--list has {sorted(listed)}, lessons/ has {LESSONS}")
    with open(os.path.join(SRCDIR, "man", "schedviz-lessons.7"), encoding="utf-8") as file:
        page = dict(re.findall(r"^\.It Cm ([a-z-]+)\n(.*)$", file.read(), re.MULTILINE))
    expect(sorted(page) == LESSONS, f"schedviz-lessons(7) has {sorted(page)}")
    for name, summary in listed.items():
        expect(page[name].lower().rstrip(".") == summary.lower().rstrip("."), f"{name}: {summary!r} against {page[name]!r}")
    with open(os.path.join(SRCDIR, "README.md"), encoding="utf-8") as file:
        table = re.findall(r"^\| `([a-z-]+)` \|", file.read(), re.MULTILINE)
    expect(sorted(table) == LESSONS, f"the README's table has {sorted(table)}")


@test("a deadlock is told in the report, and --exit-on-deadlock ends with status 3", timeout=60)
def _():
    path = os.path.join(FOLDER, "deadlock.yaml")
    result = run("-b", "-f", "json", "--exit-on-deadlock", path, timeout=40)
    expect(result.status == 3, str(result))
    expect_nothing_left(result.tag)
    alerts = [alert for alert in json.loads(result.out)["alerts"] if alert["kind"] == "deadlock"]
    expect(len(alerts) == 1 and len(alerts[0]["tids"]) == 2, f"alerts {alerts}")
    expect(re.search(r"Anna.*right.*Bob.*left", alerts[0]["text"]) or re.search(r"Bob.*left.*Anna.*right", alerts[0]["text"]),
           alerts[0]["text"])
    result = run("-b", "-d", "1", "--exit-on-deadlock", "-n", "2", timeout=40)
    expect(result.status == 0, str(result))


@test("kill -9 in the middle of any lesson leaves nothing behind", timeout=300)
def _():
    for name in LESSONS:
        process = start("-b", "-f", "json", name)
        time.sleep(0.7)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)
        wait_until(lambda: process.poll() is not None, 5, f"{name} to be gone")
        expect_nothing_left(process.tag)


@test("a lesson of one's own: any file with steps, and from standard input")
def _():
    text = """
    tasks: {spin: {instance: 2, run: 1000}}
    lesson:
      title: Mine
      steps:
        - {title: One, time: 300ms, measure: [{name: n, value: tasks, within: [2, 2]}, {value: 2 * n, within: [4, 4]}]}
    """
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"schedviz-mine-{os.getpid()}.yaml")
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o644)
        result = run("-b", "-f", "json", path)
        expect(result.status == 0, str(result))
        lesson = json.loads(result.out)["lesson"]
        expect([answer["value"] for answer in lesson["steps"][0]["measures"]] == [2, 4], f"{lesson}")
    finally:
        os.unlink(path)


if __name__ == "__main__":
    main()
