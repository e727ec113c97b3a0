"""Schedulers of the reference: the schedule of a spec inside the interface that all of them share."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

from reference_impls import Reference

from .operators import vocabulary_of

if TYPE_CHECKING:
    from ..spec import SchedulerSpec


class Scheduler:
    """What all schedulers share: options, rates that are set and reported, state dictionaries."""

    reference: Reference
    defaults: dict[str, Any]
    positional: tuple[str, ...]
    per_group: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    state: tuple[str, ...] = ("last_epoch", "_last_lr")
    """The attributes that are saved besides the options."""

    def __init__(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        self.options = {**self.defaults, **dict(zip(self.positional, args, strict=False)), **kwargs}
        self.optimizer = optimizer
        self.begin()

    def begin(self) -> None:
        """What the constructor does once it has the options and the optimizer."""
        raise NotImplementedError

    def group_options(self, number: int) -> dict[str, Any]:
        """The options of one group: of a list for the groups its own element."""
        return {
            name: value[number] if name in self.per_group and isinstance(value, list | tuple) else value
            for name, value in self.options.items()
        }

    def set_rates(self, rates: list[float]) -> None:
        """Gives each group its rate. A rate that is a tensor stays that tensor."""
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            if isinstance(group["lr"], self.reference.Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        self.report()

    def report(self) -> None:
        """Notes the rates that the groups have."""
        self._last_lr = [copied(group["lr"]) for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[Any]:
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        saved = {**self.options, **{name: getattr(self, name) for name in self.state}}
        return {name: value for name, value in saved.items() if name not in self.functions}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        loaded = copy.deepcopy(state_dict)
        own = {name: loaded.pop(name) for name in self.state if name in loaded}
        self.options.update(loaded)
        self.__dict__.update(own)


class ClosedForm(Scheduler):
    """A scheduler whose rates follow from the epoch, and from what others have made of them."""

    state = ("last_epoch", "_last_lr", "base_lrs")
    chainable: bool
    """Whether what others have made of a rate stays: each is then a multiple of the last one."""

    def begin(self) -> None:
        groups = self.optimizer.param_groups
        if self.options["last_epoch"] == -1:
            for number, group in enumerate(groups):
                start = self.start(self.group_options(number))
                if start is not None:
                    group["initial_lr"] = start
                group.setdefault("initial_lr", copied(group["lr"]))
        self.base_lrs = [copied(group["initial_lr"]) for group in groups]
        self.last_epoch = self.options["last_epoch"] + 1
        rates = self.scheduled(self.last_epoch)
        if self.chainable and self.last_epoch == 0:
            # A scheduler that was made before may have changed the rate already.
            rates = [
                rate * float(group["lr"]) / float(base) if base else rate
                for rate, group, base in zip(rates, groups, self.base_lrs, strict=True)
            ]
        self.set_rates(rates)

    def step(self, epoch: float | None = None) -> None:
        changes = self.changes() if epoch is None and self.chainable else [1.0] * len(self.base_lrs)
        self.last_epoch = self.last_epoch + 1 if epoch is None else math.floor(epoch)
        rates = self.scheduled(self.last_epoch if epoch is None else epoch)
        self.set_rates([rate * change for rate, change in zip(rates, changes, strict=True)])

    def changes(self) -> list[float]:
        """How many times larger each rate is than was scheduled."""
        rates = zip(self.optimizer.param_groups, self.scheduled(self.last_epoch), strict=True)
        return [float(group["lr"]) / rate if rate else 1.0 for group, rate in rates]

    def scheduled(self, epoch: float) -> list[float]:
        """The rates of the groups at an epoch. Where the momentum is scheduled too, the groups are given it."""
        rates = []
        for number, group in enumerate(self.optimizer.param_groups):
            rate, momentum = self.at(self.group_options(number), float(self.base_lrs[number]), epoch)
            rates.append(rate)
            if momentum is not None and "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
            elif momentum is not None:
                group["momentum"] = momentum
        return rates

    def start(self, options: dict[str, Any]) -> float | None:
        """The rate that a group begins with, where that is not the optimizer's."""
        raise NotImplementedError

    def at(self, options: dict[str, Any], base_lr: float, epoch: float) -> tuple[float, float | None]:
        """The rate of a group at an epoch, and its momentum where that is scheduled too."""
        raise NotImplementedError


class Told(Scheduler):
    """A scheduler whose steps are told a metric, and which keeps what it made of them."""

    def begin(self) -> None:
        self.last_epoch = 0
        for name, value in self.first().items():
            setattr(self, name, value)
        self.report()

    def first(self) -> dict[str, Any]:
        """The state before the first step."""
        raise NotImplementedError

    def update(self, options: dict[str, Any], **before: Any) -> dict[str, Any]:
        """The state and the rate of a group after a step."""
        raise NotImplementedError

    def step(self, metric: Any, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        before = {name: getattr(self, name) for name in self.first()}
        rates = []
        after: dict[str, Any] = {}
        for number, group in enumerate(self.optimizer.param_groups):
            options = self.group_options(number)
            after = self.update(options, **before, lr=float(group["lr"]), metric=float(metric))
            rates.append(after.pop("lr"))
        self.__dict__.update(after)
        self.set_rates(rates)


def copied(rate: Any) -> Any:
    """A rate that later changes do not reach."""
    return rate.clone() if hasattr(rate, "clone") else rate


def scheduler_class(spec: SchedulerSpec, reference: Reference) -> type:
    """The scheduler whose learning rates are those of the spec."""
    make = closed_form if spec.step is None else told
    scheduler = make(spec, reference)
    vocabulary = vocabulary_of(reference)
    scheduler.reference = reference
    scheduler.positional = tuple(map(str, spec.hyperparameters))
    scheduler.defaults = {n: d.evaluate(vocabulary) for n, d in spec.signature.defaults.items()}
    scheduler.per_group, scheduler.functions = spec.per_group, spec.functions
    scheduler.__name__ = scheduler.__qualname__ = str(spec.scheduler).rpartition(".")[2]
    return scheduler


def closed_form(spec: SchedulerSpec, reference: Reference) -> type[Scheduler]:
    """A scheduler with an ``lr``."""
    assert spec.lr is not None
    vocabulary = vocabulary_of(reference)
    names = tuple(dict.fromkeys((*map(str, spec.hyperparameters), "base_lr", "epoch")))
    starts = spec.starts and spec.starts.function(tuple(map(str, spec.hyperparameters)), vocabulary)
    let = spec.let and spec.let.function(names, vocabulary, spec.locals)
    lr = spec.lr.function((*names, *spec.locals), vocabulary)
    momentum = spec.momentum and spec.momentum.function((*names, *spec.locals), vocabulary)

    class Assembled(ClosedForm):
        chainable = spec.outside != "lost"

        def start(self, options: dict[str, Any]) -> float | None:
            return float(starts(**options)) if starts else None

        def at(self, options: dict[str, Any], base_lr: float, epoch: float) -> tuple[float, float | None]:
            known = {**options, "base_lr": base_lr, "epoch": epoch}
            known |= let(**known) if let else {}
            second = momentum(**known) if momentum else None
            return float(lr(**known)), None if second is None else float(second)

    return Assembled


def told(spec: SchedulerSpec, reference: Reference) -> type[Scheduler]:
    """A scheduler with a ``step``."""
    assert spec.step is not None
    vocabulary = vocabulary_of(reference)
    kept = tuple(map(str, spec.state))
    names = (*map(str, spec.hyperparameters), *kept, "lr", "metric")
    step = spec.step.function(names, vocabulary, (*kept, "lr"))

    class Assembled(Told):
        state = ("last_epoch", "_last_lr", *kept)

        def first(self) -> dict[str, Any]:
            return {n: v.evaluate(vocabulary, **self.options) for n, v in spec.state.items()}

        def update(self, options: dict[str, Any], **before: Any) -> dict[str, Any]:
            return step(**options, **before)

    return Assembled
