"""Faults of optimizer, scheduler, module and family specs."""

# ruff: noqa: E501 - messages are asserted whole

from __future__ import annotations

import pytest

from .bases import FAMILY, MODULE, OPERATOR, OPTIMIZER, SCHEDULER, TOPIC, Edit, faults

OPTIMIZER_CASES: list[tuple[list[Edit], list[str]]] = [
    (
        [("step: |", "stp: |")],
        [
            "7:1: unknown key `stp`; did you mean `step`?",
        ],
    ),
    (
        [("  param = param - lr * buf", "  x = 1")],
        [
            "7:1: `step` never assigns `param`",
        ],
    ),
    (
        [("  param = param - lr * buf", "  param = param\n  lr = 3\n  grad = 3")],
        [
            "10:3: `lr` is a hyperparameter, which `step` may only read",
            "11:3: `grad` is the gradient, which `step` may only read",
        ],
    ),
    (
        [("  buf = grad if buf is None else momentum * buf + grad\n", ""), ("lr * buf", "lr")],
        [
            "6:3: the state `buf` is never assigned in `step`",
        ],
    ),
    (
        [("buf: {when", "lr: {when")],
        [
            "6:3: the state `lr` has the name of something else",
            "6:3: the state `lr` is never assigned in `step`",
        ],
    ),
    (
        [("when: momentum", "when: mometum")],
        [
            "6:15: unknown name `mometum`; did you mean `momentum`?",
        ],
    ),
    (
        [("lr=0.1", "lr=0.1, params=3")],
        [
            "11:17: no parameter `params` in `(params, lr, momentum)`",
        ],
    ),
    (
        [("step: |", "algorithm: lbfgs\nstep: |")],
        [
            "7:1: `algorithm` beside `step`; one of `step` and `algorithm`",
        ],
    ),
]

SCHEDULER_CASES: list[tuple[list[Edit], list[str]]] = [
    (
        [("epoch //", "epohc //")],
        [
            "5:25: unknown name `epohc`; did you mean `epoch`?",
        ],
    ),
    (
        [("call: step_size=2", "call: gamma=2")],
        [
            "7:9: the argument `step_size` is missing",
        ],
    ),
    (
        [("  base_lr: 8\n", "")],
        [
            "6:1: `timetable` has no `base_lr`",
        ],
    ),
    (
        [("  lr: [8, 8, 4]", "  lr: [8, x]")],
        [
            "9:11: unknown name `x`",
        ],
    ),
]

MODULE_CASES: list[tuple[list[Edit], list[str]]] = [
    (
        [("weight_l{k}:", "weight l{k}:")],
        [
            "8:3: `weight l{k}` is not the name of a parameter or buffer; as in `weight` or `weight_ih_l{k}`",
        ],
    ),
    (
        [("weight_l{k}:", "weight_l{j}:")],
        [
            "8:12: `j` is not a name of the loop of `weight_l{j}`",
        ],
    ),
    (
        [("k in range(2)", "k over range(2)")],
        [
            "10:10: a loop: invalid syntax. Perhaps you forgot a comma?: `k over range(2)`",
        ],
    ),
    (
        [("k in range(2)", "k in rnge(2)")],
        [
            "10:15: unknown name `rnge`; did you mean `range`?",
        ],
    ),
    (
        [("width // 2", "widht // 2")],
        [
            "6:10: unknown name `widht`; did you mean `width`?",
        ],
    ),
    (
        [("seen = seen", "width = seen")],
        [
            "16:3: `width` is assigned in `forward`, which may only change buffers",
        ],
    ),
    (
        [('call: "4"', 'call: "4", inputs: {inptu: tensor(3)}')],
        [
            "19:31: `inptu` is not an input of this module; did you mean `input`?",
        ],
    ),
    (
        [('call: "4"', 'call: "4, 5, 6"')],
        [
            "19:24: `6`: one argument too many for `(width, bias)`",
        ],
    ),
    (
        [("    shape: (width, half)\n", "")],
        [
            "8:3: `weight_l{k}` has no `shape`",
        ],
    ),
    (
        [("forward: |", "functional: foo(input)\nforward: |")],
        [
            "15:13: unknown name `foo`",
        ],
    ),
]

FAMILY_CASES: list[tuple[list[Edit], list[str]]] = [
    (
        [("sin, cos", "sine, cos")],
        [
            "5:14: `sine` is not a function of one tensor; did you mean `sin`?",
        ],
    ),
    (
        [("zero_", "sin")],
        [
            "6:13: the id `sin` is used twice (first on line 5)",
        ],
    ),
    (
        [("pi]", "tau]")],
        [
            "5:68: unknown name `tau`",
        ],
    ),
    (
        [("names: zero_", "names: []")],
        [
            "6:13: a list with nothing in it",
        ],
    ),
    (
        [('"[]"', '"[], 3"')],
        [
            "8:27: `3`: one argument too many for `(tensors)`",
        ],
    ),
    (
        [("_foreach", "_each")],
        [
            "1:9: `torch._each` belongs in `torch/_each.yaml`",
        ],
    ),
]


@pytest.mark.parametrize(("edits", "expected"), OPTIMIZER_CASES)
def test_optimizer_fault(edits: list[Edit], expected: list[str]) -> None:
    assert faults(OPTIMIZER, *edits) == expected


@pytest.mark.parametrize(("edits", "expected"), SCHEDULER_CASES)
def test_scheduler_fault(edits: list[Edit], expected: list[str]) -> None:
    assert faults(SCHEDULER, *edits) == expected


@pytest.mark.parametrize(("edits", "expected"), MODULE_CASES)
def test_module_fault(edits: list[Edit], expected: list[str]) -> None:
    assert faults(MODULE, *edits) == expected


@pytest.mark.parametrize(("edits", "expected"), FAMILY_CASES)
def test_family_fault(edits: list[Edit], expected: list[str]) -> None:
    assert faults(FAMILY, *edits) == expected


@pytest.mark.parametrize("base", [TOPIC, OPERATOR, OPTIMIZER, SCHEDULER, MODULE, FAMILY])
def test_the_bases_have_no_fault(base: str) -> None:
    assert faults(base) == []
