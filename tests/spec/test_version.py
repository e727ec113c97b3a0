"""Since and until."""

from __future__ import annotations

import pytest

from conformance.spec import Text
from conformance.spec.version import Version, applies, release

from .bases import TOPIC, edited


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("2.5", (2, 5, 0)),
        ("2.13.0+cpu", (2, 13, 0)),
        ("2.14.0.dev20260901+cu130", (2, 14, 0)),
        ("2.14.0a0+git1a2b3c", (2, 14, 0)),
        ("2.5.1", (2, 5, 1)),
    ],
)
def test_release(version: str, expected: tuple[int, int, int]) -> None:
    assert release(version) == expected


@pytest.mark.parametrize("version", ["2", "two", ""])
def test_what_is_no_version(version: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        release(version)


@pytest.mark.parametrize(
    ("since", "until", "version", "expected"),
    [
        (None, None, "1.0", True),
        ("2.10", None, "2.9.1", False),
        ("2.10", None, "2.10.0", True),
        ("2.10", None, "2.13.0+cpu", True),
        (None, "2.10", "2.9.1", True),
        (None, "2.10", "2.10.0a0", False),
        ("2.5.1", "2.8", "2.5.0", False),
        ("2.5.1", "2.8", "2.7", True),
    ],
)
def test_applies(since: str | None, until: str | None, version: str, expected: bool) -> None:
    assert applies(since and Version(since), until and Version(until), version) is expected  # type: ignore[arg-type]


def test_clauses_and_specs_apply() -> None:
    spec = edited(TOPIC, ("    given", '    since: "2.6"\n    given'), ("clauses:", 'until: "2.9"\nclauses:'))
    clause = spec.clauses[Text("adds")]
    assert [clause.applies(version) for version in ("2.5.1", "2.6.0", "2.12")] == [False, True, True]
    assert [spec.applies(version) for version in ("2.5.1", "2.6.0", "2.12")] == [True, True, False]
