// The page of schedviz: lanes by core and by task on a canvas, drawn from the packed slices of this file.
"use strict";
(() => {
const $ = id => document.getElementById(id);
const data = JSON.parse($("data").textContent), report = JSON.parse($("report").textContent);

// ---- what is packed: see src/export/packed.h and html.c ----

const OPEN = 0, PREEMPTED = 1, BLOCKED = 2, EXITED = 3, LOST = 4;
const UNKNOWN = 0, RUNNABLE = 2, WAITS = 3;
const FLAG_GAP = 8, FLAG_WAIT = 16, FLAG_CPU = 32, FLAG_REASON = 64;
const KIND = {flags: 0, gap: 1, wait: 2, length: 3, cpu: 4, reason: 5, othersGap: 6, others: 7};

function unpacker(text) {
    const raw = atob(text), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++)
        bytes[i] = raw.charCodeAt(i);
    const sums = new Float64Array(16).fill(1), counts = new Float64Array(16).fill(1);
    let at = 0; // in bits
    const word = () => {
        const i = Math.floor(at / 8), shift = at % 8;
        const high = bytes[i] << 24 | bytes[i + 1] << 16 | bytes[i + 2] << 8 | bytes[i + 3];
        return shift ? high << shift | bytes[i + 4] >> (8 - shift) : high;
    };
    const bits = n => {
        let value = 0;
        for (; n > 24; n -= 24, at += 24)
            value = value * 0x1000000 + (word() >>> 8);
        if (n) {
            value = value * 2 ** n + (word() >>> (32 - n));
            at += n;
        }
        return value;
    };
    const width = mean => {
        if (mean < 0x40000000)
            return mean <= 1 ? 0 : 32 - Math.clz32(mean - 1);
        let k = 30;
        while (2 ** k < mean)
            k++;
        return k;
    };
    return kind => {
        const k = width(Math.ceil(sums[kind] / counts[kind])), ones = Math.min(24, Math.clz32(~word()));
        at += ones < 24 ? ones + 1 : 24;
        const value = ones < 24 ? ones * 2 ** k + bits(k) : bits(46);
        if (at > bytes.length * 8)
            throw new Error("the packed slices end too soon");
        sums[kind] += value;
        if (++counts[kind] === 32) {
            sums[kind] = Math.floor(sums[kind] / 2);
            counts[kind] = 16;
        }
        return value;
    };
}

const nSlices = data.tasks.reduce((sum, task) => sum + task.n, 0);
// Of each slice: where it begins and ends, where the wait for the core before it begins, where the task
// stopped before that, its core, its task, how it ended, and why the task was blocked before.
const start = new Float64Array(nSlices), end = new Float64Array(nSlices), waitFrom = new Float64Array(nSlices),
      gapFrom = new Float64Array(nSlices), cpuOf = new Int32Array(nSlices), taskOf = new Int32Array(nSlices),
      endOf = new Uint8Array(nSlices), reasonOf = new Uint16Array(nSlices);

function unpack() {
    const next = unpacker($("packed").textContent);
    let i = 0;
    data.tasks.forEach((task, number) => {
        let at = task.from, flags = 0, cpu = -1, reason = 0;
        task.number = number;
        task.first = i;
        for (const last = i + task.n; i < last; i++) {
            flags ^= next(KIND.flags);
            if (flags & FLAG_CPU)
                cpu = next(KIND.cpu) - 1;
            if (flags & FLAG_REASON)
                reason = next(KIND.reason);
            gapFrom[i] = at;
            at += flags & FLAG_GAP ? next(KIND.gap) : 0;
            waitFrom[i] = at;
            at += flags & FLAG_WAIT ? next(KIND.wait) : 0;
            start[i] = at;
            at += next(KIND.length);
            end[i] = at;
            cpuOf[i] = cpu;
            taskOf[i] = number;
            endOf[i] = flags & 7;
            reasonOf[i] = flags & FLAG_GAP ? reason : 0;
        }
    });
    for (const cpu of data.cpus) {
        let at = 0;
        cpu.others = [];
        for (let n = 0; n < cpu.n_others; n++) {
            const from = at + next(KIND.othersGap);
            at = from + next(KIND.others);
            cpu.others.push([from, at]);
        }
    }
}

// Slices of each core by time; those of green tasks are on their thread's.
function sortByCpu() {
    const lists = new Map(data.cpus.map(cpu => [cpu.cpu, []]));
    for (let i = 0; i < nSlices; i++) {
        if (!data.tasks[taskOf[i]].green && lists.has(cpuOf[i]))
            lists.get(cpuOf[i]).push(i);
    }
    for (const cpu of data.cpus)
        cpu.list = Uint32Array.from(lists.get(cpu.cpu)).sort((a, b) => start[a] - start[b] || end[a] - end[b] || a - b);
    for (const task of data.tasks)
        task.list = null; // first, first + 1, ...
}

// ---- words ----

const three = value => value < 9.995 ? value.toFixed(2) : value < 99.95 ? value.toFixed(1) : value.toFixed(0);

function duration(units) {
    const ns = units * data.unit_ns;
    if (ns < 1000)
        return `${Math.round(ns)} ns`;
    if (ns < 999500)
        return `${three(ns / 1e3)} µs`;
    if (ns < 999500000)
        return `${three(ns / 1e6)} ms`;
    return `${three(ns / 1e9)} s`;
}

// An instant, from the beginning of the window, as finely as the window shows it.
function instant(t) {
    const ns = t * data.unit_ns;
    const perPixel = view.span * data.unit_ns / Math.max(1, area.right - area.left);
    const digits = perPixel < 100 ? 6 : perPixel < 1e5 ? 3 : perPixel < 1e6 ? 2 : 1;
    return `${(ns / 1e6).toFixed(digits)} ms`;
}

const endWords = {[OPEN]: "still running", [PREEMPTED]: "preempted", [BLOCKED]: "blocked", [EXITED]: "exited",
                  [LOST]: "its end was lost"};
const nameOf = task => task.name === task.letter || !task.letter ? task.name : `${task.letter} ${task.name}`;

// ---- colours: the program's own themes ----

const themes = {
    light: {
        back: "#fff", text: "#18181c", faint: "#5c5c66", strong: "#000", lane: "#eef0f4", grid: "rgb(0 0 0 / .09)",
        own: "#b9bcc6", grain: "#8a8a94", bars: "#71747f", bad: "#c01818", mark: "#a03c00", accent: "#0050a8",
        rest: "#80838d", chosen: "#dfe7f3",
        task: ["#56b4e9", "#e69f00", "#00a878", "#d07cab", "#e6d200", "#3f8fd2", "#e06a10", "#a0a0a8"],
        wait: ["#2f86ba", "#b27a00", "#00805c", "#a85683", "#9a8c00", "#2a6ba8", "#a84a00", "#707078"],
        pale: ["#b3ddf5", "#f3d28a", "#86d5bf", "#e9c0d7", "#f3e98a", "#a5cbea", "#f0b990", "#d2d2d6"],
    },
    dark: {
        back: "#101014", text: "#d0d0d4", faint: "#8d8d98", strong: "#fff", lane: "#1d1d24", grid: "rgb(255 255 255 / .1)",
        own: "#5a5a66", grain: "#6c6c78", bars: "#80808a", bad: "#ff6b5a", mark: "#ffc34d", accent: "#7fd4ff",
        rest: "#6c6c78", chosen: "#262b36",
        task: ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#2a7fc0", "#d55e00", "#a8a8b0"],
        wait: ["#4a93c2", "#b5821c", "#1b8a6b", "#a86b8f", "#b3a938", "#3a78b0", "#b0561a", "#80808a"],
        pale: ["#254355", "#4d3a12", "#123e32", "#45303c", "#4d4a20", "#1b3449", "#47260f", "#3b3b42"],
    },
};
let paint = themes.light;
const hatches = new Map();

function hatch(name) {
    const key = name + (paint === themes.dark);
    if (!hatches.has(key)) {
        const tile = document.createElement("canvas"), n = name === "lost" ? 6 : 8;
        tile.width = tile.height = n;
        const pen = tile.getContext("2d");
        pen.strokeStyle = name === "lost" ? paint.bad : name === "others" ? paint.grain : paint.own;
        pen.lineWidth = 1;
        pen.beginPath();
        for (let i = -n; i <= n; i += n) {
            pen.moveTo(i, n);
            pen.lineTo(i + n, 0);
            if (name === "lost") {
                pen.moveTo(i, 0);
                pen.lineTo(i + n, n);
            }
        }
        pen.stroke();
        hatches.set(key, pen.createPattern(tile, "repeat"));
    }
    return hatches.get(key);
}

function colourOf(task) {
    return task.kin === "workload" ? paint.task[task.colour] : paint.own;
}

function paleOf(task) {
    return task.kin === "workload" ? paint.pale[task.colour] : paint.lane;
}

// ---- the window and the lanes ----

const scope = $("scope"), canvas = $("lanes"), ink = canvas.getContext("2d");
const view = {from: 0, span: data.span};
const area = {left: 0, right: 0, width: 0, height: 0};
const AXIS = 66, MAP = 16;
let rows = [], total = 0, found = null; // found: numbers of the tasks that are searched for
const chosen = {row: null, slice: -1, t: null};
const pointed = {row: null, slice: -1, t: null};

const xOf = t => area.left + (t - view.from) / view.span * (area.right - area.left);
const tOf = x => view.from + (x - area.left) / (area.right - area.left) * view.span;

function makeRows() {
    const nCpus = data.cpus.length, tasks = data.tasks.filter(task => task.kin === "workload" || task.kin === "own");
    const high = nCpus <= 2 ? 54 : nCpus <= 4 ? 42 : nCpus <= 8 ? 30 : nCpus <= 32 ? 20 : 14;
    const low = tasks.length <= 12 ? 24 : tasks.length <= 40 ? 18 : 14;
    let y = AXIS + 8;
    rows = [];
    for (const cpu of data.cpus) {
        if (cpu.off) { // no part of the run
            rows.push({cpu, y, h: 14, list: null, first: 0, n: 0});
            y += 14 + 9;
            continue;
        }
        rows.push({cpu, y, h: high, list: cpu.list, first: 0, n: cpu.list.length});
        y += high + 3;
        if (nCpus <= 4 && data.exact) {
            rows.push({switches: cpu, y, h: 14, n: 0});
            y += 14 + 9;
        }
    }
    y += 22;
    for (const task of tasks) {
        rows.push({task, y, h: low, list: null, first: task.first, n: task.n});
        y += low + (low > 20 ? 6 : 4);
    }
    total = y + 8;
    rows.filter(row => !row.switches && data.exact).forEach(addSums);
}

const sliceAt = (row, i) => row.list ? row.list[i] : row.first + i;

// The first slice of a row of which a time (start, end, ...) is after t.
function firstPast(row, times, t) {
    let low = 0, high = row.n;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (times[sliceAt(row, middle)] <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const firstAfter = (row, t) => firstPast(row, end, t);

// How long a row's slices that count ran, and how long a task waited before them, up to each slice: so that
// any window's share is known at once. On a core the workload's count, or everybody's where all are watched.
function addSums(row) {
    row.ran = new Float64Array(row.n + 1);
    row.waited = new Float64Array(row.n + 1);
    for (let i = 0; i < row.n; i++) {
        const s = sliceAt(row, i), counts = row.task || data.all || data.tasks[taskOf[s]].kin === "workload";
        row.ran[i + 1] = row.ran[i] + (counts ? end[s] - start[s] : 0);
        row.waited[i + 1] = row.waited[i] + start[s] - waitFrom[s];
    }
}

// What of the window these stretches of a row fill.
function shown(row, sums, from, until) {
    const to = view.from + view.span, first = firstPast(row, until, view.from), last = firstPast(row, from, to) - 1;
    if (last < first)
        return 0;
    const before = sums[first + 1] > sums[first] ? Math.max(0, view.from - from[sliceAt(row, first)]) : 0,
          behind = sums[last + 1] > sums[last] ? Math.max(0, until[sliceAt(row, last)] - to) : 0;
    return (sums[last + 1] - sums[first] - before - behind) / view.span;
}

// A wait that ends with no slice is a stretch of its own.
function shownWaiting(row) {
    const to = view.from + view.span;
    return row.task.stretches.filter(([state]) => state === RUNNABLE).reduce((sum, [, from, until]) =>
        sum + Math.max(0, Math.min(to, until) - Math.max(view.from, from)) / view.span,
        shown(row, row.waited, waitFrom, start));
}

function layOut() {
    const ratio = window.devicePixelRatio || 1;
    area.width = scope.clientWidth;
    area.height = Math.min(total, Math.max(320, Math.round(window.innerHeight * .72)));
    const names = Math.max(...rows.map(row => row.task ? (row.task.name.length + 4) * 8 + 34 : 0), 86);
    area.left = Math.round(Math.min(names, area.width * .24, 210)) + 6;
    area.right = area.width - (area.width > 640 && data.exact ? 132 : 10);
    scope.style.height = `${area.height + 2}px`;
    $("room").style.height = `${Math.max(0, total - area.height)}px`;
    canvas.style.height = `${area.height}px`;
    canvas.width = Math.round(area.width * ratio);
    canvas.height = Math.round(area.height * ratio);
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    overview = null;
    draw();
}

// ---- drawing ----

let overview = null, isDue = false;

function draw() {
    if (isDue)
        return;
    isDue = true;
    requestAnimationFrame(() => {
        isDue = false;
        drawNow();
    });
}

const fontOf = size => `${size} "DejaVu Sans", "Liberation Sans", system-ui, sans-serif`;

function text(string, x, y, colour, font, align) {
    ink.fillStyle = colour;
    ink.font = fontOf(font);
    ink.textAlign = align || "left";
    ink.textBaseline = "middle";
    ink.fillText(string, x, y);
}

function fitted(string, width, font) {
    ink.font = fontOf(font);
    if (ink.measureText(string).width <= width)
        return string;
    let keep = string.length;
    while (keep > 0 && ink.measureText(`${string.slice(0, keep)}…`).width > width)
        keep--;
    return keep ? `${string.slice(0, keep)}…` : "";
}

// Slices narrower than a pixel: shares of a column, each colour always in the same order.
const OWN = 8, DIMMED = 9, PALE = 10;
let hasShares = false; // the legend tells of them once they were drawn

function columns(y, h, pale) {
    const colours = [...paint.task, paint.own, paint.rest, pale], shares = new Float64Array(colours.length);
    let column = -1;
    const flush = () => {
        let bottom = y + h;
        for (let i = 0; i < shares.length; i++) {
            if (!shares[i])
                continue;
            const high = Math.min(Math.max(shares[i] * h, .4), bottom - y);
            ink.fillStyle = colours[i];
            ink.fillRect(column, bottom - high, 1, high);
            bottom -= high;
            shares[i] = 0;
        }
    };
    return {
        add(x, width, colour) {
            const at = Math.floor(x);
            if (at !== column) {
                flush();
                column = at;
            }
            shares[colour] += width;
            hasShares = true;
        },
        flush,
    };
}

const dimmed = task => found && !found.has(task.number);

function drawLetter(string, x0, x1, y, h, bold) {
    const size = Math.min(17, Math.round(h * .6));
    if (!string || size < 8 || x1 - x0 < string.length * size * .66 + 3)
        return;
    const left = Math.max(x0, area.left), right = Math.min(x1, area.right);
    if (right - left >= string.length * size * .66)
        text(string, (left + right) / 2, y + h / 2 + .5, "#0a0a0c", `${bold ? "bold " : ""}${size}px`, "center");
}

function drawSlices(row, y) {
    const h = row.h, to = view.from + view.span, letters = [];
    const narrow = columns(y, h, row.task ? paleOf(row.task) : null);
    const scale = (area.right - area.left) / view.span;
    for (let i = firstAfter(row, view.from); i < row.n; i++) {
        const s = sliceAt(row, i);
        if (start[s] >= to)
            break;
        const x0 = Math.max(area.left, area.left + (start[s] - view.from) * scale),
              x1 = Math.min(area.right, area.left + (end[s] - view.from) * scale), width = x1 - x0;
        const task = data.tasks[taskOf[s]];
        const wait = row.task && data.exact ? (start[s] - waitFrom[s]) * scale : 0;
        if (wait > 0 && wait < 1.2 && start[s] > view.from)
            narrow.add(Math.max(area.left, xOf(waitFrom[s])), wait, PALE);
        if (width < 1.2) {
            narrow.add(x0, Math.max(1e-9, width), dimmed(task) ? DIMMED : task.kin === "workload" ? task.colour : OWN);
            continue;
        }
        ink.globalAlpha = dimmed(task) ? .22 : 1;
        ink.fillStyle = colourOf(task);
        ink.fillRect(x0, y, width - (width > 4 ? .8 : 0), h);
        ink.globalAlpha = 1;
        if (width > 9 && task.kin === "workload" && !dimmed(task))
            letters.push([row.task ? String(cpuOf[s]) : task.letter, x0, x1]);
    }
    narrow.flush();
    for (const [string, x0, x1] of letters)
        drawLetter(string, x0, x1, y, h, !row.task);
}

function drawStretch(state, from, to, y, h, task) {
    const x0 = Math.max(area.left, xOf(from)), x1 = Math.min(area.right, xOf(to)), middle = y + h / 2;
    if (x1 <= x0)
        return;
    if (state === RUNNABLE) {
        ink.fillStyle = task.kin === "workload" ? paint.wait[task.colour] : paint.own;
        ink.fillRect(x0, middle - h * .13, x1 - x0, h * .26);
    } else if (state === UNKNOWN) {
        ink.fillStyle = hatch("unknown");
        ink.fillRect(x0, y, x1 - x0, h);
    } else if (state === WAITS && x1 - x0 > 2) {
        ink.moveTo(x0, middle);
        ink.lineTo(x1, middle);
    }
}

// What a task does between its slices: waits as a bar, blocked as dots.
function drawGaps(row, y) {
    const task = row.task, h = row.h, to = view.from + view.span;
    const scale = (area.right - area.left) / view.span, reasons = [];
    ink.beginPath();
    let i = firstAfter(row, view.from);
    for (; i < row.n; i++) {
        const s = sliceAt(row, i);
        if (gapFrom[s] >= to)
            break;
        if ((start[s] - waitFrom[s]) * scale >= 1.2)
            drawStretch(RUNNABLE, waitFrom[s], start[s], y, h, task);
        if ((waitFrom[s] - gapFrom[s]) * scale > 2)
            drawStretch(WAITS, gapFrom[s], waitFrom[s], y, h, task);
        if (reasonOf[s] && (waitFrom[s] - gapFrom[s]) * scale > 90)
            reasons.push([data.reasons[reasonOf[s] - 1], gapFrom[s], waitFrom[s]]);
    }
    for (const [state, from, until, reason] of task.stretches) {
        if (from < to && until > view.from)
            drawStretch(state, from, until, y, h, task);
        if (reason && (until - from) * scale > 90)
            reasons.push([data.reasons[reason - 1], from, until]);
    }
    ink.setLineDash([1.4, 3.6]);
    ink.lineWidth = 1.5;
    ink.strokeStyle = paint.grain;
    ink.stroke();
    ink.setLineDash([]);
    for (const [string, from, until] of reasons)
        drawReason(string, Math.max(area.left, xOf(from)), Math.min(area.right, xOf(until)), y, h);
}

function drawReason(string, x0, x1, y, h) {
    const font = `${Math.min(12, Math.round(h * .62))}px`;
    const shown = fitted(string, x1 - x0 - 22, font);
    if (shown.length < 8)
        return;
    const width = ink.measureText(shown).width;
    ink.fillStyle = paint.lane;
    ink.fillRect(x0 + 7, y, width + 8, h);
    text(shown, x0 + 11, y + h / 2 + .5, paint.faint, font);
}

function drawSamples(row, y) {
    const samples = (row.cpu || row.task).samples || [], bin = data.span / 1000;
    const step = row.cpu ? 2 : 1;
    for (let i = 0; i < samples.length; i += step) {
        const x = xOf((samples[i] + .5) * bin);
        if (x < area.left || x > area.right)
            continue;
        ink.fillStyle = colourOf(row.cpu ? data.tasks[samples[i + 1]] : row.task);
        ink.fillRect(x - 2, y + row.h / 2 - 2, 4, 4);
    }
}

function drawCpuExtras(row, y) {
    for (const [from, to] of row.cpu.others) {
        const x0 = Math.max(area.left, xOf(from)), x1 = Math.min(area.right, xOf(to));
        if (x1 > x0) {
            ink.fillStyle = hatch("others");
            ink.fillRect(x0, y, x1 - x0, row.h);
        }
    }
}

function drawHoles(row, y) {
    for (const [cpu, from, to] of data.holes) {
        const x0 = Math.max(area.left, xOf(from)), x1 = Math.min(area.right, Math.max(xOf(to), xOf(from) + 1));
        if (cpu !== row.cpu.cpu || x1 <= x0)
            continue;
        ink.fillStyle = paint.back;
        ink.fillRect(x0, y, x1 - x0, row.h);
        ink.fillStyle = hatch("lost");
        ink.fillRect(x0, y, x1 - x0, row.h);
    }
}

// How many switches are as high as the strip, as in src/export/svg.c: higher bars are cut.
function scaleOf(counts) {
    const sorted = counts.filter(count => count).sort((a, b) => a - b), n = sorted.length;
    const most = n ? sorted[n - 1] : 0, ordinary = n ? sorted[Math.floor((n - 1) * 19 / 20)] : 0;
    return Math.max(4, most > 3 * ordinary ? 1.5 * ordinary : most);
}

function countSwitches(row, width) {
    const n = Math.floor((area.right - area.left) / width), counts = new Uint32Array(n);
    const to = view.from + view.span, lane = {list: row.switches.list, first: 0, n: row.switches.list.length};
    for (let i = firstAfter(lane, view.from); i < lane.n; i++) {
        const t = start[lane.list[i]];
        if (t >= to)
            break;
        if (t >= view.from)
            counts[Math.min(n - 1, Math.floor((t - view.from) / view.span * n))]++;
    }
    return counts;
}

function drawSwitches(visible) {
    const bars = visible.filter(([row]) => row.switches).map(([row, y]) => [row, y, countSwitches(row, 4)]);
    const scale = scaleOf(bars.flatMap(([, , counts]) => [...counts]));
    for (const [row, y, counts] of bars) {
        text("switches", 14, y + row.h / 2, paint.faint, "12px");
        ink.fillStyle = paint.bars;
        const width = (area.right - area.left) / counts.length;
        counts.forEach((count, i) => {
            const x = area.left + i * width, high = count ? Math.max(1, row.h * Math.min(1, count / scale)) : 0;
            if (high)
                ink.fillRect(x, y + row.h - high, width * .75, high);
            if (count > scale)
                ink.clearRect(x, y + row.h * .25, width * .75, 2);
        });
    }
}

const percent = part => part > 0 && part < .0995 ? `${(100 * part).toFixed(1)} %` : `${Math.round(100 * part)} %`;

function drawLabel(row, y) {
    const middle = y + row.h / 2 + .5, size = Math.min(14, Math.max(10, row.h - 3));
    if (row.cpu) {
        text(`core ${row.cpu.cpu}`, 14, middle, row.cpu.off ? paint.faint : paint.strong, `${row.cpu.off ? "" : "bold "}${size}px`);
    } else if (row.task.kin === "workload") {
        const width = Math.max(26, row.task.letter.length * 9 + 14);
        ink.globalAlpha = dimmed(row.task) ? .3 : 1;
        ink.fillStyle = colourOf(row.task);
        ink.fillRect(10, y, width, row.h);
        text(row.task.letter, 10 + width / 2, middle, "#0a0a0c", `bold ${size}px`, "center");
        if (row.task.name !== row.task.letter)
            text(fitted(row.task.name, area.left - width - 24, `${size}px`), 18 + width, middle, paint.text, `${size}px`);
        ink.globalAlpha = 1;
    } else {
        text(fitted(row.task.name, area.left - 24, `${size}px`), 14, middle, paint.faint, `${size}px`);
    }
    if (area.width - area.right < 100 || (row.cpu && row.cpu.off))
        return;
    const right = area.width - 12;
    if (row.cpu) {
        const to = view.from + view.span, seconds = view.span * data.unit_ns / 1e9;
        const switches = firstPast(row, start, to) - (view.from > 0 ? firstPast(row, start, view.from) : 0);
        text(percent(shown(row, row.ran, start, end)), right - 62, middle, paint.strong, "13px", "right");
        text(`${Math.round(switches / seconds)}/s`, right, middle, paint.faint, "12px", "right");
    } else {
        text(percent(shown(row, row.ran, start, end)), right - 62, middle, paint.text, "13px", "right");
        if (row.task.kin === "workload")
            text(percent(shownWaiting(row)), right, middle, paint.faint, "12px", "right");
    }
}

function drawOff(row, y) {
    const middle = y + row.h / 2 + .5;
    text("off", area.left + 6, middle, paint.faint, "12px");
    ink.strokeStyle = paint.grid;
    ink.lineWidth = 1;
    ink.setLineDash([4, 5]);
    ink.beginPath();
    ink.moveTo(area.left + 36, middle);
    ink.lineTo(area.right, middle);
    ink.stroke();
    ink.setLineDash([]);
}

function drawRow(row, y) {
    const isChosen = chosen.row === row;
    if (isChosen) {
        ink.fillStyle = paint.chosen;
        ink.fillRect(0, y - 2, area.width, row.h + 4);
    }
    if (row.cpu && row.cpu.off) {
        drawOff(row, y);
        drawHoles(row, y);
        drawLabel(row, y);
        return;
    }
    ink.fillStyle = paint.lane;
    ink.fillRect(area.left, y, area.right - area.left, row.h);
    if (row.cpu)
        drawCpuExtras(row, y);
    else if (data.exact)
        drawGaps(row, y);
    drawSlices(row, y);
    drawSamples(row, y);
    if (row.cpu)
        drawHoles(row, y);
    drawLabel(row, y);
}

function tickStep(span, n) {
    const unit = data.unit_ns;
    for (let power = 1; ; power *= 10) {
        for (const factor of [1, 2, 5]) {
            if (span * unit / (factor * power) <= n)
                return factor * power / unit;
        }
    }
}

function drawTicks(bottom) {
    const step = tickStep(view.span, (area.right - area.left) / 92), ns = step * data.unit_ns;
    const [unit, name] = ns >= 1e9 ? [1e9, "s"] : ns >= 1e6 ? [1e6, "ms"] : ns >= 1e3 ? [1e3, "µs"] : [1, "ns"];
    const first = Math.ceil(view.from / step), to = view.from + view.span;
    ink.fillStyle = paint.faint;
    ink.fillRect(area.left, AXIS - 1, area.right - area.left, 1);
    for (let i = first; i * step <= to; i++) {
        const x = xOf(i * step);
        ink.fillStyle = paint.grid;
        ink.fillRect(x, AXIS, 1, bottom - AXIS);
        ink.fillStyle = paint.faint;
        ink.fillRect(x, AXIS - 6, 1, 6);
        const label = String(Math.round(i * step * data.unit_ns / unit * 1000) / 1000);
        ink.font = fontOf("13px");
        const furthest = area.width - 4 - ink.measureText(label).width / 2; // without figures the frame is near
        text(label, Math.min(x, furthest), AXIS - 15, paint.faint, "13px", "center");
    }
    text(name, area.left - 22, AXIS - 15, paint.faint, "13px", "right");
}

function drawMarks(bottom) {
    let free = area.width; // the newest one's text has the room, as on the screen
    const flags = [...data.marks.map(mark => [...mark, paint.mark]), ...data.alerts.map(alert => [...alert, paint.bad])];
    for (const [t, label, colour] of flags.sort((a, b) => b[0] - a[0])) {
        const x = xOf(t);
        if (x < area.left || x > area.right)
            continue;
        ink.strokeStyle = ink.fillStyle = colour;
        ink.setLineDash([3, 3]);
        ink.lineWidth = 1;
        ink.beginPath();
        ink.moveTo(x, AXIS);
        ink.lineTo(x, bottom);
        ink.stroke();
        ink.setLineDash([]);
        ink.beginPath();
        ink.moveTo(x, AXIS - 6);
        ink.lineTo(x + 5, AXIS - 1);
        ink.lineTo(x, AXIS + 4);
        ink.lineTo(x - 5, AXIS - 1);
        ink.fill();
        ink.font = "12px sans-serif";
        if (x + ink.measureText(label).width + 14 < free) {
            text(label, x + 7, AXIS - 33, colour, "12px");
            ink.fillRect(x, AXIS - 39, 1, 15);
            free = x;
        }
    }
}

// The whole at a glance: how many cores are busy, and what of it is shown.
function makeOverview() {
    const n = Math.max(1, area.right - area.left), busy = new Float64Array(n);
    for (const cpu of data.cpus) {
        for (const s of cpu.list) {
            const a = Math.max(0, start[s] / data.span * n), b = Math.min(n, end[s] / data.span * n);
            for (let c = Math.floor(a); c < b; c++)
                busy[c] += Math.min(b, c + 1) - Math.max(a, c);
        }
    }
    return busy;
}

function drawOverview() {
    overview = overview || makeOverview();
    const y = 4, most = Math.max(1, data.cpus.length);
    ink.fillStyle = paint.lane;
    ink.fillRect(area.left, y, area.right - area.left, MAP);
    ink.fillStyle = paint.own;
    overview.forEach((busy, i) => ink.fillRect(area.left + i, y + MAP - busy / most * MAP, 1, busy / most * MAP));
    const width = area.right - area.left, x0 = area.left + view.from / data.span * width;
    ink.strokeStyle = paint.accent;
    ink.lineWidth = 2;
    ink.strokeRect(Math.max(area.left, x0), y, Math.max(3, view.span / data.span * width), MAP);
}

function outline(place, colour) {
    if (!place.row || place.slice < 0)
        return;
    const y = place.row.y - scope.scrollTop, s = place.slice;
    const x0 = Math.max(area.left, xOf(start[s])), x1 = Math.min(area.right, xOf(end[s]));
    if (x1 < area.left || x0 > area.right || y < AXIS)
        return;
    ink.strokeStyle = colour;
    ink.lineWidth = 2;
    ink.strokeRect(x0 - 1, y - 1, Math.max(3, x1 - x0 + 1), place.row.h + 2);
}

function drawCursor(place, colour, bottom) {
    const x = place.t === null ? -1 : xOf(place.t);
    if (x < area.left || x > area.right)
        return;
    ink.fillStyle = colour;
    ink.fillRect(x, AXIS - 8, 1, bottom - AXIS + 8);
}

function drawNow() {
    const hadShares = hasShares;
    const top = scope.scrollTop, bottom = area.height;
    ink.fillStyle = paint.back;
    ink.fillRect(0, 0, area.width, area.height);
    const visible = rows.map(row => [row, row.y - top]).filter(([row, y]) => y + row.h > AXIS && y < bottom);
    for (const [row, y] of visible) {
        if (!row.switches)
            drawRow(row, y);
    }
    drawSwitches(visible);
    const firstTask = rows.find(row => row.task);
    if (area.width - area.right >= 100 && firstTask) {
        const y = firstTask.y - top - 13;
        text("run", area.width - 74, y, paint.faint, "12px", "right");
        text("wait", area.width - 12, y, paint.faint, "12px", "right");
    }
    ink.fillStyle = paint.back;
    ink.fillRect(0, 0, area.width, AXIS);
    const lanesEnd = Math.min(bottom, total - top - 8);
    drawTicks(lanesEnd);
    if (area.width - area.right >= 100) {
        text("busy", area.width - 74, AXIS - 15, paint.faint, "12px", "right");
        text("switches", area.width - 12, AXIS - 15, paint.faint, "12px", "right");
    }
    drawMarks(lanesEnd);
    drawOverview();
    drawCursor(chosen, paint.accent, lanesEnd);
    outline(pointed, paint.strong);
    outline(chosen, paint.strong);
    if (hasShares && !hadShares)
        makeLegend();
    canvas.dataset.left = area.left;
    canvas.dataset.right = area.right;
    canvas.dataset.from = Math.round(view.from * data.unit_ns);
    canvas.dataset.span = Math.round(view.span * data.unit_ns);
    if (!performance.getEntriesByName("lanes").length)
        performance.mark("lanes");
}

// ---- moving ----

const leastSpan = Math.max(4, Math.min(data.span, 200 / data.unit_ns));

function show(from, span) {
    view.span = Math.min(data.span, Math.max(leastSpan, span));
    view.from = Math.min(data.span - view.span, Math.max(0, from));
    draw();
}

function zoom(factor, at) {
    const span = Math.min(data.span, Math.max(leastSpan, view.span / factor));
    show(at - (at - view.from) * span / view.span, span);
}

const middle = () => chosen.t !== null && chosen.t >= view.from && chosen.t <= view.from + view.span
    ? chosen.t : view.from + view.span / 2;

function reveal(t) {
    if (t < view.from + view.span * .02 || t > view.from + view.span * .98)
        show(t - view.span / 2, view.span);
}

function revealRow(row) {
    const top = row.y - AXIS - 30, low = row.y + row.h + 12 - area.height;
    if (scope.scrollTop > top)
        scope.scrollTop = Math.max(0, top);
    else if (scope.scrollTop < low)
        scope.scrollTop = low;
}

// ---- what is told ----

function whoNext(row, s) {
    if (!row.cpu)
        return "";
    const i = firstAfter(row, end[s]);
    for (let n = i; n < row.n && n < i + 4; n++) {
        const next = sliceAt(row, n);
        if (next !== s && start[next] >= end[s])
            return `, then ${data.tasks[taskOf[next]].name} after ${duration(start[next] - end[s])}`;
    }
    return "";
}

function tellSlice(row, s) {
    const task = data.tasks[taskOf[s]];
    const waited = start[s] - waitFrom[s], blocked = waitFrom[s] - gapFrom[s];
    let told = `${nameOf(task)} on core ${cpuOf[s]}: from ${instant(start[s])}, ran ${duration(end[s] - start[s])}, ` +
        endWords[endOf[s]] + whoNext(row, s);
    if (waited > 0)
        told += `; waited ${duration(waited)} for the core before`;
    if (reasonOf[s])
        told += `; before that ${data.reasons[reasonOf[s] - 1]} for ${duration(blocked)}`;
    return `${told} (tid ${task.tid})`;
}

const stateWords = {[UNKNOWN]: "not known", [RUNNABLE]: "waits for a core", [WAITS]: "blocked"};

function tellStretch(task, state, from, to, reason) {
    const why = reason ? data.reasons[reason - 1] : stateWords[state] || "ended";
    return `${nameOf(task)}: ${why}, from ${instant(from)}, for ${duration(to - from)} (tid ${task.tid})`;
}

function tellPlace(row, t) {
    const i = firstAfter(row, t), s = i < row.n ? sliceAt(row, i) : -1;
    if (row.cpu) {
        const hole = data.holes.find(([cpu, from, to]) => cpu === row.cpu.cpu && t >= from && t < to);
        const others = row.cpu.others.find(([from, to]) => t >= from && t < to);
        const what = hole ? `${hole[3]} events were lost` : row.cpu.off ? "off, no part of the run" : others ? "somebody who is not watched had it" : "idle";
        return `core ${row.cpu.cpu}: ${what}, at ${instant(t)}`;
    }
    const stretch = row.task.stretches.find(([, from, to]) => t >= from && t < to);
    if (stretch)
        return tellStretch(row.task, ...stretch);
    if (s < 0 || t < gapFrom[s])
        return `${nameOf(row.task)}: was not there at ${instant(t)}`;
    return t >= waitFrom[s] ? tellStretch(row.task, RUNNABLE, waitFrom[s], start[s], 0)
        : tellStretch(row.task, WAITS, gapFrom[s], waitFrom[s], reasonOf[s]);
}

function tell(string, isAloud) {
    const line = $("detail");
    line.setAttribute("aria-live", isAloud ? "polite" : "off");
    line.textContent = string || "\u00a0";
}

function tellOf(place, isAloud) {
    if (!place.row || place.t === null)
        tell("", isAloud);
    else
        tell(place.slice >= 0 ? tellSlice(place.row, place.slice) : tellPlace(place.row, place.t), isAloud);
}

// ---- choosing ----

function choose(row, slice, t) {
    chosen.row = row;
    chosen.slice = slice;
    chosen.t = t;
    if (row)
        revealRow(row);
    if (t !== null)
        reveal(t);
    tellOf(chosen, true);
    markTable();
    draw();
}

const lanes = () => rows.filter(row => !row.switches);

function sliceOn(row, t) {
    const i = firstAfter(row, t);
    return i < row.n && start[sliceAt(row, i)] <= t ? sliceAt(row, i) : -1;
}

// The next switch of the chosen lane, or the one before: where a slice begins.
function step(direction) {
    const row = chosen.row || lanes()[0], t = chosen.t === null ? view.from - (direction > 0 ? 1 : 0) : chosen.t;
    if (!row)
        return;
    let i = firstAfter(row, t);
    if (direction > 0) {
        while (i < row.n && start[sliceAt(row, i)] <= t)
            i++;
    } else {
        while (i >= row.n || (i >= 0 && start[sliceAt(row, i)] >= t))
            i--;
    }
    if (i >= 0 && i < row.n)
        choose(row, sliceAt(row, i), start[sliceAt(row, i)]);
    else
        tell(direction > 0 ? "no switch after this one in this lane" : "no switch before this one in this lane", true);
}

function selectRow(direction) {
    const all = lanes(), i = all.indexOf(chosen.row);
    const row = all[i < 0 ? 0 : Math.min(all.length - 1, Math.max(0, i + direction))];
    const t = middle();
    if (row)
        choose(row, sliceOn(row, t), t);
}

function search(query, isNext) {
    const wanted = query.trim().toLowerCase();
    const matches = rows.filter(row => row.task && wanted &&
        (row.task.name.toLowerCase().includes(wanted) || row.task.letter.toLowerCase() === wanted ||
         String(row.task.tid).startsWith(wanted)));
    found = wanted ? new Set(matches.map(row => row.task.number)) : null;
    if (matches.length) {
        const i = isNext ? (matches.indexOf(chosen.row) + 1) % matches.length : 0, t = middle();
        choose(matches[i], sliceOn(matches[i], t), t);
    } else if (wanted) {
        choose(null, -1, null);
    }
    if (wanted && (!isNext || !matches.length))
        tell(matches.length === 1 ? `1 task: ${nameOf(matches[0].task)}` : `${matches.length} tasks`, true);
    draw();
}

function forget() {
    $("search").value = "";
    found = null;
    choose(null, -1, null);
}

function setTheme(name) {
    document.documentElement.dataset.theme = name;
    paint = themes[name];
    makeLegend();
    draw();
}

// ---- the table ----

const milli = ns => ns === null || ns === undefined ? "" : duration(ns / data.unit_ns);
const allColumns = [
    ["task", row => row.name, row => row.name],
    ["tid", row => row.tid, row => row.tid],
    ["of run", row => row.nth, row => row.nth],
    ["cores", row => row.cpus.join(" "), row => row.cpus.length],
    ["run", row => milli(row.run_ns), row => row.run_ns],
    ["waited", row => milli(row.runnable_ns), row => row.runnable_ns],
    ["blocked", row => milli(row.blocked_ns), row => row.blocked_ns],
    ["slices", row => row.slices, row => row.slices],
    ["median slice", row => row.slice_ns ? milli(row.slice_ns.p50) : "", row => row.slice_ns ? row.slice_ns.p50 : -1],
    ["voluntary", row => row.voluntary, row => row.voluntary],
    ["forced", row => row.involuntary, row => row.involuntary],
    ["migrations", row => row.migrations, row => row.migrations],
    ["kernel's voluntary", row => kernels(row, "voluntary"), row => row.kernel.voluntary],
    ["kernel's forced", row => kernels(row, "involuntary"), row => row.kernel.involuntary],
];
const kernels = (row, which) => row.kernel[which] === null ? "" : row.kernel[which];
const order = {column: -1, falls: false};

const laneOf = entry => rows.find(row => row.task && row.task.number === entry.number);

// The report is of the last run: tasks of those before are told by the page itself, in the order of their lanes.
function makeEntries() {
    const numberOf = tid => data.tasks.findIndex(task => task.tid === tid && !task.past);
    const coresOf = task => [...new Set(cpuOf.subarray(task.first, task.first + task.n))].sort((a, b) => a - b);
    const past = data.tasks.filter(task => task.past).map(task =>
        ({...task.past, name: task.name, tid: task.tid, cpus: coresOf(task), number: task.number, nth: task.run}));
    const last = report.tasks.map(entry => ({...entry, number: numberOf(entry.tid)}));
    last.forEach(entry => { entry.nth = entry.observer || entry.number < 0 ? "" : data.tasks[entry.number].run; });
    return [...past, ...last];
}

let allEntries = [], tableColumns = allColumns;

// Columns that would tell nothing are left out.
function prepareTable() {
    allEntries = makeEntries();
    tableColumns = allColumns.filter(([label, told]) => label === "of run" ? data.tasks.some(task => task.past)
        : !label.startsWith("kernel") || allEntries.some(entry => told(entry) !== ""));
}

function element(name, content, className) {
    const made = document.createElement(name);
    if (content !== undefined)
        made.textContent = content;
    if (className)
        made.className = className;
    return made;
}

function tableHead(rebuild) {
    const line = element("tr");
    tableColumns.forEach(([label], i) => {
        const cell = element("th"), button = element("button", label);
        cell.scope = "col";
        if (order.column === i)
            cell.setAttribute("aria-sort", order.falls ? "descending" : "ascending");
        button.addEventListener("click", () => {
            order.falls = order.column === i ? !order.falls : i > 1;
            order.column = i;
            rebuild();
            $("table").querySelectorAll("th button")[i].focus();
        });
        cell.append(button);
        line.append(cell);
    });
    const head = element("thead");
    head.append(line);
    return head;
}

function tableLine(entry) {
    const row = laneOf(entry), line = element("tr", undefined, entry.observer ? "own" : "");
    line.dataset.tid = entry.tid;
    line.dataset.number = entry.number;
    tableColumns.forEach(([, shown], i) => {
        const cell = element("td");
        if (i === 0) {
            const button = element("button");
            if (row && row.task.kin === "workload")
                button.append(element("span", row.task.letter, `chip c${row.task.colour}`));
            button.append(shown(entry));
            cell.append(button);
        } else {
            cell.textContent = shown(entry);
        }
        line.append(cell);
    });
    line.addEventListener("click", () => {
        if (row)
            choose(row, sliceOn(row, middle()), middle());
    });
    return line;
}

function makeTable() {
    const entries = allEntries.slice();
    if (order.column >= 0) {
        const value = tableColumns[order.column][2];
        entries.sort((a, b) => {
            const x = value(a), y = value(b);
            const compared = typeof x === "string" ? x.localeCompare(y, undefined, {numeric: true}) : x - y;
            return order.falls ? -compared : compared;
        });
    }
    const table = element("table"), body = element("tbody");
    body.append(...entries.map(tableLine));
    table.append(tableHead(makeTable), body);
    $("table").replaceChildren(table);
    markTable();
}

function markTable() {
    for (const line of $("table").querySelectorAll("tbody tr"))
        line.classList.toggle("chosen", Boolean(chosen.row && chosen.row.task && String(chosen.row.task.number) === line.dataset.number));
}

// ---- legend ----

const pictures = [
    ["runs, on core 0", pen => {
        pen.fillStyle = paint.task[0];
        pen.fillRect(0, 0, 34, 16);
        pen.fillStyle = "#0a0a0c";
        pen.font = "12px sans-serif";
        pen.fillText("0", 13, 12);
    }, () => data.exact],
    ["waits for a core", pen => {
        pen.fillStyle = paint.wait[0];
        pen.fillRect(0, 6, 34, 4);
    }, () => data.exact],
    ["blocked", pen => {
        pen.strokeStyle = paint.grain;
        pen.lineWidth = 1.5;
        pen.setLineDash([1.4, 3.6]);
        pen.beginPath();
        pen.moveTo(0, 8);
        pen.lineTo(34, 8);
        pen.stroke();
    }, () => data.exact],
    ["schedviz itself", pen => {
        pen.fillStyle = paint.own;
        pen.fillRect(0, 0, 34, 16);
    }, () => data.tasks.some(task => task.kin === "own") && !data.tasks.some(task => task.kin === "other")],
    ["other programs, and schedviz itself", pen => {
        pen.fillStyle = paint.own;
        pen.fillRect(0, 0, 34, 16);
    }, () => data.tasks.some(task => task.kin === "other")],
    ["somebody who is not watched had the core", pen => {
        pen.fillStyle = hatch("others");
        pen.fillRect(0, 0, 34, 16);
    }, () => data.cpus.some(cpu => cpu.others.length)],
    ["events were lost", pen => {
        pen.fillStyle = hatch("lost");
        pen.fillRect(0, 0, 34, 16);
    }, () => data.holes.length],
    ["not known", pen => {
        pen.fillStyle = hatch("unknown");
        pen.fillRect(0, 0, 34, 16);
    }, () => data.exact && data.tasks.some(task => task.stretches.some(([state]) => state === UNKNOWN))],
    ["a sample: it ran, or waited for a core", pen => {
        pen.fillStyle = paint.task[0];
        pen.fillRect(15, 6, 4, 4);
    }, () => !data.exact],
    ["more switches than the bar is high", pen => {
        pen.fillStyle = paint.bars;
        pen.fillRect(14, 7, 6, 9);
        pen.fillRect(14, 0, 6, 4);
    }, () => data.exact && data.cpus.length <= 4],
    ["narrower than a pixel: shares, by height", pen => {
        for (let i = 0; i < 6; i++) {
            const high = 5 + i * 7 % 6;
            pen.fillStyle = paint.task[1];
            pen.fillRect(i * 6, 0, 6, 16 - high);
            pen.fillStyle = paint.task[0];
            pen.fillRect(i * 6, 16 - high, 6, high);
        }
    }, () => hasShares],
];

function makeLegend() {
    const ratio = window.devicePixelRatio || 1;
    $("legend").replaceChildren(...pictures.filter(([, , isNeeded]) => isNeeded()).map(([label, drawPicture]) => {
        const entry = element("span"), picture = element("canvas"), pen = picture.getContext("2d");
        picture.width = 34 * ratio;
        picture.height = 16 * ratio;
        pen.scale(ratio, ratio);
        pen.fillStyle = paint.lane;
        pen.fillRect(0, 0, 34, 16);
        drawPicture(pen);
        entry.append(picture, label);
        return entry;
    }));
}

// ---- keys, buttons, pointer ----

const toggleTheme = () => setTheme(paint === themes.dark ? "light" : "dark");
const actions = [
    [["+", "=", "w", ")"], "+", "zoom in; the wheel does as well", () => zoom(1.6, middle())],
    [["-", "_", "s", "("], "−", "zoom out", () => zoom(1 / 1.6, middle())],
    [["0", "f"], "all", "show all", () => show(0, data.span)],
    [["ArrowLeft", "a"], null, "back in time", () => show(view.from - view.span * .12, view.span)],
    [["ArrowRight", "d"], null, "forward in time", () => show(view.from + view.span * .12, view.span)],
    [["PageUp"], null, "back by a window", () => show(view.from - view.span * .9, view.span)],
    [["PageDown"], null, "forward by a window", () => show(view.from + view.span * .9, view.span)],
    [["Home", "g"], null, "to the beginning", () => show(0, view.span)],
    [["End", "G"], null, "to the end", () => show(data.span, view.span)],
    [["ArrowUp"], null, "choose the lane above", () => selectRow(-1)],
    [["ArrowDown"], null, "choose the lane below", () => selectRow(1)],
    [["[", ","], "◀ switch", "to the previous switch of the lane", () => step(-1)],
    [["]", "."], "switch ▶", "to the next switch of the lane", () => step(1)],
    [["Enter", "i"], null, "zoom to the slice", () => {
        if (chosen.slice >= 0) {
            const length = Math.max(end[chosen.slice] - start[chosen.slice], leastSpan / 2);
            show(start[chosen.slice] - length / 2, length * 2);
        }
    }],
    [["/"], null, "search for a task by name or tid; Enter: the next one", () => $("search").focus()],
    [["v"], "theme", "light or dark", toggleTheme],
    [["Escape"], null, "choose nothing, search for nothing", forget],
    [["?", "h"], "?", "this list", () => $("help").showModal()],
];
const keyNames = {ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc"};

function makeTools() {
    for (const [keys, label, help, act] of actions) {
        if (!label)
            continue;
        const button = element("button", label);
        button.title = `${help} (${keys[0]})`;
        button.setAttribute("aria-label", help);
        button.addEventListener("click", act);
        $("tools").append(button);
    }
    const input = element("input");
    input.id = "search";
    input.type = "search";
    input.placeholder = "task or tid";
    input.setAttribute("aria-label", "Search for a task");
    input.addEventListener("input", () => search(input.value, false));
    input.addEventListener("keydown", event => {
        if (event.key === "Enter")
            search(input.value, true);
        if (event.key === "Escape") {
            forget();
            canvas.focus();
        }
    });
    $("tools").prepend(input);
}

function makeHelp() {
    const list = element("dl");
    for (const [keys, , help] of actions) {
        const entry = element("div");
        entry.append(element("dt", keys.map(key => keyNames[key] || key).join("  ")), element("dd", help));
        list.append(entry);
    }
    for (const [what, help] of [["drag", "back and forward in time"], ["click", "choose a slice"],
                                ["double click", "zoom in"], ["wheel on the names", "to other lanes"]]) {
        const entry = element("div");
        entry.append(element("dt", what), element("dd", help));
        list.append(entry);
    }
    const form = element("form"), button = element("button", "Close");
    form.method = "dialog";
    form.append(button);
    $("help").append(element("h2", "Keys"), list, form);
}

function onKey(event) {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.altKey || event.metaKey || $("help").open)
        return;
    if (event.key === "Enter" && event.target.tagName === "BUTTON")
        return;
    const action = actions.find(([keys]) => keys.includes(event.key));
    if (!action)
        return;
    event.preventDefault();
    action[3]();
}

function placeOf(event) {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const row = y < AXIS ? null : lanes().find(lane => y + scope.scrollTop >= lane.y - 2 && y + scope.scrollTop < lane.y + lane.h + 2);
    const t = tOf(x), isInside = x >= area.left && x <= area.right;
    if (!row || !isInside)
        return {row: row || null, slice: -1, t: null, x, y};
    let slice = sliceOn(row, t);
    if (slice < 0) { // one that is narrower than the pointer
        const near = view.span / (area.right - area.left) * 2, i = firstAfter(row, t - near);
        if (i < row.n && start[sliceAt(row, i)] <= t + near)
            slice = sliceAt(row, i);
    }
    return {row, slice, t, x, y};
}

const press = {x: 0, from: 0, isDown: false, moved: false, onMap: false};

function onMove(event) {
    const place = placeOf(event);
    if (press.isDown && press.onMap) {
        show((place.x - area.left) / (area.right - area.left) * data.span - view.span / 2, view.span);
        return;
    }
    if (press.isDown) {
        press.moved = press.moved || Math.abs(place.x - press.x) > 3;
        if (press.moved) {
            canvas.classList.add("pans");
            show(press.from - (place.x - press.x) / (area.right - area.left) * view.span, view.span);
        }
        return;
    }
    const changed = pointed.slice !== place.slice || pointed.row !== place.row;
    Object.assign(pointed, {row: place.row, slice: place.slice, t: place.t});
    if (place.row && place.t !== null)
        tellOf(pointed, false);
    if (changed)
        draw();
}

function onUp(event) {
    const place = placeOf(event);
    if (press.isDown && !press.moved && !press.onMap && place.row)
        choose(place.row, place.slice, place.t === null ? chosen.t : place.slice >= 0 ? start[place.slice] : place.t);
    press.isDown = press.onMap = false;
    canvas.classList.remove("pans");
}

function listen() {
    document.addEventListener("keydown", onKey);
    canvas.addEventListener("pointerdown", event => {
        const place = placeOf(event);
        Object.assign(press, {x: place.x, from: view.from, isDown: event.button === 0, moved: false, onMap: place.y < MAP + 8});
        canvas.setPointerCapture(event.pointerId);
        if (press.onMap)
            onMove(event);
    });
    canvas.addEventListener("pointermove", onMove);
    canvas.addEventListener("pointerup", onUp);
    canvas.addEventListener("pointercancel", () => { press.isDown = false; });
    canvas.addEventListener("pointerleave", () => {
        Object.assign(pointed, {row: null, slice: -1, t: null});
        tellOf(chosen, false);
        draw();
    });
    canvas.addEventListener("dblclick", event => zoom(4, placeOf(event).t ?? middle()));
    canvas.addEventListener("wheel", event => {
        const place = placeOf(event);
        if (place.x < area.left || event.ctrlKey)
            return;
        event.preventDefault();
        if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
            show(view.from + (event.deltaX || event.deltaY) / (area.right - area.left) * view.span, view.span);
        else
            zoom(Math.exp(-event.deltaY * .002), tOf(Math.min(area.right, place.x)));
    }, {passive: false});
    scope.addEventListener("scroll", draw);
    new ResizeObserver(layOut).observe(document.body);
    window.addEventListener("resize", layOut);
    let before = null;
    window.addEventListener("beforeprint", () => {
        before = document.documentElement.dataset.theme;
        setTheme("light");
        drawNow();
    });
    window.addEventListener("afterprint", () => setTheme(before || "light"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", event => setTheme(event.matches ? "dark" : "light"));
}

unpack();
sortByCpu();
makeRows();
makeTools();
makeHelp();
setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
prepareTable();
makeTable();
layOut();
listen();
})();
