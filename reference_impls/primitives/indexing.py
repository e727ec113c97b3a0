"""Selecting by index arrays, writing at them, windows; and the adjoints of these, which add up what meets.

Indices are attributes, not tensors: whatever chose them has already decided.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..primitive import Kind, Primitive
from ..structural import memory, storage_offset


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


def _positions(shape, strides, offset):
    """Where in memory the elements of a strided array lie, counted in elements."""
    where = np.full(shape, offset)
    for grid, stride in zip(np.ogrid[tuple(slice(n) for n in shape)], strides, strict=True):
        where += grid * stride
    return where


def _strided(input, size, stride, offset, layout):
    """Any view of the memory that the input is a part of; ``offset`` counts from the input's first element."""
    if (
        tuple(n // input.itemsize for n in input.strides) != layout[1]
    ):  # a cotangent, say, is laid out like it first
        where = _positions(layout[0], layout[1], 0)
        laid_out = np.zeros(where.max(initial=0) + 1, input.dtype)
        laid_out[where] = input
        steps = tuple(n * input.itemsize for n in layout[1])
        input = np.lib.stride_tricks.as_strided(laid_out, layout[0], steps)
    whole, start = memory(input), storage_offset(input) + offset
    last = start + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if start < 0 or (math.prod(size) and last >= whole.size):
        raise RuntimeError(
            f"a view of sizes {size} and strides {stride} leaves memory of {whole.size} elements"
        )
    steps = tuple(step * input.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(whole[start:], size, steps)


def _strided_adjoint(F, g, size, stride, offset, layout):
    """What goes to each place in memory, taken where the input has its elements."""
    read, given = _positions(size, stride, offset), _positions(layout[0], layout[1], 0)
    first = min(read.min(initial=0), given.min(initial=0))
    length = max(read.max(initial=0), given.max(initial=0)) + 1 - first
    held = _adjoint(F, g, (int(length),), (read - first,))
    shared = np.bincount((given - first).ravel(), minlength=int(length))[given - first]
    parts = F.index_advanced(held, index=(given - first,))
    return parts if (shared == 1).all() else parts / F.as_tensor(shared)


PRIMITIVES = [
    Primitive(
        "strided",
        # ``layout`` is the input's own, as sizes and strides: what the cotangent has to know of it.
        lambda xp, input, *, size, stride, offset, layout: _strided(input, size, stride, offset, layout),
        {
            "input": lambda F, g, size, stride, offset, layout: _strided_adjoint(
                F, g, size, stride, offset, layout
            )
        },
        kind=Kind.MOVEMENT,
        dtype="same",
        view=True,
    ),
    Primitive(
        "index_advanced",
        lambda xp, input, *, index: input[index],
        {"input": lambda F, g, input_shape, index: _adjoint(F, g, input_shape, index)},
        linear=True,
        kind=Kind.MOVEMENT,
        dtype="same",
    ),
    Primitive(
        "place",
        # Into zeros; no element is named twice.
        lambda xp, input, *, shape, index: _place(input, shape, index),
        {"input": lambda F, g, index: F.index_advanced(g, index=index)},
        linear=True,
        kind=Kind.MOVEMENT,
        dtype="same",
    ),
    Primitive(
        "accumulate",
        lambda xp, input, *, shape, index: _accumulate(xp, input, shape, index),
        {"input": lambda F, g, index: F.index_advanced(g, index=index)},
        linear=True,
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
        linear=True,
        kind=Kind.ACCUMULATING,
        dtype="same",
    ),
]
