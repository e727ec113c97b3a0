"""Text that knows where it stands in its file."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Text(str):
    """A string of a spec file, with the place of its first content character.

    For a ``|`` block that is the line after the bar, and ``column`` is where its indented content starts, so
    that Python code compiled from it can carry true line numbers. ``style`` is YAML's (empty for a plain
    scalar, a quote, ``|`` or ``>``); ``cut`` tells that a comment follows a plain scalar on its line, and
    ``single`` that it is written on one line.
    """

    __slots__ = ("file", "line", "column", "style", "cut", "single")
    file: str
    line: int
    column: int
    style: str
    cut: bool
    single: bool

    def __new__(
        cls,
        value: str,
        file: str = "<text>",
        line: int = 1,
        column: int = 1,
        style: str = "",
        cut: bool = False,
        single: bool = True,
    ) -> Text:
        text = super().__new__(cls, value)
        text.file, text.line, text.column = file, line, column
        text.style, text.cut, text.single = style, cut, single
        return text

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string"}
