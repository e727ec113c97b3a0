"""``conformance coverage``: which documented names the clauses judge, derived from their programs."""

from __future__ import annotations

import argparse
import ast
import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..case import Case
from ..spec.program import chain
from . import Refused
from .select import PATHS_HELP, every_case

GRADIENT = {"vjp", "backward", "grad", "jvp", "contracted"}
"""What a program mentions when it looks at derivatives."""
OWNERS = {"optimizer": "torch.optim.", "scheduler": "torch.optim.lr_scheduler.", "module": "torch.nn.Module."}
"""Whose method an attribute is taken for in the specs of a kind; elsewhere a tensor's."""
WAYS = ("value", "gradient", "errors")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help=PATHS_HELP)
    columns = "documented names: columns area, name, kind, differentiable"
    parser.add_argument("--inventory", required=True, metavar="FILE.tsv", help=columns)
    parser.add_argument(
        "--missing", metavar="AREA", help="list the names of an area that no clause judges by value"
    )


@dataclass
class Judged:
    """The names that the programs of some clauses judge, by way."""

    names: dict[str, set[str]] = field(default_factory=lambda: {way: set() for way in WAYS})

    def add(self, case: Case) -> None:
        for sample in case.samples("eager"):
            tree = ast.parse(str(sample.program))
            refused = list(_refused(tree))
            for block in refused:
                self.names["errors"].update(_names(block, case))
            plain = set(_names(tree, case, without=refused))
            self.names["value"] |= plain
            mentioned = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(tree)}
            if mentioned & GRADIENT:
                self.names["gradient"] |= plain


def _refused(tree: ast.AST) -> Iterator[ast.With]:
    """The blocks that are to raise."""
    for node in ast.walk(tree):
        if isinstance(node, ast.With):
            calls = (item.context_expr for item in node.items)
            if any(
                isinstance(c, ast.Call) and isinstance(c.func, ast.Name) and c.func.id == "raises"
                for c in calls
            ):
                yield node


def _names(node: ast.AST, case: Case, without: Iterable[ast.AST] = ()) -> Iterator[str]:
    """Dotted names from ``torch`` on, and attributes of others as methods of what the spec is about."""
    if node in without:
        return
    if isinstance(node, ast.Attribute):
        if dotted := chain(node, {"torch": "torch"}):
            yield dotted
            return
        yield OWNERS.get(case.spec.kind, "torch.Tensor.") + node.attr
        yield f"torch.Tensor.{node.attr}"
    for child in ast.iter_child_nodes(node):
        yield from _names(child, case, without)


def main(options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    areas = inventory(Path(options.inventory))
    judged = Judged()
    for case in every_case(options.paths):
        judged.add(case)
    if options.missing:
        if options.missing not in areas:
            raise Refused(f"--missing {options.missing}: the areas are {', '.join(areas)}")
        print(*(name for name, _ in areas[options.missing] if name not in judged.names["value"]), sep="\n")
        return
    table = Table("area", *(f"by {way}" for way in WAYS), "documented")
    total = [0] * 5
    for area, names in areas.items():
        differentiable = {name for name, smooth in names if smooth}
        documented = {name for name, _ in names}
        counts = [len(documented & judged.names[way]) for way in WAYS]
        counts[1] = len(differentiable & judged.names["gradient"])
        row = [*counts, len(documented), len(differentiable)]
        total = [a + b for a, b in zip(total, row, strict=True)]
        table.add_row(area, *_cells(row))
    table.add_section()
    table.add_row("all", *_cells(total))
    Console().print(table)


def _cells(row: list[int]) -> list[str]:
    value, gradient, errors, documented, differentiable = row
    return [
        str(value),
        f"{gradient} of {differentiable}" if differentiable else "",
        str(errors),
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
