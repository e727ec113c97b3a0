"""Operations and bytes, against what a person counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.bench.count import Count, Counting, count
from conformance.bench.work import BACKWARD, FORWARD, Work, works
from conformance.spec import load, parse

SPECS = Path(__file__).parents[2] / "specs" / "torch"
OPERATOR = """\
operator: torch.{name}
summary: One operator.
cites: https://example.org
signature: ({inputs})
inputs:
{declared}
definition: |
  {definition}
bench:
  large: {call}
"""


def work_of(name: str, definition: str, variant: str = FORWARD, **inputs: str) -> Work:
    """A piece of work of an operator made up for a test."""
    text = OPERATOR.format(
        name=name,
        inputs=", ".join(inputs),
        declared="\n".join(f"  {i}: {{range: [0.5, 2]}}" for i in inputs),
        definition=definition,
        call=", ".join(f"{i}={shape}" for i, shape in inputs.items()),
    )
    return next(work for work in works(parse(text, f"specs/torch/{name}.yaml")) if work.variant == variant)


@pytest.mark.parametrize(
    "definition, operations",
    [
        ("exp(x)", 60),
        ("2 * x + 1", 120),
        ("where(x > 1, x, 0)", 0),
        ("sum(x)", 59),
        ("transpose(x, 0, 1)", 0),
    ],
)
def test_operations_of_a_definition(definition: str, operations: int) -> None:
    """One for each element of an arithmetic result; none for movement and decisions."""
    assert count(work_of("thing", definition, x="tensor(6, 10)")).operations == operations


def test_bytes_of_an_elementwise_operator() -> None:
    """Every input is read and every result written once, in the dtype that is tested."""
    counted = count(work_of("thing", "exp(x)", x="tensor(6, 10)"))
    assert counted == Count(60, 120)
    assert (counted.bytes("float32"), counted.bytes("bfloat16")) == (480, 240)


def test_indices_keep_their_own_size() -> None:
    """What is not floating is moved in a dtype of its own."""
    counted = count(work_of("thing", "x[i]", x="tensor(7)", i="integers(3, low=0, high=7)"))
    assert counted == Count(0, 10, 3 * 8)


def test_matrix_product() -> None:
    """Twice m n k, forward; twice again for each of the two gradients."""
    shapes = {"a": "tensor(4, 5)", "b": "tensor(5, 3)"}
    assert count(work_of("thing", "matmul(a, b)", **shapes)) == Count(2 * 4 * 3 * 5, 20 + 15 + 12)
    backward = count(work_of("thing", "matmul(a, b)", BACKWARD, **shapes))
    assert backward == Count(3 * 2 * 4 * 3 * 5, 20 + 15 + 12 + (12 + 20 + 15))


def test_convolution() -> None:
    """Twice the elements of the result times the terms of each."""
    forward = next(works(load(SPECS / "nn" / "functional" / "conv2d.yaml")))
    counted = count(forward)
    result = 8 * 64 * 28 * 28
    assert counted == Count(2 * result * 64 * 9, 8 * 64 * 28 * 28 + 64 * 64 * 9 + result)


def test_stated_operations_win() -> None:
    """An entry may state its operations; the derivative's are still counted."""
    from dataclasses import replace

    work = replace(work_of("thing", "exp(x)", x="tensor(10)"), operations=1000.0)
    assert count(work).operations == 1000
    backward = replace(work_of("thing", "exp(x)", BACKWARD, x="tensor(10)"), operations=1000.0)
    assert count(backward).operations == 1010


def test_a_step_is_counted_for_a_million_parameters() -> None:
    """SGD with momentum reads parameter, gradient and velocity, and writes parameter and velocity."""
    counted = [count(work) for work in works(load(SPECS / "optim" / "SGD.yaml"))]
    million = 64 * 128 * 128
    assert all(one == counted[0] for one in counted)
    assert counted[0].elements == 5 * million
    assert counted[0].operations == 7 * million  # two for decay, three for the velocity, two for the step


def test_two_counts_do_not_mix() -> None:
    """Each reference counts for itself."""
    one, other = Counting(), Counting()
    one.ops.exp(one.torch.ones(5))
    assert (one.operations, other.operations) == (5, 0)
