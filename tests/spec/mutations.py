"""Ways to damage the text of a spec file: by characters, tokens, lines, indentation, keys and values."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

YAML = """
None null ~ true no [ ] { } : - | > & &a *a ! !!int ' " # % ? << --- ... @ ` , |2 >- 1e999 017 0o17 2.10 .nan
"""
PYTHON = """
( ) = == ; \\ \"\"\" f'{ f'{x}' '\\d' 0x 1_0 1if super() __class__ print(1) open *x **x raises
assert if else: try: del
"""
YAML_TOKENS = YAML.split()
PYTHON_TOKENS = [
    *PYTHON.split(),
    "yield",
    "x = yield",
    "yield x",
    "await x",
    "return 1",
    "break",
    "continue",
    "import os",
    "from torch import *",
    "global x",
    "nonlocal x",
    "(x := 1)",
    "def f(a, a): pass",
    "class A(A): pass",
    "with x as y:",
    "match x:",
    "__debug__ = 1",
    "async def f(): pass",
]
PATHOLOGICAL = [
    "",
    "\t",
    "\0",
    "\x07",
    "\x85",
    "\u2028",
    "\ud800",
    "\r",
    "\ufeff",
    "é",
    "😀",
    "\n",
    "\n\n",
    "9" * 5000,
    "(" * 300,
    "[" * 1500,
    "{a: " * 50,
    "- " * 2000,
    "-" * 3000,
    "a." * 3000 + "b",
    "lambda: " * 500 + "0",
    "not " * 3000 + "x",
    "1 if a else " * 1000 + "0",
    "x + " * 5000 + "x",
]
TOKENS = [*YAML_TOKENS, *PYTHON_TOKENS, *PATHOLOGICAL]
VALUES = [
    *TOKENS,
    "[1, 2]",
    "{a: b}",
    "leaf(3, 4)",
    "12",
    "1.5",
    "x y",
    "'a'",
    "|\n    x = 1",
    "https://a.b/",
]
KEYS = ["says", "program", "input", "x y", "none", "1", "", "signature", "clauses", "operator", "value"]


def insert(random: Random, text: str) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice(TOKENS) + text[at:]


def delete(random: Random, text: str) -> str:
    at = random.randrange(len(text))
    return text[:at] + text[at + random.choice([1, 1, 2, 5, 20]) :]


def replace(random: Random, text: str) -> str:
    at = random.randrange(len(text))
    return text[:at] + chr(random.choice([random.randrange(128), random.randrange(0x3000)])) + text[at + 1 :]


def drop_line(random: Random, text: str) -> str:
    lines = text.split("\n")
    del lines[random.randrange(len(lines))]
    return "\n".join(lines)


def repeat_line(random: Random, text: str) -> str:
    lines = text.split("\n")
    lines.insert(random.randrange(len(lines)), random.choice(lines))
    return "\n".join(lines)


def swap_lines(random: Random, text: str) -> str:
    lines = text.split("\n")
    i, j = random.randrange(len(lines)), random.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    return "\n".join(lines)


def indent(random: Random, text: str) -> str:
    lines = text.split("\n")
    at = random.randrange(len(lines))
    lines[at] = random.choice(["\t", "", " ", "  ", "    ", "        "]) + lines[at].lstrip()
    return "\n".join(lines)


def change_value(random: Random, text: str) -> str:
    return _change(random, text, lambda key, value: f"{key}: {random.choice(VALUES)}")


def change_key(random: Random, text: str) -> str:
    keys = [*KEYS, *TOKENS]
    return _change(
        random,
        text,
        lambda key, value: " " * (len(key) - len(key.lstrip())) + f"{random.choice(keys)}:{value}",
    )


def _change(random: Random, text: str, change: Callable[[str, str], str]) -> str:
    lines = text.split("\n")
    at = random.choice([number for number, line in enumerate(lines) if ":" in line] or [0])
    key, _, value = lines[at].partition(":")
    lines[at] = change(key, value)
    return "\n".join(lines)


def change_word(random: Random, text: str) -> str:
    words = text.split(" ")
    words[random.randrange(len(words))] = random.choice([random.choice(words), random.choice(TOKENS)])
    return " ".join(words)


WAYS = (
    insert,
    delete,
    replace,
    drop_line,
    repeat_line,
    swap_lines,
    indent,
    change_value,
    change_key,
    change_word,
)


def mutated(random: Random, text: str) -> str:
    """A text damaged in one place, sometimes in a few."""
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        if text:
            text = random.choice(WAYS)(random, text)
    return text
