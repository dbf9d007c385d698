#!/usr/bin/env python3
"""Recordings: what is replayed is what was live, whatever happens to the program, the disk, the file or the terminal."""

import contextlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import stat
import statistics
import subprocess
import tempfile
import time
import xml.etree.ElementTree

from lib import (LONG, ORDINARY_UID, PYTHON, SRCDIR, Fail, Skip, Terminal, allowed_cpus, comm, comment, environment, expect,
                 expect_nothing_left, main, ordinary, perf_refused, run, start, stat_fields, test, users, wait_until,
                 workdir)

TRACES = os.path.join(SRCDIR, "tests", "data", "traces")


@contextlib.contextmanager
def directory():
    """An empty directory in which every user may make files."""
    with tempfile.TemporaryDirectory(dir=workdir()) as path:
        os.chmod(path, 0o777)
        yield path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def good(*args, statuses=(0,), err="", **how):
    """A run that ends well and says no more than it should."""
    result = run(*args, **how)
    expect(result.status in statuses and result.err == err, str(result))
    expect_nothing_left(result.tag)
    return result


def expect_line(result, *words, statuses=(1, 2)):
    """Refused: one line that names the thing, and nothing else."""
    expect(result.status in statuses, f"expected status {statuses}: {result}")
    expect(result.out == "", f"something on standard output: {result}")
    expect(result.err.startswith("schedviz: ") and result.err.count("\n") == 1, f"not exactly one line: {result}")
    expect(all(c.isprintable() for c in result.err.rstrip("\n")), f"not printable: {result}")
    for word in words:
        expect(word in result.err, f"{word!r} is not named: {result}")
    expect_nothing_left(result.tag)


def make_recording(path, *args, **how):
    good("-b", "-o", "/dev/null", "-r", path, *(args or ("-d", "0.3", "-n", "3")), **how)
    return path


def report_of(path, err="", **how):
    return json.loads(good("-b", "-f", "json", path, err=err, **how).out)


# ---- The round trip ----

def same_database(a, b):
    """How two databases differ, or ""."""
    dumps = []
    for path in (a, b):
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            dumps.append(list(db.iterdump()))
    return first_difference(*dumps)


def first_difference(live, replayed):
    for i in range(max(len(live), len(replayed))):
        pair = [lines[i] if i < len(lines) else None for lines in (live, replayed)]
        if pair[0] != pair[1]:
            return f"line {i + 1}: live {pair[0]!r}, replayed {pair[1]!r}"
    return ""


# A table has slices alone, and these are not known then.
SAMPLES = "schedviz: slices are not known from samples: --format=text and json have the totals\n"


def round_trip(format_, *args, user=None, prefix=(), status=0):
    """Records a run, and holds what the replay writes against what the run wrote. Returns what it wrote."""
    with directory() as place:
        recording, live, replayed = (os.path.join(place, name) for name in ("a.svz", "live", "replayed"))
        err = SAMPLES if format_ == "csv" and "proc" in args else ""
        good("-b", "-f", format_, "-o", live, "-r", recording, *args, user=user, prefix=prefix, statuses=(status,), err=err)
        good("-b", "-f", format_, "-o", replayed, recording, user=user, err=err)
        expect(sorted(os.listdir(place)) == ["a.svz", "live", "replayed"], f"left behind: {os.listdir(place)}")
        if format_ == "sqlite":
            difference = same_database(live, replayed)
        else:
            difference = first_difference(read(live).splitlines(), read(replayed).splitlines())
            expect(difference or read(live) == read(replayed), "ends of lines differ")
        expect(not difference, f"{format_} {' '.join(args)}: {difference}")
        return read(live)


CPUS = [",".join(map(str, allowed_cpus()[:n])) for n in (1, 2)]
SHAPES = [("thread", "pinned", CPUS[0], "4"), ("process", "free", CPUS[-1], "3"), ("green", "pinned", CPUS[-1], "4"),
          ("process", "pinned", CPUS[0], "2"), ("thread", "free", CPUS[-1], "16"), ("green", "free", CPUS[0], "2")]
FORMATS = ["json", "text", "csv", "sqlite"]


def register_round_trips():
    for number, (user, source) in enumerate((user, source) for user in users() for source in ("perf", "engine", "proc")):

        @test(f"round trip: {source}, {user.name}", timeout=90)
        def _(user=user, source=source, number=number):
            if source == "perf" and run("-b", "-d", "0.05", "-s", "perf", user=user).status != 0:
                raise Skip("perf_event_open is refused here")
            n_shapes = len(SHAPES) if LONG else 2
            for i in range(n_shapes):
                kind, placement, cpus, n_tasks = SHAPES[(number * n_shapes + i) % len(SHAPES)]
                for format_ in FORMATS if LONG else ("json", FORMATS[1 + (number + i) % 3]):
                    round_trip(format_, "-d", "0.2", "-s", source, "-k", kind, "-m", placement, "-C", cpus, "-n", n_tasks,
                               user=user)


register_round_trips()


@test("round trip: work that ends, perf refused, all tasks of the machine, locks asked for by force")
def _():
    told = json.loads(round_trip("json", "-w", "50ms", "-n", "2", "-d", "20"))
    expect(told["makespan_ns"] and all(task["work_done_ns"] for task in told["tasks"] if not task["observer"]), f"{told}")
    told = json.loads(round_trip("json", "-d", "0.2", "-n", "2", prefix=perf_refused()))
    expect(told["source"]["switches"] == "engine" and told["source"]["reason"], f"{told['source']}")
    for user in users():
        if run("-b", "-a", "-d", "0.05", user=user).status == 0:
            for format_ in ("json", "text"):
                round_trip(format_, "-a", "-d", "0.3", "-n", "2", user=user)


@test("round trip: lessons with all their steps, answers and locks", timeout=120)
def _():
    for lesson, format_ in (("deadlock", "json"), ("producer-consumer", "text")):
        for format_ in FORMATS if LONG else (format_,):
            told = round_trip(format_, lesson)
            expect(format_ != "json" or json.loads(told)["lesson"]["steps"], f"{lesson}: no steps in {told!r}")


@test("round trip: a command with its exit status, and a process that was there", timeout=90)
def _():
    command = "sleep 0.05; for i in 1 2 3; do /bin/true; done; exit 3"
    for format_ in FORMATS:
        told = round_trip(format_, "--", "sh", "-c", command, status=3)
        expect(format_ != "text" or b"ended with status 3" in told, f"{told!r}")
    for user in users():
        sleeper = subprocess.Popen(user.prefix + [PYTHON, "-c", "import time\nwhile True: time.sleep(0.01)"],
                                   env=environment())
        try:
            for format_ in FORMATS:
                round_trip(format_, "-d", "0.3", "-p", str(sleeper.pid), user=user)
        finally:
            sleeper.kill()
            sleeper.wait()


@test("a command gets the signals that it would have without a recording")
def _():
    with directory() as place:
        plain, recorded = (good("-b", "-o", "/dev/null", *args, "--", "grep", "^Sig[IC]", "/proc/self/status").out
                           for args in ((), ("-r", os.path.join(place, "a.svz"))))
        expect(plain == recorded and "SigIgn" in plain, f"without {plain!r}, with {recorded!r}")


@test("a recording is on its way before a command is: where it cannot be made, nothing is run")
def _():
    with directory() as place:
        witness = os.path.join(place, "witness")
        expect_line(run("-b", "-r", os.path.join(place, "none", "a.svz"), "--", "touch", witness), "none", statuses=(125,))
        expect(os.listdir(place) == [], f"made: {os.listdir(place)}")


@test("another tool's trace becomes a recording that tells the same", timeout=90)
def _():
    for name in ("recorded.dat", "recorded.perf.txt"):
        with directory() as place:
            trace, recording = os.path.join(place, name), os.path.join(place, "a.svz")
            shutil.copy(os.path.join(TRACES, name), trace)
            os.chmod(trace, 0o644)
            first = run("-b", "-f", "csv", "-r", recording, trace)
            expect(first.status == 0, str(first))
            again = run("-b", "-f", "csv", recording)
            expect(again.status == 0 and first.out.count("\n") > 50, str(again))
            difference = first_difference(first.out.splitlines(), again.out.splitlines())
            expect(not difference, f"{name}: {difference}")


# ---- kill -9 ----

def kill_in_the_middle(place, number, after_s):
    path = os.path.join(place, f"{number}.svz")
    process = start("-b", "-n", "2", "-d", "60", "-r", path)
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 20, "the recording")
    return path, process, time.monotonic() + after_s


def check_killed(path, killed_s):
    """Opens, says that its end is missing, and has all that happened until it was written to last. Returns how long before the
    end that was."""
    written_s = os.stat(path).st_mtime_ns / 1e9 - time.time() + time.monotonic()
    result = run("-b", "-f", "json", path)
    expect(result.status == 0, str(result))
    expect(result.err.count("\n") == 1 and result.err.startswith(f"schedviz: {path}: the recording was cut off"),
           f"the missing end is not told: {result}")
    report = json.loads(result.out)
    held_s = (report["start_ns"] + report["duration_ns"]) / 1e9
    if report["duration_ns"] > 0: # else it was killed before the run had begun
        expect(written_s - 1 <= held_s <= killed_s, f"it ends at {held_s:.2f}, was written at {written_s:.2f}, killed at {killed_s:.2f}")
    return killed_s - written_s


@test("kill -9 at random moments: the recording opens, and nothing else stays behind", timeout=7200 if LONG else 60)
def _():
    rng = random.Random(9)
    n_rounds, n_at_once = (200, 5) if LONG else (2, 5)
    losses = []
    with directory() as place:
        for _ in range(n_rounds):
            running = [kill_in_the_middle(place, i, rng.uniform(0, 3)) for i in range(n_at_once)]
            ends = []
            for path, process, deadline in sorted(running, key=lambda one: one[2]):
                time.sleep(max(0, deadline - time.monotonic()))
                process.kill()
                ends.append((path, time.monotonic()))
                process.communicate()
                expect_nothing_left(process.tag)
            for path, killed_s in ends:
                losses.append(check_killed(path, killed_s))
                os.unlink(path)
            expect(os.listdir(place) == [], f"left behind: {os.listdir(place)}")
    comment(f"{len(losses)} recordings; lost at the end: median {statistics.median(losses):.2f} s, at most {max(losses):.2f} s (2 s, and"
            " what the machine held us up)")


@test("SIGTERM and SIGINT end a recording as they end the run: whole")
def _():
    with directory() as place:
        for number in (signal.SIGTERM, signal.SIGINT):
            path = os.path.join(place, "a.svz")
            process = start("-b", "-n", "2", "-d", "60", "-f", "json", "-r", path, "--force")
            wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 20, "the recording")
            time.sleep(0.4)
            process.send_signal(number)
            out, _ = process.communicate(timeout=20)
            expect(good("-b", "-f", "json", path).out == out.decode(), "the replay differs")


# ---- A full disk ----

NOT_ENDED = "the recording was not ended, as when the disk is full: it shows what had been written"


def check_full(result, status, recording, **how):
    expect(result.status == status, f"expected status {status}: {result}")
    expect(result.err.count("\n") == 1 and "ends here, whole" in result.err, f"not one clear line: {result}")
    expect_nothing_left(result.tag)
    live, held = json.loads(result.out), report_of(recording, err=f"schedviz: {recording}: {NOT_ENDED}\n", **how)
    expect(any(NOT_ENDED in line for line in held["warnings"]), str(held["warnings"]))
    expect(live["duration_ns"] > 1.5e9, f"the run did not go on: {live['duration_ns']}")
    expect(0 < held["switches"]["total"] < live["switches"]["total"], f"held {held['switches']}, live {live['switches']}")


# About 200 kB a second at full speed: what is full after 100 kB holds a part of it.
BUSY = "tasks: {a: {instance: 6, loop: 1000000, run: 100, sleep: 100}}\n"
LIMIT = 100_000


def run_loaded(place, recording, **how):
    workload = os.path.join(place, "busy.yaml")
    with open(workload, "w", encoding="ascii") as file:
        file.write(BUSY)
    os.chmod(workload, 0o644)
    return run("-b", "-f", "json", "-d", "3", "-r", recording, workload, **how)


@test("a limit of file sizes: one line, the run goes on, and what was recorded opens")
def _():
    with directory() as place:
        path = os.path.join(place, "a.svz")
        check_full(run_loaded(place, path, prefix=["prlimit", f"--fsize={LIMIT}"]), 1, path)


def in_small_file_system(mounted, *words):
    """The prefix under which a directory is a small file system, for this run alone; then words are run in it."""
    script = f'mount -t tmpfs -o size={LIMIT} none "$0" && "$@"; status=$?; cp "$0"/* "$0".out; exit $status'
    probe = subprocess.run(["unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$0"', mounted], capture_output=True, check=False)
    if os.geteuid() != 0 or probe.returncode != 0:
        raise Skip("needs root, and a mount namespace")
    return ["unshare", "-m", "sh", "-c", script, mounted, *words]


USUAL = "interleave-20261122-084500.svz"  # as R and K propose it
COLS_60 = 58  # what a line of 60 columns has for a message


@test("a full disk: one line, the run goes on, and what was recorded opens")
def _():
    user = users()[-1]
    with directory() as place:
        mounted, copy = os.path.join(place, "disk"), os.path.join(place, "disk.out")
        os.mkdir(mounted)
        result = run_loaded(place, os.path.join(mounted, USUAL), user=user, prefix=in_small_file_system(mounted))
        check_full(result, 1, copy, user=user)
        told = result.err.removeprefix("schedviz: ").removesuffix("; the run goes on\n")
        expect(told == f"disk full: {USUAL} ends here, whole" and len(told) <= COLS_60, f"on 60 columns: {told!r}")


@test("a full disk under a command: its report is written, and the status is schedviz's own")
def _():
    with directory() as place:
        path = os.path.join(place, "a.svz")
        command = "i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done; exit 4"
        result = run("-b", "-r", path, "-o", "/dev/stdout", "--", "sh", "-c", command, timeout=60,
                     prefix=["prlimit", "--fsize=2500"])
        expect(result.status == 125 and result.err.count("\n") == 1 and "ends here, whole" in result.err, str(result))
        expect_nothing_left(result.tag)
        expect("ended with status 4" in result.out, f"no report: {result}")
        good("-b", "-o", "/dev/null", path, err=f"schedviz: {path}: {NOT_ENDED}\n")


@test("what is damaged of the words on its session is told")
def _():
    with directory() as place:
        path = make_recording(os.path.join(place, "a.svz"))
        whole = read(path)
        texts = [match.end() for match in re.finditer(b"session", whole[:-200])]  # what is packed of each text follows its name
        expect(len(texts) == 2, f"texts at {texts}")
        for damaged, told in ((texts[1:], "the last that it says of its session is damaged"),
                              (texts, "what it says of its session is damaged: it is shown without that")):
            broken = bytearray(whole)
            for at in damaged:
                broken[at + 20] ^= 4
            with open(path, "wb") as file:
                file.write(broken)
            result = run("-b", "-f", "json", path)
            expect(result.status == 0 and result.err.count("\n") == 1 and told in result.err, str(result))
            expect(any(told in line for line in json.loads(result.out)["warnings"]), str(result))


# ---- Names ----

SHORT = ("-b", "-d", "0.1", "-n", "1", "-o", "/dev/null")


@test("a recording is its user's alone, and an existing file is replaced with --force only")
def _():
    with directory() as place:
        path = os.path.join(place, "a.svz")
        make_recording(path, "-d", "0.1", prefix=["sh", "-c", 'umask 0; exec "$@"', "open"])
        expect(stat.S_IMODE(os.stat(path).st_mode) == 0o600, f"mode {os.stat(path).st_mode:o}")
        before, then = read(path), os.stat(path)
        expect_line(run(*SHORT, "-r", path), path, "--force")
        now = os.stat(path)
        expect(read(path) == before and now.st_mtime_ns == then.st_mtime_ns and now.st_ino == then.st_ino, "it was touched")
        good(*SHORT, "--force", "-r", path)
        expect(read(path) != before and stat.S_IMODE(os.stat(path).st_mode) == 0o600, "it was not replaced")
        expect(os.listdir(place) == ["a.svz"], f"left behind: {os.listdir(place)}")
        good("-b", "-o", "/dev/null", path)


@test("nothing is followed, and nothing but a file is replaced")
def _():
    with directory() as place:
        os.chmod(place, 0o1777)
        victim, link, dangling, pipe, there = (os.path.join(place, name) for name in ("victim", "link", "new", "pipe", "dir"))
        with open(victim, "w", encoding="ascii") as file:
            file.write("precious")
        os.symlink(victim, link)
        os.symlink(os.path.join(place, "elsewhere"), dangling)
        os.mkfifo(pipe)
        os.mkdir(there)
        before = sorted(os.listdir(place))
        for user in users():
            for path in (link, dangling, pipe, there, there + "/", place, "/dev/null", "/dev/full", "/dev/stdout"):
                for force in ((), ("--force",)):
                    expect_line(run(*SHORT, *force, "-r", path, user=user), path)
        expect(sorted(os.listdir(place)) == before and os.listdir(there) == [], f"made: {os.listdir(place)}")
        expect(read(victim) == b"precious" and os.readlink(link) == victim, "the file behind the link was touched")


@test("a name that cannot be: empty, in no directory, in one that may not be written, too long")
def _():
    with directory() as place:
        locked = os.path.join(place, "locked")
        os.mkdir(locked)
        os.chmod(locked, 0o555)
        for name, words in (("", ["record"]), (os.path.join(place, "none", "a.svz"), ["none"]), ("x" * 300, ["xxx"]),
                            (os.path.join(place, "y" * 5000), ["too long"])):
            expect_line(run(*SHORT, "-r", name), *words)
        expect_line(run(*SHORT, "-r", "/proc/a.svz"), "/proc/a.svz")
        if os.geteuid() == 0:  # else the directory is the user's own, or root's who may all the same
            os.chown(locked, 0, 0)
            expect_line(run(*SHORT, "-r", os.path.join(locked, "a.svz")), "locked")
        expect(os.listdir(locked) == [] and os.listdir(place) == ["locked"], "something was made")


@test("another user's file is not replaced")
def _():
    if os.geteuid() != 0:
        raise Skip("needs two users")
    with directory() as place:
        path = os.path.join(place, "a.svz")
        make_recording(path, "-d", "0.1", user=users()[-1])
        before = read(path)
        for force in ((), ("--force",)):
            expect_line(run(*SHORT, *force, "-r", path), path)
        expect(read(path) == before, "it was touched")
        expect_line(run("-b", path), path)


# ---- What is said beside a recording ----

@test("what is of a run is refused beside a recording, in one line")
def _():
    with directory() as place:
        path, other = make_recording(os.path.join(place, "a.svz")), os.path.join(place, "b.svz")
        shutil.copy(path, other)
        os.chown(other, os.stat(path).st_uid, -1)
        for words in (["-n", "2"], ["-c", "1"], ["-C", "0"], ["-k", "process"], ["-m", "free"], ["-w", "1s"], ["-d", "1"],
                      ["-s", "perf"], ["-a"], ["--exit-on-deadlock"]):
            expect_line(run("-b", *words, path), path, statuses=(2,))
        expect_line(run("-b", "-r", os.path.join(place, "c.svz"), path), "record", statuses=(2,))
        expect_line(run("-b", "-p", "1", path), "pid", statuses=(2,))
        expect_line(run("-b", path, "interleave"), "interleave", statuses=(2,))
        expect_line(run("-b", "interleave", path), path, statuses=(2,))
        expect_line(run("-b", path, other, path), "two", statuses=(2,))
        expect_line(run("-b", path, "--", "true"), "not both", statuses=(125,))
        expect(sorted(os.listdir(place)) == ["a.svz", "b.svz"], f"made: {os.listdir(place)}")
        expect_line(run("-b", path, other), "one recording", statuses=(2,))
        good("-b", "-f", "screen", path, other)
        good("-b", "-f", "screen", path, path)


@test("what is no recording is refused, in one line")
def _():
    with directory() as place:
        path = make_recording(os.path.join(place, "a.svz"))
        whole = read(path)
        for name, content in (("empty.svz", b""), ("text.svz", b"tasks: 4\n"), ("zero.svz", bytes(4096)),
                              ("head.svz", whole[:12]), ("later.svz", whole[:8] + b"\xff\xff" + whole[10:])):
            bad = os.path.join(place, name)
            with open(bad, "wb") as file:
                file.write(content)
            os.chmod(bad, 0o644)
            expect_line(run("-b", bad), name)
        for name in ("missing.svz", place + "/", "/dev/null"):
            expect_line(run("-b", name))


@test("a recording without its end opens at every length")
def _():
    with directory() as place:
        whole = read(make_recording(os.path.join(place, "a.svz")))
        cut = os.path.join(place, "cut.svz")
        lengths = range(16, len(whole), max(1, len(whole) // (400 if LONG else 12)))
        for length in list(lengths) + [len(whole) - 1]:
            with open(cut, "wb") as file:
                file.write(whole[:length])
            os.chmod(cut, 0o644)
            result = run("-b", "-f", "json", cut)
            expect(result.status in (0, 1) and result.err.count("\n") == 1, f"of {length} bytes: {result}")
            if result.status == 0:
                json.loads(result.out)


@test("a recording with bytes that are not its own does no harm", timeout=600 if LONG else 60)
def _():
    rng = random.Random(5)
    with directory() as place:
        whole = read(make_recording(os.path.join(place, "a.svz"), "-d", "0.2", "-n", "2"))
        bad = os.path.join(place, "bad.svz")
        n_refused = 0
        for _ in range(600 if LONG else 25):
            content = bytearray(whole)
            for _ in range(rng.choice((1, 1, 2, 20))):
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            with open(bad, "wb") as file:
                file.write(content)
            os.chmod(bad, 0o644)
            result = run("-b", "-f", rng.choice(("json", "csv", "text")), bad)
            expect(result.status in (0, 1) and result.err.count("\n") <= 1, str(result))
            n_refused += result.status != 0 or result.err != ""
        expect(n_refused > 0, "nothing was noticed")


# ---- On a screen ----

TMUX_NAMES = {"PgUp": "PPage", "PgDn": "NPage", "Shift-Tab": "BTab", "Esc": "Escape", "Ctrl-L": "C-l"}


def command_keys():
    """Every key of the table in ui/command.c, by its tmux name."""
    with open(os.path.join(SRCDIR, "ui", "command.c"), encoding="utf-8") as file:
        rows = re.findall(r'^    \{"[^"]*", "((?:[^"\\]|\\.)*)",', file.read(), re.MULTILINE)
    keys = [key for row in rows for key in row.split(" ")]
    expect(len(keys) > 30, f"the table of keys was not understood: {keys}")
    return [TMUX_NAMES.get(key, key) for key in keys]


def shows_title(screen):
    lines = screen.splitlines()
    return len(lines) > 3 and re.search(r"\b(perf|engine|proc|trace-cmd)\b", lines[0]) is not None


def schedviz_of(terminal):
    found = [pid for pid in terminal.pids() if comm(pid) == "schedviz" and int(stat_fields(pid)[1]) == terminal.shell]
    return found[0] if found else None


@contextlib.contextmanager
def screen_of(*args, cols=100, rows=30, ready=shows_title, prefix=()):
    with Terminal(cols, rows) as terminal:
        terminal.schedviz(*args, prefix=prefix)
        terminal.wait(ready, what="the first frame")
        yield terminal
        check_alive(terminal, "all that")
        terminal.keys("q")
        status = terminal.status()
        expect(status == 0 and terminal.read("err.txt") == "", f"status {status}, {terminal.read('err.txt')!r}")
        wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


def check_alive(terminal, what):
    screen = terminal.screen()
    if schedviz_of(terminal) is None:
        raise Fail(f"schedviz is gone after {what}; stderr {terminal.read('err.txt')!r}; the screen was:\n{screen}")
    expect(terminal.read("err.txt") == "", f"after {what} on standard error: {terminal.read('err.txt')!r}")
    for line in screen.splitlines():
        expect(all(c.isprintable() for c in line), f"after {what} unprintable: {line!r}")


def type_name(terminal, name):
    """In the place of the name that is proposed."""
    terminal.keys("-N", "70", "BSpace")
    terminal.type(name)
    terminal.wait(lambda s: f"{name}_" in s, what="the name")


@test("R records into a file with the name that is typed, and ends it; K keeps what was", timeout=60)
def _():
    with screen_of("-n", "3") as terminal:
        time.sleep(0.5)
        terminal.keys("R")
        terminal.wait(lambda s: "Esc: leave it" in s, what="the dialog")
        terminal.keys("Escape")
        terminal.wait(lambda s: "Esc: leave it" not in s, what="the end of the dialog")
        terminal.keys("R")
        type_name(terminal, "mine.svz")
        terminal.keys("Tab")
        terminal.wait(lambda s: "10 s before now" in s, what="the past")
        terminal.keys("Enter")
        terminal.wait(lambda s: re.search(r"REC \d+ kB", s.splitlines()[0]), what="REC and its size in the title")
        expect(os.listdir(terminal.dir).count("mine.svz") == 1, "no file")
        terminal.keys("K")
        terminal.wait(lambda s: "R ends it" in s, what="a word that all is being recorded")
        time.sleep(0.5)
        terminal.keys("R")
        terminal.wait(lambda s: "recorded in mine.svz" in s and "REC " not in s.splitlines()[0], what="the end of it")
        terminal.keys("K")
        terminal.wait(lambda s: "kept " in s and "in interleave-" in s, what="the past kept")

        terminal.keys("R")
        type_name(terminal, "mine.svz")
        before = read(terminal.path("mine.svz"))
        terminal.keys("Enter")
        terminal.wait(lambda s: "Enter again writes over it" in s, what="the question")
        terminal.keys("Escape")
        time.sleep(0.3)
        expect(read(terminal.path("mine.svz")) == before, "it was written over")
        terminal.keys("R")
        type_name(terminal, "mine.svz")
        terminal.keys("Enter")
        terminal.wait(lambda s: "Enter again writes over it" in s, what="the question")
        terminal.keys("Enter")
        terminal.wait(lambda s: "REC" in s.splitlines()[0], what="REC in the title")
        terminal.keys("R")
        terminal.wait(lambda s: "recorded in mine.svz" in s, what="the end of it")
        terminal.keys("R")
        type_name(terminal, "none/mine.svz")
        terminal.keys("Enter")
        terminal.wait(lambda s: "its directory: No such file" in s, what="the refusal")
        terminal.keys("Escape")
        names = sorted(name for name in os.listdir(terminal.dir) if name.endswith(".svz"))
        expect(len(names) == 2 and names[1] == "mine.svz", f"files {names}")
        for name in names:
            expect(stat.S_IMODE(os.stat(terminal.path(name)).st_mode) == 0o600, f"mode of {name}")
            report = report_of(terminal.path(name))
            expect(report["workload"]["name"] == "interleave" and len(report["tasks"]) >= 4, f"{name}: {report}")


@test("-r records what a screen shows, and q ends it whole")
def _():
    with directory() as place:
        path = os.path.join(place, "a.svz")
        with screen_of("-n", "2", "-r", path) as terminal:
            terminal.wait(lambda s: "REC" in s.splitlines()[0], what="REC in the title")
            time.sleep(0.5)
            terminal.keys("t")
            time.sleep(0.5)
        tasks = [task["name"] for task in report_of(path)["tasks"] if not task["observer"]]
        expect(tasks == ["A", "B", "C"], f"tasks {tasks}")
        good("-b", "-o", "/dev/null", path)


def expect_csv(path):
    lines = read(path).decode().splitlines()
    expect(lines[0].startswith("monotonic_ns,start_ns,") and len(lines) > 1, f"csv: {lines[:2]}")
    return len(lines)


def expect_sqlite(path):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        expect(db.execute("SELECT count(*) FROM slice").fetchone()[0] > 0, "no slices")


def expect_words(path, *words):
    content = read(path)
    for word in words:
        expect(word in content, f"{word!r} is not in {path}: {content[:200]!r}")


# In the order of the dialog.
EXPORTS = [
    ("svg", lambda path: expect(xml.etree.ElementTree.parse(path).getroot().tag.endswith("svg"), "no svg")),
    ("html", lambda path: expect_words(path, b"<!DOCTYPE html>", b"</html>")),
    ("perfetto", lambda path: expect(read(path)[:1] == b"\x0a", "no packet of a trace")),
    ("csv", expect_csv),
    ("json", lambda path: json.loads(read(path))["tasks"]),
    ("sqlite", expect_sqlite),
    ("text", lambda path: expect_words(path, b"interleave", b"core 0")),
    ("ansi", lambda path: expect_words(path, b"interleave", b"\x1b[")),
]


def export_everything(terminal):
    for number, (name, check) in enumerate(EXPORTS):
        for all_of_it in (False, True):
            file = f"{name}-{all_of_it}.out"
            terminal.keys("X")
            terminal.wait(lambda s: "Enter: write" in s, what="the dialog")
            if number > 0 and not all_of_it:
                terminal.keys("Down")
            terminal.wait(lambda s, name=name: re.search(rf"[>\u25b6] *{name}\b", s), what=f"{name} chosen")
            type_name(terminal, file)
            wanted = "all that is kept" if all_of_it else "the window"
            if number < 4 and wanted not in terminal.screen():
                terminal.keys("Tab")
                terminal.wait(lambda s, wanted=wanted: wanted in s, what=wanted)
            terminal.keys("Enter")
            terminal.wait(lambda s, file=file: f"written: {file}" in s, what=f"the word that {file} is written")
            check(terminal.path(file))
    expect(expect_csv(terminal.path("csv-False.out")) < expect_csv(terminal.path("csv-True.out")), "all is no more than a window")
    expect(not [name for name in os.listdir(terminal.dir) if name.startswith(".schedviz")], "left behind")


@test("X writes each format, of the window and of all, and asks before it writes over a file", timeout=90)
def _():
    with screen_of("-n", "3") as terminal:
        time.sleep(1)
        export_everything(terminal)
        before = read(terminal.path("json-True.out"))
        terminal.keys("X")
        type_name(terminal, "json-True.out")
        terminal.keys("Enter")
        terminal.wait(lambda s: "Enter again writes over it" in s, what="the question")
        expect(read(terminal.path("json-True.out")) == before, "it was written over")
        terminal.keys("Enter")
        terminal.wait(lambda s: "written: json-True.out" in s, what="the end of it")
        expect(read(terminal.path("json-True.out")) != before, "it was not written over")
        terminal.keys("X")
        type_name(terminal, "/proc/nothing")
        terminal.keys("Enter")
        time.sleep(0.3)
        check_alive(terminal, "a name that cannot be")
        terminal.keys("Escape")
        terminal.wait(lambda s: "Enter: write" not in s, what="the end of the dialog")


@test("a recording exports what a run does", timeout=90)
def _():
    with directory() as place:
        with screen_of(make_recording(os.path.join(place, "a.svz"), "-d", "1", "-n", "3")) as terminal:
            terminal.keys("R")
            terminal.wait(lambda s: "a recording already" in s, what="the refusal of R")
            terminal.keys("w", "w", "w", "w", "w")
            export_everything(terminal)


def press_everything(terminal, views="123456", but=()):
    for view in views:
        terminal.keys("Escape")
        time.sleep(0.05)
        terminal.keys(view)
        for key in command_keys():
            if key in ("q", "F10", "Tab", "BTab", *but) or key in "123456":
                continue
            terminal.keys(key)
            time.sleep(0.02)
            terminal.keys("Escape")
        check_alive(terminal, f"all keys in view {view}")
    terminal.keys("Escape")
    time.sleep(0.2)


@test("a recording takes every key in every view", timeout=120)
def _():
    with directory() as place:
        with screen_of(make_recording(os.path.join(place, "a.svz"), "-d", "0.5", "-n", "3")) as terminal:
            press_everything(terminal)


@test("a recording is shown whole, played to its end, stepped through", timeout=60)
def _():
    with directory() as place:
        path = make_recording(os.path.join(place, "a.svz"), "-d", "1.5", "-n", "3")
        with screen_of(path) as terminal:
            terminal.wait(lambda s: "recorded 20" in s and re.search(r"at 0 \w+ of [12]\.\d+ s", s), what="the beginning")
            terminal.keys(*["NPage"] * 5, *["Right"] * 22)
            screen = terminal.wait(lambda s: re.search(r"at (1\.\d+) s of \1 s", s), what="the end, and nothing behind it")
            expect("waiting for" not in screen and "nothing was seen" not in screen, f"an empty picture:\n{screen}")
            terminal.keys("Home")
            terminal.wait(lambda s: re.search(r"at 0 \w+ of", s), what="Home")
            terminal.keys("]")
            terminal.wait(lambda s: not re.search(r"at 0 \w+ of", s), what="a step")
            terminal.keys("Home")
            terminal.wait(lambda s: re.search(r"at 0 \w+ of", s), what="Home")
            terminal.keys("Space")
            terminal.wait(lambda s: "the end of the recording" in s, within=8, what="the end of playing")
            terminal.keys("[")
            terminal.wait(lambda s: "paused" in s.splitlines()[0], what="a step back")
            terminal.keys("End")
            terminal.wait(lambda s: re.search(r"at 1\.[45]\d* s of 1\.", s) or re.search(r"at (1\.\d+) s of \1 s", s), what="End")
            terminal.keys("Home", "z")
            terminal.wait(lambda s: "slow" in s.splitlines()[0], what="slow motion")


def expect_whole(screen):
    found = re.search(r"paused · ([\d.]+) (m?s), at 0 ns of ([\d.]+) (m?s)", screen.splitlines()[0])
    expect(found, f"no window in the title:\n{screen}")
    window, whole = (float(found.group(i)) * (1000 if found.group(i + 1) == "s" else 1) for i in (1, 3))
    expect(window >= whole, f"not all of the recording is on the screen:\n{screen}")


@test("a recording with long names is shown whole", timeout=60)
def _():
    with directory() as place:
        command, path = os.path.join(place, "fifteen-letters"), os.path.join(place, "a.svz")
        with open(command, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nsleep 0.3\n")
        os.chmod(command, 0o755)
        make_recording(path, "--", command)
        expect_whole(good("-b", "-f", "screen", path).out)
        with screen_of(path, cols=120) as terminal:
            terminal.keys("2")
            expect_whole(terminal.wait(lambda s: "fifteen-letters" in "\n".join(s.splitlines()[1:]), what="its tasks"))


@test("two recordings are laid side by side", timeout=60)
def _():
    with directory() as place:
        one = make_recording(os.path.join(place, "a.svz"), "-w", "100ms", "-n", "2", "-C", CPUS[0])
        two = make_recording(os.path.join(place, "b.svz"), "-w", "100ms", "-n", "2", "-C", CPUS[-1])
        with screen_of(one, two) as terminal:
            screen = terminal.wait(lambda s: "efficiency" in s and "this run" in s, what="the comparison")
            expect("a.svz | b.svz" in screen, f"both are not named:\n{screen}")
            terminal.keys("2")
            terminal.wait(lambda s: len(re.findall(r"^ *[AB] +\u2595", s, re.MULTILINE)) == 4, what="the tasks of both")
            terminal.keys("5", "x")
            terminal.wait(lambda s: "b keeps the one at the cursor" in s and "ONE TWO" not in s, what="what x says of two")
            terminal.keys("b")
            terminal.wait(lambda s: "no run is the reference" in s and "ONE TWO" not in s, what="no reference")
            terminal.keys("b")
            terminal.wait(lambda s: "run 1 is the reference: 5 shows the others" in s, what="the reference again")
            terminal.keys("End")
            terminal.wait(lambda s: not re.search(r"at 0 \w+ of", s), what="the end")
            terminal.keys("b")
            terminal.wait(lambda s: "run 2 is the reference" in s and "change the cores" not in s, what="the other one")
            press_everything(terminal, "123456" if LONG else "5", but=("l",))
        with screen_of(one) as terminal:
            terminal.keys("b")
            terminal.wait(lambda s: "there is one run in this recording" in s, what="what b says of one run")
            terminal.keys("x", "5")
            terminal.wait(lambda s: "It is of one run" in s and "schedviz ONE TWO" in s, what="what can be compared")
        picture = good("-b", "-f", "screen", one, two).out
        expect("a.svz | b.svz" in picture and "efficiency" in picture, f"no comparison:\n{picture}")


@test("a picture of a run that was recorded says nothing of recording")
def _():
    with directory() as place:
        picture = good("-b", "-d", "0.2", "-n", "2", "-f", "screen", "-r", os.path.join(place, "a.svz")).out
        expect("paused" in picture and "REC" not in picture, picture)


def compared(*paths, **how):
    """What the comparison says of the reference and of the other one: tasks, cores, switches, tasks at once."""
    picture = good("-b", "-f", "screen", *paths, **how).out
    sides = []
    for name in ("reference", "this run"):
        head = re.search(rf"{name} +(\d+) tasks? on (\d+) cores?", picture)
        row = re.search(rf"^ {name} .* (\d+|-) +([\d.]+|-) *$", picture, re.MULTILINE)
        expect(head and row, f"nothing of {name}:\n{picture}")
        sides.append((*head.groups(), *row.groups()))
    return sides


def as_reported(path, **how):
    """The same of its report."""
    report = report_of(path, **how)
    return (str(report["workload"]["tasks"]), str(len(report["workload"]["cores"])), str(report["switches"]["total"]),
            f"{report['parallelism']:.2f}")


@test("recordings are compared with the figures of their reports: traces, and those by samples", timeout=60)
def _():
    with directory() as place:
        trace, samples = os.path.join(TRACES, "recorded.report.txt"), os.path.join(place, "samples.svz")
        imported = os.path.join(place, "imported.svz")
        good("-b", "-o", "/dev/null", "-r", imported, trace)
        make_recording(samples, "-d", "0.3", "-n", "2", "-s", "proc")
        data = [os.path.join(SRCDIR, "tests", "data", name) for name in ("cpus128.svz", "cpus64.svz")]
        for paths in (data, data[::-1], (trace, imported), (imported, samples), (samples, trace)):
            expected = [as_reported(path) for path in paths]
            expect(compared(*paths) == expected, f"{paths}: {compared(*paths)}, and their reports {expected}")
        picture = good("-b", "-f", "screen", *data).out
        expect("other programs" not in picture, f"the tasks of the first go on into the second:\n{picture}")


@test("of two recordings one saw all of the machine: its neighbours are no workload beside the other one")
def _():
    user = users()[-1]
    with directory() as place:
        some, everybody = os.path.join(place, "some.svz"), os.path.join(place, "all.svz")
        make_recording(some, "-d", "0.3", "-n", "2", user=user)
        if run("-b", "-a", "-d", "0.3", "-n", "2", "-o", "/dev/null", "-r", everybody, user=user).status != 0:
            raise Skip("not all of the machine may be watched")
        for paths in ((some, everybody), (everybody, some)):
            expected = [as_reported(path, user=user) for path in paths]
            seen = compared(*paths, user=user)
            expect(seen == expected, f"{paths}: {seen}, and their reports {expected}")


@test("recordings of different work are not compared: another number of tasks, another amount, a command", timeout=60)
def _():
    with directory() as place:
        two, more, halves, shell = (os.path.join(place, name) for name in ("two.svz", "more.svz", "halves.svz", "shell.svz"))
        make_recording(two, "-n", "2", "-w", "20ms")
        make_recording(more, "-n", "3", "-w", "20ms")
        make_recording(halves, "-n", "4", "-w", "10ms")
        make_recording(shell, "--", "sh", "-c", ":")
        for other, words in ((more, "2 tasks of 20.0 ms against 3 tasks of 20.0 ms"), (shell, "interleave against sh")):
            picture = good("-b", "-f", "screen", two, other).out
            expect(f"not the same work: {words} " in picture, f"{words}:\n{picture}")
        for other in (two, halves):
            picture = good("-b", "-f", "screen", two, other).out
            expect("not the same" not in picture and re.search(r"faster|slower|as fast", picture), f"as much work:\n{picture}")


@test("a comparison of more cores than fit tells how many, and scrolls", timeout=60)
def _():
    paths = [os.path.join(SRCDIR, "tests", "data", name) for name in ("cpus128.svz", "cpus64.svz")]
    with screen_of(*paths, cols=160, rows=50, ready=lambda s: "core 0" in s) as terminal:
        screen = terminal.wait(lambda s: len(re.findall(r"(\d+) more below \(Down\)", s)) == 2, what="how many more")
        shown = [len(re.findall(r"^ *core \d", side, re.MULTILINE)) for side in re.split(r"this run +\d", screen)]
        below = [int(n) for n in re.findall(r"(\d+) more below", screen)]
        expect([n + k for n, k in zip(shown, below)] == [127, 55], f"{shown} cores shown and {below} below:\n{screen}")
        terminal.keys(*["Down"] * 130)
        terminal.wait(lambda s: re.search(r"^ *\u25b6? *core 127", s, re.MULTILINE) and re.search(r"^ *core 63", s, re.MULTILINE)
                      and s.count("more above (Up)") == 2, what="the last cores of both")


@test("a recorded lesson is gone through step by step", timeout=60)
def _():
    with directory() as place:
        path = make_recording(os.path.join(place, "a.svz"), "deadlock")
        with screen_of(path, rows=40) as terminal:
            first = terminal.wait(lambda s: re.search(r"\b1 of \d", s), what="the first step")
            expect(re.search(r"^ *A +Anna +\u2595.*wants mutex", first, re.MULTILINE), f"its tasks are not there:\n{first}")
            terminal.keys("n")
            terminal.wait(lambda s: re.search(r"\b2 of \d", s), what="the second step")
            terminal.keys("2")
            second = terminal.wait(lambda s: re.search(r"\bp1 +\u2595", s), what="the tasks of the second step")
            expect(not re.search(r"\bAnna +\u2595", second), f"tasks of the step before are there:\n{second}")
            terminal.keys("p")
            terminal.wait(lambda s: re.search(r"\b1 of \d", s), what="the first step again")
            expect("deadlock" in first, f"the lesson is not named:\n{first}")
            press_everything(terminal, "123456" if LONG else "1", but=("l",))


@test("a lesson recorded from its second step on is shown from there", timeout=60)
def _():
    with screen_of("deadlock", cols=120, rows=36) as terminal:
        terminal.wait(lambda s: "1 of 3" in s, what="the question")
        terminal.keys("Escape", "n")
        terminal.wait(lambda s: "2 of 3" in s, what="the second step")
        terminal.keys("R")
        type_name(terminal, "late.svz")
        terminal.keys("Enter")
        terminal.wait(lambda s: "REC" in s.splitlines()[0], what="REC in the title")
        time.sleep(1)
        terminal.keys("R")
        terminal.wait(lambda s: "recorded in late.svz" in s, what="the end of it")
        picture = good("-b", "-f", "screen", terminal.path("late.svz")).out
    expect("2 of 3" in picture and "fork1" in picture, f"another step is shown:\n{picture}")
    expect_whole(picture)


@test("a lesson's recording that was cut off shows what is in it", timeout=60)
def _():
    with directory() as place:
        whole, cut = read(make_recording(os.path.join(place, "a.svz"), "deadlock")), os.path.join(place, "cut.svz")
        n_opened = 0
        for i in range(1, 16):
            with open(cut, "wb") as file:
                file.write(whole[:len(whole) * i // 16])
            os.chmod(cut, 0o644)
            result = run("-b", "-f", "screen", cut)
            if result.status == 0:
                n_opened += 1
                at = re.search(r"at ([\d.]+) (\S+) of ([\d.]+) (\S+)", result.out)
                in_ns = {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9}
                expect(at and at.group(2) in in_ns and float(at.group(1)) * in_ns[at.group(2)]
                       <= float(at.group(3)) * in_ns[at.group(4)], f"cut to {i}/16:\n{result.out}")
        expect(n_opened > 0, "none could be opened")


@test("a recorded data race: where the cursor goes the lesson goes, with what was found in its counters", timeout=90)
def _():
    def step(number, name):
        return lambda s: re.search(rf"\b{number} of 4", s) and re.search(rf"^ counter +{name} +found \S+ of \S+ ", s, re.MULTILINE)
    with directory() as place:
        path = make_recording(os.path.join(place, "a.svz"), "data-race")
        with screen_of(path, rows=40) as terminal:
            terminal.keys("6")
            screen = terminal.wait(step(1, "shared"), what="the counter of the first step")
            expect("found 20,000,000 of" in screen or " lost " in screen, screen)
            terminal.keys("End")
            screen = terminal.wait(step(4, "atom"), what="the counter of the last step")
            expect("found 20,000,000 of 20,000,000   none lost" in screen, screen)
            terminal.keys("p")
            terminal.wait(step(3, "guarded"), what="the counter of the step before")
            terminal.keys("Home")
            terminal.wait(step(1, "shared"), what="the first step again")


RING = """
tasks:
  x: {lock: m1, run: 50000, lock1: m2, unlock: m2, unlock1: m1}
  y: {lock: m2, run: 50000, lock1: m1, unlock: m1, unlock1: m2}
"""


@test("a recording that begins in a deadlock has it", timeout=60)
def _():
    with directory() as place:
        path = os.path.join(place, "ring.yaml")
        with open(path, "w", encoding="ascii") as file:
            file.write(RING)
        with screen_of(path, rows=40) as terminal:
            terminal.wait(lambda s: "none will ever go on" in s, what="the deadlock")
            terminal.keys("R")
            type_name(terminal, "ring.svz")
            terminal.keys("Enter")
            terminal.wait(lambda s: "REC" in s.splitlines()[0], what="REC in the title")
            time.sleep(1)
            terminal.keys("R")
            terminal.wait(lambda s: "recorded in ring.svz, " in s, what="the end of it")
            report = json.loads(good("-b", "-f", "json", terminal.path("ring.svz")).out)
            told = [(alert["kind"], len(alert["tids"])) for alert in report["alerts"]]
            expect(told == [("deadlock", 2)], str(report["alerts"]))
            expect("x wants mutex m2, held by y" in report["alerts"][0]["text"], str(report["alerts"]))


@test("a lesson is opened from a recording, and is run", timeout=60)
def _():
    with directory() as place:
        with screen_of(make_recording(os.path.join(place, "a.svz"))) as terminal:
            terminal.keys("l")
            terminal.wait(lambda s: "Lessons" in s, what="the list")
            terminal.type("interl")
            terminal.keys("Enter")
            terminal.wait(lambda s: "recorded" not in s.splitlines()[0] and shows_title(s), what="the lesson")


@test("another tool's trace, and 128 cores", timeout=60)
def _():
    for path, ready in ((os.path.join(TRACES, "recorded.dat"), shows_title),
                        (os.path.join(SRCDIR, "tests", "data", "cpus128.svz"), lambda s: "core 0" in s)):
        with screen_of(path, ready=ready) as terminal:
            for view in "234561":
                terminal.keys(view)
                time.sleep(0.15)
                check_alive(terminal, f"view {view}")


@test("a replay in every size, and a storm of resizes", timeout=90)
def _():
    rng = random.Random(11)
    with directory() as place:
        path = make_recording(os.path.join(place, "a.svz"), "-d", "0.5", "-n", "4")
        with screen_of(path, cols=40, rows=10, ready=lambda s: "paused" in s or "interleave" in s) as terminal:
            for key in "123456":
                terminal.keys(key)
                time.sleep(0.1)
                check_alive(terminal, f"view {key} at 40x10")
            for key in ("X", "Escape", "1", "Home", "Space"):
                terminal.keys(key)
                time.sleep(0.1)
            for _ in range(200 if LONG else 25):
                terminal.resize(rng.randint(20, 200), rng.randint(6, 60))
            for size in ((1, 1), (2, 2), (5, 1), (1, 5), (300, 100), (20, 6)):
                terminal.resize(*size)
                time.sleep(0.05)
                check_alive(terminal, f"a size of {size}")
            terminal.resize(100, 30)
            terminal.wait(shows_title, what="the title")


# ---- Links on the way, files that others take away, and what is said of it ----

def expect_refused_way(place, path, name, **how):
    """No recording and no report goes there, and the line names the link."""
    for words in (("-r", path, "-o", "/dev/null"), ("-o", path), ("-f", "sqlite", "-o", path), ("--force", "-o", path)):
        expect_line(run("-b", "-d", "0.1", *words, **how), f"{name} is another user's link", "name the directory")
    expect(os.listdir(place) == [], f"made: {os.listdir(place)}")


@test("a link on the way is followed in a shared directory only as the kernel's protection would")
def _():
    if os.geteuid() != 0:
        raise Skip("needs two users")
    root = users()[-1]
    with directory() as place:
        shared, target, home = (os.path.join(place, name) for name in ("shared", "target", "home"))
        for path, mode in ((shared, 0o1777), (target, 0o777), (home, 0o755)):
            os.mkdir(path)
            os.chmod(path, mode)
        theirs, ours, relative = (os.path.join(shared, name) for name in ("theirs", "ours", "relative"))
        os.symlink(target, theirs)
        os.symlink("../target", relative)
        for link in (theirs, relative):
            os.lchown(link, ORDINARY_UID, -1)
        os.symlink(target, ours)
        os.symlink("../shared/theirs", os.path.join(home, "nested"))
        os.symlink(os.path.join(shared, "relative"), os.path.join(home, "far"))
        os.symlink("self", os.path.join(home, "self"))
        os.symlink("/dev", os.path.join(shared, "dev"))
        os.lchown(os.path.join(shared, "dev"), ORDINARY_UID, -1)

        for way, name in ((theirs, "theirs"), (relative, "relative"), (theirs + "/../target", "theirs"),
                          (os.path.join(home, "nested"), "theirs"), (os.path.join(home, "far"), "relative")):
            expect_refused_way(target, os.path.join(way, "a.svz"), name, user=root)
        expect_line(run("-b", "-d", "0.1", "-o", os.path.join(shared, "dev", "null"), user=root), "dev is another user's link")
        expect_line(run(*SHORT, "-r", os.path.join(home, "self", "a.svz"), user=root), "self", "Too many levels")

        # Its owner follows it, and everybody one of the directory's owner; one that is elsewhere is nobody's trap.
        os.chmod(home, 0o755)
        os.symlink(target, os.path.join(place, "plain"))
        os.lchown(os.path.join(place, "plain"), ORDINARY_UID, -1)
        for number, (way, user) in enumerate(((theirs, ordinary()), (ours, ordinary()), (ours, root),
                                              (os.path.join(home, "nested"), ordinary()), (os.path.join(place, "plain"), root))):
            name = f"{number}.svz"
            good("-b", "-d", "0.1", "-r", os.path.join(way, name), "-o", os.path.join(way, name + ".txt"), user=user)
            expect(sorted(os.listdir(target)) == [name, name + ".txt"], f"{way}: {os.listdir(target)}")
            for made in os.listdir(target):
                os.unlink(os.path.join(target, made))
        made = f"/proc/self/cwd/{os.path.relpath(target, workdir())}/a.svz"
        result = good("-b", "-d", "0.1", "-r", made, "-o", "/proc/self/fd/1", user=root)
        expect(result.out.startswith("schedviz") and os.listdir(target) == ["a.svz"], f"by the kernel's own links: {result}")


@test("what is no regular file is no file to record into, with --force or without")
def _():
    with directory() as place:
        pipe, link = os.path.join(place, "pipe"), os.path.join(place, "link")
        os.mkfifo(pipe)
        os.symlink("nothing", link)
        for path in (pipe, link, "/dev/full"):
            for force in ((), ("--force",)):
                expect_line(run(*SHORT, *force, "-r", path), f"{path}: is no regular file")


@test("a recording and a report with one name are refused before anything runs")
def _():
    with directory() as place:
        path, witness = os.path.join(place, "a.svz"), os.path.join(place, "witness")
        for other in (path, os.path.join(place, ".", "a.svz"), os.path.join(place, "..", os.path.basename(place), "a.svz")):
            expect_line(run("-b", "-r", path, "-o", other, "--", "touch", witness), path, "two files", statuses=(125,))
        expect_line(run("-b", "-d", "5", "-r", path, "-o", path, "--force", timeout=4), "two files", statuses=(2,))
        expect(os.listdir(place) == [], f"made: {os.listdir(place)}")
        os.mkdir(os.path.join(place, "d"))
        os.chmod(os.path.join(place, "d"), 0o777)
        good("-b", "-d", "0.1", "-r", path, "-o", os.path.join(place, "d", "a.svz"))


def lose(path, lost):
    """Records into path, and does that to the file meanwhile."""
    process = start("-b", "-o", "/dev/null", "-n", "2", "-d", "60", "-r", path)
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 20, "the recording")
    lost(path)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    expect_nothing_left(process.tag)
    expect(process.returncode == 1 and out == b"", f"status {process.returncode}, {out!r}, {err!r}")
    expect(err.count(b"\n") == 1 and b"recording lost" in err and b"a.svz" in err, f"{err!r}")
    return err


@test("a recording that is removed, replaced or emptied meanwhile has failed, and that is said")
def _():
    with directory() as place:
        path, other = os.path.join(place, "a.svz"), os.path.join(place, "other")
        expect(b"removed" in lose(path, os.unlink) and os.listdir(place) == [], f"left: {os.listdir(place)}")
        with open(other, "wb") as file:
            file.write(b"precious")
        expect(b"removed" in lose(path, lambda path: os.rename(other, path)), "not replaced")
        expect(read(path) == b"precious", "what took its place was touched")
        os.unlink(path)
        expect(b"cut" in lose(path, lambda path: os.truncate(path, 0)), "not cut")
        expect(read(path) == b"", "it was written on")
        os.unlink(path)
        process = start("-b", "-o", "/dev/null", "-n", "2", "-d", "60", "-r", path)
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 20, "the recording")
        os.rename(path, other)  # it has a name: it is not lost
        process.send_signal(signal.SIGTERM)
        expect(process.communicate(timeout=20) == (b"", b"") and process.returncode == 0, "a new name is no loss")
        good("-b", "-o", "/dev/null", other)


@test("a recording on standard input is refused with the way out")
def _():
    with directory() as place:
        path = make_recording(os.path.join(place, "a.svz"))
        with open(path, "rb") as file:
            done = subprocess.run([os.path.join(workdir(), "schedviz"), "-b", "-"], stdin=file, capture_output=True,
                                  env=environment(), timeout=20, check=False)
        expect(done.returncode == 2 and done.stdout == b"" and done.stderr.count(b"\n") == 1, f"{done}")
        expect(b"a recording cannot be read from a pipe: save it to a file" in done.stderr, f"{done}")


@test("a workload comes through a pipe, whole; a recording is refused with the way out")
def _():
    with directory() as place:
        pipe, workload = os.path.join(place, "pipe"), os.path.join(place, "w.yaml")
        os.mkfifo(pipe)
        with open(workload, "w", encoding="ascii") as file:
            file.write("tasks: {spinner: {instance: 3, run: 1000}}\n")
        recording = make_recording(os.path.join(place, "a.svz"))
        for source in (workload, recording):
            with subprocess.Popen(["sh", "-c", 'cat "$0" > "$1"', source, pipe], env=environment()) as writer:
                result = run("-b", "-d", "0.2", "-f", "json", pipe)
                expect(writer.wait(timeout=10) == 0 or source == recording, "who wrote to the pipe was cut off")
            if source == workload:
                expect(result.status == 0 and '"spinner-3"' in result.out, str(result))
            else:
                expect_line(result, pipe, "a recording cannot be read from a pipe: save it to a file", statuses=(2,))


@test("a table of a run that was seen by samples says that it can have no lines")
def _():
    result = good("-b", "-d", "0.2", "-s", "proc", "-f", "csv", err=SAMPLES)
    expect(result.out.count("\n") == 1 and result.out.startswith("monotonic_ns,"), str(result))
    expect(good("-b", "-d", "0.2", "-s", "engine", "-f", "csv").out.count("\n") > 1, "no slices")


@test("one byte that is missing is one byte")
def _():
    with directory() as place:
        whole, cut = read(make_recording(os.path.join(place, "a.svz"))), os.path.join(place, "cut.svz")

        def told_of(length):
            with open(cut, "wb") as file:
                file.write(whole[:length])
            os.chmod(cut, 0o644)
            return run("-b", "-o", "/dev/null", cut).err

        n_missing = int(re.search(r"its last (\d+) bytes", told_of(len(whole) // 2)).group(1))
        expect("its last byte cannot be read, all before it" in told_of(len(whole) // 2 - n_missing + 1), "of one byte")


@test("K twice at once: two files; at 60 columns all of what is said can be read", timeout=60)
def _():
    with screen_of("-n", "3", cols=60, rows=24, ready=lambda s: "interleave" in s) as terminal:
        time.sleep(0.5)
        told = r"kept \S+ m?s in interleave-\d{8}-\d{6}(-\d)?\.svz, \S+ (bytes|kB|MB) *$"
        terminal.keys("K")
        terminal.wait(lambda s: re.search(told, s, re.MULTILINE), what="what was kept, to its end")
        terminal.keys("K", "K", "K", "K")
        wait_until(lambda: sum(name.endswith(".svz") for name in os.listdir(terminal.dir)) == 5, 10, "five files")
        terminal.wait(lambda s: re.search(told, s, re.MULTILINE) and "--force" not in s, what="the last one kept")


@test("what is said of a name in the program is meant for the program", timeout=60)
def _():
    with screen_of("-n", "3") as terminal:
        os.mkfifo(terminal.path("pipe"))
        os.mkdir(terminal.path("locked"))
        os.chmod(terminal.path("locked"), 0o555)
        for key in ("R", "X"):
            terminal.keys(key)
            terminal.wait(lambda s: "Esc: leave it" in s, what="the dialog")
            terminal.keys("-N", "70", "BSpace")
            terminal.keys("Enter")
            terminal.wait(lambda s: "the file has no name" in s, what="a word on the name")
            terminal.keys("Escape")
        terminal.keys("R")
        type_name(terminal, "pipe")
        terminal.keys("Enter")
        terminal.wait(lambda s: "pipe: is no regular file" in s and "Enter again" not in s, what="the refusal")
        terminal.keys("Escape", "X")
        type_name(terminal, "pipe")
        terminal.keys("Enter")
        terminal.wait(lambda s: "pipe: is no regular file" in s and "Enter again" not in s, what="the refusal")
        if os.geteuid() == 0:  # else the directory is the user's own
            os.chown(terminal.path("locked"), 0, 0)
            type_name(terminal, "locked/a.svg")
            terminal.keys("Enter")
            terminal.wait(lambda s: " locked/a.svg: its directory: Permission denied" in s, what="the refusal")
        terminal.keys("Escape", "R")
        type_name(terminal, "mine.svz")
        terminal.keys("Enter")
        terminal.wait(lambda s: "REC" in s.splitlines()[0], what="REC in the title")
        terminal.keys("X")
        type_name(terminal, "./mine.svz")
        terminal.keys("Enter")
        terminal.wait(lambda s: "is being recorded: choose another name" in s, what="the refusal")
        terminal.keys("Escape", "R")
        terminal.wait(lambda s: "recorded in mine.svz, " in s, what="the end of it")


@test("X where the disk is full names the file", timeout=60)
def _():
    with screen_of("-n", "2", prefix=["prlimit", "--fsize=512"]) as terminal:
        terminal.keys("X")
        type_name(terminal, "mine.svg")
        terminal.keys("Enter")
        terminal.wait(lambda s: "mine.svg: File too large" in s, what="the refusal")
        expect(not [name for name in os.listdir(terminal.dir) if "svg" in name or "tmp" in name], "left behind")
        terminal.keys("Escape")
        terminal.wait(lambda s: "Enter: write" not in s, what="the end of the dialog")


@test("a picture on a terminal has the theme that is asked for")
def _():
    with directory() as place:
        path = make_recording(os.path.join(place, "a.svz"))
        shown = {}
        for words in ((), ("--theme=dark",), ("--theme=light",)):
            with Terminal(100, 40) as terminal:
                terminal.schedviz("-b", "-f", "screen", *words, path)
                expect(terminal.status() == 0 and terminal.read("err.txt") == "", f"{words}: {terminal.read('err.txt')!r}")
                shown[words] = [line for line in terminal.screen(colours=True).splitlines() if "core" in line]
        expect(shown[()] == shown[("--theme=dark",)] != shown[("--theme=light",)], f"{shown}")
    expect_line(run("-b", "--theme=light"), "theme", statuses=(2,))


if __name__ == "__main__":
    main()
