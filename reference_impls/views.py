"""Views: each knows its base and the functions that lead to it, and renews its node after a write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .structural import OVERWRITE
from .tape import Node, PrimitiveNode

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor

MULTIPLE = (
    "it is one of several results of one operator (split, chunk, unbind), which cannot be modified in place"
)
NO_GRAD = "it was made in no_grad mode and is modified with grad mode enabled, which is ambiguous"
CUSTOM = "it was made inside a custom Function, whose backward would be overridden"


class View:
    """What makes a tensor a view."""

    __slots__ = ("base", "path", "refusal", "version")

    def __init__(self, base: Tensor, path: tuple[Any, ...], refusal: str | None) -> None:
        self.base = base
        self.path = path
        """View functions from the base to it, each as (record, attributes, index of the result or None)."""
        self.version = base.cell[0]
        """The version for which the tensor's node was derived."""
        self.refusal = refusal
        """Why a recorded in-place operator on it is refused, if it is."""


def _owner(array: Any) -> Any:
    """The end of a chain of NumPy's views, among which may be proxies that are no arrays."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def shares(result: np.ndarray, array: np.ndarray) -> bool:
    """Whether ``result``, made from ``array`` by a view function, shares its memory."""
    return result is array or _owner(result) is _owner(array)


def derive(
    ref: Reference, source: Tensor, result: Tensor, record: Any, attributes: dict, index: int | None
) -> None:
    """Makes ``result`` a view of ``source`` (and of its base) where they share memory."""
    if not shares(result.array, source.array):
        return
    result.cell = source.cell
    result.inference = source.inference
    refusal = None if index is None else MULTIPLE
    if not ref.modes.grad:
        refusal = refusal or NO_GRAD
    parent = source.origin
    step = (record, attributes, index)
    if parent is None:
        result.origin = View(source, (step,), refusal)
    else:
        result.origin = View(parent.base, (*parent.path, step), parent.refusal or refusal)


def renew(tensor: Tensor) -> None:
    """Derives the node of a view anew from the present history of its base."""
    view = tensor.origin
    assert view is not None
    base = view.base
    ref = base._ref
    if not base.requires_grad and tensor.node is None:
        view.version = base.cell[0]
        return
    refuse(view)
    before = ref.modes.grad
    ref.modes.grad = True
    try:
        fresh = base
        for record, attributes, index in view.path:
            fresh = ref.apply(record, (fresh,), attributes)
            fresh = fresh if index is None else fresh[index]
    finally:
        ref.modes.grad = before
    view.version = base.cell[0]
    tensor.rebase(fresh.node, fresh.output_nr)


def refuse(view: View) -> None:
    """Raises if a view's history cannot follow a write to its memory."""
    if view.refusal is not None:
        raise RuntimeError(f"the history of a view cannot follow an in-place operator: {view.refusal}")


def write_through(ref: Reference, view: View, value: Tensor) -> None:
    """Records in the base of a view that the view's part of it was replaced by ``value``."""
    base = view.base
    record = ref.record_of(OVERWRITE)
    layout = tuple(np.argsort([-abs(n) for n in base.array.strides], kind="stable").tolist())
    node = PrimitiveNode(
        ref.next_sequence(),
        (ref.edge(base), ref.edge(value)),
        [(base.array.shape, base.dtype)],
        record,
        {"path": view.path, "layout": layout},
    )
    adopt(base, node, 0)


def adopt(tensor: Tensor, node: Node | None, output_nr: int) -> None:
    """Gives a tensor that is not a view a new history after a write to its memory."""
    tensor.rebase(node, output_nr)
    tensor.requires_flag = False
