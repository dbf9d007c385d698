#!/usr/bin/env python3
"""Recordings of machines with many cores, drawn: what the screen shows of them is known beforehand, cell by cell.

The recordings are made by tests/make_recording; SCHEDVIZ_GOLDEN_WRITE=1 writes the screens anew, to be looked at."""

import os
import shutil

from lib import SRCDIR, Terminal, expect, main, run, test, workdir

DATA = os.path.join(SRCDIR, "tests", "data")
SIZES = [(120, 36), (80, 24)]
# Each: name of the screen, and the keys that lead to it.
SCREENS = [
    ("cores", ["1"]),
    ("tasks", ["2"]),
    ("table", ["3"]),
    ("counters", ["4"]),
    ("zoomed", ["2", "Home", "w", "w", "w", "w", "Right", "Right", "]"]),
    ("inspected", ["1", "Home", "w", "w", "w", "w", "w", "]", "]", "i"]),
]
RECORDINGS = ["cpus128", "cpus64"]


def recording(name):
    """For every user to read."""
    path = os.path.join(workdir(), name + ".svz")
    if not os.path.exists(path):
        shutil.copy(os.path.join(DATA, name + ".svz"), path)
        os.chmod(path, 0o644)
    return path


def settled(terminal):
    """The screen when it has stopped changing: it is paused, and all that moves it are the keys."""
    last = [None]

    def still(screen):
        same = screen == last[0] and "paused" in screen
        last[0] = screen
        return same

    return terminal.wait(still, what="a still screen")


def shape(screen):
    return [line.rstrip() for line in screen.rstrip("\n").splitlines()]


def hold_against(name, screen):
    path = os.path.join(DATA, "golden", name + ".txt")
    if os.environ.get("SCHEDVIZ_GOLDEN_WRITE"):
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(screen) + "\n")
    with open(path, encoding="utf-8") as file:
        golden = shape(file.read())
    for row, (is_there, wanted) in enumerate(zip(screen, golden)):
        expect(is_there == wanted, f"{name}, row {row}:\n  wanted {wanted!r}\n  is     {is_there!r}")
    expect(len(screen) == len(golden), f"{name}: {len(screen)} rows, wanted {len(golden)}")


def draws(name, cols, rows):
    with Terminal(cols, rows) as terminal:
        for screen, keys in SCREENS:
            terminal.command("clear")
            terminal.schedviz("--ascii", "--theme=mono", recording(name))
            settled(terminal)
            terminal.keys(*keys)
            hold_against(f"replay-{name}-{screen}-{cols}x{rows}", shape(settled(terminal)))
            terminal.keys("q")
            expect(terminal.status() == 0, f"exit status; stderr {terminal.read('err.txt')!r}")


for recording_name in RECORDINGS:
    for size in SIZES:
        test(f"{recording_name} at {size[0]}x{size[1]}")(lambda n=recording_name, s=size: draws(n, *s))


def written(kind):
    for name in RECORDINGS:
        result = run("-b", "--ascii", "-f", kind, recording(name))
        expect(result.status == 0, f"{result}")
        hold_against(f"replay-{name}-{kind}", shape(result.out))


test("the report of a recording is the same on every machine")(lambda: written("text"))
test("and so is its screen as a text")(lambda: written("screen"))


if __name__ == "__main__":
    main()
