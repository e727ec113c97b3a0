"""The results file: JSON lines, appended as they are won, by whoever wins them.

    header    what was judged, where, with which options
    planned   the ids of all cases that the run has to answer for
    started   a worker begins a case
    line      one dtype and sample of a case, with its verdict
    case      a case has ended: its verdict and its lines, counted
    footer    what the run came to

A file without a footer is of a run that was cut short. A case that was started and never ended took its
worker with it. Every record is one write to the end of the file, so that processes can share it, and none
waits in a buffer for a process that may die.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .summary import Record

FORMAT = 1


class ResultsWriter:
    """Appends records to a file."""

    def __init__(self, path: str | Path, truncate: bool = False) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if truncate else 0)
        self._file = os.open(path, flags, 0o644)

    def write(self, record: Record) -> None:
        os.write(self._file, json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)


def fingerprint(backend: dict[str, str]) -> Record:
    """What a verdict may depend on, besides the options."""
    import platform
    import sys
    from datetime import UTC, datetime

    import numpy

    from .. import __version__

    return {
        "suite": __version__,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "numpy": numpy.__version__,
        "backend": backend,
    }


def records(path: str | Path) -> Iterator[Record]:
    """The records of a file; a line that was cut short is passed over."""
    with open(path, encoding="utf-8") as file:
        for text in file:
            try:
                yield json.loads(text)
            except json.JSONDecodeError:
                continue


@dataclass
class Results:
    """A results file that was read."""

    header: Record
    planned: list[str]
    cases: dict[str, Record]
    lines: dict[tuple[str, str, str], Record]
    """By case, dtype and sample."""
    footer: Record | None

    @property
    def truncated(self) -> bool:
        return self.footer is None

    @classmethod
    def read(cls, path: str | Path) -> Results:
        """Raises `ValueError` where a file does not begin like a results file of this format."""
        results = cls({}, [], {}, {}, None)
        for record in records(path):
            kind = record.get("record")
            if kind == "header":
                results.header = record
            elif kind == "planned":
                results.planned = record["cases"]
            elif kind == "line":
                results.lines[record["case"], record["dtype"], record["sample"]] = record
            elif kind == "case":
                results.cases[record["case"]] = record
            elif kind == "footer":
                results.footer = record
        if results.header.get("format") != FORMAT:
            raise ValueError(f"{path}: not a results file of format {FORMAT}")
        return results


@dataclass
class Follower:
    """Reads a results file while workers append to it, and knows how far each case has come."""

    path: Path
    started: set[str] = field(default_factory=set)
    ended: dict[str, Record] = field(default_factory=dict)
    lines: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _offset: int = 0

    def catch_up(self) -> None:
        """Read what has been appended since the last time."""
        with open(self.path, "rb") as file:
            file.seek(self._offset)
            for text in file:
                if not text.endswith(b"\n"):
                    break
                self._offset += len(text)
                self._note(json.loads(text))

    def _note(self, record: dict[str, Any]) -> None:
        case = record.get("case", "")
        if record["record"] == "started":
            self.started.add(case)
        elif record["record"] == "line":
            self.lines[case][record["verdict"]] += 1
        elif record["record"] == "case":
            self.ended[case] = record
