"""Which other forms of an operator are checked."""

from conformance.generate import cases
from conformance.spec import load

SPEC = """
operator: torch.doubled
also: [torch.nn.Doubled]
summary: Twice the input, or what a weight makes of it.
cites: https://docs.pytorch.org/docs/stable/torch.html
overloads:
  plain:
    signature: (input)
    inputs: {input: {}}
    definition: 2 * input
  weighted:
    signature: (input, weight)
    inputs: {input: {}, weight: {}}
    also: []
    definition: weight * input
"""


def test_an_overload_may_have_forms_of_its_own(tmp_path):
    path = tmp_path / "specs" / "torch" / "doubled.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(SPEC)
    ids = {case.id for case in cases(load(path))}
    assert "plain-forms" in ids
    assert "weighted-forms" not in ids
