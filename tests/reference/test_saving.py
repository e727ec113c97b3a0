"""What composite definitions save: as if each were one operator."""

from __future__ import annotations

import pytest

OPERATORS = {
    "relu": (lambda x: x.relu(), False, True),
    "mean": (lambda x: x.mean(0), False, False),
    "log_softmax": (lambda x: x.log_softmax(0), False, True),
    "var": (lambda x: x.var(0), True, False),
    "std": (lambda x: x.std(0), True, True),
    "prod": (lambda x: x.prod(0), True, True),
    "clamp": (lambda x: x.clamp(0.25), True, False),
    "logsumexp": (lambda x: x.logsumexp(0), True, True),
}
"""With each whether writes to its input, and to its result, are noticed."""


def operands(torch, function):
    x = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64, requires_grad=True) * 1
    return x, function(x)


def refused(torch, x, y):
    try:
        torch.autograd.grad(y, x, torch.ones_like(y).detach())
    except RuntimeError:
        return True
    return False


@pytest.mark.parametrize("name", OPERATORS)
def test_writes_are_noticed(torch, name):
    """A write to what is saved is noticed, and no other."""
    function, of_input, of_result = OPERATORS[name]
    x, y = operands(torch, function)
    x.detach().mul_(2)
    assert refused(torch, x, y) is of_input
    x, y = operands(torch, function)
    y.detach().mul_(2)
    assert refused(torch, x, y) is of_result


def test_nothing_saved_is_nothing_freed(torch):
    """Through mean backward can be called again, through relu it cannot."""
    for name, again in (("mean", False), ("relu", True)):
        x, y = operands(torch, OPERATORS[name][0])
        assert not refused(torch, x, y)
        assert refused(torch, x, y) is again


def test_the_form_in_place(torch):
    """Its result is the written tensor: a further write is noticed."""
    x = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    y = x * 1
    y.relu_()
    y.sum().backward()
    assert x.grad.tolist() == [1, 0]
    y = x * 1
    y.relu_()
    y.mul_(2)
    with pytest.raises(RuntimeError):
        y.sum().backward()


def test_writes_may_be_allowed(torch):
    """Under allow_mutation_on_saved_tensors for these operators too."""
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        x, y = operands(torch, OPERATORS["relu"][0])
        y.mul_(0)
        z = x.relu()
        z.sum().backward()
        x, y = operands(torch, OPERATORS["relu"][0])
        total = y.sum()
        y.detach().mul_(0)
        (g,) = torch.autograd.grad(total, x)
        assert g.tolist() == [1, 0, 1]
