"""Convolution and transposed convolution over any number of spatial dimensions.

Convolution is a contraction of the strided windows of the padded input with the kernel. Transposed
convolution is its adjoint by the input: contributions of every input element, laid out as windows, are folded
together.
Both are written on primitives whose derivatives are each other, so all orders of derivatives follow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..composites.registry import composite


def _per_dimension(value: Any, dims: int, name: str) -> tuple[int, ...]:
    if isinstance(value, Sequence):
        if len(value) == 1:
            return tuple(value) * dims
        if len(value) != dims:
            raise RuntimeError(f"{name} needs {dims} numbers, not {len(value)}")
        return tuple(value)
    return (value,) * dims


def _around(pairs: list[tuple[int, int]]) -> tuple[int, ...]:
    """(before, after) of each dimension in the order of ``pad``: from the last dimension backwards."""
    return tuple(n for pair in reversed(pairs) for n in pair)


def _positive(**numbers: tuple[int, ...]) -> None:
    """Refuses arguments, given by name, that hold zero or a negative number."""
    for name, values in numbers.items():
        if any(n <= 0 for n in values):
            raise RuntimeError(f"{name} is positive, not {values}")


def _check(shape: tuple[int, ...], weight: tuple[int, ...], groups: int, transposed: bool) -> None:
    channels = weight[0] if transposed else weight[1] * groups
    if groups <= 0 or weight[0] % groups:
        raise RuntimeError(f"groups = {groups} does not divide the {weight[0]} channels of the weight")
    if shape[1] != channels:
        raise RuntimeError(f"the weight is made for {channels} input channels, not {shape[1]}")


@composite("convolution")
def convolution(
    F: Any,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    transposed: bool = False,
    output_padding: Any = 0,
) -> Any:
    """``input`` is (batch, channels, sizes...), ``weight`` (out, in / groups, kernel...), or, transposed,
    (in, out / groups, kernel...)."""
    dims = weight.ndim - 2
    if input.ndim != dims + 2:
        raise RuntimeError(f"an input of {dims + 2} dimensions is needed, not {input.ndim}")
    shape, form = tuple(input.shape), tuple(weight.shape)
    _check(shape, form, groups, transposed)
    kernel = form[2:]
    stride = _per_dimension(stride, dims, "stride")
    dilation = _per_dimension(dilation, dims, "dilation")
    _positive(kernel_size=kernel, stride=stride, dilation=dilation)
    if isinstance(padding, str):
        pads = _named_padding(padding, kernel, stride, dilation)
    else:
        pads = [(p, p) for p in _per_dimension(padding, dims, "padding")]
    if any(n < 0 for pair in pads for n in pair):
        raise RuntimeError("padding is not negative")
    if transposed:
        extra = _per_dimension(output_padding, dims, "output_padding")
        out = _transposed(F, input, weight, stride, pads, dilation, groups, extra)
    else:
        out = _forward(F, input, weight, stride, pads, dilation, groups)
    if bias is None:
        return out
    if tuple(bias.shape) != (out.shape[1],):
        raise RuntimeError(f"a bias of {out.shape[1]} numbers is needed, not {tuple(bias.shape)}")
    return out + F.reshape_to(bias, (-1,) + (1,) * dims)


def _named_padding(name: str, kernel: Any, stride: Any, dilation: Any) -> list[tuple[int, int]]:
    """``valid`` pads nothing; ``same`` keeps the size, the odd element going to the right."""
    if name == "valid":
        return [(0, 0)] * len(kernel)
    if name != "same":
        raise RuntimeError(f"padding is 'same', 'valid' or numbers, not {name!r}")
    if any(s != 1 for s in stride):
        raise RuntimeError("padding='same' is for strides of one")
    totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return [(n // 2, n - n // 2) for n in totals]


def _forward(F: Any, input: Any, weight: Any, stride: Any, pads: Any, dilation: Any, groups: int) -> Any:
    dims = len(stride)
    kernel = tuple(weight.shape[2:])
    if any(n for pair in pads for n in pair):
        input = F.pad_constant(input, _around(pads))
    windows = F.unfold_windows(input, kernel=kernel, stride=stride, dilation=dilation)
    batch, channels, counts = windows.shape[0], windows.shape[1], tuple(windows.shape[2 : 2 + dims])
    per_group = channels // groups
    # (batch, groups, in / groups, counts, kernel) -> (groups, batch * counts, in / groups * kernel)
    windows = F.reshape_to(windows, (batch, groups, per_group, *counts, *kernel))
    spatial = tuple(range(3, 3 + dims))
    windows = F.permute_axes(windows, (1, 0, *spatial, 2, *(d + dims for d in spatial)))
    rows, terms = batch * math.prod(counts), per_group * math.prod(kernel)
    columns = F.transpose(F.reshape_to(weight, (groups, weight.shape[0] // groups, terms)), 1, 2)
    out = F.matrix_product(F.reshape_to(windows, (groups, rows, terms)), columns)
    out = F.reshape_to(out, (groups, batch, *counts, out.shape[-1]))
    out = F.permute_axes(out, (1, 0, 2 + dims, *range(2, 2 + dims)))
    return F.reshape_to(out, (batch, weight.shape[0], *counts))


def _transposed(
    F: Any, input: Any, weight: Any, stride: Any, pads: Any, dilation: Any, groups: int, extra: Any
) -> Any:
    dims = len(stride)
    kernel, counts = tuple(weight.shape[2:]), tuple(input.shape[2:])
    batch, channels, out_channels = input.shape[0], input.shape[1], weight.shape[1] * groups
    for n, s, d in zip(extra, stride, dilation, strict=True):
        if n >= max(s, d):
            raise RuntimeError("output_padding is smaller than the stride or the dilation")
    # (groups, batch * counts, in / groups) x (groups, in / groups, out / groups * kernel)
    rows = F.reshape_to(input, (batch, groups, channels // groups, *counts))
    rows = F.permute_axes(rows, (1, 0, *range(3, 3 + dims), 2))
    rows = F.reshape_to(rows, (groups, batch * math.prod(counts), channels // groups))
    columns = F.reshape_to(weight, (groups, channels // groups, weight.shape[1] * math.prod(kernel)))
    windows = F.reshape_to(
        F.matrix_product(rows, columns), (groups, batch, *counts, weight.shape[1], *kernel)
    )
    windows = F.permute_axes(windows, (1, 0, 2 + dims, *range(2, 2 + dims), *range(3 + dims, 3 + 2 * dims)))
    windows = F.reshape_to(windows, (batch, out_channels, *counts, *kernel))
    full = tuple(
        s * (n - 1) + d * (k - 1) + 1 for n, s, d, k in zip(counts, stride, dilation, kernel, strict=True)
    )
    out = F.fold_windows(
        windows, shape=(batch, out_channels, *full), kernel=kernel, stride=stride, dilation=dilation
    )
    cut = [(-before, more - after) for (before, after), more in zip(pads, extra, strict=True)]
    return F.pad_constant(out, _around(cut)) if any(n for pair in cut for n in pair) else out


# Windows as columns -----------------------------------------------------------------------------------------


class _Windows:
    """How windows of one size slide over images of one size."""

    def __init__(self, sizes: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> None:
        dims = len(sizes)
        self.kernel = _per_dimension(kernel_size, dims, "kernel_size")
        self.dilation = _per_dimension(dilation, dims, "dilation")
        self.padding = _per_dimension(padding, dims, "padding")
        self.stride = _per_dimension(stride, dims, "stride")
        _positive(kernel_size=self.kernel, stride=self.stride, dilation=self.dilation)
        if any(p < 0 for p in self.padding):
            raise RuntimeError("padding is not negative")
        self.padded = tuple(n + 2 * p for n, p in zip(sizes, self.padding, strict=True))
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True)]
        self.counts = tuple((n - r) // s + 1 for n, r, s in zip(self.padded, reach, self.stride, strict=True))
        if any(count <= 0 for count in self.counts):
            raise RuntimeError(f"a window of {self.kernel} does not fit into {tuple(sizes)}")

    def around(self, sign: int) -> tuple[int, ...]:
        """What to pad, or with a negative sign to cut."""
        return _around([(sign * p, sign * p) for p in self.padding])

    def options(self) -> dict[str, tuple[int, ...]]:
        return {"kernel": self.kernel, "stride": self.stride, "dilation": self.dilation}


@composite("windows_as_columns")
def windows_as_columns(
    F: Any, input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    """(batch, channels, height, width) to (batch, channels * kernel, windows)."""
    if input.ndim != 4:
        raise RuntimeError(f"images of 4 dimensions are needed, not {input.ndim}")
    batch, channels = input.shape[:2]
    windows = _Windows(input.shape[2:], kernel_size, dilation, padding, stride)
    columns = F.unfold_windows(F.pad_constant(input, windows.around(1)), **windows.options())
    columns = F.permute_axes(columns, (0, 1, 4, 5, 2, 3))
    shape = (batch, channels * math.prod(windows.kernel), math.prod(windows.counts))
    return F.reshape_to(columns, shape)


@composite("columns_as_windows")
def columns_as_windows(
    F: Any,
    input: Any,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Any:
    """The adjoint: (batch, channels * kernel, windows) to (batch, channels, *output_size), or both without batch."""
    if input.ndim not in (2, 3):
        raise RuntimeError(f"columns of 2 or 3 dimensions are needed, not {input.ndim}")
    sizes = _per_dimension(output_size, 2, "output_size")
    windows = _Windows(sizes, kernel_size, dilation, padding, stride)
    *batch, rows, count = input.shape
    channels, rest = divmod(rows, math.prod(windows.kernel))
    if rest or count != math.prod(windows.counts):
        raise RuntimeError(f"{count} columns of {rows} are not {windows.counts} windows of {windows.kernel}")
    columns = F.reshape_to(input, (math.prod(batch), channels, *windows.kernel, *windows.counts))
    columns = F.permute_axes(columns, (0, 1, 4, 5, 2, 3))
    shape = (math.prod(batch), channels, *windows.padded)
    images = F.pad_constant(F.fold_windows(columns, shape=shape, **windows.options()), windows.around(-1))
    return F.reshape_to(images, (*batch, channels, *sizes))
