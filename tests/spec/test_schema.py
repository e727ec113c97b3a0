"""The JSON Schema for editors."""

from __future__ import annotations

import json

import pytest

from conformance.spec.schema import json_schema
from conformance.spec.words import KINDS

SCHEMA = json_schema()


def resolved(kind: str) -> dict[str, object]:
    chosen = next(part["then"] for part in SCHEMA["allOf"] if part["if"] == {"required": [kind]})
    found: dict[str, object] = SCHEMA["$defs"][chosen["$ref"].rpartition("/")[2]]
    return found


def test_it_is_json() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_chooses(kind: str) -> None:
    assert {"required": [kind]} in SCHEMA["oneOf"]
    model = resolved(kind)
    properties, required = model["properties"], model["required"]
    assert isinstance(properties, dict) and isinstance(required, list)
    assert {kind, "summary", "cites"} <= set(required) <= set(properties)
    assert model["additionalProperties"] is False


def test_keys_are_those_of_the_files() -> None:
    properties = resolved("module")["properties"]
    assert isinstance(properties, dict)
    assert "try" in properties and "tries" not in properties


def test_one_or_more() -> None:
    properties = resolved("operator")["properties"]
    assert isinstance(properties, dict)
    assert {part["type"] for part in properties["cites"]["anyOf"]} == {"string", "array"}
