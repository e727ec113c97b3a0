"""Mutants of what topics are about where it is code: interfaces, averages of weights, composed schedulers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter

from reference_impls import Reference

from ...assemble.param_groups import Interface
from ...spec import Spec
from ...where import area
from ..mutant import Mutant
from .averaging import AVERAGING
from .compositions import COMPOSITIONS
from .containers import MODULE_TOPICS
from .fault import Override
from .interface import INTERFACE
from .optimizer_hooks import HOOKS

USERS = frozenset({"torch.optim.Optimizer", "torch.optim.SGD"})
"""The classes by which a program may notice a fault of the interface."""


def topic_mutants(spec: Spec) -> Iterator[Mutant]:
    """Every mutant of what a topic is about, if any."""
    id = spec.relative_path
    if spec.name == "torch/optim/Optimizer":
        for mutator, (method, override) in {**INTERFACE, **HOOKS}.items():
            yield Mutant(area(id), id, mutator, patches=((Interface, method, override),), reach=USERS)
    for owner, faults in AVERAGING.get(spec.name, {}).items():
        for mutator, (name, override) in faults.items():
            reach = frozenset({owner, f"{owner}.{name}"})
            yield Mutant(area(id), id, mutator, prepare=_breaking(owner, name, override), reach=reach)
    for owner, faults in MODULE_TOPICS.get(spec.name, {}).items():
        for mutator, (name, override) in faults.items():
            yield Mutant(area(id), id, mutator, owner, prepare=_breaking(owner, name, override))
    scheduler = spec.name.replace("/", ".")
    for mutator, what, method, override in COMPOSITIONS.get(scheduler, tuple)():
        prepare = _breaking(scheduler, method, override)
        yield Mutant(area(id), id, mutator, what, prepare=prepare, reach=frozenset({scheduler}))


def _breaking(owner: str, name: str, override: Override) -> Callable[[Reference], None]:
    def prepare(reference: Reference) -> None:
        there = attrgetter(owner.removeprefix("torch."))(reference.torch)
        setattr(there, name, override(getattr(there, name)))

    return prepare
