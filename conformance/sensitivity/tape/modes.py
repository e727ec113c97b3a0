"""Faults of grad modes: what they switch, for how long, and for whom."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from reference_impls import grad_mode, inplace, tape
from reference_impls.tensor import Tensor

from ..mutant import Patch
from .fault import Fault, instead


def _recording(self: Any) -> tuple[bool, bool]:
    return self._modes.grad, self._modes.inference


def _kept_after_exceptions(right: Callable[..., Any]) -> Callable[..., Any]:
    """The mode found is put back only where the block came to its end."""

    def leave(self: Any, *exception: Any) -> None:
        state = self._modes.state
        right(self, *exception)
        if exception[0] is not None:
            self._modes.state = state

    return leave


def _always_on_after(right: Callable[..., Any]) -> Callable[..., Any]:
    """Leaving a block switches recording on, whatever was found on entering."""

    def leave(self: Any, *exception: Any) -> None:
        right(self, *exception)
        self._modes.state = (True, False)

    return leave


def _leaking_generator(self: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """The mode of a decorated generator holds while its caller runs."""

    @functools.wraps(function)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        with self:
            return (yield from function(*args, **kwargs))

    return decorated


def _generator_as_function(self: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """The mode of a decorated generator ends before its body begins."""

    @functools.wraps(function)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        with self:
            return function(*args, **kwargs)

    return decorated


def _one_for_all_threads(right: Any) -> property:
    """Grad mode is not a matter of the thread."""
    shared = [True]
    return property(lambda self: shared[0], lambda self, value: shared.__setitem__(0, value))


def _no_effect_yet(right: Callable[..., Any]) -> Callable[..., Any]:
    """``set_grad_enabled`` called as a function does nothing."""

    def start(self: Any, mode: bool) -> None:
        right(self, mode)
        self._modes.state = self._before

    return start


def _no_inference(self: Any) -> tuple[bool, bool]:
    return (not self._mode, False)


def _inference_always(self: Any) -> tuple[bool, bool]:
    return (False, True)


def _saving_inference(right: Callable[..., Any]) -> Callable[..., Any]:
    def save(ref: Any, tensor: Any, is_result: bool = False) -> Any:
        before, tensor.inference = tensor.inference, False
        try:
            return right(ref, tensor, is_result)
        finally:
            tensor.inference = before

    return save


def _writing_inference(right: Callable[..., Any]) -> Callable[..., Any]:
    def check(ref: Any, tensor: Any, arguments: Any) -> None:
        before, tensor.inference = tensor.inference, False
        try:
            right(ref, tensor, arguments)
        finally:
            tensor.inference = before

    return check


def _flag_follows_mode(right: Callable[..., Any]) -> Callable[..., Any]:
    """Where recording is off, nothing can be made to require grad."""

    def requires_grad_(self: Any, requires_grad: bool = True) -> Any:
        return right(self, requires_grad and self._ref.modes.grad)

    return requires_grad_


IGNORE_NO_GRAD: tuple[Patch, ...] = (
    instead(grad_mode.NoGrad, "_wanted", _recording),
    instead(inplace, "check", lambda ref, tensor, arguments: None),
)
"""Leaves may still be written to, or every training loop would stop at its first step."""

FAULTS: dict[str, Fault] = {
    "no_grad is ignored": IGNORE_NO_GRAD,
    "enable_grad is ignored": (instead(grad_mode.EnableGrad, "_wanted", _recording),),
    "grad mode is not restored after an exception": (
        (grad_mode.GradMode, "__exit__", _kept_after_exceptions),
    ),
    "grad mode is always on after a block": ((grad_mode.GradMode, "__exit__", _always_on_after),),
    "the mode of a generator leaks into its caller": (
        instead(grad_mode.GradMode, "_decorate_generator", _leaking_generator),
    ),
    "the mode of a generator ends before it begins": (
        instead(grad_mode.GradMode, "_decorate_generator", _generator_as_function),
    ),
    "grad mode is shared by all threads": ((grad_mode.Modes, "grad", _one_for_all_threads),),
    "set_grad_enabled is no function": ((grad_mode.SetGradEnabled, "__init__", _no_effect_yet),),
    "inference mode is no_grad": (instead(grad_mode.InferenceMode, "_wanted", _no_inference),),
    "inference_mode(False) is inference mode": (
        instead(grad_mode.InferenceMode, "_wanted", _inference_always),
    ),
    "inference tensors can be saved": ((tape, "save", _saving_inference),),
    "inference tensors can be written to": ((inplace, "check", _writing_inference),),
    "nothing requires grad under no_grad": ((Tensor, "requires_grad_", _flag_follows_mode),),
}
