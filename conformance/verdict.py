"""What a case ends as, and everything that is kept of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """How a line or a case ended. Of the lines of a case the first in this order is the verdict of the case:

    it passes where all that the backend supports of it passes, and its lines are counted beside it.
    """

    ERROR = "error"
    FAIL = "fail"
    KNOWN_DEVIATION = "known deviation"
    PASS = "pass"
    UNSUPPORTED = "unsupported"
    NOT_RUN = "not run"


SEVERITY = tuple(Verdict)


@dataclass(frozen=True)
class Failure:
    """What the reader of a failing line needs, as text: it outlives the tensors it speaks of."""

    message: str
    """One sentence: what differs, or what was raised."""
    line: int = 0
    """Line of the spec file whose statement failed; 0 where no statement did."""
    where: str = ""
    """Which part of what the statement yields, such as ``[1].grad[0, 2]``; empty for the whole."""
    expected: str = ""
    seen: str = ""
    ulp: float | None = None
    """Error at the worst element in units in the last place of the tested dtype."""
    times_tolerance: float | None = None
    """The same error in multiples of the tolerance."""
    inputs: dict[str, str] = field(default_factory=dict)
    program: str = ""
    """The program that ran, as text; ``program_line`` is the line of the spec file of its first line."""
    program_line: int = 0
    traceback: str = ""


@dataclass(frozen=True)
class Line:
    """One dtype and sample of a case, with a verdict of its own."""

    sample: str
    dtype: str
    verdict: Verdict
    failure: Failure | None = None
    reason: str = ""
    """Why it is unsupported, an error, or a known deviation (with its link)."""
    stale: bool = False
    """A known deviation that passed: its entry is to be removed."""
    undecided: bool = False
    """A discrete decision whose margin is inside the rounding noise: either branch is right."""
    sharp: bool = True
    """Whether the tolerance was small enough to call this a sharp check."""
    tolerance_ulp: float = 0.0
    """The largest relative tolerance applied, in ulp of the tested dtype; 0 where every element was exact."""
    checks: int = 0
    """How many yielded values were compared."""
    allowance_needed: bool = False
    """Whether it passes only by the ``accuracy:`` line of its clause."""
    supplied: tuple[str, ...] = ()
    """Names that the suite's shell supplied in place of the backend."""


@dataclass(frozen=True)
class Outcome:
    """All the lines of one case."""

    lines: tuple[Line, ...]

    @property
    def verdict(self) -> Verdict:
        return worst(line.verdict for line in self.lines)

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(line.verdict for line in self.lines)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The gravest of some verdicts; an outcome without a line checked nothing, which is an error."""
    return min(verdicts, key=SEVERITY.index, default=Verdict.ERROR)
