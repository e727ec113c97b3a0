"""A folder with a small spec and some fake backends, and ways to run them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import conformance.assemble  # noqa: F401 - before pytester forgets what its runs imported: NumPy loads only once
import conformance.generate.common  # noqa: F401
from conformance.report.results import Results

HEAD = """\
topic: Trouble
summary: What backends can do to a run.
cites: https://example.org/trouble
clauses:
"""
CLAUSE = """\
  {id}:
    says: The clause {id} holds.
    {given}{judge}dtypes: [{dtypes}]{needs}
    program: |
      {program}
"""


def clause(
    id: str, program: str, given: str = "", judge: str = "literals", dtypes: str = "float64", needs: str = ""
) -> str:
    return CLAUSE.format(
        id=id,
        program="\n      ".join(program.split("\n")),
        given=f"given: {{{given}}}\n    " if given else "",
        judge=f"judge: {judge}\n    " if judge != "reference" else "",
        dtypes=dtypes,
        needs=f"\n    needs: [{needs}]" if needs else "",
    )


def spec(*clauses: str) -> str:
    return HEAD + "".join(clauses)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: ``specs/`` and ``fakes.py``."""
    shutil.copy(Path(__file__).with_name("fakes.py"), tmp_path)
    (tmp_path / "specs" / "area").mkdir(parents=True)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = -p no:logging -p no:cacheprovider -p no:hypothesispytest\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Callable[..., None]:
    """Writes a spec of some clauses."""

    def written(*clauses: str, name: str = "trouble") -> None:
        (folder / "specs" / "area" / f"{name}.yaml").write_text(spec(*clauses))

    return written


@pytest.fixture
def judge(folder: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Judged]:
    """``pytest specs --backend fakes:NAME`` in this process."""

    def judged(backend: str, *options: str, paths: tuple[str, ...] = ("specs",)) -> Judged:
        monkeypatch.chdir(folder)
        run = pytester.runpytest_inprocess(
            *paths, "--backend", f"fakes:{backend}", "--results", "results.jsonl", *options
        )
        return Judged(run, folder / "results.jsonl")

    return judged


class Judged:
    """What a run printed, and what it wrote."""

    def __init__(self, run: pytest.RunResult, results: Path) -> None:
        self.run = run
        self.text = run.stdout.str()
        self.status = run.ret
        self._results = results

    @property
    def results(self) -> Results:
        return Results.read(self._results)

    def verdict(self, id: str, where: str = "cpu") -> str:
        return self.results.cases[f"specs/area/trouble.yaml::{id}[{where}]"]["verdict"]


def conformance(*words: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "conformance.cli", *words], capture_output=True, text=True, timeout=timeout
    )
