"""Survivors that were argued: mutants that change a text and no behaviour, each with the reason.

They stand in ``survivors.yaml``, a list of entries:

    - subject: specs/torch/nn/functional/softplus.yaml    # may hold * patterns, like `mutator`
      mutator: off by one
      within: where(linear, input, log1p(exp(where(linear, 0, z))) / beta)    # optional: the line that it is in
      original: "0"                                                           # optional, like `mutated`
      mutated: "1"
      because: Why nothing can tell it from the right one, in a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ..spec import load_yaml
from .mutant import Mutant

FILE = Path(__file__).with_name("survivors.yaml")


class Argument(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str
    mutator: str
    because: str
    within: str | None = None
    original: str | None = None
    mutated: str | None = None

    def covers(self, mutant: Mutant) -> bool:
        """Whether it speaks of this mutant."""
        return (
            fnmatchcase(mutant.subject, self.subject)
            and fnmatchcase(mutant.mutator, self.mutator)
            and self.within in (None, mutant.within)
            and self.original in (None, mutant.original)
            and self.mutated in (None, mutant.mutated)
        )

    def __str__(self) -> str:
        change = " → ".join(part for part in (self.original, self.mutated) if part is not None)
        return f"{self.subject} {self.mutator}" + (f": {change}" if change else "")


def arguments(path: Path = FILE) -> list[Argument]:
    """The entries of the file. Raises `SpecError` with all of its faults."""
    return load_yaml(path, list[Argument]) if path.exists() else []


def argument(entries: Sequence[Argument], mutant: Mutant) -> Argument | None:
    """The first entry that speaks of a mutant, or None."""
    return next((entry for entry in entries if entry.covers(mutant)), None)
