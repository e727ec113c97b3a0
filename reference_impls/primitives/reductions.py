"""Reductions along dimensions: sums, products, extremes.

``dim`` is None (all dimensions), a number or a sequence of numbers; an empty sequence means all, as in torch.
"""

from __future__ import annotations

import math

import numpy as np

from ..primitive import Kind, Primitive


def axes(dim, ndim):
    """``dim`` as a tuple of non-negative axes, or None for all of them."""
    if dim is None:
        return None
    dims = (dim,) if isinstance(dim, (int, np.integer)) else tuple(dim)
    if not dims:
        return None
    bound = max(ndim, 1)
    for d in dims:
        if not -bound <= d < bound:
            raise IndexError(f"dimension {d} is out of range for a tensor of {ndim} dimensions")
    unique = {d % bound for d in dims}
    if len(unique) < len(dims):
        raise RuntimeError(f"a dimension appears twice in {dims}")
    return tuple(sorted(unique)) if ndim else None


def every(dim, ndim):
    """``dim`` as a tuple of non-negative axes: all of them for None."""
    reduced = axes(dim, ndim)
    return tuple(range(ndim)) if reduced is None else reduced


def kept_shape(shape, dim):
    """The shape of the result of a reduction that keeps its dimensions."""
    reduced = axes(dim, len(shape))
    return tuple(1 if reduced is None or i in reduced else n for i, n in enumerate(shape))


def terms(shape, dim):
    """How many elements go into each element of the result."""
    reduced = axes(dim, len(shape))
    return math.prod(shape if reduced is None else (shape[i] for i in reduced))


def restore(F, reduced, shape, dim, keepdim):
    """A reduced tensor, broadcast back to the shape that was reduced."""
    if not keepdim:
        reduced = F.reshape_to(reduced, kept_shape(shape, dim))
    return F.expand_to(reduced, shape)


def _extreme(function, input, dim, keepdim):
    if input.size == 0:
        for d in axes(dim, input.ndim) or range(input.ndim):
            if input.shape[d] == 0:
                error = RuntimeError if dim is None else IndexError
                raise error("an empty dimension has no largest or smallest element")
    return function(input, axis=axes(dim, input.ndim), keepdims=keepdim)


def _extreme_vjp(F, g, input, result, dim, keepdim):
    """Ties share the cotangent evenly."""
    shape = tuple(input.shape)
    share = F.even_share(input, restore(F, result, shape, dim, keepdim), dim=dim)
    return F.weigh(restore(F, g, shape, dim, keepdim), share)


def _even_share(xp, input, extreme, dim):
    missing = xp.logical_and(xp.not_equal(input, input), xp.not_equal(extreme, extreme))
    ties = xp.logical_or(xp.equal(input, extreme), missing)
    return xp.divide(ties, np.count_nonzero(ties, axis=axes(dim, input.ndim), keepdims=True))


def _prod_of_others(xp, input, dim):
    """For each element along ``dim``, the product of all the others: prefix times suffix, so no division."""
    if not input.ndim:
        return np.ones_like(input)
    rows = np.moveaxis(input, dim, 0)
    one = np.ones_like(rows[:1])
    before = xp.cumprod(np.concatenate([one, rows[:-1]]), axis=0)
    after = np.flip(xp.cumprod(np.concatenate([one, np.flip(rows[1:], 0)]), axis=0), 0)
    return np.moveaxis(xp.multiply(before, after), 0, dim)


def _prod_of_others_vjp(F, g, input, dim):
    """Row i is the input without element i; the products of others in it are second derivatives."""
    if not input.ndim:
        return F.zeros_like(g)
    itself = np.eye(input.shape[dim], dtype=bool)
    rows = F.where(itself, 1, F.unsqueeze(F.movedim(input, dim, -1), -2))
    pairs = F.where(itself, 0, F.prod_of_others(rows, dim=-1))
    cotangent = F.sum(F.unsqueeze(F.movedim(g, dim, -1), -1) * F.conj(pairs), -2)
    return F.movedim(cotangent, -1, dim)


PRIMITIVES = [
    Primitive(
        "sum",
        lambda xp, input, *, dim=None, keepdim=False, dtype=None: xp.sum(
            xp.addends(input, every(dim, input.ndim)), axis=axes(dim, input.ndim), keepdims=keepdim
        ),
        {"input": lambda F, g, input_shape, dim, keepdim: restore(F, g, input_shape, dim, keepdim)},
        linear=True,
        kind=Kind.ACCUMULATING,
        dtype="sum",
    ),
    Primitive(
        "sum_to",
        # The adjoint of broadcasting from ``shape``.
        lambda xp, input, *, shape: _sum_to(xp, input, shape),
        {"input": lambda F, g, input_shape: F.expand_to(g, input_shape)},
        linear=True,
        kind=Kind.ACCUMULATING,
        dtype="same",
    ),
    Primitive(
        "cumsum",
        lambda xp, input, *, dim, dtype=None: (
            xp.cumsum(xp.addends(input, axes(dim, input.ndim)), axis=dim) if input.ndim else input
        ),
        {"input": lambda F, g, dim: F.flip_axes(F.cumsum(F.flip_axes(g, dim), dim), dim) if g.ndim else g},
        linear=True,
        kind=Kind.ACCUMULATING,
        dtype="sum",
    ),
    Primitive(
        "prod_along",
        # One rounding a factor, n of them: their spread already grows with the root of n.
        lambda xp, input, *, dim, dtype=None: (
            xp.prod(xp.addends(input, None), axis=dim) if input.ndim else input
        ),
        {
            "input": lambda F, g, input, input_shape, dim: (
                restore(F, g, input_shape, dim, False) * F.conj(F.prod_of_others(input, dim=dim))
            )
        },
        kind=Kind.ACCUMULATING,
        dtype="sum",
    ),
    Primitive(
        "prod_of_others",
        lambda xp, input, *, dim: _prod_of_others(xp, xp.addends(input, None), dim),
        {"input": _prod_of_others_vjp},
        kind=Kind.ACCUMULATING,
        dtype="same",
    ),
    Primitive(
        "amax",
        lambda xp, input, *, dim=None, keepdim=False: _extreme(xp.amax, input, dim, keepdim),
        {"input": _extreme_vjp},
        kind=Kind.MOVEMENT,
        dtype="same",
    ),
    Primitive(
        "amin",
        lambda xp, input, *, dim=None, keepdim=False: _extreme(xp.amin, input, dim, keepdim),
        {"input": _extreme_vjp},
        kind=Kind.MOVEMENT,
        dtype="same",
    ),
    Primitive(
        "even_share",
        lambda xp, input, extreme, *, dim=None: _even_share(xp, input, extreme, dim),
        kind=Kind.DECISION,
        dtype="float",
    ),
]


def _sum_to(xp, input, shape):
    lead = input.ndim - len(shape)
    axis = tuple(range(lead)) + tuple(
        lead + i for i, n in enumerate(shape) if n == 1 and input.shape[lead + i] != 1
    )
    if not axis:
        return input
    return xp.sum(xp.addends(input, axis), axis=axis, keepdims=True).reshape(shape)
