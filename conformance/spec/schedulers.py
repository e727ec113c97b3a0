"""Learning-rate schedulers."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from .check import Check
from .constructed import Constructed
from .fields import Dotted, several
from .formula import Expression, Formula
from .models import Model
from .signature import Arguments
from .words import MAKER_NAMES, formula_names


class Timetable(Model):
    """Learning rates that a person can check by hand."""

    call: Arguments
    base_lr: Expression
    lr: Expression


Timetables = Annotated[
    tuple[Timetable, ...],
    BeforeValidator(several, json_schema_input_type=Timetable | tuple[Timetable, ...]),
]


class SchedulerSpec(Constructed):
    """A class of learning-rate schedulers, as a closed form in ``base_lr`` and ``epoch``."""

    kind: ClassVar[str] = "scheduler"

    scheduler: Dotted
    lr: Formula
    timetables: Timetables = Field(default=(), alias="timetable")

    @property
    def name(self) -> str:
        return self.scheduler

    def check(self, check: Check) -> None:
        super().check(check)
        vocabulary = formula_names()
        check.source(self.lr, vocabulary, self.hyperparameters, ("base_lr", "epoch"))
        for timetable in self.timetables:
            check.bind(self.signature, timetable.call, check.key("timetable"), self.signature.names[:1], ())
            check.source(timetable.call, MAKER_NAMES)
            check.sources((timetable.base_lr, timetable.lr), vocabulary)
