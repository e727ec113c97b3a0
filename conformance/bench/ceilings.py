"""What the machine itself can do: the rates of its own copy and its own matrix product, measured beside the work.

No share of a data sheet: both come from the same backend, device and dtype in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from reference_impls.dtypes import NAMES

from ..backends.contract import Backend

COPIED = 256 * 2**20
"""Bytes of the tensor that is copied: more than caches hold."""
LARGEST = 8192
"""Rows of the largest square matrices that are multiplied."""
ENOUGH = 0.02
"""Seconds after which a product is large enough to show the rate."""
SPENT = 0.3
"""Seconds for repetitions of one measurement, of which the fastest counts."""


@dataclass(frozen=True)
class Ceilings:
    """Bytes a second of a large copy (what is read and what is written), operations a second of a matrix product."""

    bandwidth: float
    peak: float

    def seconds(self, operations: float, moved: float) -> float:
        """The least time that this much work can take: that of its operations or of its bytes, whichever is longer."""
        return max(operations / self.peak, moved / self.bandwidth)


def measure(
    backend: Backend, device: str, dtype: str, copied: int = COPIED, largest: int = LARGEST
) -> Ceilings:
    """The ceilings of a device for a dtype."""
    return Ceilings(bandwidth(backend, device, dtype, copied), peak(backend, device, dtype, largest))


def bandwidth(backend: Backend, device: str, dtype: str, copied: int = COPIED) -> float:
    """Bytes a second of a copy of so many bytes."""
    torch = backend.torch
    options = {"dtype": getattr(torch, dtype), "device": device}
    source = torch.ones(copied // NAMES[dtype].itemsize, **options)
    copy = source.clone if "inplace" in backend.lacks else partial(torch.zeros_like(source).copy_, source)
    return 2 * copied / fastest(copy, backend, device)


def peak(backend: Backend, device: str, dtype: str, largest: int = LARGEST) -> float:
    """Operations a second of a product of square matrices, the best over growing sizes."""
    torch = backend.torch
    best, size = 0.0, 256
    while size <= largest:
        a, b = (torch.ones((size, size), dtype=getattr(torch, dtype), device=device) for _ in range(2))
        seconds = fastest(partial(torch.matmul, a, b), backend, device)
        best = max(best, 2.0 * size**3 / seconds)
        if seconds > ENOUGH:
            break
        size *= 2
    return best


def fastest(work: Callable[[], Any], backend: Backend, device: str) -> float:
    """Seconds of the fastest of some repetitions, after one that does not count."""
    best = float("inf")
    spent = -1.0
    while spent < SPENT:
        start = time.perf_counter()
        work()
        backend.synchronize(device)
        seconds = time.perf_counter() - start
        if spent < 0:  # the first: caches, compilation
            spent = 0.0
            continue
        best = min(best, seconds)
        spent += seconds
    return best
