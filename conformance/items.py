"""pytest's view of specs: a file is a collector, a clause on a device in a mode is an item."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .case import Case
from .report.summary import Record
from .session import Session
from .verdict import Verdict
from .where import FOLDER

SESSION = pytest.StashKey[Session]()
KINDS = ("operator", "topic", "module", "optimizer", "scheduler", "family")
FIRST_KEY = re.compile(r"(?:[ \t]*(?:#.*)?\r?\n|---\s*\n|%.*\n)*([^\s:#][^:\n]*):")


def looks_like_a_spec(path: Path) -> bool:
    """Whether a YAML file begins with a kind of spec; the files of others are none of our business."""
    with path.open(encoding="utf-8", errors="replace") as file:
        first = FIRST_KEY.match(file.read(8192))
    return first is not None and first[1] in KINDS


def benchmarks_only(config: pytest.Config) -> bool:
    """Whether measurements are wanted in place of verdicts."""
    return bool(config.getoption("benchmark_only", False))


class SpecFile(pytest.File):
    """One spec."""

    root: Path

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path, root: Path) -> SpecFile:
        nodeid = f"{FOLDER}/{path.relative_to(root).as_posix()}"
        file: SpecFile = cls.from_parent(parent, path=path, nodeid=nodeid)
        file.root = root
        return file

    def collect(self) -> Iterator[pytest.Item]:
        from .generate import cases
        from .spec import SpecError, load

        session = self.config.stash[SESSION]
        try:
            spec = load(self.path)
            found = cases(spec)
        except SpecError as error:
            raise self.CollectError(str(error)) from None
        if benchmarks_only(self.config):
            from .bench.items import bench_items

            yield from bench_items(self, spec, session, self.config.option.dtype)
            return
        for case in found:
            if not case.applies(session.backend.documentation):
                continue
            for device in session.devices:
                for mode in session.modes:
                    if case.runs(device, mode, session.dtypes):
                        yield ClauseItem.of(self, case, device, mode)


class ClauseItem(pytest.Item):
    """One clause on a device in a mode."""

    case: Case
    device: str
    mode: str
    record: Record | None = None
    text = ""

    @classmethod
    def of(cls, parent: SpecFile, case: Case, device: str, mode: str) -> ClauseItem:
        where = device if mode == "eager" else f"{device}-{mode}"
        item: ClauseItem = cls.from_parent(parent, name=f"{case.id}[{where}]")
        item.case, item.device, item.mode = case, device, mode
        return item

    def runtest(self) -> None:
        session = self.config.stash[SESSION]
        assert isinstance(self.parent, SpecFile)
        self.record, lines = session.judge(self.case, self.parent.root, self.nodeid, self.device, self.mode)
        if self.record["verdict"] in (Verdict.FAIL, Verdict.ERROR):
            from .report.failure import render

            self.text = render(self.case, lines, self.nodeid)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.line - 1, self.name


def finish(report: Any, record: Record, text: str = "", line: int = 0) -> None:
    """Give pytest's report of an item the verdict of its case, in pytest's words."""
    report.conformance = record
    verdict = record["verdict"]
    if verdict in (Verdict.FAIL, Verdict.ERROR):
        report.outcome, report.longrepr = "failed", text or record.get("reason", "")
    elif verdict == Verdict.UNSUPPORTED:
        file = report.nodeid.partition("::")[0]
        report.outcome, report.longrepr = (
            "skipped",
            (file, line, f"unsupported: {', '.join(record[verdict])}"),
        )
    elif verdict == Verdict.KNOWN_DEVIATION:
        report.outcome, report.wasxfail = "skipped", "; ".join(record[verdict])
    else:
        report.outcome, report.longrepr = "passed", None
