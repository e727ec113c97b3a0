"""The specs assemble the reference: definitions become a NumPy ``torch`` that programs can run on.

A functional backend is assembled in the same way, with its own functions in place of the definitions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reference_impls import Reference

from .modules import module_class
from .operators import operator_function
from .optimizers import optimizer_class, scheduler_class

if TYPE_CHECKING:
    from ..spec import Spec


def assemble(specs: Iterable[Spec], reference: Reference) -> Reference:
    """Define in a reference's namespace what the specs define, under all of its names."""
    from ..spec import ModuleSpec, OperatorSpec, OptimizerSpec, SchedulerSpec

    for spec in specs:
        if isinstance(spec, OperatorSpec):
            function = operator_function(spec, reference)
            for name in (str(spec.operator), *spec.also):
                _define(reference, name, function, spec)
        elif isinstance(spec, ModuleSpec):
            reference.define(str(spec.module), module_class(spec, reference))
        elif isinstance(spec, OptimizerSpec):
            reference.define(str(spec.optimizer), optimizer_class(spec, reference))
        elif isinstance(spec, SchedulerSpec):
            reference.define(str(spec.scheduler), scheduler_class(spec, reference))
    return reference


def _define(reference: Reference, name: str, function, spec) -> None:
    last = name.rpartition(".")[2]
    if last.endswith("_") and not last.endswith("__"):
        function = reference.inplace(function, last)
    elif last[0].isupper():
        from .modules import functional_module

        function = functional_module(spec, name, function, reference)
    reference.define(name, function)
