#!/usr/bin/env python3
"""The trace for Perfetto, read by protoc with the published schema (tests/data/perfetto_check.proto): one recording
written as a trace, as CSV and as JSON, and the three compared. What is made of the events follows Perfetto's trace
processor: a sched_switch ends one slice and begins the next, prev_state and sched_waking make the states."""

import collections
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from lib import PYTHON, SRCDIR, Skip, expect, expect_nothing_left, main, run, test, workdir

SCHEMA = os.path.join(SRCDIR, "tests", "data", "perfetto_check.proto")
MAX_TID = 1 << 22  # PID_MAX_LIMIT; above are those whom schedviz did not see
STATES = {0: "preempted", 1: "blocked", 0x10: "exited", 0x20: "exited", 0x8000: "lost"}
MONOTONIC, BOOTTIME = 3, 6


# ---- Reading ----

def unquoted(text):
    """A string as protoc writes it: escapes are bytes, and the bytes must be UTF-8."""
    body = text[1:-1]
    if "\\" not in body:
        return body
    return body.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1").decode("utf-8")


def parsed_text(lines):
    """protoc's text format as dictionaries, in which each field is a list."""
    root = collections.defaultdict(list)
    stack = [root]
    for line in lines:
        line = line.strip()
        if line == "}":
            stack.pop()
        elif line.endswith(" {"):
            expect(not line[0].isdigit(), f"a field that Perfetto does not know: {line}")
            message = collections.defaultdict(list)
            stack[-1][line[:-2]].append(message)
            stack.append(message)
        else:
            name, _, value = line.partition(": ")
            expect(not name.isdigit(), f"a field that Perfetto does not know: {line}")
            if value.startswith('"'):
                value = unquoted(value)
            elif value.lstrip("-").isdigit():
                value = int(value)
            stack[-1][name].append(value)
    return root


def packets_of(path):
    if not shutil.which("protoc"):
        raise Skip("protoc is missing (Debian: protobuf-compiler)")
    with open(path, "rb") as trace:
        done = subprocess.run(["protoc", f"--proto_path={os.path.dirname(SCHEMA)}", "--decode=perfetto.protos.Trace",
                               SCHEMA], stdin=trace, capture_output=True, check=False, timeout=60)
    expect(done.returncode == 0, f"protoc: {done.stderr[:400]!r}")
    return parsed_text(done.stdout.decode("utf-8").splitlines())["packet"]


Slice = collections.namedtuple("Slice", "cpu tid start end state")


class Trace:
    """What trace processor would have: slices of each CPU, wakes of each task, names, tracks."""

    def __init__(self, packets):
        self.packets = packets
        self.slices = collections.defaultdict(list)  # by CPU
        self.wakes = collections.defaultdict(list)  # by tid
        self.threads = {}
        self.lost = {}
        self.track_events = []
        self._check_clock()
        for packet in packets:
            expect(packet["trusted_packet_sequence_id"] == [1], "not of the one sequence")
            for tree in packet["process_tree"]:
                for thread in tree["threads"]:
                    self.threads[thread["tid"][0]] = (thread["tgid"][0], thread["name"][0])
            for stats in packet["ftrace_stats"]:
                if stats["phase"] == ["END_OF_TRACE"]:
                    self.lost = {c["cpu"][0]: c["overrun"][0] for c in stats["cpu_stats"]}
            for event in packet["track_event"]:
                self.track_events.append((packet["timestamp"][0], event))
        self._read_events()

    def _check_clock(self):
        snapshots = [s for packet in self.packets for s in packet["clock_snapshot"]]
        expect(len(snapshots) == 1, f"{len(snapshots)} clock snapshots")
        clocks = {c["clock_id"][0]: c["timestamp"][0] for c in snapshots[0]["clocks"]}
        expect(snapshots[0]["primary_trace_clock"] == ["BUILTIN_CLOCK_MONOTONIC"], "the trace's clock")
        expect(clocks[MONOTONIC] == clocks[BOOTTIME], f"the clocks differ: {clocks}")

    def _read_events(self):
        """Trace processor sorts each CPU's events by time, and leaves those of one instant in their order."""
        events = collections.defaultdict(list)
        for packet in self.packets:
            for bundle in packet["ftrace_events"]:
                times = [event["timestamp"][0] for event in bundle["event"]]
                expect(times == sorted(times), "a bundle is not in time order")
                events[bundle["cpu"][0]] += bundle["event"]
        for cpu, of_cpu in events.items():
            running, since = 0, 0
            for event in sorted(of_cpu, key=lambda e: e["timestamp"][0]):
                time = event["timestamp"][0]
                for wake in event["sched_waking"] + event["sched_wakeup_new"]:
                    self.wakes[wake["pid"][0]].append(time)
                for switch in event["sched_switch"]:
                    expect(switch["prev_pid"] == [running], f"core {cpu} at {time}: {switch} after {running}")
                    if 0 < running:
                        self.slices[cpu].append(Slice(cpu, running, since, time, switch["prev_state"][0]))
                    running, since = switch["next_pid"][0], time
            if running:
                self.slices[cpu].append(Slice(cpu, running, since, None, None))

    def of_tasks(self, cpu):
        return [s for s in self.slices[cpu] if s.tid <= MAX_TID]


# ---- One recording, written as all of them ----

def exported(directory, recording, form, user=None):
    path = os.path.join(directory, "run." + form)
    result = run("-b", "-f", form, "-o", path, recording, user=user)
    expect(result.status == 0 and result.out == "", str(result))
    return path


class Run:
    """A run with these arguments, recorded: its trace, the rows of its CSV and its report."""

    def __init__(self, *args):
        with tempfile.TemporaryDirectory(dir=workdir()) as directory:
            os.chmod(directory, 0o777)
            recording = os.path.join(directory, "run.svz")
            result = run("-b", "-r", recording, *args)
            if result.status == 2 and "version" in result.err:
                raise Skip("this schedviz does not record")
            expect(result.status == 0, str(result))
            expect_nothing_left(result.tag)
            with open(exported(directory, recording, "csv"), newline="", encoding="utf-8") as file:
                self.text = file.read()
            with open(exported(directory, recording, "json"), encoding="utf-8") as file:
                self.report = json.load(file)
            self.trace = Trace(packets_of(exported(directory, recording, "perfetto")))
        self.rows = [{key: int(value) if value.lstrip("-").isdigit() and key != "name" else value
                      for key, value in row.items()} for row in csv.DictReader(io.StringIO(self.text))]

    def lanes(self):
        lanes = collections.defaultdict(list)
        for row in self.rows:
            lanes[row["cpu"]].append(row)
        return lanes


def check_slices(of):
    """Each row of the CSV is a slice of the trace, and there are no others. A slice may begin where the one before it
    on its CPU ended, when its task had waited all the while: that gap is the switch itself."""
    lanes, n_joined = of.lanes(), 0
    expect({cpu for cpu in of.trace.slices if of.trace.of_tasks(cpu)} == set(lanes), "not the same CPUs")
    for cpu, rows in lanes.items():
        slices = of.trace.of_tasks(cpu)
        expect(len(slices) == len(rows), f"core {cpu}: {len(slices)} slices, {len(rows)} rows")
        before = None
        for s, row in zip(slices, rows):
            start, end = row["monotonic_ns"], row["monotonic_ns"] + row["duration_ns"]
            joined = s.start != start
            n_joined += joined
            expect(s.tid == row["tid"], f"core {cpu}: {s}, {row}")
            expect(not joined or (before and s.start == before.end and row["waited_ns"] >= start - s.start
                                  and s.tid != before.tid), f"core {cpu}: {s}, {row}")
            expect(row["end_reason"] == ("open" if s.end is None else STATES[s.state]), f"{s}, {row}")
            expect(s.end in (None, end), f"core {cpu}: {s}, {row}")
            before = s
    return n_joined


def check_states(of):
    """How long a task was runnable before a slice: since its wake, or since it was preempted."""
    n_checked = 0
    by_task = collections.defaultdict(list)
    for rows in of.lanes().values():
        for row in rows:
            by_task[row["tid"]].append(row)
    for tid, rows in by_task.items():
        rows.sort(key=lambda row: row["monotonic_ns"])
        wakes = sorted(of.trace.wakes[tid])
        for before, row in zip(rows, rows[1:]):
            start, out = row["monotonic_ns"], before["monotonic_ns"] + before["duration_ns"]
            if before["end_reason"] == "preempted":
                since = out
            elif before["end_reason"] == "blocked":
                since = min((w for w in wakes if out <= w <= start), default=start)
            else:
                continue
            if row["waited_ns"]:
                expect(start - since == row["waited_ns"], f"{tid} at {start}: runnable {start - since}, {row}")
                n_checked += 1
    return n_checked


def check_report(of):
    """Slices and switches of each task are those of the report."""
    rows = collections.defaultdict(list)
    for row in of.rows:
        rows[row["tid"]].append(row)
    for task in of.report["tasks"]:
        if task["tid"] < 0:
            continue  # green: on no CPU's lane
        mine, name = rows[task["tid"]], task["name"]
        reasons = collections.Counter(row["end_reason"] for row in mine)
        seen = (len(mine), sum(row["duration_ns"] for row in mine))
        expect(seen == (task["slices"], task["run_ns"]), f"{name}: {seen}, {task}")
        if not task["observer"]:  # which ran before it was looked at: its first switch ends no slice
            counts = (reasons["blocked"] + reasons["exited"], reasons["preempted"])
            expect(counts == (task["voluntary"], task["involuntary"]), f"{name}: {counts}, {task}")
        expect(of.trace.threads[task["tid"]] == (task["pid"], name), f"{of.trace.threads}, {task}")
        expect(all(row["name"].removeprefix("'") == name for row in mine), f"{name}: {mine[:1]}")
    expect(sum(of.trace.lost.values()) == of.report["source"]["lost"], f"lost {of.trace.lost}")


def check(*args):
    of = Run(*args)
    expect(of.text.count("\r\n") == len(of.rows) + 1, "lines")
    n_joined, n_states = check_slices(of), check_states(of)
    check_report(of)
    return of, n_joined, n_states


# ---- Tests ----

@test("threads that take turns: the trace has the slices of the CSV, and both have the figures of the report")
def take_turns():
    of, n_joined, n_states = check("-n", "4", "-c", "1", "-d", "0.6")
    expect(len(of.rows) > 20, f"{len(of.rows)} slices")
    if of.report["source"]["switches"] == "perf":
        expect(n_joined > 5 and n_states > 5, f"{n_joined} switches without a gap, {n_states} waits")


@test("tasks that block: wakes are where they ended to wait for something")
def blocking():
    of, _, n_states = check("-d", "0.6", "lock-contention")
    expect(n_states > 5 and any(of.trace.wakes.values()), f"{n_states} waits, wakes {len(of.trace.wakes)}")


@test("processes that end")
def processes():
    of, _, _ = check("-n", "3", "-c", "1", "-k", "process", "-w", "50ms")
    tasks = [task for task in of.report["tasks"] if not task["observer"]]
    expect(len(tasks) == 3 and all(task["pid"] == task["tid"] for task in tasks), f"{tasks}")


@test("green tasks have tracks, and their thread has the slices")
def green():
    of, _, _ = check("-n", "3", "-k", "green", "-d", "0.5")
    names = {d["name"][0] for packet in of.trace.packets for d in packet["track_descriptor"]}
    tasks = [task["name"] for task in of.report["tasks"] if task["kind"] == "green"]
    expect(len(tasks) == 3 and set(tasks) <= names, f"{tasks}, tracks {names}")


HOSTILE = r"""
import ctypes, time
for name in (b'=1+1,"\n', b'\xff\xfe', b'-2+3', b'a"b,c', '\u00fc\u202e'.encode()):
    ctypes.CDLL(None).prctl(15, name)  # PR_SET_NAME
    time.sleep(0.05)
"""


@test("a program's name may be anything")
def hostile_names():
    of, _, _ = check("--", PYTHON, "-c", HOSTILE)
    for row in of.rows:
        expect(row["name"][:1] not in tuple("=+-@"), f"{row}")


@test("every begin of a track has its end, on tracks that were told before")
def tracks():
    of, _, _ = check("-n", "2", "-c", "1", "-d", "0.3")
    known = {d["uuid"][0] for packet in of.trace.packets for d in packet["track_descriptor"]}
    depth = collections.Counter()
    for _, event in sorted(of.trace.track_events, key=lambda told: told[0]):
        uuid = event["track_uuid"][0]
        expect(uuid in known, f"{event}")
        depth[uuid] += {"TYPE_SLICE_BEGIN": 1, "TYPE_SLICE_END": -1}.get(event["type"][0], 0)
        expect(depth[uuid] in (0, 1), f"{event}")
    expect(not any(depth.values()), f"{depth}")


@test("pandas reads the CSV")
def pandas_reads():
    of = Run("-n", "2", "-c", "1", "-d", "0.3")
    read = ("import sys, pandas; t = pandas.read_csv(sys.stdin); "
            "print(len(t), t.duration_ns.sum(), *(t[c].dtype for c in ('monotonic_ns', 'cpu', 'tid', 'waited_ns')))")
    done = subprocess.run([PYTHON, "-c", read], input=of.text.encode(), capture_output=True, check=False, timeout=60)
    if b"No module named 'pandas'" in done.stderr:
        raise Skip("pandas is missing (Debian: python3-pandas)")
    total = sum(row["duration_ns"] for row in of.rows)
    expect(done.stdout.decode().split() == [str(len(of.rows)), str(total)] + 4 * ["int64"], f"{done}")


if __name__ == "__main__":
    main()
