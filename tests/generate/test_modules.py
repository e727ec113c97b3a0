"""What is derived for modules: which classes, which calls, how many draws."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.generate import cases
from conformance.spec import ModuleSpec, SpecError
from conformance.spec.load import parse

FAMILY = """\
module: torch.nn.Thin
summary: Something thin.
cites: https://example.org/thin
signature: (size, scale=2.0, device=None, dtype=None)
constants: {dims: 1}
lazy: torch.nn.LazyThin
also:
  torch.nn.Flat:
    constants: {dims: 2}
parameters:
  weight: {shape: "(size,) * dims", init: "uniform(-1, 1)"}
inputs:
  input: {shape: "(2, 3)"}
try:
  plain:
    call: "3"
    inputs: {input: "tensor(2, 3)"}
  vector:
    call: 3, 1.0
    inputs: {input: tensor(3)}
  nobody:
    call: "3"
    inputs: {input: "tensor(0, 3)"}
  square:
    of: torch.nn.Flat
    call: "3"
    inputs: {input: "tensor(2, 3)"}
forward: input * scale
unbatched: torch.stack([module(row) for row in input])
errors:
  negative:
    of: torch.nn.Flat
    call: "-1"
    raises: ValueError
  too-wide:
    call: "3"
    inputs: {input: tensor(4)}
    raises: RuntimeError
"""


def built(text: str = FAMILY) -> ModuleSpec:
    spec = parse(text, Path("specs/torch/nn/Thin.yaml"))
    assert isinstance(spec, ModuleSpec)
    return spec


def programs(id: str) -> dict[str, str]:
    """The programs of a derived clause by the names of their samples."""
    found = next(case for case in cases(built()) if case.id == id)
    return {sample.name: str(sample.program.text) for sample in found.samples("eager")}


def test_each_try_builds_the_class_that_it_is_of():
    state = programs("state")
    assert "torch.nn.Thin(3)" in state["plain"]
    assert "torch.nn.Flat(3)" in state["square"]


def test_a_lazy_form_lacks_the_first_argument():
    lazy = programs("lazy")
    assert "torch.nn.LazyThin()" in lazy["plain"]
    assert "torch.nn.LazyThin(1.0)" in lazy["vector"]
    assert "square" not in lazy  # that class has no lazy form


def test_calls_without_a_batch_are_compared_where_there_is_one():
    assert set(programs("no-batch")) == {"plain", "square"}


def test_members_are_made_with_a_device_and_a_dtype():
    assert "torch.nn.Flat(3, device=device, dtype=dtype)" in programs("factory")["square"]


def test_enough_is_drawn_from_each_distribution():
    initial = programs("initial")
    assert "range(667)" in initial["plain"]  # three numbers each
    assert "range(223)" in initial["square"]  # nine
    assert "nobody" not in initial  # is constructed as another


def test_a_row_of_zeros_is_not_drawn():
    zero = FAMILY.replace('init: "uniform(-1, 1)"', 'init: "uniform(-1, 1)", zero: -1')
    found = next(case for case in cases(built(zero)) if case.id == "initial")
    program = str(found.samples("eager")[0].program.text)
    assert "state['weight'][[0, 1]]" in program
    assert "states[0]['weight'][-1] == np.zeros(())" in program


def test_a_construction_or_a_call_is_refused():
    assert programs("negative")["refused"] == "with raises(ValueError):\n    torch.nn.Flat(-1)\n"
    assert programs("too-wide")["refused"].endswith("with raises(RuntimeError):\n    module(input)\n")


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("of: torch.nn.Flat", "of: torch.nn.Flap", "is not a class in `also`"),
        ("constants: {dims: 2}", "constants: {dim: 2}", "is not one of `constants`"),
    ],
)
def test_misspelled_classes_and_constants_are_reported(right: str, wrong: str, message: str):
    with pytest.raises(SpecError, match=message):
        built(FAMILY.replace(right, wrong, 1))
