"""Faults of in-place writes, of views, and of what detaching shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impls import inplace, views
from reference_impls.tape import PrimitiveNode
from reference_impls.tensor import Tensor

from .fault import Fault, instead


def _forgetful_write(right: Callable[..., Any]) -> Callable[..., Any]:
    """A write that no version counter notices; views still follow it."""

    def write(ref: Any, tensor: Any, old: Any, new: Any) -> Any:
        before = tensor.cell[0]
        result = right(ref, tensor, old, new)
        tensor.cell[0] = before
        return result

    return write


def _history_lost(right: Callable[..., Any]) -> Callable[..., Any]:
    """A write in place leaves the history of the tensor as it was."""

    def write(ref: Any, tensor: Any, old: Any, new: Any) -> Any:
        return right(ref, tensor, old, new.detach() if not tensor.requires_grad else new)

    return write


def _old_history_kept(right: Callable[..., Any]) -> Callable[..., Any]:
    """The gradient flows through a write in place as if nothing had been written."""

    def write(ref: Any, tensor: Any, old: Any, new: Any) -> Any:
        node, number = tensor.node, tensor.output_nr
        result = right(ref, tensor, old, new)
        if node is not None and tensor.origin is None:
            tensor.rebase(node, number)
        return result

    return write


def _not_derived(right: Callable[..., Any]) -> Callable[..., Any]:
    """Views keep the node that they were made with, whatever is written to their base."""

    def renew(tensor: Any) -> None:
        tensor.origin.version = tensor.cell[0]

    return renew


def _copied_view(right: Callable[..., Any]) -> Callable[..., Any]:
    """Views are copies: their memory is their own."""

    def derive(ref: Any, source: Any, result: Any, record: Any, attributes: Any, index: Any) -> None:
        result.array = result.array.copy()

    return derive


def _detached_copy(self: Any) -> Any:
    detached = self._ref.wrap(self.array.copy(), self.dtype, self.exact)
    detached.inference = self.inference
    return detached


def _own_counter(right: Callable[..., Any]) -> Callable[..., Any]:
    def detach(self: Any) -> Any:
        detached = right(self)
        detached.cell = [0]
        return detached

    return detach


def _shared_counter(right: property) -> property:
    """``.data`` shares the version counter, so that writes through it are noticed."""

    def data(self: Any) -> Any:
        made = self._ref.wrap(self.array, self.dtype, self.exact)
        made.cell = self.cell
        return made

    return property(data, right.fset)


def _data_copy(right: property) -> property:
    return property(lambda self: self._ref.wrap(self.array.copy(), self.dtype, self.exact), right.fset)


def _still_wanting(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self: right(self).requires_grad_()


def _cutting(right: Callable[..., Any]) -> Callable[..., Any]:
    """Detaching cuts the original off too."""

    def detach(self: Any) -> Any:
        detached = right(self)
        self.node, self.requires_flag = None, False
        return detached

    return detach


FAULTS: dict[str, Fault] = {
    "writes do not count as versions": ((inplace, "write", _forgetful_write),),
    "writes leave no history": ((inplace, "write", _history_lost),),
    "writes leave the old history": ((inplace, "write", _old_history_kept),),
    "writes to leaves are allowed": (instead(inplace, "check", lambda ref, tensor, arguments: None),),
    "writes through views leave no history": (
        instead(views, "write_through", lambda ref, view, value: None),
    ),
    "views do not see what is written to their base": ((views, "renew", _not_derived),),
    "views are copies": ((views, "derive", _copied_view),),
    "any view may be written to": (instead(views, "refuse", lambda view: None),),
    "saved results are not followed by writes": (
        instead(PrimitiveNode, "follow", lambda self, tensor: None),
    ),
    "detach copies": (instead(Tensor, "detach", _detached_copy),),
    "detach keeps the history": (instead(Tensor, "detach", lambda self: self._ref.ops.alias(self)),),
    "detach makes a leaf that needs its gradient": ((Tensor, "detach", _still_wanting),),
    "detach has its own version counter": ((Tensor, "detach", _own_counter),),
    "detach cuts off the original": ((Tensor, "detach", _cutting),),
    "detach_ does nothing": (instead(Tensor, "detach_", lambda self: self),),
    "detach_ detaches views": (instead(Tensor, "detach_", lambda self: self.rebase(None, 0) or self),),
    "data shares the version counter": ((Tensor, "data", _shared_counter),),
    "data is a copy": ((Tensor, "data", _data_copy),),
}
