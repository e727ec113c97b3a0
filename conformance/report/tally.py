"""Counts of a run: every planned case ends as exactly one thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..verdict import Verdict
from ..where import area
from .summary import Record, total


@dataclass
class Tally:
    """What was planned and what has been reported, by case id."""

    planned: dict[str, None] = field(default_factory=dict)
    cases: dict[str, Record] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    """Spec files with faults: nobody knows how many cases they would have been."""

    def plan(self, ids: Iterable[str]) -> None:
        self.planned.update(dict.fromkeys(ids))

    def report(self, record: Record) -> None:
        self.planned.setdefault(record["case"])
        self.cases[record["case"]] = record

    def verdict(self, case: str) -> str:
        return self.cases[case]["verdict"] if case in self.cases else Verdict.NOT_RUN.value

    def areas(self) -> dict[str, list[str]]:
        """The planned cases of each area, areas in alphabetical order."""
        found: dict[str, list[str]] = {}
        for case in self.planned:
            found.setdefault(area(case), []).append(case)
        return dict(sorted(found.items()))

    def counts(self, cases: Iterable[str] | None = None) -> Counter[str]:
        """Cases by verdict; those not reported are not run."""
        return Counter(self.verdict(case) for case in (self.planned if cases is None else cases))

    def lines(self, cases: Iterable[str] | None = None) -> dict[str, int]:
        """Lines by verdict, of the cases that were reported."""
        chosen = self.planned if cases is None else cases
        return total(self.cases[case].get("lines") for case in chosen if case in self.cases)

    def reasons(self, kind: str) -> dict[str, int]:
        """Lines by reason: ``unsupported``, ``known deviation`` or ``stale``."""
        return total(case.get(kind) for case in self.cases.values())

    def having(self, kind: str) -> Iterator[Record]:
        """The cases that have something to say of a kind."""
        return (record for record in self.cases.values() if record.get(kind))

    def number(self, kind: str) -> int:
        """The sum over all cases of a count: ``undecided`` or ``not sharp``."""
        return sum(record.get(kind, 0) for record in self.cases.values())

    @property
    def stale(self) -> dict[str, int]:
        """Known deviations of which every line passed: their entries are to be removed."""
        still = self.reasons("known deviation")
        return {reason: lines for reason, lines in self.reasons("stale").items() if reason not in still}

    @property
    def checked(self) -> bool:
        """Whether anything at all was compared: only then can a run be green."""
        return any(self.lines().get(v.value) for v in (Verdict.PASS, Verdict.FAIL, Verdict.KNOWN_DEVIATION))
