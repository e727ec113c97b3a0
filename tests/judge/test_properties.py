"""Properties of the judge over arbitrary values: what is equal passes, what differs fails, and it never gives up."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from conformance import judge
from conformance.branches import Copy
from conformance.observe import Leaf, Observation
from reference_impls.dtypes import NAMES

FLOATS = st.floats(width=64)
LABELS = st.sampled_from(["float64", "float32", "bfloat16", "float16"])
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)
KINDS = st.sampled_from(["yield", "expect", "hold", "raises", "warns"])
few = settings(max_examples=150, deadline=None, derandomize=True)


def silent(draw: int) -> list[Observation] | None:
    """A noisy run that says that nothing is noisy: the tolerance is the floor."""
    raise AssertionError("not to be asked")


def observed(values: np.ndarray, label: str, exact: bool, kind: str = "yield") -> Observation:
    leaves = [Leaf("", "tensor", values, label, exact)]
    return Observation(3, kind, leaves, leaves if kind == "expect" else None)


@st.composite
def tensors(draw, exact=None, finite=False):
    """Values that a dtype holds, with its label and whether they were only moved."""
    label = draw(LABELS)
    elements = st.floats(allow_nan=False, allow_infinity=False) if finite else FLOATS
    values = NAMES[label].round(draw(arrays.arrays(np.float64, draw(SHAPES), elements=elements)))
    return values, label, draw(st.booleans()) if exact is None else exact


def word(base: np.ndarray, seen: np.ndarray, label: str, exact: bool, noise: float = 0.0) -> judge.Judgement:
    """The judge's word, where noisy runs stray by ``noise`` of each value."""
    copies = np.random.default_rng(0)

    def redo(draw: int) -> Copy:
        return Copy([observed(base * (1 + noise * copies.uniform(-1, 1, base.shape)), label, exact)])

    return judge.judge([observed(base, label, exact)], [observed(seen, label, False)], NAMES[label], redo)


@few
@given(tensors())
def test_the_same_passes(tensor):
    """judge(x, x) has nothing to say, whatever x is, and asks for no noisy run."""
    values, label, exact = tensor
    said = judge.judge(
        [observed(values, label, exact)], [observed(values.copy(), label, False)], NAMES[label], silent
    )
    assert said.difference is None and not said.undecided and said.checks == 1


@few
@given(tensors(), st.data(), FLOATS)
def test_one_other_element(tensor, data, other):
    """One element that is neither equal nor within its tolerance fails, and the failure names it."""
    values, label, exact = tensor
    if not values.size:
        return
    at = tuple(data.draw(st.integers(0, n - 1)) for n in values.shape)
    dtype = NAMES[label]
    other = float(dtype.round(np.float64(other)))
    seen = values.copy()
    seen[at] = other
    same = values[at] == other or (np.isnan(values[at]) and np.isnan(other))
    said = word(values, seen, label, exact)
    if same:
        assert said.difference is None
    elif exact or not (np.isfinite(values[at]) and np.isfinite(other)):
        edge = {abs(float(values[at])), abs(other)} == {dtype.largest, np.inf} and np.sign(
            values[at]
        ) == np.sign(other)
        assert said.difference is not None or (edge and not exact)
    else:
        ulp = float(dtype.spacing(np.float64(values[at])))
        floor = max(
            judge.FLOOR * ulp,
            judge.UNDERFLOW[label == "float64"]
            if abs(values[at]) < judge.UNDERFLOW[label == "float64"]
            else 0,
        )
        with np.errstate(over="ignore"):
            assert (said.difference is None) == (abs(values[at] - other) <= floor)
    if said.difference is not None:
        index = f"[{', '.join(map(str, at))}]" if at else ""
        assert said.difference.where == index


@few
@given(tensors(exact=False, finite=True), st.floats(1e-6, 1e-2), st.data())
def test_measured_tolerance(tensor, noise, data):
    """Noise of a tolerance is accepted up to the factor, and refused at twice the factor."""
    values, label, _ = tensor
    dtype = NAMES[label]
    values = np.where(np.abs(values) > dtype.largest / 8, 1.0, values)
    big = np.abs(values) > 2.0 ** (dtype.min_exponent + dtype.precision)
    if not big.any():
        return
    at = tuple(int(i) for i in np.argwhere(big)[0])
    seen = values.copy()
    seen[at] = values[at] * (1 + 0.5 * noise)
    assert word(values, seen, label, False, noise).difference is None
    seen[at] = values[at] * (1 + 2 * judge.FACTOR * noise) + 8 * dtype.spacing(values[at]) * np.sign(
        values[at]
    )
    assert word(values, seen, label, False, noise).difference is not None


@few
@given(tensors())
def test_infinities_and_nan_are_symmetric(tensor):
    """What is refused one way round is refused the other way round, where a value is not finite."""
    values, label, _ = tensor
    for special in (np.nan, np.inf, -np.inf):
        other = np.full(values.shape, special)
        with np.errstate(invalid="ignore"):
            expected = word(values, other, label, True).difference is None
            assert (word(other, values, label, True).difference is None) == expected


plain = st.one_of(st.integers(-9, 9), st.floats(), st.lists(st.floats(), min_size=1))
leaves = st.one_of(
    st.builds(lambda v: Leaf("", "numbers", np.asarray(v)), plain),
    st.builds(lambda t: Leaf("", "tensor", t[0], t[1], t[2]), tensors()),
    st.builds(lambda v: Leaf("", "tensor", np.asarray(v), "complex64"), st.complex_numbers()),
    st.builds(lambda v: Leaf("", "tensor", np.asarray(v), "int64"), st.integers(-9, 9)),
    st.builds(lambda v: Leaf("", "tensor", np.asarray(v), "bool"), st.booleans()),
    st.builds(lambda v: Leaf("", "array", np.asarray(v), "float64"), st.lists(st.floats())),
    st.builds(lambda v: Leaf("", "str", v), st.text(max_size=3)),
    st.builds(lambda v: Leaf("", "sequence", v), st.integers(0, 3)),
    st.just(Leaf("", "NoneType", None)),
    st.just(Leaf("", "bool", True)),
)  # fmt: skip


@st.composite
def observations(draw):
    """What a program might have yielded, of any form."""
    kind = draw(KINDS)
    if kind == "hold":
        return Observation(draw(st.integers(1, 3)), kind, [Leaf("", "bool", draw(st.booleans()))])
    if kind in ("raises", "warns"):
        names = st.sampled_from(["RuntimeError", "nothing"])
        return Observation(
            draw(st.integers(1, 3)), kind, [Leaf("", "str", draw(names))], [Leaf("", "str", draw(names))]
        )
    right = draw(st.lists(leaves, max_size=3)) if kind == "expect" else None
    return Observation(draw(st.integers(1, 3)), kind, draw(st.lists(leaves, max_size=3)), right)


@few
@given(
    st.lists(observations(), max_size=3),
    st.lists(observations(), max_size=3),
    st.lists(observations(), max_size=3),
    LABELS,
)
def test_it_never_crashes(base, seen, noisy, label):
    """Whatever two runs have yielded, the judge has a word; a noisy run may have yielded something else again."""
    with np.errstate(all="ignore"):
        for theirs in (seen, base):
            for copy in (noisy, None):
                said = judge.judge(base, theirs, NAMES[label], lambda draw, copy=copy: copy)
                assert said.difference is None or said.difference.message
        judge.judge_alone(seen)
