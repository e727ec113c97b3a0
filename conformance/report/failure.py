"""How a failure reads: the claim, the statement that breaks it, the numbers, and how to see it again."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence

from ..case import Case
from ..verdict import Failure, Line, Verdict

MORE = 8
"""Lines of a case that are listed below the first one that failed."""
LONGEST = 300
"""Characters of an input or a value that are shown; the reproduction has them all."""


def render(case: Case, lines: Sequence[Line], case_id: str) -> str:
    """The text for the lines of a case that did not do well: the first in full, the others in a line each."""
    bad = sorted(
        (line for line in lines if line.verdict in GRAVE), key=lambda line: GRAVE.index(line.verdict)
    )
    if not bad:
        return f"{case.says}\n{case.cites}\n\nNo line of this clause could be run: nothing was checked."
    return "\n".join((*_first(case, bad[0], case_id), *_others(bad[1:])))


GRAVE = (Verdict.FAIL, Verdict.ERROR)


def _first(case: Case, line: Line, case_id: str) -> Iterator[str]:
    failure = line.failure
    # A generated program has lines of its own: then the clause is the place in the file.
    written = failure is not None and failure.program_line > 1
    at = (failure.line if failure and written else 0) or case.line
    yield case.says
    yield case.cites
    yield ""
    yield f"{case_id.partition('::')[0]}:{at}  ({', '.join(filter(None, (line.dtype, line.sample)))})"
    if failure is None:
        yield f"  error of the suite or of the backend: {line.reason}"
    else:
        yield from _program(failure)
        yield from _inputs(failure)
        yield from _numbers(failure)
    if line.dtype:
        yield ""
        yield f"  see it again:  {reproduce(case_id, line)}"


def reproduce(case_id: str, line: Line) -> str:
    """The command that prints a script which shows the failure."""
    sample = f" --sample {shlex.quote(line.sample)}" if line.sample else ""
    return f"conformance repro {shlex.quote(case_id)} --dtype {line.dtype}{sample}"


def _program(failure: Failure) -> Iterator[str]:
    """The program, its failing statement marked."""
    if not failure.program:
        return
    yield ""
    for number, text in enumerate(failure.program.rstrip().split("\n"), failure.program_line):
        yield f"  {'>' if number == failure.line else ' '} {text}".rstrip()


def _inputs(failure: Failure) -> Iterator[str]:
    if not failure.inputs:
        return
    yield ""
    width = max(map(len, failure.inputs))
    for name, value in failure.inputs.items():
        yield f"    {name:<{width}} = {shortened(value)}"


def _numbers(failure: Failure) -> Iterator[str]:
    yield ""
    yield f"  {failure.message}" + (f" at {failure.where}" if failure.where else "")
    if failure.expected or failure.seen:
        yield f"    expected  {shortened(failure.expected)}"
        yield f"    seen      {shortened(failure.seen)}"
    if failure.ulp is not None:
        yield f"    error     {quantity(failure.ulp)} ulp{_times(failure.times_tolerance)}"


def _times(tolerance: float | None) -> str:
    if tolerance is None:
        return ""
    return (
        ", where nothing is rounded"
        if math.isinf(tolerance)
        else f", {quantity(tolerance)} times the tolerance"
    )


def _others(lines: Sequence[Line]) -> Iterator[str]:
    if not lines:
        return
    yield ""
    yield f"  {len(lines)} more of this clause:"
    for line in lines[:MORE]:
        what = line.failure.message if line.failure else line.reason
        ulp = f" ({quantity(line.failure.ulp)} ulp)" if line.failure and line.failure.ulp is not None else ""
        yield f"    {line.dtype} {line.sample}: {shortened(what, 100)}{ulp}"
    if len(lines) > MORE:
        yield f"    and {len(lines) - MORE} more"


def quantity(value: float) -> str:
    """A number of which only the size matters."""
    return f"{value:.3g}" if value < 1e6 else f"{value:.1e}"


def shortened(text: str, longest: int = LONGEST) -> str:
    """Text on one line, and not too long for it."""
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"
