"""Samples are fixed, lie in their domains, hold in every dtype, and reach the call."""

from __future__ import annotations

import ast
import subprocess
import sys

import numpy as np
import pytest
import torch

from conformance.backends.torch_backend import TorchBackend
from conformance.case import Sample
from conformance.generate import cases
from conformance.generate.arguments import LAYOUTS, VECTOR, arguments
from conformance.generate.makers import MAKERS, Makers, number, values
from conformance.run import make_inputs
from conformance.spec import OperatorSpec, discover, load
from conformance.spec.words import DERIVED_IDS
from conformance.spec.words import MAKERS as MAKER_WORDS
from conformance.where import packaged_specs
from reference_impls.dtypes import bfloat16

SPECS = [load(path) for path in discover(packaged_specs())]
OPERATORS = [spec for spec in SPECS if isinstance(spec, OperatorSpec)]
CASES = [pytest.param(case, id=f"{spec.name}-{case.id}") for spec in SPECS for case in cases(spec)]

DIGEST = """
import hashlib
from pathlib import Path
from conformance.generate import cases
from conformance.spec import discover, load
from conformance.where import packaged_specs
digest = hashlib.sha256()
for path in discover(packaged_specs()):
    for case in cases(load(path)):
        for mode in case.modes:
            for sample in case.samples(mode):
                digest.update(f"{path.name} {case.id} {sample.name} {sample.program} {sample.dtypes}".encode())
                for name, given in sample.inputs.items():
                    digest.update(f"{name} {given.dtype} {given.layout} {given.requires_grad}".encode())
                    digest.update(given.values.tobytes())
print(digest.hexdigest())
"""


def test_samples_are_the_same_in_every_process():
    """Nothing depends on the process: not on its hash seed, nor on what was made before."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST], env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."}, check=True,
            capture_output=True, text=True, cwd=packaged_specs().parent,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(digests) == 1


@pytest.mark.parametrize("case", CASES)
def test_samples_are_made_anew_and_alike(case):
    """Asked twice, a case has the same samples; programs compile, and their names are distinct."""
    for mode in case.modes:
        first, second = case.samples(mode), case.samples(mode)
        assert [s.name for s in first] == [s.name for s in second]
        assert len({s.name for s in first}) == len(first)
        for one, other in zip(first, second, strict=True):
            assert str(one.program) == str(other.program)
            ast.parse(str(one.program))
            for name in one.inputs:
                assert one.inputs[name].values.tobytes() == other.inputs[name].values.tobytes()


@pytest.mark.parametrize("case", CASES)
def test_values_hold_in_every_dtype(case):
    """What the generator draws is representable in bfloat16, so that one reference result serves all dtypes."""
    if case.id in case.spec.clauses:
        return  # written by hand: literals are as they are written
    for sample in case.samples("eager"):
        for name, given in sample.inputs.items():
            if given.values.dtype.kind == "f" and given.dtype is None and not _special(case, sample):
                held = bfloat16.round(given.values)
                assert np.array_equal(held, given.values, equal_nan=True), (sample.name, name)


def _special(case, sample: Sample) -> bool:
    """Whether a sample is at points that a spec names as formulas, which need not be representable."""
    return isinstance(case.spec, OperatorSpec) and any(
        case.id.endswith(str(id)) for body in case.spec.bodies.values() for id in body.special
    )


@pytest.mark.parametrize("spec", OPERATORS, ids=lambda spec: spec.name)
def test_values_lie_in_the_declared_range(spec):
    """Within the range, its ends included, but for the points; and tensors of `try` within theirs."""
    for overload, body in spec.bodies.items():
        for call in arguments(body, overload):
            for name, given in call.tensors.items():
                declared = body.inputs.get(name)
                brought = any(
                    name in body.signature.bind(text, supplied=body.inputs) for text in body.tries.values()
                )
                if declared is None or declared.range is None or given.values.dtype.kind != "f" or brought:
                    continue
                low, high = (float(number(bound)) for bound in declared.range)
                points = [float(number(point)) for point in declared.points]
                drawn = given.values[~np.isin(given.values, points)]
                assert ((drawn >= low) & (drawn <= high)).all()


def test_values_are_spread_evenly():
    """One value in each of n equal parts of the range, and none outside of it."""
    for low, high in ((-2.0, 2.0), (0.0078125, 64.0), (-80.0, 100.0), (0.0, 1.0)):
        drawn = np.sort(values((64,), low, high, "key"))
        assert ((drawn >= low) & (drawn <= high)).all()
        edges = np.linspace(low, high, 65)
        near = (high - low) / 64 + np.abs(
            drawn
        ) * 2.0**-8  # rounding to eight bits may cross into the next part
        assert (np.abs(drawn - (edges[:-1] + edges[1:]) / 2) <= near).all()


def test_points_stand_at_every_position():
    """A spec's points come before the drawn values, in all combinations, and at all places of the long vectors."""
    softplus = next(spec for spec in OPERATORS if spec.name.endswith("softplus"))
    points = [float(number(point)) for point in softplus.inputs["input"].points]
    assert points
    for case in cases(softplus):
        for sample in case.samples("eager"):
            given = sample.inputs.get("input")
            if case.id in ("value", "gradient") and sample.name == "defaults":
                assert (
                    given.values[: len(points)].tolist() == points
                    and given.values.size == len(points) + VECTOR
                )
            if case.id == "lengths":
                lanes = {int(i) % 16 for i in np.flatnonzero(np.isin(given.values, points))}
                assert lanes == set(range(16))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_real(layout):
    """A tensor that is said to be transposed, strided, shifted or expanded lies in memory like that."""
    backend = TorchBackend()
    found = 0
    for spec in OPERATORS:
        for case in cases(spec):
            if not case.id.endswith("layouts"):
                continue
            for sample in case.samples("eager"):
                made = make_inputs(sample, backend, "cpu", "float32")
                for name, given in sample.inputs.items():
                    if given.layout == layout:
                        found += 1
                        lies(made[name], layout)
                        assert made[name].requires_grad == given.requires_grad
                        assert torch.equal(
                            made[name].detach(), torch.tensor(given.values, dtype=torch.float32)
                        )
    assert found


def test_vectors_lie_in_memory_too():
    """Where no call has a matrix, vectors are strided and shifted."""
    ranking = next(spec for spec in OPERATORS if spec.name.endswith("margin_ranking_loss"))
    layouts = next(case for case in cases(ranking) if case.id == "layouts")
    assert [sample.name for sample in layouts.samples("eager")] == ["strided", "offset"]


def lies(tensor: torch.Tensor, layout: str) -> None:
    contiguous = torch.empty(tensor.shape).stride()
    if layout == "offset":
        assert tensor.storage_offset() > 0
    elif layout == "strided":
        assert tensor.stride(-1) == 2 and not tensor.is_contiguous() or tensor.shape[-1] == 1
    elif layout == "expanded":
        assert tensor.stride(0) == 0 or tensor.shape[0] == 1
    elif layout == "channels-last":
        assert tensor.dim() < 4 or tensor.stride(1) == 1 or tensor.shape[1] == 1
    else:
        assert tensor.stride() != contiguous or min(tensor.shape[0], tensor.shape[-1]) == 1


def test_derived_ids_are_listed():
    """Each derived clause has an id of the list, which no clause written by hand may take, and none is idle."""
    derived = set()
    for spec in SPECS:
        own = {str(id) for id in spec.own_ids()}
        prefixes = [f"{name}-" for name in getattr(spec, "overloads", {})]
        for case in cases(spec):
            if case.id not in own:
                prefix = next((p for p in prefixes if case.id.startswith(p)), "")
                derived.add(case.id.removeprefix(prefix))
        assert len({case.id for case in cases(spec)}) == len(cases(spec))
    tried = {str(id) for spec in SPECS for id in getattr(spec, "tries", {})}
    assert derived - tried <= DERIVED_IDS
    idle = DERIVED_IDS - derived
    assert not idle, f"listed, but derived from no spec of the tree: {sorted(idle)}"


def test_makers_are_listed():
    """What the loader lets an expression call is what there is to call."""
    assert set(MAKERS) == set(MAKER_WORDS) and set(Makers("key").names()) == set(MAKERS)


@pytest.mark.parametrize("spec", [s for s in OPERATORS if not s.random], ids=lambda spec: spec.name)
def test_arguments_reach_the_call(spec):
    """Each argument of `try` stands in the text of the call, or is a tensor among its inputs."""
    for overload, body in spec.bodies.items():
        prefix = f"{overload}-" if overload else ""
        (case,) = [case for case in cases(spec) if case.id == f"{prefix}value"]
        programs = {sample.name: sample for sample in case.samples("eager")}
        for id, text in body.tries.items():
            sample = programs.get(str(id)) or next(s for n, s in programs.items() if n.startswith(f"{id} "))
            tree = ast.parse(str(sample.program))
            calls = [
                n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == spec.name
            ]
            given = {k.arg: ast.dump(k.value) for call in calls for k in call.keywords}
            placed = [ast.dump(a) for call in calls for a in call.args]
            for name, expression in body.signature.bind(text, supplied=body.inputs).items():
                if name in body.inputs and expression.text != "None":
                    assert name in sample.inputs
                elif name in body.inputs:
                    assert name not in sample.inputs and given.get(name, NONE) == NONE
                else:
                    wanted = ast.dump(ast.parse(str(expression.text).strip(), mode="eval").body)
                    assert given.get(name) == wanted or wanted in placed, (id, name)


NONE = ast.dump(ast.Constant(None))
