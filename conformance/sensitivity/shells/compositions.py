"""Faults in the interface of schedulers, as those that are written by hand show it, and in schedulers of schedulers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Any

from .fault import Fault, Override

Find = Callable[[list[int], int], int]
"""From milestones and an epoch to the position of the scheduler that rules there."""


def shared_faults() -> Iterator[Fault]:
    """What any scheduler may do wrong."""
    for entry in ("last_epoch", "_last_lr"):
        yield "state dict without an entry", entry, "state_dict", _without_entry(entry)
    yield "state not loaded", "", "load_state_dict", lambda right: lambda self, state: None
    yield "loading empties the dictionary", "", "load_state_dict", _emptying
    yield "steps by two epochs", "", "step", _twice
    yield "never steps", "", "step", _only_when_built
    yield "only the first group", "", "set_rates", _first_group
    yield "all groups like the first", "", "set_rates", _like_the_first
    yield "reported rate not updated", "", "get_last_lr", lambda right: lambda self: self.base_lrs
    yield "replaces a rate that is a tensor", "", "set_rates", _replacing
    yield "starts an epoch late", "", "__init__", _after_building(_earlier)
    yield "steps twice when built", "", "__init__", _after_building(lambda self: self.step())


def interface_faults() -> Iterator[Fault]:
    """LRScheduler itself."""
    yield from shared_faults()
    for entry in ("base_lrs", "every", "note"):
        yield "state dict without an entry", entry, "state_dict", _without_entry(entry)
    yield "state dict with the optimizer", "", "state_dict", lambda right: lambda self: dict(vars(self))
    yield "state dict is the scheduler's own", "", "state_dict", lambda right: vars
    yield "loading sets the rate", "", "load_state_dict", _loading_sets_the_rate
    yield "reports the optimizer's rate", "", "get_last_lr", _reporting_the_group
    yield "no step when built", "", "__init__", _rate_kept
    yield "last_epoch ignored", "", "__init__", _epoch_ignored
    yield "last_epoch taken for the next", "", "__init__", _after_building(_epoch_too_early)
    yield "initial rate overwritten", "", "__init__", _initial_rate_overwritten
    yield "current rate as base", "", "__init__", _current_as_base
    yield "told epoch ignored", "", "step", lambda right: lambda self, epoch=None: right(self)
    yield "told epoch one ahead", "", "step", _one_ahead
    yield "told epoch not remembered", "", "step", _not_remembered
    yield "reported tensor is the optimizer's", "", "set_rates", _aliasing
    yield "base rate is the optimizer's tensor", "", "__init__", _base_is_the_tensor


FINDS: dict[str, Find] = {
    "milestone compared with <": bisect_left,
    "milestones one epoch late": lambda milestones, epoch: bisect_right(milestones, epoch - 1),
    "milestones one epoch early": lambda milestones, epoch: bisect_right(milestones, epoch + 1),
    "milestone at zero ignored": lambda milestones, epoch: bisect_right(milestones, epoch) if epoch else 0,
    "never the third scheduler": lambda milestones, epoch: min(bisect_right(milestones, epoch), 1),
    "never the last scheduler": lambda milestones, epoch: bisect_right(milestones[:-1], epoch),
    "the first for ever": lambda milestones, epoch: 0,
}


def sequential_faults() -> Iterator[Fault]:
    """Which scheduler rules, and from which epoch of its own."""
    yield from shared_faults()
    yield from _not_kept("schedulers", "milestones")
    for mutator, find in FINDS.items():
        yield mutator, "", "turn", _found_by(find)
    yield "epochs not counted from the milestone", "", "turn", lambda right: lambda self: (right(self)[0], 0)
    yield "later ones begin at their epoch 1", "", "turn", _begins_later(-1)
    yield "later ones begin at their epoch -1", "", "turn", _begins_later(1)
    yield "counted from the first milestone", "", "turn", _from_the_first_milestone
    yield "works on the rate that was left", "", "get_lr", _on_what_was_left
    yield "all schedulers multiply", "", "get_lr", _all_multiply
    yield "effect of the first kept", "", "get_lr", _first_kept
    yield "constructors not undone", "", "__init__", _rate_kept
    yield "last_epoch ignored", "", "__init__", _epoch_ignored
    yield "last_epoch taken for the next", "", "__init__", _after_building(_epoch_too_early)


def chain_faults() -> Iterator[Fault]:
    """What becomes of the factors."""
    yield from shared_faults()
    yield from _not_kept("schedulers", "base_lrs")
    yield "only the first scheduler", "", "get_lr", _only(0)
    yield "only the last scheduler", "", "get_lr", _only(-1)
    yield "all but the last scheduler", "", "get_lr", _but_the_last
    yield "changes added up", "", "get_lr", _added
    yield "factors of the epoch before", "", "get_lr", _epoch_before
    yield "optimizer not found", "", "__init__", _optimizer_missing


COMPOSITIONS: dict[str, Callable[[], Iterator[Fault]]] = {
    "torch.optim.lr_scheduler.LRScheduler": interface_faults,
    "torch.optim.lr_scheduler.SequentialLR": sequential_faults,
    "torch.optim.lr_scheduler.ChainedScheduler": chain_faults,
}
"""What may be wrong with the class of a name."""


def _not_kept(*entries: str) -> Iterator[Fault]:
    for entry in entries:
        yield "entry not loaded", entry, "load_state_dict", _not_loading(entry)


def _without_entry(entry: str) -> Override:
    return lambda right: lambda self: {k: v for k, v in right(self).items() if k != entry}


def _not_loading(entry: str) -> Override:
    def fault(right: Callable[..., Any]) -> Callable[..., Any]:
        def load_state_dict(self: Any, state: dict[str, Any]) -> None:
            own = self.state_dict()[entry]
            right(self, {**state, entry: own})

        return load_state_dict

    return fault


def _emptying(right: Callable[..., Any]) -> Callable[..., Any]:
    def load_state_dict(self: Any, state: dict[str, Any]) -> None:
        right(self, state)
        state.popitem()

    return load_state_dict


def _twice(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, epoch: int | None = None) -> None:
        if self.last_epoch > -1 and epoch is None:
            right(self)
        right(self, epoch)

    return step


def _only_when_built(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, epoch=None: right(self) if self.last_epoch == -1 else None


def _first_group(right: Callable[..., Any]) -> Callable[..., Any]:
    def set_rates(self: Any, rates: list[Any]) -> None:
        right(self, [*rates[:1], *(float(group["lr"]) for group in self.optimizer.param_groups[1:])])

    return set_rates


def _like_the_first(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, rates: right(self, rates[:1] * len(rates))


def _replacing(right: Callable[..., Any]) -> Callable[..., Any]:
    def set_rates(self: Any, rates: list[Any]) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = group["lr"].clone() if hasattr(group["lr"], "clone") else group["lr"]
        right(self, rates)

    return set_rates


def _aliasing(right: Callable[..., Any]) -> Callable[..., Any]:
    def set_rates(self: Any, rates: list[Any]) -> None:
        right(self, rates)
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    return set_rates


def _loading_sets_the_rate(right: Callable[..., Any]) -> Callable[..., Any]:
    def load_state_dict(self: Any, state: dict[str, Any]) -> None:
        right(self, state)
        self.set_rates(self._last_lr)

    return load_state_dict


def _reporting_the_group(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self: [group["lr"] for group in self.optimizer.param_groups]


def _after_building(then: Callable[[Any], Any]) -> Override:
    def fault(right: Callable[..., Any]) -> Callable[..., Any]:
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            right(self, *args, **kwargs)
            then(self)

        return __init__

    return fault


def _earlier(self: Any) -> None:
    self.last_epoch -= 1


def _rate_kept(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, optimizer: Any, *args: Any, **options: Any) -> None:
        rates = [group["lr"] for group in optimizer.param_groups]
        right(self, optimizer, *args, **options)
        self.set_rates(rates)

    return __init__


def _epoch_ignored(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, *args: Any, last_epoch: int = -1, **options: Any) -> None:
        right(self, *(value for value in args if not isinstance(value, int)), **options)

    return __init__


def _epoch_too_early(self: Any) -> None:
    if self.last_epoch > 0:
        self.step(self.last_epoch - 1)


def _initial_rate_overwritten(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, optimizer: Any, last_epoch: int = -1) -> None:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"] if last_epoch == -1 else group["initial_lr"]
        right(self, optimizer, last_epoch)

    return __init__


def _current_as_base(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, optimizer: Any, last_epoch: int = -1) -> None:
        rates = [group["lr"] for group in optimizer.param_groups]
        right(self, optimizer, last_epoch)
        self.base_lrs = rates
        self.set_rates(self.scheduled(self.last_epoch))

    return __init__


def _base_is_the_tensor(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, optimizer: Any, last_epoch: int = -1) -> None:
        right(self, optimizer, last_epoch)
        self.base_lrs = [
            group["lr"] if hasattr(group["lr"], "fill_") else base
            for group, base in zip(optimizer.param_groups, self.base_lrs, strict=True)
        ]

    return __init__


def _one_ahead(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, epoch=None: right(self, None if epoch is None else epoch + 1)


def _not_remembered(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, epoch: int | None = None) -> None:
        before = self.last_epoch
        right(self, epoch)
        if epoch is not None:
            self.last_epoch = before

    return step


def _found_by(find: Find) -> Override:
    def turn(self: Any) -> tuple[int, int]:
        position = find(self.milestones, self.last_epoch)
        return position, self.milestones[position - 1] if position else 0

    return lambda right: turn


def _begins_later(epochs: int) -> Override:
    def fault(right: Callable[..., Any]) -> Callable[..., Any]:
        def turn(self: Any) -> tuple[int, int]:
            position, begin = right(self)
            return position, begin + epochs * (position > 0)

        return turn

    return fault


def _from_the_first_milestone(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self: (right(self)[0], self.milestones[0] if right(self)[0] else 0)


def _on_what_was_left(right: Callable[..., Any]) -> Callable[..., Any]:
    """Whichever takes over multiplies the rate that it finds."""

    def get_lr(self: Any) -> list[float]:
        position, begin = self.turn()
        if position and self.last_epoch == begin:
            self.left = [float(group["lr"]) for group in self.optimizer.param_groups]
        rates = right(self)
        left = getattr(self, "left", rates) if position else self.base_lrs
        return [
            rate * there / float(base) for rate, there, base in zip(rates, left, self.base_lrs, strict=True)
        ]

    return get_lr


def _all_multiply(right: Callable[..., Any]) -> Callable[..., Any]:
    def get_lr(self: Any) -> list[float]:
        rates = [float(base) for base in self.base_lrs]
        for scheduler in self.schedulers:
            own = self.ask(scheduler, self.last_epoch)
            rates = [
                rate * new / float(base) for rate, new, base in zip(rates, own, self.base_lrs, strict=True)
            ]
        return rates

    return get_lr


def _first_kept(right: Callable[..., Any]) -> Callable[..., Any]:
    def get_lr(self: Any) -> list[float]:
        rates, first = right(self), self.ask(self.schedulers[0], 0)
        if not self.turn()[0]:
            return right(self)
        return [rate * new / float(base) for rate, new, base in zip(rates, first, self.base_lrs, strict=True)]

    return get_lr


def _only(position: int) -> Override:
    return lambda right: lambda self: self.ask(self.schedulers[position], self.last_epoch)


def _but_the_last(right: Callable[..., Any]) -> Callable[..., Any]:
    def get_lr(self: Any) -> list[float]:
        schedulers = self.schedulers
        self.schedulers = schedulers[:-1] or schedulers
        try:
            return right(self)
        finally:
            self.schedulers = schedulers

    return get_lr


def _added(right: Callable[..., Any]) -> Callable[..., Any]:
    def get_lr(self: Any) -> list[float]:
        rates = [float(base) for base in self.base_lrs]
        for scheduler in self.schedulers:
            own = self.ask(scheduler, self.last_epoch)
            rates = [
                rate + new - float(base) for rate, new, base in zip(rates, own, self.base_lrs, strict=True)
            ]
        return rates

    return get_lr


def _epoch_before(right: Callable[..., Any]) -> Callable[..., Any]:
    def get_lr(self: Any) -> list[float]:
        self.last_epoch -= self.last_epoch > 0
        rates = right(self)
        self.last_epoch += 1
        return rates

    return get_lr


def _optimizer_missing(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, schedulers: Any, optimizer: Any = None) -> None:
        right(self, schedulers, optimizer)
        if optimizer is None:
            self.optimizer = None

    return __init__
