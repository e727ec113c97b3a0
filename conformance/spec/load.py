"""From a file to a spec, or to all that is wrong with it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from .check import Check
from .document import BROKEN, EMPTY, Map, Reader
from .faults import Fault, SpecError, did_you_mean, quote
from .models import Spec
from .modules import ModuleSpec
from .operators import OperatorSpec
from .optimizers import OptimizerSpec, SchedulerSpec
from .text import Text
from .topics import TopicSpec
from .translate import fault_of, without_faults
from .words import KINDS

MODELS: dict[str, type[Spec]] = {
    model.kind: model for model in (OperatorSpec, TopicSpec, ModuleSpec, OptimizerSpec, SchedulerSpec)
}


def discover(root: str | os.PathLike[str]) -> list[Path]:
    """The spec files at or below a path, in the order of their names."""
    path = Path(root)
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*.yaml") if not any(p.startswith(".") for p in file.parts))


def load(path: str | os.PathLike[str]) -> Spec:
    """The spec in a file. Raises SpecError with every fault that can be found."""
    shown = str(path)
    data = Path(path).read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise SpecError([Fault(shown, line, column, f"byte 0x{data[error.start]:02X} is not UTF-8")]) from None
    return parse(text, path)


def parse(text: str, path: str | os.PathLike[str]) -> Spec:
    """The spec in a text that is, or is to be, the content of a file."""
    file = str(path)
    reader = Reader(text, file)
    data = reader.read()
    faults = reader.faults
    if data is BROKEN:
        raise SpecError(faults)
    if not isinstance(data, Map) or not data:
        what = "the file is empty" if data is EMPTY or data == {} else f"a spec is a map of keys, not {quote(repr(data))}"
        raise SpecError([*faults, Fault(file, 1, 1, what)])
    model = kind_of(data, file, faults)
    if model is None:
        raise SpecError(faults)
    spec = build(model, data, path, faults)
    if spec is None or faults:
        raise SpecError(faults)
    return spec


def kind_of(data: Map, file: str, faults: list[Fault]) -> type[Spec] | None:
    """The model of the one key that names a kind."""
    kinds = [key for key in data if key in KINDS]
    if not kinds:
        near = next(filter(None, (did_you_mean(key, KINDS) for key in data)), "")
        message = f"a spec names its kind with one of the keys {', '.join(f'`{kind}`' for kind in KINDS)}"
        faults.append(Fault(file, *data.mark[:2], message, near))
        return None
    for key in kinds[1:]:
        faults.append(Fault(file, key.line, key.column, f"`{key}` beside `{kinds[0]}`", "one file is one spec"))
    return None if kinds[1:] else MODELS[kinds[0]]


def build(model: type[Spec], data: Map, path: str | os.PathLike[str], faults: list[Fault]) -> Spec | None:
    """The spec that the data is, adding to the faults all that is wrong with it.

    Where values are wrong, what is left without them is looked through all the same, so that names that are
    out of scope are reported together with keys that are misspelt.
    """
    file = str(path)
    spec: Spec | None = None
    partial = bool(faults)
    try:
        spec = model.model_validate(data)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        for detail in errors:
            faults += fault_of(detail, data, model, file)
        partial = True
        with suppress(ValidationError):
            if (sound := without_faults(data, errors)) is not None:
                spec = model.model_validate(sound)
    if spec is not None:
        spec._path = Path(path)
        check = Check(file, data, partial)
        check_place(spec, check)
        spec.check(check)
        faults += check.faults
    return spec


def check_place(spec: Spec, check: Check) -> None:
    """What is documented under a dotted name stands in the file of that name."""
    written = check.data.get(spec.kind)
    if spec.kind != "topic" and isinstance(written, Text) and written == spec.name:
        place = Path(*spec.name.split(".")).with_suffix(".yaml").parts
        if spec.path.parts[-len(place) :] != place:
            check.fault(written, f"`{spec.name}` belongs in {'/'.join(place)}")
