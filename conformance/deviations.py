"""Known deviations: where a backend is known to differ from what is documented, and why.

They stand in a YAML file beside the adapter, a list of entries:

    - clause: specs/torch/nn/functional/softplus.yaml::second-order   # may hold * patterns, or be a list
      version: ">=2.10,<2.14"        # of the backend; optional, like the next three
      device: cuda
      dtype: [bfloat16, float16]
      sample: steep*
      reason: What happens instead, and why, in a sentence.
      issue: https://github.com/pytorch/pytorch/issues/12345   # where one is known

An entry whose lines all pass is reported as stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version
from pydantic import BaseModel, ConfigDict, field_validator

from .case import Case
from .spec import load_yaml
from .verdict import Line


class Deviation(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clause: tuple[str, ...]
    reason: str
    issue: str = ""
    """A link to the thread that reports it; empty where none is known."""
    version: str = ""
    device: tuple[str, ...] = ()
    dtype: tuple[str, ...] = ()
    sample: tuple[str, ...] = ("*",)

    @field_validator("clause", "device", "dtype", "sample", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("version")
    @classmethod
    def _specifier(cls, value: str) -> str:
        SpecifierSet(value)
        return value

    def covers(self, clause: str, sample: str, dtype: str, device: str, version: str) -> bool:
        """Whether it speaks of this line of this clause on this build."""
        return (
            _fits(clause, self.clause)
            and _fits(sample, self.sample)
            and (not self.dtype or dtype in self.dtype)
            and (not self.device or device.partition(":")[0] in self.device)
            and (not self.version or SpecifierSet(self.version).contains(Version(version), prereleases=True))
        )


@lru_cache(maxsize=4096)
def _fits(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether any pattern fits; remembered, since every line of a case asks the same of every entry."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def read(paths: Sequence[Path]) -> list[Deviation]:
    """The entries of some files; none where there is no file. Raises `SpecError` with all of its faults."""
    return [entry for path in paths if path.exists() for entry in load_yaml(path, list[Deviation])]


def matching(
    entries: Sequence[Deviation], case: Case, line: Line, device: str, version: str
) -> Deviation | None:
    """The first entry that speaks of a line, or None."""
    return next((e for e in entries if e.covers(case.name, line.sample, line.dtype, device, version)), None)
