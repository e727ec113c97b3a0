"""A NumPy ``torch``: what the definitions of the specs run on, and what judges a backend."""

from __future__ import annotations

from .reference import Reference

__all__ = ["Reference", "vocabulary_names"]


def vocabulary_names() -> frozenset[str]:
    """Every name that a formula may use."""
    from .creation import FORMULA_NAMES
    from .primitives import TABLE
    from .vocabulary import ALIASES, COMPOSITES

    return frozenset(TABLE) | frozenset(COMPOSITES) | frozenset(ALIASES) | frozenset(FORMULA_NAMES)
