"""Faults of scheduler specs: closed forms with shared names and momentum, and steps that keep a state."""

# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

import pytest

from .bases import SCHEDULER, Edit, faults, whole

TOLD = """\
scheduler: torch.optim.lr_scheduler.ReduceLROnPlateau
summary: Reduces.
cites: https://docs.pytorch.org/docs/stable/x.html
signature: (optimizer, factor=0.1)
state:
  best: inf
step: |
  if metric < best:
      best = metric
  else:
      lr = lr * factor
timetable:
  call: factor=0.5
  base_lr: 8
  metric: [1, 2]
  lr: [8, 8, 4]
"""

CLOSED: list[tuple[Edit, list[str]]] = [
    (
        ("lr: base_lr", "let: |\n  half = step_siz / 2\nlr: base_lr"),
        ["6:10: unknown name `step_siz`; did you mean `step_size`?"],
    ),
    (
        ("lr: base_lr", "momentum: 1 - hieght\nlet: |\n  height = gamma\nlr: base_lr"),
        ["5:15: unknown name `hieght`; did you mean `height`?"],
    ),
    (
        ("lr: base_lr", "per_group: gama\nlr: base_lr"),
        ["5:12: `gama` is not an option of this scheduler; did you mean `gamma`?"],
    ),
    (
        ("lr: base_lr", "outside: kept\nlr: base_lr"),
        ["5:10: `kept` is not what becomes of a change from outside; one of lost, stays, open"],
    ),
    (
        ("lr: base_lr", "jumps: never\nlr: base_lr"),
        ["5:8: `never` is not what `step(epoch)` may be; one of deprecated, documented, unsupported"],
    ),
    (
        ("lr: base_lr * gamma ** (epoch // step_size)\n", ""),
        ["1:1: `lr` is missing; one of `lr` and `step`"],
    ),
    (
        ("  base_lr: 8\n", "  base_lr: 8\n  metric: [1, 2]\n"),
        ["6:1: `metric` belongs in the timetable of a scheduler that has a `step`"],
    ),
]

STEPS: list[tuple[Edit, list[str]]] = [
    (("lr = lr * factor", "x = 1"), ["7:1: `step` never assigns `lr`"]),
    (("      best = metric", "      pass"), ["6:3: the state `best` is never assigned in `step`"]),
    (("lr = lr * factor", "lr = factor = 1"), ["11:12: `factor` is an option, which `step` may only read"]),
    (("best: inf", "best: ifn"), ["6:9: unknown name `ifn`"]),
    (("step: |", "lr: 1\nstep: |"), ["8:1: `step` beside `lr`; one of `lr` and `step`"]),
    (
        ("  metric: [1, 2]\n", ""),
        ["12:1: `metric` belongs in the timetable of a scheduler that has a `step`"],
    ),
]


@pytest.mark.parametrize(("edit", "expected"), CLOSED)
def test_fault_of_a_closed_form(edit: Edit, expected: list[str]) -> None:
    assert faults(SCHEDULER, edit) == expected


@pytest.mark.parametrize(("edit", "expected"), STEPS)
def test_fault_of_a_step(edit: Edit, expected: list[str]) -> None:
    assert edit[0] in TOLD
    text, path = TOLD.replace(*edit, 1), "specs/torch/optim/lr_scheduler/ReduceLROnPlateau.yaml"
    assert whole(text, path) == expected


def test_an_option_may_be_the_rate_that_training_begins_with() -> None:
    edits = [
        ("step_size, gamma=0.1", "step_size, base_lr, gamma=0.1"),
        ("call: step_size=2", "call: 2, base_lr=8"),
    ]
    assert faults(SCHEDULER, *edits, ("  base_lr: 8\n", "")) == []
    twice = ("lr: base_lr", "base_lr: gamma\nlr: base_lr")
    assert faults(SCHEDULER, *edits, twice) == ["5:1: `base_lr` is an option of this scheduler already"]
