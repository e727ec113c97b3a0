"""Composites of numerical analysis and statistics: quadrature, quantiles, matrix functions, blocks."""

from __future__ import annotations

import math

import numpy as np

from .reductions import Extreme
from .registry import composite, raw, sizes, wrap

# Quadrature and statistics ----------------------------------------------------------------------------------


def _panels(F, y, x, dx, dim):
    """The area under each piece of a broken line; ``x`` gives places, or ``dx`` their distance."""
    n = y.shape[dim]
    heights = F.narrow(y, dim, 1, n - 1) + F.narrow(y, dim, 0, n - 1)
    if x is None:
        return heights * (dx / 2)
    if x.ndim == 1 and y.ndim > 1:
        x = F.reshape_to(x, tuple(-1 if i == wrap(dim, y.ndim) else 1 for i in range(y.ndim)))
    return heights * F.diff(x, dim=dim) / 2


@composite("trapezoid", "none")
def trapezoid(F, y, x=None, *, dx=1.0, dim=-1):
    return F.sum(_panels(F, y, x, dx, dim), dim)


@composite("cumulative_trapezoid", "none")
def cumulative_trapezoid(F, y, x=None, *, dx=1.0, dim=-1):
    return F.cumsum(_panels(F, y, x, dx, dim), dim)


@composite("quantile", "none")
def quantile(F, input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """At the place q (n - 1) of the sorted elements, between its neighbours as ``interpolation`` says."""
    q = F.as_tensor(q)
    if raw(q).size and not ((raw(q) >= 0) & (raw(q) <= 1)).all():
        raise RuntimeError("quantiles are between 0 and 1")
    rows = F.ravel(input) if dim is None else F.movedim(input, dim, -1)
    ordered, n = F.sort(rows)[0], rows.shape[-1]
    if n == 0:
        raise RuntimeError("quantile of nothing")
    place = F.ravel(q) * (n - 1)
    floor = F.floor(place)
    low, high = (F.to_numpy(near).astype(np.int64) for near in (floor, F.ceil(place)))
    weight = place - floor
    if interpolation != "linear":
        steps = {"lower": 0.0, "higher": 1.0, "midpoint": 0.5}
        step = steps.get(interpolation)
        weight = F.rint(place) - floor if step is None else F.where(F.gt(weight, 0), step, 0.0)
    picked = [F.index_advanced(ordered, index=(Ellipsis, i)) for i in (low, high)]
    out = F.lerp(picked[0], picked[1], F.cast(weight, input.dtype))
    out = F.where(F.any(F.isnan(rows), -1, True), math.nan, out)
    if keepdim:
        shape = [1] * input.ndim if dim is None else list(input.shape)
        if dim is not None:
            shape[dim] = 1
        out = F.reshape_to(F.movedim(out, -1, 0), (-1, *shape))
    else:
        out = F.movedim(out, -1, 0)
    return out if q.ndim else F.squeeze(out, 0)


@composite("nanmedian", "none")
def nanmedian(F, input, dim=None, keepdim=False):
    """The lower median of what is not nan."""
    if dim is None:
        return F.nanmedian(F.ravel(input), 0)[0]
    order = F.argsort(input, dim)
    if not input.ndim:
        return Extreme["median"](input, order)
    count = (~raw(F.isnan(input))).sum(dim, keepdims=True)
    indices = F.gather(order, dim, np.maximum(count - 1, 0) // 2)
    values = F.gather(input, dim, indices)
    if not keepdim:
        values, indices = F.squeeze(values, dim), F.squeeze(indices, dim)
    return Extreme["median"](values, indices)


@composite("isin", "bool")
def isin(F, elements, test_elements, *, assume_unique=False, invert=False):
    found = F.any(F.eq(F.unsqueeze(F.as_tensor(elements), -1), F.ravel(F.as_tensor(test_elements))), -1)
    return F.logical_not(found) if invert else found


@composite("corrcoef", "none")
def corrcoef(F, input):
    covariance = F.cov(input)
    if not covariance.ndim:
        return covariance / covariance
    deviation = F.sqrt(F.diagonal(covariance))
    return covariance / F.unsqueeze(deviation, 1) / F.unsqueeze(deviation, 0)


# Functions of matrices --------------------------------------------------------------------------------------


@composite("matrix_exp", "same")
def matrix_exp(F, input):
    """The exponential series of a matrix halved until it is small, squared as often."""
    n, bits = input.shape[-1], getattr(F.reference.arithmetic, "bits", 53)
    size = np.abs(F.to_numpy(input)).sum(-1).max(initial=0)
    halvings = max(int(math.frexp(size)[1]) + 1, 0) if math.isfinite(size) else 0
    scaled = input * 0.5**halvings
    out = term = F.cast(np.broadcast_to(np.eye(n), tuple(input.shape)), input.dtype)
    k, left = 0, 1.0
    while left > 2.0 ** (-bits - 8):
        k, left = k + 1, left * 0.5 / (k + 1)
        term = F.matmul(term, scaled) / k
        out = out + term
    for _ in range(halvings):
        out = F.matmul(out, out)
    return out


@composite("multi_dot")
def multi_dot(F, tensors):
    out = tensors[0]
    for factor in tensors[1:]:
        out = F.matmul(out, factor)
    return out


@composite("chain_matmul")
def chain_matmul(F, *matrices):
    return F.multi_dot(matrices)


@composite("matrix_norm", "none")
def matrix_norm(F, A, ord="fro", dim=(-2, -1), keepdim=False, *, dtype=None):
    """Frobenius, and the largest or smallest sum of magnitudes of a column (1) or a row (inf)."""
    if ord == "fro":
        return F.vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if ord not in (1, -1, math.inf, -math.inf):
        raise NotImplementedError(f"no matrix norm {ord!r}: it needs singular values")
    rows, columns = (wrap(d, A.ndim) for d in dim)
    inner, outer = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = F.sum(F.abs(A), inner, True)
    out = (F.amax if ord > 0 else F.amin)(sums, outer, True)
    return out if keepdim else F.squeeze(out, dim)


@composite("vander", "none")
def vander(F, x, N=None):
    return F.pow(F.unsqueeze(x, -1), np.arange(x.shape[-1] if N is None else N))


# Blocks and products of sets --------------------------------------------------------------------------------


@composite("block_diag", "none")
def block_diag(F, *tensors):
    blocks = [F.atleast_2d(t) for t in tensors]
    width, before, rows = sum(b.shape[1] for b in blocks), 0, []
    for block in blocks:
        after = width - before - block.shape[1]
        rows.append(F.pad_constant(block, (before, after)))
        before += block.shape[1]
    return F.cat(rows, 0)


@composite("cartesian_prod", "none")
def cartesian_prod(F, *tensors):
    grids = F.meshgrid(*tensors, indexing="ij")
    return F.stack([F.ravel(g) for g in grids], -1) if len(grids) > 1 else grids[0]


def _split_along(name, choose):
    def split(F, input, indices_or_sections):
        dim = choose(input.ndim)
        parts = indices_or_sections
        if isinstance(parts, int) and input.shape[dim] % parts:
            raise RuntimeError(f"{name} needs a number of sections that divides {input.shape[dim]}")
        return F.tensor_split(input, parts, dim)

    composite(name, "none")(split)


_split_along("hsplit", lambda ndim: 0 if ndim == 1 else 1)
_split_along("vsplit", lambda ndim: 0)
_split_along("dsplit", lambda ndim: 2)


@composite("narrow_copy", "none")
def narrow_copy(F, input, dim, start, length):
    return F.clone(F.narrow(input, dim, start, length))


@composite("tril_indices", "none")
def tril_indices(F, row, col, offset=0):
    return F.as_tensor(np.stack(np.tril_indices(row, offset, col)))


@composite("triu_indices", "none")
def triu_indices(F, row, col, offset=0):
    return F.as_tensor(np.stack(np.triu_indices(row, offset, col)))


@composite("broadcast_shapes", "none")
def broadcast_shapes(F, *shapes):
    try:
        return np.broadcast_shapes(*(sizes((s,)) for s in shapes))
    except ValueError as error:
        raise RuntimeError(str(error)) from None


@composite("resolve_conj", "none")
def resolve_conj(F, input):
    return input


@composite("resolve_neg", "none")
def resolve_neg(F, input):
    return input
