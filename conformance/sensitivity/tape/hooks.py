"""Faults of hooks: whether, when, how often and in which order they run, and what becomes of what they return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impls.backward import Run
from reference_impls.grad_mode import Modes
from reference_impls.hooks import Hooks, RemovableHandle, _MultiGradHook
from reference_impls.saved import Packed
from reference_impls.tape import AccumulateGrad

from .fault import Fault, instead


def _ignoring(self: Any, hooks: Any, grad: Any, index: int, node: Any) -> Any:
    for hook in hooks.snapshot():
        hook(grad)
    return grad


def _first_argument(self: Any, hooks: Any, grad: Any, index: int, node: Any) -> Any:
    """Every hook sees the gradient as it arrived, and the last to return one wins."""
    replaced = [hook(grad) for hook in hooks.snapshot()]
    return next((new for new in reversed(replaced) if new is not None), grad)


def _unchecked(self: Any, grad: Any, output: Any) -> Any:
    return grad


def _for_each_use(right: Callable[..., Any]) -> Callable[..., Any]:
    """Hooks run for every contribution to a gradient, not once for their sum."""

    def receive(self: Any, node: Any, index: int, grad: Any) -> None:
        hooks = node.tensor_hooks and node.tensor_hooks.get(index)
        if isinstance(node, AccumulateGrad):
            hooks = node.variable.leaf_hooks
        if hooks and node in self._buffers and self._buffers[node][index] is not None:
            for hook in hooks.snapshot():
                hook(grad)
        right(self, node, index, grad)

    return receive


def _remembered(right: Callable[..., Any]) -> Callable[..., Any]:
    """The gradients of a node are noted as they arrive."""

    def visit(self: Any, node: Any) -> None:
        self.arrived = list(self._buffers[node])
        right(self, node)

    return visit


def _kept_before_hooks(right: Callable[..., Any]) -> Callable[..., Any]:
    """``retain_grad`` keeps the gradient as it was before the hooks."""

    def retain(self: Any, keepers: Any, grads: list[Any]) -> None:
        right(self, keepers, self.arrived)

    return retain


def _before_accumulation(right: Callable[..., Any]) -> Callable[..., Any]:
    """Post-accumulate hooks run before the gradient is there."""

    def run(self: Any, ref: Any, grads: Any, wanted: Any) -> Any:
        hooks = self.variable.post_accumulate
        for hook in hooks.snapshot() if hooks is not None else ():
            hook(self.variable)
        self.variable.post_accumulate = None
        try:
            return right(self, ref, grads, wanted)
        finally:
            self.variable.post_accumulate = hooks

    return run


def _each_gradient(right: Callable[..., Any]) -> Callable[..., Any]:
    """A multi-grad hook runs whenever one of its gradients arrives."""

    def arrived(self: Any, index: int) -> Callable[..., Any]:
        def hook(grad: Any) -> None:
            grads = [None] * len(self._nodes)
            grads[index] = grad
            self._fn(grads if self._mode == "all" else grad)

        return hook

    return arrived


def _sent_unchanged(right: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, node: Any, sent: Any, grads: Any) -> Any:
        right(self, node, sent, grads)
        return sent

    return call


def _received_unchanged(right: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, node: Any, grads: list[Any]) -> list[Any]:
        right(self, node, list(grads))
        return grads

    return call


def _outermost(right: Any) -> property:
    """Of nested pairs of saved-tensor hooks the outermost is called."""
    return property(
        lambda self: self.__dict__.get("pairs", ())[:1], lambda self, value: self.__dict__.update(pairs=value)
    )


def _never_left(right: Any) -> property:
    """Saved-tensor hooks stay after their block."""

    def put(self: Any, value: Any) -> None:
        if len(value) >= len(self.__dict__.get("pairs", ())):
            self.__dict__["pairs"] = value

    return property(lambda self: self.__dict__.get("pairs", ()), put)


def _not_unpacked(right: Callable[..., Any]) -> Callable[..., Any]:
    """What is unpacked is the tensor that was packed, not what the unpack hook returns."""

    def start(self: Any, tensor: Any, node: Any, hooks: Any, ref: Any) -> None:
        right(self, tensor, node, hooks, ref)
        original, unpack = tensor.detach(), self.unpack_hook
        self.unpack_hook = lambda packed: (unpack(packed), original)[1]

    return start


FAULTS: dict[str, Fault] = {
    "hooks are ignored": (instead(Hooks, "snapshot", lambda self: ()),),
    "hooks run in reverse": ((Hooks, "snapshot", lambda right: lambda self: right(self)[::-1]),),
    "hooks run twice": ((Hooks, "snapshot", lambda right: lambda self: right(self) * 2),),
    "only the last hook runs": ((Hooks, "snapshot", lambda right: lambda self: right(self)[-1:]),),
    "hooks cannot be removed": (instead(RemovableHandle, "remove", lambda self: None),),
    "what a hook returns is ignored": (instead(Run, "_hooked", _ignoring),),
    "hooks do not see what the last one returned": (instead(Run, "_hooked", _first_argument),),
    "what a hook returns is not checked": (instead(Run, "_checked", _unchecked),),
    "hooks run for each use": ((Run, "_receive", _for_each_use),),
    "gradients are retained before the hooks": (
        (Run, "_visit", _remembered),
        (Run, "_retain", _kept_before_hooks),
    ),
    "post-accumulate hooks run before": ((AccumulateGrad, "run", _before_accumulation),),
    "multi-grad hooks run for each gradient": ((_MultiGradHook, "_arrived", _each_gradient),),
    "what a node's hook returns is ignored": ((Run, "_call_posthooks", _sent_unchanged),),
    "what a node's prehook returns is ignored": ((Run, "_call_prehooks", _received_unchanged),),
    "saved-tensor hooks are ignored": (
        (Modes, "saved_hooks", lambda right: property(lambda self: (), lambda self, value: None)),
    ),
    "the outermost saved-tensor hooks win": ((Modes, "saved_hooks", _outermost),),
    "saved-tensor hooks outlive their block": ((Modes, "saved_hooks", _never_left),),
    "what is unpacked is ignored": ((Packed, "__init__", _not_unpacked),),
}
