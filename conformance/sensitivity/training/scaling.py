"""Faults of an iteration with a gradient scaler: its arithmetic, its decisions, and the order of its calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_impls.grad_scaler import GradScaler

from ..tape.fault import Fault, instead


def method(name: str, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Fault:
    """A method of the scaler that is broken."""
    return ((GradScaler, name, change),)


def before(name: str, spoil: Callable[[Any], None]) -> Fault:
    """Something is wrong already when a method is called."""

    def change(right: Callable[..., Any]) -> Callable[..., Any]:
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            spoil(self)
            return right(self, *args, **kwargs)

        return method

    return method(name, change)


def _adapting(faulty: Callable[[Any, bool], None]) -> Fault:
    return (instead(GradScaler, "_adapt", faulty),)


def _counting(
    late: int = 0, kept: bool = False, reset: bool = True, grown: bool = True, missed: bool = False
) -> Fault:
    """Growth that counts wrongly: too late or early, without an end, on through overflow, past the interval."""

    def adapt(self: Any, overflow: bool) -> None:
        if overflow:
            self._scale *= self._backoff_factor
            self._growth_tracker = 0 if reset else self._growth_tracker
            return
        self._growth_tracker += 1
        due = self._growth_interval + late
        if self._growth_tracker == due or (self._growth_tracker > due and not missed):
            self._scale *= self._growth_factor if grown else 1.0
            self._growth_tracker = self._growth_tracker if kept else 0

    return _adapting(adapt)


def _backing(scale: Callable[[Any], float]) -> Fault:
    """Another scale after overflow."""

    def change(right: Callable[..., Any]) -> Callable[..., Any]:
        def adapt(self: Any, overflow: bool) -> None:
            before = scale(self)
            right(self, overflow)
            if overflow:
                self._scale = before

        return adapt

    return method("_adapt", change)


def _for_each(right: Callable[..., Any]) -> Callable[..., Any]:
    """One adaption for every optimizer."""

    def update(self: Any, new_scale: Any = None) -> None:
        if new_scale is None and self._enabled and len(self._iterations) > 1:
            for iteration in self._iterations.values():
                self._adapt(iteration.overflow)
            self._iterations = {}
        else:
            right(self, new_scale)

    return update


def _by_first(right: Callable[..., Any]) -> Callable[..., Any]:
    """Only the first optimizer's overflow counts."""

    def update(self: Any, new_scale: Any = None) -> None:
        iterations = list(self._iterations.values())
        for iteration in iterations:
            iteration.overflow = iterations[0].overflow
        right(self, new_scale)

    return update


def _overflowing(sees: Callable[[Any], Any]) -> Fault:
    """``sees`` says which elements of a gradient count as overflow."""
    return (instead(GradScaler, "_overflows", lambda self, grad: bool(sees(grad).any())),)


def _stepping(faulty: Callable[[Any, Any, Any], None]) -> Fault:
    """Something is done to what is known of an optimizer just before its step."""

    def change(right: Callable[..., Any]) -> Callable[..., Any]:
        def step(self: Any, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
            if self._enabled and self._has_scaled:
                faulty(self, optimizer, self._iteration(optimizer))
            return right(self, optimizer, *args, **kwargs)

        return step

    return method("step", change)


def _always(self: Any, optimizer: Any, iteration: Any) -> None:
    if not iteration.unscaled:
        self.unscale_(optimizer)
    iteration.overflow = False


def _together(self: Any, optimizer: Any, iteration: Any) -> None:
    if not iteration.unscaled:
        self.unscale_(optimizer)
    iteration.overflow = any(each.overflow for each in self._iterations.values())


def _checked_again(self: Any, optimizer: Any, iteration: Any) -> None:
    if iteration.unscaled and not iteration.stepped:
        grads = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        iteration.overflow = any(self._overflows(grad) for grad in grads)


def _divided_again(self: Any, optimizer: Any, iteration: Any) -> None:
    iteration.unscaled = iteration.stepped


def _forgetting(**marks: bool) -> Callable[[Any, Any, Any], None]:
    return lambda self, optimizer, iteration: vars(iteration).update(marks)


def _unscaling(right: Callable[..., Any], optimizer: Any, keep: Callable[[Any], Any]) -> Any:
    class Part:
        param_groups = keep(optimizer.param_groups)

        def __hash__(self) -> int:
            return hash(optimizer)

        def __eq__(self, other: object) -> bool:
            return other is optimizer or type(other).__name__ == "Part"

    return right(Part())


def _only(keep: Callable[[Any], Any]) -> Fault:
    """Only some of the gradients are unscaled and checked."""
    return method(
        "unscale_",
        lambda right: lambda self, optimizer: _unscaling(lambda part: right(self, part), optimizer, keep),
    )


def _marked(spoil: Callable[[Any], None]) -> Fault:
    """Something is forgotten before an optimizer is unscaled."""

    def change(right: Callable[..., Any]) -> Callable[..., Any]:
        def unscale_(self: Any, optimizer: Any) -> None:
            if self._enabled and self._has_scaled:
                spoil(self._iteration(optimizer))
            right(self, optimizer)

        return unscale_

    return method("unscale_", change)


def _multiplied(right: Callable[..., Any]) -> Callable[..., Any]:
    def unscale_(self: Any, optimizer: Any) -> None:
        scale, self._scale = self._scale, 1 / self._scale
        try:
            right(self, optimizer)
        finally:
            self._scale = scale

    return unscale_


def _rounded(right: Callable[..., Any]) -> Callable[..., Any]:
    """Gradients are multiplied by the reciprocal of the scale as float32 has it."""

    def unscale_(self: Any, optimizer: Any) -> None:
        scale, self._scale = self._scale, 1 / float(np.float32(1 / self._scale))
        try:
            right(self, optimizer)
        finally:
            self._scale = scale

    return unscale_


def _undivided(right: Callable[..., Any]) -> Callable[..., Any]:
    def unscale_(self: Any, optimizer: Any) -> None:
        scale, self._scale = self._scale, 1.0
        try:
            right(self, optimizer)
        finally:
            self._scale = scale

    return unscale_


def _out_of_place(right: Callable[..., Any]) -> Callable[..., Any]:
    def unscale_(self: Any, optimizer: Any) -> None:
        for param in (p for group in optimizer.param_groups for p in group["params"]):
            param.grad = None if param.grad is None or not self._enabled else param.grad.clone()
        right(self, optimizer)

    return unscale_


def _scaling(change: Callable[[Any, Any, Any], Any]) -> Fault:
    """``change`` gets the scaler, what was given and what came out, where the scaler is enabled."""
    return method(
        "scale",
        lambda right: (
            lambda self, outputs: (
                change(self, outputs, right(self, outputs)) if self._enabled else right(self, outputs)
            )
        ),
    )


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _remembering(right: Callable[..., Any]) -> Callable[..., Any]:
    def update(self: Any, new_scale: Any = None) -> None:
        kept = self._iterations
        right(self, new_scale)
        self._iterations = kept

    return update


def _keeping_tensor(right: Callable[..., Any]) -> Callable[..., Any]:
    """A scale given as a tensor is kept, not copied."""

    def update(self: Any, new_scale: Any = None) -> None:
        right(self, new_scale)
        if isinstance(new_scale, self._ref.Tensor):
            self._given = new_scale

    return update


def _given_scale(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self: float(self._given) if hasattr(self, "_given") else right(self)


FAULTS: dict[str, Fault] = {
    "growth one step late": _counting(late=1),
    "growth one step early": _counting(late=-1),
    "growth at every step from then on": _counting(kept=True),
    "overflow does not interrupt the count": _counting(reset=False),
    "no growth": _counting(grown=False),
    "growth is missed where the interval was made shorter": _counting(missed=True),
    "growth by a constant factor": before("_adapt", lambda self: setattr(self, "_growth_factor", 2.0)),
    "no back-off": _backing(lambda self: self._scale),
    "back-off to one": _backing(lambda self: 1.0),
    "back-off by the growth factor": _backing(lambda self: self._scale / self._growth_factor),
    "back-off twice": _backing(lambda self: self._scale * self._backoff_factor**2),
    "one adaption for each optimizer": method("update", _for_each),
    "only the first optimizer counts": method("update", _by_first),
    "update forgets nothing": method("update", _remembering),
    "update without a step": method(
        "update",
        lambda right: (
            lambda self, new_scale=None: right(self, new_scale) if self._iterations or new_scale else None
        ),
    ),
    "a new scale is ignored": method("update", lambda right: lambda self, new_scale=None: right(self)),
    "a new scale is adapted": method(
        "update",
        lambda right: (
            lambda self, new_scale=None: (
                right(self, new_scale),
                self._enabled and new_scale is not None and self._adapt(True),
                None,
            )[2]
        ),
    ),
    "a new scale is not copied": (
        (GradScaler, "update", _keeping_tensor),
        (GradScaler, "get_scale", _given_scale),
    ),
    "bad steps are taken": _stepping(_always),
    "optimizers are told apart by where they are in memory": method(
        "_iteration", lambda right: lambda self, optimizer: right(self, id(optimizer))
    ),
    "one bad optimizer stops all": _stepping(_together),
    "gradients are checked again before the step": _stepping(_checked_again),
    "step divides again": _stepping(_divided_again),
    "step twice": _stepping(_forgetting(stepped=False)),
    "unscale twice": _marked(lambda iteration: vars(iteration).update(unscaled=False)),
    "unscale after step": _marked(lambda iteration: vars(iteration).update(unscaled=False, stepped=False)),
    "unscale after step only": _marked(
        lambda iteration: vars(iteration).update(unscaled=False, stepped=False) if iteration.stepped else None
    ),
    "step before scale": before("step", lambda self: setattr(self, "_has_scaled", True)),
    "unscale before scale": before("unscale_", lambda self: setattr(self, "_has_scaled", True)),
    "step returns nothing": method(
        "step", lambda right: lambda self, *args, **kwargs: (right(self, *args, **kwargs), None)[1]
    ),
    "step drops arguments": method(
        "step",
        lambda right: (
            lambda self, optimizer, *args, **kwargs: right(
                self, optimizer, *args, **({} if "closure" not in kwargs else kwargs)
            )
        ),
    ),
    "closures are accepted": method(
        "step",
        lambda right: (
            lambda self, optimizer, *args, closure=None, **kwargs: right(
                self, optimizer, *(args if closure is None else (closure, *args)), **kwargs
            )
        ),
    ),
    "gradients are multiplied": method("unscale_", _multiplied),
    "gradients are multiplied by a rounded reciprocal": method("unscale_", _rounded),
    "gradients are not divided": method("unscale_", _undivided),
    "gradients are replaced": method("unscale_", _out_of_place),
    "only the first group": _only(lambda groups: groups[:1]),
    "only the first parameter": _only(lambda groups: [{**g, "params": g["params"][:1]} for g in groups]),
    "scalars are not unscaled": _only(
        lambda groups: [{**g, "params": [p for p in g["params"] if p.ndim]} for g in groups]
    ),
    "only nan is seen": _overflowing(lambda grad: grad != grad),
    "only infinities are seen": _overflowing(lambda grad: grad.abs() == float("inf")),
    "minus infinity is not seen": _overflowing(lambda grad: (grad != grad) | (grad == float("inf"))),
    "only the first element is seen": _overflowing(lambda grad: ~grad.reshape(-1)[:1].isfinite()),
    "zero is overflow": _overflowing(lambda grad: ~grad.isfinite() | (grad == 0)),
    "nothing is scaled": _scaling(lambda self, given, scaled: given),
    "what is scaled has no history": _scaling(
        lambda self, given, scaled: scaled if _is_list(scaled) else scaled.detach()
    ),
    "scaled twice": _scaling(
        lambda self, given, scaled: scaled if _is_list(given) else given * self._scale**2
    ),
    "scaled in place": _scaling(
        lambda self, given, scaled: (
            scaled if _is_list(given) or given.requires_grad else given.mul_(self._scale)
        )
    ),
    "tuples become lists": _scaling(
        lambda self, given, scaled: list(scaled) if isinstance(scaled, tuple) else scaled
    ),
    "named tuples become tuples of one": _scaling(
        lambda self, given, scaled: (scaled,) if hasattr(given, "_fields") else scaled
    ),
    "only the first output": _scaling(
        lambda self, given, scaled: type(scaled)([*scaled[:1], *given[1:]]) if type(given) is list else scaled
    ),
    "other outputs pass": method(
        "scale",
        lambda right: lambda self, outputs: right(self, outputs) if hasattr(outputs, "__iter__") else outputs,
    ),
}
