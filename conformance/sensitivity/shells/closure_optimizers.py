"""Faults in what surrounds an algorithm that evaluates the objective itself: options, state, copies, the closure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...spec import OptimizerSpec
from .fault import Fault, Override
from .optimizers import optimizer_faults, without_option

ELSEWHERE = frozenset({"later groups not stepped", "missing gradient stepped as zero", "closure not called"})
"""Faults of optimizers that take a step for one parameter after the other, with or without a closure."""


def closure_optimizer_faults(spec: OptimizerSpec) -> Iterator[Fault]:
    for fault in optimizer_faults(spec):
        if fault[0] not in ELSEWHERE:
            yield fault
    for option in map(str, spec.hyperparameters):
        yield "group option ignored", option, "step", _ignoring(option)
        yield "state dict without an option", option, "state_dict", without_option(option)
    yield "state not kept", "", "step", _forgetting
    yield (
        "state dict without the state",
        "",
        "state_dict",
        lambda right: lambda self: {**right(self), "state": {}},
    )
    yield "loaded state shared", "", "load_state_dict", _sharing
    yield "second group accepted", "", "__init__", _accepting
    yield "last loss returned", "", "step", _returning_the_last
    yield "missing gradient made up", "", "step", _inventing_gradients


def _ignoring(option: str) -> Override:
    def step(right: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(self: Any, closure: Any) -> Any:
            (group,) = self.param_groups
            given, group[option] = group[option], self.options[option]
            if option == "max_eval" and group[option] is None:
                group[option] = group["max_iter"] * 5 // 4
            try:
                return right(self, closure)
            finally:
                group[option] = given

        return faulty

    return step


def _forgetting(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, closure: Any) -> Any:
        self.state.clear()
        return right(self, closure)

    return step


def _sharing(right: Callable[..., Any]) -> Callable[..., Any]:
    def load_state_dict(self: Any, saved: Any) -> None:
        right(self, saved)
        params = [p for group in self.param_groups for p in group["params"]]
        self.state = {params[number]: state for number, state in saved["state"].items()}

    return load_state_dict


def _accepting(right: Callable[..., Any]) -> Callable[..., Any]:
    def init(self: Any, params: Any, *args: Any, **kwargs: Any) -> None:
        listed = list(params)
        right(self, listed[:1] if listed and isinstance(listed[0], dict) else listed, *args, **kwargs)

    return init


def _returning_the_last(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, closure: Any) -> Any:
        losses = []

        def called() -> Any:
            losses.append(closure())
            return losses[-1]

        right(self, called)
        return losses[-1]

    return step


def _inventing_gradients(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, closure: Any) -> Any:
        params = [param for group in self.param_groups for param in group["params"]]

        def called() -> Any:
            loss = closure()
            for param in params:
                if param.grad is None:
                    param.grad = self.reference.torch.ones_like(param)
            return loss

        return right(self, called)

    return step
