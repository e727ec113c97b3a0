"""The end of a run in the terminal: a matrix by area, and by name what is neither pass nor fail."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..verdict import Verdict
from .tally import Tally

COLUMNS = (
    (Verdict.PASS, "green"),
    (Verdict.FAIL, "red"),
    (Verdict.ERROR, "red"),
    (Verdict.UNSUPPORTED, "yellow"),
    (Verdict.KNOWN_DEVIATION, "magenta"),
    (Verdict.NOT_RUN, "cyan"),
)
NARROWEST = 96
"""Columns that the matrix takes even where the terminal has fewer."""
LISTED = 20
"""Reasons of a kind that are listed before the rest is counted; `everything` lists them all."""


def render(tally: Tally, width: int, color: bool, everything: bool = False, name_each: bool = False) -> str:
    """The whole closing report. ``name_each`` lists every unsupported case by its name."""
    text = StringIO()
    console = Console(
        file=text,
        width=max(width, NARROWEST),
        force_terminal=color,
        color_system="standard" if color else None,
    )
    console.print(_matrix(tally))
    for title, lines in _lists(tally, name_each).items():
        shown = lines if everything or (name_each and title == "unsupported") else lines[:LISTED]
        console.print(f"\n[bold]{title}[/bold]")
        for line in shown:
            console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
        if len(lines) > len(shown):
            console.print(f"  and {len(lines) - len(shown)} more (-v lists them all)")
    return text.getvalue()


def _matrix(tally: Tally) -> Table:
    """Cases by area and verdict, with the number of lines in parentheses."""
    table = Table(
        title="cases (lines)",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("area", overflow="fold")
    for verdict, style in COLUMNS:
        table.add_column(verdict.value.replace(" ", "\n"), justify="right", style=style, no_wrap=True)
    table.add_column("planned", justify="right", style="bold", no_wrap=True)
    areas = tally.areas()
    for name, cases in areas.items():
        table.add_row(name, *_cells(tally, cases))
    if len(areas) != 1:
        table.add_section()
        table.add_row("all", *_cells(tally, tally.planned), style="bold")
    return table


def _cells(tally: Tally, cases: Iterable[str]) -> list[str]:
    """A row. A case counts by its worst line, so that lines may stand where no case does."""
    cases = list(cases)
    counts, lines = tally.counts(cases), tally.lines(cases)
    cells = []
    for verdict, _ in COLUMNS:
        both = counts[verdict.value], lines.get(verdict.value, 0)
        cells.append("" if both == (0, 0) else f"{both[0]}" + (f" ({both[1]})" if both[1] else ""))
    return [*cells, str(len(cases))]


def _lists(tally: Tally, name_each: bool) -> dict[str, list[str]]:
    """What is named below the matrix, by title; what there is none of is not mentioned."""
    lists = {
        "specs that cannot be read": sorted(tally.unread),
        "unsupported": _by_case(tally, "unsupported") if name_each else _by_reason(tally, "unsupported"),
        "known deviations": _by_reason(tally, "known deviation"),
    }
    lists["stale: these known deviations passed, their entries can go"] = [
        f"{reason} ({_lines(number)})" for reason, number in tally.stale.items()
    ]
    lists["accuracy: these allowances were not needed, they can go"] = [
        record["case"] for record in tally.having("accuracy unneeded")
    ]
    lists["undecided: a decision inside the rounding noise, where either branch is right"] = [
        f"{record['case']} ({_lines(record['undecided'])})" for record in tally.having("undecided")
    ]
    lists["not sharp: a tolerance above a hundred ulp, so hardly a check"] = [
        f"{record['case']} ({_lines(record['not sharp'])})" for record in tally.having("not sharp")
    ]
    lists["supplied by the suite, in place of the backend"] = sorted(
        {name for record in tally.having("supplied") for name in record["supplied"]}
    )
    return {title: lines for title, lines in lists.items() if lines}


def _by_case(tally: Tally, kind: str) -> list[str]:
    return [
        f"{record['case']}: {reason} ({_lines(number)})"
        for record in tally.having(kind)
        for reason, number in record[kind].items()
    ]


def _by_reason(tally: Tally, kind: str) -> list[str]:
    """Each reason with how much it is the reason of, the most frequent first; a single case by its name."""
    cases: dict[str, list[str]] = {}
    for record in tally.having(kind):
        for reason in record[kind]:
            cases.setdefault(reason, []).append(record["case"])
    lines = tally.reasons(kind)
    return [
        f"{reason}: {_lines(lines[reason])}, " + (found[0] if len(found) == 1 else f"{len(found)} cases")
        for reason, found in sorted(cases.items(), key=lambda pair: -len(pair[1]))
    ]


def _lines(number: int) -> str:
    return f"{number} line" + "s" * (number != 1)
