"""Reading a tensor at places that are computed, and that may lie outside of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..composites.registry import composite, raw


@composite("read_along", "none")
def read_along(F: Any, input: Any, places: Any) -> Any:
    """What lies along the last dimension at several places for each batch and point; zero outside of the dimension.

    The input is (batch, points or 1, taps, others..., size), ``places`` (batch, points, further taps); the result is
    (batch, points, all taps, others...). Places are whole numbers of any dtype, and take no gradient: what depends
    on them does so in steps.
    """
    places = raw(places)
    places = np.expand_dims(places, (2, *range(4, input.ndim + 1)))
    inside = (places >= 0) & (places < input.shape[-1])
    found = F.take_along_dim(F.unsqueeze(input, 3), np.where(inside, places, 0).astype(np.int64), -1)
    return F.flatten(F.squeeze(F.where(inside, found, 0), -1), 2, 3)
