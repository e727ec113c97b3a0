"""The measure itself: the real specs catch what they should, and specs that check nothing catch nothing."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.sensitivity import main
from conformance.sensitivity.algorithms import MODULES
from conformance.sensitivity.mutant import Mutant, patched
from conformance.sensitivity.mutators import MUTATORS
from conformance.sensitivity.report import Score, stale
from conformance.sensitivity.rules import rule_mutants
from conformance.sensitivity.run import Fate, Outcome, measure
from conformance.sensitivity.shells import module_mutants, shell_mutants
from conformance.sensitivity.survivors import Argument, argument, arguments
from reference_impls import tensor
from reference_impls.primitives import TABLE

from .few import SPECS, Few

FEW = (
    "torch/abs.yaml",
    "torch/max.yaml",
    "torch/nn/functional/relu.yaml",
    "torch/nn/functional/layer_norm.yaml",
    "torch/nn/BatchNorm1d.yaml",
    "torch/optim/SGD.yaml",
    "torch/optim/lr_scheduler/StepLR.yaml",
    "serialization/state_dict.yaml",
)


@pytest.fixture(scope="module")
def few() -> Few:
    return Few(FEW.__contains__)


def test_the_unbroken_reference_survives(few: Few) -> None:
    """A mutant in which nothing is broken is caught by no clause."""
    same = Mutant("none", "nothing", "no fault", reach=frozenset({"torch.abs", "torch.optim.SGD"}))
    assert few.fate(same).fate is Fate.SURVIVED


def test_every_kind_of_text_mutant_is_caught() -> None:
    """Each mutator makes a mutant of a real formula that the clauses of its own spec catch."""
    files = [SPECS / name for name in FEW if "autograd" not in name and "serialization" not in name]
    outcomes = measure(files, SPECS)
    caught = {outcome.mutant.mutator for outcome in outcomes if outcome.fate is Fate.CAUGHT}
    texts = {
        "scaled value",
        "scaled gradient",
        "scaled second derivative",
        "blocked gradient",
        "state not kept",
    }
    shells = {
        "group option ignored",
        "state dict without an option",
        "state dict without a state",
        "state dict without an entry",
        "starts an epoch late",
    }
    assert caught >= {*MUTATORS, *texts, *shells}
    score = Score(outcomes, arguments())
    assert score.surviving == 0, [str(o.mutant) for o in outcomes if o.fate is Fate.SURVIVED]


@pytest.mark.parametrize("mutant", module_mutants(), ids=lambda mutant: mutant.mutator)
def test_faults_of_modules(few: Few, mutant: Mutant) -> None:
    """Every one of them is noticed by the specs of state; most by what they yield."""
    inherent = {"loading is always strict"}  # an exception is all that there is to see of it
    assert few.fate(mutant).fate is (Fate.CRASHED if mutant.mutator in inherent else Fate.CAUGHT)


def test_faults_of_lists() -> None:
    """Every fault in how a function goes through a list is caught, in both of its forms."""
    few = Few("torch/_foreach.yaml".__eq__)
    spec = few.lines[0].case.spec
    mutants = [
        mutant for mutant in shell_mutants(spec) if mutant.original in ("_foreach_sqrt", "_foreach_sqrt_")
    ]
    assert len(mutants) > 20
    assert not [str(mutant) for mutant in mutants if few.fate(mutant).fate is not Fate.CAUGHT]


KINKS = {
    "primitive sign sign of zero is one": "specs/torch/abs.yaml",
    "primitive magnitude slope at zero is one": "specs/torch/abs.yaml",
    "primitive even_share ties: all to the first": "specs/torch/max.yaml",
    "primitive maximum ties: all to the first": "specs/torch/max.yaml",
    "primitive share ties: the whole to each": "specs/torch/max.yaml",
}


@pytest.mark.parametrize("name", KINKS)
def test_wrong_rules_at_ties_and_kinks(few: Few, name: str) -> None:
    """A wrong rule at a tie or a kink is caught where it is documented."""
    mutant = next(m for m in rule_mutants({*TABLE}) if str(m) == name)
    outcome = few.fate(mutant)
    assert outcome.fate is Fate.CAUGHT
    assert outcome.by.startswith(KINKS[name])


def test_relu_with_a_slope_at_zero() -> None:
    """relu'(0) = 1 is caught: the mutant in which zero counts as positive."""
    outcomes = measure([SPECS / "torch/nn/functional/relu.yaml"], SPECS)
    found = [o for o in outcomes if (o.mutant.original, o.mutant.mutated) == ("input <= 0", "input < 0")]
    assert [o.fate for o in found] == [Fate.CAUGHT]


def test_a_crash_is_not_caught(few: Few) -> None:
    """A mutant that can only raise is told apart from one that yields something else."""

    def forward(xp, input):
        raise RuntimeError("broken")

    broken = {"magnitude": replace(TABLE["magnitude"], forward=forward)}
    mutant = Mutant("none", "primitive", "raises", primitives=broken, reach=frozenset({"torch.abs"}))
    assert few.fate(mutant).fate is Fate.CRASHED


VACUOUS = """\
operator: torch.nn.functional.dropout
summary: Something random.
cites: https://example.org/dropout
signature: (input, p=0.5)
inputs:
  input: {range: [1, 2]}
random: true
definition: |
  input * bernoulli((1 - p) * ones_like(input)) / (1 - p)
clauses:
  vacuous:
    says: It gives something of the same shape.
    given: {x: tensor(16)}
    program: |
      assert torch.nn.functional.dropout(x).shape == x.shape
"""


def test_vacuous_clauses_catch_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a clause only looks at a shape every mutant of the definition survives, and the command says so."""
    name = "specs/torch/nn/functional/dropout.yaml"
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text(VACUOUS)
    outcomes = [o for o in measure([file], tmp_path / "specs") if o.mutant.subject == name]
    assert len(outcomes) > 5
    assert not [o for o in outcomes if o.fate is Fate.CAUGHT]
    assert main([file]) == 1
    text = capsys.readouterr().out
    assert "less than 98 %" in text
    assert f"{name}:9:" in text


def test_patches_are_undone() -> None:
    """A fault of the tape is there only while its program runs."""
    right = tensor.Tensor.detach
    with pytest.raises(ZeroDivisionError), patched(tensor.Tensor, "detach", lambda right: None):
        assert tensor.Tensor.detach is None
        raise ZeroDivisionError
    assert tensor.Tensor.detach is right


def test_arguments_for_survivors() -> None:
    """An argument speaks of the mutants of its line; it is stale where none of them survives."""
    mutant = Mutant("area", "specs/a.yaml", "off by one", "0", "1", within="where(c, 0, x)")
    entry = Argument(
        subject="specs/*.yaml", mutator="off by one", within="where(c, 0, x)", because="It is not read."
    )
    other = Argument(subject="specs/*.yaml", mutator="off by one", within="x + 0", because="Nothing.")
    assert argument([other, entry], mutant) is entry
    survived, caught = Outcome(mutant, Fate.SURVIVED), Outcome(mutant, Fate.CAUGHT)
    assert stale([survived], [entry, other]) == []
    assert stale([caught], [entry, other]) == [entry]
    score = Score([survived, caught, caught, Outcome(mutant, Fate.CRASHED)], [entry])
    assert (score.argued, score.surviving, score.share, score.enough) == (1, 0, 2 / 3, False)


def test_every_argument_speaks_of_a_real_spec() -> None:
    """The list of arguments can be read, and names specs that are there."""
    for entry in arguments():
        assert (SPECS.parent / entry.subject).exists()
        assert entry.because.strip()
        if entry.within:
            text = (SPECS.parent / entry.subject).read_text()
            algorithm = re.search(r"(?m)^algorithm: (\w+)$", text)
            if algorithm:  # which stands elsewhere
                text += inspect.getsource(MODULES[algorithm[1]])
            assert entry.within in text
