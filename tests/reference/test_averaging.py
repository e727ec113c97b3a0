"""Averages of weights on the reference, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from conformance.assemble.averaging import averaging_names, equal, exponential
from reference_impls import Reference

VALUES = np.cos(np.arange(24.0)).reshape(8, 3)


def reference() -> Reference:
    made = Reference()
    for name, value in averaging_names(made).items():
        made.define(name, value)
    return made


def test_equal_weights_give_the_mean():
    """The running form, one value after the other."""
    average = VALUES[0]
    for count, value in enumerate(VALUES[1:], 1):
        average = equal(average, value, count)
    np.testing.assert_allclose(average, VALUES.mean(0), rtol=1e-14)


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.999, 1.0])
def test_exponential_weights(decay):
    """Each value weighs (1 - decay) times a power of the decay, and the first what is left of one."""
    average = VALUES[0]
    for value in VALUES[1:]:
        average = exponential(decay)(average, value, None)
    weights = (1 - decay) * decay ** np.arange(7.0, -1, -1)
    weights[0] = decay**7
    np.testing.assert_allclose(average, weights @ VALUES, rtol=1e-13)


@pytest.mark.parametrize("options", [{}, {"avg_fn": exponential(0.75)}, {"use_buffers": True}])
def test_models(options):
    """A model of one parameter follows the function that it is given."""
    torch = reference().torch
    model = torch.nn.Module()
    model.weight = torch.nn.Parameter(torch.zeros(3, dtype=torch.float64))
    averaged = torch.optim.swa_utils.AveragedModel(model, **options)
    average = VALUES[0]
    for count, value in enumerate(VALUES):
        with torch.no_grad():
            model.weight.copy_(torch.tensor(value))
        averaged.update_parameters(model)
        average = options.get("avg_fn", equal)(average, value, count) if count else value
    np.testing.assert_allclose(averaged.module.weight.array, average, rtol=1e-14)
    assert int(averaged.n_averaged) == len(VALUES)
