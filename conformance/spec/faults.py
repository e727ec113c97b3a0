"""What is wrong with a spec file: where, what, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One fault at one place; lines and columns count from 1, as editors do."""

    file: str
    line: int
    column: int
    message: str
    suggestion: str = ""
    """What to write instead, as a clause of a sentence: ``did you mean `torch`?``."""

    def __str__(self) -> str:
        hint = f"; {self.suggestion}" if self.suggestion else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{hint}"


class SpecError(Exception):
    """All the faults of one spec file."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(map(str, self.faults)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean `torch`?`` for the known word that is nearest, or nothing when none is near."""
    names = list(known)
    folded = {name.lower(): name for name in names}
    if word.lower() in folded:
        return f"did you mean `{folded[word.lower()]}`?"
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.7)
    return f"did you mean `{near[0]}`?" if near else ""


def quote(text: str, limit: int = 40) -> str:
    """The offending text between backquotes, on one line and not too long."""
    line = " ".join(text.split())
    return f"`{line if len(line) <= limit else line[: limit - 1] + '…'}`"
