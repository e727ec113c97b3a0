"""A NumPy ``torch``: what the definitions of the specs run on, and what judges a backend."""

from __future__ import annotations

from .composites.registry import COMPOSITES
from .creation import FORMULA_NAMES
from .primitives import TABLE
from .reference import Reference
from .vocabulary import ALIASES

__all__ = ["Reference", "vocabulary_names"]


def vocabulary_names() -> frozenset[str]:
    """Every name that a formula may use."""
    return frozenset(TABLE) | frozenset(COMPOSITES) | frozenset(ALIASES) | frozenset(FORMULA_NAMES)
