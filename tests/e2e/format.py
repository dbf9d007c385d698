#!/usr/bin/env python3
"""Recordings, read by a second reader that was written from schedviz-recording(5) alone: it finds the slices that
schedviz finds, so the page tells all that is needed, and the truth."""

import collections
import csv
import io
import json
import os
import shutil
import struct
import subprocess
import tempfile
import zlib

from lib import (BUILDDIR, PYTHON, SRCDIR, Skip, comment, expect, expect_nothing_left, main, run, test, users,
                 workdir)

DATA = os.path.join(SRCDIR, "tests", "data")

# src/event.h
IN, OUT, WAKE, NEW, EXIT, NAME, SAMPLE, NOTE, MARK, LOST, OBJECT = range(11)
PREEMPTED, BLOCKED = range(2)
STATE, RUN, SWITCHES = range(3)
WORK, BASE, BASE_RUN, WANTS, SLEEPS, BLOCKS, GOT, GAVE, DIED, VALUE, UNTOLD = range(11)
MUTEX, COUNTER = 0, 6

EVENTS, TEXT, INDEX = 1, 2, 3  # blocks
KEY, SUMS, TIMED, BITS, NEXT, SUM_BITS, AFTER = 1, 2, 4, 8, 16, 32, 64  # their flags
SWITCH_CODES = [(OUT, PREEMPTED), (OUT, BLOCKED), (IN, 0), (IN, 1), (IN, 2)]
CODES = [*SWITCH_CODES, *SWITCH_CODES, (WAKE, 0), (NEW, 0), (EXIT, 0), (NAME, 0),
         *((SAMPLE, detail) for detail in (STATE, RUN, SWITCHES)),
         *((NOTE, detail) for detail in (WORK, WANTS, SLEEPS, BLOCKS, GOT, GAVE, VALUE)),
         (MARK, 0), (LOST, 0), (OBJECT, MUTEX), (OBJECT, COUNTER)]
ANY = 31
TICK_NOISE, U32, U64 = 65536, (1 << 32) - 1, (1 << 64) - 1

Event = collections.namedtuple("Event", "time tid cpu kind detail payload")
Block = collections.namedtuple("Block", "offset header body type flags begin end n_events sections")
Slice = collections.namedtuple("Slice", "begin end cpu tid end_reason")


# ---- Bytes ----

class Reader:
    """Bytes, taken from the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, n):
        expect(n <= len(self.data) - self.at, "read beyond the end")
        self.at += n
        return self.data[self.at - n:self.at]

    def byte(self):
        return self.bytes(1)[0]

    def number(self, *_):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def difference(self):
        return signed(self.number())

    def numbers(self, n):
        return [self.number() for _ in range(n)]

    def differences(self, n):
        return [self.difference() for _ in range(n)]

    def rest(self):
        return self.bytes(len(self.data) - self.at)

    def end(self):
        expect(self.at == len(self.data), f"{len(self.data) - self.at} bytes are left")


def signed(number):
    return -(number >> 1) - 1 if number & 1 else number >> 1


def content_size(frame):
    """Of a frame of Zstandard (RFC 8878, 3.1.1.1)."""
    expect(frame[:4] == b"\x28\xb5\x2f\xfd", "no frame of Zstandard")
    flag, single, dictionary = frame[4] >> 6, frame[4] >> 5 & 1, frame[4] & 3
    at, size = 5 + (not single) + (0, 1, 2, 4)[dictionary], (single, 2, 4, 8)[flag]
    expect(size, "the frame does not tell its size")
    return int.from_bytes(frame[at:at + size], "little") + (256 if size == 2 else 0)


def unpacked(frames):
    """The contents of the frames, by one run of zstd(1)."""
    if not shutil.which("zstd"):
        raise Skip("zstd is missing (Debian: zstd)")
    done = subprocess.run(["zstd", "-dcq"], input=b"".join(frames), capture_output=True, check=True, timeout=60)
    contents = Reader(done.stdout)
    yield from [contents.bytes(content_size(frame)) for frame in frames]
    contents.end()


def unpacked_after(before, frame):
    """The content of a frame that goes on from other bytes."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(before)
        file.flush()
        done = subprocess.run(["zstd", "-dcq", f"--patch-from={file.name}"], input=frame, capture_output=True, check=True, timeout=60)
    expect(len(done.stdout) == content_size(frame), f"{len(done.stdout)} bytes, not {content_size(frame)}")
    return done.stdout


# ---- Columns and bits: both give the bytes and numbers of each kind, one after the other ----

class Columns:
    grow = False  # what is expected of samples

    def __init__(self, times, packed):
        part = Reader(packed)
        sizes = part.numbers(4)
        self.low, operations = Reader(times), Reader(part.bytes(len(times)))
        times, cpus, tasks, payloads = (Reader(part.bytes(size)) for size in sizes)
        part.end()
        self.of = {"operation": operations, "kind": payloads, "differs": payloads, "text": payloads,
                   "time": times, "cpu": cpus, "task": tasks, "new": tasks, "payload": payloads}

    def byte(self, what, *_):
        return self.of[what].byte()

    def number(self, what, *_):
        number = self.of[what].number()
        return number << 8 | self.low.byte() if what == "time" else number

    def end(self):
        for column in (self.low, *self.of.values()):
            column.end()


class Bits:
    grow = True

    def __init__(self, data):
        self.models = collections.defaultdict(lambda: (0, 0))
        self.go_on(data)

    def go_on(self, data):
        self.data = Reader(data)
        self.range, self.value = U32, int.from_bytes(self.data.bytes(4), "big")

    def _narrow(self, below, new_range):
        self.value, self.range = self.value - below, new_range
        while self.range < 1 << 24:
            self.value, self.range = self.value << 8 | self.data.byte(), self.range << 8

    def _bit(self, model):
        b, n = self.models[model]
        split = self.range // 65536 * (32768 + b)
        bit = self.value < split
        self._narrow(0 if bit else split, split if bit else self.range - split)
        self.models[model] = b + int(((32767 if bit else -32767) - b) * 2 / (2 * n + 3)), min(n + 1, 30)
        return bit

    def _tree(self, n, model):
        seen = 1
        for _ in range(n):
            seen = seen << 1 | self._bit((model, seen))
        return seen - (1 << n)

    def _plain(self, n):
        new_range = self.range >> n
        bits = self.value // new_range
        self._narrow(bits * new_range, new_range)
        return bits

    def byte(self, *model):
        return self._tree(8, model)

    def number(self, *model):
        length = self._tree(7, (model, "length"))
        value, left = min(length, 1), max(0, length - 1)
        for _ in range(min(2, left)):
            value, left = value << 1 | self._bit((model, length, value)), left - 1
        while left:
            n = min(8, left)
            value, left = value << n | self._plain(n), left - n
        return value

    def end(self):
        self.data.end()


# ---- Events ----

class Cpu:
    """What is expected of a CPU's switches."""

    def __init__(self):
        self.out_time = self.in_time = self.gap = self.slice = 0
        self.out_tid = self.in_tid = 0
        self.tick = self.period = self.preempted = 0
        self.missed = False

    def expected(self, kind, detail):
        if kind == IN:
            return self.out_time + self.gap
        return self.tick + self.period if detail == PREEMPTED else self.in_time + self.slice

    def learn_tick(self, time):
        near = self.tick + self.period
        if abs(time - near) > TICK_NOISE and self.period > 2 * TICK_NOISE:
            n = (time - self.tick + self.period // 2) // self.period
            near = self.tick + n * self.period if 0 <= n <= 16 else near
        late = time - near
        if abs(late) <= TICK_NOISE:
            self.tick, self.period, self.missed = near + int(late / 8), self.period + int(late / 128), False
        elif self.missed:
            self.tick, self.period, self.missed = time, time - self.preempted, False
        else:
            self.missed = True
        self.preempted = time


class Task:
    def __init__(self):
        self.next = self.woken = self.waker = 0
        self.work = [0, 0]
        self.samples = {STATE: [0, 0], RUN: [0, 0], SWITCHES: [0, 0]}
        self.preempted = None  # since when


def form_of(kind, detail):
    if kind in (SAMPLE, LOST) or kind == NOTE and not WANTS <= detail <= VALUE:
        return "<QQ"
    return "<IIQ" if kind == NOTE else "<IIII"


class Decoder:
    """The events of a block, and of those that go on from it."""

    def __init__(self, fields):
        self.fields = fields
        self.code = self.time = self.tid = self.running = self.switch_cpu = self.new_tid = 0
        self.cpus, self.tasks = collections.defaultdict(Cpu), collections.defaultdict(Task)
        self.cpu_of, self.payload_of = collections.defaultdict(int), collections.defaultdict(lambda: bytes(16))
        self.told = [0]

    def go_on(self, data):
        self.fields.go_on(data)
        self.code = 0

    def events(self, n):
        events = [self._event() for _ in range(n)]
        self.fields.end()
        return events

    def _event(self):
        operation = self.fields.byte("operation", self.code)
        self.code = code = operation >> 3
        kind, detail = (self.fields.byte("kind"), self.fields.byte("kind")) if code == ANY else CODES[code]
        like = (min(kind, 15), min(detail, 15))
        time = self.fields.number("time", code)
        cpu = self.switch_cpu if kind in (IN, OUT) else self.cpu_of[like]
        if operation & 1:
            cpu = (self.fields.number("cpu") - 1 + 0x8000) % 0x10000 - 0x8000
        of_cpu = self.cpus[cpu % 1024]
        time = (of_cpu.expected(kind, detail) + signed(time) if 5 <= code <= 9 else self.time + time) & U64
        tid = self._tid() if operation & 2 else self._expected_tid(kind, of_cpu)
        payload = self._payload(operation & 4, kind, detail, like, time, self.tasks[tid])
        event = Event(time, tid, cpu, kind, detail, payload)
        self._learn(event, of_cpu, like)
        return event

    def _tid(self):
        number = self.fields.number("task")
        if number:
            return self.told[number - 1]
        self.new_tid = (self.new_tid + signed(self.fields.number("new")) + (1 << 31)) % (1 << 32) - (1 << 31)
        self.told.append(self.new_tid)
        return self.new_tid

    def _expected_tid(self, kind, of_cpu):
        if kind == IN:
            return self.tasks[of_cpu.out_tid].next
        if kind == OUT:
            return of_cpu.in_tid
        if kind == WAKE:
            return self.tasks[self.running].woken
        return 0 if kind in (MARK, LOST) else self.tid

    def _payload(self, differs, kind, detail, like, time, task):
        if kind in (NAME, MARK, OBJECT):
            if not differs:
                return self.payload_of[like]
            n = self.fields.byte("differs", self.code)
            return bytes(self.fields.byte("text") for _ in range(n)).ljust(16, b"\0")
        form = form_of(kind, detail)
        numbers = list(struct.unpack(form, self.payload_of[like]))
        if kind in (IN, OUT):
            numbers = [0] * 4
        elif kind == WAKE:
            numbers = [(task.waker or self.running) & U32, 0, 0, 0]
        elif kind == SAMPLE:
            numbers = list(task.samples[detail])
        elif kind == NOTE and detail == WORK:
            numbers = list(task.work)
        until = kind == NOTE and detail in (WANTS, SLEEPS)
        if until:
            numbers[2] = 0
        which = self.fields.byte("differs", self.code) if differs else 0
        for place, size in enumerate(form[1:]):
            if which >> place & 1:
                base = time if until and place == 2 else numbers[place]
                numbers[place] = base + signed(self.fields.number("payload", self.code, place))
            numbers[place] &= U64 if size == "Q" else U32
        return struct.pack(form, *numbers)

    def _learn(self, event, of_cpu, like):
        task = self.tasks[event.tid]
        self.time, self.tid = event.time, event.tid or self.tid
        if event.kind in (IN, OUT):
            self.switch_cpu = event.cpu
            (self._learn_in if event.kind == IN else self._learn_out)(event, of_cpu, task)
            return
        self.cpu_of[like], self.payload_of[like] = event.cpu, event.payload
        if event.kind == WAKE:
            self.tasks[self.running].woken = event.tid
            task.waker, = struct.unpack_from("<i", event.payload)
        elif event.kind == SAMPLE:
            task.samples[event.detail] = list(struct.unpack("<QQ", event.payload))
        elif event.kind == NOTE and event.detail == WORK:
            task.work = struct.unpack("<QQ", event.payload)

    def _learn_in(self, event, of_cpu, task):
        self.tasks[of_cpu.out_tid].next = self.running = of_cpu.in_tid = event.tid
        of_cpu.in_time, of_cpu.gap = event.time, event.time - of_cpu.out_time
        if not self.fields.grow:
            return
        task.samples[STATE][0] += 1
        if task.preempted is not None:
            task.samples[RUN][1] += event.time - task.preempted
        task.preempted = None

    def _learn_out(self, event, of_cpu, task):
        of_cpu.out_tid, of_cpu.out_time, of_cpu.slice = event.tid, event.time, event.time - of_cpu.in_time
        preempted = event.detail == PREEMPTED
        if preempted:
            of_cpu.learn_tick(event.time)
        if self.fields.grow:
            task.samples[SWITCHES][preempted] += 1
            task.samples[RUN][0] += of_cpu.slice if of_cpu.in_time else 0
            task.preempted = event.time if preempted else None


# ---- The file ----

def blocks_of(data):
    """The whole blocks, and where they end."""
    magic, major, _, at, checksum = struct.unpack_from("<8sHHII", data)
    expect(magic == b"\x89SVZ\r\n\x1a\n" and major == 1, f"{magic}, version {major}")
    expect(zlib.crc32(data[:16]) == checksum, "checksum of the file's header")
    blocks = []
    while data[at:at + 4] == b"SVZB" and at + 60 <= len(data):
        kind, flags, header, body, checksum, begin, end, n_events, *told = struct.unpack_from("<4xBBHIIQQI6I", data, at)
        plain = data[at:at + 12] + bytes(4) + data[at + 16:at + 60]
        expect(zlib.crc32(plain) == checksum, f"checksum of the block at {at}")
        if at + header + body > len(data):
            break
        content, sections = Reader(data[at + header:at + header + body]), []
        for size, checksum in zip(told[::2], told[1::2]):
            sections.append(content.bytes(size))
            expect(zlib.crc32(sections[-1]) == checksum, f"checksum of a section of the block at {at}")
        content.end()
        blocks.append(Block(at, header, body, kind, flags, begin, end, n_events, sections))
        at += header + body
    return blocks, at


def tasks_of(data):
    """The state of all tasks: its time; of each task its tid, name and run time; the events that tell the rest."""
    part = Reader(data)
    time, n_tasks, tid, name, tasks = part.number(), part.number(), 0, b"", []
    for _ in range(n_tasks):
        flags = part.byte()
        tid += part.difference()
        part.differences(2)  # pid, slot
        part.numbers(2)  # maker, run
        part.bytes(4)  # kind, role, state, letter
        name = part.bytes(part.byte()) if flags & 16 else name
        part.differences(5)  # last CPU, exit status, begin, end, state's begin
        ran, *_ = part.numbers(3)  # runnable, unknown
        part.difference()  # to its life
        part.numbers(2)  # switches
        part.difference()  # to its slices
        part.numbers(6)  # migrations, samples, wakes, waker, work
        if flags & 32:
            part.byte()
            part.differences(6)
            part.numbers(5)
        tasks.append((tid, name, ran))
    n_events = part.number()
    return time, tasks, Decoder(Columns(part.bytes(n_events), part.rest())).events(n_events)


def sums_of(part, span):
    """Run times by task and by CPU; part.number() reads a number of the field that it is given."""
    tasks, cpus, number = {}, {}, 0
    for _ in range(part.number("tasks")):
        number += part.number("task")
        largest, lacks = part.number("largest"), signed(part.number("lacks"))
        times = [part.number(name) for i, name in enumerate(("run", "runnable", "blocked", "unknown")) if i != largest]
        times.insert(largest, span - lacks - sum(times))
        tasks[number] = times[0]
        part.number("switches"), part.number("samples")
    number = 0
    for _ in range(part.number("CPUs")):
        number += part.number("CPU")
        led = [(part.number("lead"), signed(part.number("lead's"))) for _ in range(part.number("leads"))]
        cpus[number] = (sum(tasks[task] - elsewhere for task, elsewhere in led) +
                        signed(part.number("CPU's run")))
        for name in ("self", "others", "CPU's unknown", "CPU's switches", "CPU's samples"):
            part.number(name)
    part.end()
    return tasks, cpus


def index_of(data):
    """For each block what its header says, as far as the index has it, and the last field of the entry."""
    part, entries, offset, time = Reader(data), [], 0, 0
    for _ in range(part.number()):
        kind, flags = part.byte(), part.byte()
        offset += part.number()
        header, body = part.number(), part.number()
        begin = time + part.difference()
        time = begin + part.number()
        n_events = part.number()
        last = part.number() if kind == EVENTS else part.bytes(part.number()) if kind == TEXT else None
        entries.append((offset, header, body, kind, flags, begin, time, n_events, last))
        offset += header + body
    part.end()
    return entries


class Recording:
    """All of a file: its events by block, and the packed sections as they are unpacked."""

    def __init__(self, data):
        self.blocks, self.end = blocks_of(data)
        places = [(i, section) for i, block in enumerate(self.blocks) for section in self._packed(block)]
        alone = [(i, section) for i, section in places if not self.blocks[i].flags & AFTER]
        contents = unpacked([self._frame(self.blocks[i], section) for i, section in alone])
        self.parts = dict(zip(alone, contents))
        for i, section in places:
            if self.blocks[i].flags & AFTER:
                first = next(k for k, block in enumerate(self.blocks)
                             if block.type == TEXT and block.sections[0] == self.blocks[i].sections[0])
                self.parts[i, section] = unpacked_after(self.parts[first, 1], self._frame(self.blocks[i], section))
        self.decoder = None  # of the block before
        self.events = [self._events(i) for i in range(len(self.blocks))]

    @staticmethod
    def _packed(block):
        if block.type == EVENTS:
            return [s for s, has in enumerate((block.flags & SUMS and not block.flags & SUM_BITS, block.flags & KEY,
                                               not block.flags & BITS)) if has]
        return {TEXT: [1], INDEX: [0]}[block.type]

    @staticmethod
    def _frame(block, section):
        return block.sections[section][block.n_events if block.type == EVENTS and section == 2 else 0:]

    def _events(self, i):
        block = self.blocks[i]
        if block.type != EVENTS:
            return []
        data = block.sections[2]
        if block.flags & NEXT:
            self.decoder.go_on(data)
        else:
            fields = Bits(data) if block.flags & BITS else Columns(data[:block.n_events], self.parts[i, 2])
            self.decoder = Decoder(fields)
        events = self.decoder.events(block.n_events)
        expect(all(block.begin <= event.time <= block.end for event in events), "an event out of its block's span")
        return events

    def slices(self):
        """From switch in to switch out. A task's exit ends its slice, and no other of it follows; green tasks, which
        have no CPU, have no slices."""
        slices, running, exited = [], {}, set()
        for event in (event for events in self.events for event in events):
            if event.kind == NEW:
                exited.discard(event.tid)
            elif event.kind == EXIT:
                exited.add(event.tid)
                for cpu in [cpu for cpu, (_, tid) in running.items() if tid == event.tid]:
                    slices.append(Slice(running.pop(cpu)[0], event.time, cpu, event.tid, "exited"))
            elif event.kind == IN and event.cpu >= 0 and event.tid not in exited:
                running[event.cpu] = event.time, event.tid
            elif event.kind == OUT and event.cpu in running:
                begin, tid = running.pop(event.cpu)
                expect(tid == event.tid, f"{event} after a switch in of {tid}")
                slices.append(Slice(begin, event.time, event.cpu, tid, ("preempted", "blocked")[event.detail]))
            elif event.kind == LOST:
                raise Skip("the kernel lost events")
        end = max(block.end for block in self.blocks)
        return slices + [Slice(begin, end, cpu, tid, "open") for cpu, (begin, tid) in running.items()]


# ---- What must be the same ----

def read(path):
    with open(path, "rb") as file:
        return file.read()


def check_slices(recording, path, err=""):
    result = run("-b", "-f", "csv", path, user=users()[-1])
    expect(result.status == 0 and err in result.err, str(result))
    rows = {Slice(int(row["monotonic_ns"]), int(row["monotonic_ns"]) + int(row["duration_ns"]), int(row["cpu"]),
                  int(row["tid"]), row["end_reason"]) for row in csv.DictReader(io.StringIO(result.out))}
    slices = set(recording.slices())
    expect(slices == rows, f"{len(slices)} slices, {len(rows)} rows; only here {sorted(slices - rows)[:3]}, "
           f"only there {sorted(rows - slices)[:3]}")


def check_index(recording, data):
    """The index tells of each block before it what that block tells, and the end of the file leads to the index."""
    *blocks, last = recording.blocks
    entries = index_of(recording.parts[len(blocks), 0])
    expect(len(entries) == len(blocks) and last.type == INDEX, f"{len(entries)} entries, {len(blocks)} blocks")
    for entry, block, events in zip(entries, blocks, recording.events):
        expected = (*block[:8], block.sections[0] if block.type == TEXT else len(block.sections[0]))
        expect(entry == expected and block.n_events == len(events), f"{entry}, {expected}, {len(events)} events")
    expect(data[recording.end:] == struct.pack("<Q", last.offset) + b"SVZ-END\n", f"ends with {data[recording.end:]}")


def run_ns(slices, begin, end, of):
    times = collections.Counter()
    for s in slices:
        times[of(s)] += max(0, min(s.end, end) - max(s.begin, begin))
    return times


def check_parts(recording):
    """States and sums have the run times that follow from the slices; of states the names, too, and what is told of
    objects there was told before."""
    slices, names, objects = recording.slices(), {}, set()
    for i, (block, events) in enumerate(zip(recording.blocks, recording.events)):
        if block.type == TEXT:
            session = json.loads(recording.parts[i, 1]) if block.sections[0] == b"session" else {"schedviz": ""}
            expect("schedviz" in session, f"{session}")
        if block.flags & KEY and block.type == EVENTS:
            time, tasks, extra = tasks_of(recording.parts[i, 1])
            times = run_ns(slices, 0, time, lambda s: s.tid)
            for tid, name, ran in tasks:
                expected = names.get(tid, name), times[tid]
                expect((name, ran) == expected, f"{tid}: {name} ran {ran}, not {expected}")
            told = {event.payload for event in extra if event.kind == OBJECT}
            expect(told <= objects, f"objects {told}, of {objects}")
        if block.flags & SUMS and block.type == EVENTS:
            sums = Bits(block.sections[0]) if block.flags & SUM_BITS else Reader(recording.parts[i, 0])
            by_task, by_cpu = sums_of(sums, block.end - block.begin)
            times = run_ns(slices, block.begin, block.end, lambda s: s.cpu)
            expect({cpu: ran for cpu, ran in by_cpu.items() if ran} == +times, f"CPUs ran {by_cpu}: {times}")
            expect(sum(by_task.values()) == times.total(), f"tasks ran {by_task}: {times}")
        names |= {event.tid: event.payload.rstrip(b"\0") for event in events if event.kind == NAME}
        objects |= {event.payload for event in events if event.kind == OBJECT}


def check(path):
    data = read(path)
    recording = Recording(data)
    check_index(recording, data)
    check_slices(recording, path)
    check_parts(recording)
    return recording


# ---- Tests ----

def recorded(*args):
    """A run with these arguments, checked."""
    with tempfile.TemporaryDirectory(dir=workdir()) as place:
        os.chmod(place, 0o777)
        path = os.path.join(place, "a.svz")
        result = run("-b", "-o", "/dev/null", "-r", path, *args)
        expect(result.status == 0, str(result))
        expect_nothing_left(result.tag)
        recording = check(path)
        comment(f"{sum(map(len, recording.events))} events, {len(recording.slices())} slices")
        return recording


def of_bits(recording):
    return {bool(block.flags & BITS) for block in recording.blocks if block.type == EVENTS}


@test("a quiet run: events as bits")
def quiet():
    expect(True in of_bits(recorded("-d", "1")), "all are columns")


PING_PONG = """
import os, time
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
there, back, end = os.pipe(), os.pipe(), time.monotonic() + 0.1
if os.fork() == 0:
    os.close(there[1])
    while os.read(there[0], 1):
        os.write(back[1], b"x")
    os._exit(0)
while time.monotonic() < end:
    os.write(there[1], b"x")
    os.read(back[0], 1)
"""


@test("many switches: two processes that wake each other")
def many():
    recorded("--", PYTHON, "-c", PING_PONG)


LOCKS = '{"tasks": {"w": {"instance": 8, "run": 5, "lock": "m", "run": 5, "unlock": "m", "sleep": 50}}}'


@test("many waits for a lock: of that the state of all tasks is told as events")
def locks():
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=workdir()) as file:
        os.chmod(file.name, 0o644)
        file.write(LOCKS)
        file.flush()
        recorded("-d", "0.3", file.name)


DEADLOCK = """{"tasks": {"a": {"lock": "x", "sleep": 50000, "lock": "y"},
                         "b": {"lock": "y", "sleep": 50000, "lock": "x"}}}"""


@test("a deadlock: the alert is a text with its time")
def deadlock():
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=workdir()) as file:
        os.chmod(file.name, 0o644)
        file.write(DEADLOCK)
        file.flush()
        recording = recorded("-d", "3", file.name)
    told = [(block, recording.parts[i, 1]) for i, block in enumerate(recording.blocks)
            if block.type == TEXT and block.sections[0] == b"deadlock"]
    expect(len(told) == 1, f"{len(told)} deadlocks are told")
    (block, text), = told
    begin, end = min(b.begin for b in recording.blocks if b.n_events), max(b.end for b in recording.blocks)
    expect(block.flags == TIMED and begin < block.begin == block.end <= end, f"{block}")
    expect(all(name in text for name in (b"a", b"b", b"x", b"y")), f"{text}")


@test("a machine that never was: few events as bits, many as columns")
def made():
    maker = os.path.join(BUILDDIR, "tests", "make_recording")
    if not os.access(maker, os.X_OK):
        raise Skip(f"{maker} is not built")
    with tempfile.TemporaryDirectory(dir=workdir()) as place:
        for n_events, bits in (20000, False), (3000, True):
            path = os.path.join(place, f"{n_events}.svz")
            subprocess.run([maker, path, str(n_events)], stdout=subprocess.DEVNULL, check=True, timeout=60)
            recording = check(path)
            expect(sum(map(len, recording.events)) == n_events, "not all events")
            expect(of_bits(recording) == {bits}, f"{n_events} events: {of_bits(recording)}")


@test("128 CPUs")
def large():
    check(os.path.join(DATA, "cpus128.svz"))


@test("64 CPUs; without its index the file is walked to the same events")
def cut():
    path = os.path.join(DATA, "cpus64.svz")
    whole, data = check(path), read(path)
    index = whole.blocks[-1]
    with tempfile.TemporaryDirectory(dir=workdir()) as place:
        path = os.path.join(place, "a.svz")
        for n_left in (index.offset, index.offset + index.header + index.body - 1):
            with open(path, "wb") as file:
                file.write(data[:n_left])
            part = Recording(data[:n_left])
            expect(part.events == whole.events[:-1] and part.end == index.offset, f"{n_left} bytes: {part.blocks}")
        check_slices(part, path, "cut off")


if __name__ == "__main__":
    main()
