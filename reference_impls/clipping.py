"""Clipping gradients: ``torch.nn.utils.clip_grad_norm_`` and its relatives.

The formulas are those of the documentation:
https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grads_with_norm_.html
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .reference import Reference

EPS = 1e-6
"""Added to a norm before it divides, so that gradients of zero stay zero."""


def listed(ref: Reference, tensors: Any) -> list[Any]:
    """An iterable of tensors, or a single one, as a list."""
    return [tensors] if isinstance(tensors, ref.Tensor) else list(tensors)


def gradients(ref: Reference, parameters: Iterable[Any]) -> list[Any]:
    """The gradients of those parameters that have one."""
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def norm(ref: Reference, tensors: list[Any], order: float) -> Any:
    """The norm of the vector that all elements of all tensors make together."""
    if not tensors:
        return ref.torch.tensor(0.0)
    return ref.ops.vector_norm(ref.ops.cat([tensor.reshape(-1) for tensor in tensors]), order)


def coefficient(ref: Reference, max_norm: float, total_norm: Any) -> Any:
    """What gradients are multiplied by: never more than one."""
    return ref.ops.clamp(max_norm / (total_norm + EPS), max=1.0)


def total(ref: Reference, tensors: list[Any], norm_type: Any, error_if_nonfinite: bool) -> Any:
    """The norm of some tensors, refused on demand if it is infinite or nan."""
    found = norm(ref, tensors, float(norm_type))
    if error_if_nonfinite and not bool(ref.ops.isfinite(found)):
        raise RuntimeError(f"the total norm of order {norm_type} is not finite")
    return found


def rescale(ref: Reference, grads: list[Any], max_norm: Any, total_norm: Any) -> None:
    """Multiplies the gradients in place, so that a norm of ``total_norm`` becomes ``max_norm`` at most."""
    for grad in grads:
        grad.mul_(coefficient(ref, float(max_norm), total_norm))


def limit(ref: Reference, grad: Any, value: float) -> None:
    """Moves the elements of a gradient into [-value, value], in place."""
    grad.clamp_(min=-value, max=value)


def for_reference(ref: Reference) -> dict[str, Any]:
    """The names of ``torch.nn.utils`` that clip gradients. There is one implementation, whatever ``foreach`` says."""

    def get_total_norm(
        tensors: Any, norm_type: Any = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
    ) -> Any:
        """The norm of several tensors as if they were one vector."""
        with ref.no_grad():
            return total(ref, listed(ref, tensors), norm_type, error_if_nonfinite)

    def clip_grads_with_norm_(
        parameters: Any, max_norm: Any, total_norm: Any, foreach: bool | None = None
    ) -> None:
        """Scales the gradients of parameters by a norm that is known already."""
        with ref.no_grad():
            rescale(ref, gradients(ref, listed(ref, parameters)), max_norm, total_norm)

    def clip_grad_norm_(
        parameters: Any,
        max_norm: Any,
        norm_type: Any = 2.0,
        error_if_nonfinite: bool = False,
        foreach: bool | None = None,
    ) -> Any:
        """Scales the gradients of parameters down to a norm; returns what their norm was."""
        grads = gradients(ref, listed(ref, parameters))
        with ref.no_grad():
            found = total(ref, grads, norm_type, error_if_nonfinite)
            rescale(ref, grads, max_norm, found)
        return found

    def clip_grad_norm(*args: Any, **kwargs: Any) -> Any:
        """The deprecated name of ``clip_grad_norm_``."""
        warnings.warn("clip_grad_norm is deprecated", FutureWarning, stacklevel=2)
        return clip_grad_norm_(*args, **kwargs)

    def clip_grad_value_(parameters: Any, clip_value: Any, foreach: bool | None = None) -> None:
        """Limits every element of the gradients of parameters."""
        with ref.no_grad():
            for grad in gradients(ref, listed(ref, parameters)):
                limit(ref, grad, float(clip_value))

    functions = (get_total_norm, clip_grads_with_norm_, clip_grad_norm_, clip_grad_norm, clip_grad_value_)
    return {function.__name__: function for function in functions}
