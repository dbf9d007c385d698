"""Harness of the end-to-end tests: TAP, schedviz as one user or another, and a real terminal under tmux.

A test is a function decorated with @test("what holds"); it raises Skip(reason), or Fail (any exception) with the cause.
Everything that a test starts carries a tag in its environment, so that what it left behind is found and ended by pid.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
SRCDIR = os.environ.get("top_srcdir", os.path.dirname(os.path.dirname(HERE)))
BUILDDIR = os.environ.get("top_builddir", os.path.join(SRCDIR, "build"))
SCHEDVIZ = os.environ.get("SCHEDVIZ", os.path.join(BUILDDIR, "schedviz"))
LONG = bool(os.environ.get("SCHEDVIZ_TEST_LONG"))
TAG = "SCHEDVIZ_TEST_TAG"
ORDINARY_UID = 65534
# To be watched: the system's own, which every user may run and which is no script that starts another one.
PYTHON = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable


class Skip(Exception):
    """The test cannot run here; the text says why."""


class Fail(Exception):
    """What was expected does not hold; the text says what was seen."""


def expect(condition, text):
    if not condition:
        raise Fail(text)


# ---- TAP ----

_tests = []


def test(name, timeout=60):
    """Registers a function as a test."""

    def register(function):
        _tests.append((name, timeout, function))
        return function

    return register


def comment(text):
    for line in str(text).splitlines():
        print("# " + line, flush=True)


def _alarm(_signal, _frame):
    raise Fail("took longer than it may")


TRIES = 3


def _try(function, timeout, tries):
    """Runs a test; returns "" or why it is skipped. Raises what its failure raised. What fails while others have the machine
    is tried again, the failure told, since starved programs do what the test need not foresee; on a quiet machine, and the
    last time, a failure is one."""
    for n in range(tries, 0, -1):
        others = Neighbours()
        try:
            with others:
                signal.alarm(timeout)
                try:
                    function()
                finally:
                    signal.alarm(0)
            return ""
        except Skip as skip:
            return str(skip)
        except Exception as failure:  # pylint: disable=broad-except
            if n == 1 or others.part <= Neighbours.BUSY:
                raise
            _tell(failure)
            comment(f"others had {100 * others.part:.0f} % of the machine: tried again")
            end_tagged(tagged())
    raise AssertionError("a test is tried once at least")


def _tell(failure):
    comment(f"{type(failure).__name__}: {failure}" if not isinstance(failure, Fail) else failure)
    frame = failure.__traceback__
    while frame.tb_next:
        frame = frame.tb_next
    comment(f"at {os.path.basename(frame.tb_frame.f_code.co_filename)}:{frame.tb_lineno}")


def main():
    """Runs the registered tests, those whose names contain the first argument when there is one."""
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    tests = [t for t in _tests if only in t[0]]
    signal.signal(signal.SIGALRM, _alarm)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    n_failed = 0
    try:
        print(f"1..{len(tests)}", flush=True)
        for number, (name, timeout, function) in enumerate(tests, 1):
            try:
                skipped = _try(function, timeout, 1 if LONG else TRIES)
                line = f"ok {number} - {name}" + (f" # SKIP {skipped}" if skipped else "")
            except Exception as failure:  # pylint: disable=broad-except
                n_failed += 1
                _tell(failure)
                line = f"not ok {number} - {name}"
            print(line.replace("\n", " "), flush=True)
            end_tagged(tagged())
    finally:
        end_tagged(tagged())
        if _workdir:
            shutil.rmtree(_workdir, ignore_errors=True)
    sys.exit(1 if n_failed else 0)


# ---- What was started, and what is left of it ----

_run_tag = uuid.uuid4().hex


def tagged(tag=_run_tag):
    """Pids of the living processes whose environment carries the tag (this process is none of them)."""
    needle = f"{TAG}={tag}".encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as file:
                if needle in file.read():
                    found.append(int(entry))
        except OSError:
            pass
    return found


def end_tagged(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


def describe(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return " ".join(file.read().split()[:4])
    except OSError:
        return f"{pid} (gone)"


def expect_nothing_left(tag, within=3.0, but=()):
    """Fails when processes with the tag live on."""
    deadline = time.monotonic() + within
    while True:
        left = [pid for pid in tagged(tag) if pid not in but]
        if not left:
            return
        if time.monotonic() > deadline:
            text = "left behind: " + ", ".join(describe(pid) for pid in left)
            end_tagged(left)
            raise Fail(text)
        time.sleep(0.02)


def wait_until(predicate, within, what):
    """Polls until predicate() is true and returns its value."""
    deadline = time.monotonic() + within
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Fail(f"not within {within} s: {what}")
        time.sleep(0.03)


def stat_fields(pid, tid=None):
    """Fields of /proc/PID/stat after the name: [0] is the state, [1] the parent's pid."""
    path = f"/proc/{pid}/stat" if tid is None else f"/proc/{pid}/task/{tid}/stat"
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""


def children(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                if int(stat_fields(entry)[1]) == pid and stat_fields(entry)[0] != "Z":
                    found.append(int(entry))
            except (OSError, IndexError):
                pass
    return found


# ---- Users and the ways to run ----

_workdir = None


def workdir():
    """A directory of this run that every user may read, write and enter, with copies of what is run."""
    global _workdir
    if not _workdir:
        if not os.access(SCHEDVIZ, os.X_OK):
            raise Skip(f"{SCHEDVIZ} is not built")
        _workdir = tempfile.mkdtemp(prefix="schedviz-e2e-")
        os.chmod(_workdir, 0o1777)
        for path in (SCHEDVIZ, os.path.join(BUILDDIR, "tests", "e2e", "refuse_perf")):
            if os.path.exists(path):
                copy = os.path.join(_workdir, os.path.basename(path))
                shutil.copy(path, copy)
                os.chmod(copy, 0o755)
    return _workdir


def program():
    return os.path.join(workdir(), "schedviz")


class User:
    """Who runs it: prefix is the command that becomes that user."""

    def __init__(self, name, prefix):
        self.name = name
        self.prefix = prefix


def users():
    """This user; and for root an ordinary one, first."""
    if os.geteuid() != 0:
        return [User("ordinary user", [])]
    root = User("root", [])
    if not shutil.which("setpriv"):
        return [root]
    uid = str(ORDINARY_UID)
    return [User("ordinary user", ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]), root]


def ordinary():
    return users()[0]


def perf_refused():
    """The command prefix under which perf_event_open(2) fails."""
    helper = os.path.join(workdir(), "refuse_perf")
    if not os.path.exists(helper):
        raise Skip("libseccomp is missing: perf_event_open cannot be refused")
    return [helper]


def environment(changes=None, tag=_run_tag):
    env = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": workdir(),
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
        TAG: tag,
    }
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH"):
        if name in os.environ:
            env[name] = os.environ[name]
    for name, value in (changes or {}).items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    return env


class Result:
    """How a run ended: status, out and err as text, the tag of its processes."""

    def __init__(self, args, status, out, err, tag):
        self.args, self.status, self.out, self.err, self.tag = args, status, out, err, tag

    def __str__(self):
        return f"schedviz {' '.join(self.args)}: status {self.status}, out {self.out[:400]!r}, err {self.err[:400]!r}"


def run(*args, user=None, prefix=(), env=None, timeout=30, cwd=None, stdout=subprocess.PIPE):
    """Runs schedviz to its end, standard input from /dev/null."""
    tag = _run_tag + uuid.uuid4().hex[:8]
    command = (user or ordinary()).prefix + list(prefix) + [program()] + list(args)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                               env=environment(env, tag), cwd=cwd or workdir(), start_new_session=True)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as expired:
        end_tagged(tagged(tag))
        process.kill()
        _, err = process.communicate()
        raise Fail(f"schedviz {' '.join(args)} did not end in {timeout} s; err {err[:400]!r}") from expired
    return Result(args, process.returncode, (out or b"").decode(errors="replace"), err.decode(errors="replace"), tag)


def start(*args, user=None, prefix=(), env=None):
    """Starts schedviz with its output kept; returns the Popen, with .tag added."""
    tag = _run_tag + uuid.uuid4().hex[:8]
    command = (user or ordinary()).prefix + list(prefix) + [program()] + list(args)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=environment(env, tag), cwd=workdir(), start_new_session=True)
    process.tag = tag
    return process


class Watched:
    """How a run that watches a program ended: status, out and err as bytes, the report as written with -f json -o (None:
    there is none), and the part of the machine's time that others had meanwhile."""

    def __init__(self, args, status, out, err, tag):
        self.args, self.status, self.out, self.err, self.tag = args, status, out, err, tag
        self.report, self.neighbours = None, None

    def __str__(self):
        return f"schedviz {' '.join(self.args)}: status {self.status}, out {self.out[:400]!r}, err {self.err[:400]!r}"

    def tasks(self):
        """The program's own, as the report has them."""
        return [task for task in self.report["tasks"] if not task["observer"]]


def watch(*args, user=None, prefix=(), env=None, given=b"", timeout=60, cwd=None):
    """Watches a program without a screen: args are options and -- COMMAND or -p PID; given is its standard input."""
    tag = _run_tag + uuid.uuid4().hex[:8]
    path = os.path.join(workdir(), f"report-{uuid.uuid4().hex}.json")
    words = ["-b", "-f", "json", "-o", path, *map(str, args)]
    command = (user or ordinary()).prefix + list(prefix) + [program()] + words
    with Neighbours() as others:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=environment(env, tag), cwd=cwd or workdir(), start_new_session=True)
        try:
            out, err = process.communicate(given, timeout=timeout)
        except subprocess.TimeoutExpired as expired:
            end_tagged(tagged(tag))
            process.kill()
            _, err = process.communicate()
            raise Fail(f"schedviz {' '.join(words)} did not end in {timeout} s; err {err[:400]!r}") from expired
    watched = Watched(words, process.returncode, out, err, tag)
    watched.neighbours = others.part
    if os.path.exists(path):
        with open(path, "rb") as file:
            watched.report = json.loads(file.read().decode("utf-8"))
        os.unlink(path)
    return watched


# ---- The machine ----

def allowed_cpus():
    return sorted(os.sched_getaffinity(0))


def cpu_busy_s(cpus):
    """Seconds that the CPUs were busy since boot, per CPU (proc(5), /proc/stat)."""
    busy = {}
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            fields = line.split()
            if fields[0].startswith("cpu") and fields[0] != "cpu":
                cpu = int(fields[0][3:])
                if cpu in cpus:
                    n = [int(field) for field in fields[1:9]]
                    busy[cpu] = (sum(n) - n[3] - n[4]) / os.sysconf("SC_CLK_TCK")
    return busy


def idle_cpus(n, seconds=0.3, limit=0.1):
    """n CPUs that were at most `limit` busy just now, or None."""
    cpus = allowed_cpus()
    before = cpu_busy_s(cpus)
    time.sleep(seconds)
    after = cpu_busy_s(cpus)
    idle = [cpu for cpu in cpus if after[cpu] - before[cpu] <= limit * seconds]
    return idle[:n] if len(idle) >= n else None


class Neighbours:
    """`with Neighbours() as others:` the part of the machine's time that others had meanwhile, other programs or the
    hypervisor: others.part, 0 to 1. What we started must have been waited for by then."""

    BUSY = 0.05  # beyond this, figures that need the cores are not those of an idle machine

    def __enter__(self):
        self.part = None
        self._begin = self._now()
        return self

    def __exit__(self, *_):
        wall, busy, ours = (end - begin for end, begin in zip(self._now(), self._begin))
        self.part = max(0, busy - ours) / (wall * len(allowed_cpus()))

    @staticmethod
    def _now():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.monotonic(), sum(cpu_busy_s(set(allowed_cpus())).values()), usage.ru_utime + usage.ru_stime


# ---- A terminal ----

class Terminal:
    """A shell in a tmux server of its own. Use it in a with statement."""

    PROMPT = "sh-ready> "

    def __init__(self, cols=80, rows=24, user=None, env=None):
        if not shutil.which("tmux"):
            raise Skip("tmux is missing")
        self.user = user or ordinary()
        self.cols, self.rows = cols, rows
        self.dir = tempfile.mkdtemp(prefix="tty-", dir=workdir())
        os.chmod(self.dir, 0o777)
        self.tag = _run_tag + uuid.uuid4().hex[:8]
        # ENV is the shell's start file: the prompt is known, and what the shell was given stays as it is.
        changes = {"PS1": self.PROMPT, "SHELL": "/bin/sh", "ENV": None, "HISTFILE": None}
        changes.update(env or {})
        self.env = environment(changes, self.tag)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", str(cols), "-y", str(rows), "/bin/sh", "-i")
        try:
            self.server = int(self._tmux("display-message", "-p", "#{pid}"))
            self._tmux("set-option", "-g", "status", "off")
            self.resize(cols, rows)
            self.wait(lambda screen: self.PROMPT.strip() in screen, what="the shell's prompt")
            self.shell = int(self._tmux("display-message", "-p", "#{pane_pid}"))
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _tmux(self, *args, check=True):
        command = self.user.prefix + ["tmux", "-u", "-S", os.path.join(self.dir, "socket")] + list(args)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=self.env, cwd=self.dir,
                              timeout=20, check=False)
        if check and done.returncode != 0:
            raise Fail(f"tmux {args[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode(errors="replace")

    def path(self, name):
        return os.path.join(self.dir, name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8", errors="replace") as file:
            return file.read()

    def keys(self, *keys):
        """Sends keys by their tmux names (Enter, C-c, Up, F1...)."""
        self._tmux("send-keys", "-t", "t", *keys)

    def type(self, text):
        """Sends the characters of text as they are."""
        self._tmux("send-keys", "-t", "t", "-l", text)

    def command(self, line):
        self.type(line)
        self.keys("Enter")

    def screen(self, colours=False):
        """What the terminal shows, line by line."""
        return self._tmux("capture-pane", "-p", "-t", "t", *(["-e"] if colours else []))

    def resize(self, cols, rows):
        self._tmux("resize-window", "-t", "t", "-x", str(cols), "-y", str(rows))
        self.cols, self.rows = cols, rows

    def wait(self, predicate, within=10.0, what="the screen"):
        """Polls the screen until predicate(screen) holds and returns it."""
        screen = ""

        def seen():
            nonlocal screen
            screen = self.screen()
            return predicate(screen)

        try:
            wait_until(seen, within, what)
        except Fail as failure:
            raise Fail(f"{failure}; the screen was:\n{screen}") from None
        return screen

    def schedviz(self, *args, env="", prefix=(), stderr="err.txt"):
        """Starts schedviz in the shell, its standard error to a file; the shell then tells its status."""
        words = list(prefix) + [program()] + list(args)
        redirect = f" 2>{self.path(stderr)}" if stderr else ""
        self.command(f"{env} {' '.join(words)}{redirect}; echo status=$?=".strip())

    def status(self, within=10.0):
        """Waits until schedviz has ended and returns its exit status."""
        screen = self.wait(lambda s: self._status(s) is not None, within, "the end of schedviz")
        return self._status(screen)

    @staticmethod
    def _status(screen):
        found = re.findall(r"status=(\d+)=", screen)
        return int(found[-1]) if found else None

    def pids(self):
        """schedviz and all that it started here."""
        return [pid for pid in tagged(self.tag) if pid not in (self.server, getattr(self, "shell", 0))]

    def close(self):
        try:
            self._tmux("kill-server", check=False)
        except (OSError, subprocess.SubprocessError):
            pass
        end_tagged(tagged(self.tag))
        shutil.rmtree(self.dir, ignore_errors=True)
