"""Faults of programs and of what they are given."""

# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

import pytest

from .bases import TOPIC, Edit, faults

CASES: list[tuple[list[Edit], list[str]]] = [
    (
        [("program: |", "program:")],
        [
            "9:7: a program of several lines; write a `|` block",
        ],
    ),
    (
        [("program: |", "program: >")],
        [
            "8:14: a program of several lines; write a `|` block",
        ],
    ),
    (
        [("assert x.grad == 1", "x.grad")],
        [
            "5:3: the program of `adds` asserts nothing; write `assert left == right` or `yield value`",
        ],
    ),
    (
        [("x.sum()", "trch.sum(x)")],
        [
            "9:7: unknown name `trch`; did you mean `torch`?",
        ],
    ),
    (
        [("x.sum()", "x.sum((")],
        [
            "9:14: a program: invalid syntax: `x.sum((.backward()`",
        ],
    ),
    (
        [("x.sum()", "import torch.nn as nn")],
        [
            "9:28: a program: invalid syntax: `import torch.nn as nn.backward()`",
        ],
    ),
    (
        [("x.sum().backward()", "import copy")],
        [
            "9:7: `import copy`: no imports; `copy` is there without it",
        ],
    ),
    (
        [("x.sum().backward()", "from torch.nn import functional")],
        [
            "9:7: `from torch.nn import functional`: no imports; write `torch.nn.functional`",
        ],
    ),
    (
        [("x.sum().backward()", "open('x')")],
        [
            "9:7: `open` is not available in a spec",
        ],
    ),
    (
        [("x.sum().backward()", "return x")],
        [
            "9:7: `return` outside a function; write `yield` for a value to compare",
        ],
    ),
    (
        [("x.sum().backward()", "y = yield x")],
        [
            "9:11: `yield x`: outside a function, `yield value` is a whole line",
        ],
    ),
    (
        [("x.sum().backward()", "yield")],
        [
            "9:7: a `yield` without a value",
        ],
    ),
    (
        [("x.sum().backward()", "async def f(): pass")],
        [
            "9:7: a program has no `async`",
        ],
    ),
    (
        [("x.grad == 1", "x.grad == 1, 'no'")],
        [
            "10:27: an assert takes no message; `says:` is the message",
        ],
    ),
    (
        [("x.grad == 1", "(x.grad == 1, 'no')")],
        [
            "10:14: an assert of a tuple always holds",
        ],
    ),
    (
        [("x.grad == 1", "x.grad == (y := 1)")],
        [
            "10:25: `y := 1` inside an assert; give it a line of its own",
        ],
    ),
    (
        [("clauses:", "setup: |\n  assert 1 == 1\nclauses:")],
        [
            "4:1: a setup claims nothing; asserts and yields belong in clauses",
        ],
    ),
    (
        [("clauses:", "setup: |\n  def f(): return trch\nclauses:")],
        [
            "5:19: unknown name `trch`; did you mean `torch`?",
        ],
    ),
]


@pytest.mark.parametrize(("edits", "expected"), CASES)
def test_fault(edits: list[Edit], expected: list[str]) -> None:
    assert faults(TOPIC, *edits) == expected
