"""What a run was asked for, and the judging of its cases."""

from __future__ import annotations

import faulthandler
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .backends import BackendError, resolve
from .backends.contract import Backend
from .case import Case
from .report.results import ResultsWriter
from .report.summary import Record, case_record, line_record
from .verdict import Line, Verdict

if TYPE_CHECKING:
    from .check import Bench


class BadOption(Exception):
    """An option has a value that it cannot have; the message names those that it can."""


@dataclass
class Session:
    """Who is judged, on what, and where the results go."""

    backend: Backend
    devices: tuple[str, ...]
    dtypes: tuple[str, ...]
    modes: tuple[str, ...]
    explore: int = 0
    time_limit: float = 0
    """Seconds after which the process of a case is ended; 0 for none."""
    results: ResultsWriter | None = None
    worker: str = ""
    _benches: dict[Path, Bench] = field(default_factory=dict)

    @classmethod
    def of(cls, backend: str, devices: Sequence[str], dtypes: Sequence[str], modes: Sequence[str]) -> Session:
        """A session for the values of the options; raises `BadOption`. Nothing given means: the default."""
        from reference_impls.dtypes import NAMES

        try:
            judged = resolve(backend)
        except BackendError as error:
            raise BadOption(f"--backend: {error}") from error
        for device in devices:
            _one_of("--device", device, device.partition(":")[0], judged.devices, f" of {judged.name}")
        for dtype in dtypes:
            _one_of("--dtype", dtype, dtype, tuple(NAMES))
        for mode in modes:
            _one_of("--mode", mode, mode, judged.modes, f" of {judged.name}")
        return cls(
            judged,
            tuple(dict.fromkeys(devices)) or judged.devices[:1],
            tuple(dict.fromkeys(dtypes)) or tuple(NAMES),
            tuple(dict.fromkeys(modes)) or ("eager",),
        )

    def join(self, results: str, worker: str) -> None:
        """Write to the results file that another process began."""
        self.results, self.worker = ResultsWriter(results), worker

    def bench(self, root: Path) -> Bench:
        """What the cases of a root of specs are checked on; the reference is assembled when first needed."""
        if root not in self._benches:
            from .assemble import bench

            self._benches[root] = bench(self.backend, root)
        return self._benches[root]

    def judge(
        self, case: Case, root: Path, case_id: str, device: str, mode: str
    ) -> tuple[Record, list[Line]]:
        """Run a case; its lines are written as they are won."""
        start = time.perf_counter()
        self._write(
            {"record": "started", "case": case_id, "worker": self.worker, "time": round(time.time(), 3)}
        )
        lines: list[Line] = []
        try:
            bench = self.bench(root)  # not on the time of the case
            with time_limit(self.time_limit):
                for line in bench.check(case, device, mode, self.dtypes, self.explore):
                    lines.append(line)
                    self._write(line_record(case_id, line))
        except (Exception, SystemExit) as error:  # of the backend or of the suite; never of the run
            lines.append(Line("", "", Verdict.ERROR, reason=_in_words(error)))
            self._write(line_record(case_id, lines[-1]))
        record = case_record(case_id, lines, time.perf_counter() - start)
        if case.accuracy and not any(line.allowance_needed for line in lines):
            record["accuracy unneeded"] = 1
        self._write(record)
        return record, lines

    def _write(self, record: Record) -> None:
        if self.results is not None:
            self.results.write(record)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End this process where its body takes longer. The watch is a thread of C: hangs in C do not stop it."""
    if not seconds:
        yield
        return
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _one_of(option: str, value: str, name: str, valid: Sequence[str], owner: str = "") -> None:
    if name not in valid:
        import difflib

        near = difflib.get_close_matches(name, valid, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise BadOption(f"{option} {value}: the choices{owner} are {', '.join(valid)}{hint}")


def _in_words(error: BaseException) -> str:
    """An exception that nobody expected, and where it came from."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    at = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{at}"
