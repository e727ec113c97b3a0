"""What is built around optimizers and belongs to no spec of one: their interface, averages, composed schedulers."""

from __future__ import annotations

from typing import Any

from .averaging import averaging_names
from .compositions import composition_names
from .param_groups import shared_names


def define_shared(reference: Any) -> None:
    """Define all of it in the namespace of a reference."""
    for names in (shared_names, averaging_names, composition_names):
        for name, value in names(reference).items():
            reference.define(name, value)
