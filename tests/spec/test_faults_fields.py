"""Faults of single keys and values, shown on a topic."""

# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

import pytest

from .bases import TOPIC, Edit, faults

CASES: list[tuple[list[Edit], list[str]]] = [
    (
        [("Gradients add up.", "12")],
        [
            "2:10: `12` where text is expected; put it between quotes",
        ],
    ),
    (
        [("Gradients add up.", "true")],
        [
            "2:10: `true` where text is expected; put it between quotes",
        ],
    ),
    (
        [("Gradients add up.", "")],
        [
            "2:1: `summary` has no value",
        ],
    ),
    (
        [("Gradients add up.", "null")],
        [
            "2:1: `summary` has no value",
        ],
    ),
    (
        [("Gradients add up.", "[a, b]")],
        [
            "2:10: a list where text is expected",
        ],
    ),
    (
        [("Gradients add up.", "See #12 or #3 #4")],
        [
            "2:10: `See` is cut short: what follows ` #` is a comment; quote the text",
        ],
    ),
    (
        [("Gradients add up.", "'  '")],
        [
            "2:10: an empty text",
        ],
    ),
    (
        [("summary: Gradients add up.\n", "")],
        [
            "1:1: `summary` is missing",
        ],
    ),
    (
        [("summary", "sumary")],
        [
            "1:1: `summary` is missing",
            "2:1: unknown key `sumary`; did you mean `summary`?",
        ],
    ),
    (
        [("topic:", "topc:")],
        [
            "1:1: a spec names its kind with one of the keys `operator`, `topic`, `module`, `optimizer`, `scheduler`, `family`; did you mean `topic`?",
        ],
    ),
    (
        [("topic:", "operator: torch.x\ntopic:")],
        [
            "2:1: `topic` beside `operator`; one file is one spec",
        ],
    ),
    (
        [("https://", "http://")],
        [
            "3:8: `http://docs.pytorch.org/docs/stable/x.h…` is not a link; links start with `https://`",
        ],
    ),
    (
        [("https://docs.pytorch.org/docs/stable/x.html", "[]")],
        [
            "3:8: a list with nothing in it",
        ],
    ),
    (
        [("adds:", "Adds_it:")],
        [
            "5:3: `Adds_it` is not an id; an id is words in lower case with hyphens, such as `second-backward-adds`",
        ],
    ),
    (
        [("adds:", "gradient:")],
        [
            "5:3: the id `gradient` belongs to a clause that is derived from every spec",
        ],
    ),
    (
        [("adds:", "17:")],
        [
            "5:3: `17` is not an id; an id is words in lower case with hyphens, such as `second-backward-adds`",
        ],
    ),
    (
        [("{x: leaf(3)}", "{x: leaf(3), y: leaf(3)}")],
        [
            "7:25: `y` is given and never used",
        ],
    ),
    (
        [("{x: leaf(3)}", "{x: laef(3)}")],
        [
            "7:16: unknown name `laef`; did you mean `leaf`?",
        ],
    ),
    (
        [("{x: leaf(3)}", "{class: leaf(3)}")],
        [
            "7:13: `class` is not a Python name",
        ],
    ),
    (
        [("    given:", "    judge: refrence\n    given:")],
        [
            "7:12: `refrence` is not a judge; did you mean `reference`?",
        ],
    ),
    (
        [("    given:", "    dtypes: [float33]\n    given:")],
        [
            "7:14: `float33` is not a dtype; did you mean `float32`?",
        ],
    ),
    (
        [("    given:", "    since: 2.10\n    given:")],
        [
            "7:12: `2.10`: a version is quoted text, for 2.10 is the number 2.1",
        ],
    ),
    (
        [("    given:", "    since: two\n    given:")],
        [
            '7:12: `two` is not a version such as `"2.5"`',
        ],
    ),
    (
        [("    given:", "    needs: [Some Thing]\n    given:")],
        [
            "7:13: `Some Thing` is not a label; words and numbers in lower case with hyphens, such as `large-batch`",
        ],
    ),
    (
        [("    given:", "    accuracy: {times: 1, because: x}\n    given:")],
        [
            "7:23: `1` is not greater than 1",
        ],
    ),
    (
        [("    given:", "    accuracy: {times: 2}\n    given:")],
        [
            "7:5: `accuracy` has no `because`",
        ],
    ),
    (
        [("    given:", "    accuracy: {times: much, because: x}\n    given:")],
        [
            "7:23: `much` where a number is expected",
        ],
    ),
    (
        [("clauses:", "accuracy:\n  ads: {times: 2, because: x}\nclauses:")],
        [
            "5:3: `ads` is not a clause of this spec; did you mean `adds`?",
        ],
    ),
]


@pytest.mark.parametrize(("edits", "expected"), CASES)
def test_fault(edits: list[Edit], expected: list[str]) -> None:
    assert faults(TOPIC, *edits) == expected
