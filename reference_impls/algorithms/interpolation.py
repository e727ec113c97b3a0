"""Resizing along one dimension: each output element is a weighted mean of input elements.

The weights form a matrix that depends on the sizes alone, so a resize of several dimensions is one product of
matrices after the other, and every derivative follows. Which input elements an output element lies between is decided
with rational numbers, never by a rounding; how far it is from each of them is computed as any number is.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from ..composites.registry import composite

HALF = Fraction(1, 2)
NEAREST = {"nearest": Fraction(0), "nearest-exact": HALF}
"""Which point of an output element says what is nearest to it: its beginning, or its centre."""
REACH = {"linear": 1, "bilinear": 1, "trilinear": 1, "bicubic": 2, "lanczos": 3}
"""How far, in elements, a kernel reaches to each side."""
OPENCV, PILLOW = -0.75, -0.5
"""The slope at one of cubic convolution: without antialiasing that of OpenCV, with it that of Pillow."""


def cubic(distance: Any, lobe: int, a: float) -> Any:
    """Cubic convolution at a distance below one (lobe 0) or between one and two (lobe 1).

    https://en.wikipedia.org/wiki/Bicubic_interpolation
    """
    if lobe == 0:
        return ((a + 2) * distance - (a + 3)) * distance * distance + 1
    return ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a


@composite("interpolation_taps", "none")
def interpolation_taps(F: Any, t: Any, mode: str) -> dict[int, Any]:
    """The weights of the elements around a point that lies ``t``, from 0 to 1, beyond one of them, by their place
    relative to that one."""
    if mode == "nearest":
        return {0: 1 + 0 * t}
    if REACH[mode] == 1:
        return {0: 1 - t, 1: t}
    return {
        -1: cubic(t + 1, 1, OPENCV),
        0: cubic(t, 0, OPENCV),
        1: cubic(1 - t, 0, OPENCV),
        2: cubic(2 - t, 1, OPENCV),
    }


def interpolating(F: Any, n: int, m: int, step: Fraction, mode: str, align_corners: bool) -> Any:
    """The matrix of weights; beyond the ends, the first or the last element goes on for ever."""
    if align_corners:
        # The centres of the corner elements are aligned: m - 1 steps for n - 1 elements.
        step = Fraction(n - 1, max(m - 1, 1))
    start = Fraction(0) if align_corners else HALF
    places = [(i + start) * step - start for i in range(m)]
    below = np.array([math.floor(place) for place in places])
    t = F.as_tensor(np.arange(m) + float(start)) * float(step) - float(start) - below
    rows: Any = 0
    for tap, weight in F.interpolation_taps(t, mode).items():
        hit = np.clip(below + tap, 0, n - 1)[:, None] == np.arange(n)
        rows = rows + F.where(hit, F.unsqueeze(weight, 1), 0)
    return rows


def antialiasing(F: Any, n: int, m: int, step: Fraction, mode: str) -> Any:
    """The matrix of weights of a kernel that is as wide as a step where that is more than one element.

    Each row sums to one, as in Pillow.
    """
    width = max(step, Fraction(1))
    exact = [[abs(j + HALF - (i + HALF) * step) / width for j in range(n)] for i in range(m)]
    lobe = np.array([[math.floor(distance) for distance in row] for row in exact])
    centres = F.as_tensor(np.arange(m) + 0.5) * float(step)
    distance = F.abs(np.arange(n) + 0.5 - F.unsqueeze(centres, 1)) / float(width)
    rows: Any = 0
    for i in range(REACH[mode]):
        if mode == "lanczos":
            weight = F.sinc(distance) * F.sinc(distance / 3)
        else:
            weight = cubic(distance, i, PILLOW) if REACH[mode] == 2 else 1 - distance
        rows = rows + F.where(lobe == i, weight, 0)
    return rows / F.sum(rows, 1, True)


def averaging(n: int, m: int) -> np.ndarray:
    """The matrix of weights of the mean over the elements that an output element touches."""
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
        nearest = [min(math.floor((i + NEAREST[mode]) * step), n - 1) for i in range(length)]
        return F.index_select(input, dim, np.array(nearest))
    if mode == "area":
        weights = F.as_tensor(averaging(n, length))
    elif antialias:
        weights = antialiasing(F, n, length, step, mode)
    else:
        weights = interpolating(F, n, length, step, mode, bool(align_corners))
    last = F.movedim(input, dim, -1)
    return F.movedim(F.matmul(last, F.transpose(weights, 0, 1)), -1, dim)
