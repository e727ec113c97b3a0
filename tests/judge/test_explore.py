"""Exploring: it finds what is wrong in a corner of the domain, shrinks it, and accuses nobody who is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conformance.assemble import reference_backend
from conformance.backends.reference import ReferenceBackend
from conformance.case import Case
from conformance.check import Bench
from conformance.explore import NAME, search
from conformance.generate import cases
from conformance.spec import load
from conformance.verdict import Line, Verdict
from conformance.where import packaged_specs

from .bench import reference, torch_with

SPECS = packaged_specs() / "torch"


def case(path: str, id: str) -> Case:
    return next(case for case in cases(load(SPECS / f"{path}.yaml")) if case.id == id)


def explored(case: Case, backend: Any, examples: int, dtypes: tuple[str, ...] = ("float64",)) -> list[Line]:
    return list(search(Bench(backend, reference()), case, "cpu", "eager", dtypes, examples))


def wrong_softplus(wrong: Callable[[Any, Any], Any]) -> ReferenceBackend:
    """The reference with another softplus; ``wrong`` is given the input and the true result."""
    backend = reference_backend()
    right = backend.torch.nn.functional.softplus
    backend.reference.define(
        "torch.nn.functional.softplus",
        lambda input, *args, **options: wrong(input, right(input, *args, **options)),
    )
    return backend


def in_a_corner(input: Any, result: Any) -> Any:
    inside = (input > 19.9).logical_and(input < 20)
    return result + 0.001 * inside.to(result.dtype) * result


def test_a_narrow_region_is_found_and_shrunk():
    """softplus wrong for 19.9 < x < 20, where no fixed sample lies: one number is left of what was found."""
    softplus = case("nn/functional/softplus", "value")
    backend = wrong_softplus(in_a_corner)
    fixed = list(Bench(backend, reference()).check(softplus, "cpu", "eager", ("float64",)))
    assert {line.verdict for line in fixed} == {Verdict.PASS}
    (line,) = explored(softplus, backend, 400)
    assert line.verdict is Verdict.FAIL and line.sample == NAME and line.dtype == "float64"
    assert line.failure is not None and list(line.failure.inputs) == ["input"]
    dtype_shape, values = line.failure.inputs["input"].split(" ", 1)
    found = np.atleast_1d(np.array(eval(values.replace("\n", ""))))
    assert dtype_shape in ("float64[]", "float64[1]") and ((found > 19.9) & (found < 20)).all()


def test_a_search_is_reproducible():
    """Two searches of as many examples find the same input."""
    softplus = case("nn/functional/softplus", "value")
    backend = wrong_softplus(lambda input, result: result + 1e-3 * (input > 50).to(result.dtype))
    first, second = (explored(softplus, backend, 50)[0] for _ in range(2))
    assert first.verdict is Verdict.FAIL and first.failure == second.failure


def test_broadcasting_is_explored():
    """An operator that forgets to broadcast is found, with the smallest shapes that show it."""
    import torch

    def careless(condition, input, other):
        if input.shape != other.shape:
            raise RuntimeError("shapes differ")
        return torch.where(condition, input, other)

    (line,) = explored(case("where", "value"), torch_with(where=careless), 50, ("float32",))
    assert line.verdict is Verdict.FAIL and line.failure is not None
    assert "raised RuntimeError" in line.failure.message


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "id"),
    [
        ("nn/functional/softplus", "value"), ("nn/functional/softplus", "gradient"), ("exp", "value"),
        ("log", "gradient"), ("where", "gradient"), ("max", "whole-gradient"), ("max", "elementwise-gradient"),
        ("nn/functional/relu", "gradient"), ("nn/functional/mse_loss", "plain-gradient"), ("matmul", "gradient"),
    ],
)  # fmt: skip
def test_a_right_backend_is_not_accused(path, id):
    """500 examples of each: torch passes, in every dtype."""
    found = explored(case(path, id), torch_with(), 500, ("float64", "float32", "bfloat16", "float16"))
    assert [
        (line.dtype, line.verdict, line.failure) for line in found if line.verdict is not Verdict.PASS
    ] == []
    assert all(line.checks >= 100 and line.reason == "500 examples" for line in found)


def test_only_operators_are_explored():
    """A clause written by hand has no declared domain; nothing is said of it."""
    by_hand = cases(load(Path(packaged_specs() / "autograd" / "accumulation.yaml")))[0]
    assert explored(by_hand, torch_with(), 10) == []
    assert explored(case("exp", "forms"), torch_with(), 10) == []


def test_fixed_samples_come_first():
    """`Bench.check` with `explore` gives the fixed lines, then one more for each dtype."""
    bench = Bench(torch_with(), reference())
    lines = list(bench.check(case("exp", "value"), "cpu", "eager", ("float64", "float32"), explore=5))
    assert [line.sample for line in lines].count(NAME) == 2 and lines[-1].sample == lines[-2].sample == NAME
