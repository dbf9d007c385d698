#!/usr/bin/env python3
"""The manual page against the program: the same options, the same keys with the same words; and clean mdoc."""

import os
import re
import shutil
import subprocess

from lib import SRCDIR, Skip, expect, main, run, test

PAGE = os.path.join(SRCDIR, "man", "schedviz.1")


def page_lines():
    with open(PAGE, encoding="utf-8") as file:
        return file.read().splitlines()


def unescaped(text):
    return text.replace("\\&", "").replace("\\-", "-").replace("\\e", "\\")


def page_options():
    """(letter or "", name, argument or "") of each option item of the page."""
    found = []
    for line in page_lines():
        match = re.match(r"\.It (?:Fl (\w) , )?Fl \\?-([a-z-]+)(?: Ns = Ns Ar (\w+))?$", line)
        if match:
            found.append((match[1] or "", match[2], match[3] or ""))
    return found


def page_keys():
    """(keys, help) of each item of the tables of keys."""
    lines = page_lines()
    found = []
    for line, text in zip(lines, lines[1:]):
        if line.startswith(".It Ic "):
            keys = [unescaped(part.strip()) for part in re.split(r"(?:^| , )Ic ", line[len(".It "):])]
            found.append((" ".join(key for key in keys if key), unescaped(text)))
    return found


def program_keys():
    with open(os.path.join(SRCDIR, "ui", "command.c"), encoding="utf-8") as file:
        rows = re.findall(r'^    \{"[^"]*", "((?:[^"\\]|\\.)*)", (?:NULL|"[^"]*"),\s*"((?:[^"\\]|\\.)*)"', file.read(), re.MULTILINE)
    return [tuple(re.sub(r"\\(.)", r"\1", text) for text in row) for row in rows]


def differences(ours, theirs):
    return f"only in the program: {[x for x in ours if x not in theirs]}; only in the page: {[x for x in theirs if x not in ours]}"


@test("the page's options are those of --help")
def _():
    result = run("--help")
    options = re.findall(r"^  (?:-(\w), |    )--([a-z-]+)(?:=(\w+))?", result.out, re.MULTILINE)
    expect(len(options) > 12, f"--help was not understood:\n{result.out}")
    page = page_options()
    expect(page == options, differences(options, page) + " (or another order)")


@test("the page's keys are those of the table of commands, with the same words")
def _():
    keys, page = program_keys(), page_keys()
    expect(len(keys) > 30, "the table of commands was not understood")
    expect(page == keys, differences(keys, page) + " (or another order)")


@test("the page names every format, source, kind, placement and theme")
def _():
    text = unescaped("\n".join(page_lines()))
    for word in ("text", "json", "sqlite", "auto", "perf", "engine", "proc", "thread", "process", "pinned", "free", "dark", "light", "mono"):
        expect(re.search(rf"^\.Cm {word}\b", text, re.MULTILINE) or f"Cm {word}" in text, f"{word} is not in the page")


@test("the page is clean mdoc")
def _():
    if not shutil.which("mandoc"):
        raise Skip("mandoc is missing (Debian: mandoc)")
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", PAGE], capture_output=True, text=True, check=False)
    expect(lint.returncode == 0 and not lint.stdout.strip(), lint.stdout)


@test("headings of all pages are printed as they are written: none begins with the name of a macro")
def _():
    if not shutil.which("mandoc"):
        raise Skip("mandoc is missing (Debian: mandoc)")
    for name in sorted(os.listdir(os.path.dirname(PAGE))):
        page = os.path.join(os.path.dirname(PAGE), name)
        with open(page, encoding="utf-8") as file:
            headings = re.findall(r'^\.S[hs] "?(.*?)"?$', file.read(), re.MULTILINE)
        printed = subprocess.run(["mandoc", "-T", "ascii", page], capture_output=True, text=True, check=False).stdout
        lines = [line.strip() for line in re.sub(".\b", "", printed).splitlines()]
        missing = [heading for heading in map(unescaped, headings) if heading not in lines]
        expect(headings and not missing, f"{name} prints these otherwise: {missing}")


if __name__ == "__main__":
    main()
