"""Faults of function transforms, forward mode, checkpoints and anomaly detection."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from .fault import Fault


def _ones_as_tangents(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
    def jvp(func: Any, primals: Any, tangents: Any, **options: Any) -> Any:
        return right(func, primals, tuple(ref.torch.ones_like(t) for t in tangents), **options)

    return jvp


def _fixed(**fixed: Any) -> Callable[[Any, Callable[..., Any]], Callable[..., Any]]:
    """A transform that is deaf to some of its options, given by name or not."""

    def fault(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
        return lambda func, *args, **options: right(func, **{**options, **fixed})

    return fault


def _deaf(**fixed: Any) -> Callable[[Any, Callable[..., Any]], Callable[..., Any]]:
    """A function that is deaf to some of its keyword arguments."""

    def fault(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **options: right(*args, **{**options, **fixed})

    return fault


def _transposed(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
    def jacobian(func: Any, *args: Any, **options: Any) -> Any:
        transformed = right(func, *args, **options)

        def turned(*given: Any, **more: Any) -> Any:
            found = transformed(*given, **more)
            return found.transpose(0, 1) if isinstance(found, ref.Tensor) and found.ndim == 2 else found

        return turned

    return jacobian


def _diagonal(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
    """A Hessian without its mixed derivatives."""

    def hessian(func: Any, *args: Any, **options: Any) -> Any:
        transformed = right(func, *args, **options)

        def alone(*given: Any, **more: Any) -> Any:
            found = transformed(*given, **more)
            if isinstance(found, ref.Tensor) and found.ndim == 2:
                return ref.torch.diag(ref.torch.diagonal(found))
            return found

        return alone

    return hessian


def _summed(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
    """vmap hands the whole batch to the function, which treats it as one example."""

    def vmap(func: Any, *args: Any, **options: Any) -> Any:
        return functools.wraps(func)(lambda *given, **more: func(*given, **more))

    return vmap


def _kept_parameters(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
    """The parameters that stood in for the module's own stay in it."""

    def functional_call(module: Any, given: Any, *args: Any, **options: Any) -> Any:
        result = right(module, given, *args, **options)
        named = dict(module.named_parameters())
        for values in (given,) if isinstance(given, dict) else given:
            for name, value in values.items():
                if name in named:
                    named[name].data.copy_(value.detach())
        return result

    return functional_call


def _tangents_scaled(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
    def unpack(tensor: Any, **options: Any) -> Any:
        primal, tangent = right(tensor, **options)
        return type(right(tensor, **options))(primal, None if tangent is None else tangent * 2)

    return unpack


def _zero_for_untouched(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
    def unpack(tensor: Any, **options: Any) -> Any:
        unpacked = right(tensor, **options)
        if unpacked.tangent is None:
            return type(unpacked)(unpacked.primal, ref.torch.zeros_like(unpacked.primal))
        return unpacked

    return unpack


def _no_checkpoint(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
    """Nothing is recomputed: the function runs once, and all that it saves is kept."""

    def checkpoint(function: Any, *args: Any, **options: Any) -> Any:
        for name in (
            "use_reentrant",
            "preserve_rng_state",
            "context_fn",
            "determinism_check",
            "debug",
            "early_stop",
        ):
            options.pop(name, None)
        return function(*args, **options)

    return checkpoint


FAULTS: dict[str, Fault] = {
    "tangents are ignored": ("torch.func.jvp", _ones_as_tangents),
    "argnums is ignored": ("torch.func.grad", _fixed(argnums=0)),
    "jacrev is transposed": ("torch.func.jacrev", _transposed),
    "jacfwd is transposed": ("torch.func.jacfwd", _transposed),
    "the hessian is diagonal": ("torch.func.hessian", _diagonal),
    "vmap runs the function on the whole batch": ("torch.func.vmap", _summed),
    "out_dims of vmap is ignored": ("torch.func.vmap", _deaf(out_dims=0)),
    "randomness of vmap is always different": ("torch.func.vmap", _deaf(randomness="different")),
    "functional_call leaves its parameters behind": ("torch.func.functional_call", _kept_parameters),
    "unpacked tangents are doubled": ("torch.autograd.forward_ad.unpack_dual", _tangents_scaled),
    "untouched tensors have a tangent of zero": (
        "torch.autograd.forward_ad.unpack_dual",
        _zero_for_untouched,
    ),
    "create_graph of jacobian is ignored": ("torch.autograd.functional.jacobian", _deaf(create_graph=False)),
    "strict of jacobian is ignored": ("torch.autograd.functional.jacobian", _deaf(strict=False)),
    "checkpoint recomputes nothing": ("torch.utils.checkpoint.checkpoint", _no_checkpoint),
    "checkpoint draws other random numbers": (
        "torch.utils.checkpoint.checkpoint",
        _deaf(preserve_rng_state=False),
    ),
    "checkpoint never checks what was recomputed": (
        "torch.utils.checkpoint.checkpoint",
        _deaf(determinism_check="none"),
    ),
    "anomalies are not detected": (
        "torch.autograd.detect_anomaly",
        lambda ref, right: lambda **options: nullcontext(),
    ),
}
