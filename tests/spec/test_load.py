"""Whole files: what a spec offers once it is loaded, and all faults at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pydantic import BaseModel

from conformance.spec import (
    FamilySpec,
    ModuleSpec,
    OperatorSpec,
    OptimizerSpec,
    SchedulerSpec,
    SpecError,
    Text,
    TopicSpec,
    discover,
    load,
    load_yaml,
    parse,
)

from .bases import FAMILY, OPERATOR, TOPIC, edited, whole

SAMPLES = Path(__file__).parent / "samples"
SPECS = Path(__file__).parents[2] / "specs"


def test_an_operator() -> None:
    spec = load(SAMPLES / "torch/nn/functional/softplus.yaml")
    assert isinstance(spec, OperatorSpec)
    assert (spec.name, spec.kind, spec.line) == ("torch.nn.functional.softplus", "operator", 1)
    assert spec.also == ("torch.nn.Softplus",)
    assert spec.bodies == {"": spec}
    assert spec.inputs[Text("input")].dtype == ("float64", "float32", "bfloat16", "float16")
    assert [str(point) for point in spec.inputs[Text("input")].points] == ["0", "20", "-inf"]
    assert {str(id): str(call) for id, call in spec.tries.items()} == {
        "steep": "beta=2.0",
        "early": "beta=0.5, threshold=5.0",
        "plain": "",
    }
    assert spec.elementwise
    special = spec.special[Text("minus-inf")]
    assert {name: str(value) for name, value in special.gradients(("input",)).items()} == {"input": "0"}
    assert spec.clauses[Text("never-overflows")].line == 34
    assert spec.accuracy_of("gradient") == spec.accuracy[Text("gradient")]
    assert spec.accuracy_of("value") is None
    assert str(spec.bench[Text("large")].call) == "input=tensor(1024, 1024)"


def test_overloads() -> None:
    text = """\
operator: torch.max
summary: The largest element.
cites: [https://docs.pytorch.org/docs/stable/x.html, https://docs.pytorch.org/y]
overloads:
  whole:
    signature: (input)
    inputs: {input: {}}
    definition: input
    special:
      nan: {input: nan, result: nan}
  along:
    signature: (input, dim)
    inputs: {input: {shape: "(2, 3)"}}
    try:
      rows: dim=1
    definition: input
    special:
      nan: {input: nan, dim: 0, result: nan}
accuracy:
  whole-gradient: {times: 2, because: an example}
  along-nan: {times: 2, because: an example}
"""
    spec = parse(text, "specs/torch/max.yaml")
    assert isinstance(spec, OperatorSpec)
    assert {name: (body.line, body.signature.names) for name, body in spec.bodies.items()} == {
        "whole": (5, ("input",)),
        "along": (11, ("input", "dim")),
    }
    assert list(spec.own_ids()) == ["whole-nan", "along-rows", "along-nan"]


def test_a_topic() -> None:
    spec = load(SAMPLES / "autograd/accumulation.yaml")
    assert isinstance(spec, TopicSpec)
    assert spec.setup is not None and spec.setup.bound == {"Twice", "Layer"}
    clause = spec.clauses[Text("second-backward-adds")]
    assert {name: str(maker) for name, maker in clause.given.items()} == {"x": "leaf(3)"}
    assert clause.program.line == 26
    assert clause.judge == "reference"
    assert spec.clauses[Text("graph-is-freed")].since == "2.5"


def test_an_optimizer_and_a_scheduler() -> None:
    optimizer = load(SAMPLES / "torch/optim/SGD.yaml")
    assert isinstance(optimizer, OptimizerSpec)
    assert optimizer.hyperparameters == (
        "lr",
        "momentum",
        "dampening",
        "weight_decay",
        "nesterov",
        "maximize",
    )
    assert list(optimizer.state) == ["momentum_buffer"]
    scheduler = load(SAMPLES / "torch/optim/lr_scheduler/StepLR.yaml")
    assert isinstance(scheduler, SchedulerSpec)
    assert scheduler.lr is not None
    rate = scheduler.lr.function(("base_lr", "epoch", *scheduler.hyperparameters), {})
    timetable = scheduler.timetables[0]
    given = {name: value.evaluate({}) for name, value in scheduler.signature.bind(timetable.call).items()}
    rates = [rate(base_lr=8, epoch=epoch, last_epoch=-1, **given) for epoch in range(5)]
    assert rates == timetable.lr.evaluate({}) == [8, 8, 4, 4, 2]


def test_a_family() -> None:
    spec = edited(FAMILY)
    assert isinstance(spec, FamilySpec)
    assert [(str(name), members.result) for name, members in spec.members()] == [
        ("sin", "float"),
        ("cos", "float"),
        ("zero_", "promote"),
    ]
    assert spec.form("sin", in_place=False) == "torch._foreach_sin"
    assert {spec.form(name, in_place=True) for name in ("zero", "zero_")} == {"torch._foreach_zero_"}
    floats, everything = spec.functions
    assert set(floats.dtype) - set(floats.kept) == {"int64", "int32", "int16", "int8", "uint8"}
    assert everything.kept == everything.dtype
    assert list(spec.own_ids()) == ["empty-list"]


def test_a_module() -> None:
    spec = load(SAMPLES / "torch/nn/BatchNorm1d.yaml")
    assert isinstance(spec, ModuleSpec)
    assert spec.locals == ("tracking",)
    assert list(spec.members) == [
        "weight",
        "bias",
        "extra_l{k}{s}",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    ]
    each = spec.parameters[Text("extra_l{k}{s}")].each
    assert each is not None and each.names == ("k", "s")
    assert spec.input_names == ("input",)


def test_paths_and_names() -> None:
    spec = parse(TOPIC, "/somewhere/specs/autograd/accumulation.yaml")
    assert spec.name == "autograd/accumulation"
    assert spec.relative_path == "specs/autograd/accumulation.yaml"
    assert spec.path == Path("/somewhere/specs/autograd/accumulation.yaml")
    assert parse(TOPIC, "elsewhere/a.yaml").relative_path == "a.yaml"


def test_discover(tmp_path: Path) -> None:
    for name in ("b/two.yaml", "a.yaml", "b/notes.txt", ".hidden/c.yaml", "b/.d.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert discover(tmp_path) == [tmp_path / "a.yaml", tmp_path / "b/two.yaml"]
    assert discover(tmp_path / "a.yaml") == [tmp_path / "a.yaml"]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"topic: a\nsummary: \xe9\n")
    with pytest.raises(SpecError) as caught:
        load(path)
    assert str(caught.value) == f"{path}:2:10: byte 0xE9 is not UTF-8"


def test_all_faults_at_once() -> None:
    text = """\
topic: Accumulation
sumary: Gradients add up.
cites: http://docs.pytorch.org/x
setup: |
  def helper():
      return 1
clauses:
  Adds:
    says: A second backward adds.
    program: assert trch.ones(1) == 1
  frees:
    says: The graph is freed.
    given: {x: laef(3)}
    judge: refrence
    program: |
      assert x == 1
  keeps:
    says: The graph is kept.
    given:
      x: laef(3)
    program: |
      y = hepler() + x
"""
    assert whole(text) == [
        "1:1: `summary` is missing",
        "2:1: unknown key `sumary`; did you mean `summary`?",
        "3:8: `http://docs.pytorch.org/x` is not a link; links start with `https://`",
        "8:3: `Adds` is not an id; an id is words in lower case with hyphens, such as `second-backward-adds`",
        "14:12: `refrence` is not a judge; did you mean `reference`?",
        "17:3: the program of `keeps` asserts nothing; write `assert left == right` or `yield value`",
        "20:10: unknown name `laef`; did you mean `leaf`?",
        "22:11: unknown name `hepler`; did you mean `helper`?",
    ]


def test_faults_sort_and_print_as_lines() -> None:
    with pytest.raises(SpecError) as caught:
        parse("topic: 1\nsummary: 2\n", "x.yaml")
    assert str(caught.value).splitlines() == [
        "x.yaml:1:1: `cites` is missing",
        "x.yaml:1:1: `clauses` is missing",
        "x.yaml:1:8: `1` where text is expected; put it between quotes",
        "x.yaml:2:10: `2` where text is expected; put it between quotes",
    ]


def test_a_spec_is_frozen() -> None:
    spec = edited(OPERATOR)
    with pytest.raises(ValueError, match="frozen"):
        spec.summary = Text("another")  # type: ignore[misc]


class Entry(BaseModel):
    """An entry of some other file."""

    model_config = {"extra": "forbid"}
    clause: str
    reason: str


def test_other_yaml_files(tmp_path: Path) -> None:
    path = tmp_path / "deviations.yaml"
    path.write_text("- clause: a\n  reason: b\n")
    assert load_yaml(path, list[Entry]) == [Entry(clause="a", reason="b")]
    path.write_text("- clause: a\n  reson: b\n- clause: 3\n  reason:\n")
    with pytest.raises(SpecError) as caught:
        load_yaml(path, list[Entry])
    assert [str(fault).removeprefix(f"{path}:") for fault in caught.value.faults] == [
        "1:3: `reason` is missing",
        "2:3: unknown key `reson`; did you mean `reason`?",
        "3:11: `3` where text is expected; put it between quotes",
        "4:3: `reason` has no value",
    ]
    path.write_text("text")
    with pytest.raises(SpecError, match="neither a list nor a map"):
        load_yaml(path, list[Entry])


@pytest.mark.parametrize("path", discover(SPECS), ids=lambda path: path.relative_to(SPECS).as_posix())
def test_the_specs_of_the_suite(path: Path) -> None:
    spec = load(path)
    assert spec.relative_path == f"specs/{path.relative_to(SPECS).as_posix()}"


def test_loading_is_fast() -> None:
    files = [(path, path.read_text()) for path in discover(SAMPLES)]
    best = 1.0
    for _ in range(5):
        start = time.process_time()
        for path, text in files * 5:
            parse(text, path)
        best = min(best, time.process_time() - start)
    assert best < 0.15, f"{5 * len(files)} specs took {best:.3f} s"
