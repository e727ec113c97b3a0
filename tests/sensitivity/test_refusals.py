"""Every claim that an operator refuses something fails on a backend that does not refuse it."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conformance.assemble import assemble
from conformance.backends.reference import ReferenceBackend
from conformance.generate import cases
from conformance.sensitivity.lines import Judge
from conformance.spec import OperatorSpec, Program, Spec, discover, load
from conformance.spec.program import chain
from conformance.verdict import Verdict
from reference_impls import Reference
from reference_impls.dtypes import NAMES

SPECS: list[Spec] = [load(path) for path in discover(Path(__file__).parents[2] / "specs")]


class Anything:
    """Takes every call, and has every attribute."""

    def __call__(self, *args: Any, **kwargs: Any) -> Anything:
        return self

    def __getattr__(self, name: str) -> Anything:
        return self


class Lenient(ReferenceBackend):
    """A reference in which some names take whatever they are given."""

    name = "lenient"
    dtypes = frozenset(NAMES)
    lacks = {name: why for name, why in ReferenceBackend.lacks.items() if name != "error-checks"}

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(assemble(SPECS, Reference()))
        for name in names:
            self.reference.define(name, Anything())


lenient = cache(Lenient)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(ReferenceBackend(Reference()), ReferenceBackend(assemble(SPECS, Reference())))


@pytest.mark.parametrize(
    "spec", [spec for spec in SPECS if isinstance(spec, OperatorSpec)], ids=lambda spec: spec.relative_path
)
def test_what_is_not_refused_is_noticed(spec: OperatorSpec, judge: Judge) -> None:
    refusals = [case for case in cases(spec) if "error-checks" in case.needs]
    for case in refusals:
        for sample in case.samples("eager"):
            names = frozenset(name for name in called(sample.program) if is_judged(spec, name))
            line = judge.tried(lenient(names), case, sample, case.dtypes[0])
            assert line.verdict is Verdict.FAIL, f"{case.id}: {line.verdict} {line.reason}"
            assert line.failure is not None and not line.failure.traceback, case.id


def called(program: Program) -> set[str]:
    """The names below torch that a program calls."""
    chains = (
        chain(node.func, {"torch": "torch"}) for node in ast.walk(program.tree) if isinstance(node, ast.Call)
    )
    return {name for name in chains if name.startswith("torch.")}


def is_judged(spec: OperatorSpec, name: str) -> bool:
    """Whether a name is the operator, one of its forms, or a class of torch.nn that a clause of it is about."""
    return name in (spec.operator, *spec.also) or name.rpartition(".")[2][0].isupper()
