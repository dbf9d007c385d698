#!/usr/bin/env python3
"""Writes trace.dat files (trace-cmd.dat.v6(5), trace-cmd.dat.v7(5)) for the tests of the importer: a made-up run, in any
byte order and word size, packed or not, and beside it the same run as text, as perf script prints it. With --raw the
pages are real ones, from per_cpu/cpuN/trace_pipe_raw of tracefs, and --formats is the directory of their formats."""

import argparse
import os
import random
import struct
import sys
import zlib

MAGIC = b"\x17\x08\x44tracing"
PAGE = 4096
SECTION_OPTIONS, SECTION_FLYRECORD = 0, 3
OPT_DONE, OPT_BUFFER, OPT_CLOCK, OPT_UNAME, OPT_CPUCOUNT, OPT_VERSION = 0, 3, 4, 5, 8, 9
OPT_HEADER_INFO, OPT_FTRACE, OPT_FORMATS, OPT_KALLSYMS, OPT_PRINTK, OPT_CMDLINES = 16, 17, 18, 19, 20, 21
EVENTS = ["sched_switch", "sched_waking", "sched_wakeup_new", "sched_process_fork", "sched_process_exec",
          "sched_process_exit", "sched_stat_runtime"]
WAKE = '"comm=%s pid=%d prio=%d target_cpu=%03d", REC->comm, REC->pid, REC->prio, REC->target_cpu'
PRINT = {
    "sched_switch": '"%s:%d", REC->prev_comm, REC->prev_pid',
    "sched_waking": WAKE, "sched_wakeup_new": WAKE,
    "sched_process_fork": '"comm=%s pid=%d child_comm=%s child_pid=%d", __get_str(parent_comm), REC->parent_pid, '
                          '__get_str(child_comm), REC->child_pid',
    "sched_process_exec": '"filename=%s pid=%d old_pid=%d", __get_str(filename), REC->pid, REC->old_pid',
    "sched_process_exit": '"comm=%s pid=%d prio=%d", REC->comm, REC->pid, REC->prio',
    "sched_stat_runtime": '"comm=%s pid=%d", REC->comm, REC->pid',
}
UNAME = b"Linux lecture 6.12.0 #1 SMP x86_64\0"


# ---- formats ----

class Formats:
    """Format files of made-up events, for a kernel with longs of 4 or 8 bytes."""

    def __init__(self, order, long_size):
        self.order, self.long_size = order, long_size

    COMMON = [("unsigned short common_type", 2), ("unsigned char common_flags", 1),
              ("unsigned char common_preempt_count", 1), ("int common_pid", 4)]

    def fields(self, name):
        wake = [("char comm[16]", 16), ("pid_t pid", 4), ("int prio", 4), ("int target_cpu", 4)]
        return {
            "sched_switch": [("char prev_comm[16]", 16), ("pid_t prev_pid", 4), ("int prev_prio", 4),
                             ("long prev_state", self.long_size), ("char next_comm[16]", 16), ("pid_t next_pid", 4),
                             ("int next_prio", 4)],
            "sched_waking": wake, "sched_wakeup_new": wake,
            "sched_process_fork": [("__data_loc char[] parent_comm", 4), ("pid_t parent_pid", 4),
                                   ("__data_loc char[] child_comm", 4), ("pid_t child_pid", 4)],
            "sched_process_exec": [("__data_loc char[] filename", 4), ("pid_t pid", 4), ("pid_t old_pid", 4)],
            "sched_process_exit": [("char comm[16]", 16), ("pid_t pid", 4), ("int prio", 4)],
            "sched_stat_runtime": [("char comm[16]", 16), ("pid_t pid", 4), ("u64 runtime", 8)],
        }[name]

    def places(self, name):
        at, places = 0, []
        for declaration, size in self.COMMON + self.fields(name):
            at += -at % min(size, 8 if self.long_size == 8 else 4)
            places.append((declaration, at, size))
            at += size
        return places, at

    def id(self, name):
        return 300 + EVENTS.index(name)

    def text(self, name):
        lines = ["name: %s" % name, "ID: %d" % self.id(name), "format:"]
        for i, (declaration, at, size) in enumerate(self.places(name)[0]):
            signed = 0 if "char" in declaration or "unsigned" in declaration else 1
            lines.append("\tfield:%s;\toffset:%d;\tsize:%d;\tsigned:%d;" % (declaration, at, size, signed))
            if i == 3:
                lines.append("")
        return "\n".join(lines + ["", "print fmt: " + PRINT[name], ""]).encode()

    def record(self, name, common_pid, values, flags=0):
        places, size = self.places(name)
        size += -size % 4
        record, tail = bytearray(size), b""
        values = dict(values, common_type=self.id(name), common_flags=flags, common_preempt_count=0,
                      common_pid=common_pid)
        for declaration, at, n in places:
            field = declaration.split()[-1].split("[")[0]
            value = values.get(field, 120)
            if declaration.startswith("__data_loc"):
                text = value.encode() + b"\0"
                value = (size + len(tail)) | len(text) << 16
                tail += text
            if isinstance(value, str):
                record[at:at + n] = value.encode().ljust(n, b"\0")
            else:
                record[at:at + n] = int(value).to_bytes(n, self.order, signed=value < 0)
        return bytes(record) + tail + b"\0" * (-len(tail) % 4)

    def all(self):
        return [self.text(name) for name in EVENTS]

    def header_page(self):
        n = self.long_size
        return ("\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
                "\tfield: local_t commit;\toffset:8;\tsize:%d;\tsigned:1;\n"
                "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
                "\tfield: char data;\toffset:%d;\tsize:%d;\tsigned:0;\n" % (n, 8 + n, PAGE - 8 - n)).encode()


# ---- pages of the ring buffer ----

class Pages:
    """Writes the records of one CPU into pages."""

    def __init__(self, order, long_size):
        self.order, self.long_size = order, long_size
        self.pages, self.body, self.start, self.last = [], bytearray(), None, None
        self.missed = None  # before the page that is being written: None, 0 for "not told how many", or how many

    def word(self, value, size=4):
        return value.to_bytes(size, self.order)

    def head(self, kind, delta):
        return self.word(kind << 27 | delta if self.order == "big" else delta << 5 | kind)

    def stamps(self, time, absolute):
        delta = time - self.last
        if absolute:
            stamp = time & ((1 << 59) - 1)
            return self.head(31, stamp & ((1 << 27) - 1)) + self.word(stamp >> 27), 0
        if delta >= 1 << 27:
            return self.head(30, delta & ((1 << 27) - 1)) + self.word(delta >> 27), 0
        return b"", delta

    def add(self, time, record, absolute=False, discard=False):
        if self.start is not None and len(self.body) + len(record) + 16 > PAGE - 8 - self.long_size:
            self.flush()
        if self.start is None:
            self.start = self.last = time
        stamp, delta = self.stamps(time, absolute)
        n = len(record)
        if discard:  # a filter threw it away after it was written: padding of the same length
            record = record[:n - 4]
            head = self.head(29, max(delta, 1)) + self.word(n)
            time += 1 if delta == 0 else 0
        elif n // 4 <= 28:
            head = self.head(n // 4, delta)
        else:
            head = self.head(0, delta) + self.word(n + 4)
        self.body += stamp + head + record
        self.last = time

    def lose(self, n):
        self.flush()
        self.missed = n

    def flush(self):
        if self.start is None:
            return
        commit, tail = len(self.body), b""
        if self.missed is not None:
            commit |= 1 << 31
            if self.missed > 0 and PAGE - 8 - self.long_size - len(self.body) >= self.long_size:
                commit |= 1 << 30
                tail = self.word(self.missed, self.long_size)
        page = self.word(self.start, 8) + self.word(commit, self.long_size) + bytes(self.body) + tail
        self.pages.append(page.ljust(PAGE, b"\0"))
        self.body, self.start, self.last, self.missed = bytearray(), None, None, None

    def data(self):
        self.flush()
        return b"".join(self.pages)


# ---- a made-up run ----

class Run:
    def __init__(self, args):
        self.random = random.Random(args.seed)
        self.formats = Formats(args.order, args.long)
        self.pages = [Pages(args.order, args.long) for _ in range(args.cpus)]
        self.lines, self.time = [], 5 * 10**12 + 17
        self.runs = [(0, "swapper/%d" % cpu) for cpu in range(args.cpus)]
        self.names = {100 + i: ["worker", "two words", "a:b 7 [003]", "x"][i % 4] for i in range(args.tasks)}
        self.ready, self.asleep, self.next_tid = [], list(self.names), 100 + args.tasks
        self.shared = args

    def tell(self, cpu, event, args, text, **values):
        pid, comm = self.runs[cpu]
        kind = self.random.random()
        self.pages[cpu].add(self.time, self.formats.record(event, pid, args), absolute=kind < 0.02)
        if kind > 0.97:
            noise = self.formats.record("sched_stat_runtime", pid, {"comm": comm, "pid": pid, "runtime": 7})
            self.pages[cpu].add(self.time, noise)
        self.lines.append("%16s %5d [%03d] %5d.%09d: %s: %s" % (comm, pid, cpu, self.time // 10**9, self.time % 10**9,
                                                                "sched:" + event, text))

    def name(self, tid):
        return self.names.get(tid, "")

    def wake(self, cpu, tid, event="sched_waking"):
        args = {"comm": self.name(tid), "pid": tid, "target_cpu": cpu}
        self.tell(cpu, event, args, "comm=%s pid=%d prio=120 target_cpu=%03d" % (self.name(tid), tid, cpu))
        self.ready.append(tid)

    def switch(self, cpu, state):
        pid, comm = self.runs[cpu]
        tid = self.ready.pop(self.random.randrange(len(self.ready))) if self.ready else 0
        name = self.name(tid) if tid else "swapper/%d" % cpu
        if tid == pid:
            return
        letter, bits = {"S": ("S", 1), "D": ("D", 2), "R": ("R", 0), "R+": ("R+", 0x100), "X": ("X", 0x10),
                        "Z": ("Z", 0x20), "I": ("I", 0x80)}[state]
        if pid == 0:
            letter, bits = "R", 0
        args = {"prev_comm": comm, "prev_pid": pid, "prev_state": bits, "next_comm": name, "next_pid": tid}
        self.tell(cpu, "sched_switch", args,
                  "prev_comm=%s prev_pid=%d prev_prio=120 prev_state=%s ==> next_comm=%s next_pid=%d next_prio=120" %
                  (comm, pid, letter, name, tid))
        self.runs[cpu] = (tid, name)
        if pid and letter[0] == "R":
            self.ready.append(pid)
        elif pid and letter not in "XZ":
            self.asleep.append(pid)

    def fork(self, cpu):
        pid, comm = self.runs[cpu]
        child, self.next_tid = self.next_tid, self.next_tid + 1
        self.names[child] = comm
        self.tell(cpu, "sched_process_fork",
                  {"parent_comm": comm, "parent_pid": pid, "child_comm": comm, "child_pid": child},
                  "comm=%s pid=%d child_comm=%s child_pid=%d" % (comm, pid, comm, child))
        self.wake(cpu, child, "sched_wakeup_new")

    def execute(self, cpu):
        pid = self.runs[cpu][0]
        path = "/usr/lib/" + "deep/" * self.random.choice([0, 40]) + "prog%d" % pid
        self.tell(cpu, "sched_process_exec", {"filename": path, "pid": pid, "old_pid": pid},
                  "filename=%s pid=%d old_pid=%d" % (path, pid, pid))
        self.names[pid] = "prog%d" % pid
        self.runs[cpu] = (pid, self.names[pid])

    def end(self, cpu):
        pid, comm = self.runs[cpu]
        self.tell(cpu, "sched_process_exit", {"comm": comm, "pid": pid}, "comm=%s pid=%d prio=120" % (comm, pid))
        self.time += 900
        self.switch(cpu, self.random.choice("XZ"))

    def discard(self, cpu):
        pages = self.pages[cpu]
        if pages.last is not None:
            pages.add(self.time, self.formats.record("sched_waking", 1, {"comm": "gone", "pid": 7}), discard=True)

    def lose(self, cpu):
        n = self.random.choice([0, 12])
        self.pages[cpu].lose(n)
        self.time += 10**6
        self.lines.append("%16s %5d [%03d] %5d.%09d: PERF_RECORD_LOST lost %d" %
                          (":-1", -1, cpu, self.time // 10**9, self.time % 10**9, n or 1))
        # the page must begin at this time
        pid, comm = self.runs[cpu]
        noise = self.formats.record("sched_stat_runtime", pid, {"comm": comm, "pid": pid, "runtime": 7})
        self.pages[cpu].add(self.time, noise)

    def step(self):
        cpu = self.random.randrange(len(self.pages))
        self.time += self.random.choice([1, 700, 1500, 4 * 10**6, 200 * 10**6 if self.random.random() < 0.1 else 3000])
        pid = self.runs[cpu][0]
        kind = self.random.random()
        if self.asleep and kind < 0.35:
            self.wake(cpu, self.asleep.pop(self.random.randrange(len(self.asleep))))
        elif pid and kind < 0.37:
            self.fork(cpu)
        elif pid and kind < 0.39:
            self.execute(cpu)
        elif pid and kind < 0.40 and len(self.names) > 3:
            self.end(cpu)
        elif kind < 0.42:
            self.discard(cpu)
        elif self.shared.lose and kind < 0.43:
            self.lose(cpu)
        else:
            self.switch(cpu, self.random.choice(["S", "S", "D", "R", "R+", "I"]))

    def go(self, n):
        while len(self.lines) < n:
            self.step()
        return [pages.data() for pages in self.pages]


# ---- files ----

def zstd_stored(data):
    """A frame of raw blocks (RFC 8878): valid, and needs no compressor."""
    frame = b"\x28\xb5\x2f\xfd" + bytes([0xa0]) + struct.pack("<I", len(data))
    for at in range(0, len(data), 1 << 17):
        block = data[at:at + (1 << 17)]
        last = at + (1 << 17) >= len(data)
        frame += struct.pack("<I", int(last) | len(block) << 3)[:3] + block
    return frame


class Writer:
    def __init__(self, args, formats_texts, header_page, data):
        self.args, self.texts, self.header_page, self.data = args, formats_texts, header_page, data
        self.out = bytearray()
        self.compress = {"none": None, "zlib": zlib.compress, "zstd": zstd_stored}[args.pack]

    def num(self, value, size):
        return value.to_bytes(size, self.args.order)

    def header_info(self):
        event = b"# compressed entry header\n"
        return (b"header_page\0" + self.num(len(self.header_page), 8) + self.header_page +
                b"header_event\0" + self.num(len(event), 8) + event)

    def other(self, name, number):
        common = Formats(self.args.order, self.args.long).text("sched_switch").split(b"\n")[3:7]
        return b"\n".join([b"name: " + name, b"ID: %d" % number, b"format:"] + common + [b"", b'print fmt: "-"', b""])

    def ftrace(self):
        text = self.other(b"function", 1)
        return self.num(1, 4) + self.num(len(text), 8) + text

    def formats(self):
        other = self.other(b"sched_switch", 9)  # of another system, so not the one
        body = self.num(2, 4) + b"lookalike\0" + self.num(1, 4) + self.num(len(other), 8) + other
        body += b"sched\0" + self.num(len(self.texts), 4)
        return body + b"".join(self.num(len(text), 8) + text for text in self.texts)

    def kallsyms(self):
        text = b"ffffffff81000000 T _text\n"
        return self.num(len(text), 4) + text

    def printk(self):
        return self.num(0, 4)

    def cmdlines(self):
        text = b"7 abc\n"
        return self.num(len(text), 8) + text

    def initial(self, version):
        return (MAGIC + version + b"\0" + bytes([self.args.order == "big"]) + bytes([self.args.long]) +
                self.num(PAGE, 4))

    def option(self, number, data):
        return self.num(number, 2) + self.num(len(data), 4) + data

    def options(self):
        later = b"" if self.args.raw else self.option(77, b"unheard of")
        return (self.option(OPT_UNAME, UNAME) + self.option(OPT_VERSION, b"3.1.6\0") + later +
                self.option(OPT_CPUCOUNT, self.num(len(self.data), 4)))

    def pad(self):
        self.out += b"\0" * (-len(self.out) % PAGE)

    def write_6(self):
        self.out += self.initial(b"6") + self.header_info() + self.ftrace() + self.formats()
        self.out += self.kallsyms() + self.printk() + self.cmdlines()
        self.out += self.num(len(self.data), 4) + b"options  \0" + self.options()
        self.out += self.option(OPT_CLOCK, b"[local] global counter uptime perf mono\n\0") + self.num(0, 2)
        self.out += b"flyrecord\0"
        at = len(self.out) + 16 * len(self.data)
        for data in self.data:
            at += -at % PAGE
            self.out += self.num(at, 8) + self.num(len(data), 8)
            at += len(data)
        for data in self.data:
            self.pad()
            self.out += data
        return bytes(self.out)

    def section(self, number, data):
        at, flags = len(self.out), 0
        if self.compress and number >= OPT_HEADER_INFO:
            packed, flags = self.compress(data), 1
            data = self.num(len(packed), 4) + self.num(len(data), 4) + packed
        self.out += self.num(number, 2) + self.num(flags, 2) + self.num(0, 4) + self.num(len(data), 8) + data
        return at

    def chunks(self, data):
        if not self.compress:
            return data
        parts = [data[at:at + 2 * PAGE] for at in range(0, len(data), 2 * PAGE)]
        packed = [self.compress(part) for part in parts]
        return self.num(len(parts), 4) + b"".join(
            self.num(len(p), 4) + self.num(len(part), 4) + p for p, part in zip(packed, parts))

    def write_7(self):
        self.out += self.initial(b"7")
        self.out += self.args.pack.encode() + b"\0" + b"1.0\0"
        first_options = len(self.out)
        self.out += b"\0" * 8
        sections = [(OPT_HEADER_INFO, self.header_info()), (OPT_FTRACE, self.ftrace()), (OPT_FORMATS, self.formats()),
                    (OPT_KALLSYMS, self.kallsyms()), (OPT_PRINTK, self.printk()), (OPT_CMDLINES, self.cmdlines())]
        body = b"".join(self.option(number, self.num(self.section(number, data), 8)) for number, data in sections)
        body += self.options()
        options = self.section(SECTION_OPTIONS, body + self.option(OPT_DONE, self.num(0, 8)))
        self.out[first_options:first_options + 8] = self.num(options, 8)
        next_at = len(self.out) - 8
        flyrecord = len(self.out)
        self.out += (self.num(SECTION_FLYRECORD, 2) + self.num(bool(self.compress), 2) + self.num(0, 4) +
                     self.num(0, 8))
        places = b""
        for cpu, data in enumerate(self.data):
            self.pad()
            data = self.chunks(data)
            size = len(data) - (4 if self.compress else 0)  # as trace-cmd 3.1 counts it
            places += self.num(cpu, 4) + self.num(len(self.out), 8) + self.num(size, 8)
            self.out += data
        self.out[flyrecord + 8:flyrecord + 16] = self.num(len(self.out) - flyrecord - 16, 8)
        buffer = (self.num(flyrecord, 8) + b"\0" + b"local\0" + self.num(PAGE, 4) + self.num(len(self.data), 4) +
                  places)
        body = self.option(OPT_BUFFER, buffer) + self.option(OPT_DONE, self.num(0, 8))
        self.out[next_at:next_at + 8] = self.num(self.section(SECTION_OPTIONS, body), 8)
        return bytes(self.out)


def real(args):
    texts = []
    for name in EVENTS + ["sched_wakeup"]:
        with open(os.path.join(args.formats, name, "format"), "rb") as file:
            texts.append(file.read())
    data = []
    for path in args.raw:
        with open(path, "rb") as file:
            data.append(file.read())
    with open(os.path.join(args.formats, "..", "header_page"), "rb") as file:
        return texts, file.read(), data, None


def made_up(args):
    run = Run(args)
    data = run.go(args.events)
    return run.formats.all(), run.formats.header_page(), data, "\n".join(run.lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", type=int, choices=[6, 7], default=7)
    parser.add_argument("--order", choices=["little", "big"], default="little")
    parser.add_argument("--long", type=int, choices=[4, 8], default=8)
    parser.add_argument("--pack", choices=["none", "zlib", "zstd"], default="none")
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--tasks", type=int, default=9)
    parser.add_argument("--events", type=int, default=600, help="at least so many")
    parser.add_argument("--lose", action="store_true", help="some events are missing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--formats", default="/sys/kernel/tracing/events/sched")
    parser.add_argument("--raw", nargs="+", help="pages of each CPU")
    parser.add_argument("--text", help="the same as text")
    parser.add_argument("output")
    args = parser.parse_args()
    if args.version == 6 and args.pack != "none":
        parser.error("version 6 is never packed")
    texts, header_page, data, lines = real(args) if args.raw else made_up(args)
    writer = Writer(args, texts, header_page, data)
    with open(args.output, "wb") as file:
        file.write(writer.write_6() if args.version == 6 else writer.write_7())
    if args.text and lines is not None:
        with open(args.text, "w") as file:
            file.write(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
