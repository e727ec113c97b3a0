"""The gradient scaler against a state machine of a few lines, on histories that hypothesis finds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.assemble import assemble
from conformance.spec import load
from reference_impls import Reference

SPECS = Path(__file__).parents[2] / "specs"

EVENTS = st.lists(st.sampled_from(["fine", "overflow", "partly", "save", "set"]), max_size=30)


@pytest.fixture(scope="module", params=["reference", "torch"])
def torch(request):
    """A namespace with an optimizer in it: the reference's, then the real one."""
    if request.param == "torch":
        return pytest.importorskip("torch")
    return assemble([load(SPECS / "torch/optim/SGD.yaml")], Reference()).torch


def expected(events, growth, backoff, interval):
    """The scale after each event, the steps of two optimizers, by the words of the documentation."""
    scale, in_a_row, steps, scales = 64.0, 0, [0, 0], []
    for event in events:
        if event == "set":
            scale = 64.0
        elif event in ("fine", "overflow", "partly"):
            steps[0] += event != "overflow"
            steps[1] += event == "fine"
            in_a_row = in_a_row + 1 if event == "fine" else 0
            scale *= 1.0 if event == "fine" else backoff
            if in_a_row == interval:
                scale, in_a_row = scale * growth, 0
        scales.append(scale)
    return scales, steps


@settings(deadline=None, max_examples=60)
@given(EVENTS, st.sampled_from([2.0, 4.0]), st.sampled_from([0.5, 0.25]), st.integers(1, 4))
def test_any_history(torch, events, growth, backoff, interval):
    """Scales, steps and parameters follow, also through states that are saved and loaded."""
    scaler = torch.amp.GradScaler("cpu", 64.0, growth, backoff, interval)
    weights = [torch.zeros(1, dtype=torch.float64).requires_grad_() for _ in range(2)]
    optimizers = [torch.optim.SGD([weight], lr=1.0) for weight in weights]
    scales = []
    for event in events:
        if event == "save":
            state, scaler = scaler.state_dict(), torch.amp.GradScaler("cpu")
            scaler.load_state_dict(state)
        elif event == "set":
            scaler.scale(weights[0])
            scaler.update(64.0)
        else:
            slopes = {"fine": (1.0, 1.0), "overflow": (math.inf, math.nan), "partly": (1.0, -math.inf)}[event]
            for weight, optimizer, slope in zip(weights, optimizers, slopes, strict=True):
                optimizer.zero_grad()
                with np.errstate(invalid="ignore"):
                    scaler.scale((weight * slope).sum()).backward()
                scaler.step(optimizer)
            scaler.update()
        scales.append(scaler.get_scale())
    wanted, steps = expected(events, growth, backoff, interval)
    assert scales == wanted
    assert [-weight.item() for weight in weights] == steps
