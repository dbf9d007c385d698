#!/usr/bin/env python3
"""The screen's cost: schedviz's own CPU, wake-ups and bytes to the terminal, in scope mode, which holds its window still and
so draws a few frames a second, and in scroll mode at 20; the time to the first frame; htop at its fastest refresh beside it. Usage: bench_screen.py SCHEDVIZ"""
import fcntl
import os
import pty
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time

TICK = os.sysconf("SC_CLK_TCK")
COLS, ROWS = 200, 60


def start(command):
    """Runs command on a pseudo-terminal of its own; gives its pid and the terminal's other end."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", LC_ALL="C.UTF-8")
        time.sleep(0.02)
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLS, 0, 0))
    return pid, fd


def cpu_ns(pid):
    """CPU time of the process's first thread group: run time of schedstat is exact where stat counts ticks."""
    total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total


def drain(fd, seconds):
    """Reads the terminal for a while; gives the bytes of each burst."""
    end, bursts, last = time.monotonic() + seconds, [], 0.0
    while time.monotonic() < end:
        ready, _, _ = select.select([fd], [], [], 0.05)
        if not ready:
            continue
        try:
            n = len(os.read(fd, 1 << 16))
        except OSError:
            break
        now = time.monotonic()
        if bursts and now - last < 0.01:
            bursts[-1] += n
        else:
            bursts.append(n)
        last = now
    return bursts


def stop(pid, fd):
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        try:
            if select.select([fd], [], [], 0.05)[0]:
                os.read(fd, 1 << 16)
        except OSError:
            pass
        if os.waitpid(pid, os.WNOHANG)[0]:
            os.close(fd)
            return
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(fd)


def switches(pid):
    """How often its threads gave their CPU away: each is a wake-up."""
    total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt_switches"))
    return total


def measure(name, command, key=b"", seconds=5, rounds=3, settle=0.5):
    shares, wakeups, bursts = [], [], []
    for _ in range(rounds):
        pid, fd = start(command)
        drain(fd, settle)
        os.write(fd, key)
        drain(fd, 0.5)
        before, woken, t0 = cpu_ns(pid), switches(pid), time.monotonic()
        bursts += drain(fd, seconds)
        passed = time.monotonic() - t0
        shares.append((cpu_ns(pid) - before) / passed / 1e7)
        wakeups.append((switches(pid) - woken) / passed)
        stop(pid, fd)
    share = statistics.median(shares)
    print(f"{name:30s} {share:6.2f} % of a core   {len(bursts) / rounds / seconds:5.1f} frames/s   "
          f"{statistics.median(wakeups):5.0f} wake-ups/s   "
          f"{statistics.median(bursts) if bursts else 0:6.0f} bytes a frame (median), {max(bursts, default=0)} at most")
    return share


def many_threads(schedviz, n=10000, seconds=90):
    """The views and modes in which the most is drawn, attached to a program of very many threads. A frame that is as the one
    before sends nothing, and is not counted."""
    sleepers = subprocess.Popen([os.path.join(os.path.dirname(os.path.abspath(schedviz)), "tests", "bench", "sleepers"), str(n),
                                 str(seconds)], stdout=subprocess.PIPE, text=True)
    try:
        print(f"{sleepers.stdout.readline().strip()} threads that wake every 0.9 s (bars: 10 % of a core, 10 frames/s)")
        for name, keys in (("cores, scroll", b"1f"), ("tasks, scroll", b"2f"), ("tasks, open, scroll", b"2*f"), ("table", b"3"),
                           ("table, open", b"3*"), ("table, scroll", b"3f"), ("counters", b"4"),
                           ("counters, scroll", b"4f")):
            measure("  " + name, [schedviz, "-p", str(sleepers.pid)], keys, seconds=3, rounds=1, settle=3)
    finally:
        sleepers.kill()
        sleepers.wait()


def first_frame(command, rounds=9):
    """From exec to the title on the terminal, in ms."""
    times = []
    for _ in range(rounds):
        pid, fd = start(command)
        t0, seen = time.monotonic() + 0.02, b""
        while b"switches" not in seen and time.monotonic() - t0 < 5:
            if select.select([fd], [], [], 0.01)[0]:
                seen += os.read(fd, 1 << 16)
        times.append((time.monotonic() - t0) * 1e3)
        stop(pid, fd)
    print(f"{'first frame':30s} {statistics.median(times):6.1f} ms after exec (median of {rounds}; "
          f"{min(times):.1f} to {max(times):.1f}; bar: 50)")


def main():
    schedviz = sys.argv[1]
    print(f"{COLS}x{ROWS}")
    measure("schedviz, scope, 4 tasks", [schedviz, "-n", "4"])
    measure("schedviz, scope, 64 tasks", [schedviz, "-n", "64"])
    few = measure("schedviz, scroll, 4 tasks", [schedviz, "-n", "4"], b"f")
    many = measure("schedviz, scroll, 64 tasks", [schedviz, "-n", "64"], b"f")
    print(f"{'bars (20 frames/s)':30s}   2.00 % and 3.00 %")
    if shutil.which("htop"):
        peer = measure("htop -d 1 (its fastest)", ["htop", "-d", "1"])
        print(f"{'ratio to htop (scroll)':30s} {few / peer:6.2f} (4 tasks)  {many / peer:.2f} (64 tasks)")
    else:
        print("htop is not installed: no figure beside ours")
    first_frame([schedviz])
    many_threads(schedviz)


main()
