"""Searches the domains that an operator declares for inputs on which a backend and the definition part.

The programs are those of the fixed samples of `value` and `gradient`; hypothesis draws other inputs for them:
any number of the declared range that the dtype holds, near and at the points that the spec names, in any shapes
that broadcast where the operator is elementwise. What it finds is shrunk to the smallest and simplest input. The
search is seeded by the clause and the dtype: two runs of as many examples find the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from hypothesis.extra import numpy as arrays

from reference_impls.dtypes import NAMES, DType

from .case import Case, Given, Sample
from .generate.arguments import span
from .generate.makers import number
from .spec import OperatorSpec
from .spec.words import FLOATING
from .verdict import Line, Verdict

if TYPE_CHECKING:
    from .check import Bench
    from .spec import Body, Input

NAME = "explored"
"""What the sample of a search is called."""
CLAUSES = ("value", "gradient")
LARGEST = 512
"""Elements of a fixed sample beyond which its program is left to that sample."""
LONGEST, MOST = 9, 3
"""The longest dimension that is drawn, and how many dimensions."""


def search(
    bench: Bench, case: Case, device: str, mode: str, dtypes: Sequence[str], examples: int
) -> Iterator[Line]:
    """A line for each floating dtype of an operator's value or gradient: what the search has found, or a pass."""
    body = _body(case)
    if body is None:
        return
    for dtype in FLOATING:
        if dtype not in dtypes or dtype not in case.dtypes:
            continue
        programs = {str(s.program): s for s in case.samples(mode) if _takes_part(s, dtype)}
        if programs:
            strategy = st.one_of([_samples(sample, body, NAMES[dtype]) for sample in programs.values()])
            yield _found(bench, case, device, mode, dtype, strategy, examples)


def _body(case: Case) -> Body | None:
    """The overload whose value or gradient a case is about."""
    if isinstance(case.spec, OperatorSpec):
        for overload, body in case.spec.bodies.items():
            if case.id in [f"{overload}-{id}" if overload else id for id in CLAUSES]:
                return body
    return None


def _takes_part(sample: Sample, dtype: str) -> bool:
    """Not with a long input: drawn as one value repeated, its roundings are all alike, which no rule allows for."""
    short = all(given.values.size <= LARGEST for given in sample.inputs.values())
    return short and (sample.dtypes is None or dtype in sample.dtypes)


def _found(
    bench: Bench,
    case: Case,
    device: str,
    mode: str,
    dtype: str,
    strategy: st.SearchStrategy[Sample],
    examples: int,
) -> Line:
    checks = 0
    lines: dict[int, Line] = {}

    def fails(sample: Sample) -> bool:
        nonlocal checks
        line = lines[id(sample)] = bench.line(case, sample, device, mode, dtype)
        checks += line.checks
        bench.forget()
        return line.verdict is Verdict.FAIL

    quiet = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        print_blob=False,
    )
    random = Random(zlib.crc32(f"{case.spec.name}::{case.id} {dtype}".encode()))
    try:
        found = find(strategy, fails, settings=quiet, random=random)
    except NoSuchExample:
        verdict = Verdict.PASS if checks else Verdict.UNSUPPORTED
        reason = (
            f"{examples} examples" if checks else next((x.reason for x in lines.values() if x.reason), "")
        )
        return Line(NAME, dtype, verdict, reason=reason, checks=checks)
    line = bench.line(case, found, device, mode, dtype)
    if line.failure is None:
        return replace(line, verdict=Verdict.ERROR, reason="what the search found did not fail a second time")
    inputs = {name: _shown(given, dtype) for name, given in found.inputs.items()}
    return replace(line, failure=replace(line.failure, inputs=inputs), checks=checks)


def _shown(given: Given, dtype: str) -> str:
    """An input with all of its digits: there is no other place to read it from."""
    values = np.array2string(
        given.values, separator=", ", floatmode="unique", threshold=given.values.size + 1
    )
    return f"{dtype if given.values.dtype.kind == 'f' else given.values.dtype}{list(given.values.shape)} {values}"


def _samples(sample: Sample, body: Body, dtype: DType) -> st.SearchStrategy[Sample]:
    """A sample with other inputs."""
    names = list(sample.inputs)
    declared = {str(name): domain for name, domain in body.inputs.items()}
    makers = {name: _elements(given, declared[name], dtype) for name, given in sample.inputs.items()}
    fixed = st.just(tuple(given.values.shape for given in sample.inputs.values()))

    @st.composite
    def samples(draw: st.DrawFn) -> Sample:
        inputs = {}
        for name, shape in zip(
            names, draw(_shapes(len(names)) if body.elementwise and names else fixed), strict=True
        ):
            given, maker = sample.inputs[name], makers[name]
            if maker is not None:
                values = draw(arrays.arrays(given.values.dtype, shape, elements=maker))
                given = replace(given, values=_held(values, declared[name], dtype))
            inputs[name] = given
        return replace(sample, name=NAME, inputs=inputs)

    return samples()


def _shapes(count: int) -> st.SearchStrategy[tuple[tuple[int, ...], ...]]:
    drawn = arrays.mutually_broadcastable_shapes(
        num_shapes=count, min_side=0, max_side=LONGEST, max_dims=MOST
    )
    return drawn.map(lambda shapes: shapes.input_shapes)


def _elements(given: Given, declared: Input, dtype: DType) -> st.SearchStrategy[float] | None:
    """What an input may hold: the declared range, many values at the points of the spec or close to them."""
    if given.values.dtype.kind != "f" or given.dtype is not None:
        # Indices and masks: what they may hold is known from those of the fixed sample.
        return st.sampled_from(np.unique(given.values).tolist()) if given.values.size else None
    steps = [sign * 2.0**-bits for bits in range(dtype.precision) for sign in (1, -1)]
    points = [float(number(point)) for point in declared.points]
    near = [point + step for point in points for step in (0.0, *steps)]
    numbers = st.floats(*span(declared))
    return numbers | st.sampled_from(near) if near else numbers


def _held(values: np.ndarray, declared: Input, dtype: DType) -> np.ndarray:
    """The nearest numbers that the dtype holds, without leaving the range."""
    if values.dtype.kind != "f":
        return values
    low, high = span(declared)
    rounded = dtype.round(np.clip(values, low, high))
    inward = rounded - dtype.spacing(rounded) * np.sign(rounded - values)
    return np.where((rounded < low) | (rounded > high), inward, rounded)
