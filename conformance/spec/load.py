"""From a file to a spec, or to all that is wrong with it."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from .check import Check
from .document import BROKEN, EMPTY, Map, Reader, Seq
from .families import FamilySpec
from .faults import Fault, SpecError, did_you_mean, quote
from .models import Spec
from .modules import ModuleSpec
from .operators import OperatorSpec
from .optimizers import OptimizerSpec
from .schedulers import SchedulerSpec
from .text import Text
from .topics import TopicSpec
from .translate import details, fault_of, model_within, without_faults
from .words import KINDS

T = TypeVar("T")
MODELS: dict[str, type[Spec]] = {
    model.kind: model
    for model in (OperatorSpec, TopicSpec, ModuleSpec, OptimizerSpec, SchedulerSpec, FamilySpec)
}


def discover(root: str | os.PathLike[str]) -> list[Path]:
    """The spec files at or below a path, in the order of their names."""
    path = Path(root)
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*.yaml") if not any(p.startswith(".") for p in file.parts))


def load(path: str | os.PathLike[str]) -> Spec:
    """The spec in a file. Raises SpecError with every fault that can be found."""
    return parse(read_text(path), path)


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a file, or a SpecError where it is not text."""
    data = Path(path).read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        fault = Fault(str(path), line, column, f"byte 0x{data[error.start]:02X} is not UTF-8")
        raise SpecError([fault]) from None


def load_yaml(path: str | os.PathLike[str], shape: type[T]) -> T:
    """Any other YAML file of the suite, in the shape of a type; its faults read like those of a spec."""
    file = str(path)
    reader = Reader(read_text(path), file)
    data = reader.read()
    if not reader.faults and not isinstance(data, Map | Seq):
        reader.fault(1, 1, "neither a list nor a map of keys")
    if reader.faults:
        raise SpecError(reader.faults)
    try:
        return TypeAdapter(shape).validate_python(data)
    except ValidationError as error:
        model = model_within(shape) or BaseModel
        faults = [fault for detail in details(error) for fault in fault_of(detail, data, model, file)]
        raise SpecError(faults) from None


def parse(text: str, path: str | os.PathLike[str]) -> Spec:
    """The spec in a text that is, or is to be, the content of a file."""
    with warnings.catch_warnings():
        # What Python only warns of when it reads a text, such as "\d", is a fault here.
        warnings.simplefilter("error", SyntaxWarning)
        warnings.filterwarnings("error", "invalid ", DeprecationWarning)
        return build_from(text, path)


def build_from(text: str, path: str | os.PathLike[str]) -> Spec:
    """The steps of reading: plain data, its kind, a model of that kind, and how its parts fit together."""
    file = str(path)
    reader = Reader(text, file)
    data = reader.read()
    faults = reader.faults
    if data is BROKEN:
        raise SpecError(faults)
    if not isinstance(data, Map) or not data:
        if faults:
            raise SpecError(faults)
        what = (
            "the file is empty"
            if data is EMPTY or data == {}
            else f"a spec is a map of keys, not {quote(repr(data))}"
        )
        raise SpecError([Fault(file, 1, 1, what)])
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
        faults.append(
            Fault(file, key.line, key.column, f"`{key}` beside `{kinds[0]}`", "one file is one spec")
        )
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
        errors = details(error)
        for detail in errors:
            faults += fault_of(detail, data, model, file)
        partial = True
        with suppress(ValidationError):
            if (sound := without_faults(data, errors)) is not None:
                spec = model.model_validate(sound)
    if spec is not None:
        spec.settle(Path(path), data)
        check = Check(file, data, partial)
        check_place(spec, check)
        spec.check(check)
        faults += check.faults
    return spec


def check_place(spec: Spec, check: Check) -> None:
    """What is documented under a dotted name stands in the file of that name."""
    written = check.data.get(Text(spec.kind))
    if spec.kind != "topic" and isinstance(written, Text) and written == spec.name:
        place = Path(*spec.name.split(".")).with_suffix(".yaml").parts
        if spec.path.parts[-len(place) :] != place:
            check.fault(written, f"{quote(spec.name)} belongs in {quote('/'.join(place), 80)}")
