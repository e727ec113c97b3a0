"""Faults of initial weights: distributions a tenth off, fans, gains, patterns, and where they are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls import initialization

from ..tape.fault import Change, Fault, Rebound, instead

NAMES = (
    "uniform_", "normal_", "trunc_normal_", "constant_", "ones_", "zeros_", "eye_", "dirac_", "xavier_uniform_",
    "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "sparse_", "calculate_gain",
)  # fmt: skip


def _times(name: str, factor: float) -> Fault:
    """A function whose number is so many times as large."""
    return ((initialization, name, lambda right: lambda *args: factor * right(*args)),)


def _fans(change: Callable[[tuple[int, ...]], tuple[float, float]]) -> Fault:
    def fans(shape: tuple[int, ...]) -> tuple[float, float]:
        if len(shape) < 2:
            raise ValueError("no fans")
        return change(shape)

    return (instead(initialization, "fans", fans),)


def _gain(**changed: float) -> Fault:
    """Other gains; that of a leaky relu depends on its slope."""

    def change(right: Callable[..., float]) -> Callable[..., float]:
        def calculate_gain(nonlinearity: str, param: Any = None) -> float:
            found = right(nonlinearity, param)
            return changed.get(nonlinearity, found)

        return calculate_gain

    return ((initialization, "calculate_gain", change),)


def _called(name: str, change: Callable[..., Any]) -> Rebound:
    """``change`` gets the right initializer and its arguments."""
    return (
        f"torch.nn.init.{name}",
        lambda ref, right: lambda *args, **options: change(right, *args, **options),
    )


def _after(name: str, change: Callable[[Any, Any], Any]) -> Rebound:
    """``change`` gets the reference and the tensor that was written to, outside of the graph."""

    def faulty(ref: Any, right: Callable[..., Any]) -> Callable[..., Any]:
        def fill(tensor: Any, *args: Any, **options: Any) -> Any:
            filled = right(tensor, *args, **options)
            with ref.no_grad():
                change(ref, filled)
            return filled

        return fill

    return f"torch.nn.init.{name}", faulty


def _deaf(name: str) -> Rebound:
    """The generator is not drawn from."""
    return _called(name, lambda right, *args, generator=None, **options: right(*args, **options))


def _values(name: str, change: Change) -> Fault:
    return ((initialization, name, lambda right: lambda *args: change(right(*args))),)


def _copied(right: Callable[..., Any], tensor: Any, *args: Any, **options: Any) -> Any:
    return right(tensor.detach().clone(), *args, **options)


def _new(right: Callable[..., Any], tensor: Any, *args: Any, **options: Any) -> Any:
    right(tensor, *args, **options)
    return tensor.detach()


def _clipped(draw: Callable[[], np.ndarray], low: float, high: float) -> np.ndarray:
    return np.clip(draw(), low, high)


def _tripled(values: np.ndarray, axis: int) -> np.ndarray:
    return np.roll(values, 1, axis)


FAULTS: dict[str, Fault] = {
    "uniform bounds a tenth too wide": _called(
        "uniform_", lambda right, w, a=0.0, b=1.0, **o: right(w, a, b + (b - a) / 10, **o)
    ),
    "uniform bounds a tenth too narrow": _called(
        "uniform_", lambda right, w, a=0.0, b=1.0, **o: right(w, a, b - (b - a) / 10, **o)
    ),
    "uniform lower bound off": _called(
        "uniform_", lambda right, w, a=0.0, b=1.0, **o: right(w, a + (b - a) / 10, b, **o)
    ),
    "normal deviation a tenth too large": _called(
        "normal_", lambda right, w, mean=0.0, std=1.0, **o: right(w, mean, 1.1 * std, **o)
    ),
    "normal deviation a tenth too small": _called(
        "normal_", lambda right, w, mean=0.0, std=1.0, **o: right(w, mean, 0.9 * std, **o)
    ),
    "normal variance for deviation": _called(
        "normal_", lambda right, w, mean=0.0, std=1.0, **o: right(w, mean, std**0.5, **o)
    ),
    "normal mean off": _called(
        "normal_", lambda right, w, mean=0.0, std=1.0, **o: right(w, mean + std / 10, std, **o)
    ),
    "truncated deviation a tenth too large": _called(
        "trunc_normal_", lambda right, w, mean=0.0, std=1.0, *o, **k: right(w, mean, 1.1 * std, *o, **k)
    ),
    "truncated deviation a tenth too small": _called(
        "trunc_normal_", lambda right, w, mean=0.0, std=1.0, *o, **k: right(w, mean, 0.9 * std, *o, **k)
    ),
    "cutoffs a tenth too wide": (
        (
            initialization,
            "truncated",
            lambda right: lambda draw, low, high: right(draw, low, high + (high - low) / 10),
        ),
    ),
    "cutoffs a tenth too narrow": (
        (
            initialization,
            "truncated",
            lambda right: lambda draw, low, high: right(draw, low + min(high - low, 4.0) / 10, high),
        ),
    ),
    "clipped in place of drawn again": (instead(initialization, "truncated", _clipped),),
    "cutoffs in deviations": _called(
        "trunc_normal_",
        lambda right, w, mean=0.0, std=1.0, a=-2.0, b=2.0, **o: right(
            w, mean, std, mean + a * std, mean + b * std, **o
        ),
    ),
    "cutoffs are ignored": (instead(initialization, "truncated", lambda draw, low, high: draw()),),
    "fans exchanged": _fans(lambda shape: (shape[0] * _field(shape), shape[1] * _field(shape))),
    "kernels do not count": _fans(lambda shape: (shape[1], shape[0])),
    "kernels count for one fan": _fans(lambda shape: (shape[1] * _field(shape), shape[0])),
    "only one size of a kernel counts": _fans(
        lambda shape: (shape[1] * (*shape[2:], 1)[0], shape[0] * (*shape[2:], 1)[0])
    ),
    "xavier a tenth too wide": _times("xavier", 1.1),
    "xavier a tenth too narrow": _times("xavier", 0.9),
    "xavier by the fan in": (
        instead(
            initialization, "xavier", lambda shape, gain: gain / max(initialization.fans(shape)[0], 1) ** 0.5
        ),
    ),
    "xavier without gain": ((initialization, "xavier", lambda right: lambda shape, gain: right(shape, 1.0)),),
    "kaiming a tenth too wide": _times("kaiming", 1.1),
    "kaiming a tenth too narrow": _times("kaiming", 0.9),
    "kaiming is deaf to the mode": (
        (
            initialization,
            "kaiming",
            lambda right: lambda shape, a, mode, name: right(shape, a, "fan_in", name),
        ),
    ),
    "kaiming is deaf to the slope": (
        (initialization, "kaiming", lambda right: lambda shape, a, mode, name: right(shape, 0, mode, name)),
    ),
    "kaiming is deaf to the nonlinearity": (
        (
            initialization,
            "kaiming",
            lambda right: lambda shape, a, mode, name: right(shape, a, mode, "leaky_relu"),
        ),
    ),
    "the slope is 0.01 by default": _called(
        "kaiming_uniform_", lambda right, w, a=0.5, *o, **k: right(w, a, *o, **k)
    ),
    "bounds are deviations": (instead(initialization, "bound", lambda deviation: deviation),),
    "bounds a tenth too wide": _times("bound", 1.1),
    "gain of tanh": _gain(tanh=1.6),
    "gain of relu": _gain(relu=2.0),
    "gain of selu": _gain(selu=1.0),
    "gain of the sigmoid": _gain(sigmoid=1.1),
    "gain of a transposed convolution": _gain(conv_transpose2d=2.0),
    "gain of a leaky relu": _gain(leaky_relu=2**0.5),
    "default slope": (
        (
            initialization,
            "calculate_gain",
            lambda right: (
                lambda name, param=None: right(name, 0.0 if param is None and name == "leaky_relu" else param)
            ),
        ),
    ),
    "zeros rounded down": (instead(initialization, "zeros_of", lambda sparsity, rows: int(sparsity * rows)),),
    "zeros rounded": (instead(initialization, "zeros_of", lambda sparsity, rows: round(sparsity * rows)),),
    "a share of the rows remains": (
        (initialization, "zeros_of", lambda right: lambda sparsity, rows: right(1 - sparsity, rows)),
    ),
    "sparse deviation a tenth too large": _called(
        "sparse_", lambda right, w, sparsity, std=0.01, **o: right(w, sparsity, 1.1 * std, **o)
    ),
    "zeros in the same rows": _called(
        "sparse_",
        lambda right, w, sparsity, std=0.01, **o: (
            right(w, 0.0, std, **o)[: initialization.zeros_of(sparsity, w.array.shape[0])].zero_(),
            w,
        )[1],
    ),
    "identity shifted": _after(
        "eye_", lambda ref, w: w.copy_(ref.torch.tensor(_tripled(w.array.copy(), -1)))
    ),
    "off the diagonal as before": _called(
        "eye_", lambda right, w: (lambda old: w.copy_(right(w).maximum(old)))(w.detach().clone())
    ),
    "delta shifted": _values("identities", lambda values: _tripled(values, -1)),
    "groups are ignored": (
        (initialization, "identities", lambda right: lambda shape, groups: right(shape, 1)),
    ),
    "groups in the other direction": (
        (
            initialization,
            "identities",
            lambda right: (
                lambda shape, groups: np.flip(right(shape, groups), 0) if groups > 1 else right(shape, 1)
            ),
        ),
    ),
    "a delta of half": _values("identities", lambda values: values / 2),
    "delta at the left of even kernels": (
        (
            initialization,
            "identities",
            lambda right: (
                lambda shape, groups: (
                    np.roll(right(shape, groups), -1, -1) if shape[-1] % 2 == 0 else right(shape, groups)
                )
            ),
        ),
    ),
    "columns where rows are shorter": _values("semi_orthogonal", lambda values: values / np.sqrt(2)),
    "not orthogonal": (instead(initialization, "semi_orthogonal", lambda values: values),),
    "an orthogonal matrix scaled": _values("semi_orthogonal", lambda values: 1.01 * values),
    "one row is not orthogonal": _values(
        "semi_orthogonal", lambda values: np.concatenate([values[:-1], values[-1:] * 0.99])
    ),
    "always the identity": (
        instead(initialization, "semi_orthogonal", lambda values: np.eye(*values.shape)),
    ),
    "gain of an orthogonal matrix squared": _called(
        "orthogonal_", lambda right, w, gain=1, **o: right(w, gain * gain, **o)
    ),
    "ones are zeros": _called(
        "ones_", lambda right, w: right(w).zero_() if not w.requires_grad else right(w)
    ),
    "a constant is rounded": _called(
        "constant_", lambda right, w, val: right(w, val if val != 0.375 else 0.0)
    ),
    **{f"{name} writes to a copy": _called(name, _copied) for name in NAMES[:14]},
    **{f"{name} returns another tensor": _called(name, _new) for name in NAMES[:14] if name != "dirac_"},
    **{
        f"{name} is deaf to the generator": _deaf(name)
        for name in NAMES[:14]
        if name not in ("constant_", "ones_", "zeros_", "eye_", "dirac_")
    },
    **{
        f"{name} leaves no parameter": _called(
            name, lambda right, w, *args, **options: right(w.requires_grad_(False), *args, **options)
        )
        for name in NAMES[:14]
    },
}
"""Faults of ``torch.nn.init``."""


def _field(shape: tuple[int, ...]) -> int:
    """How many positions a kernel has."""
    return int(np.prod(shape[2:]))
