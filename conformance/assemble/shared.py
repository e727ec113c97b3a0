"""What is built around optimizers and belongs to no spec of one: their interface, and averages of weights."""

from __future__ import annotations

from typing import Any

from .averaging import averaging_names
from .param_groups import shared_names


def define_shared(reference: Any) -> None:
    """Define all of it in the namespace of a reference."""
    for name, value in {**shared_names(reference), **averaging_names(reference)}.items():
        reference.define(name, value)
