"""What is compared exactly: data that was only moved, integers, booleans, shapes, dtypes, flags."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from conformance.observe import Observation
from conformance.run import run

from .bench import FLOATING, Judged, judged, sample, torch_with

MOVES = {
    "relu": "yield torch.nn.functional.relu(x)",
    "where": "yield torch.where(x > 0, x, y)",
    "max": "yield torch.max(x)",
    "max along": "yield torch.max(x, 0)[0]",
    "larger": "yield torch.max(x, y)",
    "transpose": "yield x.reshape(2, 4).T",
    "slice": "yield x[1::2]",
    "negative": "yield -x",
    "clone": "yield x.clone()",
    "flip": "yield x.flip(0)",
    "gradient of a choice": "yield vjp(torch.where(x > 0, x, y), (x,))",
    "gradient of relu": "yield vjp(torch.nn.functional.relu(x), (x,))",
}


@pytest.mark.parametrize("dtype", FLOATING)
@pytest.mark.parametrize("name", MOVES)
def test_moved_values_have_no_tolerance(name, dtype):
    """One ulp on a value that was moved, or chosen, is refused in every dtype."""
    one = Judged(sample(MOVES[name], x="leaf(8)", y="leaf(8)"), dtype)
    assert one.judge().difference is None
    flat, bound, ulp = one.bounds()
    assert (bound == 0).all()
    value = one.values()[0].flat
    for place in {0, len(value) - 1}:
        kept = value[place]
        for step in (ulp[place], -ulp[place]):
            value[place] = kept + step
            judgement = one.judge()
            assert judgement.difference is not None and judgement.difference.times_tolerance == np.inf
        value[place] = kept
    assert one.judge().difference is None


def test_the_first_wrong_statement_is_shown():
    """What comes after it may follow from it, however much larger the error there is."""
    one = Judged(sample("yield x\nyield 2 * x", x="tensor(8)"))
    first, second = one.values()
    first.flat[3] += 0.5
    second.flat[5] += 1e6
    difference = one.judge().difference
    assert difference is not None
    assert (difference.line, difference.where) == (1, "[3]")


def test_a_computed_value_may_move_on():
    """Exactness is that of the whole way: a rounded value that is moved keeps its tolerance."""
    one = Judged(sample("yield torch.exp(x).reshape(2, 4).T", x="tensor(8)"))
    _, bound, _ = one.bounds()
    assert (bound > 0).all()


@pytest.mark.parametrize(
    ("program", "wrong"),
    [
        ("yield x > 0", lambda value: np.logical_not(value)),
        ("yield x.argmax()", lambda value: value + 1),
        ("yield torch.max(x, 0)[1]", lambda value: value + 1),
        ("yield x.shape[0]", lambda value: value + 1),
        ("yield [1, 2, 3]", lambda value: np.array([1, 2, 4])),
        ("yield (x > 0).sum()", lambda value: value + 1),
    ],
)
def test_discrete_values(program, wrong):
    """Integers and booleans, of tensors and of Python, are equal or wrong."""
    one = Judged(sample(program, x="tensor(8)"))
    assert one.judge().difference is None
    leaf = next(leaf for leaf in one.seen[0].left if leaf.kind in ("tensor", "numbers"))
    leaf.value = np.asarray(wrong(leaf.value))
    assert one.judge().difference is not None


@pytest.mark.parametrize(
    "program", ["torch.tensor([-4, 3]) == [-3.5, 3.5]", "torch.tensor([2, 3]) == [2.5, 3.0]"]
)
def test_integers_are_no_rounded_numbers(program):
    """A tensor of integers has no rounding, so a number between them is not what it holds."""
    yielding, stated = program.split(" == ")
    one = Judged(sample(f"yield {stated}"))
    one.seen = Judged(sample(f"yield {yielding}")).seen
    assert one.judge().difference is not None


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("yield torch.twice(x)[:2]", "has shape (2,) where (3,) was expected"),
        ("yield torch.twice(x).double()", "has dtype float64 where float32 was expected"),
        ("yield torch.twice(x).tolist()", ""),
        ("yield (torch.twice(x), 1)", "is a sequence where a tensor was expected"),
        ("yield None", "is a NoneType where a tensor was expected"),
        ("yield 'text'", "is a str where a tensor was expected"),
    ],
)
def test_shapes_dtypes_and_kinds(program, message):
    """The form of a value is compared before its numbers."""
    one = Judged(sample("yield x * 2", x="tensor(3)"))
    one.seen = yielded(program)
    difference = one.judge().difference
    assert (difference.message if difference else "") == message


def yielded(program: str) -> list[Observation]:
    ran = run(sample(program, x="tensor(3)"), torch_with(twice=lambda x: x * 2), "cpu", "eager", "float32")
    assert ran.error is None, ran.traceback
    return ran.observations


def test_flags_are_values():
    """What a program asks of a tensor is a Python value, and compared like one."""
    right = "yield (x * 2).requires_grad\nyield (x * 2).is_leaf\nyield {'a': 1, 'b': None}"
    assert judged(right, x="leaf(3)").difference is None
    one = Judged(sample(right, x="leaf(3)"))
    one.seen[0].left[0].value = False
    assert one.judge().difference is not None


def test_keys_and_their_order():
    """A dict has the same keys in the same order."""
    one = Judged(sample("yield {'a': x, 'b': x}", x="tensor(2)"))
    assert one.judge().difference is None
    one.seen[0].left[0].value = ("b", "a")
    assert one.judge().difference is not None


def test_labels_follow_the_line():
    """One run of the reference in float64 serves all dtypes: its labels are read as those of the line."""
    for dtype in FLOATING:
        assert (
            judged(
                "yield x\nyield x > 0\nyield x.to(torch.float32)\nyield x.sum()", dtype, x="tensor(4)"
            ).difference
            is None
        )
    wide = torch_with(exp=lambda x: torch.exp(x).double())
    difference = judged("yield torch.exp(x)", "bfloat16", wide, x="tensor(4)").difference
    assert difference is not None and difference.message == "has dtype float64 where bfloat16 was expected"
