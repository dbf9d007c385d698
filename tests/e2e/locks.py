#!/usr/bin/env python3
"""Programs that lock themselves out are told of, whoever wrote them: by names of threads and locks, about a second after it
came to be; and those that do not are left in peace."""

import os
import re
import shutil
import signal
import subprocess
import time

from lib import (BUILDDIR, PYTHON, Skip, comment, environment, expect, main, ordinary, perf_refused, program, test, users, watch,
                 workdir)

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "locker.c")


def locker():
    copy = os.path.join(workdir(), "locker")
    if not os.path.exists(copy):
        shutil.copy(os.path.join(BUILDDIR, "tests", "e2e", "locker"), copy)
        os.chmod(copy, 0o755)
    return copy


def locker32():
    """The same, as a 32-bit program."""
    path = os.path.join(workdir(), "locker32")
    if not os.path.exists(path):
        compiler = shutil.which("gcc") or shutil.which("cc")
        if not compiler:
            raise Skip("there is no compiler to make a 32-bit program")
        made = subprocess.run([compiler, "-m32", "-D_GNU_SOURCE", "-pthread", "-o", path, SOURCE], capture_output=True, check=False)
        if made.returncode != 0 or subprocess.run([path], capture_output=True, check=False).returncode != 2:
            raise Skip("no 32-bit programs here (Debian: gcc-multilib)")
        os.chmod(path, 0o755)
    return path


def deadlocks(watched):
    expect(watched.report is not None, f"there is no report: {watched}")
    return [alert for alert in watched.report["alerts"] if alert["kind"] == "deadlock"]


def expect_deadlock(watched, *patterns):
    found = deadlocks(watched)
    expect(len(found) == 1, f"{len(found)} deadlocks, not one: {watched.report['alerts']}")
    comment(found[0]["text"])
    for pattern in patterns:
        expect(re.search(pattern, found[0]["text"]), f"no {pattern!r} in {found[0]['text']!r}")


def expect_locked_out(way, *patterns, program=locker, **how):
    """It is told within ten seconds, on a busy machine too, and the program is ended with it."""
    before = time.monotonic()
    watched = watch("-d", "20", "--exit-on-deadlock", "--", program(), way, **how)
    took = time.monotonic() - before
    expect(watched.status == 3, f"expected exit status 3: {watched}")
    expect_deadlock(watched, *patterns)
    expect(took < 15, f"it took {took:.1f} s")


LOCK = r"mutex (\w+|0x[0-9a-f]+)"


def wants(task, holder):
    """Whichever of the ring the text begins with."""
    return rf"{task},? (who )?wants {LOCK}, held by {holder}"


WAYS = {
    "two": (wants("reader", "writer"), wants("writer", "reader")),
    "three": (wants("reader", "writer"), wants("writer", "logger"), wants("logger", "reader")),
    "robust": (wants("reader", "writer"), wants("writer", "reader")),
    "itself": (rf"wants {LOCK}, which it holds itself",),
    "join": (r"waits for the end of joined", wants("joined", "locker")),
    "processes": (wants("parent", "child"), wants("child", "parent")),
}

for user in users():
    for way, patterns in WAYS.items():

        @test(f"{user.name}: {way}", timeout=60)
        def _(user=user, way=way, patterns=patterns):
            expect_locked_out(way, *patterns, user=user)


for way in ("two", "join", "processes"):

    @test(f"without perf: {way}", timeout=60)
    def _(way=way):
        expect_locked_out(way, *WAYS[way], user=ordinary(), prefix=perf_refused())

    @test(f"a 32-bit program: {way}", timeout=60)
    def _(way=way):
        expect_locked_out(way, *WAYS[way], user=ordinary(), program=locker32)


@test("the names of locks, where the program has its symbols", timeout=60)
def _():
    watched = watch("-d", "20", "--exit-on-deadlock", "--", locker(), "two")
    if "mutex 0x" in deadlocks(watched)[0]["text"]:
        raise Skip("built without libdw, or the test's program is stripped")
    expect_deadlock(watched, r"mutex table_lock, held by reader", r"mutex index_lock, held by writer")


@test("one that is resolved has an end", timeout=60)
def _():
    watched = watch("-d", "20", "--", locker(), "resolved")
    expect(watched.status == 0, f"expected exit status 0: {watched}")
    expect_deadlock(watched)
    expect(deadlocks(watched)[0]["ended_ns"] is not None, f"it did not end: {deadlocks(watched)}")


@test("in a pid namespace of its own, where threads have other numbers", timeout=60)
def _():
    apart = ["unshare", "-U", "-r", "-p", "-f", "--mount-proc"]
    if subprocess.run([*ordinary().prefix, *apart, "true"], capture_output=True, check=False).returncode != 0:
        raise Skip("no namespaces can be made here")
    watched = watch("-d", "20", "--exit-on-deadlock", "--", *apart, locker(), "two")
    expect(watched.status == 3, f"expected exit status 3: {watched}")
    expect_deadlock(watched, *WAYS["two"])


@test("who waits for a time only is in no deadlock", timeout=60)
def _():
    watched = watch("-d", "20", "--exit-on-deadlock", "--", locker(), "limited")
    expect(watched.status == 0 and not deadlocks(watched), f"{watched}, {watched.report['alerts']}")


@test("what nobody owns is no deadlock", timeout=60)
def _():
    watched = watch("-d", "4", "--", locker(), "semaphore")
    expect(watched.report["alerts"] == [], f"{watched.report['alerts']}")


# Who is not dumpable may be looked into by root alone (ptrace(2), prctl(2): PR_SET_DUMPABLE is 4).
CLOSED = "import ctypes, time; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); time.sleep(1.5)"


@test("where the kernel forbids the look, both reports say so", timeout=60)
def _():
    user = ordinary()
    if not user.prefix and os.geteuid() == 0:
        raise Skip("there is nothing that root may not look into")
    watched = watch("-d", "20", "--", PYTHON, "-c", CLOSED, user=user)
    expect(watched.status == 0 and watched.report["alerts"] == [], f"{watched}, {watched.report['alerts']}")
    lines = watched.report["warnings"]
    expect(len(lines) == 1 and "may not be seen" in lines[0], f"the warnings are {lines}; {watched}")
    comment(lines[0])
    expect(lines[0] in watched.err.decode(), f"not told at once: {watched}")
    path = os.path.join(workdir(), "closed.txt")
    words = [*user.prefix, program(), "-b", "-f", "text", "-o", path, "--", PYTHON, "-c", CLOSED]
    subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, env=environment(), cwd=workdir(), timeout=30, check=True)
    with open(path, encoding="utf-8") as file:
        told = " ".join(file.read().split())
    expect(re.sub(r"\d+", "", lines[0]) in re.sub(r"\d+", "", told), f"not in the text: {told}")


@test("a process that runs already", timeout=60)
def _():
    user = ordinary()
    process = subprocess.Popen(user.prefix + [locker(), "two"], env=environment())
    try:
        time.sleep(0.5)
        watched = watch("-d", "20", "--exit-on-deadlock", "-p", process.pid, user=user)
        expect(watched.status == 3, f"expected exit status 3: {watched}")
        expect_deadlock(watched, *WAYS["two"])
        expect(process.poll() is None, "the attached process was ended")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    main()
