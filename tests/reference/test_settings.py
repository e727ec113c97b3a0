"""Anomaly detection and threads of backward: set by a call, or for a block."""

from __future__ import annotations

import threading

import pytest


def leaf(torch, *values):
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def not_a_number(torch):
    """A scalar whose backward makes a nan, of values without any."""
    x = leaf(torch, 0.0)
    return x, (x.sqrt() * 0).sum()


def test_nan_is_an_error(torch):
    """While anomalies are detected, and only then; nothing is accumulated."""
    with torch.autograd.detect_anomaly():
        x, y = not_a_number(torch)
        with pytest.raises(RuntimeError):
            y.backward()
        assert x.grad is None
    x, y = not_a_number(torch)
    y.backward()
    assert x.grad.isnan().all()


def test_nan_need_not_be_an_error(torch):
    """With check_nan=False it is not."""
    with torch.autograd.detect_anomaly(check_nan=False):
        x, y = not_a_number(torch)
        y.backward()
        assert x.grad.isnan().all()


def test_the_setting_is_restored(torch):
    """After a block, also one that failed, and inside of another."""
    detect, switch = torch.autograd.detect_anomaly, torch.autograd.set_detect_anomaly
    with detect():
        assert torch.is_anomaly_enabled() and torch.is_anomaly_check_nan_enabled()
        with switch(False):
            assert not torch.is_anomaly_enabled()
        with pytest.raises(KeyError), switch(True, check_nan=False):
            assert not torch.is_anomaly_check_nan_enabled()
            raise KeyError
        assert torch.is_anomaly_enabled() and torch.is_anomaly_check_nan_enabled()
    assert not torch.is_anomaly_enabled()


def test_as_a_function(torch):
    """set_detect_anomaly holds from the call on."""
    torch.autograd.set_detect_anomaly(True)
    try:
        assert torch.is_anomaly_enabled()
        with pytest.raises(RuntimeError):
            not_a_number(torch)[1].backward()
    finally:
        torch.autograd.set_detect_anomaly(False)
    assert not torch.is_anomaly_enabled()
    not_a_number(torch)[1].backward()


def test_errors_of_backward_are_as_before(torch):
    """What a custom backward raises comes out unchanged."""

    class Failing(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            raise KeyError("mine")

    with torch.autograd.detect_anomaly(), pytest.raises(KeyError):
        Failing.apply(leaf(torch, 1.0)).sum().backward()


def test_backward_on_the_calling_thread(torch):
    """With multithreading switched off, hooks run on the thread that called backward."""
    x, seen = leaf(torch, 2.0), []
    x.register_hook(lambda g: seen.append(threading.get_ident()))
    with torch.autograd.grad_mode.set_multithreading_enabled(False):
        (x**2).sum().backward()
    assert seen == [threading.get_ident()] and x.grad.tolist() == [4]
    torch.autograd.set_multithreading_enabled(True)
    (x**2).sum().backward()
    assert x.grad.tolist() == [8]
