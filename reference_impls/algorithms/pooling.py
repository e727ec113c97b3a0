"""Pooling: windows over the trailing dimensions of an input, in any number of them.

What is taken over a window (a sum, a mean, a maximum, a norm) stands in the specs. Here is which elements lie in
it: ``..._windows`` gives (..., windows..., elements of a window), ``..._places`` where in the input each element
came from, counted through the pooled dimensions, with -1 for what is padding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..composites.registry import composite, raw
from .convolution import _around, _per_dimension, _positive

PADDING = -1
"""The place of an element that is not in the input."""


def _spread(sizes: Any, dims: int) -> tuple[int, ...]:
    """The sizes of the pooled dimensions of an input with channels, and with or without a batch."""
    if len(sizes) not in (dims + 1, dims + 2):
        raise RuntimeError(f"pooling over {dims} dimensions needs an input with {dims + 1} or {dims + 2}")
    return tuple(sizes[len(sizes) - dims :])


class _Windows:
    """Windows of one size that slide over a padded input."""

    def __init__(
        self,
        shape: Any,
        dims: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        ceil_mode: bool,
    ) -> None:
        self.sizes = _spread(shape, dims)
        self.kernel = _per_dimension(kernel_size, dims, "kernel_size")
        default = stride is None or stride == []
        self.stride = self.kernel if default else _per_dimension(stride, dims, "stride")
        self.padding = _per_dimension(padding, dims, "padding")
        self.dilation = _per_dimension(dilation, dims, "dilation")
        _positive(kernel_size=self.kernel, stride=self.stride, dilation=self.dilation)
        if any(p < 0 or 2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise RuntimeError("padding is not negative, and at most half of the kernel")
        self.around = [self._around(d, ceil_mode) for d in range(dims)]

    def _around(self, d: int, ceil_mode: bool) -> tuple[int, int]:
        """What to add before and after a dimension; in ceil mode a last, incomplete window may need more."""
        n, s, p = self.sizes[d], self.stride[d], self.padding[d]
        reach = self.dilation[d] * (self.kernel[d] - 1) + 1
        spare = n + 2 * p - reach
        count = (-(-spare // s) if ceil_mode else spare // s) + 1
        if ceil_mode and (count - 1) * s >= n + p:
            count -= 1  # a window that would begin in the padding on the right is left out
        if count <= 0:
            raise RuntimeError(f"a kernel of {self.kernel} does not fit into {self.sizes}")
        return p, max((count - 1) * s + reach - n - p, p)

    def of(self, F: Any, input: Any, fill: float) -> Any:
        if any(n for pair in self.around for n in pair):
            input = F.pad_constant(input, _around(self.around), fill)
        windows = F.unfold_windows(input, kernel=self.kernel, stride=self.stride, dilation=self.dilation)
        return F.flatten(windows, windows.ndim - len(self.kernel))


@composite("pool_windows", "none")
def pool_windows(
    F: Any,
    input: Any,
    dims: int,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    fill: float = 0.0,
) -> Any:
    """The windows of a pooling; ``fill`` stands for what is not in the input."""
    return _Windows(input.shape, dims, kernel_size, stride, padding, dilation, ceil_mode).of(F, input, fill)


@composite("pool_places", "none")
def pool_places(
    F: Any,
    input: Any,
    dims: int,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Any:
    """Where each element of each window lies in the input."""
    windows = _Windows(input.shape, dims, kernel_size, stride, padding, dilation, ceil_mode)
    places = np.arange(math.prod(windows.sizes)).reshape(windows.sizes)
    return windows.of(F, F.as_tensor(places), PADDING)


@composite("pool_counts", "none")
def pool_counts(
    F: Any,
    input: Any,
    dims: int,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """How many elements each window has, with the padding or without; what only ceil mode adds never counts."""
    windows = _Windows(input.shape, dims, kernel_size, stride, padding, 1, ceil_mode)
    extra = windows.padding if count_include_pad else (0,) * dims
    counted = np.zeros(
        [n + before + after for n, (before, after) in zip(windows.sizes, windows.around, strict=True)]
    )
    inner = zip(windows.around, windows.sizes, extra, strict=True)
    counted[tuple(slice(before - e, before + n + e) for (before, _), n, e in inner)] = 1
    windows.around = [(0, 0)] * dims
    return F.sum(windows.of(F, F.as_tensor(counted), 0.0), -1)


# Adaptive: as many windows as are asked for, of sizes that may differ ---------------------------------------


def _regions(sizes: Sequence[int], output_size: Any) -> np.ndarray:
    """The places of each region, -1 after the end of the shorter ones.

    Region i of m over n elements goes from floor(i n / m) to ceil((i + 1) n / m), so neighbours may share an element:
    https://mindspore.cn/docs/en/master/api_python/nn/mindspore.nn.AdaptiveAvgPool2d.html
    """
    dims = len(sizes)
    wanted = _per_dimension(output_size, dims, "output_size")
    counts = tuple(n if m is None else m for m, n in zip(wanted, sizes, strict=True))
    if any(m < 0 for m in counts):
        raise RuntimeError("output_size is not negative")
    if 0 in sizes:
        raise RuntimeError("there is nothing to pool")
    places: np.ndarray = np.zeros((1,) * 2 * dims, np.int64)
    inside: np.ndarray = np.ones((1,) * 2 * dims, bool)
    for d, (n, m) in enumerate(zip(sizes, counts, strict=True)):
        first = np.arange(m) * n // max(m, 1)
        end = -(-(np.arange(m) + 1) * n // max(m, 1))
        along = first[:, None] + np.arange((end - first).max(initial=1))
        shape = [1] * 2 * dims
        shape[d], shape[dims + d] = along.shape
        inside = inside & (along < end[:, None]).reshape(shape)
        places = places * n + along.reshape(shape)
    return np.where(inside, places, PADDING).reshape(*counts, math.prod(places.shape[dims:]))


@composite("adaptive_windows", "none")
def adaptive_windows(F: Any, input: Any, dims: int, output_size: Any, fill: float = 0.0) -> Any:
    """The regions that divide the input into ``output_size`` parts; ``fill`` follows the shorter ones."""
    places = _regions(_spread(input.shape, dims), output_size)
    windows = F.index_advanced(F.flatten(input, -dims), index=(Ellipsis, places))
    return windows if (places != PADDING).all() else F.where(places == PADDING, fill, windows)


@composite("adaptive_places", "none")
def adaptive_places(F: Any, input: Any, dims: int, output_size: Any) -> Any:
    """Where each element of each region lies in the input."""
    return F.as_tensor(_regions(_spread(input.shape, dims), output_size))


@composite("adaptive_counts", "none")
def adaptive_counts(F: Any, input: Any, dims: int, output_size: Any) -> Any:
    """How many elements each region has."""
    return F.as_tensor((_regions(_spread(input.shape, dims), output_size) != PADDING).sum(-1))


# What is taken over them, and undone again ------------------------------------------------------------------


@composite("largest_and_place", "none")
def largest_and_place(F: Any, windows: Any, places: Any) -> tuple[Any, Any]:
    """The first largest element of each window, which alone gets the gradient, and its place.

    What is not in the input is never chosen, not even among elements that are all -inf.
    """
    places = np.broadcast_to(raw(places), tuple(windows.shape))
    real = places != PADDING
    largest = raw(F.argmax(windows, -1, True))
    chosen = np.where(np.take_along_axis(real, largest, -1), largest, real.argmax(-1)[..., None])
    place = np.maximum(np.take_along_axis(places, chosen, -1), 0)  # a window of nothing but padding has none
    return F.squeeze(F.gather(windows, -1, chosen), -1), F.as_tensor(place.squeeze(-1))


@composite("max_unpool", "none")
def max_unpool(
    F: Any,
    input: Any,
    indices: Any,
    dims: int,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Sequence[int] | None = None,
) -> Any:
    """Zeros with each element at its place."""
    counts = _spread(input.shape, dims)
    if tuple(indices.shape) != tuple(input.shape):
        raise RuntimeError("there is one index for each element")
    kernel = _per_dimension(kernel_size, dims, "kernel_size")
    stride = kernel if stride is None else _per_dimension(stride, dims, "stride")
    padding = _per_dimension(padding, dims, "padding")
    sizes = tuple((n - 1) * s - 2 * p + k for n, s, p, k in zip(counts, stride, padding, kernel, strict=True))
    if output_size is not None:
        wanted = tuple(output_size)[2 * (len(output_size) == dims + 2) :]
        if len(wanted) != dims:
            raise ValueError(f"output_size needs {dims} or {dims + 2} numbers, not {len(output_size)}")
        if any(not n - s < m < n + s for m, n, s in zip(wanted, sizes, stride, strict=True)):
            raise ValueError(f"an output of {wanted} is not what was pooled: about {sizes} was")
        sizes = wanted
    index, count = raw(indices), math.prod(sizes)
    if index.size and (index.min() < 0 or index.max() >= count):
        raise RuntimeError(f"an index lies outside of an output of {sizes}")
    lead = tuple(input.shape[: input.ndim - dims])
    rows = index.reshape(*lead, math.prod(counts))
    grids = np.ogrid[tuple(slice(n) for n in rows.shape)][:-1]
    flat = F.put_at(
        F.zeros((*lead, count), dtype=input.dtype),
        F.flatten(input, -dims),
        index=(*grids, rows),
    )
    return F.reshape_to(flat, (*lead, *sizes))
