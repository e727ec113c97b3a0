"""``conformance list``: the clauses, and what each says."""

from __future__ import annotations

import argparse
import json

from .select import PATHS_HELP, case_id, every_case


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help=PATHS_HELP)
    parser.add_argument("--json", action="store_true", help="one JSON object for each clause and line")


def main(options: argparse.Namespace) -> None:
    spec = None
    for case in every_case(options.paths):
        if options.json:
            facts = {
                "clause": case_id(case),
                "line": case.line,
                "says": case.says,
                "cites": case.cites,
                "kind": case.spec.kind,
                "name": case.spec.name,
                "judge": case.judge,
                "dtypes": case.dtypes,
                "modes": case.modes,
                "needs": sorted(case.needs),
            }
            print(json.dumps(facts, ensure_ascii=False))
            continue
        if case.spec is not spec:
            spec = case.spec
            print(f"{spec.relative_path}  {spec.name}")
        print(f"  ::{case.id:<28} {case.says}")
