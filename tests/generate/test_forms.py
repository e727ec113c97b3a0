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


RANDOM = """
operator: torch.noisy
also: [torch.nn.Noisy]
summary: The input, or in training something else.
cites: https://docs.pytorch.org/docs/stable/torch.html
signature: (input, mask, training=False)
inputs:
  input: {}
  mask: {optional: true, present: false}
try:
  trained: training=True
  masked: mask=tensor(35)
definition: input
"""


def test_a_module_is_switched_to_training(tmp_path):
    path = tmp_path / "specs" / "torch" / "noisy.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(RANDOM)
    forms = next(case for case in cases(load(path)) if case.id == "forms")
    programs = {sample.name.partition(",")[0]: str(sample.program.text) for sample in forms.samples("eager")}
    assert programs["defaults"] == "yield torch.nn.Noisy(None).train(False)(input)\n"
    assert programs["trained"] == "yield torch.nn.Noisy(None).train(True)(input)\n"
    assert programs["masked"] == "yield torch.nn.Noisy().train(False)(input, mask)\n"


REFUSED = """
operator: torch.sized
summary: The input, which has to have a size.
cites: https://docs.pytorch.org/docs/stable/torch.html
signature: (input, size, other)
inputs:
  input: {}
try:
  plain: size=35, other=None
definition: input
errors:
  negative:
    call: size=-1
    raises: RuntimeError
"""


def test_a_refused_call_has_what_it_leaves_out_from_the_first(tmp_path):
    path = tmp_path / "specs" / "torch" / "sized.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(REFUSED)
    negative = next(case for case in cases(load(path)) if case.id == "negative")
    (sample,) = negative.samples("eager")
    assert "torch.sized(input, -1, None)" in str(sample.program.text)


SHAPED = """
operator: torch.cut
also: [torch.nn.Cut]
summary: The first elements of the input.
cites: https://docs.pytorch.org/docs/stable/torch.html
signature: (input, size, step=1, to=None)
forward: to
inputs:
  input: {shape: "(5,)"}
try:
  plain: size=2
  stepped: size=2, step=2, to=4
definition: input[:size:step]
"""


def test_a_module_is_built_with_what_is_no_tensor(tmp_path):
    """But what its spec says that it takes when it is called, it is called with."""
    path = tmp_path / "specs" / "torch" / "cut.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(SHAPED)
    forms = next(case for case in cases(load(path)) if case.id == "forms")
    programs = {sample.name.partition(",")[0]: str(sample.program.text) for sample in forms.samples("eager")}
    assert programs["plain"] == "yield torch.nn.Cut(2)(input)\n"
    assert programs["stepped"] == "yield torch.nn.Cut(2, step=2)(input, to=4)\n"
