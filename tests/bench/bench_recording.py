#!/usr/bin/env python3
"""What a recording costs: a ping-pong through pipes on one core, and four threads that compute on one, watched and recorded in
turn; trips a second, and bytes a switch beside `perf sched record` on the same work. Figures are medians.
Usage: bench_recording.py SCHEDVIZ [ROUNDS]"""
import collections
import csv
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

SECONDS = 2
TICK_NS = 1_000_000 # the ticks of CONFIG_HZ 100, 250 and 1000 are multiples of it
CPU = str(min(os.sched_getaffinity(0)))


def run(*command):
    """What it wrote to standard output; None when it failed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def switches(report):
    with open(report, encoding="utf-8") as file:
        tasks = json.load(file)["tasks"]
    return sum(task["voluntary"] + task["involuntary"] for task in tasks)


class Work:
    """A directory for files, and the program under test."""

    def __init__(self, schedviz, directory):
        self.schedviz, self.dir = os.path.abspath(schedviz), directory
        self.pingpong = os.path.join(os.path.dirname(self.schedviz), "tests", "bench", "pingpong")

    def path(self, name):
        return os.path.join(self.dir, name)

    def trips(self, *prefix):
        out = run(*prefix, self.pingpong, CPU, str(SECONDS))
        return float(out.split()[0]) if out else None

    def watched(self, *more):
        return self.trips(self.schedviz, "-b", "-o", self.path("report"), "--force", "-f", "json", *more, "--")

    def recorded(self):
        return self.watched("-r", self.path("run.svz"))

    def perf(self):
        return self.trips("perf", "sched", "record", "-q", "-o", self.path("perf.data"))

    def bytes_a_switch(self):
        return os.path.getsize(self.path("run.svz")) / switches(self.path("report"))


def ping_pong(work, rounds):
    alone, watched, recorded, lost, sizes, ratios = [], [], [], [], [], []
    for i in range(rounds):
        ways = [work.watched, work.recorded]
        first, second = (f() for f in (ways if i % 2 == 0 else reversed(ways)))
        w, r = (first, second) if i % 2 == 0 else (second, first)
        alone.append(work.trips())
        watched.append(w)
        recorded.append(r)
        lost.append(100 * (w - r) / w)
        sizes.append(work.bytes_a_switch())
        if shutil.which("perf") and os.geteuid() == 0 and work.perf():
            n = 2 * recorded[-1] * SECONDS
            ratios.append(os.path.getsize(work.path("perf.data")) / n / sizes[-1])
    print(f"ping-pong, {rounds} rounds of {SECONDS} s: alone {statistics.median(alone):.0f} trips/s, watched "
          f"{statistics.median(watched):.0f}, recorded {statistics.median(recorded):.0f}")
    print(f"recording costs {statistics.median(lost):.1f} % of the trips (bar: 2; the rounds: "
          f"{', '.join(f'{x:.1f}' for x in lost)})")
    print(f"{statistics.median(sizes):.2f} bytes a switch on disk, all included (bar: 4)")
    if ratios:
        print(f"perf sched record wrote {statistics.median(ratios):.0f} times as much for as many (of the whole machine)")


def entropy(values, width):
    """Bits that each of them takes at least, by the histogram of all, where nothing foretells the next one."""
    counts = collections.Counter(value // width for value in values)
    shares = [n / len(values) for n in counts.values()]
    return math.log2(width) - sum(share * math.log2(share) for share in shares)


def noise(slices):
    """Bytes a switch that no coder saves: how late each slice ends after the kernel's tick, and how long each switch takes. The
    tick is taken from the slices around, a slice that ended elsewhere is left out."""
    ends, begins = [end for _, end in slices], [begin for begin, _ in slices]
    late, gaps = [], [begin - end for end, begin in zip(ends, begins[1:]) if 0 < begin - end < 100_000]
    for i in range(4, len(ends) - 4):
        near = sorted(end % TICK_NS for end in ends[i - 4:i + 5])
        here = (ends[i] - near[4] + TICK_NS // 2) % TICK_NS - TICK_NS // 2
        if abs(here) < 65_536:
            late.append(here)
    return (entropy(late, 512) + entropy(gaps, 128)) / 8 if len(late) > 200 and len(gaps) > 200 else None


def slices_of(path):
    """(begin, end) of the workload's slices, in order."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["name"].startswith("schedviz")]
    return sorted((int(row["start_ns"]), int(row["end_ns"])) for row in rows)


def spinners(work):
    for seconds in (2, 10, 60):
        run(work.schedviz, "-b", "-d", str(seconds), "-C", CPU, "-r", work.path("spin.svz"), "--force", "-f", "json", "-o",
            work.path("spin"))
        n, size = switches(work.path("spin")), os.path.getsize(work.path("spin.svz"))
        run(work.schedviz, "-b", "-f", "csv", "-o", work.path("csv"), "--force", work.path("spin.svz"))
        floor = noise(slices_of(work.path("csv")))
        print(f"interleave, {seconds} s: {size} bytes for {n} switches, {size / n:.2f} a switch (bar: 4)" +
              (f"; the noise of its times alone takes {floor:.2f}" if floor else ""))


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with tempfile.TemporaryDirectory() as directory:
        work = Work(sys.argv[1], directory)
        ping_pong(work, rounds)
        spinners(work)


if __name__ == "__main__":
    main()
