"""Mutants of the algorithms of ``reference_impls`` that specs name: one fault in the text of one of their functions."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from reference_impls.algorithms import lbfgs

from ..spec import OptimizerSpec, Spec
from ..where import area
from .mutant import Mutant
from .mutators import Names, mutations

MODULES: dict[str, ModuleType] = {"lbfgs": lbfgs}
KINDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "lbfgs": (("s", "y"), ("low", "high"), ("max_iter", "max_eval"), ("tolerance_grad", "tolerance_change")),
}
"""What the names in their texts stand for."""


def algorithm_mutants(spec: Spec) -> Iterator[Mutant]:
    """Every mutant of the algorithm that a spec names."""
    if not isinstance(spec, OptimizerSpec) or spec.algorithm is None:
        return
    module = MODULES[str(spec.algorithm)]
    id, reach = spec.relative_path, frozenset({str(spec.name)})
    for name, function in vars(module).items():
        if not isinstance(function, FunctionType) or function.__module__ != module.__name__:
            continue
        text = textwrap.dedent(inspect.getsource(function))
        first = body(text)
        for m in mutations(text, Names(KINDS[str(spec.algorithm)])):
            if m.line < first:
                continue  # a signature says nothing that is not said by the spec
            within = text.split("\n")[m.line - 1].strip()
            patch = (module, name, _compiled(module, name, m.text))
            yield Mutant(
                area(id), id, m.mutator, m.original, m.mutated, patches=(patch,), reach=reach,
                place=f"{name}:{m.line}", within=within,
            )  # fmt: skip


def body(text: str) -> int:
    """The line of a function's text on which its body begins, after the documentation."""
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    return function.body[1 if ast.get_docstring(function) else 0].lineno


def _compiled(module: ModuleType, name: str, text: str) -> Callable[[Any], Any]:
    def faulty(right: Any) -> Any:
        names = dict(vars(module))
        exec(text, names)
        return names[name]

    return faulty
