#!/usr/bin/env python3
"""The page in a real browser without a window: no error, no request, what keys and pointer do, how soon it is there."""

import os
import re
import shutil
import subprocess

from browser import Browser, find
from lib import BUILDDIR, Skip, expect, main, test, workdir

DRAW = os.path.join(BUILDDIR, "tests/e2e/draw")
MS = 1000000
_browser = None


def page_of(run, kind="html"):
    if not os.access(DRAW, os.X_OK):
        raise Skip("tests/e2e/draw is not built: make check")
    path = os.path.join(workdir(), f"{run}.{kind}")
    subprocess.run([DRAW, run, path], check=True, env=dict(os.environ, LC_ALL="C.UTF-8"))
    return path


def opened(run, scheme="light"):
    """The browser with the page of a run; one browser serves all tests."""
    global _browser
    if not find():
        raise Skip("chromium is missing")
    path = page_of(run)
    if not _browser:
        _browser = Browser()
    _browser.problems.clear()
    _browser.requests.clear()
    _browser.resize(1280, 900)
    _browser.prefer(scheme)
    _browser.open(path)
    return _browser


def expect_quiet(page):
    expect(not page.problems, f"the page complained: {page.problems}")
    outside = [url for url in page.requests if not url.startswith(("file:///", "data:"))]
    expect(not outside, f"the page asked for {outside}")


def detail(page):
    return page.evaluate("document.getElementById('detail').textContent")


def window(page):
    """From and length of what is shown, in nanoseconds."""
    shown = page.evaluate("({...document.getElementById('lanes').dataset})")
    return int(shown["from"]), int(shown["span"])


def x_of(page, t_ns):
    """Where on the page an instant is."""
    left = page.evaluate("document.getElementById('lanes').getBoundingClientRect().left")
    begin, span = window(page)
    low, high = page.evaluate("(({left, right}) => [+left, +right])(document.getElementById('lanes').dataset)")
    return left + low + (t_ns - begin) / span * (high - low)


def y_of(page, pixels):
    return page.evaluate("document.getElementById('lanes').getBoundingClientRect().top") + pixels


CORE_0 = 100  # pixels below the top of the canvas: the axis has 66


@test("no page complains, or asks for anything from elsewhere", timeout=120)
def _():
    for run in ("turns", "hostile", "empty", "pingpong"):
        for scheme in ("light", "dark"):
            expect_quiet(opened(run, scheme))


@test("names that would command a page are text")
def _():
    page = opened("hostile")
    expect(page.evaluate("document.querySelectorAll('img, svg').length") == 0, "an element came out of a name")
    expect("</script>" in page.evaluate("document.querySelector('h1').textContent"), "the title is not as it is")
    table = page.evaluate("document.getElementById('table').textContent")
    expect("</script><img s" in table, f"the table has {table!r}")
    expect_quiet(page)


@test("keys and the wheel zoom, arrows and the pointer move")
def _():
    page = opened("turns")
    whole = window(page)
    expect(whole == (0, 130 * MS), f"all is shown at first, not {whole}")
    page.key("+")
    page.key("+")
    zoomed = window(page)
    expect(zoomed[1] < whole[1] / 2 and zoomed[0] > 0, f"+ left {zoomed}")
    page.key("ArrowRight")
    moved = window(page)
    expect(moved[0] > zoomed[0] and moved[1] == zoomed[1], f"the arrow left {moved}")
    page.drag(600, y_of(page, CORE_0), 700, y_of(page, CORE_0))
    dragged = window(page)
    expect(dragged[0] < moved[0], f"dragging to the right left {dragged}")
    page.key("-")
    expect(window(page)[1] > dragged[1], "- did not zoom out")
    page.key("0")
    expect(window(page) == whole, "0 did not show all")
    page.wheel(700, y_of(page, CORE_0), -300)
    expect(window(page)[1] < whole[1], "the wheel did not zoom")
    expect_quiet(page)


@test("the legend tells of shares where slices are narrower than a pixel")
def _():
    told = "document.getElementById('legend').textContent.includes('narrower than a pixel')"
    for run, expected in (("brief", True), ("pingpong", True), ("turns", False)):
        page = opened(run)
        page.evaluate("new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
        expect(page.evaluate(told) is expected, f"{run}: the legend has {not expected} for {told}")


@test("a slice under the pointer tells of itself")
def _():
    page = opened("turns")
    page.hover(x_of(page, 6 * MS), y_of(page, CORE_0))
    told = detail(page)
    for part in ("B spin-2 on core 0", "ran 4.00 ms", "preempted", "then spin-3 after 1.50 µs", "waited 4.00 ms", "tid 1002"):
        expect(part in told, f"{part!r} is not in {told!r}")
    page.hover(x_of(page, 128 * MS), y_of(page, CORE_0))
    expect("idle" in detail(page), f"behind the last slice: {detail(page)!r}")
    page.click(x_of(page, 10 * MS), y_of(page, CORE_0))
    expect("C spin-3" in detail(page), f"after a click: {detail(page)!r}")
    expect_quiet(page)


@test("keys step from switch to switch and from lane to lane")
def _():
    page = opened("turns")
    seen = []
    for _ in range(5):
        page.key("]")
        seen.append(detail(page))
    names = [re.match(r"(\w) spin", told) and told[0] for told in seen]
    expect(names == ["A", "B", "C", "D", "A"], f"stepping told {seen}")
    page.key("[")
    expect(detail(page).startswith("D"), f"back told {detail(page)!r}")
    page.key("Enter")
    expect(4 * MS < window(page)[1] < 20 * MS, f"Enter shows {window(page)}")
    page.key("0")
    page.key("ArrowDown")
    expect("core 1" in detail(page), f"the lane below told {detail(page)!r}")
    page.key("ArrowDown")
    page.key("]")
    expect("A spin-1" in detail(page), f"the lane of a task told {detail(page)!r}")
    expect(page.evaluate("document.getElementById('detail').getAttribute('aria-live')") == "polite", "keys are not told aloud")
    expect_quiet(page)


@test("a task is searched for, and the table sorts")
def _():
    page = opened("turns")
    page.key("/")
    expect(page.evaluate("document.activeElement.id") == "search", "/ does not lead to the search")
    for key in "1003":
        page.key(key)
    expect("spin-3" in detail(page), f"the search told {detail(page)!r}")
    chosen = page.evaluate("document.querySelector('tr.chosen').dataset.tid")
    expect(chosen == "1003", f"the table shows {chosen}")
    column = "[...document.querySelectorAll('tbody tr')].map(tr => +tr.children[1].textContent)"
    page.evaluate("document.querySelectorAll('th button')[1].click()")
    up = page.evaluate(column)
    page.evaluate("document.querySelectorAll('th button')[1].click()")
    down = page.evaluate(column)
    expect(up == sorted(up) and down == up[::-1] and len(up) == 5, f"sorted: {up}, {down}")
    sort = page.evaluate("document.querySelectorAll('th')[1].getAttribute('aria-sort')")
    expect(sort == "descending", f"aria-sort is {sort}")
    expect_quiet(page)


HOOK = """(() => {
    window.drawn = [];
    const real = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (string, ...rest) {
        window.drawn.push(string);
        real.call(this, string, ...rest);
    };
})()"""


def drawn_after(page, *keys):
    """The texts of the canvas that the last key draws."""
    for key in keys:
        page.settle()
        page.evaluate("window.drawn.length = 0")
        page.key(key)
    page.settle()
    return page.evaluate("window.drawn")


@test("what is told beside the lanes is of the window shown, and a core without the run is off")
def _():
    page = opened("turns")
    page.evaluate(HOOK)
    whole = drawn_after(page, "v")
    for part in ("77 %", "22 %", "18 %", "off"):
        expect(part in whole, f"{part} is not in {whole}")
    near = drawn_after(page, "+", "+", "+", "g")
    expect("100 %" in near and "77 %" not in near, f"zoomed to the beginning it tells {near}")
    expect("25 %" in near or "26 %" in near, f"zoomed to the beginning tasks have {near}")
    expect_quiet(page)


CENTRED = """(() => {
    window.centred = [];
    const real = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (string, x, y) {
        if (this.textAlign === "center")
            window.centred.push([x, x + this.measureText(string).width / 2]);
        real.call(this, string, x, y);
    };
})()"""


def last_centred(page):
    """The middle and the end of the text that is furthest to the right."""
    page.settle()
    last = max(page.evaluate("window.centred"))
    page.evaluate("window.centred.length = 0")
    return last


@test("the last number of the axis is whole where the lanes reach to the frame")
def _():
    page = opened("turns")
    page.resize(600, 900)
    page.evaluate(CENTRED)
    for _ in range(12):
        page.key("+")
    page.settle()
    page.evaluate("window.centred.length = 0")
    page.key("ArrowRight")
    middle, _ = last_centred(page)
    high, width = page.evaluate("(canvas => [+canvas.dataset.right, canvas.clientWidth])(document.getElementById('lanes'))")
    page.drag(200, y_of(page, CORE_0), 200 + round(high - middle) - 1, y_of(page, CORE_0))
    middle, end = last_centred(page)
    expect(width - high < 20 and middle > high - 20, f"the last number is at {middle}, the lanes end at {high} of {width}")
    expect(end <= width, f"the last number ends at {end} of {width}")
    expect_quiet(page)


@test("a search without a match chooses nothing, and Escape undoes all at once")
def _():
    page = opened("turns")
    picture = "document.getElementById('lanes').toDataURL()"
    page.settle()
    before = page.evaluate(picture)
    for key in "/zzz":
        page.key(key)
    page.settle()
    expect(page.evaluate(picture) != before, "lanes without a match are not dimmed")
    page.key("Enter")
    expect(page.evaluate("document.querySelectorAll('tr.chosen').length") == 0, "a row is chosen without a match")
    expect(detail(page) == "0 tasks", f"the search told {detail(page)!r}")
    page.key("Escape")
    page.settle()
    expect(page.evaluate("document.getElementById('search').value") == "", "Escape left the text")
    expect(page.evaluate("document.activeElement.id") == "lanes", "Escape did not lead to the lanes")
    expect(page.evaluate(picture) == before, "after one Escape lanes are still dimmed")
    expect_quiet(page)


@test("the table has the tasks of all runs that are drawn, and no empty columns")
def _():
    page = opened("runs")
    cells = page.evaluate("[...document.querySelectorAll('tbody tr')].map(tr => [...tr.children].map(td => td.textContent))")
    heads = page.evaluate("[...document.querySelectorAll('th')].map(th => th.textContent)")
    expect(sorted(row[1] for row in cells) == ["1001", "1002", "1003", "1004", "1099"], f"the table has {cells}")
    at = heads.index("of run")
    runs = {row[1]: row[at] for row in cells}
    expect(runs == {"1001": "1", "1002": "1", "1003": "2", "1004": "2", "1099": ""}, f"of the runs {runs}")
    expect(cells[0][heads.index("cores")] == "0" and cells[0][heads.index("slices")] == "7", f"the first run's task: {cells[0]}")
    expect(not any("kernel" in head for head in heads), f"columns without a figure: {heads}")
    page.evaluate("document.querySelector('tbody tr').click()")
    expect(page.evaluate("document.querySelectorAll('tr.chosen').length") == 1, "a task of the first run cannot be chosen")
    page = opened("turns")
    heads = page.evaluate("[...document.querySelectorAll('th')].map(th => th.textContent)")
    expect("of run" not in heads, "of one run there is nothing to tell apart")
    expect_quiet(page)


@test("light and dark follow the system, and a key")
def _():
    back = "getComputedStyle(document.body).backgroundColor"
    page = opened("turns", "dark")
    expect(page.evaluate(back) == "rgb(16, 16, 20)", f"dark is {page.evaluate(back)}")
    page.key("v")
    expect(page.evaluate(back) == "rgb(255, 255, 255)", f"after v it is {page.evaluate(back)}")
    expect_quiet(page)


@test("? shows the keys, and Escape closes them")
def _():
    page = opened("turns")
    page.key("?")
    expect(page.evaluate("document.getElementById('help').open"), "? did not open the help")
    page.key("Escape")
    expect(not page.evaluate("document.getElementById('help').open"), "Escape did not close it")
    expect_quiet(page)


@test("the lanes can be reached by Tab, and fit a small window")
def _():
    page = opened("turns")
    for _ in range(20):
        page.key("Tab")
        if page.evaluate("document.activeElement.id") == "lanes":
            break
    expect(page.evaluate("document.activeElement.id") == "lanes", "Tab does not come to the lanes")
    page.resize(420, 700)
    page.settle()
    wide = page.evaluate("document.documentElement.scrollWidth")
    expect(wide <= 420, f"at 420 pixels the page is {wide} wide")
    expect_quiet(page)


@test("100,000 slices are 1 MB, and drawn within a second", timeout=180)
def _():
    for run in ("large", "pingpong"):
        size = os.path.getsize(page_of(run))
        expect(size <= 1000000, f"{run}: {size} bytes")
        times = []
        for _ in range(4):
            page = opened(run)
            times.append(page.evaluate("performance.getEntriesByName('lanes')[0].startTime"))
            if times[-1] < 1000:
                break
        print(f"# {run}: {size} bytes, drawn after {min(times):.0f} ms")
        expect_quiet(page)
        if min(times) >= 1000 and os.getloadavg()[0] > os.cpu_count():
            raise Skip(f"the machine is busy: drawn after {min(times):.0f} ms")
        expect(min(times) < 1000, f"{run}: drawn after {times} ms")


@test("figures are valid XML")
def _():
    if not shutil.which("xmllint"):
        raise Skip("xmllint is missing")
    for run in ("turns", "hostile", "empty", "large"):
        path = page_of(run, "svg")
        checked = subprocess.run(["xmllint", "--noout", "--nonet", path], capture_output=True, text=True, check=False)
        expect(checked.returncode == 0, f"{run}: {checked.stderr}")
        expect(os.path.getsize(path) < 1000000, f"{run}: {os.path.getsize(path)} bytes")


@test("the figure is one drawing in the browser, too")
def _():
    path = page_of("hostile", "svg")
    expect(os.path.getsize(path) < 1000000, "the figure is too large")
    opened("turns").open(path)
    expect(_browser.evaluate("document.documentElement.localName") == "svg", "it is no SVG")
    expect(_browser.evaluate("document.querySelectorAll('parsererror, script, image').length") == 0, "it is not well-formed")
    expect_quiet(_browser)


if __name__ == "__main__":
    try:
        main()
    finally:
        if _browser:
            _browser.close()
