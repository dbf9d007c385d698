#!/usr/bin/env python3
"""Lessons in a real terminal, as a class sees them: by keys, from the question to what was measured."""

import os
import re
import shutil
import signal
import time

from lib import LONG, Fail, Terminal, comm, expect, main, run, stat_fields, test, wait_until


def lessons():
    result = run("--list")
    names = re.findall(r"^(\S+)", result.out, re.MULTILINE)
    expect(result.status == 0 and len(names) >= 15, f"--list was not understood: {result}")
    return names


def schedviz_of(terminal):
    found = [pid for pid in terminal.pids() if comm(pid) == "schedviz" and int(stat_fields(pid)[1]) == terminal.shell]
    return found[0] if found else None


def check_alive(terminal, what):
    screen = terminal.screen()
    if schedviz_of(terminal) is None:
        raise Fail(f"schedviz is gone after {what}; stderr {terminal.read('err.txt')!r}; the screen was:\n{screen}")
    expect(terminal.read("err.txt") == "", f"after {what} on standard error: {terminal.read('err.txt')!r}")
    return screen


def leave(terminal, status=0):
    terminal.keys("q")
    expect_end(terminal, status)


def expect_end(terminal, status):
    found = terminal.status()
    expect(found == status, f"exit status {found} instead of {status}; stderr {terminal.read('err.txt')!r}")
    wait_until(lambda: not terminal.pids(), 5, "the end of all processes")


def steps_of(screen):
    """(step, of how many), as the lesson's pane tells."""
    found = re.search(r"step (\d+) of (\d+)", screen)
    return (int(found[1]), int(found[2])) if found else None


@test("a whole lesson: predict, the alert, its end, the next steps, another lesson, and out", timeout=90)
def _():
    with Terminal(100, 30) as terminal:
        terminal.schedviz("deadlock")
        terminal.wait(lambda s: "How often do they" in s and steps_of(s) == (1, 3), what="the question")

        terminal.type("9")
        terminal.keys("Enter")
        terminal.wait(lambda s: "from 1 to 2" in s, what="what may be answered")
        expect("predicted" not in terminal.screen(), "a choice that is none was taken")
        terminal.type("1")
        terminal.keys("BSpace")
        terminal.type("2")
        terminal.keys("Enter")
        screen = terminal.wait(lambda s: "DEADLOCK" in s, 8, "the alert")
        expect(re.search(r"A +Anna.*mutex right.*B +Bob.*mutex left", screen), f"the cycle is not drawn:\n{screen}")
        terminal.wait(lambda s: "right: 1 of 1" in s and "predicted not at all: right" in s, 8, "the outcome")
        terminal.keys("Escape")
        terminal.wait(lambda s: "DEADLOCK" not in s, what="the end of the band")

        terminal.keys("n")
        terminal.wait(lambda s: steps_of(s) == (2, 3) and "DEADLOCK" in s and "fork4" in s, 8, "the next deadlock")
        terminal.keys("n")
        terminal.wait(lambda s: steps_of(s) == (3, 3) and "loops finished" in s and "DEADLOCK" not in s, 8, "the way out")
        terminal.keys("n")
        terminal.wait(lambda s: "this was the last step" in s, what="a word of the last step")
        terminal.keys("p")
        terminal.wait(lambda s: steps_of(s) == (2, 3), what="the step before")
        terminal.keys("H")
        terminal.wait(lambda s: steps_of(s) is None, what="the view without the lesson")
        terminal.keys("H")
        terminal.wait(steps_of, what="the lesson again")

        terminal.keys("l")
        terminal.wait(lambda s: "executor-pool" in s and "waitgroup" in s, what="the list of lessons")
        terminal.type("interl")
        terminal.wait(lambda s: "executor-pool" not in s, what="the lesson that was looked for")
        terminal.keys("Enter")
        terminal.wait(lambda s: "interleave" in s.splitlines()[0] and (steps_of(s) or (0, 0))[0] == 1, what="the other lesson")
        check_alive(terminal, "another lesson")
        leave(terminal)


@test("what lies over an open question takes the keys, and leaves it open", timeout=90)
def _():
    overlays = (("h", "scroll the text up"), ("l", "executor-pool"), ("c", "Space or a digit"), ("i", None))
    with Terminal(120, 40) as terminal:
        terminal.schedviz("waitgroup")
        screen = terminal.wait(lambda s: "Enter: answer" in s and "READY" in s, what="the question")
        expect(re.search(r"READY +\d+ tasks? at the gate: the run waits for your answer", screen), f"not ready:\n{screen}")
        keys = screen.rstrip().splitlines()[-1]
        expect("Enter answer" in keys and "H hide" in keys and "task+" not in keys, f"keys of a question: {keys!r}")
        for key, text in overlays:
            terminal.keys(key)
            if text:
                terminal.wait(lambda s, text=text: text in s, what=f"what {key} opens")
            else:
                time.sleep(0.3)
            terminal.keys("Escape")
            screen = terminal.wait(lambda s, text=text: (not text or text not in s) and "Enter answer" in s.rstrip().splitlines()[-1],
                                   what=f"the end of what {key} opens")
            expect("Enter: answer" in screen and "READY" in screen, f"Esc went through {key} to the question:\n{screen}")

        terminal.keys("H")
        terminal.wait(lambda s: "waits for a prediction; H shows it" in s and steps_of(s) is None, what="a line of the hidden question")
        terminal.keys("H")
        terminal.wait(lambda s: "Enter: answer" in s, what="the question again")
        terminal.keys("Escape")
        terminal.wait(lambda s: "READY" not in s and "Enter: answer" not in s, what="the run")
        leave(terminal)


def mode_of(screen):
    """How the time is shown, as the title tells."""
    return re.search(r"\b(scope|scroll|paused|slow motion)\b", screen.split("\n")[0])[1]


@test("an inspection that was left open takes no key from the question of the next step, and its run is seen", timeout=60)
def _():
    def asks(screen):
        return (steps_of(screen) or (0, 0))[0] == 2 and "Enter: answer" in screen

    with Terminal(140, 42) as terminal:
        terminal.schedviz("lock-contention")
        terminal.wait(lambda s: re.search(r"running at once  \d", s), 20, "the end of the first step")
        for answer in ("9", "Enter"), ("Escape",):
            terminal.keys("i", "n")
            terminal.wait(lambda s: asks(s) and mode_of(s) != "paused", what="the question, over a picture that moves")
            terminal.keys(*answer)
            screen = terminal.wait(lambda s: "READY" not in s and "Enter: answer" not in s, what="the run")
            expect(mode_of(screen) != "paused", f"its beginning is not seen:\n{screen}")
            terminal.keys("p")
            terminal.wait(lambda s: (steps_of(s) or (0, 0))[0] == 1, what="the step before")

        terminal.keys("n")
        terminal.wait(asks, what="the question again")
        terminal.keys("i")
        terminal.wait(lambda s: mode_of(s) == "paused" and "Esc close" in s.rstrip().splitlines()[-1], what="an inspection over it")
        terminal.type("12")
        terminal.wait(lambda s: "your answer  12_" in s, what="the answer that is typed")
        terminal.keys("Enter")
        terminal.wait(lambda s: "READY" not in s and "Enter: answer" not in s and mode_of(s) != "paused", what="the run")
        leave(terminal)


@test("a run that is changed by keys while it is measured is not judged, and r runs it again", timeout=60)
def _():
    with Terminal(120, 40) as terminal:
        terminal.schedviz("waitgroup")
        terminal.wait(lambda s: "Enter: answer" in s, what="the question")
        terminal.type("1")
        terminal.keys("Enter")
        terminal.wait(lambda s: "Enter: answer" not in s, what="the run")
        terminal.keys("m")
        screen = terminal.wait(lambda s: "changed by hand while it ran: not judged" in s, 20, "a word of the change")
        expect(not re.search(r"predicted .*: (right|wrong)", screen), f"it was judged:\n{screen}")
        terminal.keys("m")
        terminal.keys("r")
        terminal.wait(lambda s: "Enter: answer" in s and "READY" in s, what="the step again")
        leave(terminal)


@test("a lesson that cannot be opened leaves everything as it was", timeout=60)
def _():
    with Terminal(100, 30) as terminal:
        terminal.schedviz("-n", "3")
        terminal.wait(lambda s: "3 threads" in s, what="the first frame")
        terminal.keys("l")
        terminal.wait(lambda s: "waitgroup" in s, what="the list of lessons")
        terminal.type("deadlock")
        terminal.keys("Enter")
        terminal.wait(lambda s: "the number of its tasks is fixed" in s, what="why not")
        expect("3 threads" in check_alive(terminal, "a lesson that cannot be"), "the tasks changed")
        terminal.keys("l")
        terminal.type("no such thing")
        terminal.wait(lambda s: "no lesson has these letters" in s, what="an empty list")
        terminal.keys("Enter", "Escape")
        time.sleep(0.3)
        leave(terminal)


@test("--exit-on-deadlock leaves with status 3", timeout=60)
def _():
    with Terminal(80, 24) as terminal:
        terminal.schedviz("--exit-on-deadlock", "deadlock")
        terminal.wait(lambda s: "How often do they" in s, what="the question")
        terminal.keys("Escape")
        expect_end(terminal, 3)


def walk_through(name, cols, rows, keys=()):
    """Every step of a lesson, its questions skipped."""
    with Terminal(cols, rows) as terminal:
        terminal.schedviz(name)
        terminal.wait(lambda s: re.search(r"\b(perf|engine|proc)\b", s.split("\n")[0]), what="the first frame")
        terminal.keys(*keys) if keys else None
        time.sleep(0.3)
        steps = steps_of(check_alive(terminal, "the start"))
        for step in range(1, (steps or (1, 8))[1] + 1):
            if steps:
                terminal.wait(lambda s, step=step: (steps_of(s) or (0, 0))[0] == step, what=f"step {step} of {name}")
            for _ in range(3):
                if "Enter: answer" not in terminal.screen():
                    break
                terminal.keys("Escape")
                time.sleep(0.25)
            time.sleep(0.5 if not LONG else 4)
            check_alive(terminal, f"step {step} of {name}")
            terminal.keys("n")
        time.sleep(0.3)
        check_alive(terminal, f"the last step of {name}")
        leave(terminal)


@test("every lesson, step by step, at 80x24", timeout=400)
def _():
    for name in lessons():
        walk_through(name, 80, 24)


@test("lessons at 20x6, 40x12 and 200x60, and in lecture size", timeout=200)
def _():
    for cols, rows in ((20, 6), (40, 12), (200, 60)):
        for name in ("deadlock", "data-race", "green-threads"):
            walk_through(name, cols, rows, ("L",) if cols > 20 else ())


@test("kill -9 in the middle of a lesson leaves nothing behind", timeout=120)
def _():
    for name in ("deadlock", "isolation", "green-threads", "load-balancer"):
        with Terminal(80, 24) as terminal:
            terminal.schedviz(name)
            terminal.wait(steps_of, what="the lesson")
            terminal.keys("Escape")
            time.sleep(1)
            os.kill(schedviz_of(terminal), signal.SIGKILL)
            wait_until(lambda: not terminal.pids(), 5, f"the end of all processes of {name}")


if __name__ == "__main__":
    if shutil.which("tmux") is None:
        print("1..0 # SKIP tmux is missing (Debian: tmux)")
    else:
        main()
