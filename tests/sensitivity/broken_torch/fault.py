"""A fault of torch itself: what is broken, how, and who must notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """One thing that is broken, under each of the names that a program or torch itself may reach it by."""

    target: str | tuple[str, ...]
    """Dotted names: ``torch.utils.data.Subset.__getitem__``."""
    override: Callable[[Any], Any]
    """From what is there to what is there instead; called for each target."""
    clause: str
    """The clause that fails, as it is shown: ``specs/data/samplers.yaml::sequential``."""

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.target,) if isinstance(self.target, str) else self.target
