"""Optimizers."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, WithJsonSchema

from .check import Check
from .constructed import Constructed
from .faults import quote
from .fields import Dotted, Name, Names, one_of
from .formula import Expression, Formula, Update
from .models import Model
from .text import Text
from .words import formula_names

LAYOUTS = ("dense", "sparse", "either")
Gradients = Annotated[
    Text, AfterValidator(one_of(LAYOUTS, "a layout")), WithJsonSchema({"enum": list(LAYOUTS)})
]
"""The layouts that gradients may have. In ``step``, ``specified`` tells which elements a sparse gradient has."""


class State(Model):
    """A value that an optimizer keeps for each parameter."""

    when: Expression | None = None
    init: Formula | None = None
    """What it is before the first step; ``None`` where nothing is said."""
    compared: bool = True
    """Whether its values are claims; an implementation may keep something else that serves as well."""


class OptimizerSpec(Constructed):
    """A class of optimizers: what one step does to one parameter, or the algorithm that does it."""

    kind: ClassVar[str] = "optimizer"

    optimizer: Dotted
    state: dict[Name, State] = Field(default_factory=dict)
    step: Update | None = None
    algorithm: Name | None = None
    shapes: Expression | None = None
    """Shapes of the parameters that it takes, where it does not take all."""
    gradients: Gradients = Text("dense")
    pointwise: bool = True
    """Whether what happens to an element depends on that element only."""
    tensors: Names = ()
    """Hyperparameters that may be tensors of one element."""

    @property
    def name(self) -> str:
        return self.optimizer

    @property
    def persistent(self) -> tuple[str, ...]:
        """What assignments in ``step`` change for good."""
        return ("param", *self.state)

    def check(self, check: Check) -> None:
        super().check(check)
        here = check.key("optimizer")
        if (self.step is None) == (self.algorithm is None):
            message = "`step` is missing" if self.step is None else "`algorithm` beside `step`"
            check.missing(
                check.key("algorithm") if self.step else here, message, "one of `step` and `algorithm`"
            )
        check.known(self.tensors, self.hyperparameters, "a hyperparameter")
        check.source(self.shapes, formula_names())
        vocabulary, hyper = formula_names(), self.hyperparameters
        for name, state in self.state.items():
            if name in (*self.signature.names, "param", "grad"):
                check.fault(name, f"the state {quote(name)} has the name of something else")
            check.source(state.when, vocabulary, hyper)
            check.source(state.init, vocabulary, hyper, ("param", "grad"))
            if self.step and name not in self.step.bound:
                check.fault(name, f"the state {quote(name)} is never assigned in `step`")
        if self.step:
            check.source(self.step, vocabulary, hyper, self.state, ("param", "grad", "specified"))
            check.assigned(self.step, {*self.signature.names}, "a hyperparameter, which `step` may only read")
            check.assigned(self.step, {"grad"}, "the gradient, which `step` may only read")
            if "param" not in self.step.bound:
                check.fault(check.key("step"), "`step` never assigns `param`")
