"""Faults of gradient clipping: which norm, which factor, which gradients, and where they are written to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from reference_impls import clipping

from ..tape.fault import Change, Fault, Rebound, instead


def _norm(faulty: Callable[..., Any]) -> Fault:
    """Another norm of the vector of all elements; ``faulty`` gets the vocabulary, that vector and the order."""

    def norm(ref: Any, tensors: list[Any], order: float) -> Any:
        if not tensors:
            return ref.torch.tensor(0.0)
        return faulty(ref.ops, ref.ops.cat([tensor.reshape(-1) for tensor in tensors]), order)

    return (instead(clipping, "norm", norm),)


def _order(change: Callable[[float], float]) -> Fault:
    return ((clipping, "norm", lambda right: lambda ref, tensors, order: right(ref, tensors, change(order))),)


def _tensors(change: Callable[[list[Any]], list[Any]]) -> Fault:
    """Some of the tensors do not count."""
    return ((clipping, "norm", lambda right: lambda ref, tensors, order: right(ref, change(tensors), order)),)


def _factor(faulty: Callable[..., Any]) -> Fault:
    """Another factor; ``faulty`` gets the vocabulary, the norm that is asked for and the one there is."""
    return (instead(clipping, "coefficient", lambda ref, max_norm, total: faulty(ref.ops, max_norm, total)),)


def _scaled(faulty: Callable[..., None]) -> Fault:
    return (instead(clipping, "rescale", faulty),)


def _limited(faulty: Callable[..., None]) -> Fault:
    return (instead(clipping, "limit", lambda ref, grad, value: faulty(grad, value)),)


def _result(name: str, change: Change) -> Rebound:
    return f"torch.nn.utils.{name}", lambda ref, right: change(right)


def _squares_combined(ref: Any, tensors: list[Any], order: float) -> Any:
    norms = [ref.ops.vector_norm(tensor, order) for tensor in tensors] or [ref.torch.tensor(0.0)]
    return ref.ops.vector_norm(ref.ops.stack(norms), 2)


def _each_by_itself(ref: Any, grads: list[Any], max_norm: Any, total_norm: Any) -> None:
    for grad in grads:
        grad.mul_(clipping.coefficient(ref, float(max_norm), clipping.norm(ref, [grad], 2.0)))


def _copied(ref: Any, grads: list[Any], max_norm: Any, total_norm: Any) -> None:
    for grad in grads:
        grad.clone().mul_(clipping.coefficient(ref, float(max_norm), total_norm))


def _replaced(right: Callable[..., Any]) -> Callable[..., Any]:
    """``.grad`` becomes another tensor, which has the right values."""

    def clip(parameters: Any, *args: Any, **kwargs: Any) -> Any:
        parameters = list(parameters) if not hasattr(parameters, "grad") else [parameters]
        for parameter in parameters:
            if parameter.grad is not None:
                parameter.grad = parameter.grad.clone()
        return right(parameters, *args, **kwargs)

    return clip


def _read_twice(right: Callable[..., Any]) -> Callable[..., Any]:
    """A generator of parameters is used up by the norm."""

    def clip(parameters: Any, *args: Any, **kwargs: Any) -> Any:
        if not hasattr(parameters, "__next__"):
            return right(parameters, *args, **kwargs)
        copies = list(parameters)
        gradients = [parameter.grad.clone() for parameter in copies]
        norm = right(copies, *args, **kwargs)
        for parameter, gradient in zip(copies, gradients, strict=True):
            parameter.grad.copy_(gradient)
        return norm

    return clip


def _after(right: Callable[..., Any]) -> Callable[..., Any]:
    def clip(parameters: Any, max_norm: Any, *args: Any, **kwargs: Any) -> Any:
        parameters = list(parameters) if not hasattr(parameters, "grad") else [parameters]
        right(parameters, max_norm, *args, **kwargs)
        return right(parameters, math.inf, *args, **kwargs)

    return clip


def _zeros_for_none(right: Callable[..., Any]) -> Callable[..., Any]:
    def gradients(ref: Any, parameters: Any) -> list[Any]:
        parameters = list(parameters)
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = ref.torch.zeros_like(parameter).detach()
        return right(ref, parameters)

    return gradients


def _refused_late(ref: Any, tensors: list[Any], norm_type: Any, error_if_nonfinite: bool) -> Any:
    """The gradients are gone by the time of the error."""
    found = clipping.norm(ref, tensors, float(norm_type))
    if error_if_nonfinite and not bool(ref.ops.isfinite(found)):
        for tensor in tensors:
            tensor.zero_()
        raise RuntimeError("not finite")
    return found


def _refusing(wrong: Callable[[Any], bool]) -> Fault:
    """``wrong`` says which norms are refused on demand."""

    def total(ref: Any, tensors: list[Any], norm_type: Any, error_if_nonfinite: bool) -> Any:
        found = clipping.norm(ref, tensors, float(norm_type))
        if error_if_nonfinite and wrong(found):
            raise RuntimeError("not finite")
        return found

    return (instead(clipping, "total", total),)


def _parameters_scaled(right: Callable[..., Any]) -> Callable[..., Any]:
    def clip(parameters: Any, *args: Any, **kwargs: Any) -> Any:
        parameters = list(parameters) if not hasattr(parameters, "grad") else [parameters]
        norm = right(parameters, *args, **kwargs)
        for parameter in parameters:
            parameter.data.mul_(0.5)
        return norm

    return clip


def _whole_buffer(ref: Any, grads: list[Any], max_norm: Any, total_norm: Any) -> None:
    """What a gradient is a part of is scaled with it."""
    whole = {id(grad if grad._base is None else grad._base): grad for grad in grads}
    for grad in whole.values():
        owner = grad if grad._base is None else grad._base
        owner.mul_(clipping.coefficient(ref, float(max_norm), total_norm))


FAULTS: dict[str, Fault] = {
    "no eps in the factor": _factor(lambda F, bound, total: F.clamp(bound / total, max=1.0)),
    "eps as a lower bound of the norm": _factor(
        lambda F, bound, total: F.clamp(bound / F.clamp(total, min=1e-6), max=1.0)
    ),
    "eps too small": _factor(lambda F, bound, total: F.clamp(bound / (total + 1e-8), max=1.0)),
    "eps too large": _factor(lambda F, bound, total: F.clamp(bound / (total + 1e-5), max=1.0)),
    "eps added twice": _factor(lambda F, bound, total: F.clamp((bound + 1e-6) / (total + 1e-6), max=1.0)),
    "the factor is not clamped": _factor(lambda F, bound, total: bound / (total + 1e-6)),
    "the factor is not negative": _factor(
        lambda F, bound, total: F.clamp(bound / (total + 1e-6), min=0.0, max=1.0)
    ),
    "the bound is taken for positive": _factor(
        lambda F, bound, total: F.clamp(abs(bound) / (total + 1e-6), max=1.0)
    ),
    "nothing is clipped on the bound": _factor(
        lambda F, bound, total: F.where(total > bound, F.clamp(bound / (total + 1e-6), max=1.0), 1.0)
    ),
    "a norm that is not finite clips nothing": _factor(
        lambda F, bound, total: F.where(F.isfinite(total), F.clamp(bound / (total + 1e-6), max=1.0), 1.0)
    ),
    "the factor is squared": _factor(lambda F, bound, total: F.clamp(bound / (total + 1e-6), max=1.0) ** 2),
    "each gradient by its own norm": _scaled(_each_by_itself),
    "a copy is clipped": _scaled(_copied),
    "the whole buffer is clipped": _scaled(_whole_buffer),
    "gradients are replaced": _result("clip_grad_norm_", _replaced),
    "parameters are scaled too": _result("clip_grad_norm_", _parameters_scaled),
    "the norm after clipping is returned": _result("clip_grad_norm_", _after),
    "nothing is returned": _result(
        "clip_grad_norm_", lambda right: lambda *a, **k: (right(*a, **k), None)[1]
    ),
    "generators are used up": _result("clip_grad_norm_", _read_twice),
    "a known norm is computed again": _result(
        "clip_grads_with_norm_",
        lambda right: (
            lambda parameters, bound, total, foreach=None: right(parameters, bound, total * 0 + 5.0)
        ),
    ),
    "a known norm is changed": _result(
        "clip_grads_with_norm_",
        lambda right: (
            lambda parameters, bound, total, foreach=None: (
                right(parameters, bound, total),
                total.add_(1e-6),
            )[0]
        ),
    ),
    "the deprecated name does not warn": (
        "torch.nn.utils.clip_grad_norm",
        lambda ref, right: ref.torch.nn.utils.clip_grad_norm_,
    ),
    "missing gradients become zero": ((clipping, "gradients", _zeros_for_none),),
    "the order is ignored": _order(lambda order: 2.0),
    "an infinite order counts as two": _order(lambda order: 2.0 if order == math.inf else order),
    "an infinite order takes the least": _order(lambda order: -order if order == math.inf else order),
    "an order of one counts as two": _order(lambda order: 2.0 if order == 1 else order),
    "orders are rounded": _order(lambda order: order if math.isinf(order) else float(max(round(order), 1))),
    "norms of tensors are combined by squares": (instead(clipping, "norm", _squares_combined),),
    "no root": _norm(lambda F, x, p: F.sum(F.abs(x) ** p) if math.isfinite(p) else F.amax(F.abs(x))),
    "a square root for every order": _norm(
        lambda F, x, p: F.sum(F.abs(x) ** p) ** 0.5 if math.isfinite(p) else F.amax(F.abs(x))
    ),
    "the mean in place of the sum": _norm(
        lambda F, x, p: F.vector_norm(x, p) / max(x.numel(), 1) ** (1 / p if p else 0)
    ),
    "signs count": _norm(lambda F, x, p: F.amax(x) if p == math.inf else F.vector_norm(x, p)),
    "signs count in a sum": _norm(lambda F, x, p: F.sum(x) if p == 1 else F.vector_norm(x, p)),
    "imaginary parts do not count": _norm(lambda F, x, p: F.vector_norm(x.real if x.is_complex() else x, p)),
    "nan does not count": _norm(
        lambda F, x, p: F.vector_norm(x if x.is_complex() else F.where(F.isnan(x), 0.0, x), p)
    ),
    "the norm is always float32": (
        (clipping, "norm", lambda right: lambda ref, *given: right(ref, *given).to(ref.torch.float32)),
    ),
    "only the first tensor counts": _tensors(lambda tensors: tensors[:1]),
    "the last tensor does not count": _tensors(lambda tensors: tensors[:-1] if len(tensors) > 1 else tensors),
    "scalars do not count": _tensors(lambda tensors: [t for t in tensors if t.ndim]),
    "tensors count once": _tensors(lambda tensors: list({id(t): t for t in tensors}.values())),
    "the norm of nothing is one": (
        (
            clipping,
            "norm",
            lambda right: (
                lambda ref, tensors, order: right(ref, tensors, order) if tensors else ref.torch.tensor(1.0)
            ),
        ),
    ),
    "error_if_nonfinite is ignored": _refusing(lambda found: False),
    "error_if_nonfinite sees only nan": _refusing(lambda found: bool(found != found)),
    "error_if_nonfinite sees only infinity": _refusing(lambda found: bool(found == math.inf)),
    "error_if_nonfinite refuses everything": _refusing(lambda found: True),
    "refused after clipping": (instead(clipping, "total", _refused_late),),
    "values are limited above only": _limited(lambda grad, value: grad.clamp_(max=value)),
    "values are limited below only": _limited(lambda grad, value: grad.clamp_(min=-value)),
    "values are limited to positive ones": _limited(lambda grad, value: grad.clamp_(min=0.0, max=value)),
    "values outside become zero": _limited(lambda grad, value: grad.mul_(grad.abs() <= value)),
    "values are scaled into the range": _limited(
        lambda grad, value: (
            grad.mul_((value / (grad.abs().max() + 1e-6)).clamp(max=1.0)) if grad.numel() else grad
        )
    ),
    "limits are taken for positive": _limited(
        lambda grad, value: grad.clamp_(min=-abs(value), max=abs(value))
    ),
    "a copy is limited": _limited(lambda grad, value: grad.clone().clamp_(min=-value, max=value)),
    "nan becomes zero": _limited(
        lambda grad, value: grad.masked_fill_(grad != grad, 0.0).clamp_(min=-value, max=value)
    ),
    "infinities stay": _limited(
        lambda grad, value: grad.copy_(grad.clone().clamp(min=-value, max=value).where(grad.isfinite(), grad))
    ),
    "gradients are replaced by limited ones": _result("clip_grad_value_", _replaced),
    "parameters are limited too": _result("clip_grad_value_", _parameters_scaled),
}
