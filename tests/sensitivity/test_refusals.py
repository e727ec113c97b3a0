"""Every claim that an operator refuses something fails on a backend that does not refuse it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.assemble import assemble
from conformance.backends.reference import ReferenceBackend
from conformance.generate import cases
from conformance.sensitivity.lines import Judge
from conformance.spec import OperatorSpec, Spec, discover, load
from conformance.verdict import Verdict
from reference_impls import Reference
from reference_impls.dtypes import NAMES

SPECS: list[Spec] = [load(path) for path in discover(Path(__file__).parents[2] / "specs")]


class Lenient(ReferenceBackend):
    """A reference one of whose operators takes whatever it is given."""

    name = "lenient"
    dtypes = frozenset(NAMES)
    lacks = {name: why for name, why in ReferenceBackend.lacks.items() if name != "error-checks"}

    def __init__(self, operator: str) -> None:
        super().__init__(assemble(SPECS, Reference()))
        self.reference.define(operator, lambda *args, **kwargs: self.torch.zeros(()))


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(ReferenceBackend(Reference()), ReferenceBackend(assemble(SPECS, Reference())))


@pytest.mark.parametrize(
    "spec", [spec for spec in SPECS if isinstance(spec, OperatorSpec)], ids=lambda spec: spec.relative_path
)
def test_what_is_not_refused_is_noticed(spec: OperatorSpec, judge: Judge) -> None:
    lenient = Lenient(str(spec.operator))
    refusals = [case for case in cases(spec) if "error-checks" in case.needs]
    for case in refusals:
        for sample in case.samples("eager"):
            line = judge.tried(lenient, case, sample, case.dtypes[0])
            assert line.verdict is Verdict.FAIL, f"{case.id}: {line.verdict}"
            assert line.failure is not None and not line.failure.traceback, case.id
