#!/usr/bin/env python3
"""The command line: bad input gets one clear line that names the thing, exit status 2, and leaves nothing behind."""

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import tempfile

from lib import (Skip, Terminal, allowed_cpus, environment, expect, expect_nothing_left, main, ordinary,
                 perf_refused, program, run, start, tagged, test, users, wait_until, workdir)

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
    (["-k", "fibre"], ["green"]),
    (["-m", "glued"], ["placement", "glued"]),
    (["-s", "guess"], ["source", "guess"]),
    (["-f", "xml"], ["format", "xml"]),
    (["-f", "sqlite"], ["sqlite", "--output"]),
    (["-f", "sqlite", "-o", "/dev/stdout"], ["/dev/stdout", "database"]),
    (["-f", "sqlite", "-o", "/dev/null"], ["/dev/null", "database"]),
    (["--theme=purple"], ["theme", "purple"]),
    (["-p", "nobody"], ["pid", "nobody"]),
    (["-p", "0"], ["pid", "0"]),
    (["-p", "1", "-n", "2"], ["tasks"]),
    (["-p", "1", "interleave"], ["interleave", "pid"]),
    (["-p", "1", "-s", "engine"], ["engine"]),
    (["-a", "-s", "proc"], ["all"]),
    (["-r", ""], ["record"]),
    (["--force"], ["force", "--output"]),
    (["--"], ["command"]),
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


@test("more cores than there are, asked for in a file, are cut to those, and that is a warning")
def _():
    with shared_directory() as directory:
        path = os.path.join(directory, "wide.yaml")
        put(path, b"cores: 5000\ntasks: {a: {instance: 2, run: 1000}}\n")
        result = run("-b", "-d", "0.1", "-f", "json", path)
        expect(result.status == 0, str(result))
        warnings = json.loads(result.out)["warnings"]
        expect(any(re.fullmatch(r"line 1: cores: made for 5000; this machine lets us use \d+", line) for line in warnings), str(warnings))


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


FORMATS = {"text": b"schedviz", "json": b"{", "sqlite": b"SQLite format 3"}


@contextlib.contextmanager
def shared_directory(mode=0o777):
    """A directory for one test that every user may write to."""
    with tempfile.TemporaryDirectory(dir=workdir()) as directory:
        os.chmod(directory, mode)
        yield directory


def content(path):
    with open(path, "rb") as file:
        return file.read()


def put(path, text=b"mine\n"):
    with open(path, "wb") as file:
        file.write(text)
    os.chmod(path, 0o666)


def expect_files(directory, *names):
    expect(sorted(os.listdir(directory)) == sorted(names), f"in the directory: {os.listdir(directory)}")


@test("an output file that cannot be written is refused before anything runs")
def _():
    with shared_directory() as directory:
        put(os.path.join(directory, "file"))
        os.mkdir(os.path.join(directory, "locked"))
        os.chmod(os.path.join(directory, "locked"), 0o555)
        os.symlink(directory, os.path.join(directory, "link"))
        for name in ("none/report", "", "link", "file/report", "file/", "n" * 300, "locked/report"):
            if name == "locked/report" and os.geteuid() == 0 and ordinary().name == "root":
                continue
            path = os.path.join(directory, name)
            for form in FORMATS:
                expect_one_line(run("-b", "-d", "5", "-f", form, "-o", path, "--force", timeout=4), [path[:200]], (1,))
        expect_files(directory, "file", "locked", "link")


@test("-o writes the report to the file and nothing to standard output")
def _():
    with shared_directory() as directory:
        for form, start in FORMATS.items():
            result = run("-b", "-d", "0.2", "-f", form, "-o", os.path.join(directory, form))
            expect(result.status == 0 and result.out == "" and result.err == "", str(result))
            expect(content(os.path.join(directory, form)).startswith(start), f"no {form} in the file")
        expect_files(directory, *FORMATS)


@test("the file's rights are those that umask leaves")
def _():
    umask = ["sh", "-c", 'umask "$0"; exec "$@"']
    with shared_directory() as directory:
        for form in FORMATS:
            for mask, mode in (("077", 0o600), ("022", 0o644)):
                path = os.path.join(directory, form + mask)
                result = run("-b", "-d", "0.1", "-f", form, "-o", path, prefix=[*umask, mask])
                expect(result.status == 0, str(result))
                expect(os.stat(path).st_mode & 0o777 == mode, f"umask {mask}: {os.stat(path).st_mode:o}")


@test("a file that exists is written over with --force alone")
def _():
    with shared_directory() as directory:
        path = os.path.join(directory, "report")
        for form, start in FORMATS.items():
            put(path)
            expect_one_line(run("-b", "-d", "5", "-f", form, "-o", path, timeout=4), [path, "--force"], (1,))
            expect(content(path) == b"mine\n", "the file was changed")
            result = run("-b", "-d", "0.1", "-f", form, "-o", path, "--force")
            expect(result.status == 0 and result.out == "" and result.err == "", str(result))
            expect(content(path).startswith(start), f"no {form} in the file")
        expect_files(directory, "report")


@test("nothing is written through a symbolic link in a shared directory")
def _():
    with shared_directory(0o1777) as directory, shared_directory() as elsewhere:
        target, device = os.path.join(elsewhere, "target"), os.path.join(directory, "device")
        for there in (True, False):
            link = os.path.join(directory, f"link{there}")
            if there:
                put(target)
            else:
                os.unlink(target)
            os.symlink(target, link)
            expect_one_line(run("-b", "-d", "5", "-o", link, timeout=4), [link, "--force"], (1,))
            for form in FORMATS:
                result = run("-b", "-d", "0.1", "-f", form, "-o", link, "--force", user=users()[-1])
                expect(result.status == 0, str(result))
                expect(not os.path.islink(link), "the link is still there")
                os.unlink(link)
                os.symlink(target, link)
            expect((content(target) == b"mine\n") if there else not os.path.exists(target), "the target was written to")
        os.symlink("/dev/null", device)
        expect_one_line(run("-b", "-d", "5", "-o", device, timeout=4), [device, "--force"], (1,))


@test("in a sticky directory another user's file is left alone, and that is said before anything runs")
def _():
    if users()[-1].name != "root" or len(users()) < 2:
        raise Skip("needs two users")
    with shared_directory(0o1777) as directory:
        path = os.path.join(directory, "report")
        put(path)
        expect_one_line(run("-b", "-d", "5", "-o", path, "--force", timeout=4), [path, "another user"], (1,))
        expect(content(path) == b"mine\n", "the file was changed")


@test("devices, pipes and what is open already are written to without --force")
def _():
    with shared_directory() as directory:
        path = os.path.join(directory, "stdout")
        with open(path, "wb") as file:
            file.write(b"before\n")
            file.flush()
            result = run("-b", "-d", "0.1", "-o", "/dev/stdout", stdout=file)
        expect(result.status == 0 and content(path).startswith(b"before\nschedviz"), f"{result}: {content(path)[:40]}")
        for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"):
            result = run("-b", "-d", "0.1", "-o", name, user=users()[-1])
            expect(result.status == 0 and result.out.startswith("schedviz") and result.err == "", str(result))
        result = run("-b", "-d", "0.1", "-o", "/dev/null")
        expect(result.status == 0 and result.out == "" and result.err == "", str(result))
        pipe = os.path.join(directory, "pipe")
        os.mkfifo(pipe)
        os.chmod(pipe, 0o666)
        with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, env=environment()) as reader:
            result = run("-b", "-d", "0.1", "-f", "json", "-o", pipe)
            expect(result.status == 0, str(result))
            expect(reader.communicate(timeout=10)[0].startswith(b"{"), "nothing came through the pipe")
        expect_one_line(run("-b", "-d", "5", "-f", "sqlite", "-o", pipe, timeout=4), [pipe, "database"])
        expect_files(directory, "stdout", "pipe")


@test("where the disk is full no half file is left, and what was there stays")
def _():
    if not shutil.which("prlimit"):
        raise Skip("prlimit is missing")
    with shared_directory() as directory:
        path = os.path.join(directory, "report")
        for form in FORMATS:
            limited = ["prlimit", "--fsize=512", *ordinary().prefix]
            result = run("-b", "-d", "0.1", "-f", form, "-o", path, user=users()[-1], prefix=limited)
            expect_one_line(result, [path], (1,))
            expect_files(directory)
        put(path)
        expect_one_line(run("-b", "-d", "0.1", "-o", path, "--force", prefix=["prlimit", "--fsize=512"]), [path], (1,))
        expect(content(path) == b"mine\n", "the file was changed")
        expect_files(directory, "report")
    expect_one_line(run("-b", "-d", "0.1", "-o", "/dev/full"), ["/dev/full"], (1,))


@test("a run that is killed leaves no file; one that is told to end writes its report")
def _():
    with shared_directory() as directory:
        path = os.path.join(directory, "report")
        for form in FORMATS:
            for ending in (signal.SIGKILL, signal.SIGTERM):
                process = start("-b", "-d", "20", "-f", form, "-o", path)
                wait_until(lambda process=process: len(tagged(process.tag)) > 1, 10, "the start of the tasks")
                process.send_signal(ending)
                process.communicate(timeout=20)
                expect_nothing_left(process.tag)
                expect_files(directory, *([] if ending == signal.SIGKILL else ["report"]))
            os.unlink(path)


@test("a file that came to be while it ran is not written over, and the report is not lost")
def _():
    with shared_directory() as directory:
        path = os.path.join(directory, "report")
        process = start("-b", "-d", "1", "-f", "json", "-o", path)
        wait_until(lambda: len(tagged(process.tag)) > 1, 10, "the start of the tasks")
        put(path)
        _, err = process.communicate(timeout=20)
        expect(process.returncode == 1, f"status {process.returncode}: {err}")
        expect(content(path) == b"mine\n", "the file was changed")
        kept = [name for name in os.listdir(directory) if name != "report"]
        expect(len(kept) == 1 and kept[0] in err.decode() and err.count(b"\n") == 1, f"{kept}: {err}")
        expect(content(os.path.join(directory, kept[0])).endswith(b"}\n"), "the report is not whole")


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
