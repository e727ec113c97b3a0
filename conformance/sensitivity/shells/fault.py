"""A fault of a class: which method is broken, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Override = Callable[[Callable[..., Any]], Callable[..., Any]]
"""From a method to the faulty one."""

Fault = tuple[str, str, str, Override]
"""Mutator, what it is about, the method that is broken, and how."""
