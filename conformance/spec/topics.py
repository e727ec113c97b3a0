"""Topics: claims that belong to no single name, each with its program."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from .fields import Id, Prose
from .models import Clause, Spec
from .words import ROOT


class TopicSpec(Spec):
    """Behaviour that is documented in prose: autograd semantics, serialization, a guide."""

    kind: ClassVar[str] = "topic"

    topic: Prose
    clauses: dict[Id, Clause] = Field(min_length=1)

    @property
    def name(self) -> str:
        """Where the topic stands among the specs, such as ``autograd/accumulation``."""
        return self.relative_path.removeprefix(f"{ROOT}/").removesuffix(".yaml")
