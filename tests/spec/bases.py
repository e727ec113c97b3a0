"""Small whole specs of every kind, and the faults that edits of them lead to."""

from __future__ import annotations

from conformance.spec import Spec, SpecError, parse

TOPIC = """\
topic: Accumulation
summary: Gradients add up.
cites: https://docs.pytorch.org/docs/stable/x.html
clauses:
  adds:
    says: A second backward adds.
    given: {x: leaf(3)}
    program: |
      x.sum().backward()
      assert x.grad == 1
"""

OPERATOR = """\
operator: torch.foo
summary: A foo.
cites: https://docs.pytorch.org/docs/stable/x.html
signature: (input, beta=1.0, *, out=None)
inputs:
  input: {range: [-1, 1]}
definition: |
  z = beta * input
  exp(z)
"""

OPTIMIZER = """\
optimizer: torch.optim.SGD
summary: Descent.
cites: https://docs.pytorch.org/docs/stable/x.html
signature: (params, lr=1e-3, momentum=0)
state:
  buf: {when: momentum != 0}
step: |
  buf = grad if buf is None else momentum * buf + grad
  param = param - lr * buf
try:
  fast: lr=0.1
"""

SCHEDULER = """\
scheduler: torch.optim.lr_scheduler.StepLR
summary: Steps.
cites: https://docs.pytorch.org/docs/stable/x.html
signature: (optimizer, step_size, gamma=0.1)
lr: base_lr * gamma ** (epoch // step_size)
timetable:
  call: step_size=2
  base_lr: 8
  lr: [8, 8, 4]
"""

MODULE = """\
module: torch.nn.Linear
summary: A matrix product.
cites: https://docs.pytorch.org/docs/stable/x.html
signature: (width, bias=True)
let: |
  half = width // 2
parameters:
  weight_l{k}:
    shape: (width, half)
    for: k in range(2)
buffers:
  seen: {shape: (), init: 0}
inputs:
  input: {shape: "(3, 4)"}
forward: |
  seen = seen + 1
  input * state["weight_l0"]
try:
  plain: {call: "4"}
"""

FAMILY = """\
family: torch._foreach
summary: Lists.
cites: https://docs.pytorch.org/docs/stable/x.html
functions:
  - {names: [sin, cos], dtype: numeric, result: float, points: [0, pi]}
  - {names: zero_, dtype: any}
errors:
  empty-list: {call: "[]", raises: RuntimeError}
"""

PATHS = {
    TOPIC: "specs/autograd/accumulation.yaml",
    OPERATOR: "specs/torch/foo.yaml",
    OPTIMIZER: "specs/torch/optim/SGD.yaml",
    SCHEDULER: "specs/torch/optim/lr_scheduler/StepLR.yaml",
    MODULE: "specs/torch/nn/Linear.yaml",
    FAMILY: "specs/torch/_foreach.yaml",
}

Edit = tuple[str, str]


def edited(base: str, *edits: Edit) -> Spec:
    """The spec that a base becomes when the first occurrence of each text is replaced."""
    text = base
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return parse(text, PATHS[base])


def faults(base: str, *edits: Edit) -> list[str]:
    """The faults of an edited base, without the name of the file."""
    try:
        edited(base, *edits)
    except SpecError as error:
        assert str(error).splitlines() == [str(fault) for fault in error.faults]
        return [str(fault).removeprefix(f"{PATHS[base]}:") for fault in error.faults]
    return []


def whole(text: str, path: str = "specs/autograd/accumulation.yaml") -> list[str]:
    """The faults of a whole file."""
    try:
        parse(text, path)
    except SpecError as error:
        return [str(fault).removeprefix(f"{path}:") for fault in error.faults]
    return []
