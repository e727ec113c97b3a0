"""Fixtures: the same test runs on the reference and, to see that it states what torch does, on torch."""

from __future__ import annotations

from typing import Any

import pytest

from reference_impls import Reference


@pytest.fixture(params=["reference", "torch"])
def torch(request: pytest.FixtureRequest) -> Any:
    """A namespace that plays torch: the reference's, then the real one."""
    return Reference().torch if request.param == "reference" else pytest.importorskip("torch")
