"""What the cases of every kind share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..case import Case, Sample
from ..spec import Program, Text
from ..spec.words import FLOATING
from .makers import Makers, evaluate

if TYPE_CHECKING:
    from ..spec import Claim, Clause, Spec

PRELUDE = Path(__file__).with_name("prelude.py")


@cache
def prelude() -> Program:
    """The helpers of generated programs."""
    return Program(Text(PRELUDE.read_text(), str(PRELUDE)))


def generated(text: str, spec: Spec) -> Program:
    """A program that the generator wrote for a spec."""
    return Program.generated(text, f"<generated from {spec.relative_path}>")


def case(
    spec: Spec,
    id: str,
    says: str,
    samples: Callable[[str], Sequence[Sample]],
    line: int,
    dtypes: tuple[str, ...] = FLOATING,
    judge: str = "reference",
    needs: frozenset[str] = frozenset(),
    claim: Claim | None = None,
    accelerator: bool = False,
    modes: tuple[str, ...] = ("eager",),
    shared: bool = True,
) -> Case:
    """A derived case, with what the spec says of all of its clauses."""
    cites = spec.cites[0]
    needs = needs | frozenset(spec.needs)
    return Case(
        spec,
        id,
        says,
        cites,
        line,
        samples,
        dtypes,
        judge,
        needs,
        spec.accuracy_of(id),
        claim,
        accelerator,
        modes,
        shared,
    )


def program_cases(spec: Spec) -> Iterator[Case]:
    """One case for each clause that is written by hand."""
    for id, clause in spec.clauses.items():
        yield Case(
            spec,
            id,
            clause.says,
            (clause.cites or spec.cites)[0],
            clause.line,
            partial(_samples, spec, id, clause),
            tuple(clause.dtypes or FLOATING),
            clause.judge,
            frozenset(clause.needs) | frozenset(spec.needs),
            spec.accuracy_of(id),
            clause,
            shared=False,
        )


def _samples(spec: Spec, id: str, clause: Clause, mode: str) -> list[Sample]:
    inputs = {
        str(name): evaluate(text, Makers(f"{spec.name}:{id}:{name}")) for name, text in clause.given.items()
    }
    setup = (prelude(), spec.setup) if spec.setup else (prelude(),)
    return [Sample("program", clause.program, inputs, setup)]
