"""The clauses of schedulers look at every epoch, and what is wrong at one of them only is seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.assemble import assemble
from conformance.backends.reference import ReferenceBackend
from conformance.check import Bench
from conformance.generate import cases
from conformance.generate.schedules import EPOCHS, Programs
from conformance.spec import SchedulerSpec, Spec, load
from conformance.verdict import Verdict
from reference_impls import Reference

OPTIM = Path(__file__).parents[2] / "specs" / "torch" / "optim"
NAMES = ("StepLR", "LambdaLR", "CyclicLR", "OneCycleLR", "ReduceLROnPlateau")


def few(spec: Spec) -> SchedulerSpec:
    """The spec with the first two of its argument lists."""
    assert isinstance(spec, SchedulerSpec)
    return spec.model_copy(update={"tries": dict(list(spec.tries.items())[:2])})


SPECS = {name: few(load(OPTIM / "lr_scheduler" / f"{name}.yaml")) for name in NAMES}
OPTIMIZERS = [load(OPTIM / f"{name}.yaml") for name in ("SGD", "Adam")]
LAST = EPOCHS - 1


def backend() -> ReferenceBackend:
    return ReferenceBackend(assemble([*OPTIMIZERS, *SPECS.values()], Reference()))


def failing(name: str, clause: str, breaks: Callable[[Any], None]) -> bool:
    """Whether a clause fails for a scheduler that was broken; unbroken it passes."""
    case = next(case for case in cases(SPECS[name]) if case.id == clause)
    tested = backend()
    judged = Bench(tested, backend())
    assert {line.verdict for line in judged.check(case, "cpu", "eager", ("float64",))} == {Verdict.PASS}
    breaks(getattr(tested.torch.optim.lr_scheduler, name))
    return any(line.verdict is Verdict.FAIL for line in judged.check(case, "cpu", "eager", ("float64",)))


def broken_at(epoch: int, method: str) -> Callable[[Any], None]:
    """The rates are twice as large after one call of a method, at one epoch only."""

    def breaks(scheduler: Any) -> None:
        right = getattr(scheduler, method)

        def faulty(self: Any, *args: Any) -> None:
            right(self, *args)
            if self.last_epoch == epoch:
                self.set_rates([2.0 * group["lr"] for group in self.optimizer.param_groups])

        setattr(scheduler, method, faulty)

    return breaks


@pytest.mark.parametrize("name", ["StepLR", "ReduceLROnPlateau"])
@pytest.mark.parametrize("epoch", [1, 100, LAST])
def test_the_schedule_is_followed_to_its_last_epoch(name: str, epoch: int) -> None:
    assert failing(name, next(map(str, SPECS[name].tries)), broken_at(epoch, "step"))


@pytest.mark.parametrize("name", ["StepLR", "CyclicLR", "ReduceLROnPlateau"])
@pytest.mark.parametrize("epoch", [0, LAST])
def test_loading_is_asked_at_every_epoch(name: str, epoch: int) -> None:
    assert failing(name, "resume", broken_at(epoch, "load_state_dict"))


@pytest.mark.parametrize("epoch", [0, LAST])
def test_building_is_asked_at_every_epoch(epoch: int) -> None:
    def forgets(scheduler: Any) -> None:
        right = scheduler.begin

        def begin(self: Any) -> None:
            right(self)
            self.base_lrs = (
                [2.0 * rate for rate in self.base_lrs] if self.last_epoch == epoch else self.base_lrs
            )

        scheduler.begin = begin

    assert failing("LambdaLR", "by-last-epoch", forgets)


def test_a_schedule_that_ends_is_left_at_its_end() -> None:
    programs = Programs(SPECS["OneCycleLR"], "momentum")
    assert programs.length("max_lr=1.0, total_steps=12") == 12
    assert programs.length("max_lr=1.0, epochs=3, steps_per_epoch=4") == 12
    assert programs.length("max_lr=1.0, total_steps=1000") == EPOCHS


def test_functions_are_those_of_the_scheduler_that_is_to_load() -> None:
    own, other = "0.5, 2.0, scale_fn=lambda x: 1.0", "1.0, 4.0, step_size_up=4, scale_fn=lambda x: x"
    fresh = "base_lr=1.0, max_lr=4.0, step_size_up=4, scale_fn=lambda x: 1.0"
    assert Programs(SPECS["CyclicLR"], "momentum").others(own, other) == fresh
