#!/usr/bin/env python3
"""schedviz-recording(5) told again: a reader of recordings that was written from that page alone, held against what
schedviz itself reads in the same files."""

import collections
import csv
import io
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
# pylint: disable=wrong-import-position
from lib import BUILDDIR, PYTHON, SRCDIR, Skip, allowed_cpus, expect, expect_nothing_left, main, run, test, workdir

# src/event.h
OUT, IN, WAKE, NEW, EXIT, NAME, SAMPLE, NOTE, MARK, LOST, OBJECT = 1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10
PREEMPTED = 0
STATE, RUN, SWITCHES = range(3)
WORK, BASE, BASE_RUN, WANTS, SLEEPS = range(5)

U64 = (1 << 64) - 1
KEY, SUMS, TIMED, BITS = 1, 2, 4, 8
CODES = ([(OUT, 0), (OUT, 1), (IN, 0), (IN, 1), (IN, 2)] * 2 + [(WAKE, 0), (NEW, 0), (EXIT, 0), (NAME, 0)] +
         [(SAMPLE, STATE), (SAMPLE, RUN), (SAMPLE, SWITCHES)] +
         [(NOTE, detail) for detail in (WORK, WANTS, SLEEPS, 5, 6, 7, 9)] +
         [(MARK, 0), (LOST, 0), (OBJECT, 0), (OBJECT, 6)])
ANY = 31

Event = collections.namedtuple("Event", "time tid cpu kind detail payload")
Block = collections.namedtuple("Block", "offset size type flags begin end n_events sections")


# ---- Bytes ----

class Reader:
    """Bytes taken from the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def bytes(self, n):
        self.at += n
        expect(self.at <= len(self.data), "read beyond the end")
        return self.data[self.at - n:self.at]

    def number(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value & U64

    def difference(self):
        return signed(self.number())

    def end(self):
        expect(self.at == len(self.data), f"{len(self.data) - self.at} bytes are left")


def signed(number):
    return -(number >> 1) - 1 if number & 1 else number >> 1


def content_size(frame):
    """Of a frame of Zstandard: RFC 8878, 3.1.1.1."""
    expect(frame[:4] == b"\x28\xb5\x2f\xfd", "no frame of Zstandard")
    flag, single, dictionary = frame[4] >> 6, frame[4] >> 5 & 1, frame[4] & 3
    at, size = 5 + (not single) + (0, 1, 2, 4)[dictionary], (single, 2, 4, 8)[flag]
    expect(size, "the frame does not tell its content's size")
    return int.from_bytes(frame[at:at + size], "little") + (256 if size == 2 else 0)


def unpacked(frames):
    """The contents of the frames, by one run of zstd(1)."""
    if not shutil.which("zstd"):
        raise Skip("zstd is missing (Debian: zstd)")
    done = subprocess.run(["zstd", "-dcq"], input=b"".join(frames), capture_output=True, check=True, timeout=60)
    content = Reader(done.stdout)
    contents = [content.bytes(content_size(frame)) for frame in frames]
    content.end()
    return contents


# ---- The two ways in which the fields of events are written ----

class Columns:
    def __init__(self, times, packed):
        part = Reader(packed)
        sizes = [part.number() for _ in range(4)]
        self.low, self.operations = Reader(times), Reader(part.bytes(len(times)))
        self.times, self.cpus, self.tasks, self.payloads = (Reader(part.bytes(size)) for size in sizes)
        part.end()

    def operation(self):
        return self.operations.byte()

    def kind_and_detail(self):
        return self.payloads.byte(), self.payloads.byte()

    def time(self, _code):
        return self.low.byte() | self.times.number() << 8

    def cpu(self):
        return self.cpus.number()

    def task(self):
        return self.tasks.number()

    def new_task(self):
        return self.tasks.number()

    def payload_byte(self, _code):
        return self.payloads.byte()

    def text(self, n):
        return self.payloads.bytes(n)

    def payload_number(self, _code, _place):
        return self.payloads.number()

    def end(self):
        for column in (self.low, self.operations, self.times, self.cpus, self.tasks, self.payloads):
            column.end()


class Bits:
    def __init__(self, data):
        self.data = Reader(data)
        self.range, self.value = (1 << 32) - 1, int.from_bytes(self.data.bytes(4), "big")
        self.models = collections.defaultdict(lambda: [0, 0])
        self.code = 0

    def _narrowed(self, below, new_range):
        self.value, self.range = self.value - below, new_range
        while self.range < 1 << 24:
            self.range, self.value = self.range << 8, self.value << 8 | self.data.byte()

    def _bit(self, *which):
        model = self.models[which]
        b, n = model
        split = (self.range >> 16) * (32768 + b)
        bit = int(self.value < split)
        way = (32767 if bit else -32767) - b
        step = abs(way) * 2 // (2 * n + 3)
        model[:] = b + (step if way > 0 else -step), min(n + 1, 30)
        self._narrowed(0 if bit else split, split if bit else self.range - split)
        return bit

    def _plain(self, n):
        new_range = self.range >> n
        value = self.value // new_range
        self._narrowed(value * new_range, new_range)
        return value

    def _tree(self, n, *which):
        seen = 1
        for _ in range(n):
            seen = seen << 1 | self._bit(*which, seen)
        return seen - (1 << n)

    def _number(self, *which):
        length = self._tree(7, *which, "length")
        value = int(length > 0)
        left = max(0, length - 1)
        for _ in range(min(2, left)):
            value = value << 1 | self._bit(*which, length, value)
            left -= 1
        while left:
            n = min(8, left)
            value, left = value << n | self._plain(n), left - n
        return value

    def operation(self):
        operation = self._tree(8, "operation", self.code)
        self.code = operation >> 3
        return operation

    def kind_and_detail(self):
        return self._tree(8, "kind and detail"), self._tree(8, "kind and detail")

    def time(self, code):
        return self._number("time", code)

    def cpu(self):
        return self._number("cpu")

    def task(self):
        return self._number("task")

    def new_task(self):
        return self._number("new")

    def payload_byte(self, code):
        return self._tree(8, "payload", code)

    def text(self, n):
        return bytes(self._tree(8, "text") for _ in range(n))

    def payload_number(self, code, place):
        return self._number("payload", code, place)

    def end(self):
        self.data.end()


# ---- Events ----

class Cpu:
    """What is expected of a CPU's switches."""

    def __init__(self):
        self.out_time = self.in_time = self.gap = self.slice = self.tick = self.period = 0
        self.out_tid = self.in_tid = self.preempted_time = self.missed = 0

    def preempts(self, time):
        """The tick is learnt."""
        near = self.tick + self.period
        if 2 * 65536 < self.period and 65536 < abs(time - near):
            near = self.tick + self.period * max(0, min(16, (time - self.tick + self.period // 2) // self.period))
        late = time - near
        if abs(late) <= 65536:
            self.tick, self.period = near + int(late / 8), self.period + int(late / 128)
            self.missed = 0
        elif self.missed:
            self.tick, self.period, self.missed = time, time - self.preempted_time, 0
        else:
            self.missed = 1
        self.preempted_time = time


class Task:
    def __init__(self):
        self.next = self.woken = self.waker = 0
        self.grown = {STATE: [0, 0], RUN: [0, 0], SWITCHES: [0, 0]}
        self.work = (0, 0)
        self.in_time = self.preempted_time = None


class Decoder:
    """Events of one block."""

    def __init__(self, fields, n):
        self.fields, self.n = fields, n
        self.cpus, self.tasks = collections.defaultdict(Cpu), collections.defaultdict(Task)
        self.time = self.running = self.switch_cpu = self.tid = self.told_tid = 0
        self.cpu_of, self.payload_of = collections.defaultdict(int), {}
        self.told = [0]

    def events(self):
        for _ in range(self.n):
            yield self._event()
        self.fields.end()

    def _event(self):
        operation = self.fields.operation()
        code = operation >> 3
        kind, detail = self.fields.kind_and_detail() if code == ANY else CODES[code]
        key = min(kind, 15), min(detail, 15)
        time, cpu = self.fields.time(code), self.switch_cpu if kind in (IN, OUT) else self.cpu_of[key]
        if operation & 1:
            cpu = (self.fields.cpu() - 1) & 0xffff
        of_cpu = self.cpus[cpu % 1024]
        time = (signed(time) + self._expected_time(of_cpu, kind, detail) if 5 <= code <= 9 else self.time + time) & U64
        tid = self._task() if operation & 2 else self._expected_task(of_cpu, kind)
        payload = self._payload(operation & 4, code, Event(time, tid, cpu, kind, detail, None), key)
        event = Event(time, tid, cpu - 65536 if cpu & 0x8000 else cpu, kind, detail, payload)
        self._learn(event, of_cpu, key, cpu)
        return event

    @staticmethod
    def _expected_time(of_cpu, kind, detail):
        if kind == IN:
            return of_cpu.out_time + of_cpu.gap
        return of_cpu.tick + of_cpu.period if detail == PREEMPTED else of_cpu.in_time + of_cpu.slice

    def _task(self):
        place = self.fields.task()
        if place:
            return self.told[place - 1]
        tid = (self.told_tid + signed(self.fields.new_task())) & 0xffffffff
        self.told_tid = tid - (1 << 32) if tid >> 31 else tid
        self.told.append(self.told_tid)
        return self.told_tid

    def _expected_task(self, of_cpu, kind):
        if kind == IN:
            return self.tasks[of_cpu.out_tid].next
        if kind == OUT:
            return of_cpu.in_tid
        if kind == WAKE:
            return self.tasks[self.running].woken
        return 0 if kind in (MARK, LOST) else self.tid

    def _payload(self, differs, code, event, key):
        if event.kind in (NAME, MARK, OBJECT):
            if not differs:
                return self.payload_of.get(key, bytes(16))
            return self.fields.text(self.fields.payload_byte(code)).ljust(16, b"\0")
        form = "<IIII"
        if event.kind in (SAMPLE, LOST) or event.kind == NOTE and event.detail in (WORK, BASE, BASE_RUN):
            form = "<QQ"
        elif event.kind == NOTE:
            form = "<IIQ"
        numbers = self._expected_numbers(event, key, form)
        if differs:
            mask = self.fields.payload_byte(code)
            for place, size in enumerate(form[1:]):
                if mask >> place & 1:
                    if place == 2 and event.kind == NOTE and event.detail in (WANTS, SLEEPS):
                        numbers[place] = event.time
                    numbers[place] += signed(self.fields.payload_number(code, place))
                    numbers[place] &= U64 if size == "Q" else 0xffffffff
        return struct.pack(form, *numbers)

    def _expected_numbers(self, event, key, form):
        task = self.tasks[event.tid]
        if event.kind in (IN, OUT):
            return [0] * 4
        if event.kind == WAKE:
            return [(task.waker or self.running) & 0xffffffff, 0, 0, 0]
        if event.kind == NOTE and event.detail == WORK:
            return list(task.work)
        if event.kind == SAMPLE:
            return list(task.grown[event.detail])
        numbers = list(struct.unpack(form, self.payload_of.get(key, bytes(16))))
        if event.kind == NOTE and event.detail in (WANTS, SLEEPS):
            numbers[2] = 0
        return numbers

    def _learn(self, event, of_cpu, key, cpu):
        task = self.tasks[event.tid]
        self.time = event.time
        self.cpu_of[key], self.payload_of[key] = cpu, event.payload
        if event.kind not in (MARK, LOST):
            self.tid = event.tid
        if event.kind in (IN, OUT):
            self.switch_cpu = cpu
        if event.kind == IN:
            self.tasks[of_cpu.out_tid].next = event.tid
            of_cpu.in_time, of_cpu.gap, of_cpu.in_tid = event.time, event.time - of_cpu.out_time, event.tid
            self.running = event.tid
            task.grown[STATE][0] += 1
            if task.preempted_time is not None:
                task.grown[RUN][1] += event.time - task.preempted_time
            task.in_time, task.preempted_time = event.time, None
        elif event.kind == OUT:
            of_cpu.out_time, of_cpu.slice, of_cpu.out_tid = event.time, event.time - of_cpu.in_time, event.tid
            task.grown[SWITCHES][event.detail == PREEMPTED] += 1
            if task.in_time is not None:
                task.grown[RUN][0] += event.time - task.in_time
            task.in_time = None
            if event.detail == PREEMPTED:
                task.preempted_time = event.time
                of_cpu.preempts(event.time)
        elif event.kind == WAKE:
            self.tasks[self.running].woken = event.tid
            task.waker = struct.unpack_from("<i", event.payload)[0]
        elif event.kind == SAMPLE:
            task.grown[event.detail] = list(struct.unpack("<QQ", event.payload))
        elif event.kind == NOTE and event.detail == WORK:
            task.work = struct.unpack("<QQ", event.payload)


# ---- The file ----

def blocks_of(data):
    """All whole blocks, from the first on, their checksums checked."""
    magic, major, _, size, crc = struct.unpack_from("<8sHHII", data)
    expect(magic == b"\x89SVZ\r\n\x1a\n" and major == 1 and size >= 20, f"{magic} {major} {size}")
    expect(zlib.crc32(data[:16]) == crc, "checksum of the file's header")
    blocks, at = [], size
    while data[at:at + 4] == b"SVZB" and at + 60 <= len(data):
        kind, flags, header, body, crc = struct.unpack_from("<4xBBHII", data, at)
        begin, end, n_events, *told = struct.unpack_from("<QQI6I", data, at + 16)
        expect(zlib.crc32(data[at:at + 12] + bytes(4) + data[at + 16:at + 60]) == crc, f"checksum of the block at {at}")
        if at + header + body > len(data):
            break
        sections, begins = [], at + header
        for size, crc in zip(told[::2], told[1::2]):
            sections.append(data[begins:begins + size])
            expect(zlib.crc32(sections[-1]) == crc, f"checksum of a section of the block at {at}")
            begins += size
        expect(begins == at + header + body, f"bytes of the sections of the block at {at}")
        blocks.append(Block(at, header + body, kind, flags, begin, end, n_events, sections))
        at += header + body
    return blocks, data[at:]
