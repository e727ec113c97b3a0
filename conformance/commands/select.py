"""The specs and clauses that a command line names."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..case import Case
from ..generate import cases
from ..spec import SpecError, discover, load
from ..spec.faults import did_you_mean
from ..where import default_path, located
from . import Refused

PATHS_HELP = "folder, file or clause of specs (default: ./specs, or else the packaged ones)"


def files(paths: Sequence[str]) -> list[Path]:
    """The spec files at some paths, each once."""
    found: dict[Path, None] = {}
    for argument in paths or [default_path()]:
        path = Path(located(argument).partition("::")[0])
        if not path.exists():
            raise Refused(f"{argument}: no such file or folder")
        found.update(dict.fromkeys(discover(path)))
    return list(found)


def every_case(paths: Sequence[str]) -> Iterator[Case]:
    """The cases of all clauses at some paths; a faulty spec is told of and left out."""
    wanted = {bare(argument) for argument in paths if "::" in argument}
    whole = [Path(located(argument)) for argument in paths if "::" not in argument]
    faults = []
    for file in files(paths):
        try:
            found = cases(load(file))
        except SpecError as error:
            faults.append(error)
            continue
        if not paths or any(file == path or path in file.parents for path in whole):
            yield from found
        else:
            yield from (case for case in found if case_id(case) in wanted)
    if faults:
        print(*faults, sep="\n", file=sys.stderr)
        raise Refused(f"{len(faults)} of the specs cannot be read")


def one_case(clause: str) -> tuple[Case, str, str]:
    """A clause with the device and mode in its brackets, or empty texts."""
    path, separator, rest = clause.partition("::")
    if not separator:
        raise Refused(f"{clause}: a clause is named as specs/torch/optim/SGD.yaml::nesterov")
    found = files([path])
    if len(found) != 1:
        raise Refused(f"{path}: not one spec file")
    try:
        by_id = {case.id: case for case in cases(load(found[0]))}
    except SpecError as error:
        raise Refused(f"the spec cannot be read\n{error}") from None
    id, _, where = rest.partition("[")
    if id not in by_id:
        raise Refused(
            f"{path} has no clause `{id}`; {did_you_mean(id, by_id) or 'it has ' + ', '.join(by_id)}"
        )
    device, _, mode = where.rstrip("]").partition("-")
    return by_id[id], device, mode


def case_id(case: Case) -> str:
    """The id of a clause, without device and mode."""
    return f"{case.spec.relative_path}::{case.id}"


def bare(clause: str) -> str:
    """A clause as it was written, as an id: from ``specs/`` on, without what is in brackets."""
    path, _, id = re.sub(r"\[.*", "", clause).partition("::")
    return f"{path[path.rfind('specs/') :]}::{id}"
