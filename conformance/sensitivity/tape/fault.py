"""What a fault of the tape is: attributes of its classes replaced, or names of the assembled reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impls import Reference

from ..mutant import Patch

Change = Callable[[Any], Any]
"""Makes the faulty function of the right one."""
Rebound = tuple[str, Callable[[Reference, Any], Any]]
"""A dotted name of the namespace, and what makes the faulty function of the reference and the right one."""
Fault = tuple[Patch, ...] | Rebound


def instead(owner: object, name: str, faulty: Callable[..., Any]) -> Patch:
    """An attribute replaced whatever the right one does."""
    return owner, name, lambda right: faulty


def with_options(**fixed: Any) -> Change:
    """A function that is deaf to some of its keyword arguments."""

    def fault(right: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **options: right(*args, **{**options, **fixed})

    return fault


def rebind(reference: Reference, rebound: Rebound) -> None:
    """Replaces a name of the namespace of one reference."""
    dotted, change = rebound
    right: Any = reference.torch
    for part in dotted.split(".")[1:]:
        right = getattr(right, part)
    reference.define(dotted, change(reference, right))
