"""Schedulers of schedulers: random ones have the same rates in the reference as in torch."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from conformance.assemble import reference_backend

EPOCHS = 14
PARTS: tuple[Callable[[random.Random], tuple[str, dict[str, Any]]], ...] = (
    lambda r: ("ConstantLR", {"factor": r.choice([0.25, 0.5]), "total_iters": r.randint(1, 8)}),
    lambda r: ("LinearLR", {"start_factor": r.choice([0.25, 0.5]), "total_iters": r.randint(1, 8)}),
    lambda r: ("ExponentialLR", {"gamma": r.choice([0.5, 0.75])}),
    lambda r: ("StepLR", {"step_size": r.randint(1, 4), "gamma": r.choice([0.5, 0.75])}),
    lambda r: ("MultiStepLR", {"milestones": sorted(r.choices(range(8), k=3)), "gamma": 0.5}),
    lambda r: ("CosineAnnealingLR", {"T_max": r.randint(EPOCHS, 2 * EPOCHS)}),
)


@pytest.fixture(scope="module")
def namespaces() -> tuple[Any, Any]:
    return reference_backend().torch, pytest.importorskip("torch")


def rates(
    torch: Any, wrapped: str, parts: list[tuple[str, dict[str, Any]]], options: dict[str, Any]
) -> list[Any]:
    schedulers = torch.optim.lr_scheduler
    p, q = torch.ones(2), torch.ones(3)
    optimizer = torch.optim.SGD([{"params": [p], "lr": 8.0}, {"params": [q], "lr": 0.5}])
    made = [getattr(schedulers, name)(optimizer, **own) for name, own in parts]
    scheduler = getattr(schedulers, wrapped)(schedulers=made, optimizer=optimizer, **options)
    seen = []
    for _ in range(EPOCHS):
        assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        seen.extend(scheduler.get_last_lr())
        optimizer.step()
        scheduler.step()
    return seen


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("wrapped", ["SequentialLR", "ChainedScheduler"])
def test_rates_are_those_of_torch(namespaces: tuple[Any, Any], wrapped: str, seed: int) -> None:
    """Milestones at 0, coincident ones and ends of warm-ups next to them included."""
    chance = random.Random(seed)
    parts = [chance.choice(PARTS)(chance) for _ in range(chance.randint(1, 4))]
    milestones = sorted(chance.choices(range(10), k=len(parts) - 1))
    options = {"milestones": milestones} if wrapped == "SequentialLR" else {}
    reference, torch = (rates(namespace, wrapped, parts, options) for namespace in namespaces)
    assert reference == pytest.approx(torch, rel=1e-12)
