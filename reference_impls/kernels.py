"""Which implementation of attention is chosen. The reference has one, and takes any choice."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


class SDPBackend(enum.IntEnum):
    """The implementations that torch may have."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextmanager
def sdpa_kernel(backends: SDPBackend | Sequence[SDPBackend], set_priority: bool = False) -> Iterator[None]:
    """In the block only these implementations of attention are used."""
    yield


NAMES: dict[str, Any] = {"SDPBackend": SDPBackend, "sdpa_kernel": sdpa_kernel}
"""The names of ``torch.nn.attention``."""
