"""Selecting by index arrays, writing at them, windows; and the adjoints of these, which add up what meets.

Indices are attributes, not tensors: whatever chose them has already decided.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..primitive import Kind, Primitive


def along(index, dim, ndim):
    """The index tuple that takes, along ``dim``, the elements that the array ``index`` names."""
    grids = list(np.ogrid[tuple(slice(n) for n in index.shape)])
    return tuple(index if i == dim else grids[i] for i in range(ndim))


def multiplicity(shape, index):
    """How often the most often named element is named."""
    counts = np.zeros(shape, np.int64)
    np.add.at(counts, index, 1)
    return int(counts.max(initial=0))


def _adjoint(F, g, shape, index):
    put = F.place if multiplicity(shape, index) <= 1 else F.accumulate
    return put(g, shape=shape, index=index)


def _place(input, shape, index):
    out = np.zeros(shape, input.dtype)
    out[index] = input
    return out


def _accumulate(xp, input, shape, index):
    out = np.zeros(shape, input.dtype)
    np.add.at(out, index, xp.addends(input, None, multiplicity(shape, index)))
    return out


def _put(input, source, index):
    out = np.array(input, dtype=object if np.asarray(source).dtype == object else input.dtype)
    out[index] = source
    return out


def _cotangent_of_source(F, g, shape, index):
    """What was written may have more leading dimensions of length one than the place it was written to."""
    g = F.getitem(g, index)
    return F.reshape_to(g, (1,) * (len(shape) - g.ndim) + tuple(g.shape)) if len(shape) > g.ndim else g


def window_counts(sizes, kernel, stride, dilation):
    """How many windows fit along each trailing dimension."""
    return tuple(
        (n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True)
    )


def _windows(input, kernel, stride, dilation):
    dims = len(kernel)
    lead, sizes = input.shape[: input.ndim - dims], input.shape[input.ndim - dims :]
    counts = window_counts(sizes, kernel, stride, dilation)
    if any(n <= 0 for n in counts):
        raise RuntimeError(f"windows of {tuple(kernel)} do not fit into {tuple(sizes)}")
    steps = input.strides[input.ndim - dims :]
    strides = (
        *input.strides[: input.ndim - dims],
        *(step * s for step, s in zip(steps, stride, strict=True)),
        *(step * d for step, d in zip(steps, dilation, strict=True)),
    )
    return np.lib.stride_tricks.as_strided(input, (*lead, *counts, *kernel), strides)


def _fold(xp, input, shape, kernel, stride, dilation):
    dims = len(kernel)
    counts = window_counts(shape[len(shape) - dims :], kernel, stride, dilation)
    values = xp.addends(input, None, math.prod(kernel))
    out = np.zeros(shape, input.dtype)
    for offsets in np.ndindex(*kernel):
        where: tuple[Any, ...] = tuple(
            slice(k * d, k * d + s * (n - 1) + 1, s)
            for k, d, s, n in zip(offsets, dilation, stride, counts, strict=True)
        )
        out[(..., *where)] += values[(..., *offsets)]
    return out


PRIMITIVES = [
    Primitive(
        "index_advanced",
        lambda xp, input, *, index: input[index],
        {"input": lambda F, g, input_shape, index: _adjoint(F, g, input_shape, index)},
        kind=Kind.MOVEMENT,
        dtype="same",
    ),
    Primitive(
        "place",
        # Into zeros; no element is named twice.
        lambda xp, input, *, shape, index: _place(input, shape, index),
        {"input": lambda F, g, index: F.index_advanced(g, index=index)},
        kind=Kind.MOVEMENT,
        dtype="same",
    ),
    Primitive(
        "accumulate",
        lambda xp, input, *, shape, index: _accumulate(xp, input, shape, index),
        {"input": lambda F, g, index: F.index_advanced(g, index=index)},
        kind=Kind.ACCUMULATING,
        dtype="same",
    ),
    Primitive(
        "put_at",
        lambda xp, input, source, *, index: _put(input, source, index),
        {
            "input": lambda F, g, index: F.put_at(g, 0, index=index),
            "source": lambda F, g, source_shape, index: _cotangent_of_source(F, g, source_shape, index),
        },
        kind=Kind.MOVEMENT,
        dtype="same",
    ),
    Primitive(
        "unfold_windows",
        # (..., sizes) to (..., counts, kernel): overlapping windows over the trailing dimensions.
        lambda xp, input, *, kernel, stride, dilation: _windows(input, kernel, stride, dilation),
        {
            "input": lambda F, g, input_shape, kernel, stride, dilation: F.fold_windows(
                g, shape=input_shape, kernel=kernel, stride=stride, dilation=dilation
            )
        },
        kind=Kind.MOVEMENT,
        dtype="same",
        view=True,
    ),
    Primitive(
        "fold_windows",
        lambda xp, input, *, shape, kernel, stride, dilation: _fold(
            xp, input, shape, kernel, stride, dilation
        ),
        {
            "input": lambda F, g, kernel, stride, dilation: F.unfold_windows(
                g, kernel=kernel, stride=stride, dilation=dilation
            )
        },
        kind=Kind.ACCUMULATING,
        dtype="same",
    ),
]
