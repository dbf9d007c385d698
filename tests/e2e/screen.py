#!/usr/bin/env python3
"""The screen in a real terminal: every key in every view, every size, every kind of terminal, and a sane end."""

import os
import random
import re
import shutil
import signal
import time

from lib import (LONG, SRCDIR, Fail, Skip, Terminal, children, comm, expect, main, stat_fields, test, wait_until)

TMUX_NAMES = {"PgUp": "PPage", "PgDn": "NPage", "Shift-Tab": "BTab", "Esc": "Escape", "Ctrl-L": "C-l"}
VIEW_KEYS = "123456"
LEAVING = {"q", "F10"}


def command_keys():
    """Every key of the table in ui/command.c, by its tmux name."""
    with open(os.path.join(SRCDIR, "ui", "command.c"), encoding="utf-8") as file:
        rows = re.findall(r'^    \{"[^"]*", "((?:[^"\\]|\\.)*)",', file.read(), re.MULTILINE)
    keys = [key for row in rows for key in row.split(" ")]
    expect(len(keys) > 30, f"the table of keys was not understood: {keys}")
    return [TMUX_NAMES.get(key, key) for key in keys]


def schedviz_of(terminal):
    found = [pid for pid in terminal.pids() if comm(pid) == "schedviz" and int(stat_fields(pid)[1]) == terminal.shell]
    return found[0] if found else None


def shows_lanes(screen):
    """The title line, which names the source even where there is no room for anything else."""
    lines = screen.splitlines()
    return len(lines) > 3 and re.search(r"\b(perf|engine|proc)\b", lines[0]) is not None


def voluntary_switches(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read(), re.MULTILINE).group(1))


def open_schedviz(terminal, *args, **how):
    terminal.schedviz(*args, **how)
    terminal.wait(shows_lanes, what="the first frame")


def check_alive(terminal, what):
    """It runs, wrote nothing beside the screen, and fills it."""
    screen = terminal.screen()
    if schedviz_of(terminal) is None:
        raise Fail(f"schedviz is gone after {what}; stderr {terminal.read('err.txt')!r}; the screen was:\n{screen}")
    expect(terminal.read("err.txt") == "", f"after {what} on standard error: {terminal.read('err.txt')!r}")
    for line in screen.splitlines():
        expect(all(c.isprintable() for c in line), f"after {what} unprintable: {line!r}")


def leave(terminal, key="q"):
    terminal.keys(key)
    status = terminal.status()
    expect(status == 0, f"exit status {status}; stderr {terminal.read('err.txt')!r}")
    wait_until(lambda: not terminal.pids(), 5, "the end of all processes")
    expect(terminal.read("err.txt") == "", f"on standard error: {terminal.read('err.txt')!r}")


def painted_again(terminal):
    """What is on the terminal before and after it is painted anew; equal when no stray character is there."""
    before = terminal.screen()
    terminal.keys("C-l")
    time.sleep(0.4)
    return before, terminal.screen()


def same_but_figures(before, after):
    """Equal when figures that go on counting are left aside: numbers, units, and the spaces that they push about."""

    def shape(text):
        plain = re.sub(r"[\d.,]+|\b(ns|\u00b5s|us|ms|s|min)\b", " ", text)
        return [" ".join(line.split()) for line in plain.splitlines()]

    return shape(before) == shape(after)


def expect_no_stray(terminal, what):
    for _ in range(8):
        before, after = painted_again(terminal)
        if same_but_figures(before, after):
            return
    raise Fail(f"after {what} the screen differs from a fresh painting.\nbefore:\n{before}\nafter:\n{after}")


@test("it starts, shows lanes of the tasks, and q leaves with status 0")
def _():
    with Terminal(100, 30) as terminal:
        before = terminal.screen()
        open_schedviz(terminal, "-n", "4")
        screen = terminal.wait(lambda s: all(letter in s for letter in "ABCD"), what="the tasks A to D")
        for word in ("interleave", "core"):
            expect(word in screen, f"{word!r} is not on the screen:\n{screen}")
        check_alive(terminal, "the start")
        leave(terminal)
        expect(before.strip().splitlines()[0] in terminal.screen(), "the shell's screen did not come back")


@test("the first frame is there soon after the start")
def _():
    with Terminal(100, 30) as terminal:
        terminal.schedviz("-n", "4")
        terminal.wait(shows_lanes, within=2.0, what="the first frame")
        leave(terminal)


@test("F10 leaves too")
def _():
    with Terminal(100, 30) as terminal:
        open_schedviz(terminal)
        leave(terminal, "F10")


@test("-d ends the tasks, and the picture stays")
def _():
    with Terminal(100, 30) as terminal:
        terminal.schedviz("-d", "0.5", "-k", "process")
        terminal.wait(lambda s: "duration is over" in s, what="the end of the duration")
        wait_until(lambda: not [pid for pid in terminal.pids() if comm(pid) in ("A", "B", "C", "D")], 3, "the end of the tasks")
        check_alive(terminal, "the end of the duration")
        leave(terminal)


def press_everything(cols, rows, *args):
    with Terminal(cols, rows) as terminal:
        open_schedviz(terminal, *args)
        for view in VIEW_KEYS:
            terminal.keys("Escape")
            time.sleep(0.1)
            terminal.keys(view)
            for key in command_keys():
                if key in LEAVING or key in VIEW_KEYS or key in ("Tab", "BTab"):
                    continue
                terminal.keys(key)
                time.sleep(0.06)
                check_alive(terminal, f"{key} in view {view}")
                terminal.keys("Escape")
                if key in ("T", "-", "x"):
                    time.sleep(0.15)
        terminal.keys("Escape")
        time.sleep(0.2)
        leave(terminal)


@test("every key in every view", timeout=240)
def _():
    press_everything(100, 30, "-n", "4")


@test("every key in every view at 20x6, processes", timeout=240)
def _():
    press_everything(20, 6, "-n", "3", "-k", "process")


@test("every byte that is no command does nothing", timeout=120)
def _():
    with Terminal(80, 24) as terminal:
        open_schedviz(terminal)
        known = set(command_keys())
        for code in range(33, 127):
            char = chr(code)
            if char not in known and char != ";":
                terminal.type(char)
        for key in ("F2", "F5", "F12", "C-a", "C-e", "C-r", "C-t", "IC", "DC"):
            terminal.keys(key)
        terminal.type("\u00e4\u20ac\U0001f600")
        time.sleep(0.3)
        terminal.keys("Escape")
        check_alive(terminal, "keys without a command")
        leave(terminal)


@test("many keys at once, at random", timeout=120)
def _():
    rng = random.Random(20)
    keys = [key for key in command_keys() if key not in LEAVING]
    with Terminal(90, 28) as terminal:
        open_schedviz(terminal, "-n", "3")
        for _ in range(12 if not LONG else 200):
            terminal.keys(*[rng.choice(keys) for _ in range(25)])
            check_alive(terminal, "random keys")
        terminal.keys("Escape", "Escape")
        time.sleep(0.5)
        check_alive(terminal, "random keys")
        leave(terminal)


@test("each change is answered: cores, tasks, kind, placement", timeout=90)
def _():
    with Terminal(120, 36) as terminal:
        open_schedviz(terminal, "-n", "2")
        terminal.keys("t")
        terminal.wait(lambda s: re.search(r"\b3 threads", s), what="a third thread")
        terminal.keys("k")
        terminal.wait(lambda s: re.search(r"\b3 processes", s), what="processes")
        terminal.keys("m")
        terminal.wait(lambda s: "free" in s.splitlines()[0] or "free" in s, what="free placement")
        terminal.keys("T")
        terminal.wait(lambda s: re.search(r"\b2 processes", s), what="two processes")
        if len(os.sched_getaffinity(0)) > 1:
            terminal.keys("+")
            terminal.wait(lambda s: re.search(r"\b2 (of \d+ )?cores", s), what="two cores")
            terminal.keys("-")
            terminal.wait(lambda s: re.search(r"\b1 (of \d+ )?cores?", s), what="one core")
        check_alive(terminal, "the changes")
        leave(terminal)


@test("a storm of resizes leaves no stray character", timeout=120)
def _():
    rng = random.Random(7)
    with Terminal(100, 30) as terminal:
        open_schedviz(terminal, "-n", "4")
        for view in VIEW_KEYS:
            terminal.keys(view)
            for _ in range(12 if not LONG else 100):
                terminal.resize(rng.randint(20, 200), rng.randint(6, 60))
            check_alive(terminal, f"resizes in view {view}")
        for size in ((1, 1), (2, 2), (5, 1), (1, 5), (300, 100), (20, 6)):
            terminal.resize(*size)
            time.sleep(0.1)
            check_alive(terminal, f"a size of {size}")
        terminal.resize(100, 30)
        terminal.keys("1", "Space")
        time.sleep(0.5)
        expect_no_stray(terminal, "the resizes")
        leave(terminal)


def register_sizes():
    for cols, rows in ((20, 6), (40, 12), (80, 24), (120, 36), (200, 60)):

        @test(f"{cols}x{rows}: every view draws, and in lecture size", timeout=60)
        def _(cols=cols, rows=rows):
            with Terminal(cols, rows) as terminal:
                terminal.schedviz("-n", "4")
                wait_until(lambda: schedviz_of(terminal), 10, "schedviz")
                time.sleep(0.5)
                for lecture in (False, True):
                    for view in VIEW_KEYS:
                        terminal.keys(view)
                        time.sleep(0.25)
                        check_alive(terminal, f"view {view}, lecture {lecture}")
                        screen = terminal.screen()
                        expect(len(screen.replace(" ", "")) > 20, f"view {view} is empty:\n{screen}")
                    terminal.keys("L")
                leave(terminal)


register_sizes()


def register_terminals():
    for term in ("vt100", "xterm", "xterm-256color", "tmux-256color", "screen", "linux", "xterm-mono"):

        @test(f"TERM={term}", timeout=60)
        def _(term=term):
            found = any(os.path.exists(os.path.join(place, term[0], term))
                        for place in ("/lib/terminfo", "/usr/share/terminfo", "/etc/terminfo"))
            if not found:
                raise Skip(f"no terminfo entry {term} (Debian: ncurses-term)")
            # On a Linux console ncurses loads libgpm for the mouse, and that leaks.
            with Terminal(80, 24, env={"ASAN_OPTIONS": "detect_leaks=0"} if term == "linux" else None) as terminal:
                open_schedviz(terminal, "-n", "2", env=f"TERM={term}")
                for view in "321":
                    terminal.keys(view)
                    time.sleep(0.3)
                    check_alive(terminal, f"TERM={term}")
                terminal.keys("Space")
                time.sleep(0.3)
                expect_no_stray(terminal, f"TERM={term}")
                leave(terminal)


register_terminals()


def check_ascii(env, *args):
    with Terminal(100, 30, env=env) as terminal:
        open_schedviz(terminal, "-n", "3", *args)
        for view in VIEW_KEYS + "h":
            terminal.keys(view)
            time.sleep(0.3)
            screen = terminal.screen()
            expect(screen.isascii(), f"view {view}: not ASCII: {[c for c in screen if not c.isascii()][:8]}\n{screen}")
            check_alive(terminal, f"view {view}")
        terminal.keys("Escape")
        time.sleep(0.2)
        leave(terminal)


@test("--ascii draws with ASCII alone", timeout=60)
def _():
    check_ascii(None, "--ascii")


@test("a C locale draws with ASCII alone", timeout=60)
def _():
    check_ascii({"LC_ALL": "C"})


def has_colour(screen):
    return re.search(r"\x1b\[[0-9;:]*\b(3[0-8]|4[0-8]|9[0-7]|10[0-7])\b", screen) is not None


@test("NO_COLOR and --theme=mono draw without colour, the others with", timeout=60)
def _():
    for env, args, coloured in (("", (), True), ("NO_COLOR=1", (), False), ("", ("--theme=mono",), False),
                                ("", ("--theme=light",), True), ("", ("--theme=dark",), True)):
        with Terminal(100, 30) as terminal:
            open_schedviz(terminal, "-n", "3", *args, env=env)
            time.sleep(0.7)
            screen = terminal.screen(colours=True)
            expect(has_colour(screen) == coloured, f"{env} {args}: colours {not coloured}")
            leave(terminal)


def stty(terminal, name):
    path = terminal.path(name)
    terminal.command(f"stty -a >{path}.new; mv {path}.new {path}")
    wait_until(lambda: os.path.exists(path), 10, "stty")
    settings = terminal.read(name)
    os.unlink(path)
    return settings


@test("q, Ctrl-C and SIGTERM leave the terminal as it was", timeout=60)
def _():
    for way in ("q", "C-c", "TERM"):
        with Terminal(100, 30) as terminal:
            before = stty(terminal, "before")
            open_schedviz(terminal, "-n", "2")
            if way == "TERM":
                os.kill(schedviz_of(terminal), signal.SIGTERM)
            else:
                terminal.keys(way)
            terminal.wait(lambda s: not shows_lanes(s) and terminal.PROMPT.strip() in s, what="the shell")
            time.sleep(0.2)
            after = stty(terminal, "after")
            expect(before == after, f"{way}: stty differs:\n{before}\n{after}")
            flags = terminal._tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}").split()
            expect(flags == ["0", "1", "0"], f"{way}: alternate screen, cursor, mouse are {flags}")
            wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


@test("Ctrl-Z gives the shell back and stops the tasks; fg goes on", timeout=60)
def _():
    with Terminal(100, 30) as terminal:
        before = stty(terminal, "before")
        terminal.command(f"{os.path.dirname(terminal.dir)}/schedviz -n 2 -k process 2>{terminal.path('err.txt')}")
        terminal.wait(shows_lanes, what="the first frame")
        pid = wait_until(lambda: schedviz_of(terminal), 5, "schedviz")
        for _ in range(2):
            terminal.keys("C-z")
            terminal.wait(lambda s: "topped" in s or "uspended" in s, what="the shell's word of the stopped job")
            wait_until(lambda: stat_fields(pid)[0] == "T", 3, "schedviz to be stopped")
            workers = [w for host in children(pid) for w in children(host) if comm(w) in ("A", "B")]
            expect(len(workers) == 2, f"the workers are {workers}")
            wait_until(lambda: all(stat_fields(w)[0] == "T" for w in workers), 3, "the tasks to be stopped")
            terminal.command("clear")
            between = stty(terminal, "between")
            expect(before == between, f"stty differs while stopped:\n{before}\n{between}")
            terminal.command("fg")
            terminal.wait(shows_lanes, what="the screen after fg")
            wait_until(lambda: stat_fields(pid)[0] != "T", 3, "schedviz to go on")
            wait_until(lambda: all(stat_fields(w)[0] == "R" for w in workers), 5, "the tasks to go on")
            check_alive(terminal, "fg")
        terminal.keys("q")
        wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


@test("SIGSTOP, which cannot be caught, and fg are survived")
def _():
    with Terminal(100, 30) as terminal:
        open_schedviz(terminal, "-n", "2")
        os.kill(schedviz_of(terminal), signal.SIGSTOP)
        terminal.wait(lambda s: "topped" in s or terminal.PROMPT.strip() in s, what="the shell's word of the stopped job")
        terminal.type("fg")
        terminal.keys("C-j")  # the terminal is as schedviz had it: Enter is no end of a line there
        time.sleep(0.5)
        terminal.keys("C-l")
        terminal.wait(shows_lanes, what="the screen after fg")
        check_alive(terminal, "SIGCONT")
        terminal.keys("q")
        wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


@test("a terminal that goes away ends everything")
def _():
    with Terminal(100, 30) as terminal:
        open_schedviz(terminal, "-n", "4", "-k", "process")
        terminal._tmux("kill-server")
        wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


@test("a terminal that stands still stops neither the capture nor the way out", timeout=60)
def _():
    with Terminal(200, 60) as terminal:
        open_schedviz(terminal, "-n", "4")
        terminal.keys("f")
        pid = schedviz_of(terminal)
        server = int(terminal._tmux("display-message", "-p", "#{pid}"))
        os.kill(server, signal.SIGSTOP)
        try:
            time.sleep(1.5)
            turns = voluntary_switches(pid)
            time.sleep(1)
            expect(voluntary_switches(pid) >= turns + 5, "schedviz stands still with its terminal")
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not terminal.pids(), 5, "the end of all processes")
        finally:
            os.kill(server, signal.SIGCONT)


@test("the wheel zooms and a click inspects; -M leaves the mouse alone", timeout=60)
def _():
    with Terminal(100, 30) as terminal:
        open_schedviz(terminal)
        flag = terminal._tmux("display-message", "-p", "#{mouse_any_flag}").strip()
        expect(flag == "1", f"the mouse is not asked for: {flag}")
        # What a terminal sends for a wheel turn and a click, in xterm's SGR form (1006).
        for code in ("\x1b[<64;40;10M", "\x1b[<65;40;10M", "\x1b[<0;40;6M", "\x1b[<0;40;6m"):
            terminal.type(code)
            time.sleep(0.2)
            check_alive(terminal, f"the mouse: {code!r}")
        terminal.keys("Escape")
        time.sleep(0.1)
        leave(terminal)
    with Terminal(100, 30) as terminal:
        open_schedviz(terminal, "-M")
        flag = terminal._tmux("display-message", "-p", "#{mouse_any_flag}").strip()
        expect(flag == "0", "the mouse is asked for in spite of -M")
        leave(terminal)


@test("help shows every key of the table", timeout=60)
def _():
    with Terminal(120, 100) as terminal:
        open_schedviz(terminal)
        terminal.keys("h")
        time.sleep(0.4)
        screen = terminal.screen()
        with open(os.path.join(SRCDIR, "ui", "command.c"), encoding="utf-8") as file:
            helps = re.findall(r'^    \{"[^"]*", "[^"]*", (?:NULL|"[^"]*"),\s*"([^"]*)"', file.read(), re.MULTILINE)
        expect(len(helps) > 30, "the table of keys was not understood")
        missing = [text for text in helps if text not in screen]
        expect(not missing, f"not on the help screen: {missing}\n{screen}")
        terminal.keys("Escape")
        leave(terminal)


@test("64 tasks fit, scroll, and are selected", timeout=150)
def _():
    with Terminal(80, 24) as terminal:
        open_schedviz(terminal, "-n", "64")
        for view in "23":
            terminal.keys(view)
            for _ in range(70):
                terminal.keys("Down")
            terminal.wait(lambda s: re.search(r"\bB[KL]\b", s), within=45, what=f"the last tasks in view {view}")
            check_alive(terminal, f"view {view}")
        leave(terminal)


TREE = """import os, threading, time
for i in range(3):
    threading.Thread(target=lambda: time.sleep(100), daemon=True).start()
if os.fork() == 0:
    time.sleep(100)
print("\\033[31mred\\033[0m hello", flush=True)
%s
"""


def open_tree(terminal, end="time.sleep(100)"):
    """A Python of four threads and a child of one, that prints a line."""
    script = os.path.join(os.path.dirname(terminal.path("err.txt")), "tree.py")
    with open(script, "w", encoding="utf-8") as file:
        file.write(TREE % end)
    terminal.schedviz("--", "python3", script)
    return terminal.wait(shows_lanes, what="the first frame")


@test("a command: its processes and threads are rows that fold and are filtered")
def _():
    with Terminal(120, 36) as terminal:
        open_tree(terminal)
        terminal.wait(lambda s: "2 processes, 5 threads" in s.splitlines()[0], what="how many there are")
        terminal.keys("2")
        screen = terminal.wait(lambda s: len(re.findall(r"python3 \d+", s)) == 5, what="a row for each")
        expect("\u25be p  python3" in screen, f"no row is open:\n{screen}")
        terminal.keys("Down", "F")
        terminal.wait(lambda s: re.search(r"\u25b8 p  python3 \(2 proc\w*, 5 thr\w*\)", s), what="all in one row")
        terminal.keys("*")
        terminal.wait(lambda s: len(re.findall(r"python3 \d+", s)) == 5, what="all rows again")
        terminal.keys("/")
        terminal.type("none")
        terminal.wait(lambda s: "/none" in s and "0 of 5 tasks" in s, what="that the filter lets nobody through")
        terminal.keys("Enter")
        terminal.wait(lambda s: "filter: none (0 of 5 tasks)" in s, what="the filter that is kept")
        terminal.keys("Escape")
        terminal.wait(lambda s: "filter" not in s.splitlines()[-2] and len(re.findall(r"python3 \d+", s)) == 5, what="all rows without the filter")
        for key in ("t", "k", "m", "x", "b"):
            terminal.keys(key)
            time.sleep(0.1)
            check_alive(terminal, f"{key}, which is not for a command")
        terminal.keys("q")
        terminal.wait(lambda s: "still runs" in s, what="the question")
        terminal.keys("Escape")
        terminal.wait(lambda s: "still runs" not in s, what="that it stays")
        terminal.keys("q", "e")
        terminal.status()
        wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


@test("a command: what it prints is shown harmlessly")
def _():
    with Terminal(100, 30) as terminal:
        open_tree(terminal)
        terminal.wait(lambda s: "output*" in s, what="the mark of new output")
        terminal.keys("O")
        screen = terminal.wait(lambda s: " red hello" in s, what="the output")
        expect("1 line " in screen and "output*" not in screen, f"the pane is:\n{screen}")
        terminal.keys("O")
        terminal.wait(lambda s: "red hello" not in s, what="the pane to close")
        terminal.keys("C-c")
        terminal.status()
        wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


@test("when a run has ended, what was found of what was added is seen wherever the cursor is")
def _():
    with Terminal(100, 30) as terminal:
        with open(terminal.path("adders.yaml"), "w", encoding="ascii") as file:
            file.write("tasks: {a: {instance: 2, loop: 1, run: 20ms, add: {ref: sum, times: 1000, how: atomic}}}\n")
        terminal.schedviz(terminal.path("adders.yaml"))
        terminal.wait(lambda s: "paused" in s.split("\n")[0], what="the end of the run")
        terminal.keys("6")
        for keys in ((), ("Left", "Left", "Left"), ("g",)):
            terminal.keys(*keys) if keys else None
            time.sleep(0.3)
            terminal.wait(lambda s: re.search(r"counter +sum +found 2,000 +of 2,000 +none lost", s), what="the outcome")
        leave(terminal)


@test("a command: it may run on")
def _():
    with Terminal(100, 30) as terminal:
        open_tree(terminal)
        terminal.wait(lambda s: "5 threads" in s, what="its tasks")
        terminal.keys("q")
        terminal.wait(lambda s: "still runs" in s, what="the question")
        terminal.keys("l")
        expect(terminal.status() == 0, "the status is not 0")
        left = [pid for pid in terminal.pids() if comm(pid) == "python3"]
        expect(len(left) == 2, f"{left} run on")
        for pid in left:
            os.kill(pid, signal.SIGKILL)


@test("a command: its end is told, and its status is ours")
def _():
    with Terminal(100, 30) as terminal:
        open_tree(terminal, "time.sleep(1); os._exit(3)")
        terminal.wait(lambda s: "ended with status 3 after" in s and "q leaves" in s, what="its end")
        check_alive(terminal, "the end of the command")
        terminal.keys("q")
        expect(terminal.status() == 3, "the status is another one")
        for pid in terminal.pids():
            os.kill(pid, signal.SIGKILL)


@test("a command: every key in every view", timeout=240)
def _():
    with Terminal(100, 30) as terminal:
        open_tree(terminal)
        for view in VIEW_KEYS:
            terminal.keys("Escape")
            time.sleep(0.1)
            terminal.keys(view)
            for key in command_keys():
                if key in LEAVING or key in VIEW_KEYS or key in ("Tab", "BTab", "l"):
                    continue
                terminal.keys(key)
                time.sleep(0.06)
                check_alive(terminal, f"{key} in view {view}")
                terminal.keys("Escape")
        terminal.keys("Escape")
        time.sleep(0.2)
        terminal.keys("q")
        terminal.wait(lambda s: "still runs" in s, what="the question")
        terminal.keys("e")
        terminal.status()
        wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


if __name__ == "__main__":
    if shutil.which("tmux") is None:
        print("1..0 # SKIP tmux is missing (Debian: tmux)")
    else:
        main()
