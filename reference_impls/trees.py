"""Nested tuples, lists and dicts, and the tensors in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def leaves(tree: Any) -> Iterator[Any]:
    """The leaves of nested tuples, lists and dicts, in order."""
    if isinstance(tree, dict):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, (tuple, list)):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree


def rebuild(tree: Any, values: Iterator[Any]) -> Any:
    """A tree of the same form with other leaves."""
    if isinstance(tree, dict):
        return {key: rebuild(value, values) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        items = [rebuild(value, values) for value in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    return next(values)


def form(tree: Any) -> Any:
    """What two trees of the same form have in common."""
    return rebuild(tree, iter([None] * sum(1 for _ in leaves(tree))))


def spread(prefix: Any, tree: Any) -> list[Any]:
    """One value for each leaf of a tree, from one for all or a tree of them; ValueError if the forms differ."""
    if prefix is None or not isinstance(prefix, (tuple, list, dict)):
        return [prefix] * sum(1 for _ in leaves(tree))
    if isinstance(prefix, dict):
        fits = isinstance(tree, dict) and prefix.keys() == tree.keys()
        pairs = [(prefix[key], tree[key]) for key in tree] if fits else []
    else:
        fits = isinstance(tree, type(prefix)) and len(prefix) == len(tree)
        pairs = list(zip(prefix, tree, strict=True)) if fits else []
    if not fits:
        raise ValueError(f"the structure {prefix!r} does not fit that of the values")
    return [value for part, branch in pairs for value in spread(part, branch)]
