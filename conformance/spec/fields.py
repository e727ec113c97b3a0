"""The small kinds of text and list that the models are made of, each with its own complaint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from keyword import iskeyword
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from .faults import did_you_mean
from .formula import Expression, Formula
from .text import Text
from .words import DERIVED_IDS, DTYPE_GROUPS, DTYPES, EXCEPTIONS, JUDGES, RESULT_DTYPES

KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LABEL = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
DOTTED = re.compile(r"torch(\.[A-Za-z_][A-Za-z0-9_]*)+")
URL = re.compile(r"https://[^\s/]+\.[^\s/]+(/\S*)?")
STATE_NAME = re.compile(r"([A-Za-z0-9_]|\{[a-z_]+\})+(\.([A-Za-z0-9_]|\{[a-z_]+\})+)*")


def refuse(message: str, suggestion: str = "") -> PydanticCustomError:
    """A complaint about a value; ``{raw}`` stands for it as it was written."""
    return PydanticCustomError("refused", message, {"suggestion": suggestion})


def identifier(text: Text) -> Text:
    if not KEBAB.fullmatch(text):
        raise refuse(
            "{raw} is not an id", "an id is words in lower case with hyphens, such as `second-backward-adds`"
        )
    if text in DERIVED_IDS:
        raise refuse("the id {raw} belongs to a clause that is derived from every spec")
    return text


def label(text: Text) -> Text:
    if not LABEL.fullmatch(text):
        raise refuse(
            "{raw} is not a label", "words and numbers in lower case with hyphens, such as `large-batch`"
        )
    return text


def name(text: Text) -> Text:
    if not text.isidentifier() or iskeyword(text) or text.startswith("__"):
        raise refuse("{raw} is not a Python name")
    return text


def state_name(text: Text) -> Text:
    if not STATE_NAME.fullmatch(text):
        raise refuse("{raw} is not the name of a parameter or buffer", "as in `weight` or `weight_ih_l{k}`")
    return text


def prose(text: Text) -> Text:
    if not text.strip():
        raise refuse("an empty text")
    if text.cut:
        raise refuse("{raw} is cut short: what follows ` #` is a comment", "quote the text")
    return text


def link(text: Text) -> Text:
    if not URL.fullmatch(text):
        raise refuse("{raw} is not a link", "links start with `https://`")
    return text


def dotted(text: Text) -> Text:
    if not DOTTED.fullmatch(text):
        raise refuse("{raw} is not a documented name", "as in `torch.nn.functional.softplus`")
    return text


def one_of(known: Iterable[str], what: str) -> Callable[[Text], Text]:
    words = tuple(known)

    def check(text: Text) -> Text:
        if text not in words:
            few = f"one of {', '.join(words)}" if len(words) < 8 else ""
            raise refuse(f"{{raw}} is not {what}", did_you_mean(text, words) or few)
        return text

    return check


def several(value: Any) -> Any:
    """A list as a tuple, and a single value as a tuple of one."""
    return tuple(value) if isinstance(value, list) else (value,)


def only_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def bounds(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(value) != 2:
        raise refuse("{raw} where two bounds are expected", "as in `[-1, 1]`")
    return value


def groups(dtypes: tuple[Text, ...]) -> tuple[str, ...]:
    """Dtype names, with the groups among them written out."""
    found: dict[str, None] = {}
    for dtype in dtypes:
        found.update(dict.fromkeys(DTYPE_GROUPS.get(dtype, (dtype,))))
    return tuple(found)


def formulas(value: Any) -> Any:
    """A formula, or a map of them."""
    if isinstance(value, dict):
        return {name(key): Formula.validate(item) for key, item in value.items()}
    return Formula.validate(value)


Id = Annotated[Text, AfterValidator(identifier)]
Label = Annotated[Text, AfterValidator(label)]
Name = Annotated[Text, AfterValidator(name)]
StateName = Annotated[Text, AfterValidator(state_name)]
Prose = Annotated[Text, AfterValidator(prose)]
Link = Annotated[Text, AfterValidator(link)]
Dotted = Annotated[Text, AfterValidator(dotted)]
Judge = Annotated[Text, AfterValidator(one_of(JUDGES, "a judge")), WithJsonSchema({"enum": list(JUDGES)})]
ExceptionName = Annotated[
    Text,
    AfterValidator(one_of(sorted(EXCEPTIONS), "a built-in exception")),
    WithJsonSchema({"enum": sorted(EXCEPTIONS)}),
]
Raised = Annotated[
    tuple[ExceptionName, ...],
    BeforeValidator(several, json_schema_input_type=ExceptionName | tuple[ExceptionName, ...]),
]
ResultDtype = Annotated[
    Text,
    AfterValidator(one_of(RESULT_DTYPES, "a rule for the result's dtype")),
    WithJsonSchema({"enum": list(RESULT_DTYPES)}),
]
ResultDtypes = Annotated[
    tuple[ResultDtype, ...],
    BeforeValidator(several, json_schema_input_type=ResultDtype | tuple[ResultDtype, ...]),
]
Dtype = Annotated[
    Text,
    AfterValidator(one_of((*DTYPE_GROUPS, *DTYPES), "a dtype")),
    WithJsonSchema({"enum": [*DTYPE_GROUPS, *DTYPES]}),
]

Links = Annotated[tuple[Link, ...], BeforeValidator(several, json_schema_input_type=Link | tuple[Link, ...])]
Dtypes = Annotated[
    tuple[Dtype, ...],
    BeforeValidator(several, json_schema_input_type=Dtype | tuple[Dtype, ...]),
    AfterValidator(groups),
]
Labels = Annotated[
    tuple[Label, ...], BeforeValidator(several, json_schema_input_type=Label | tuple[Label, ...])
]
DottedNames = Annotated[
    tuple[Dotted, ...], BeforeValidator(several, json_schema_input_type=Dotted | tuple[Dotted, ...])
]
Names = Annotated[tuple[Name, ...], BeforeValidator(several, json_schema_input_type=Name | tuple[Name, ...])]
Expressions = Annotated[tuple[Expression, ...], BeforeValidator(only_list)]
Bounds = Annotated[tuple[Expression, ...], BeforeValidator(only_list), AfterValidator(bounds)]
FormulaOrMap = Annotated[
    Formula | dict[Text, Formula],
    PlainValidator(formulas, json_schema_input_type=Formula | dict[Text, Formula]),
]
