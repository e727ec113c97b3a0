"""Mutants of the primitives: a value or a derivative that is scaled or missing, a wrong rule at a tie or a kink.

Only primitives that the clauses really use are broken, which their unbroken run tells.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from reference_impls.primitive import Kind, Primitive
from reference_impls.primitives import TABLE

from .mutant import Mutant
from .mutators import SCALE

AREA = "primitives"


def rule_mutants(used: Collection[str]) -> Iterator[Mutant]:
    """Mutants of the primitives in ``used``, which names them (``log``) and their derivatives (``log.input``)."""
    for name, primitive in TABLE.items():
        if name not in used:
            continue
        if primitive.kind in (Kind.ARITHMETIC, Kind.ACCUMULATING):
            yield _mutant(name, "scaled value", "", _with_forward(primitive, _scaled_array), {name})
        for input, formula in primitive.vjp.items():
            rule = f"{name}.{input}"
            if rule in used and name not in CONSTANT:
                for mutator, fault in {"scaled gradient": _scaled, "zero gradient": _zero}.items():
                    broken = replace(primitive, vjp={**primitive.vjp, input: _after(formula, fault)})
                    yield _mutant(name, mutator, input, broken, {rule})
        for mutator, change in KINKS.get(name, {}).items():
            yield _mutant(name, mutator, "", change(primitive), {name})


def _mutant(name: str, mutator: str, what: str, broken: Primitive, reach: Collection[str]) -> Mutant:
    return Mutant(AREA, f"primitive {name}", mutator, what, primitives={name: broken}, reach=frozenset(reach))


def _after(formula: Callable[..., Any], fault: Callable[[Any], Any]) -> Callable[..., Any]:
    """A derivative formula whose cotangent passes through a fault; it saves what the right one does."""

    @functools.wraps(formula)
    def faulty(*args: Any) -> Any:
        cotangent = formula(*args)
        return [fault(part) for part in cotangent] if isinstance(cotangent, list) else fault(cotangent)

    return faulty


def _scaled(cotangent: Any) -> Any:
    return cotangent * SCALE


def _zero(cotangent: Any) -> Any:
    return cotangent._ref.ops.zeros_like(cotangent)


def _with_forward(primitive: Primitive, fault: Callable[..., Any]) -> Primitive:
    """A primitive whose result passes through ``fault(result, *arrays)``."""
    right = primitive.forward

    @functools.wraps(right)
    def forward(xp: Any, *arrays: Any, **attributes: Any) -> Any:
        return fault(right(xp, *arrays, **attributes), *arrays, **attributes)

    return replace(primitive, forward=forward)


def _scaled_array(result: Any, *arrays: Any, **attributes: Any) -> Any:
    array = np.asarray(result)
    return array * SCALE if array.dtype.kind in "fc" else result


CONSTANT = frozenset({"sign", "floor", "ceil", "trunc", "rint", "floor_divide", "truncated_quotient"})
"""Step functions: their derivative is zero already."""


# Ties and kinks


def _one_at_zero(result: Any, input: Any) -> Any:
    return np.where(np.asarray(input) == 0, np.ones_like(result), result)


def _first_of_ties(result: Any, input: Any, extreme: Any, dim: Any = None) -> Any:
    """All to the first element that ties, in the order of memory."""
    flat = np.asarray(result).reshape(-1) if dim is None else None
    if flat is not None:
        only = np.zeros_like(flat)
        if flat.any():
            only[np.argmax(flat != 0)] = 1.0
        return only.reshape(np.shape(result))
    axis = dim if isinstance(dim, int) else tuple(dim)[-1]
    tied = result != 0
    return np.where(tied & (np.cumsum(tied, axis=axis) == 1), 1.0, 0.0)


def _whole_to_each(result: Any, *arrays: Any, **attributes: Any) -> Any:
    return np.where(np.asarray(result) != 0, 1.0, 0.0)


def _to_the_first(primitive: Primitive) -> Primitive:
    """Of two equal operands the first takes the whole cotangent."""
    largest = primitive.name == "maximum"

    def first(F: Any, g: Any, input: Any, other: Any) -> Any:
        return F.weigh(g, F.logical_or(F.eq(input, other), F.share(input, other, largest=largest)) * 1.0)

    def second(F: Any, g: Any, input: Any, other: Any) -> Any:
        share = F.share(other, input, largest=largest)
        return F.weigh(g, F.where(F.eq(input, other), 0.0, share))

    return replace(primitive, vjp={"input": first, "other": second})


def _slope_of_one(primitive: Primitive) -> Primitive:
    def derivative(F: Any, g: Any, input: Any) -> Any:
        return g * F.where(F.eq(input, 0), 1.0, F.sign(input))

    return replace(primitive, vjp={"input": derivative})


def _last_of_ties(primitive: Primitive) -> Primitive:
    """The index of the last of the extreme elements."""
    right = primitive.forward

    @functools.wraps(right)
    def forward(xp: Any, input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
        if np.ndim(input) == 0:
            return right(xp, input, dim=dim, keepdim=keepdim)
        axes = None if dim is None else dim
        size = np.size(input) if dim is None else np.shape(input)[dim]
        return size - 1 - np.asarray(right(xp, np.flip(input, axes), dim=dim, keepdim=keepdim))

    return replace(primitive, forward=forward)


def _forward(fault: Callable[..., Any]) -> Callable[[Primitive], Primitive]:
    return lambda primitive: _with_forward(primitive, fault)


KINKS: dict[str, dict[str, Callable[[Primitive], Primitive]]] = {
    "sign": {"sign of zero is one": _forward(_one_at_zero)},
    "magnitude": {"slope at zero is one": _slope_of_one},
    "even_share": {
        "ties: all to the first": _forward(_first_of_ties),
        "ties: the whole to each": _forward(_whole_to_each),
    },
    "share": {"ties: the whole to each": _forward(_whole_to_each)},
    "maximum": {"ties: all to the first": _to_the_first},
    "minimum": {"ties: all to the first": _to_the_first},
    "argmax": {"ties: the last index": _last_of_ties},
    "argmin": {"ties: the last index": _last_of_ties},
    "le": {"false for equals": _forward(lambda result, input, other: result & (input != other))},
    "ge": {"false for equals": _forward(lambda result, input, other: result & (input != other))},
    "lt": {"true for equals": _forward(lambda result, input, other: result | (input == other))},
    "gt": {"true for equals": _forward(lambda result, input, other: result | (input == other))},
}
"""Wrong rules by primitive."""
