"""Schedulers of the reference that no closed form defines: those written by hand, and those made of others.

Every scheduler says by ``scheduled`` which rates the groups have at an epoch, whatever they are at the time. So whoever
has others to rule for it asks them.
"""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from .schedulers import Scheduler, copied


class LRScheduler(Scheduler):
    """What all schedulers share, for subclasses that provide ``get_lr``."""

    base_lrs: list[Any]
    last_epoch: int

    def __init__(self, optimizer: Any, last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        if last_epoch == -1:
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", copied(group["lr"]))
        self.base_lrs = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self.step()

    def get_lr(self) -> list[Any]:
        """The rates of ``last_epoch``, one for each group."""
        raise NotImplementedError

    def scheduled(self, epoch: int) -> list[float]:
        self.last_epoch = epoch
        return [float(rate) for rate in self.get_lr()]

    def step(self, epoch: int | None = None) -> None:
        self.set_rates(self.scheduled(self.last_epoch + 1 if epoch is None else epoch))

    def state_dict(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        vars(self).update(copy.deepcopy(state_dict))


class Composition(LRScheduler):
    """A scheduler that is made of others, whose states are part of its own."""

    schedulers: list[Any]

    def ask(self, scheduler: Any, epoch: int) -> list[float]:
        """The rates of one of them at an epoch of its own."""
        scheduler.last_epoch = epoch
        return scheduler.scheduled(epoch)

    def state_dict(self) -> dict[str, Any]:
        own = super().state_dict()
        return {**own, "schedulers": [scheduler.state_dict() for scheduler in self.schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict({n: value for n, value in state_dict.items() if n != "schedulers"})
        for scheduler, own in zip(self.schedulers, state_dict["schedulers"], strict=True):
            scheduler.load_state_dict(own)


class SequentialLR(Composition):
    """One scheduler after another, each from its milestone on."""

    def __init__(
        self, optimizer: Any, schedulers: Sequence[Any], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        super().__init__(optimizer, last_epoch)

    def turn(self) -> tuple[int, int]:
        """Which of them rules at ``last_epoch``, and since when."""
        position = bisect_right(self.milestones, self.last_epoch)
        return position, self.milestones[position - 1] if position else 0

    def get_lr(self) -> list[Any]:
        position, begin = self.turn()
        return self.ask(self.schedulers[position], self.last_epoch - begin)


class ChainedScheduler(Composition):
    """All schedulers at once: the rate is multiplied by the factor of each."""

    def __init__(self, schedulers: Sequence[Any], optimizer: Any = None) -> None:
        self.schedulers = list(schedulers)
        first = self.schedulers[0]
        super().__init__(optimizer or first.optimizer, first.last_epoch - 1)

    def get_lr(self) -> list[Any]:
        rates = [float(base) for base in self.base_lrs]
        for scheduler in self.schedulers:
            asked = zip(rates, self.ask(scheduler, self.last_epoch), self.base_lrs, strict=True)
            rates = [rate * own / float(base) for rate, own, base in asked]
        return rates


def composition_names(reference: Any) -> dict[str, type]:
    """They in a reference, as classes of its own: what breaks those of one reference leaves the others whole."""
    return {
        f"torch.optim.lr_scheduler.{kind.__name__}": type(
            kind.__name__, (kind,), {"__doc__": kind.__doc__, "reference": reference}
        )
        for kind in (LRScheduler, SequentialLR, ChainedScheduler)
    }
