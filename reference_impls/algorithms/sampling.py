"""Reading a tensor at places that are computed, and that may lie outside of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..composites.registry import composite, raw


@composite("read_along", "none")
def read_along(F: Any, input: Any, place: Any) -> Any:
    """What lies along the last dimension at the places of each batch and point; zero outside of the dimension.

    The input is (batch, points or 1, others..., size), ``place`` (batch, points). That holds whole numbers of any
    dtype, and takes no gradient: what depends on it does so in steps.
    """
    place = raw(place)
    place = place.reshape(*place.shape, *[1] * (input.ndim - place.ndim))
    inside = (place >= 0) & (place < input.shape[-1])
    found = F.take_along_dim(input, np.where(inside, place, 0).astype(np.int64), -1)
    return F.squeeze(F.where(inside, found, 0), -1)
