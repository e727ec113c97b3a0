"""What a case came to, as plain data: for the results file, and for the process above a worker."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from ..verdict import Failure, Line, Verdict, worst

Record = dict[str, Any]


def line_record(case: str, line: Line) -> Record:
    """A line of a case; what has its default is left out."""
    return {"record": "line", "case": case} | _without_defaults(line, ("sample", "dtype", "verdict"))


def case_record(case: str, lines: Sequence[Line], seconds: float) -> Record:
    """All the lines of a case, counted. Without a line nothing was checked, which is an error."""
    verdict = worst(line.verdict for line in lines)
    record: Record = {
        "record": "case",
        "case": case,
        "verdict": verdict.value,
        "seconds": round(seconds, 4),
        "lines": Counter(line.verdict.value for line in lines),
        "unsupported": Counter(line.reason for line in lines if line.verdict is Verdict.UNSUPPORTED),
        "known deviation": Counter(line.reason for line in lines if line.verdict is Verdict.KNOWN_DEVIATION),
        "stale": Counter(line.reason for line in lines if line.stale),
        "undecided": sum(line.undecided for line in lines),
        "not sharp": sum(not line.sharp for line in lines),
        "supplied": sorted({name for line in lines for name in line.supplied}),
    }
    if verdict is Verdict.ERROR:
        errors = (line.reason for line in lines if line.verdict is Verdict.ERROR)
        record["reason"] = next(errors, "no line of it could be run: nothing was checked")
    return {
        key: dict(value) if isinstance(value, Counter) else value for key, value in record.items() if value
    }


def broken_case(case: str, reason: str, lines: dict[str, int]) -> Record:
    """A case that took its process with it; ``lines`` are those that it had won."""
    return {"record": "case", "case": case, "verdict": "error", "reason": reason, "lines": lines}


def total(counts: Iterable[dict[str, int] | None]) -> dict[str, int]:
    """The sum of some counts."""
    found: Counter[str] = Counter()
    for count in counts:
        found.update(count or {})
    return dict(found)


def _without_defaults(record: Line | Failure, always: tuple[str, ...] = ()) -> Record:
    found: Record = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name in always or (value != field.default and value not in ("", {}, ())):
            found[field.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    """As JSON has it: it knows no infinity."""
    if isinstance(value, Failure):
        return _without_defaults(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return list(value) if isinstance(value, tuple) else value
