"""A program on the reference and on torch at once, statement by statement, up to the first difference."""

from __future__ import annotations

import ast
import functools
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, NamedTuple

import torch

from reference_impls import Reference

from .programs import PRELUDE


class State(NamedTuple):
    """Everything of a tensor that a statement may have changed."""

    values: Any
    grad: Any
    """None, or its values and whether it requires grad."""
    requires_grad: bool | str
    """``refused`` where a view that cannot follow its base says so when it is asked."""
    is_leaf: bool | str
    retains_grad: bool | str
    version: int | str
    """Writes since the tensor was first looked at: with which number a new tensor begins is not documented."""


def state(tensor: Any, born: dict[int, int]) -> Any:
    if not hasattr(type(tensor), "requires_grad"):  # a statement made something else of it
        return type(tensor).__name__
    try:
        place = (tensor.requires_grad, tensor.is_leaf, tensor.retains_grad)
        grad = tensor.grad if tensor.is_leaf or tensor.retains_grad else None
    except RuntimeError:
        place, grad = ("refused",) * 3, None
    try:
        version = tensor._version - born.setdefault(id(tensor), tensor._version)
    except RuntimeError:
        version = "refused"
    kept = None if grad is None else (grad.tolist(), grad.requires_grad)
    return State(tensor.tolist(), kept, *place, version)


@functools.lru_cache(maxsize=4096)
def compiled(line: str) -> CodeType:
    return compile(line, "<program>", "exec")


class Side:
    """A namespace that plays torch, with a program running in it."""

    def __init__(self, namespace: Any) -> None:
        self.scope: dict[str, Any] = {"torch": namespace}
        exec(compiled(PRELUDE), self.scope)
        self.log: dict[str, list] = self.scope["log"]
        self.born: dict[int, int] = {}
        self.error: Exception | None = None
        """What the last statement raised."""

    def run(self, line: str) -> str | None:
        """Runs a statement; the type of the error, if it is refused."""
        self.error = None
        try:
            exec(compiled(line), self.scope)
        except Exception as error:
            self.error = error
            return "IndexError" if isinstance(error, IndexError) else type(error).__name__
        return None

    def look(self) -> dict[str, Any]:
        """All tensors, and the calls of hooks since the last look."""
        seen = {n: state(t, self.born) for n, t in self.scope.items() if n[0] == "v" and n[1:].isdigit()}
        seen.update((name, list(calls)) for name, calls in self.log.items())
        self.log.clear()
        return seen


def same(ours: Any, theirs: Any) -> bool:
    """Equality, up to the rounding of sums that were added in another order."""
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12) or (ours != ours and theirs != theirs)
    return type(ours) is type(theirs) and ours == theirs


@dataclass
class Step:
    """A statement after which the two sides differ; what a deviation has to recognise itself in."""

    lines: list[str]
    """The program up to it."""
    errors: tuple[str | None, str | None]
    """Of the reference and of torch."""
    seen: dict[str, tuple[Any, Any]]
    """What differs, by name of the tensor or hook: on the reference, on torch (None: not there)."""
    ours: Side
    theirs: Side

    reference: Reference
    whole: bool = True
    """Whether ``seen`` is all that differs."""

    @property
    def line(self) -> str:
        return self.lines[-1]

    def vanishes_without(self, statements: Iterable[str]) -> bool:
        """Whether the program without some of its statements shows no difference.

        Where only a part of what differs is in question: shows the rest at most, and after this statement only.
        """
        statements = set(statements)
        kept = [line for line in self.lines if line not in statements]
        again = compare(kept, self.reference, Count())
        if again is None or self.whole:
            return again is None
        return again.lines == kept and again.errors == self.errors and not set(again.seen) & set(self.seen)

    def before(self, namespace: Any) -> Side:
        """One side as it was before the statement."""
        side = Side(namespace)
        for line in self.lines[:-1]:
            side.run(line)
        return side

    def call(self) -> ast.Call:
        """The outermost call of the statement that computes gradients."""
        return next(
            node
            for node in ast.walk(ast.parse(self.line))
            if isinstance(node, ast.Call) and re.search(r"(backward|gradients?)$", ast.unparse(node.func))
        )

    def inputs(self) -> list[str]:
        """The tensors whose gradients it asks for; none where it asks for all."""
        call = self.call()
        wanted = [k.value for k in call.keywords if k.arg == "inputs"]
        if not ast.unparse(call.func).endswith("backward"):
            wanted = [call.args[1]]
        return re.findall(r"v\d+", ast.unparse(wanted[0])) if wanted else []

    def with_all_inputs(self) -> str | None:
        """The reference's error if the statement asked for the gradients of everything."""
        call = self.call()
        if ast.unparse(call.func).endswith("backward"):
            call.keywords = [k for k in call.keywords if k.arg != "inputs"]
        else:
            cotangent = [k.value for k in call.keywords if k.arg == "grad_outputs"]
            call = ast.Call(
                ast.parse("torch.autograd.backward", mode="eval").body, [call.args[0], *cotangent], []
            )
        return self.before(self.reference.torch).run(ast.unparse(ast.fix_missing_locations(call)))

    def __str__(self) -> str:
        rows = [f"  error: reference {self.errors[0]} | torch {self.errors[1]}"] * (len(set(self.errors)) > 1)
        for name, (ours, theirs) in self.seen.items():
            if isinstance(ours, State) and isinstance(theirs, State):
                parts = [
                    f"{field}: reference {a} | torch {b}"
                    for field, a, b in zip(State._fields, ours, theirs, strict=True)
                    if not same(a, b)
                ]
            else:
                parts = [f"reference {ours} | torch {theirs}"]
            rows += [f"  {name}: {part}" for part in parts]
        return "\n".join([*self.lines, *rows])


@dataclass
class Count:
    """What a run consisted of."""

    programs: int = 0
    statements: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    deviations: Counter[str] = field(default_factory=Counter)
    hook_calls: int = 0
    cut: int = 0
    """Programs that ended with an error in backward: how far it came before is not specified."""


def compare(lines: Sequence[str], reference: Reference, count: Count, every: bool = True) -> Step | None:
    """Runs a program on both sides up to the first difference. Looking renews a view, so some programs
    are looked at only after the last statement."""
    ours, theirs = Side(reference.torch), Side(torch)
    for number, line in enumerate(lines):
        errors = ours.run(line), theirs.run(line)
        count.statements += 1
        last = number == len(lines) - 1
        ended = errors[1] is not None and re.search(r"\bbackward\(|gradients?\(", line) is not None
        if errors[0] == errors[1]:
            if errors[1] is not None:
                count.errors[errors[1]] += 1
            if ended:
                count.cut += 1
                return None
            if not (every or last):
                continue
        a, b = ours.look(), theirs.look()
        count.hook_calls += sum(name[0] == "h" and len(calls) for name, calls in b.items())
        names = [n for n in {**a, **b} if a.get(n) != b.get(n) and not same(a.get(n), b.get(n))]
        if names or errors[0] != errors[1]:
            seen = {} if ended else {n: (a.get(n), b.get(n)) for n in names}
            return Step(list(lines[: number + 1]), errors, seen, ours, theirs, reference)
    return None
