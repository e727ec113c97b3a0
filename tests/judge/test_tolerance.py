"""Arithmetic: what is rounded right is accepted; a result beyond twice its tolerance is refused, wherever it is."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.case import Case, Sample
from conformance.generate import cases
from conformance.spec import OperatorSpec, discover, load
from conformance.where import packaged_specs

from .bench import FLOATING, Judged, Open, judged, reference, sample

OPERATORS = [
    spec
    for spec in map(load, discover(packaged_specs()))
    if isinstance(spec, OperatorSpec) and not spec.random
]
SAMPLES = 2


def some(case: Case, dtype: str) -> list[Sample]:
    """A few samples of a case that are not empty."""
    found = [
        s for s in case.samples("eager")
        if (s.dtypes is None or dtype in s.dtypes) and all(g.values.size for g in s.inputs.values())
    ]  # fmt: skip
    return found[:: max(len(found) // SAMPLES, 1)][:SAMPLES]


def judgeable() -> list[pytest.ParameterSet]:
    return [
        pytest.param(case, dtype, id=f"{spec.name}-{case.id}-{dtype}")
        for spec in OPERATORS
        for case in cases(spec)
        if case.id.split("-")[-1] in ("value", "gradient") and case.id not in spec.clauses
        if not case.id.endswith("forms-gradient")
        for dtype in FLOATING
        if dtype in case.dtypes
    ]


@pytest.mark.parametrize(("case", "dtype"), judgeable())
def test_beyond_twice_the_tolerance(case: Case, dtype: str):
    """Every operator: what is right passes; one element scaled by 1 + 2 × tolerance fails, and is named."""
    tried = 0
    for number, chosen in enumerate(some(case, dtype)):
        one = Judged(chosen, dtype, reference())
        values = one.values()
        try:
            flat, bound, ulp = one.bounds()
        except Open:
            continue
        if not flat.seen.size:
            continue
        tried += 1
        sizes = np.cumsum([0, *(v.size for v in values)])
        assert sizes[-1] == flat.seen.size, "complex samples are not chosen"
        for part, begin in zip(values, sizes, strict=False):
            part.reshape(-1)[:] = flat.rounded[begin : begin + part.size]
        assert one.judge().difference is None
        # The first value, the last of its gradient, and one in between.
        for at in {0, flat.seen.size // 2 + number, flat.seen.size - 1}:
            at = min(at, flat.seen.size - 1)
            part = int(np.searchsorted(sizes, at, side="right")) - 1
            place = at - sizes[part]
            kept = values[part].reshape(-1)[place]
            expected = flat.expected[at]
            if not np.isfinite(expected):
                continue
            step = 2 * bound[at] if bound[at] else ulp[at]
            values[part].reshape(-1)[place] = expected + (step if expected >= 0 else -step)
            judgement = one.judge()
            assert judgement.difference is not None, f"{chosen.name}, element {at}: {expected} ± {bound[at]}"
            assert judgement.difference.seen == repr(float(values[part].reshape(-1)[place]))
            assert judgement.difference.times_tolerance == pytest.approx(2 if bound[at] else np.inf, rel=0.01)
            values[part].reshape(-1)[place] = kept
        assert one.judge().difference is None
    if not tried:
        pytest.skip("every sample is empty, or decides inside the noise")


@pytest.mark.parametrize("dtype", FLOATING)
@pytest.mark.parametrize("ulps", [-1, 1, 2])
def test_the_floor(dtype, ulps):
    """Two ulp are allowed for anything rounded, without a noisy run."""
    one = Judged(sample("yield torch.exp(x)", x="tensor(8)"), dtype)
    flat, _, ulp = one.bounds()
    one.values()[0][:] = flat.rounded + ulps * 0.75 * ulp
    one.redo = None  # type: ignore[assignment]
    assert one.judge().difference is None


@pytest.mark.parametrize("dtype", FLOATING)
def test_scaling_is_refused(dtype):
    """A sum of four products that is a tenth too large is refused even in bfloat16."""
    scale = {"float64": 1 + 1e-13, "float32": 1.0001, "bfloat16": 1.1, "float16": 1.01}[dtype]
    for program in ("yield x @ y", "yield (x * y).sum(1)"):
        one = Judged(sample(program, x="tensor(4, 4, low=1, high=2)", y="tensor(4, 4, low=1, high=2)"), dtype)
        assert one.judge().difference is None
        one.values()[0][...] *= scale
        assert one.judge().difference is not None


@pytest.mark.parametrize("dtype", FLOATING)
def test_length_of_a_sum(dtype):
    """Tolerances grow with the length of a contraction, and torch stays within them."""
    for n in (16, 256, 4096):
        assert judged("yield x @ y", dtype, x=f"tensor(2, {n})", y=f"tensor({n}, 2)").difference is None
        assert judged("yield x.sum()", dtype, x=f"tensor({n}, low=0, high=1)").difference is None


def test_noise_is_only_drawn_where_it_is_needed():
    """A result within the floor costs no noisy run, and reports the floor as its tolerance."""
    one = Judged(sample("yield torch.exp(x)", x="tensor(8)"), "float64")
    drawn = []
    redo = one.redo
    one.redo = lambda seed: drawn.append(seed) or redo(seed)  # type: ignore[assignment, func-returns-value]
    assert one.judge().difference is None and drawn == []
    one.values()[0][0] *= 1 + 2.0**-48
    assert one.judge().difference is not None and drawn == list(range(16))


def test_an_allowance_widens_the_tolerance():
    """An `accuracy:` line multiplies the measured tolerance, and it is known whether it was needed."""
    one = Judged(sample("yield torch.exp(x)", x="tensor(8, low=1, high=2)"), "float32")
    flat, bound, ulp = one.bounds()
    one.values()[0][3] = flat.expected[3] + 4 * bound[3]
    assert one.judge().difference is not None
    allowed = one.judge(times=5.0)
    assert allowed.difference is None and allowed.allowance_needed
    assert (
        not Judged(sample("yield torch.exp(x)", x="tensor(8)"), "float32").judge(times=5.0).allowance_needed
    )


def test_not_sharp_is_counted():
    """Where most elements of a value cancel, the tolerance is wide, and the judgement says so."""
    program = "yield ((x + 4096.0) - 4096.0) * 0.3"
    one = Judged(sample(program, x="tensor(16, low=0.0078125, high=0.0625)"), "float32")
    one.values()[0][...] *= 1.001
    judgement = one.judge()
    assert not judgement.sharp and judgement.tolerance_ulp > 1000
    clean = Judged(sample("yield x * 0.3", x="tensor(16)"), "float32").judge()
    assert clean.sharp and clean.tolerance_ulp <= 2


def test_one_element_that_cancels_does_not_make_a_value_blunt():
    """Sharpness is that of the median element."""
    one = Judged(sample("yield x - 1.0001", x="literal([3.0, 2.0, 1.0, 4.0, 5.0])"), "float32")
    one.values()[0][0] *= 1 + 1e-6
    assert one.judge().sharp
