"""The specs assemble the reference: definitions become a NumPy ``torch`` that programs can run on.

A functional backend is assembled in the same way, with its own functions in place of the definitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any

from reference_impls import Reference, inplace

from ..backends.contract import Backend, missing_name
from ..backends.reference import ReferenceBackend
from ..check import Bench
from ..deviations import read
from ..spec import FamilySpec, ModuleSpec, OperatorSpec, OptimizerSpec, SchedulerSpec, Spec, discover, load
from ..where import packaged_specs
from .algorithms import algorithm_class
from .families import list_functions
from .modules import functional_module, module_classes
from .operators import operator_function
from .optimizers import optimizer_class
from .schedulers import scheduler_class
from .shared import define_shared


def assemble(specs: Iterable[Spec], reference: Reference) -> Reference:
    """Define in a reference's namespace what the specs define, under all of its names."""
    define_shared(reference)
    for spec in specs:
        if isinstance(spec, OperatorSpec):
            if any(body.definition is None for body in spec.bodies.values()):
                continue  # judged by what its clauses state
            function = operator_function(spec, reference)
            for name in (str(spec.operator), *spec.also):
                _define(reference, name, function, spec)
        elif isinstance(spec, FamilySpec):
            for name, function in list_functions(spec, reference):
                reference.define(name, function)
        else:
            _define_classes(spec, reference)
    return reference


def _define_classes(spec: Spec, host: Any) -> None:
    """What has state, on a reference or on the host of a functional backend; other specs define no class."""
    if isinstance(spec, ModuleSpec):
        for name, module in module_classes(spec, host):
            host.define(name, module)
    elif isinstance(spec, OptimizerSpec):
        make = algorithm_class if spec.algorithm else optimizer_class
        host.define(str(spec.optimizer), make(spec, host))
    elif isinstance(spec, SchedulerSpec):
        host.define(str(spec.scheduler), scheduler_class(spec, host))


def _define(reference: Reference, name: str, function: Callable[..., Any], spec: OperatorSpec) -> None:
    last = name.rpartition(".")[2]
    if last.endswith("_") and not last.endswith("__"):
        function = inplace.derive(reference, function, last[:-1])
    elif last[0].isupper():
        function = functional_module(spec, name, function, reference)
    reference.define(name, function)


def reference_backend(root: Path | None = None, **tables: Any) -> ReferenceBackend:
    """The reference that the specs below a folder assemble, the packaged ones where none is given."""
    specs = [load(path) for path in discover(root or packaged_specs())]
    return ReferenceBackend(assemble(specs, Reference(**tables)))


def furnish(specs: Iterable[Spec], host: Any) -> None:
    """Assemble on a functional backend what has state; its functions are its own (see `Backend.host`)."""
    define_shared(host)
    for spec in specs:
        if isinstance(spec, OperatorSpec):
            if missing_name(host.torch, str(spec.operator)) is None:
                function = attrgetter(str(spec.operator).removeprefix("torch."))(host.torch)
                for name in spec.also:
                    if name.rpartition(".")[2][0].isupper():
                        host.define(name, functional_module(spec, name, function, host))
        else:
            _define_classes(spec, host)


def bench(backend: Backend, root: Path, **tables: Any) -> Bench:
    """Who judges a backend by the specs below a folder: the assembled reference and the known deviations."""
    if backend.host is not None:
        furnish((load(path) for path in discover(root)), backend.host)
    return Bench(backend, reference_backend(root, **tables), read(backend.deviations))
