"""What pydantic found wrong with the data of a file, in the words of whoever wrote the file."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .document import BROKEN, EMPTY, Map, Mark, Seq
from .faults import Fault, did_you_mean, quote
from .text import Text

EXPECTED = {
    "is_instance_of": "text",
    "string_type": "text",
    "dict_type": "a map of keys and values",
    "model_type": "a map of keys and values",
    "model_attributes_type": "a map of keys and values",
    "bool_type": "`true` or `false`",
    "float_type": "a number",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "list_type": "a list",
}


WRITTEN = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}
"""What other versions of YAML take for a boolean."""


class Place:
    """Where the path of an error leads: the value, its mark, and the key or list it stands under."""

    def __init__(self, data: Map | Seq, path: tuple[int | str, ...]) -> None:
        self.value: Any = data
        self.mark: Mark = data.mark
        self.key: Text | None = None
        self.parent: Map | Seq | None = None
        self.steps: list[Any] = []
        """The path, without what the models put between (such as the ``arguments`` of a special point)."""
        for step in path:
            value = self.value
            if isinstance(value, Map) and (key := value.key(str(step))) is not None:
                self.parent, self.key, self.value, self.mark = value, key, value[key], value.marks[key]
                self.steps.append(key)
            elif isinstance(value, Seq) and isinstance(step, int) and step < len(value):
                self.parent, self.value, self.mark = value, value[step], value.marks[step]
                self.steps.append(step)

    @property
    def raw(self) -> str:
        """The value as it was written."""
        if isinstance(self.value, Map):
            return "a map"
        if isinstance(self.value, Seq):
            return "a list"
        return quote(self.mark.raw)


def details(error: ValidationError) -> list[ErrorDetails]:
    """The errors of a validation, but for lists that are only too short because their items are wrong."""
    found = error.errors(include_url=False, include_input=False)
    inner = {detail["loc"][:length] for detail in found for length in range(len(detail["loc"]))}
    return [detail for detail in found if detail["type"] != "too_short" or detail["loc"] not in inner]


def fault_of(error: ErrorDetails, data: Map | Seq, model: type[BaseModel], file: str) -> list[Fault]:
    """The faults that an error stands for; none where the value is already reported as broken."""
    kind, path, context = error["type"], error["loc"], error.get("ctx", {})
    on_key = bool(path) and path[-1] == "[key]"
    place = Place(data, path[:-1] if on_key else path)
    mark = place.mark
    if place.value is BROKEN and not on_key:
        return []
    if "remarks" in context:
        return [remark.at(file) for remark in context["remarks"]]
    if kind == "missing":
        return [missing(str(path[-1]), Place(data, path[:-1]), file)]
    if kind == "extra_forbidden" and place.key is not None:
        return [extra(place, path, model, file)]
    if on_key and place.key is not None:
        message = error["msg"].replace("{raw}", quote(place.key))
        return [Fault(file, place.key.line, place.key.column, message, context.get("suggestion", ""))]
    if place.value is EMPTY or place.value is None:
        key = place.key or Text("", file, mark.line, mark.column)
        return [Fault(file, key.line, key.column, f"{quote(key)} has no value")]
    if kind in EXPECTED:
        hint = ""
        if EXPECTED[kind] == "text" and isinstance(place.value, int | float):
            hint = "put it between quotes"
        elif kind == "bool_type" and place.mark.raw.lower() in WRITTEN:
            hint = f"write `{WRITTEN[place.mark.raw.lower()]}`"
        return [Fault(file, mark.line, mark.column, f"{place.raw} where {EXPECTED[kind]} is expected", hint)]
    message = error["msg"].replace("{raw}", place.raw)
    if kind == "greater_than":
        message = f"{place.raw} is not greater than {context.get('gt'):g}"
    elif kind == "too_short" and place.steps and place.steps[-1] == path[-1]:
        message = f"{place.raw} with nothing in it"
    elif kind == "too_short":  # of what the models put between, and so without a place of its own
        message = f"{quote(str(place.key))} names no {str(path[-1]).removesuffix('s')}"
    return [Fault(file, mark.line, mark.column, message, context.get("suggestion", ""))]


def missing(name: str, parent: Place, file: str) -> Fault:
    """A key that has to be there and is not."""
    if parent.key is not None:
        return Fault(file, parent.key.line, parent.key.column, f"{quote(parent.key)} has no `{name}`")
    return Fault(file, parent.mark.line, parent.mark.column, f"`{name}` is missing")


def extra(place: Place, path: tuple[int | str, ...], model: type[BaseModel], file: str) -> Fault:
    """A key that means nothing where it stands."""
    key = place.key
    assert key is not None
    hint = did_you_mean(key, known_keys(model, path[:-1]))
    return Fault(file, key.line, key.column, f"unknown key {quote(key)}", hint)


def known_keys(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The keys that the model at a path within a model takes."""
    for step in path:
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if step in fields:
            inner = model_within(fields[str(step)].annotation)
            if inner is None:
                return []
            model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def model_within(annotation: Any) -> type[BaseModel] | None:
    """The model somewhere in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        if (found := model_within(argument)) is not None:
            return found
    return None


PLACEHOLDERS = {
    "summary": "a summary",
    "cites": "https://docs.pytorch.org/",
    "operator": "torch.x",
    "module": "torch.x",
    "optimizer": "torch.x",
    "scheduler": "torch.x",
    "family": "torch.x",
    "topic": "a topic",
    "forward": "0",
    "lr": "0",
}
"""What stands in for a required value that is missing or wrong, while the rest is looked through."""

ENTRIES = frozenset({"clauses", "try", "special", "errors", "gradient", "accuracy", "bench"})
"""Maps whose entries stand for themselves: a wrong one can be left out."""

SCOPES = frozenset(
    {"signature", "overloads", "inputs", "let", "parameters", "buffers", "state", "setup", "step"}
)
"""What others take their names from: with one of these wrong, unknown names say nothing."""


def without_faults(data: Map, errors: list[ErrorDetails]) -> Map | None:
    """The data less what the errors complain about, or None where too much depends on it."""
    dropped: set[tuple[str, ...]] = set()
    for error in errors:
        steps = Place(data, error["loc"]).steps
        first = steps[0] if steps else error["loc"][0] if error["loc"] else ""
        if first in SCOPES or not first:
            return None
        inner = first in ENTRIES and len(steps) > 1
        dropped.add((str(first), str(steps[1])) if inner else (str(first),))
    sound = Map(data.mark, data.flow)
    for key, value in data.items():
        if (key,) in dropped:
            continue
        if key in ENTRIES and isinstance(value, Map):
            entries = Map(value.mark, value.flow)
            entries.update({id: item for id, item in value.items() if (key, id) not in dropped})
            value = entries
        sound[key] = value
    for path in dropped:
        if len(path) == 1 and path[0] in PLACEHOLDERS:
            sound[Text(path[0])] = Text(PLACEHOLDERS[path[0]])
    return sound
