"""Faults of graphs: where backward starts, when it frees what was saved, what it does without a path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impls import backward
from reference_impls.backward import Run
from reference_impls.saved import Saved
from reference_impls.tape import AccumulateGrad, PrimitiveNode
from reference_impls.tensor import Tensor

from .fault import Fault, instead, with_options


def _freed_at_once(right: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: Any, ref: Any, grads: Any, wanted: Any) -> Any:
        sent = right(self, ref, grads, wanted)
        self.release()
        return sent

    return run


def _any_roots(right: Callable[..., Any]) -> Callable[..., Any]:
    """A cotangent of ones for whatever comes without one, scalar or not."""

    def roots(ref: Any, tensors: Any, cotangents: Any, what: str) -> Any:
        ones = [
            ref.torch.ones_like(t).detach() if c is None else c
            for t, c in zip(tensors, cotangents, strict=True)
        ]
        return right(ref, tensors, ones, what)

    return roots


def _zero_roots(right: Callable[..., Any]) -> Callable[..., Any]:
    def roots(ref: Any, tensors: Any, cotangents: Any, what: str) -> Any:
        starts = right(ref, tensors, cotangents, what)
        return [
            (node, index, ref.torch.zeros_like(grad) if given is None else grad)
            for (node, index, grad), given in zip(starts, cotangents, strict=True)
        ]

    return roots


def _cotangents_ignored(right: Callable[..., Any]) -> Callable[..., Any]:
    def roots(ref: Any, tensors: Any, cotangents: Any, what: str) -> Any:
        starts = right(ref, tensors, cotangents, what)
        return [(node, index, ref.torch.ones_like(grad).detach()) for node, index, grad in starts]

    return roots


def _first_root(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda ref, tensors, cotangents, what: right(ref, tensors, cotangents, what)[:1]


def _leaves_refused(right: Callable[..., Any]) -> Callable[..., Any]:
    def roots(ref: Any, tensors: Any, cotangents: Any, what: str) -> Any:
        with_history = [(t, c) for t, c in zip(tensors, cotangents, strict=True) if t.requires_grad]
        return right(ref, [t for t, _ in with_history], [c for _, c in with_history], what)

    return roots


def _zero_for_unused(right: Callable[..., Any]) -> Callable[..., Any]:
    """Inputs that were not reached get a gradient of zero in place of None, or of an error."""

    def execute(self: Any) -> Any:
        found = right(self)
        for node, index in self.targets or ():
            shape, dtype = node.outputs[index]
            found.setdefault((node, index), self.ref.zeros(shape, dtype))
        return found

    return execute


def _unchecked(right: Callable[..., Any]) -> Callable[..., Any]:
    def unpack(self: Any, ref: Any, owner: Any) -> Any:
        self.version = self.cell[0]
        return right(self, ref, owner)

    return unpack


def _mode_left(right: Callable[..., Any]) -> Callable[..., Any]:
    """A backward pass that fails leaves its own grad mode behind."""

    def execute(self: Any) -> Any:
        try:
            return right(self)
        except Exception:
            self.ref.modes.grad = self.create_graph
            raise

    return execute


def _partial(right: Callable[..., Any]) -> Callable[..., Any]:
    """Gradients accumulate when they are complete *or* at the first contribution, whichever comes first."""

    def receive(self: Any, node: Any, index: int, grad: Any) -> None:
        if node in self._buffers and isinstance(node, AccumulateGrad):
            return
        right(self, node, index, grad)

    return receive


def _materialized(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **options: right(
        *args, **{**options, "materialize_grads": False, "allow_unused": True}
    )


def _integers_too(self: Tensor, requires_grad: bool = True) -> Tensor:
    self.requires_flag = bool(requires_grad)
    return self


def _never_leaf(right: property) -> property:
    """Only tensors that require grad count as leaves."""
    return property(lambda self: self.requires_flag)


FAULTS: dict[str, Fault] = {
    "graphs are never freed": (instead(PrimitiveNode, "release", lambda self: None),),
    "graphs are freed under retain_graph": ((PrimitiveNode, "run", _freed_at_once),),
    "graphs are always retained": ((Run, "__init__", with_options(keep_graph=True)),),
    "create_graph is ignored": ((Run, "__init__", with_options(create_graph=False)),),
    "gradients always have a graph": ((Run, "__init__", with_options(create_graph=True)),),
    "the default cotangent is zero": ((backward, "roots", _zero_roots),),
    "a default cotangent for what is no scalar": ((backward, "roots", _any_roots),),
    "cotangents are ignored": ((backward, "roots", _cotangents_ignored),),
    "only the first of several roots counts": ((backward, "roots", _first_root),),
    "backward from what needs no gradient": ((backward, "roots", _leaves_refused),),
    "unused inputs get zero": ((Run, "execute", _zero_for_unused),),
    "unused inputs are never refused": (
        "torch.autograd.grad",
        lambda ref, right: lambda *args, **options: right(*args, **{"allow_unused": True, **options}),
    ),
    "materialize_grads is ignored": ("torch.autograd.grad", _materialized),
    "saved versions are not checked": ((Saved, "unpack", _unchecked),),
    "a failed backward leaves its grad mode": ((Run, "execute", _mode_left),),
    "leaves hear only the first contribution": ((Run, "_receive", _partial),),
    "requires_grad_ takes anything": (instead(Tensor, "requires_grad_", _integers_too),),
    "tensors that need no gradient are no leaves": ((Tensor, "is_leaf", _never_leaf),),
}
