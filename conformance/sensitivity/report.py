"""What became of the mutants, in the terminal: the share caught by area, and every survivor by name."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .run import Fate, Outcome
from .survivors import Argument, argument

ENOUGH = 0.98
"""The share of mutants that have to be caught."""


class Score:
    """Counts over some outcomes. Argued mutants count as not caught; those that crash are no measure of anything."""

    def __init__(self, outcomes: Sequence[Outcome], entries: Sequence[Argument]) -> None:
        self.total = len(outcomes)
        self.caught = sum(o.fate is Fate.CAUGHT for o in outcomes)
        self.crashed = sum(o.fate is Fate.CRASHED for o in outcomes)
        survivors = [o for o in outcomes if o.fate is Fate.SURVIVED]
        self.argued = sum(argument(entries, o.mutant) is not None for o in survivors)
        self.surviving = len(survivors) - self.argued

    @property
    def share(self) -> float:
        """Caught, of all that were neither caught nor passed by an exception; 0 where there are none."""
        counted = self.total - self.crashed
        return self.caught / counted if counted else 0.0

    @property
    def enough(self) -> bool:
        return self.share >= ENOUGH


def show(outcomes: Sequence[Outcome], entries: Sequence[Argument], console: Console) -> Score:
    """Print the table and the lists, what matters most at the end; return the score over all areas."""
    crashed = [f"{o.mutant} — at {o.by}" for o in outcomes if o.fate is Fate.CRASHED]
    _list(console, "crashed: noticed by an exception only, and not counted", crashed)
    console.print(_table(outcomes, entries))
    survivors = [o for o in outcomes if o.fate is Fate.SURVIVED]
    reasons = {id(o): argument(entries, o.mutant) for o in survivors}
    argued = [(o, reason) for o in survivors if (reason := reasons[id(o)]) is not None]
    _list(console, "argued: nothing can tell these apart", [f"{o.mutant} — {_spoken(r)}" for o, r in argued])
    stale_ones = [str(entry) for entry in stale(outcomes, entries)]
    _list(console, "stale: arguments for mutants of which none survives", stale_ones)
    _list(console, "survived", [str(o.mutant) for o in survivors if reasons[id(o)] is None])
    return Score(outcomes, entries)


def stale(outcomes: Sequence[Outcome], entries: Sequence[Argument]) -> list[Argument]:
    """The entries that speak of some mutants here, none of which survived."""
    fates = {id(e): {o.fate for o in outcomes if e.covers(o.mutant)} for e in entries}
    return [e for e in entries if fates[id(e)] and Fate.SURVIVED not in fates[id(e)]]


def _table(outcomes: Sequence[Outcome], entries: Sequence[Argument]) -> Table:
    table = Table(title="mutants", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("area", overflow="fold")
    for column in ("caught", "argued", "surviving", "share", "crashed", "mutants"):
        table.add_column(column, justify="right", no_wrap=True)
    for area in dict.fromkeys(outcome.mutant.area for outcome in outcomes):
        _row(table, area, Score([o for o in outcomes if o.mutant.area == area], entries))
    table.add_section()
    _row(table, "all", Score(outcomes, entries), "bold")
    return table


def _row(table: Table, name: str, score: Score, style: str = "") -> None:
    counts = (score.caught, score.argued, score.surviving)
    share = f"{100 * score.share:.1f} %"
    cells = [*(str(n or "") for n in counts), share, str(score.crashed or ""), str(score.total)]
    table.add_row(name, *cells, style=style)


def _list(console: Console, title: str, lines: Sequence[str]) -> None:
    if lines:
        console.print(f"\n[bold]{title}[/bold]")
    for line in lines:
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


def _spoken(entry: Argument) -> str:
    return " ".join(entry.because.split())
