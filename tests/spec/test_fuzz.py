"""Damaged spec files give a spec or a SpecError with places that exist, and nothing else.

``SPEC_MUTATIONS=20000 pytest tests/spec/test_fuzz.py`` looks at more of them; ``SPEC_SEED`` chooses others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.spec import Formula, Program, Spec, SpecError, discover, parse

from .mutations import mutated

HERE = Path(__file__).parent
ROOTS = (HERE / "samples", HERE.parents[1] / "specs")
FILES = [(path, path.read_text()) for root in ROOTS for path in discover(root)]
COUNT = int(os.environ.get("SPEC_MUTATIONS", "1500"))
SEED = os.environ.get("SPEC_SEED", "2026")
BATCHES = 10


def parts(value: Any) -> Iterator[Program | Formula]:
    """Every program and formula within a spec."""
    if isinstance(value, Program | Formula):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from parts(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from parts(item)
    elif hasattr(type(value), "model_fields"):
        for name in type(value).model_fields:
            yield from parts(getattr(value, name))


def use(spec: Spec) -> None:
    """Everything that is put off until a spec is used."""
    for part in parts(spec):
        if isinstance(part, Program):
            assert part.names >= part.chains
            part.statement(part.line)
            assert part.code
        else:
            part.function((), {})


def check(text: str, path: Path) -> bool:
    """Whether a text is a spec; anything but a SpecError with sensible faults fails the test."""
    try:
        use(parse(text, path))
    except SpecError as error:
        assert error.faults
        lines = text.replace("\r\n", "\n").split("\n")
        for fault in error.faults:
            assert fault.file in (str(path), "<text>")
            assert 1 <= fault.line <= len(lines) and fault.column >= 1
            assert "\n" not in str(fault) and "{raw}" not in str(fault) and len(str(fault)) < 600
        return False
    return True


@pytest.mark.parametrize("batch", range(BATCHES))
def test_mutations(batch: int) -> None:
    sound = 0
    for number in range(batch, COUNT, BATCHES):
        random = Random(f"{SEED}:{number}")
        path, text = random.choice(FILES)
        sound += check(mutated(random, text), path)
    assert sound < COUNT / BATCHES


@pytest.mark.parametrize(("path", "text"), FILES, ids=[path.stem for path, _ in FILES])
def test_every_prefix_of_a_file(path: Path, text: str) -> None:
    lines = text.split("\n")
    for end in range(0, len(lines), max(len(lines) // 20, 1)):
        check("\n".join(lines[:end]), path)


PATHOLOGICAL = {
    "nesting": "operator: " + "[" * 100_000,
    "flow maps": "operator: " + "{a: " * 100_000,
    "blocks": "\n".join(" " * depth + "a:" for depth in range(500)),
    "long line": "operator: " + "x" * 1_000_000,
    "many keys": "\n".join(f"key{number}: {number}" for number in range(5_000)),
    "many anchors": "a: &a [x]\n" + "\n".join(f"b{n}: *a" for n in range(1_000)),
    "huge number": "topic: " + "9" * 100_000,
    "deep expression": "lr: " + "-" * 100_000 + "1\nscheduler: torch.x\n",
    "deep brackets": "lr: " + '"' + "(" * 10_000 + '"\nscheduler: torch.x\n',
    "long chain": "lr: x" + ".a" * 50_000 + "\nscheduler: torch.x\n",
    "surrogate": "topic: \ud800",
    "null": "topic: \0",
    "only a comment": "# nothing",
    "only a tab": "\t",
    "only a marker": "---",
    "only an ending": "...",
    "binary": "".join(map(chr, range(256))),
}


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_pathological_files(name: str) -> None:
    assert not check(PATHOLOGICAL[name], Path("specs/torch/x.yaml"))


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text(text: str) -> None:
    check(text, Path("specs/torch/x.yaml"))


@given(st.text(alphabet="ab:-|{}[],#'\"()=*&!%? \n\t1", max_size=80))
@settings(max_examples=300, deadline=None)
def test_text_that_looks_like_yaml(text: str) -> None:
    check("topic: a\n" + text, Path("specs/a.yaml"))


@given(st.text(alphabet="ab:()[]{}=,.*@+-\\'\"#; \n1ifdefasyieldlambda", max_size=60))
@settings(max_examples=300, deadline=None)
def test_text_that_looks_like_python(text: str) -> None:
    head = "scheduler: torch.x\nsummary: s\ncites: https://a.b/\nsignature: (optimizer)\nlr: |\n"
    body = "\n".join("  " + line for line in text.split("\n"))
    check(head + body, Path("specs/torch/x.yaml"))
