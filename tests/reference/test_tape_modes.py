"""Grad modes."""

from __future__ import annotations

import threading

import pytest

from reference_impls import Reference


def test_no_grad_and_enable_grad(torch):
    """They nest, and restore what they found, after an exception too."""
    x = torch.ones(1, requires_grad=True)
    with torch.no_grad():
        assert not (x * 2).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad
        assert not torch.is_grad_enabled()
    with pytest.raises(KeyError), torch.no_grad():
        raise KeyError
    assert torch.is_grad_enabled()


def test_views_made_without_recording():
    """They do not require grad, as every result of a computation in this mode. (torch 2.13 says they do.)"""
    torch = Reference().torch
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        assert not x[:1].requires_grad


def test_factories_keep_their_flag(torch):
    """no_grad does not change what is asked for explicitly."""
    with torch.no_grad():
        assert torch.ones(1, requires_grad=True).requires_grad


def test_decorators(torch):
    """With and without parentheses, on functions and on generators."""
    x = torch.ones(1, requires_grad=True)

    @torch.no_grad()
    def quiet():
        return (x * 2).requires_grad

    @torch.no_grad
    def bare():
        return (x * 2).requires_grad

    @torch.no_grad()
    def generator():
        got = yield torch.is_grad_enabled()
        yield got, torch.is_grad_enabled()

    assert not quiet() and not bare() and torch.is_grad_enabled()
    running = generator()
    assert next(running) is False and torch.is_grad_enabled()
    assert running.send("sent") == ("sent", False) and torch.is_grad_enabled()


def test_set_grad_enabled(torch):
    """As a call it holds at once; as a context it is undone; as a decorator it waits."""
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    decorated = torch.set_grad_enabled(False)(torch.is_grad_enabled)
    assert torch.is_grad_enabled() and not decorated()


def test_inference_mode(torch):
    """What is made there has no versions and takes no part in autograd."""
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        x = torch.ones(2) * 2
        assert x.is_inference() and not torch.is_grad_enabled()
        x.add_(1)
        y = x * 1
        v = w[:1]
        assert not v.is_inference()
    with pytest.raises(RuntimeError):
        _ = x._version
    with pytest.raises(RuntimeError):
        y.add_(1)
    with pytest.raises(RuntimeError):
        (x * w).sum().backward()
    (x.clone() * w).sum().backward()
    assert w.grad.tolist() == [3, 3]


def test_modes_belong_to_a_thread(torch):
    """Another thread starts with recording on."""
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]
