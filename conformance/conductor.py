"""The process that answers for a whole run: what was planned, what became of it, whether that will do."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from .items import finish
from .report.results import FORMAT, Follower, ResultsWriter, fingerprint
from .report.summary import broken_case
from .report.tally import Tally
from .session import Session
from .where import is_case, is_spec


class Conductor:
    """Registered where there is no worker above: it hears of every case, whoever ran it."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self.config, self.session = config, session
        self.tally = Tally()
        self.follower: Follower | None = None
        self._started: dict[str, float] = {}
        self._begin = time.monotonic()
        if path := config.option.results:
            try:
                session.results = ResultsWriter(path, truncate=True)
            except OSError as error:
                raise pytest.UsageError(f"--results: {error}") from None
            self.follower = Follower(Path(path))
            session.results.write(self._header())

    def _header(self) -> dict[str, Any]:
        asked = self.session
        options = {
            "devices": asked.devices,
            "dtypes": asked.dtypes,
            "modes": asked.modes,
            "explore": asked.explore,
        }
        header = {"record": "header", "format": FORMAT} | fingerprint(asked.backend.describe())
        return header | {"options": options, "arguments": list(self.config.args)}

    def pytest_report_header(self) -> str:
        asked = self.session
        return (
            f"conformance: {asked.backend.name} {asked.backend.version} on {', '.join(asked.devices)}; "
            f"{', '.join(asked.modes)}; {', '.join(self.config.option.dtype) or 'all dtypes'}"
        )

    def plan(self, ids: Iterable[str]) -> None:
        """What the run has to answer for, fixed when it has been collected."""
        if self.tally.planned:
            return  # a worker that took the place of another
        self.tally.plan(filter(is_case, ids))
        if self.session.results is not None:
            self.session.results.write({"record": "planned", "cases": list(self.tally.planned)})

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.plan(item.nodeid for item in session.items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and is_spec(report.nodeid):
            self.tally.unread.add(report.nodeid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._started[nodeid] = time.monotonic()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if (record := getattr(report, "conformance", None)) is not None:
            self.tally.report(record)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any, sched: Any) -> None:
        """A worker died. The case that it was at is an error, unless it had ended, or had not yet begun."""
        if not is_case(crashitem):
            return
        if crashitem not in self._started:
            report.outcome = "rerun"
            sched.mark_test_pending(crashitem)
            return
        if self.follower is not None:
            self.follower.catch_up()
        record = self.follower and self.follower.ended.get(crashitem)
        if not record:
            won = self.follower.lines[crashitem] if self.follower else {}
            record = broken_case(crashitem, self._cause(crashitem), dict(won) | {"error": 1})
            if self.session.results is not None:
                self.session.results.write(record)
        report.when = "call"
        finish(report, record)

    def _cause(self, case: str) -> str:
        limit = self.config.option.case_timeout
        if limit and time.monotonic() - self._started[case] >= limit:
            return f"hung for more than {limit:g} s"
        return "the backend crashed: the worker that ran it died"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """The exit status, and the footer."""
        if (
            self.tally.planned
            and not self.config.option.collectonly
            and session.exitstatus == pytest.ExitCode.OK
        ):
            session.exitstatus = self._status()
        if self.session.results is not None:
            self.session.results.write(
                {
                    "record": "footer",
                    "planned": len(self.tally.planned),
                    "cases": dict(self.tally.counts()),
                    "lines": self.tally.lines(),
                    "unread": sorted(self.tally.unread),
                    "seconds": round(time.monotonic() - self._begin, 2),
                    "exit": int(session.exitstatus),
                }
            )

    def _status(self) -> pytest.ExitCode:
        """A run that compared nothing is not green; strictly, nor is one with entries to remove."""
        if not self.tally.checked:
            return pytest.ExitCode.NO_TESTS_COLLECTED
        if self.config.option.strict_deviations and (
            self.tally.stale or any(self.tally.having("accuracy unneeded"))
        ):
            return pytest.ExitCode.TESTS_FAILED
        return pytest.ExitCode.OK

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        yield
        option = self.config.option
        if not self.tally.planned or option.collectonly or option.verbose < -1:
            return
        from .report.terminal import render

        terminal = terminalreporter._tw
        terminalreporter.section(f"{self.session.backend.name} {self.session.backend.version}")
        terminalreporter.write(
            render(
                self.tally,
                terminal.fullwidth,
                terminal.hasmarkup,
                everything=option.verbose > 0,
                name_each=self.session.backend.name == "torch",
            )
        )
        if not self.tally.checked:
            terminalreporter.write_line(
                "Nothing was checked: this run says nothing about the backend.", red=True
            )
        if option.results:
            terminalreporter.write_line(f"results: {option.results}")
