"""Prints at the end of a run what became of the damaged files."""

from __future__ import annotations

from pytest import TerminalReporter

COUNTS = "fates of damaged files"
"""The property under which a test records a table: for each way of loading, how many files had which fate."""


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    tables = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == COUNTS and report.when == "call"
    ]
    for table in tables:
        terminalreporter.section(COUNTS)
        for way, fates in table.items():
            counts = ", ".join(f"{count} {fate}" for fate, count in sorted(fates.items()))
            terminalreporter.line(f"{way}: {counts}")
