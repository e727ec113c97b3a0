"""Optimizers and learning-rate schedulers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from .check import Check
from .fields import Dotted, Id, Label, Name, several
from .formula import Expression, Formula, Update
from .models import Model, Refusal, Spec
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
    trials: dict[Id, Arguments] = Field(default_factory=dict, alias="try")
    errors: dict[Id, Refusal] = Field(default_factory=dict)
    bench: dict[Label, Arguments] = Field(default_factory=dict)

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
        yield from (*self.clauses, *self.trials, *self.errors)

    def check(self, check: Check) -> None:
        super().check(check)
        check.unique(self.clauses, self.trials, self.errors)
        here = check.key("optimizer")
        if (self.step is None) == (self.algorithm is None):
            message = "`step` is missing" if self.step is None else "`algorithm` beside `step`"
            check.missing(check.key("algorithm") if self.step else here, message, "one of `step` and `algorithm`")
        vocabulary, hyper = formula_names(), self.hyperparameters
        check.sources(self.signature.defaults.values(), MAKER_NAMES)
        for name, state in self.state.items():
            if name in (*self.signature.names, "param", "grad"):
                check.fault(name, f"the state `{name}` has the name of something else")
            check.source(state.when, vocabulary, hyper)
            check.source(state.init, vocabulary, hyper, ("param", "grad"))
            if self.step and name not in self.step.bound:
                check.fault(name, f"the state `{name}` is never assigned in `step`")
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


class SchedulerSpec(Spec):
    """A class of learning-rate schedulers, as a closed form in ``base_lr`` and ``epoch``."""

    kind: ClassVar[str] = "scheduler"

    scheduler: Dotted
    signature: Signature
    lr: Formula
    timetable: Annotated[tuple[Timetable, ...], BeforeValidator(several)] = ()
    trials: dict[Id, Arguments] = Field(default_factory=dict, alias="try")
    errors: dict[Id, Refusal] = Field(default_factory=dict)
    bench: dict[Label, Arguments] = Field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.scheduler

    @property
    def hyperparameters(self) -> tuple[str, ...]:
        """The parameters of the constructor besides the first, which takes the optimizer."""
        return self.signature.names[1:]

    def own_ids(self) -> Iterator[Text]:
        yield from (*self.clauses, *self.trials, *self.errors)

    def check(self, check: Check) -> None:
        super().check(check)
        check.unique(self.clauses, self.trials, self.errors)
        vocabulary = formula_names()
        check.sources(self.signature.defaults.values(), MAKER_NAMES)
        check.source(self.lr, vocabulary, self.hyperparameters, ("base_lr", "epoch"))
        for timetable in self.timetable:
            check.bind(self.signature, timetable.call, check.key("timetable"), without=self.signature.names[:1])
            check.source(timetable.call, MAKER_NAMES)
            check.sources((timetable.base_lr, timetable.lr), vocabulary)
        check_calls(self, check, self.signature, self.signature.names[:1])


def check_calls(
    spec: OptimizerSpec | SchedulerSpec, check: Check, signature: Signature, without: tuple[str, ...]
) -> None:
    """Faults in the argument lists of trials, benchmarks and errors."""
    for group in (spec.trials, spec.bench):
        for id, arguments in group.items():
            check.bind(signature, arguments, id, without)
            check.source(arguments, MAKER_NAMES)
    for id, refusal in spec.errors.items():
        refusal.check(check, signature, id, without)
