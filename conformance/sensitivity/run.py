"""Tries every mutant on the lines that may notice it, and stops at the first that does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reference_impls import Reference

from ..assemble import assemble
from ..backends.reference import ReferenceBackend
from ..spec import Spec, TopicSpec, discover, load
from ..verdict import Line, Verdict
from .algorithms import algorithm_mutants
from .lines import Judge, Planned, planned
from .mutant import Mutant
from .rules import rule_mutants
from .shells import module_mutants, shell_mutants
from .tape import tape_mutants
from .texts import text_mutants
from .training import training_mutants


class Fate(StrEnum):
    """What became of a mutant."""

    CAUGHT = "caught"
    """A clause that the unbroken reference passes fails: it yields something else."""
    CRASHED = "crashed"
    """It raised an exception where the unbroken reference does not, and was not caught otherwise."""
    SURVIVED = "survived"
    """Every clause that may notice it passes."""


@dataclass(frozen=True)
class Outcome:
    """A mutant and its fate; ``by`` is the clause that caught it, or at which it crashed."""

    mutant: Mutant
    fate: Fate
    by: str = ""


def own_mutants(spec: Spec) -> Iterator[Mutant]:
    """Every mutant of what one spec defines."""
    yield from text_mutants(spec)
    yield from algorithm_mutants(spec)
    yield from shell_mutants(spec)


def shared_mutants(lines: Sequence[Planned]) -> Iterator[Mutant]:
    """Every mutant of what is in no spec of its own: modules, the tape, clipping, and the primitives in use."""
    yield from module_mutants()
    yield from tape_mutants()
    yield from training_mutants()
    yield from rule_mutants(frozenset().union(*(line.uses for line in lines)))


def measure(
    paths: Sequence[Path], root: Path, tell: Callable[[Outcome], None] = lambda outcome: None
) -> list[Outcome]:
    """The fate of every mutant of the specs in ``paths``, by the clauses of these specs.

    The reference is assembled from all specs below ``root``; where all of them are measured, so is what they share
    (a few of them need not notice a fault in it). ``tell`` hears of each outcome as it is won.
    """
    specs = {path.resolve(): load(path) for path in discover(root)}
    chosen = [specs[path.resolve()] if path.resolve() in specs else load(path) for path in paths]
    everything = [*specs.values(), *(spec for spec in chosen if spec.path.resolve() not in specs)]
    judge = Judge(ReferenceBackend(Reference()), ReferenceBackend(assemble(everything, Reference())))
    lines = planned(judge, everything, chosen)
    found = [mutant for spec in chosen for mutant in own_mutants(spec)]
    if len(chosen) == len(everything):
        found += shared_mutants(lines)
    outcomes = []
    for mutant in found:
        outcomes.append(fate(mutant, everything, lines, judge))
        tell(outcomes[-1])
    return outcomes


def fate(mutant: Mutant, specs: Sequence[Spec], lines: Sequence[Planned], judge: Judge) -> Outcome:
    """Try one mutant: first on the clauses of its own spec, then on others that use it, the cheap ones first."""
    concerned = [line for line in lines if mutant.reach is None or mutant.reach & line.uses]
    concerned.sort(key=lambda line: (not _own(mutant, line), line.calls))
    backend = mutant.backend(specs)
    crashed = ""
    for line in concerned:
        verdict = judge.tried(backend, line.case, line.sample, line.dtype)
        clause = f"{line.subject}::{line.case.id} ({line.sample.name}, {line.dtype})"
        if caught(verdict):
            return Outcome(mutant, Fate.CAUGHT, clause)
        if verdict.verdict is not Verdict.PASS:
            crashed = crashed or clause
    return Outcome(mutant, Fate.CRASHED if crashed else Fate.SURVIVED, crashed)


def _own(mutant: Mutant, line: Planned) -> bool:
    """Whether a clause is about what is broken: it is in the same spec, or in a topic if that is the tape."""
    return (
        line.subject == mutant.subject if mutant.reach is not None else isinstance(line.case.spec, TopicSpec)
    )


def caught(line: Line) -> bool:
    """Whether a line failed by what the program yielded, and not by an exception in it."""
    return line.verdict is Verdict.FAIL and line.failure is not None and not line.failure.traceback
