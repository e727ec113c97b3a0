"""A few of the real specs, and the lines of them that the unbroken reference passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conformance.assemble import assemble
from conformance.backends.reference import ReferenceBackend
from conformance.sensitivity.lines import Judge, Planned, planned
from conformance.sensitivity.mutant import Mutant
from conformance.sensitivity.run import Fate, Outcome, fate
from conformance.spec import Spec, discover, load
from reference_impls import Reference

from .conftest import CAUGHT

SPECS = Path(__file__).parents[2] / "specs"


class Few:
    """The specs whose path below ``specs/`` is ``chosen``, as judges of mutants."""

    def __init__(self, chosen: Callable[[str], bool]) -> None:
        self.specs: list[Spec] = [load(path) for path in discover(SPECS)]
        self.judge = Judge(ReferenceBackend(Reference()), ReferenceBackend(assemble(self.specs, Reference())))
        own = [spec for spec in self.specs if chosen(spec.relative_path.removeprefix("specs/"))]
        assert own
        self.lines: list[Planned] = planned(self.judge, self.specs, own)

    def fate(self, mutant: Mutant) -> Outcome:
        return fate(mutant, self.specs, self.lines, self.judge)

    def caught(self, mutant: Mutant, name: str, record: Callable[[str, object], None]) -> Outcome:
        """The outcome of a mutant that what a clause yields must catch; an exception would not count."""
        outcome = self.fate(mutant)
        record(CAUGHT, (name, outcome.by))
        assert outcome.fate is Fate.CAUGHT, f"{outcome.fate} at {outcome.by or 'no clause'}"
        return outcome
