"""``conformance check``: the suite against itself. Specs load, and the reference keeps what they state."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from .. import backends
from ..assemble import reference_backend
from ..assemble.operators import vocabulary_of
from ..case import Case
from ..check import Base
from ..deviations import read
from ..generate import cases
from ..generate.stated import wrong_gradients
from ..spec import OperatorSpec, Spec, SpecError, load
from ..where import default_path, packaged_specs, root_of
from .select import PATHS_HELP, case_id, files


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help=PATHS_HELP)
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show where in a definition the reference fails"
    )


def main(options: argparse.Namespace) -> int:
    """All faults at once; 1 where there is any."""
    faults: list[str] = []
    specs: list[Spec] = []
    found: list[Case] = []
    paths = files(options.paths)
    for path in paths:
        try:
            specs.append(load(path))
            found += cases(specs[-1])
        except SpecError as error:
            faults.append(str(error))
    if not options.paths and Path(default_path()).resolve() == packaged_specs():
        faults += deviation_faults(found)
    beyond: list[str] = []
    if not faults:  # definitions of a faulty spec would be missed everywhere
        root = root_of(paths[0].resolve() if paths else Path(default_path()))
        faults += gradient_faults(specs, root)
        found_out = reference_faults(found, root, beyond)
        faults += found_out if options.verbose else (fault.partition("\n")[0] for fault in found_out)
    print(*faults, sep="\n", end="\n" * bool(faults))
    print(f"{len(paths)} specs, {len(found)} clauses, {len(faults)} with faults", end="")
    print(
        f"; {len(beyond)} clauses are beyond the reference, and are judged by what they state"
        if beyond
        else ""
    )
    return 1 if faults else 0


def reference_faults(found: Iterable[Case], root: Path | None, beyond: list[str]) -> Iterator[str]:
    """Clauses whose closed forms, literals or errors the reference does not meet."""
    reference = reference_backend(root)
    for case in found:
        if case.needs & reference.lacks.keys():
            beyond.append(case_id(case))
            continue
        for sample in case.samples("eager"):
            dtype = next((d for d in case.dtypes if sample.dtypes is None or d in sample.dtypes), None)
            fault = (
                Base.of(reference, sample, dtype).fault
                if dtype
                else "no dtype of the clause is one of the sample"
            )
            if fault.startswith("lacks ") and case.judge != "reference":
                beyond.append(case_id(case))
                break
            if fault:
                yield f"{case.spec.path}:{case.line}: {case.id} ({sample.name}): {fault}"
                break


def gradient_faults(specs: Iterable[Spec], root: Path | None) -> Iterator[str]:
    """Stated gradients that are not the derivatives of the definitions."""
    reference = reference_backend(root).reference
    for spec in specs:
        if isinstance(spec, OperatorSpec):
            for fault in wrong_gradients(spec, reference, vocabulary_of(reference)):
                yield f"{spec.path}:{spec.line}: {fault}"


def deviation_faults(found: Iterable[Case]) -> Iterator[str]:
    """Entries of the adapters' lists that cannot be read, or that speak of no clause."""
    ids = [case_id(case) for case in found]
    for path in sorted(Path(backends.__file__).parent.glob("*.deviations.yaml")):
        try:
            entries = read([path])
        except SpecError as error:
            yield str(error)
            continue
        for pattern in (pattern for entry in entries for pattern in entry.clause):
            if not any(fnmatchcase(id, pattern) for id in ids):
                yield f"{path}: no clause is called {pattern}"
