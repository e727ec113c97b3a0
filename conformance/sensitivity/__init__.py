"""The suite under test: faulty references are judged, and the share that the clauses catch is counted.

A mutant is a reference with one thing broken. It is caught if a clause fails that the unbroken reference passes,
because something else was yielded; a mutant that raises an exception is not. Mutators are general, and were
fixed before the specs that they score.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ..report.terminal import NARROWEST
from ..where import default_path, root_of
from .report import ENOUGH, show
from .run import measure
from .survivors import arguments

__all__ = ["main"]


def main(paths: Sequence[str | Path]) -> int:
    """Measure the specs in some files, by the clauses of these files; 1 where too few mutants are caught."""
    files = [Path(path) for path in paths]
    root = root_of(files[0].resolve()) if files else None
    console = Console(width=max(Console().width, NARROWEST))
    with console.status("the unbroken reference") as status:
        outcomes = measure(
            files, root or Path(default_path()), lambda o: status.update(f"{o.mutant.subject}")
        )
    if not outcomes:
        console.print(
            "these specs define nothing to break; the tape that topics rest on is broken with all specs"
        )
        return 1
    score = show(outcomes, arguments(), console)
    if not score.enough:
        console.print(f"\nless than {100 * ENOUGH:.0f} % of the mutants are caught")
    return 0 if score.enough else 1
