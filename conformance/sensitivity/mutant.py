"""What a mutant is: a reference with one thing broken, and how it is made and run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from reference_impls import Reference
from reference_impls.dtypes import ALL
from reference_impls.primitive import Kind, Primitive
from reference_impls.primitives import TABLE

from ..assemble import assemble
from ..backends.reference import ReferenceBackend
from ..spec import Spec
from .mutators import SCALE

Patch = tuple[object, str, Callable[[Any], Any]]
"""An owner, the name of its attribute, and what makes the faulty attribute of the right one."""


def _copy(name: str, cotangent: Callable[..., Any]) -> Primitive:
    """The identity, with a cotangent of its own."""
    return Primitive(
        name, lambda xp, input: input.copy(), {"input": cotangent}, kind=Kind.MOVEMENT, dtype="same"
    )


EXTRA = {
    "identity_of_scaled_gradient": _copy("identity_of_scaled_gradient", lambda g: g * SCALE),
    "identity_of_scaled_second": _copy(
        "identity_of_scaled_second", lambda F, g: F.identity_of_scaled_gradient(g)
    ),
}
"""Primitives of faulty references: the value is right, and the gradient or only the second derivative is not."""


@dataclass(frozen=True)
class Mutant:
    """One fault. What identifies it does not change when lines are added above it."""

    area: str
    subject: str
    """The spec, or what else is broken: ``tape``, ``primitive log``."""
    mutator: str
    original: str = ""
    """The text that was replaced, or what the fault is about."""
    mutated: str = ""
    specs: Callable[[Sequence[Spec]], Sequence[Spec]] = lambda specs: specs
    """The specs that it is assembled from."""
    primitives: Mapping[str, Primitive] = field(default_factory=dict)
    """Primitives in place of the right ones."""
    prepare: Callable[[Reference], None] = lambda reference: None
    """What is broken in the assembled reference."""
    patches: tuple[Patch, ...] = ()
    """What is broken in the tape, only while a program of the mutant runs."""
    reach: frozenset[str] | None = None
    """Names of operators, classes and primitives of which a program must use one to notice; None for any program."""
    place: str = ""
    """``line:column`` in the spec."""
    within: str = ""
    """The line of the spec that the fault is in."""

    def __str__(self) -> str:
        where = f"{self.subject}:{self.place}" if self.place else self.subject
        change = " → ".join(filter(None, (self.original, self.mutated)))
        return f"{where} {self.mutator}" + (f": {change}" if change else "")

    def backend(self, specs: Sequence[Spec]) -> Faulty:
        """A fresh reference with the fault, as the backend under test."""
        reference = Reference(primitives={**TABLE, **EXTRA, **self.primitives})
        add_faults(reference)
        assemble(self.specs(specs), reference)
        self.prepare(reference)
        return Faulty(reference, self.patches)


class Faulty(ReferenceBackend):
    """A reference that is tried on every clause: where the unbroken one fails too, nothing is counted."""

    dtypes = frozenset(dtype.name for dtype in ALL)
    lacks: dict[str, str] = {}

    def __init__(self, reference: Reference, patches: Sequence[Patch] = ()) -> None:
        super().__init__(reference)
        self.patches = patches

    @contextmanager
    def running(self, device: str, mode: str) -> Iterator[None]:
        self.reference.modes.state = (True, False)  # a fault may have left another to the next program
        with ExitStack() as stack:
            for patch in self.patches:
                stack.enter_context(patched(*patch))
            yield


@contextmanager
def patched(owner: Any, name: str, fault: Callable[[Any], Any]) -> Iterator[None]:
    """The attribute replaced for a while. The judge runs outside of it, on the right one."""
    right = vars(owner)[name]
    setattr(owner, name, fault(right))
    try:
        yield
    finally:
        setattr(owner, name, right)


def add_faults(reference: Reference) -> None:
    """Gives formulas the functions that mutants put around inputs and results."""
    F = reference.ops
    for name, function in {
        "scaled_value": lambda tensor: F.mul(tensor, SCALE),
        "scaled_gradient": F.identity_of_scaled_gradient,
        "scaled_second": F.identity_of_scaled_second,
        "blocked": lambda tensor: tensor.detach(),
    }.items():
        setattr(F, name, _within(reference, function))


def _within(reference: Reference, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of every floating tensor in a value, however nested."""

    def apply(value: Any) -> Any:
        if isinstance(value, reference.Tensor):
            return function(value) if value.is_floating_point() or value.is_complex() else value
        if type(value) in (tuple, list):
            return type(value)(map(apply, value))
        return type(value)(*map(apply, value)) if isinstance(value, tuple) else value

    return apply
