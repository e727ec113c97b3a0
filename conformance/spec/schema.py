"""A JSON Schema of spec files, for editors: completion and the first faults while typing."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from .load import MODELS
from .models import Spec


class Generator(GenerateJsonSchema):
    """Leaves out defaults that are no JSON; they are empty anyway."""

    ignored_warning_kinds = {"non-serializable-default"}


def json_schema() -> dict[str, Any]:
    """One schema for all kinds; the key that names the kind chooses which part applies."""
    models: list[tuple[type[Spec], JsonSchemaMode]] = [(model, "validation") for model in MODELS.values()]
    chosen, definitions = models_json_schema(models, schema_generator=Generator)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Conformance spec",
        "type": "object",
        "oneOf": [{"required": [kind]} for kind in MODELS],
        "allOf": [
            {"if": {"required": [kind]}, "then": chosen[model, "validation"]}
            for kind, model in MODELS.items()
        ],
        "$defs": definitions["$defs"],
    }
