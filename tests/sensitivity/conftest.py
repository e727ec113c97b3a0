"""Prints at the end of a run which clause caught which faulty reference."""

from __future__ import annotations

from pytest import TerminalReporter

CAUGHT = "caught by"
"""The property under which a test records the fault and the clause."""


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    pairs = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == CAUGHT and report.when == "call"
    ]
    if pairs:
        terminalreporter.section("faulty references and the clauses that caught them")
    for fault, clause in sorted(pairs):
        terminalreporter.line(f"{fault}: {clause}")
