"""Faults of custom functions: what their context keeps, promises and checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impls.function import Context, Function, FunctionNode

from .fault import Fault, instead


def _all_needed(right: Callable[..., Any]) -> Callable[..., Any]:
    def start(self: Any, ref: Any, needs_input_grad: tuple[bool, ...]) -> None:
        right(self, ref, tuple(True for _ in needs_input_grad))

    return start


def _padded(right: Callable[..., Any]) -> Callable[..., Any]:
    """A wrong number of gradients is cut, or filled with None."""

    def run(self: Any, ref: Any, grads: Any, wanted: Any) -> Any:
        backward, count = self.function.backward, self.arguments

        class Lenient(self.function):
            @staticmethod
            def backward(ctx: Any, *given: Any) -> Any:
                returned = backward(ctx, *given)
                returned = returned if isinstance(returned, (tuple, list)) else (returned,)
                return (*returned, *[None] * count)[:count]

        self.function = Lenient
        return right(self, ref, grads, wanted)

    return run


def _recorded(right: classmethod) -> classmethod:
    """Forward is recorded like any other code, and its graph is used in place of backward."""

    def apply(cls: Any, *args: Any) -> Any:
        needs = tuple(isinstance(a, cls._ref.Tensor) and a.requires_grad for a in args)
        ctx = Context(cls._ref, needs)
        if cls.setup_context is Function.setup_context:
            return cls.forward(ctx, *args)
        return cls.forward(*args)

    return classmethod(apply)


def _without_marks(self: Any, *tensors: Any) -> None:
    """The call is heard, and nothing is kept of it."""


FAULTS: dict[str, Fault] = {
    "needs_input_grad is always true": ((Context, "__init__", _all_needed),),
    "mark_non_differentiable is ignored": (instead(Context, "mark_non_differentiable", _without_marks),),
    "mark_dirty is ignored": (instead(Context, "mark_dirty", _without_marks),),
    "set_materialize_grads is ignored": (
        instead(Context, "set_materialize_grads", lambda self, value: None),
    ),
    "once_differentiable is ignored": (
        "torch.autograd.function.once_differentiable",
        lambda ref, right: lambda backward: backward,
    ),
    "a wrong number of gradients is accepted": ((FunctionNode, "run", _padded),),
    "the forward of a function is recorded": ((Function, "apply", _recorded),),
    "the context is never freed": (instead(FunctionNode, "release", lambda self: None),),
}
