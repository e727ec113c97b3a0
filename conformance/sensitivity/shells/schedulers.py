"""Faults in what schedulers share: the count of epochs, the groups, state dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .fault import Fault, Override

if TYPE_CHECKING:
    from ...spec import SchedulerSpec


def scheduler_faults(spec: SchedulerSpec | None = None) -> Iterator[Fault]:
    """Those of every scheduler, and with a spec those of its kind."""
    for entry in ("last_epoch", "_last_lr", *(("base_lrs",) if spec and spec.lr else ())):
        yield "state dict without an entry", entry, "state_dict", _without_entry(entry)
    yield "starts an epoch late", "", "begin", _late
    yield "only the first group", "", "set_rates", _first_group_scheduled
    if spec and spec.per_group:
        yield "the first group's options for all", "", "group_options", _options_of_the_first
    yield "reported rate not updated", "", "report", _reporting_once
    yield "reported rate is no copy", "", "report", _reporting_itself
    yield "tensor replaced", "", "set_rates", _replacing
    yield "state not loaded", "", "load_state_dict", lambda right: lambda self, state_dict: None
    yield "loading takes from the dictionary", "", "load_state_dict", _emptying
    if spec is None or spec.lr is None:
        return
    yield "steps by two epochs", "", "step", _twice
    if spec.jumps != "unsupported":
        yield "the epoch of a step not heeded", "", "step", lambda right: lambda self, epoch=None: right(self)
    yield "started anew", "last_epoch", "begin", _anew
    yield "initial rate not recorded", "initial_lr", "begin", _current
    yield "changes from outside the other way", "", "step", _other_way
    if spec.momentum is not None:
        yield "momentum not set", "", "at", lambda right: lambda self, *now: (right(self, *now)[0], None)
        yield "both betas set", "", "scheduled", _both_betas


def _without_entry(entry: str) -> Override:
    return lambda right: lambda self: {k: v for k, v in right(self).items() if k != entry}


def _options_of_the_first(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, number: right(self, 0)


def _late(right: Callable[..., Any]) -> Callable[..., Any]:
    def begin(self: Any) -> None:
        right(self)
        self.last_epoch -= 1

    return begin


def _anew(right: Callable[..., Any]) -> Callable[..., Any]:
    def begin(self: Any) -> None:
        self.options["last_epoch"] = -1
        right(self)

    return begin


def _current(right: Callable[..., Any]) -> Callable[..., Any]:
    """What the rates are taken for where training is resumed."""

    def begin(self: Any) -> None:
        for group in self.optimizer.param_groups:
            if self.options["last_epoch"] != -1:
                group["initial_lr"] = float(group["lr"])
        right(self)

    return begin


def _twice(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, epoch: Any = None) -> None:
        right(self, epoch)
        right(self, epoch)

    return step


def _other_way(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, epoch: Any = None) -> None:
        self.chainable = not type(self).chainable
        right(self, epoch)

    return step


def _first_group_scheduled(right: Callable[..., Any]) -> Callable[..., Any]:
    def set_rates(self: Any, rates: list[float]) -> None:
        rest = [group["lr"] for group in self.optimizer.param_groups[1:]]
        right(self, [rates[0], *map(float, rest)])

    return set_rates


def _replacing(right: Callable[..., Any]) -> Callable[..., Any]:
    def set_rates(self: Any, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = group["lr"].new_full((), rate) if hasattr(group["lr"], "new_full") else rate
        self.report()

    return set_rates


def _reporting_once(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self: right(self) if not hasattr(self, "_last_lr") else None


def _reporting_itself(right: Callable[..., Any]) -> Callable[..., Any]:
    def report(self: Any) -> None:
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    return report


def _emptying(right: Callable[..., Any]) -> Callable[..., Any]:
    def load_state_dict(self: Any, state_dict: dict[str, Any]) -> None:
        right(self, state_dict)
        state_dict.pop("last_epoch", None)

    return load_state_dict


def _both_betas(right: Callable[..., Any]) -> Callable[..., Any]:
    def scheduled(self: Any, epoch: float) -> list[float]:
        rates = right(self, epoch)
        for group in self.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (group["betas"][0],) * 2
        return rates

    return scheduled
