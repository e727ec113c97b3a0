"""Random programs of views, in-place writes and detaches do on the reference what they do on torch."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from reference_impls import Reference

torch = pytest.importorskip("torch")

PROGRAMS = 400
VIEWS = (
    "{a}[0]",
    "{a}[1:]",
    "{a}[..., 1]",
    "{a}[:, ::2]",
    "{a}.t()",
    "{a}.view(-1)",
    "{a}.reshape(-1)",
    "{a}.unsqueeze(0)",
    "{a}.squeeze()",
    "{a}.diagonal()",
    "{a}.unbind(0)[0]",
    "{a}.split(1)[0]",
    "{a}.chunk(2)[1]",
    "{a}.detach()",
    "{a}.narrow(0, 0, 1)",
)
VALUES = (
    "{a} * {b}",
    "{a} + {b}",
    "{a}.sin()",
    "{a}.sigmoid()",
    "{a} * 0.5",
    "{a}.clone()",
    "{a}.sum()",
    "{a}.sum(0)",
    "{a} - {b}",
)
WRITES = (
    "{a}.mul_({b})",
    "{a}.add_({b})",
    "{a}.mul_(0.5)",
    "{a}.sin_()",
    "{a}.tanh_()",
    "{a}.copy_({b})",
    "{a}.zero_()",
    "{a}.fill_(0.25)",
    "{a}[0] = {b}",
    "{a}[..., 1] = 0.75",
    "{a}[:, :2] = {b}",
    "{a}[{a} > 0.5] = 0.5",
    "{a} += {b}",
    "{a} *= 0.5",
)
STATES = ("{a}.retain_grad()", "{a}.grad = None")


def program(seed: int) -> list[str]:
    """Statements over tensors v0, v1, …; some of them are refused, by both sides alike."""
    choose = random.Random(seed)
    numbers = np.random.default_rng(seed)
    lines: list[str] = []
    memory: list[int] = []  # of each tensor: the first one that may share its memory

    def new(expression: str, owner: int | None = None) -> None:
        lines.append(f"v{len(memory)} = {expression}")
        memory.append(len(memory) if owner is None else memory[owner])

    for requires_grad in (True, choose.random() < 0.5):
        values = numbers.random((2, 3)).round(3).tolist()
        new(f"torch.tensor({values}, dtype=torch.float64, requires_grad={requires_grad})")
    new("v0 * 0.75")
    for _ in range(choose.randrange(4, 14)):
        a = choose.randrange(len(memory))
        # Writing to memory that is also read, if not element by element, depends on the order of the loop.
        b = choose.choice([a] + [i for i in range(len(memory)) if memory[i] != memory[a]] * 2)
        names = {"a": f"v{a}", "b": f"v{b}"}
        kind = choose.random()
        silent = "with torch.no_grad(): " if choose.random() < 0.1 else ""
        if kind < 0.3:
            new(choose.choice(VIEWS).format(**names), owner=a)
        elif kind < 0.5:
            new(choose.choice(VALUES).format(**names))
        elif kind < 0.88:
            lines.append(silent + choose.choice(WRITES).format(**names))
        elif kind < 0.94:
            lines.append(choose.choice(STATES).format(**names))
        else:
            lines.append(f"v{a}.sum().backward(retain_graph=True)")
    count = len(memory)
    total = " + ".join(f"v{i}.sin().sum()" for i in range(count) if choose.random() < 0.6) or "v2.sum()"
    return [*lines, f"({total}).backward()"]


def trace(namespace: Any, lines: list[str]) -> list[Any]:
    """What each statement did: the error's type, or the state of every tensor afterwards."""
    scope: dict[str, Any] = {"torch": namespace}
    seen: list[Any] = []
    for line in lines:
        try:
            exec(line, scope)
        except Exception as error:
            seen.append(type(error).__name__)
            if "backward" in line:
                break  # how far it came before the error is not specified
            continue
        seen.append({n: state(t) for n, t in scope.items() if n[0] == "v"})
    return seen


def state(tensor: Any) -> tuple[Any, ...]:
    """Everything that a statement may have changed; a view that cannot follow its base says so when asked."""
    try:
        kept = tensor.is_leaf or tensor.retains_grad
        place = (tensor.requires_grad, tensor.is_leaf)
    except RuntimeError:
        kept, place = False, "refused"
    grad = tensor.grad if kept else None
    values = [t if t is None else t.detach().numpy().tolist() for t in (tensor, grad)]
    return (*values, place, tensor._version)


def same(ours: Any, theirs: Any) -> bool:
    """Equality, up to the rounding of sums that were added in another order."""
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12)
    return type(ours) is type(theirs) and ours == theirs


def first_difference(seed: int, reference: Reference) -> str | None:
    """The program up to the first statement after which the two sides differ, and how they do."""
    lines = program(seed)
    expected, found = trace(torch, lines), trace(reference.torch, lines)
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=False)):
        if isinstance(ours, dict) and isinstance(theirs, dict):
            names = [name for name in ours if not same(ours[name], theirs[name])]
            ours, theirs = {n: ours[n] for n in names}, {n: theirs[n] for n in names}
        if ours != theirs:
            before = "\n".join(lines[: number + 1])
            return f"program {seed}:\n{before}\nreference {ours}\ntorch     {theirs}"
    return None


@pytest.mark.filterwarnings("ignore")
def test_random_programs_agree_with_torch() -> None:
    """Values, gradients, leaves, versions and the types of errors agree after every statement."""
    reference = Reference()
    differences = [d for d in (first_difference(seed, reference) for seed in range(PROGRAMS)) if d]
    assert not differences, f"{len(differences)} of {PROGRAMS}; the first:\n{differences[0]}"
