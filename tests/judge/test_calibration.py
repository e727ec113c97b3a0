"""The judge's numbers still hold: on a few programs torch strays by less than the factor."""

from __future__ import annotations

import pytest

from conformance import judge

from . import calibration


@pytest.mark.parametrize("family", ["matmul", "convolution", "mlp"])
def test_errors_are_below_the_factor(family):
    """With all noisy runs no error of these programs reaches half of the tolerance."""
    lines = list(calibration.measured([f"{family}"], ("float32", "bfloat16")))
    lines = [line for line in lines if line.family == family]
    assert lines and not any(line.undecided or line.wrong for line in lines)
    _, _, most = calibration.largest(lines, "many")
    assert most < judge.FACTOR


def test_tables():
    """The tables have a row for each family and each dtype, and what is wrong is named."""
    lines = list(calibration.measured(["softplus"], ("float64", "float32")))
    text = "\n".join(calibration.tables(lines))
    assert (
        "| torch.nn.functional.softplus |" in text
        and "| float32 |" in text
        and "| noisy runs needed |" in text
    )
    lines[0].error = lines[0].error + 1e9
    assert any(line.startswith("- refused") for line in calibration.remarks(lines, 1.0))
