"""From a spec to its cases: one module for each kind of spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..case import Case

if TYPE_CHECKING:
    from ..spec import Spec


def cases(spec: Spec) -> list[Case]:
    """Every case of a spec, in the order in which a person wants to read them. Makes no samples yet."""
    from ..spec import FamilySpec, ModuleSpec, OperatorSpec, OptimizerSpec, SchedulerSpec
    from .closure_optimizer import closure_optimizer_cases
    from .common import program_cases
    from .family import family_cases
    from .module import module_cases
    from .operator import operator_cases
    from .optimizer import optimizer_cases
    from .scheduler import scheduler_cases

    if isinstance(spec, OperatorSpec):
        return list(operator_cases(spec))
    if isinstance(spec, ModuleSpec):
        return list(module_cases(spec))
    if isinstance(spec, OptimizerSpec):
        return list(closure_optimizer_cases(spec) if spec.algorithm else optimizer_cases(spec))
    if isinstance(spec, SchedulerSpec):
        return list(scheduler_cases(spec))
    if isinstance(spec, FamilySpec):
        return list(family_cases(spec))
    return list(program_cases(spec))
