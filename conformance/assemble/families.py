"""Families of the reference: its function of one tensor, applied to each tensor of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from reference_impls import Reference

if TYPE_CHECKING:
    from ..spec import FamilySpec


def list_functions(spec: FamilySpec, reference: Reference) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions of a family by name: for each of them the one that returns and the one that writes."""
    for name, _ in spec.members():
        if not name.endswith("_"):
            yield spec.form(name, in_place=False), _returning(name, reference)
        yield spec.form(name, in_place=True), _writing(name, reference)


def _returning(name: str, reference: Reference) -> Callable[..., Any]:
    def apply(tensors: Any) -> list[Any]:
        # Looked up when it is called: the specs may have defined it by then.
        return [getattr(reference.torch, name)(tensor) for tensor in checked(tensors, reference)]

    return apply


def _writing(name: str, reference: Reference) -> Callable[..., Any]:
    method = name.removesuffix("_") + "_"

    def apply_(tensors: Any) -> None:
        for tensor in checked(tensors, reference):
            getattr(tensor, method)()

    return apply_


def checked(tensors: Any, reference: Reference) -> Any:
    """The argument, where it is a list of tensors."""
    if not isinstance(tensors, list | tuple) or not all(isinstance(t, reference.Tensor) for t in tensors):
        raise TypeError("expected a list of tensors")
    if not tensors:
        raise RuntimeError("a list of tensors has at least one")
    return tensors
