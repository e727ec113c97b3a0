"""``conformance coverage``: which documented names the clauses judge, derived from their programs."""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

from ..backends import BackendError, resolve
from ..spec import load_yaml
from . import Refused
from .judged import WAYS, Judged
from .select import PATHS_HELP, every_case

LEFT_OUT = Path(__file__).with_name("left_out.yaml")
"""Documented names that no clause judges, each with the reason."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help=PATHS_HELP)
    columns = "documented names: columns area, name, kind, differentiable"
    parser.add_argument("--inventory", metavar="FILE.tsv", help=columns)
    parser.add_argument(
        "--build",
        metavar="BACKEND",
        help="list the optimizers and schedulers of what is installed that no clause judges",
    )
    parser.add_argument(
        "--missing",
        metavar="AREA",
        help="list the names of an area that no clause judges, and those left out with their reasons",
    )


def main(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Column, Table

    if not options.inventory and not options.build:
        raise Refused("coverage of what? --inventory FILE.tsv or --build BACKEND says it")
    areas = inventory(Path(options.inventory)) if options.inventory else {}
    judged = Judged()
    for case in every_case(options.paths):
        judged.add(case)
    reasons: dict[str, str] = load_yaml(LEFT_OUT, dict[str, str])
    seen = judged.names["value"] | judged.names["errors"]
    if options.build:
        missing = sorted(installed(options.build) - seen)
        print(*missing, sep="\n", end="\n" if missing else "")
        return 1 if missing else 0
    if options.missing:
        if options.missing not in areas:
            raise Refused(f"--missing {options.missing}: the areas are {', '.join(areas)}")
        for name, _ in areas[options.missing]:
            if name not in seen:
                print(name + (f": {reasons[name]}" if name in reasons else ""))
        return 0
    table = Table(Column("area", overflow="fold"), *(f"by {way}" for way in WAYS), "left out", "documented")
    total = [0] * 6
    for area, names in areas.items():
        differentiable = {name for name, smooth in names if smooth}
        documented = {name for name, _ in names}
        counts = [len(documented & judged.names[way]) for way in WAYS]
        counts[1] = len(differentiable & judged.names["gradient"])
        row = [*counts, len(documented & reasons.keys() - seen), len(documented), len(differentiable)]
        total = [a + b for a, b in zip(total, row, strict=True)]
        table.add_row(area, *_cells(row))
    table.add_section()
    table.add_row("all", *_cells(total))
    Console().print(table)
    judged_after_all = sorted(seen & reasons.keys()) if not options.paths else []
    for name in judged_after_all:
        print(f"{LEFT_OUT.name}: {name} is judged by now; remove it")
    return 1 if judged_after_all else 0


def installed(backend: str) -> frozenset[str]:
    """The optimizers and schedulers that a backend offers."""
    try:
        return resolve(backend).offers()
    except BackendError as error:
        raise Refused(str(error)) from None


def _cells(row: list[int]) -> list[str]:
    value, gradient, errors, left_out, documented, differentiable = row
    return [
        str(value),
        f"{gradient} of {differentiable}" if differentiable else "",
        str(errors),
        str(left_out or ""),
        str(documented),
    ]


def inventory(path: Path) -> dict[str, list[tuple[str, bool]]]:
    """The documented names of each area, and whether each is differentiable."""
    areas: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                areas[row["area"]].append((row["name"], row["differentiable"] == "yes"))
    except (OSError, KeyError) as error:
        raise Refused(f"--inventory {path}: {error}") from None
    return dict(areas)
