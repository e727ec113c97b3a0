"""Schedulers of the reference: the closed form of a spec inside the interface that all of them share."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from reference_impls import Reference

from .operators import vocabulary_of

if TYPE_CHECKING:
    from ..spec import SchedulerSpec


def scheduler_class(spec: SchedulerSpec, reference: Reference) -> type:
    """The scheduler whose learning rates are the spec's closed form."""
    names = tuple(str(n) for n in spec.signature.names if n != "optimizer")
    vocabulary = vocabulary_of(reference)
    rate = spec.lr.function((*names, "base_lr", "epoch"), vocabulary)
    defaults = {n: d.evaluate(vocabulary) for n, d in spec.signature.defaults.items()}

    class Scheduler:
        def __init__(self, optimizer: Any, *args: Any, **kwargs: Any) -> None:
            self.options = {**defaults, **dict(zip(names, args, strict=False)), **kwargs}
            self.optimizer = optimizer
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
            self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
            self.last_epoch = self.options["last_epoch"] + 1
            self._apply()

        def _apply(self) -> None:
            for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
                group["lr"] = float(rate(**self.options, base_lr=base, epoch=self.last_epoch))
            self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

        def get_last_lr(self) -> list[float]:
            return self._last_lr

        def step(self) -> None:
            self.last_epoch += 1
            self._apply()

        def state_dict(self) -> dict[str, Any]:
            own = {"last_epoch": self.last_epoch, "base_lrs": self.base_lrs, "_last_lr": self._last_lr}
            return {**self.options, **own}

        def load_state_dict(self, state: dict[str, Any]) -> None:
            loaded = copy.deepcopy(state)
            self.options = {name: loaded.get(name, value) for name, value in self.options.items()}
            own = {name: value for name, value in loaded.items() if name not in self.options}
            self.__dict__.update(own, last_epoch=loaded.get("last_epoch", self.last_epoch))

    Scheduler.__name__ = Scheduler.__qualname__ = str(spec.scheduler).rpartition(".")[2]
    return Scheduler
