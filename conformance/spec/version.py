"""Versions of the documentation: which clauses hold for the build under test."""

from __future__ import annotations

import re
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .text import Text

RELEASE = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?")


class Version(Text):
    """``"2.5"`` in a spec: quoted, since YAML reads 2.10 as the number 2.1."""

    __slots__ = ()

    @property
    def release(self) -> tuple[int, int, int]:
        return release(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls.validate)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\d+\.\d+(\.\d+)?$"}

    @classmethod
    def validate(cls, value: Any) -> Version:
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise PydanticCustomError(
                "version", "{raw}: a version is quoted text, for 2.10 is the number 2.1"
            )
        if not isinstance(value, Text) or not RELEASE.fullmatch(value):
            raise PydanticCustomError("version", '{raw} is not a version such as `"2.5"`')
        return cls(value, value.file, value.line, value.column, value.style)


def release(version: str) -> tuple[int, int, int]:
    """The release that a version belongs to: ``2.14.0.dev2026`` and ``2.14.0a0+git`` are judged as 2.14."""
    found = RELEASE.match(version)
    if found is None:
        raise ValueError(f"not a version: {version!r}")
    major, minor, patch = found.groups(default="0")
    return int(major), int(minor), int(patch)


def applies(since: Version | None, until: Version | None, version: str) -> bool:
    """Whether behaviour documented from ``since`` on, and before ``until``, is documented for ``version``."""
    tested = release(version)
    return (since is None or since.release <= tested) and (until is None or tested < until.release)
