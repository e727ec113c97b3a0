"""Mutants of what surrounds the formulas: parameter groups, state dictionaries, closures, training mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from reference_impls import Reference

from ...spec import FamilySpec, ModuleSpec, OptimizerSpec, SchedulerSpec, Spec
from ...where import area
from ..mutant import Mutant
from .closure_optimizers import closure_optimizer_faults
from .families import family_faults
from .fault import Override
from .modules import MODULES, module_faults
from .optimizers import optimizer_faults
from .schedulers import scheduler_faults
from .topics import topic_mutants


def shell_mutants(spec: Spec) -> Iterator[Mutant]:
    """Every mutant of the bookkeeping of the class, or of the functions of lists, that a spec is about."""
    if isinstance(spec, OptimizerSpec):
        faults = closure_optimizer_faults(spec) if spec.algorithm else optimizer_faults(spec)
    elif isinstance(spec, SchedulerSpec):
        faults = scheduler_faults(spec)
    elif isinstance(spec, ModuleSpec):
        faults = module_faults(spec)
    elif isinstance(spec, FamilySpec):
        faults = family_faults(spec)
    else:
        yield from topic_mutants(spec)
        return
    for mutator, what, method, override in faults:
        yield _mutant(spec, mutator, what, method, override)


def module_mutants() -> Iterator[Mutant]:
    """Every mutant of the bookkeeping that all modules share."""
    for mutator, what, method, override in MODULES:
        prepare = _breaking("torch.nn.Module", method, override)
        yield Mutant("torch.nn", "torch.nn.Module", mutator, what, prepare=prepare)


def _mutant(spec: Spec, mutator: str, what: str, method: str, override: Override) -> Mutant:
    id, owner = spec.relative_path, str(spec.name)
    reach = owner
    if isinstance(spec, FamilySpec):
        owner = owner.rpartition(".")[0]
        reach = f"{owner}.{method}"
    prepare = _breaking(owner, method, override)
    return Mutant(area(id), id, mutator, what, prepare=prepare, reach=frozenset({reach}))


def _breaking(name: str, method: str, override: Override) -> Callable[[Reference], None]:
    """Overrides a method in the class of this name, which is a fresh one in every reference."""

    def prepare(reference: Reference) -> None:
        owner: Any = reference.torch
        for part in name.split(".")[1:]:
            owner = getattr(owner, part)
        right: Any = getattr(owner, method, None)  # some are inherited from nowhere, as `__deepcopy__`
        setattr(owner, method, override(right))

    return prepare
