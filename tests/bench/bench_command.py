#!/usr/bin/env python3
"""What it costs a real command to be watched: a build (make -j4 of a generated C project) alone, under schedviz, and under
`perf sched record`; for the reader `perf trace -s` and `strace -f -c`, too, which stop at each system call. The rounds
take turns, so that what else the machine does falls on all alike; figures are medians, of the build itself: what a tool does
before and after it is not in them. Usage: bench_command.py SCHEDVIZ [ROUNDS]"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

N_FILES, N_FUNCTIONS = 40, 1  # small ones: what counts are switches, and processes that come and go
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable  # which every user may run
AT_MOST_S = 30  # then no further round is begun
LEAST_PART = 0.02  # of the time alone: where perf sched record adds less, it is not told from noise
ORDINARY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

# Runs a command and writes what it took: on the clock, and of CPU with all that it started.
TIMED = """
import json, resource, subprocess, sys, time
begin = time.monotonic()
status = subprocess.call(sys.argv[2:], stdout=subprocess.DEVNULL)
wall, usage = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([wall, usage.ru_utime + usage.ru_stime, usage.ru_nvcsw + usage.ru_nivcsw], file)
sys.exit(status)
"""

FUNCTION = """
static unsigned f{i}(const unsigned *a, unsigned n)
{{
    unsigned sum = {i};
    for (unsigned k = 0; k < n; k++)
        sum = a[k] % 7 > {i} % 7 ? sum * 31 + a[k] : sum ^ a[k] << {i} % 13;
    return sum;
}}
"""


def write_project(directory):
    for i in range(N_FILES):
        calls = " + ".join(f"f{k}(a, n)" for k in range(N_FUNCTIONS))
        with open(os.path.join(directory, f"part{i}.c"), "w", encoding="ascii") as file:
            file.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n")
            file.write("".join(FUNCTION.format(i=k) for k in range(N_FUNCTIONS)))
            file.write(f"unsigned part{i}(const unsigned *a, unsigned n);\n")
            file.write(f"unsigned part{i}(const unsigned *a, unsigned n)\n{{\n    return {calls};\n}}\n")
    objects = " ".join(f"part{i}.o" for i in range(N_FILES))
    with open(os.path.join(directory, "Makefile"), "w", encoding="ascii") as file:
        file.write(f"lib.a: {objects}\n\tar rc $@ $^\n%.o: %.c\n\t$(CC) -O1 -c -o $@ $<\n")


def run(prefix, directory):
    """Seconds on the clock, seconds of CPU and context switches of one build, or None when it did not succeed."""
    told = os.path.join(directory, "told")
    for name in os.listdir(directory):
        if name.endswith((".o", ".a")) or name == "told":
            os.unlink(os.path.join(directory, name))
    command = [*prefix, PYTHON, "-c", TIMED, told, "make", "-s", "-r", "-j4", "CC=cc"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=directory,
                          check=False)
    if done.returncode != 0 or not os.path.exists(told):
        return None, (done.stderr.decode(errors="replace").strip().splitlines() or ["it failed"])[-1]
    with open(told, encoding="ascii") as file:
        return json.load(file), ""


def tools(schedviz, directory):
    """Each with its prefix, and whether it takes part in all rounds."""
    data = os.path.join(directory, "data")
    ours = [schedviz, "-b", "-o", "/dev/null", "--force", "--"]
    if os.geteuid() == 0 and shutil.which("setpriv"):
        yield "unwatched", ORDINARY, True
        yield "schedviz", [*ORDINARY, *ours], True
        yield "schedviz, by root", ours, True
    else:
        yield "unwatched", [], True
        yield "schedviz", ours, True
    yield "perf sched record", ["perf", "sched", "record", "-o", data, "--"], True
    yield "perf trace -s", ["perf", "trace", "-s", "-o", data, "--"], False
    yield "strace -f -c", ["strace", "-f", "-c", "-o", data], False


def measure(schedviz, directory, rounds):
    figures, why = {}, {}
    end = time.monotonic() + AT_MOST_S
    for i in range(rounds):
        if time.monotonic() > end:
            break
        for name, prefix, always in tools(schedviz, directory):
            if name in why or (i > 0 and not always):
                continue
            if not shutil.which(prefix[0] if prefix else "make"):
                why[name] = f"{prefix[0]} is not installed"
                continue
            took, reason = run(prefix, directory)
            if took:
                figures.setdefault(name, []).append(took)
            else:
                why[name] = reason
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}
    return medians, why, len(figures.get("unwatched", ()))


def show(medians, why):
    alone = medians["unwatched"]
    print(f"{'':18} {'on the clock':>13} {'longer':>8} {'CPU':>9} {'more':>8}")
    for name, (wall, cpu, _) in medians.items():
        print(f"{name:18} {wall:11.2f} s {100 * (wall / alone[0] - 1):+6.1f} % {cpu:7.2f} s {100 * (cpu / alone[1] - 1):+6.1f} %")
    for name, reason in why.items():
        print(f"{name:18} skipped: {reason}")
    peer = medians.get("perf sched record")
    for name in ("schedviz", "schedviz, by root"):
        if name not in medians or not peer:
            continue
        parts = []
        for i, what in ((0, "on the clock"), (1, "of CPU")):
            ours, theirs = medians[name][i] - alone[i], peer[i] - alone[i]
            parts.append(f"{ours / theirs:.2f} {what}" if theirs > LEAST_PART * alone[i] else f"not to be told {what}")
        print(f"time added by {name} / by perf sched record: {', '.join(parts)} (bar: 0.50)")


def main():
    schedviz, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 9
    if not shutil.which("make") or not shutil.which("cc"):
        print("# skipped: make and a compiler are needed")
        return
    with tempfile.TemporaryDirectory(prefix="bench_command.") as directory:
        os.chmod(directory, 0o777)
        if os.geteuid() == 0:  # an ordinary user may not enter every directory
            schedviz = shutil.copy(schedviz, os.path.join(directory, "schedviz"))
        write_project(directory)
        run([], directory)  # what is read from disk once
        medians, why, rounds = measure(schedviz, directory, rounds)
        if "unwatched" not in medians:
            print(f"# skipped: the build fails here: {why['unwatched']}")
            return
        print(f"a build of {N_FILES} files, make -j4, {medians['unwatched'][2]:.0f} switches, {rounds} rounds")
        print("CPU is the build's and the kernel's for it: on a busy machine it tells more than the clock does")
        show(medians, why)


main()
