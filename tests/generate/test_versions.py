"""A build is judged by its own documentation."""

from pathlib import Path

import pytest

from conformance.generate import cases
from conformance.spec import parse

TEXT = """
topic: Versions
summary: A claim of some versions only.
cites: https://docs.pytorch.org/docs/stable/generated/torch.exp.html
since: "2.2"
clauses:
  always:
    says: It holds in each.
    program: |
      assert torch.exp(torch.zeros(())) == 1
  some-time:
    says: It was documented for a while.
    since: "2.5"
    until: "2.10"
    program: |
      assert torch.exp(torch.zeros(())) == 1
"""


@pytest.mark.parametrize(
    ("version", "ids"),
    [
        (None, ["always", "some-time"]),
        ("2.1.2", []),
        ("2.4.0", ["always"]),
        ("2.5.1+cu124", ["always", "some-time"]),
        ("2.9.0", ["always", "some-time"]),
        ("2.10.0", ["always"]),
        ("2.13.0+cpu", ["always"]),
    ],
)
def test_clauses_of_a_version(version, ids):
    found = cases(parse(TEXT, Path("specs/versions.yaml")))
    assert [case.id for case in found if case.applies(version)] == ids
