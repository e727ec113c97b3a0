"""Learning-rate schedulers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from .check import Check
from .constructed import Constructed
from .faults import quote
from .fields import Dotted, Name, Names, one_of, several
from .formula import Expression, Formula, Update
from .models import Model
from .signature import Arguments
from .text import Text
from .words import MAKER_NAMES, formula_names

JUMPS = ("deprecated", "documented", "unsupported")
OUTSIDE = ("lost", "stays", "open")
Jumps = Annotated[
    Text,
    AfterValidator(one_of(JUMPS, "what `step(epoch)` may be")),
    WithJsonSchema({"enum": list(JUMPS)}),
]
Outside = Annotated[
    Text,
    AfterValidator(one_of(OUTSIDE, "what becomes of a change from outside")),
    WithJsonSchema({"enum": list(OUTSIDE)}),
]


class Timetable(Model):
    """Learning rates that a person can check by hand."""

    call: Arguments
    base_lr: Expression | None = None
    lr: Expression
    momentum: Expression | None = None
    metric: Expression | None = None
    """What each step is told: the rate after it is the next one of ``lr``."""


Timetables = Annotated[
    tuple[Timetable, ...],
    BeforeValidator(several, json_schema_input_type=Timetable | tuple[Timetable, ...]),
]


class SchedulerSpec(Constructed):
    """A class of learning-rate schedulers: a closed form in ``base_lr`` and ``epoch``, or what one step does."""

    kind: ClassVar[str] = "scheduler"

    scheduler: Dotted
    per_group: Names = ()
    """Options that may be lists with one value for each group."""
    functions: Names = ()
    """Options that are functions: no part of the state that is saved."""
    let: Update | None = None
    """Names that ``lr`` and ``momentum`` share."""
    base_lr: Formula | None = None
    """The rate that training begins with, where that is not the optimizer's or an option of this name."""
    lr: Formula | None = None
    momentum: Formula | None = None
    """The momentum of the group, or its first beta; None where it is left alone."""
    state: dict[Name, Formula] = Field(default_factory=dict)
    """What a scheduler with a ``step`` keeps, with its first values."""
    step: Update | None = None
    """What a step that is told a ``metric`` makes of the state and of the ``lr`` of a group."""
    ends: Expression | None = None
    """The number of epochs of a schedule that comes to an end."""
    outside: Outside = Text("lost")
    """What becomes of a rate that is changed from outside: it is lost at the next step, or what follows stays as many
    times larger, as where each rate is computed from the last one; ``open`` where clauses by hand say."""
    jumps: Jumps = Text("deprecated")
    """What ``step(epoch)`` is."""
    timetables: Timetables = Field(default=(), alias="timetable")

    @property
    def name(self) -> str:
        return self.scheduler

    @property
    def locals(self) -> tuple[str, ...]:
        """The names that ``let`` computes."""
        return tuple(self.let.assignments()) if self.let else ()

    @property
    def starts(self) -> Formula | None:
        """The rate that training begins with, where that is not the optimizer's."""
        return Expression(Text("base_lr")) if "base_lr" in self.hyperparameters else self.base_lr

    def check(self, check: Check) -> None:
        super().check(check)
        if (self.step is None) == (self.lr is None):
            message = "`lr` is missing" if self.lr is None else "`step` beside `lr`"
            where = check.key("step") if self.step else check.key("scheduler")
            check.missing(where, message, "one of `lr` and `step`")
        vocabulary, options = formula_names(), self.hyperparameters
        check.known((*self.per_group, *self.functions), options, "an option of this scheduler")
        if self.base_lr and "base_lr" in options:
            check.fault(check.key("base_lr"), "`base_lr` is an option of this scheduler already")
        check.sources(filter(None, (self.base_lr, self.ends)), vocabulary, options)
        check.source(self.let, vocabulary, options, ("base_lr", "epoch"))
        for formula in (self.lr, self.momentum):
            check.source(formula, vocabulary, options, ("base_lr", "epoch"), self.locals)
        self.check_step(check)
        for timetable in self.timetables:
            self.check_timetable(check, timetable)

    def check_step(self, check: Check) -> None:
        """Reports what is wrong with the step and its state."""
        vocabulary, options = formula_names(), self.hyperparameters
        for name, first in self.state.items():
            if name in (*options, "lr", "metric"):
                check.fault(name, f"the state {quote(name)} has the name of something else")
            check.source(first, vocabulary, options)
            if self.step is None or name not in self.step.bound:
                check.fault(name, f"the state {quote(name)} is never assigned in `step`")
        if self.step:
            check.source(self.step, vocabulary, options, self.state, ("lr", "metric"))
            check.assigned(self.step, {*options}, "an option, which `step` may only read")
            if "lr" not in self.step.bound:
                check.fault(check.key("step"), "`step` never assigns `lr`")

    def check_timetable(self, check: Check, timetable: Timetable) -> None:
        """Reports what is wrong with a timetable."""
        key = check.key("timetable")
        check.bind(self.signature, timetable.call, key, self.signature.names[:1], ())
        check.source(timetable.call, MAKER_NAMES)
        check.sources(self.columns(timetable), formula_names())
        if timetable.base_lr is None and self.starts is None:
            check.missing(key, "`timetable` has no `base_lr`")
        if (timetable.metric is None) != (self.step is None):
            check.missing(key, "`metric` belongs in the timetable of a scheduler that has a `step`")

    @staticmethod
    def columns(timetable: Timetable) -> Iterator[Expression]:
        """The numbers of a timetable."""
        yield from filter(None, (timetable.base_lr, timetable.lr, timetable.momentum, timetable.metric))
