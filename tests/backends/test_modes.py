"""Modes of torch: right where they are taken, an error where they are not."""

import pytest
import torch

from conformance.backends.torch_modes import MODES, ModeNotTaken, compiled, vmapped


@pytest.mark.parametrize("mode", MODES)
def test_value_and_gradient(mode):
    """A transformed function has the values and the gradients of the plain one."""

    def function(x, weight, *, scale=1.0):
        return scale * torch.tanh(x @ weight)

    x, weight = torch.randn(3, 4, requires_grad=True), torch.randn(4, 2, requires_grad=True)
    plain, seen = function(x, weight, scale=2.0), MODES[mode](function)(x, weight, scale=2.0)
    torch.testing.assert_close(seen, plain)
    for got, want in zip(
        torch.autograd.grad(seen.sum(), (x, weight)),
        torch.autograd.grad(plain.sum(), (x, weight)),
        strict=True,
    ):
        torch.testing.assert_close(got, want)


def test_several_results():
    """Tuples keep their structure, and integers their dtype."""
    values, indices = vmapped(lambda x: torch.max(x, 0))(torch.tensor([1.0, 3.0, 2.0]))
    assert (values.item(), indices.item(), indices.dtype) == (3.0, 1, torch.int64)


def test_compile_that_runs_eagerly():
    """Where the compiler stands aside, the mode was not taken."""
    function = compiled(torch.exp)
    with torch.compiler.set_stance("force_eager"), pytest.raises(ModeNotTaken, match="no graph was run"):
        function(torch.ones(2))


def test_compile_with_a_graph_break():
    """A function that cannot be captured whole is refused by torch itself."""

    def function(x):
        torch._dynamo.graph_break()
        return x + 1

    with pytest.raises(Exception, match="(?i)graph"):
        compiled(function)(torch.ones(2))


def test_compile_that_captures_nothing():
    """A function without an operator leaves no graph to run."""
    with pytest.raises(ModeNotTaken):
        compiled(lambda x: 3)(torch.ones(2))


def test_vmap_without_tensors():
    """There is nothing to map over."""
    with pytest.raises(ModeNotTaken, match="no tensor"):
        vmapped(lambda n: n + 1)(1)


def test_vmap_whose_slices_differ():
    """Two copies of one input have one result."""
    with pytest.raises(ModeNotTaken, match="slices differ"):
        vmapped(lambda x: x + torch.rand(3))(torch.ones(3))
