"""Composites that reduce: means, variances, norms, softmax and its family, extremes with indices, sorting."""

from __future__ import annotations

import math
from collections import namedtuple
from typing import Any

import numpy as np

from ..primitives.reductions import terms
from .registry import composite, is_complex, is_floating, is_tensor, raw, wrap

Extreme: dict[str, Any] = {
    name: namedtuple(name, "values indices")
    for name in ("max", "min", "sort", "topk", "kthvalue", "median", "cummax", "cummin", "mode")
}
"""Results with indices, by the operator's name."""
AMinMax = namedtuple("AMinMax", "min max")


def _need_floating(input, dtype, name):
    if dtype is None and not is_floating(input):
        raise RuntimeError(f"{name} needs a floating or complex dtype, not {input.dtype}")


# Means and moments ----------------------------------------------------------------------------------------


@composite("mean", "none")
def mean(F, input, dim=None, keepdim=False, *, dtype=None):
    _need_floating(input, dtype, "mean")
    n = terms(input.shape, dim)
    return (
        F.sum(input, dim, keepdim, dtype) / n
        if n
        else F.sum(input, dim, keepdim, dtype) / F.zeros_like(input.sum())
    )


@composite("nansum", "none")
def nansum(F, input, dim=None, keepdim=False, *, dtype=None):
    return F.sum(F.where(F.isnan(input), 0, input), dim, keepdim, dtype)


@composite("nanmean", "none")
def nanmean(F, input, dim=None, keepdim=False, *, dtype=None):
    return F.nansum(input, dim, keepdim, dtype=dtype) / F.sum(F.logical_not(F.isnan(input)), dim, keepdim)


def _variance(F, input, dim, unbiased, keepdim, correction):
    """The sum of squared distances from the mean over n - correction (at least zero); and the mean, kept."""
    _need_floating(input, None, "var")
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    average = F.mean(input, dim, True)
    total = F.sum(F.squared_modulus(input - average), dim, keepdim)
    count = max(terms(input.shape, dim) - correction, 0)
    return (total / count if count else total / F.zeros_like(total)), average


def _with_mean(F, spread, average):
    return spread, F.reshape_to(average, tuple(spread.shape))


@composite("squared_modulus", "none")
def squared_modulus(F, input):
    return F.real(input * F.conj(input)) if is_complex(input) else input * input


@composite("var", "none")
def var(F, input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    return _variance(F, input, dim, unbiased, keepdim, correction)[0]


@composite("std", "none")
def std(F, input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    return F.root_or_zero(_variance(F, input, dim, unbiased, keepdim, correction)[0])


@composite("var_mean", "none")
def var_mean(F, input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    return _with_mean(F, *_variance(F, input, dim, unbiased, keepdim, correction))


@composite("std_mean", "none")
def std_mean(F, input, dim=None, unbiased=None, keepdim=False, *, correction=None):
    variance, average = _variance(F, input, dim, unbiased, keepdim, correction)
    return _with_mean(F, F.root_or_zero(variance), average)


@composite("cov", "none")
def cov(F, input, *, correction=1):
    """Of variables in rows and observations in columns."""
    rows = F.reshape_to(input, (1, -1)) if input.ndim < 2 else input
    centred = rows - F.mean(rows, 1, True)
    out = F.matmul(centred, F.conj(F.transpose(centred, 0, 1))) / max(rows.shape[1] - correction, 0)
    return F.squeeze(out) if input.ndim < 2 else out


# Losses ---------------------------------------------------------------------------------------------------


@composite("reduced", "none")
def reduced(F, loss, reduction, divisor=None):
    """A loss as ``reduction`` says: every element ("none"), their "sum", or that over ``divisor`` ("mean").

    The divisor is the number of elements where none is given.
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction = {reduction!r} is none of 'none', 'mean', 'sum'")
    if reduction == "none":
        return loss
    if reduction == "mean" and divisor is None:
        return F.mean(loss)
    return F.sum(loss) if reduction == "sum" else F.sum(loss) / divisor


# Products -------------------------------------------------------------------------------------------------


@composite("prod", "none")
def prod(F, input, dim=None, keepdim=False, *, dtype=None):
    if dim is None:
        return F.prod_along(F.ravel(input), 0, dtype)
    dim = wrap(dim, input.ndim)
    out = F.prod_along(input, dim, dtype)
    return F.unsqueeze(out, dim) if keepdim and input.ndim else out


@composite("cumprod", "none")
def cumprod(F, input, dim, *, dtype=None):
    """Each prefix as a product of its own, so that zeros are right at every order."""
    if not input.ndim:
        return F.prod_along(input, 0, dtype)
    dim = wrap(dim, input.ndim)
    prefixes = np.tri(input.shape[dim], dtype=bool)
    rows = F.where(prefixes, F.unsqueeze(F.movedim(input, dim, -1), -2), 1)
    return F.movedim(F.prod_along(rows, -1, dtype), -1, dim)


# Exponentials ---------------------------------------------------------------------------------------------


def _largest(F, input, dim):
    """The largest element, kept and without gradient; zero where it is infinite (inf - inf is nan)."""
    top = F.amax(F.real(input).detach(), dim, True)
    finite = F.isfinite(top)
    return top if finite.array.all() else F.where(finite, top, 0)


@composite("logsumexp", "float")
def logsumexp(F, input, dim, keepdim=False):
    top = _largest(F, input * 1.0 if not is_floating(input) else input, dim)
    out = F.log(F.sum(F.exp(input - top), dim, keepdim))
    return out + (top if keepdim else F.reshape_to(top, tuple(out.shape)))


@composite("softmax", "none")
def softmax(F, input, dim=None, *, dtype=None):
    weights, total = _exponentials(F, input, dim, dtype, "softmax")
    return weights / total


@composite("softmin", "none")
def softmin(F, input, dim=None, *, dtype=None):
    return F.softmax(F.neg(input), dim, dtype=dtype)


def _exponentials(F, input, dim, dtype, name):
    input = input if dtype is None else F.cast(input, dtype)
    _need_floating(input, None, name)
    if raw(input).size == 0:
        return input, 1
    weights = F.exp(input - F.amax(input.detach(), dim, True))
    return weights, F.sum(weights, dim, True)


@composite("log_softmax", "none")
def log_softmax(F, input, dim=None, *, dtype=None):
    input = input if dtype is None else F.cast(input, dtype)
    _need_floating(input, None, "log_softmax")
    if raw(input).size == 0:
        return input
    shifted = input - F.amax(input.detach(), dim, True)
    # As a difference of logarithms: the logarithm of the quotient would lose what underflows in it.
    return shifted - F.log(F.sum(F.exp(shifted), dim, True))


@composite("logcumsumexp", "float")
def logcumsumexp(F, input, dim):
    if not input.ndim:
        return input * 1.0
    prefixes = np.tri(input.shape[dim], dtype=bool)
    rows = F.where(prefixes, F.unsqueeze(F.movedim(input, dim, -1), -2), -math.inf)
    return F.movedim(F.logsumexp(rows, -1), -1, dim)


# Norms ----------------------------------------------------------------------------------------------------


@composite("vector_norm", "none")
def vector_norm(F, input, ord=2, dim=None, keepdim=False, *, dtype=None):
    """The p-norm of magnitudes; where it is zero its subgradient of least norm is zero."""
    input = input if dtype is None else F.cast(input, dtype)
    _need_floating(input, None, "a norm")
    if ord == 2:
        return F.root_or_zero(F.sum(F.squared_modulus(input), dim, keepdim))
    size = F.abs(input)
    if ord == 1:
        return F.sum(size, dim, keepdim)
    if ord in (math.inf, -math.inf):
        if raw(input).size == 0 and ord > 0 and terms(input.shape, dim) == 0:
            return F.sum(size, dim, keepdim)
        return (F.amax if ord > 0 else F.amin)(size, dim, keepdim)
    if ord == 0:
        return F.sum(F.where(F.isnan(size), 1, F.sign(size)), dim, keepdim)
    zero = F.eq(size, 0)
    powers = F.where(zero, 0.0 if ord > 0 else math.inf, F.pow(F.where(zero, 1, size), ord))
    total = F.sum(powers, dim, keepdim)
    nothing = F.logical_or(F.eq(total, 0), F.eq(total, math.inf))
    return F.where(nothing, F.pow(total.detach(), 1 / ord), F.pow(F.where(nothing, 1, total), 1 / ord))


@composite("norm", "none")
def norm(F, input, p="fro", dim=None, keepdim=False, dtype=None):
    return F.vector_norm(input, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


@composite("dist", "none")
def dist(F, input, other, p=2):
    return F.vector_norm(input - other, p)


# Extremes, orders -----------------------------------------------------------------------------------------


def _pick(F, input, indices, dim, keepdim):
    """Values at kept indices; indices and values without the dimension unless it is to be kept."""
    values = F.gather(input, dim, indices)
    return (
        (values, indices) if keepdim or not input.ndim else (F.squeeze(values, dim), F.squeeze(indices, dim))
    )


def _extreme(F, input, dim, keepdim, other, name):
    if is_tensor(dim) or other is not None:
        return (F.maximum if name == "max" else F.minimum)(input, dim if other is None else other)
    if dim is None:
        return (F.amax if name == "max" else F.amin)(input)
    dim = wrap(dim, input.ndim)
    if input.ndim and input.shape[dim] == 0:
        raise IndexError("an empty dimension has no largest or smallest element")
    indices = (F.argmax if name == "max" else F.argmin)(input, dim, True)
    return Extreme[name](*_pick(F, input, indices, dim, keepdim))


@composite("max", "none")
def max_(F, input, dim=None, keepdim=False, *, other=None):
    return _extreme(F, input, dim, keepdim, other, "max")


@composite("min", "none")
def min_(F, input, dim=None, keepdim=False, *, other=None):
    return _extreme(F, input, dim, keepdim, other, "min")


@composite("aminmax", "none")
def aminmax(F, input, *, dim=None, keepdim=False):
    return AMinMax(F.amin(input, dim, keepdim), F.amax(input, dim, keepdim))


@composite("sort", "none")
def sort(F, input, dim=-1, descending=False, stable=False):
    indices = F.argsort(input, dim, descending)
    return Extreme["sort"](F.gather(input, dim, indices), indices)


@composite("msort", "none")
def msort(F, input):
    return F.sort(input, 0)[0]


@composite("topk", "none")
def topk(F, input, k, dim=-1, largest=True, sorted=True):
    if not 0 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError(f"k = {k} is out of range for dimension {dim} of {tuple(input.shape)}")
    indices = F.argsort(input, dim, largest)
    indices = F.narrow(indices, dim, 0, k) if input.ndim else indices
    return Extreme["topk"](F.gather(input, dim, indices), indices)


@composite("kthvalue", "none")
def kthvalue(F, input, k, dim=-1, keepdim=False):
    if not 1 <= k <= (input.shape[dim] if input.ndim else 1):
        raise RuntimeError(f"k = {k} is out of range for dimension {dim} of {tuple(input.shape)}")
    indices = F.argsort(input, dim)
    indices = F.narrow(indices, dim, k - 1, 1) if input.ndim else indices
    return Extreme["kthvalue"](*_pick(F, input, indices, dim, keepdim))


@composite("median", "none")
def median(F, input, dim=None, keepdim=False):
    """The lower of two medians; a nan anywhere is the median."""
    if dim is None:
        return F.median(F.reshape_to(input, (-1,)), 0)[0]
    dim = wrap(dim, input.ndim)
    n = input.shape[dim] if input.ndim else 1
    indices = F.argsort(input, dim)
    if input.ndim:
        missing = F.isnan(input)
        middle = F.narrow(indices, dim, (n - 1) // 2, 1)
        indices = F.where(F.any(missing, dim, True), F.argmax(missing, dim, True), middle)
    return Extreme["median"](*_pick(F, input, indices, dim, keepdim))


@composite("cummax", "none")
def cummax(F, input, dim):
    indices = F.running_argmax(input, dim) if input.ndim else F.argmax(input)
    return Extreme["cummax"](F.gather(input, dim, indices), indices)


@composite("cummin", "none")
def cummin(F, input, dim):
    indices = F.running_argmin(input, dim) if input.ndim else F.argmin(input)
    return Extreme["cummin"](F.gather(input, dim, indices), indices)


@composite("diff", "none")
def diff(F, input, n=1, dim=-1):
    for _ in range(n):
        size = input.shape[dim]
        if size == 0:
            return input
        input = F.narrow(input, dim, 1, size - 1) - F.narrow(input, dim, 0, size - 1)
    return input


@composite("trace", "none")
def trace(F, input):
    return F.sum(F.diagonal(input))


@composite("bucketize", "none")
def bucketize(F, input, boundaries, *, right=False):
    return F.searchsorted(boundaries, input, right)


@composite("nonzero", "none")
def nonzero(F, input, *, as_tuple=False):
    table = F.nonzero_table(input)
    return F.unbind(table, 1) if as_tuple else table


@composite("argwhere", "none")
def argwhere(F, input):
    return F.nonzero_table(input)


@composite("bincount", "none")
def bincount(F, input, weights=None, minlength=0):
    length = max(int(raw(input).max(initial=-1)) + 1, minlength)
    source = F.ones_like(input) if weights is None else weights
    return F.accumulate(source, shape=(length,), index=(raw(input),))
