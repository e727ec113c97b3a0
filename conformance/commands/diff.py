"""``conformance diff``: what changed between two results files."""

from __future__ import annotations

import argparse

from ..report.results import Results
from ..verdict import Verdict
from . import Refused


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="BEFORE")
    parser.add_argument("after", metavar="AFTER")


def main(options: argparse.Namespace) -> int:
    """1 where something is worse: a case that passed and does not any more."""
    try:
        before, after = Results.read(options.before), Results.read(options.after)
    except (OSError, ValueError) as error:
        raise Refused(str(error)) from None
    for name, results in ((options.before, before), (options.after, after)):
        facts = results.header["backend"]
        cut = ", cut short" if results.truncated else ""
        print(f"{name}: {facts['backend']} {facts['version']}, {len(results.cases)} cases{cut}")
    worse = 0
    for case, old, new in changes(before, after):
        print(f"  {old:>15} -> {new:<15} {case}")
        worse += old == Verdict.PASS and new != Verdict.PASS
    return 1 if worse else 0


def changes(before: Results, after: Results) -> list[tuple[str, str, str]]:
    """The cases whose verdict changed: id, old and new. What only one file planned is absent in the other."""
    ids = dict.fromkeys((*before.planned, *before.cases, *after.planned, *after.cases))
    pairs = ((case, _verdict(before, case), _verdict(after, case)) for case in ids)
    return [pair for pair in pairs if pair[1] != pair[2]]


def _verdict(results: Results, case: str) -> str:
    if case in results.cases:
        return results.cases[case]["verdict"]
    return Verdict.NOT_RUN.value if case in results.planned else "absent"
