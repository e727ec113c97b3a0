"""Compares what a program yielded on a backend with what it yielded on the reference. Owns every tolerance.

Data movement, integers, booleans, shapes, dtypes and plain Python values are compared exactly. A result of
rounded arithmetic may differ by `FLOOR` ulp, or by `FACTOR` times the spread that `DRAWS` noisy runs of the
reference show on this very program and input, whichever is larger; nothing is tuned by operator. Where the
evidence for the two numbers is written down: ``docs/tolerances.md``.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reference_impls.dtypes import COMPONENT, NAMES, DType, float32, float64

from .branches import Branches, Redo, expected
from .observe import Leaf, Observation

FACTOR = 8.0
"""From the largest deviation among the noisy runs to the tolerance: the one factor of the suite."""
DRAWS = 16
"""Noisy runs at the most, drawn one by one while something is still out of tolerance."""
ENOUGH_DRAWS, HOPELESS = 4, 1000.0
"""Without decisions, an error of this many tolerances after so many runs is a failure: no further run explains it."""
FLOOR = 2.0
"""Ulp of the tested dtype by which any rounded result may differ."""
NUMBER_FLOOR = 16.0
"""Ulp of float64, at the largest magnitude of the statement, for Python floats: they carry no noise of their own."""
UNDERFLOW = (2.0**float32.min_exponent, 2.0**float64.min_exponent)
"""Below the smallest normal number of the format that is computed in (float32 for the narrower ones) a rounded
result may be zero: PyTorch's notes on numerical accuracy promise nothing for intermediates outside of the range."""
SHARP = 100.0
"""A tolerance above this many ulp is not a sharp check, and is counted as such."""


@dataclass(frozen=True)
class Difference:
    """The first statement that disagrees, at its worst element."""

    line: int
    where: str
    message: str
    expected: str = ""
    seen: str = ""
    ulp: float | None = None
    times_tolerance: float | None = None
    discrete: bool = False
    """Whether integers or booleans differ, which a decision may have made."""


@dataclass(frozen=True)
class Judgement:
    """What the judge says of one line."""

    difference: Difference | None = None
    undecided: bool = False
    tolerance_ulp: float = 0.0
    checks: int = 0
    allowance_needed: bool = False
    """Whether it agrees only by the clause's ``accuracy:`` line."""

    @property
    def sharp(self) -> bool:
        return self.tolerance_ulp <= SHARP


def judge(
    base: Sequence[Observation],
    seen: Sequence[Observation],
    dtype: DType,
    redo: Redo,
    times: float = 1.0,
    relabel: Callable[[str], str] = str,
    decides: bool = True,
) -> Judgement:
    """Judge a backend's observations by those of the reference's base run.

    ``dtype`` is the tested one; ``relabel`` turns a label of the reference's run into the one expected of this
    line; ``times`` is the allowance of an ``accuracy:`` line; ``decides`` says whether the base run took a decision
    that a noisy one could take otherwise.
    """
    branches = Branches(base, redo, DRAWS if decides else 0)
    undecided = False
    for index, (ours, theirs) in enumerate(zip(base, seen, strict=False)):
        if (ours.line, ours.kind) != (theirs.line, theirs.kind):
            message = f"took another path: reached line {theirs.line} where line {ours.line} was expected"
            return Judgement(Difference(theirs.line, "", message), checks=index)
        if difference := _structure(ours, theirs, relabel):
            if not difference.discrete or not branches.excuse(index, expected(ours), theirs.left):
                return Judgement(difference, checks=index)
            undecided = True
    if len(base) != len(seen):
        last = (seen or base)[-1].line if base or seen else 0
        message = f"yielded {len(seen)} times where {len(base)} were expected"
        return Judgement(Difference(last, "", message), checks=len(seen))
    judgement = _values(base, seen, dtype, branches, times)
    return replace(judgement, undecided=undecided or judgement.undecided)


def judge_alone(seen: Sequence[Observation]) -> Judgement:
    """Judge a clause that states all it needs: both sides of each equality come from the backend, bit for bit."""
    for index, observation in enumerate(seen):
        mirror = Observation(observation.line, observation.kind, expected(observation))
        difference = _structure(mirror, observation, str)
        if difference is None and observation.right is not None:
            difference = _identical(observation)
        if difference:
            return Judgement(difference, checks=index)
    return Judgement(checks=len(seen))


def _structure(base: Observation, seen: Observation, relabel: Callable[[str], str]) -> Difference | None:
    """Everything but floating-point values: kinds, lengths, dtypes, shapes, and values compared by equality."""
    if seen.kind == "hold":
        if seen.left[0].value:
            return None
        return Difference(seen.line, "", "the assertion does not hold", "True", "False")
    if seen.kind in ("raises", "warns"):
        want, got = seen.right[0].value, seen.left[0].value  # type: ignore[index]
        verb = "raised" if seen.kind == "raises" else "gave"
        return None if want == got else Difference(seen.line, "", f"{verb} {got}, expected {want}", want, got)
    wanted = expected(base)
    for want, got in zip(wanted, seen.left, strict=False):
        if message := _mismatch(want, got, relabel):
            discrete = message == DIFFERS and isinstance(want.value, np.ndarray)
            return Difference(seen.line, got.path, message, _show(want), _show(got), discrete=discrete)
    if len(wanted) != len(seen.left):
        return Difference(seen.line, "", f"has {len(seen.left)} parts where {len(wanted)} were expected")
    return None


NUMERIC = ("tensor", "numbers", "array")
DIFFERS = "differs"


def _mismatch(want: Leaf, got: Leaf, relabel: Callable[[str], str]) -> str | None:
    if want.kind not in NUMERIC or got.kind not in NUMERIC:
        if want.kind != got.kind:
            return f"is a {got.kind} where a {want.kind} was expected"
        return None if want.value == got.value else DIFFERS
    if want.value.shape != got.value.shape:
        return f"has shape {got.value.shape} where {want.value.shape} was expected"
    if want.kind == got.kind == "tensor" and relabel(want.dtype) != got.dtype:
        return f"has dtype {got.dtype} where {relabel(want.dtype)} was expected"
    if want.value.dtype.kind in "biu" and got.value.dtype.kind in "biu":
        return None if np.array_equal(want.value, got.value) else DIFFERS
    return None


def _identical(observation: Observation) -> Difference | None:
    for want, got in zip(observation.right or (), observation.left, strict=True):
        if want.kind in NUMERIC and not np.array_equal(
            want.value, got.value, equal_nan=got.value.dtype.kind in "fc"
        ):
            return Difference(observation.line, got.path, DIFFERS, _show(want), _show(got))
    return None


def _show(leaf: Leaf) -> str:
    if leaf.kind in NUMERIC:
        return np.array2string(leaf.value, threshold=8, precision=8)
    return repr(leaf.value)


@dataclass
class _Flat:
    """All floating-point elements of a line, one after the other."""

    pairs: list[tuple[Observation, Leaf, Leaf, Leaf]]
    starts: list[int]
    """Where the elements of each pair begin."""
    expected: np.ndarray
    seen: np.ndarray
    rounded: np.ndarray


@dataclass
class _Scale:
    """What an error at each of these elements is measured by; worked out only where there is one."""

    ulp: np.ndarray
    floor: np.ndarray
    largest: np.ndarray
    exact: np.ndarray


def _real(values: np.ndarray) -> np.ndarray:
    """The elements in one dimension, complex ones as pairs of reals."""
    values = np.ascontiguousarray(values)
    return (
        values.reshape(-1).view(np.float64)
        if values.dtype.kind == "c"
        else values.reshape(-1).astype(np.float64)
    )


def _compared(leaf: Leaf) -> bool:
    return leaf.kind in NUMERIC and leaf.value.dtype.kind in "fc"


def _pairs(base: Sequence[Observation], seen: Sequence[Observation]):
    """Pairs of leaves to be compared by value: (observation, expected, reference's own left side, seen)."""
    for ours, theirs in zip(base, seen, strict=True):
        if ours.kind not in ("yield", "expect"):
            continue
        own = ours.left if len(ours.left) == len(theirs.left) else expected(ours)
        for want, left, got in zip(expected(ours), own, theirs.left, strict=True):
            if want.kind in NUMERIC and (_compared(want) or _compared(got)):
                yield theirs, want, left, got


def _complex(want: Leaf, got: Leaf) -> bool:
    return want.value.dtype.kind == "c" or got.value.dtype.kind == "c"


def _label(got: Leaf) -> DType:
    """The dtype whose rounding a value has; that of an integer is no more than a Python number's."""
    label = NAMES.get(got.dtype, float64) if got.kind != "numbers" else float64
    return label if got.value.dtype.kind in "fc" else float64


def _flatten(base: Sequence[Observation], seen: Sequence[Observation]) -> _Flat | None:
    pairs = list(_pairs(base, seen))
    if not pairs:
        return None
    columns: list[tuple[np.ndarray, ...]] = []
    starts = []
    offset = 0
    for _, want, _, got in pairs:
        cast = np.complex128 if _complex(want, got) else np.float64
        wanted, values = _real(want.value.astype(cast)), _real(got.value.astype(cast))
        label = _label(got)
        columns.append((wanted, values, COMPONENT.get(label, label).round(wanted)))
        starts.append(offset)
        offset += wanted.size
    return _Flat(pairs, starts, *(np.concatenate(column) for column in zip(*columns, strict=True)))


def _scale(flat: _Flat, dtype: DType) -> _Scale:
    columns: list[tuple[np.ndarray, ...]] = []
    for _, want, left, got in flat.pairs:
        label = _label(got)
        size = np.abs(want.value.reshape(-1)).astype(np.float64)
        size = np.repeat(size, 2) if _complex(want, got) else size
        size = np.minimum(np.where(np.isfinite(size), size, 0.0), label.largest)
        if got.kind == "numbers":
            ulp = dtype.spacing(size)  # where they come from a tensor, they have its noise
            floor = np.full_like(ulp, NUMBER_FLOOR * float64.spacing(size.max(initial=0.0)))
        else:
            ulp = label.spacing(size)
            underflow = UNDERFLOW[label.precision == 53]
            floor = np.maximum(FLOOR * ulp, underflow * (size < underflow))
        exact = np.full(
            size.shape, left.exact and (want.exact or want.kind != "tensor")
        )  # moved, not computed
        columns.append((ulp, floor, np.full(size.shape, label.largest), exact))
    return _Scale(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def _distance(a: np.ndarray, b: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """|a - b|, where overflow to infinity counts as the first number that does not fit, and nan equals nan."""
    with np.errstate(all="ignore"):
        edge = largest * (1 + 2.0**-12)
        finite = np.isfinite(a)
        near, far = np.where(finite, np.clip(a, -edge, edge), a), np.where(finite, np.clip(b, -edge, edge), b)
        distance = np.abs(near - far)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))


def _values(
    base: Sequence[Observation], seen: Sequence[Observation], dtype: DType, branches: Branches, times: float
) -> Judgement:
    checks = len(seen)
    flat = _flatten(base, seen)
    if flat is None:
        return Judgement(checks=checks)
    equal = (flat.seen == flat.rounded) | (np.isnan(flat.seen) & np.isnan(flat.expected))
    if equal.all():
        return Judgement(checks=checks)
    scale = _scale(flat, dtype)
    error = np.where(equal, 0.0, _distance(flat.expected, flat.seen, scale.largest))
    tolerance = np.where(scale.exact, 0.0, scale.floor)
    wide = np.zeros_like(tolerance)
    for draw in range(DRAWS):
        if (error <= times * np.maximum(tolerance, wide)).all():
            break
        copy = branches.copy(draw)
        spread = None if copy is None else _deviation(flat, base, seen, copy.observations)
        if spread is None:
            return Judgement(None, True, _tolerance_ulp(flat, scale, times * tolerance), checks)
        wide = np.maximum(wide, np.where(scale.exact, 0.0, FACTOR * spread))
        # Where a copy has not moved yet, another one may, unless nothing at all moves: then there is no arithmetic.
        moves = (wide > 0) | (not wide.any())
        hopeless = moves & (error > HOPELESS * times * np.maximum(tolerance, wide))
        if draw + 1 >= ENOUGH_DRAWS and not branches.draws and hopeless.any():
            break
    bound = times * np.maximum(tolerance, wide)
    bad = ~(error <= bound)
    ulps = _tolerance_ulp(flat, scale, bound)
    if not bad.any():
        needed = bool((error > np.maximum(tolerance, wide)).any())
        return Judgement(None, False, ulps, checks, needed)
    wrong = bad & ~_open(flat, base, seen, branches, scale, bound)
    if branches.lost or not wrong.any():
        return Judgement(None, True, ulps, checks)
    return Judgement(_worst(flat, scale, error, bound, wrong), False, ulps, checks)


def _open(
    flat: _Flat,
    base: Sequence[Observation],
    seen: Sequence[Observation],
    branches: Branches,
    scale: _Scale,
    bound: np.ndarray,
) -> np.ndarray:
    """Which elements stray further than rounding explains once a copy follows its own decisions."""
    moved = np.zeros(flat.expected.shape, bool)
    for run in branches.freed:
        other = _flatten(run, seen)
        if other is None or other.starts != flat.starts or other.expected.shape != flat.expected.shape:
            branches.lost = True
            continue
        moved |= ~(_distance(flat.expected, other.expected, scale.largest) <= bound)
    return moved


def _tolerance_ulp(flat: _Flat, scale: _Scale, bound: np.ndarray) -> float:
    """How wide the tolerance is: the median over the elements of each yielded value, at the widest of those.

    The median, because single elements that nearly cancel have few correct digits in any implementation; an
    expected zero has none, and no ulp to measure by.
    """
    with np.errstate(all="ignore"):
        ratio = np.where(flat.expected == 0, 0.0, bound / np.maximum(scale.ulp, scale.floor / FLOOR))
    parts = (ratio[a:b] for a, b in itertools.pairwise((*flat.starts, len(ratio))))
    return max((_median(part) for part in parts if part.size), default=0.0)


def _median(values: np.ndarray) -> float:
    """As NumPy's, which costs five times as much on a few elements."""
    ordered, middle = np.sort(values), values.size // 2
    return float(ordered[middle] if values.size % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def _deviation(
    flat: _Flat, base: Sequence[Observation], seen: Sequence[Observation], noisy: Sequence[Observation]
) -> np.ndarray | None:
    """How far a noisy run strayed at each element, on either side of an equality; None if it cannot be compared."""
    if len(noisy) != len(base):
        return None
    parts = []
    for (_, want, left, got), (_, want2, left2, _) in zip(flat.pairs, _pairs(noisy, seen), strict=True):
        if want.value.shape != want2.value.shape:
            return None
        cast = np.complex128 if _complex(want, got) else np.float64
        spread = _strayed(want, want2, cast)
        if left is not want and left.kind in NUMERIC and left.value.shape == want.value.shape:
            spread = np.maximum(spread, _strayed(left, left2, cast))
        parts.append(spread)
    return np.concatenate(parts)


def _strayed(one: Leaf, two: Leaf, cast: type) -> np.ndarray:
    with np.errstate(all="ignore"):
        distance = np.abs(_real(one.value.astype(cast)) - _real(two.value.astype(cast)))
    return np.where(np.isfinite(distance), distance, 0.0)


def _worst(flat: _Flat, scale: _Scale, error: np.ndarray, bound: np.ndarray, bad: np.ndarray) -> Difference:
    """The worst element of the first statement that disagrees: what is wrong later may follow from it."""
    number = bisect_right(flat.starts, int(np.argmax(bad))) - 1
    first, later = flat.pairs[number][0], zip(flat.starts[number:], flat.pairs[number:], strict=True)
    end = next((start for start, pair in later if pair[0] is not first), bad.size)
    bad = bad & (np.arange(bad.size) < end)
    with np.errstate(all="ignore"):
        ratio = np.where(bad, error / np.maximum(bound, np.finfo(float).tiny), -1.0)
    at = int(np.argmax(ratio))
    number = bisect_right(flat.starts, at) - 1
    observation, want, _, leaf = flat.pairs[number]
    part = (at - flat.starts[number]) // (2 if _complex(want, leaf) else 1)
    index = np.unravel_index(part, leaf.value.shape) if leaf.value.ndim else ()
    where = leaf.path + (f"[{', '.join(str(int(i)) for i in index)}]" if index else "")
    with np.errstate(all="ignore"):
        ulp = float(error[at] / scale.ulp[at])
        excess = float(error[at] / bound[at]) if bound[at] else float("inf")
    return Difference(
        observation.line,
        where,
        DIFFERS,
        repr(float(flat.expected[at])),
        repr(float(flat.seen[at])),
        ulp,
        excess,
    )
