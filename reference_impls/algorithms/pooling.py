"""Pooling: a reduction over the windows of trailing dimensions, in any number of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..composites.registry import composite
from ..primitives.indexing import window_counts
from .convolution import _around, _per_dimension


def _pads(
    sizes: tuple[int, ...], kernel: tuple, stride: tuple, padding: tuple, dilation: tuple, ceil_mode: bool
) -> list[tuple[int, int]]:
    """What to add before and after each dimension; in ceil mode a last, incomplete window may need more."""
    pads = []
    for n, k, s, p, d in zip(sizes, kernel, stride, padding, dilation, strict=True):
        if not 0 <= p <= ((k - 1) * d + 1) // 2:
            raise RuntimeError("padding is at most half of the kernel")
        reach = d * (k - 1) + 1
        count = (n + 2 * p - reach) // s + 1
        if ceil_mode:
            ceiled = -(-(n + 2 * p - reach) // s) + 1
            # A window that would begin in the padding on the right is left out.
            count = ceiled - 1 if (ceiled - 1) * s >= n + p else ceiled
        if count <= 0:
            raise RuntimeError(f"a kernel of {kernel} does not fit into {sizes}")
        pads.append((p, max((count - 1) * s + reach - n - p, p)))
    return pads


def _windows(
    F: Any, input: Any, pads: list, kernel: tuple, stride: tuple, dilation: tuple, fill: float
) -> Any:
    """(..., counts..., elements of a window)."""
    if any(n for pair in pads for n in pair):
        input = F.pad_constant(input, _around(pads), fill)
    windows = F.unfold_windows(input, kernel=kernel, stride=stride, dilation=dilation)
    return F.flatten(windows, windows.ndim - len(kernel))


def _geometry(input: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, dims: int) -> tuple:
    if input.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(f"pooling over {dims} dimensions needs {dims + 1} or {dims + 2} of them")
    kernel = _per_dimension(kernel, dims, "kernel_size")
    stride = kernel if stride is None or stride == [] else _per_dimension(stride, dims, "stride")
    if any(n <= 0 for n in (*kernel, *stride)):
        raise RuntimeError("kernel and stride are positive")
    sizes = tuple(input.shape[input.ndim - dims :])
    return (
        kernel,
        stride,
        _per_dimension(padding, dims, "padding"),
        _per_dimension(dilation, dims, "dilation"),
        sizes,
    )


@composite("avg_pool", "none")
def avg_pool(
    F: Any,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    dims: int,
) -> Any:
    """Sums of windows over how many elements they have: with the padding, without it, or as told."""
    kernel, stride, padding, one, sizes = _geometry(input, kernel_size, stride, padding, 1, dims)
    pads = _pads(sizes, kernel, stride, padding, one, ceil_mode)
    total = F.sum(_windows(F, input, pads, kernel, stride, one, 0.0), -1)
    if divisor_override is not None:
        if divisor_override == 0:
            raise RuntimeError("divisor_override is not zero")
        return total / divisor_override
    # Elements that only ceil mode added count in no case.
    counted = np.zeros([n + sum(pair) for n, pair in zip(sizes, pads, strict=True)])
    extra = padding if count_include_pad else (0,) * dims
    counted[tuple(slice(b - e, b + n + e) for (b, _), n, e in zip(pads, sizes, extra, strict=True))] = 1
    counts = np.lib.stride_tricks.sliding_window_view(counted, kernel)[
        tuple(slice(None, None, s) for s in stride)
    ]
    return total / counts.sum(tuple(range(dims, 2 * dims)))


@composite("max_pool", "none")
def max_pool(
    F: Any,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    dims: int,
) -> Any:
    """The first largest element of each window, which alone gets the gradient, and its place in the input."""
    kernel, stride, padding, dilation, sizes = _geometry(input, kernel_size, stride, padding, dilation, dims)
    pads = _pads(sizes, kernel, stride, padding, dilation, ceil_mode)
    windows = _windows(F, input, pads, kernel, stride, dilation, -math.inf)
    chosen = F.argmax(windows, -1, True)
    result = F.squeeze(F.gather(windows, -1, chosen), -1)
    if not return_indices:
        return result
    taps = np.unravel_index(np.squeeze(chosen.array, -1), kernel)
    starts = np.indices(
        window_counts([n + sum(p) for n, p in zip(sizes, pads, strict=True)], kernel, stride, dilation)
    )
    place = [
        start * s + tap * d - before
        for start, s, tap, d, (before, _) in zip(starts, stride, taps, dilation, pads, strict=True)
    ]
    return result, F.as_tensor(np.ravel_multi_index(place, sizes))


def _adaptive(F: Any, input: Any, output_size: Any, dims: int, reduce: Callable[[Any, tuple], Any]) -> Any:
    """One reduction for each element of the output, over the region from floor(i n/m) to ceil((i+1) n/m)."""
    wanted = _per_dimension(output_size, dims, "output_size")
    sizes = tuple(input.shape[input.ndim - dims :])
    wanted = tuple(n if m is None else m for m, n in zip(wanted, sizes, strict=True))
    trailing = tuple(range(-dims, 0))
    parts = []
    for place in np.ndindex(*wanted):
        region = tuple(
            slice(i * n // m, -(-(i + 1) * n // m)) for i, n, m in zip(place, sizes, wanted, strict=True)
        )
        parts.append(reduce(F.slice(input, index=(Ellipsis, *region)), trailing))
    shape = (*input.shape[: input.ndim - dims], *wanted)
    return F.reshape_to(F.stack(parts, -1), shape) if parts else F.zeros(shape)


@composite("adaptive_avg_pool", "none")
def adaptive_avg_pool(F: Any, input: Any, output_size: Any, *, dims: int) -> Any:
    return _adaptive(F, input, output_size, dims, lambda region, over: F.mean(region, over))


@composite("adaptive_max_pool", "none")
def adaptive_max_pool(F: Any, input: Any, output_size: Any, *, dims: int) -> Any:
    return _adaptive(F, input, output_size, dims, lambda region, over: F.max(F.flatten(region, -dims), -1)[0])


@composite("lp_pool", "none")
def lp_pool(
    F: Any,
    input: Any,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
    *,
    dims: int,
) -> Any:
    """The p-norm of each window, without absolute values: as documented, the root of the sum of x**p."""
    kernel, stride, padding, one, sizes = _geometry(input, kernel_size, stride, 0, 1, dims)
    pads = _pads(sizes, kernel, stride, padding, one, ceil_mode)
    total = F.sum(F.pow(_windows(F, input, pads, kernel, stride, one, 0.0), norm_type), -1)
    zero = F.eq(total, 0)
    return F.where(zero, 0, F.pow(F.where(zero, 1, total), 1 / norm_type))
