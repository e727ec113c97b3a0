"""Faults of the YAML text itself, before anything is known of specs."""

# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

import pytest

from .bases import TOPIC, Edit, faults, whole

CASES: list[tuple[list[Edit], list[str]]] = [
    (
        [("Gradients add up.", "[a")],
        [
            "3:6: not YAML: did not find expected ',' or ']': `cites: https://docs.pytorch.org/docs/st…`",
        ],
    ),
    (
        [("summary:", "\tsummary:")],
        [
            "2:1: not YAML: found a tab character that violates indentation: `summary: Gradients add up.`; indent with spaces, not tabs",
        ],
    ),
    (
        [("Gradients add up.", "a: b")],
        [
            "2:11: not YAML: mapping values are not allowed in this context: `summary: a: b`; a text that holds `: ` is quoted, or a `|` block",
        ],
    ),
    (
        [("Gradients add up.", "&x a")],
        [
            "2:10: `&x`: a spec has no anchors; write the value again",
        ],
    ),
    (
        [("Gradients add up.", "*x"), ("Accumulation", "&x b")],
        [
            "1:8: `&x`: a spec has no anchors; write the value again",
            "2:10: `*x`: a spec has no aliases; write the value again",
        ],
    ),
    (
        [("Gradients add up.", "!!str a")],
        [
            "2:10: `!!str`: a spec has no tags",
        ],
    ),
    (
        [("summary: Gradients add up.", "summary: a\nsummary: b")],
        [
            "3:1: the key `summary` is written twice (first on line 2)",
        ],
    ),
    (
        [("topic:", "%YAML 1.1\n---\ntopic:")],
        [
            "1:1: a spec has no `%` directives",
        ],
    ),
    (
        [("Gradients add up.", "None")],
        [
            '2:10: unquoted `None`; write `"None"` for Python\'s, `null` for no value',
        ],
    ),
    (
        [("{x: leaf(3)}", "{x: leaf(3, 4)}")],
        [
            "7:16: `leaf(3, 4)` is cut at its comma; inside `{...}` quote it, or give each key a line of its own",
        ],
    ),
]


@pytest.mark.parametrize(("edits", "expected"), CASES)
def test_fault(edits: list[Edit], expected: list[str]) -> None:
    assert faults(TOPIC, *edits) == expected


WHOLE: list[tuple[str, list[str]]] = [
    (
        "",
        [
            "1:1: the file is empty",
        ],
    ),
    (
        "- a\n",
        [
            "1:1: a spec is a map of keys, not `['a']`",
        ],
    ),
    (
        "a\n",
        [
            "1:1: a spec is a map of keys, not `'a'`",
        ],
    ),
    (
        "\x07a\n",
        [
            "1:1: the character U+0007 does not belong in a spec",
        ],
    ),
    (
        "topic: a\u2028b\n",
        [
            "1:9: the character U+2028 does not belong in a spec",
        ],
    ),
    (
        "topic: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        [
            "1:27: nested more than 20 deep",
        ],
    ),
    (
        "? [a]\n: b\n",
        [
            "1:3: a key is a plain word, not a list, a map or an alias",
        ],
    ),
    (
        "topic: " + "9" * 5000,
        [
            "1:1: `cites` is missing",
            "1:1: `clauses` is missing",
            "1:1: `summary` is missing",
            "1:8: `999999999999999999999999999999999999999…`: a number of 5000 digits",
        ],
    ),
    (
        "topic: 1e999",
        [
            "1:1: `cites` is missing",
            "1:1: `clauses` is missing",
            "1:1: `summary` is missing",
            "1:8: `1e999` overflows; write `inf`",
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), WHOLE)
def test_whole_file(text: str, expected: list[str]) -> None:
    assert whole(text) == expected


def test_a_second_document() -> None:
    assert whole(TOPIC + "---\na: 1\n") == ["11:1: a second document: one file is one spec"]


def test_a_document_marker_is_no_fault() -> None:
    assert whole("---\n" + TOPIC) == []
