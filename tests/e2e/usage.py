#!/usr/bin/env python3
"""The command line: bad input gets one clear line that names the thing, exit status 2, and leaves nothing behind."""

import os
import pty
import shutil
import subprocess

from lib import (Skip, Terminal, allowed_cpus, environment, expect, expect_nothing_left, main, ordinary,
                 perf_refused, program, run, test, users, workdir)

N_CPUS = len(allowed_cpus())
NO_CPU = 4000


def expect_one_line(result, names, statuses=(2,)):
    expect(result.status in statuses, f"expected exit status {' or '.join(map(str, statuses))}: {result}")
    expect(result.out == "", f"something on standard output: {result}")
    expect(result.err.endswith("\n") and result.err.count("\n") == 1, f"not exactly one line: {result}")
    expect(result.err.startswith("schedviz: "), f"the line does not begin with the program's name: {result}")
    expect(all(c.isprintable() for c in result.err.rstrip("\n")), f"not printable: {result}")
    for name in names:
        expect(name in result.err, f"{name!r} is not named: {result}")
    expect_nothing_left(result.tag)


# What is typed (with -b, so that nothing else is wrong), and what the line must name.
REFUSED = [
    (["-n", "0"], ["tasks", "0"]),
    (["-n", "x"], ["tasks", "x"]),
    (["-n", "-1"], ["tasks", "-1"]),
    (["-n", ""], ["tasks"]),
    (["-n", "4x"], ["tasks", "4x"]),
    (["-n", "100000"], ["tasks", "100000"]),
    (["-n", "99999999999999999999999"], ["tasks"]),
    (["--tasks"], ["--tasks"]),
    (["-c", "0"], ["cores", "0"]),
    (["-c", "x"], ["cores", "x"]),
    (["-c", "999"], ["999", str(N_CPUS)]),
    (["-C", "x"], ["cpu-list", "x"]),
    (["-C", ""], ["cpu-list"]),
    (["-C", "9-1"], ["cpu-list", "9-1"]),
    (["-C", "0,,1"], ["cpu-list"]),
    (["-C", str(NO_CPU)], ["cpu-list", str(NO_CPU)]),
    (["-C", "99999999999"], ["cpu-list"]),
    (["-d", "0"], ["duration", "0"]),
    (["-d", "x"], ["duration", "x"]),
    (["-d", "-1s"], ["duration", "-1s"]),
    (["-d", "5parsecs"], ["duration", "5parsecs"]),
    (["-d", "1e300"], ["duration"]),
    (["-d", "nan"], ["duration", "nan"]),
    (["-w", "x"], ["work", "x"]),
    (["-w", "0"], ["work", "0"]),
    (["-k", "coroutine"], ["kind", "coroutine"]),
    (["-k", "green"], ["green"]),
    (["-m", "glued"], ["placement", "glued"]),
    (["-s", "guess"], ["source", "guess"]),
    (["-f", "xml"], ["format", "xml"]),
    (["-f", "csv"], ["csv"]),
    (["-f", "svg"], ["svg"]),
    (["-f", "html"], ["html"]),
    (["-f", "perfetto"], ["perfetto"]),
    (["-f", "sqlite"], ["sqlite"]),
    (["--theme=purple"], ["theme", "purple"]),
    (["-p", "1"], ["pid"]),
    (["-a", "-s", "proc"], ["all"]),
    (["-r", "file"], ["record"]),
    (["--force"], ["force"]),
    (["--exit-on-deadlock"], ["exit-on-deadlock"]),
    (["--", "true"], ["true"]),
    (["--no-such-option"], ["--no-such-option"]),
    (["-Z"], ["-Z"]),
    (["-c", "1", "-C", "0"], ["cores", "cpu-list"]),
    (["--list=x"], ["--list"]),
    (["no-such-lesson"], ["no-such-lesson"]),
    (["interleave", "interleave"], ["interleave"]),
    (["./workload.yaml"], ["./workload.yaml"]),
    (["\x1b[31mred"], ["red"]),
]


def register_refused():
    for words, names in REFUSED:
        shown = " ".join(word if word.isprintable() and word else repr(word) for word in words)

        @test(f"refused: {shown.replace('#', '')}", timeout=20)
        def _(words=tuple(words), names=tuple(names)):
            expect_one_line(run("-b", *words, timeout=15), names)


register_refused()


@test("a CPU that this process may not use is refused, and those that it may are named")
def _():
    if N_CPUS < 2 or not shutil.which("taskset"):
        raise Skip("needs two CPUs and taskset")
    mine, other = allowed_cpus()[:2]
    result = run("-b", "-d", "1", "-C", str(other), prefix=["taskset", "-c", str(mine)])
    expect_one_line(result, ["cpu-list", str(other), str(mine)])


@test("more cores than this process may use are refused, and how many there are is said")
def _():
    if N_CPUS < 2 or not shutil.which("taskset"):
        raise Skip("needs two CPUs and taskset")
    result = run("-b", "-d", "1", "-c", "2", prefix=["taskset", "-c", str(allowed_cpus()[0])])
    expect_one_line(result, ["2", "1"])


@test("standard output that is no terminal is refused without -b")
def _():
    expect_one_line(run("-d", "1"), ["-b"])


def run_on_tty(*args, term):
    """schedviz on a terminal of its own, with TERM as given."""
    controller, terminal = pty.openpty()
    try:
        process = subprocess.run(ordinary().prefix + [program(), *args], stdin=terminal, stdout=terminal,
                                 stderr=subprocess.PIPE, env=environment({"TERM": term}), timeout=15, check=False)
        os.set_blocking(controller, False)
        try:
            shown = os.read(controller, 65536)
        except OSError:
            shown = b""
    finally:
        os.close(controller)
        os.close(terminal)
    return process.returncode, shown, process.stderr.decode(errors="replace")


@test("TERM unset, empty or unknown is refused, and nothing is drawn")
def _():
    for term in (None, "", "no-such-terminal"):
        status, shown, err = run_on_tty("-d", "1", term=term)
        expect(status == 2, f"TERM={term}: status {status}, err {err!r}")
        expect(err.count("\n") == 1 and "TERM" in err, f"TERM={term}: {err!r}")
        expect(shown == b"", f"TERM={term}: something was drawn: {shown!r}")


@test("-b does not care about TERM")
def _():
    result = run("-b", "-d", "0.2", env={"TERM": None})
    expect(result.status == 0 and result.out, str(result))


@test("an output file that cannot be written is refused before anything runs")
def _():
    path = os.path.join(workdir(), "no-such-directory", "report")
    expect_one_line(run("-b", "-d", "5", "-o", path, timeout=4), [path])


@test("-o writes the report to the file and nothing to standard output")
def _():
    directory = os.path.join(workdir(), "out")
    os.mkdir(directory)
    os.chmod(directory, 0o777)
    path = os.path.join(directory, "report.json")
    result = run("-b", "-d", "0.2", "-f", "json", "-o", path)
    expect(result.status == 0 and result.out == "", str(result))
    with open(path, encoding="utf-8") as file:
        expect(file.read(1) == "{", "no JSON in the file")


@test("a full disk is a failure with one line")
def _():
    with open("/dev/full", "wb") as full:
        result = run("-b", "-d", "0.2", "-f", "json", stdout=full)
    expect(result.status == 1, str(result))
    expect(result.err.count("\n") == 1, str(result))
    expect_nothing_left(result.tag)


@test("a reader that goes away ends it quietly")
def _():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        result = run("-b", "-d", "0.2", "-f", "json", stdout=pipe)
    expect(result.status in (1, -13), str(result))
    expect(result.err.count("\n") <= 1, str(result))
    expect_nothing_left(result.tag)


@test("--source=perf where perf is refused is one line with the way out")
def _():
    result = run("-b", "-d", "0.2", "-s", "perf", prefix=perf_refused())
    expect_one_line(result, ["perf"], statuses=(1, 2))


@test("more processes than the limits allow is one line, and none is left behind")
def _():
    if users()[0].name == "root":
        raise Skip("root has no limit of processes, and setpriv is missing")
    if not shutil.which("prlimit"):
        raise Skip("prlimit is missing")
    # Looking for leaks at its end, ASan starts a process itself.
    result = run("-b", "-d", "1", "-n", "200", "-k", "process", prefix=["prlimit", "--nproc=40:40"],
                 env={"ASAN_OPTIONS": "detect_leaks=0"})
    expect_one_line(result, [], statuses=(1, 2))


@test("--help shows every option on standard output")
def _():
    for word in ("-h", "--help"):
        result = run(word)
        expect(result.status == 0 and result.err == "", str(result))
        for option in ("--tasks", "--cores", "--cpu-list", "--kind", "--placement", "--work", "--duration", "--source",
                       "--batch", "--format", "--output", "--list", "--theme", "--ascii", "--no-mouse", "--version"):
            expect(option in result.out, f"{option} is not in the help")


@test("--version tells the version")
def _():
    version = os.environ.get("SCHEDVIZ_VERSION", "")
    for word in ("-V", "--version"):
        result = run(word)
        expect(result.status == 0 and result.err == "" and result.out.count("\n") == 1, str(result))
        expect(result.out.startswith("schedviz ") and version in result.out, str(result))


@test("--list names the lessons")
def _():
    result = run("--list")
    expect(result.status == 0 and result.err == "" and "interleave" in result.out, str(result))


@test("the terminal is not touched by a refused command line")
def _():
    with Terminal() as terminal:
        terminal.schedviz("-n", "0", stderr=None)
        expect(terminal.status() == 2, "status")
        expect("tasks" in terminal.screen(), terminal.screen())


if __name__ == "__main__":
    main()
