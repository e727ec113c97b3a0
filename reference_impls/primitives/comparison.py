"""Discrete outcomes: comparisons, logic, rounding, choices and orders. Noisy copies replay those of the base.

Those with a floating result are differentiable with derivative zero, as the step functions they are.
"""

from __future__ import annotations

import numpy as np

from ..primitive import Kind, Primitive


def _decision(name, forward, dtype="bool", vjp=None):
    return Primitive(name, forward, vjp or {}, kind=Kind.DECISION, dtype=dtype)


def _step(name, forward, dtype="same"):
    """A piecewise constant function of one number."""
    return _decision(name, forward, dtype, {"input": lambda F, g: F.zeros_like(g)})


def _share(xp, input, other, largest):
    """How much of the cotangent of max(input, other) goes to ``input``: all, none, or half at a tie.

    A nan is returned whichever operand it came from, and takes the cotangent with it.
    """
    wins = xp.greater(input, other) if largest else xp.less(input, other)
    wins = xp.logical_or(wins, xp.not_equal(input, input))
    return np.where(xp.equal(input, other), 0.5, wins * 1.0)


def _order(xp, input, dim, descending):
    """Indices that sort along ``dim``, stably, with nan as the largest number."""
    if np.ndim(input) == 0:
        return np.zeros((), np.int64)
    if not descending:
        return xp.argsort(input, axis=dim, kind="stable")
    flipped = xp.argsort(np.flip(input, dim), axis=dim, kind="stable")
    return input.shape[dim] - 1 - np.flip(flipped, dim)


def _inexact(*arrays):
    return any(np.asarray(a).dtype.kind in "fcO" for a in arrays)


def _truncated(input, other):
    """Integer division towards zero."""
    quotient = np.floor_divide(np.abs(input), np.abs(other))
    return np.where(np.sign(input) * np.sign(other) < 0, -quotient, quotient)


def _extreme(function, input, dim, keepdim):
    if dim is None:
        return function(input, axis=None, keepdims=keepdim)
    return function(input, axis=dim, keepdims=keepdim) if input.ndim else np.zeros((), np.int64)


def _running(xp, input, dim, largest):
    """For each position along ``dim``: the index of the last extreme value so far (a nan stays extreme)."""
    rows = np.moveaxis(input, dim, 0)
    best = np.zeros(rows.shape, np.int64)
    value = np.array(rows[:1])[0] if len(rows) else None
    for i in range(1, len(rows)):
        better = xp.greater_equal(rows[i], value) if largest else xp.less_equal(rows[i], value)
        better = np.where(xp.not_equal(value, value), xp.not_equal(rows[i], rows[i]), better)
        better = np.logical_or(better, xp.not_equal(rows[i], rows[i])).astype(bool)
        best[i] = np.where(better, i, best[i - 1])
        value = np.where(better, rows[i], value)
    return np.moveaxis(best, 0, dim)


PRIMITIVES = [
    # Comparisons
    _decision("eq", lambda xp, input, other: xp.equal(input, other)),
    _decision("ne", lambda xp, input, other: xp.not_equal(input, other)),
    _decision("lt", lambda xp, input, other: xp.less(input, other)),
    _decision("le", lambda xp, input, other: xp.less_equal(input, other)),
    _decision("gt", lambda xp, input, other: xp.greater(input, other)),
    _decision("ge", lambda xp, input, other: xp.greater_equal(input, other)),
    _decision("isnan", lambda xp, input: xp.isnan(input)),
    _decision("isinf", lambda xp, input: xp.isinf(input)),
    _decision("isfinite", lambda xp, input: xp.isfinite(input)),
    _decision(
        "signbit", lambda xp, input: xp.signbit(input) if input.dtype.kind != "b" else np.zeros_like(input)
    ),
    # Logic and bits
    _decision("logical_not", lambda xp, input: xp.equal(input, 0)),
    _decision(
        "logical_and", lambda xp, input, other: xp.logical_and(xp.not_equal(input, 0), xp.not_equal(other, 0))
    ),
    _decision(
        "logical_or", lambda xp, input, other: xp.logical_or(xp.not_equal(input, 0), xp.not_equal(other, 0))
    ),
    _decision(
        "logical_xor", lambda xp, input, other: xp.logical_xor(xp.not_equal(input, 0), xp.not_equal(other, 0))
    ),
    _decision("bitwise_not", lambda xp, input: np.invert(input), "same"),
    _decision("bitwise_and", lambda xp, input, other: np.bitwise_and(input, other), "promote"),
    _decision("bitwise_or", lambda xp, input, other: np.bitwise_or(input, other), "promote"),
    _decision("bitwise_xor", lambda xp, input, other: np.bitwise_xor(input, other), "promote"),
    _decision("bitwise_left_shift", lambda xp, input, other: np.left_shift(input, other), "promote"),
    _decision("bitwise_right_shift", lambda xp, input, other: np.right_shift(input, other), "promote"),
    # Step functions
    _step("sign", lambda xp, input: xp.sign(input) if input.dtype.kind != "b" else input),
    _step("floor", lambda xp, input: xp.floor(input)),
    _step("ceil", lambda xp, input: xp.ceil(input)),
    _step("trunc", lambda xp, input: xp.trunc(input)),
    _step("rint", lambda xp, input: xp.rint(input) if input.dtype.kind not in "iub" else input),
    _decision(
        "floor_divide",
        lambda xp, input, other: xp.floor_divide(input, other),
        "promote",
        {"input": lambda F, g: F.zeros_like(g), "other": lambda F, g: F.zeros_like(g)},
    ),
    _decision(
        "truncated_quotient",
        lambda xp, input, other: (
            xp.trunc(xp.divide(input, other)) if _inexact(input, other) else _truncated(input, other)
        ),
        "promote",
        {"input": lambda F, g: F.zeros_like(g), "other": lambda F, g: F.zeros_like(g)},
    ),
    # Choices and orders
    _decision("share", lambda xp, input, other, *, largest: _share(xp, input, other, largest), "float"),
    _decision(
        "argmax",
        lambda xp, input, *, dim=None, keepdim=False: _extreme(xp.argmax, input, dim, keepdim),
        "int64",
    ),
    _decision(
        "argmin",
        lambda xp, input, *, dim=None, keepdim=False: _extreme(xp.argmin, input, dim, keepdim),
        "int64",
    ),
    _decision(
        "argsort",
        lambda xp, input, *, dim=-1, descending=False, stable=True: _order(xp, input, dim, descending),
        "int64",
    ),
    _decision("running_argmax", lambda xp, input, *, dim: _running(xp, input, dim, largest=True), "int64"),
    _decision("running_argmin", lambda xp, input, *, dim: _running(xp, input, dim, largest=False), "int64"),
    _decision(
        "searchsorted",
        lambda xp, sorted_sequence, input, *, right=False: np.searchsorted(
            sorted_sequence, input, side="right" if right else "left"
        ),
        "int64",
    ),
    # Reductions of bools
    _decision(
        "any",
        lambda xp, input, *, dim=None, keepdim=False: np.any(
            xp.not_equal(input, 0), axis=dim, keepdims=keepdim
        ),
    ),
    _decision(
        "all",
        lambda xp, input, *, dim=None, keepdim=False: np.all(
            xp.not_equal(input, 0), axis=dim, keepdims=keepdim
        ),
    ),
    _decision(
        "count_nonzero",
        lambda xp, input, *, dim=None: np.count_nonzero(xp.not_equal(input, 0), axis=dim),
        "int64",
    ),
    _decision("nonzero_table", lambda xp, input: np.argwhere(xp.not_equal(input, 0)), "int64"),
]
