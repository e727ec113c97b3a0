"""Resizing along one dimension: each output element is a weighted mean of input elements.

The weights form a matrix that depends on the sizes alone, so a resize of several dimensions is one product of
matrices after the other, and every derivative follows. Where an output element lies between the input elements
is a rational number, and is computed as one: no rounding decides which neighbour is the nearest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from ..composites.registry import composite


def triangle(x: float) -> float:
    """The kernel of linear interpolation."""
    return max(1.0 - abs(x), 0.0)


def cubic(x: float, a: float) -> float:
    """Cubic convolution with the slope ``a`` at one: https://en.wikipedia.org/wiki/Bicubic_interpolation."""
    x = abs(x)
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def lanczos(x: float) -> float:
    """A sinc under the central lobe of a sinc three times as wide."""
    return float(np.sinc(x) * np.sinc(x / 3)) if abs(x) < 3 else 0.0


def interpolating(x: float) -> float:
    """The cubic of OpenCV, which interpolation without antialiasing uses."""
    return cubic(x, -0.75)


def smoothing(x: float) -> float:
    """The cubic of Pillow, which interpolation with antialiasing uses."""
    return cubic(x, -0.5)


KERNELS: dict[str, Callable[[float], float]] = dict.fromkeys(("linear", "bilinear", "trilinear"), triangle)
"""The kernels of modes that agree with and without antialiasing."""
NEAREST = {"nearest": Fraction(0), "nearest-exact": Fraction(1, 2)}
"""Which point of an output element decides what is nearest to it: its beginning, or its centre."""


def nearest(n: int, m: int, step: Fraction, point: Fraction) -> list[int]:
    """The input element that each output element lies in."""
    return [min(math.floor((i + point) * step), n - 1) for i in range(m)]


def interpolation(
    n: int, m: int, step: Fraction, align_corners: bool, kernel: Callable[[float], float]
) -> np.ndarray:
    """Rows of weights; beyond the ends, the first or the last element goes on for ever."""
    weights = np.zeros((m, n))
    for i in range(m):
        # With the centres of the corner elements aligned there are m - 1 steps for n - 1 elements.
        at = Fraction((n - 1) * i, max(m - 1, 1)) if align_corners else (i + Fraction(1, 2)) * step - Fraction(1, 2)
        for j in range(math.floor(at) - 1, math.floor(at) + 3):
            weights[i, min(max(j, 0), n - 1)] += kernel(float(at - j))
    return weights


def antialiased(n: int, m: int, step: Fraction, kernel: Callable[[float], float]) -> np.ndarray:
    """Rows of weights of a kernel that is as wide as a step, if that is more than one element; each sums to one."""
    width = max(step, Fraction(1))
    centres = [(i + Fraction(1, 2)) * step for i in range(m)]
    weights = np.array([[kernel(float((j + Fraction(1, 2) - c) / width)) for j in range(n)] for c in centres])
    return weights / weights.sum(axis=1, keepdims=True)


def areas(n: int, m: int) -> np.ndarray:
    """Rows of weights of the mean over the elements that an output element touches."""
    weights = np.zeros((m, n))
    for i in range(m):
        touched = slice(i * n // m, -(-(i + 1) * n // m))
        weights[i, touched] = 1 / (touched.stop - touched.start)
    return weights


@composite("resize", "none")
def resize(
    F: Any,
    input: Any,
    dim: int,
    length: int,
    scale: float | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    antialias: bool = False,
) -> Any:
    """One dimension in another length; ``scale`` says how many output elements an input element has, where that
    is not the ratio of the lengths."""
    n = input.shape[dim]
    if n <= 0 or length <= 0:
        raise RuntimeError(f"a resize from {n} to {length} elements")
    step = Fraction(n, length) if scale is None else 1 / Fraction(scale)
    if mode in NEAREST:
        return F.index_select(input, dim, np.array(nearest(n, length, step, NEAREST[mode])))
    if mode == "area":
        weights = areas(n, length)
    elif antialias:
        kernels = {**KERNELS, "bicubic": smoothing, "lanczos": lanczos}
        weights = antialiased(n, length, step, kernels[mode])
    else:
        kernels = {**KERNELS, "bicubic": interpolating}
        weights = interpolation(n, length, step, bool(align_corners), kernels[mode])
    last = F.movedim(input, dim, -1)
    return F.movedim(F.matmul(last, weights.T), -1, dim)
