"""Faults in what schedulers share: the count of epochs, the groups, state dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .fault import Fault, Override


def scheduler_faults() -> Iterator[Fault]:
    for entry in ("last_epoch", "base_lrs", "_last_lr"):
        yield "state dict without an entry", entry, "state_dict", _without_entry(entry)
    yield "starts an epoch late", "", "__init__", _late
    yield "steps by two epochs", "", "step", lambda right: lambda self: (right(self), right(self))[0]
    yield "only the first group", "", "_apply", _first_group_scheduled
    yield "reported rate not updated", "", "get_last_lr", lambda right: lambda self: self.base_lrs
    yield "state not loaded", "", "load_state_dict", lambda right: lambda self, state: None


def _without_entry(entry: str) -> Override:
    return lambda right: lambda self: {k: v for k, v in right(self).items() if k != entry}


def _late(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        right(self, optimizer, *args, **kwargs)
        self.last_epoch -= 1

    return __init__


def _first_group_scheduled(right: Callable[..., Any]) -> Callable[..., Any]:
    def _apply(self: Any) -> None:
        rest = [(group, group["lr"]) for group in self.optimizer.param_groups[1:]]
        right(self)
        for group, rate in rest:
            group["lr"] = rate

    return _apply
