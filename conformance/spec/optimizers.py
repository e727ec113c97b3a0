"""Optimizers and learning-rate schedulers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from .check import Check
from .faults import quote
from .fields import Dotted, Id, Name, several
from .formula import Expression, Formula, Update
from .models import Benches, Model, Refusal, Spec
from .signature import Arguments, Signature
from .text import Text
from .words import MAKER_NAMES, formula_names


class State(Model):
    """A value that an optimizer keeps for each parameter."""

    when: Expression | None = None
    init: Formula | None = None
    """What it is before the first step; ``None`` where nothing is said."""


class OptimizerSpec(Spec):
    """A class of optimizers: what one step does to one parameter, or the algorithm that does it."""

    kind: ClassVar[str] = "optimizer"

    optimizer: Dotted
    signature: Signature
    state: dict[Name, State] = Field(default_factory=dict)
    step: Update | None = None
    algorithm: Name | None = None
    tries: dict[Id, Arguments] = Field(default_factory=dict, alias="try")
    errors: dict[Id, Refusal] = Field(default_factory=dict)
    bench: Benches = Field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.optimizer

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The parameters of the constructor besides the first, which takes the model's."""
        return self.signature.names[1:]

    @property
    def persistent(self) -> tuple[str, ...]:
        """What assignments in ``step`` change for good."""
        return ("param", *self.state)

    def own_ids(self) -> Iterator[Text]:
        yield from (*self.clauses, *self.tries, *self.errors)

    def check(self, check: Check) -> None:
        super().check(check)
        check.unique(self.clauses, self.tries, self.errors)
        here = check.key("optimizer")
        if (self.step is None) == (self.algorithm is None):
            message = "`step` is missing" if self.step is None else "`algorithm` beside `step`"
            check.missing(
                check.key("algorithm") if self.step else here, message, "one of `step` and `algorithm`"
            )
        vocabulary, hyper = formula_names(), self.hyperparameters
        check.sources(self.signature.defaults.values(), MAKER_NAMES)
        for name, state in self.state.items():
            if name in (*self.signature.names, "param", "grad"):
                check.fault(name, f"the state {quote(name)} has the name of something else")
            check.source(state.when, vocabulary, hyper)
            check.source(state.init, vocabulary, hyper, ("param", "grad"))
            if self.step and name not in self.step.bound:
                check.fault(name, f"the state {quote(name)} is never assigned in `step`")
        if self.step:
            check.source(self.step, vocabulary, hyper, self.state, ("param", "grad"))
            check.assigned(self.step, {*self.signature.names}, "a hyperparameter, which `step` may only read")
            check.assigned(self.step, {"grad"}, "the gradient, which `step` may only read")
            if "param" not in self.step.bound:
                check.fault(check.key("step"), "`step` never assigns `param`")
        check_calls(self, check, self.signature, self.signature.names[:1])


class Timetable(Model):
    """Learning rates that a person can check by hand."""

    call: Arguments
    base_lr: Expression
    lr: Expression


Timetables = Annotated[
    tuple[Timetable, ...],
    BeforeValidator(several, json_schema_input_type=Timetable | tuple[Timetable, ...]),
]


class SchedulerSpec(Spec):
    """A class of learning-rate schedulers, as a closed form in ``base_lr`` and ``epoch``."""

    kind: ClassVar[str] = "scheduler"

    scheduler: Dotted
    signature: Signature
    lr: Formula
    timetables: Timetables = Field(default=(), alias="timetable")
    tries: dict[Id, Arguments] = Field(default_factory=dict, alias="try")
    errors: dict[Id, Refusal] = Field(default_factory=dict)
    bench: Benches = Field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.scheduler

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The parameters of the constructor besides the first, which takes the optimizer."""
        return self.signature.names[1:]

    def own_ids(self) -> Iterator[Text]:
        yield from (*self.clauses, *self.tries, *self.errors)

    def check(self, check: Check) -> None:
        super().check(check)
        check.unique(self.clauses, self.tries, self.errors)
        vocabulary = formula_names()
        check.sources(self.signature.defaults.values(), MAKER_NAMES)
        check.source(self.lr, vocabulary, self.hyperparameters, ("base_lr", "epoch"))
        for timetable in self.timetables:
            check.bind(self.signature, timetable.call, check.key("timetable"), self.signature.names[:1], ())
            check.source(timetable.call, MAKER_NAMES)
            check.sources((timetable.base_lr, timetable.lr), vocabulary)
        check_calls(self, check, self.signature, self.signature.names[:1])


def check_calls(
    spec: OptimizerSpec | SchedulerSpec, check: Check, signature: Signature, without: tuple[str, ...]
) -> None:
    """Faults in the argument lists of trials, benchmarks and errors."""
    for id, call in (*spec.tries.items(), *((id, bench.call) for id, bench in spec.bench.items())):
        check.bind(signature, call, id, without, ())
        check.source(call, MAKER_NAMES)
    for id, refusal in spec.errors.items():
        refusal.check(check, signature, id, without)
