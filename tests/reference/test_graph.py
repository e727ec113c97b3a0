"""``torch.autograd.graph``: edges, versions, and what becomes of saved tensors."""

from __future__ import annotations

import threading

import pytest


def leaf(torch, *values):
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def test_an_edge_stands_for_an_input(torch):
    """grad by an edge is grad by the tensor, of a leaf and of a result."""
    x = leaf(torch, 2.0)
    y = x * 3
    edges = [torch.autograd.graph.get_gradient_edge(t) for t in (x, y)]
    z = (y**2).sum()
    by_edges = torch.autograd.grad(z, edges, retain_graph=True)
    by_tensors = torch.autograd.grad(z, (x, y))
    assert [g.tolist() for g in by_edges] == [g.tolist() for g in by_tensors] == [[36], [12]]
    assert x.grad is None


def test_an_edge_stands_for_an_output(torch):
    """Backward starts at an edge, with a cotangent or, for a scalar, without one."""
    x = leaf(torch, 2.0, 3.0)
    edge = torch.autograd.graph.get_gradient_edge
    y = x**2
    torch.autograd.backward(edge(y), torch.tensor([1.0, 10.0], dtype=torch.float64), retain_graph=True)
    assert x.grad.tolist() == [4, 60]
    torch.autograd.backward([edge(y.sum())])
    assert x.grad.tolist() == [8, 66]
    with pytest.raises(RuntimeError):
        torch.autograd.backward(edge(x * 2))
    (g,) = torch.autograd.grad(edge(x.sum()), x)
    assert g.tolist() == [1, 1]


def test_backward_into_an_edge(torch):
    """An edge of a leaf as input of backward: only that leaf accumulates."""
    x, w = leaf(torch, 2.0), leaf(torch, 3.0)
    (x * w).sum().backward(inputs=[torch.autograd.graph.get_gradient_edge(x)])
    assert x.grad.tolist() == [3] and w.grad is None


def test_an_edge_keeps_no_tensor(torch):
    """It is a node and the number of a result; that of a leaf has the leaf."""
    x = leaf(torch, 2.0, 5.0)
    a, b = (x * 1).unbind()
    edge = torch.autograd.graph.get_gradient_edge(b)
    assert edge.node is b.grad_fn and edge.output_nr == 1 and a.grad_fn is edge.node
    assert torch.autograd.graph.get_gradient_edge(x).node.variable is x
    with pytest.raises(RuntimeError):
        torch.autograd.graph.get_gradient_edge(torch.ones(1))


def test_an_edge_made_by_hand(torch):
    """An edge can be written down from a node."""
    x = leaf(torch, 2.0)
    y = x * 5
    edge = torch.autograd.graph.GradientEdge(y.grad_fn, 0)
    assert torch.autograd.grad((y**2).sum(), edge)[0].tolist() == [20]


def test_unused_edges(torch):
    """As for tensors: an error, or None."""
    x, w = leaf(torch, 2.0), leaf(torch, 3.0)
    edge = torch.autograd.graph.get_gradient_edge(w)
    with pytest.raises(RuntimeError):
        torch.autograd.grad((x * 1).sum(), edge)
    assert torch.autograd.grad((x * 1).sum(), edge, allow_unused=True) == (None,)


def test_versions_by_hand(torch):
    """A write that autograd is told of is noticed like any other."""
    x = leaf(torch, 2.0)
    y = x * 1
    z = (y**2).sum()
    torch.autograd.graph.increment_version(y)
    assert y._version == 1
    with pytest.raises(RuntimeError):
        z.backward()
    torch.autograd.graph.increment_version([x, y])
    assert (x._version, y._version) == (1, 2)
    with torch.inference_mode():
        torch.autograd.graph.increment_version(torch.ones(1))


def test_disabled_saved_tensors_hooks(torch):
    """Using them is an error with the given message; afterwards they work."""
    graph = torch.autograd.graph
    with graph.disable_saved_tensors_hooks("not here"):
        for hooks in (graph.saved_tensors_hooks(lambda t: t, lambda t: t), graph.save_on_cpu()):
            with pytest.raises(RuntimeError, match="not here"), hooks:
                pass
        with (
            graph.disable_saved_tensors_hooks("inner"),
            pytest.raises(RuntimeError, match="inner"),
            graph.save_on_cpu(),
        ):
            pass
        with pytest.raises(RuntimeError, match="not here"), graph.save_on_cpu():
            pass
    x = leaf(torch, 3.0)
    with graph.save_on_cpu():
        y = x * x
    y.sum().backward()
    assert x.grad.tolist() == [6]


def test_nested_saved_tensors_hooks(torch):
    """Only the innermost pair is applied; errors of a hook come out; the outer pair is back afterwards."""
    seen = []

    def noting(word):
        return torch.autograd.graph.saved_tensors_hooks(
            lambda t: seen.append(word) or t.detach(), lambda t: t
        )

    def fail(tensor):
        raise KeyError("pack")

    x = leaf(torch, 3.0)
    with noting("outer"):
        with noting("inner"):
            x.exp()
        with pytest.raises(KeyError), torch.autograd.graph.saved_tensors_hooks(fail, lambda t: t):
            x.exp()
        x.exp()
    x.exp()
    assert seen == ["inner", "outer"]


def test_saved_tensors_hooks_belong_to_a_thread(torch):
    """Another thread does not see them."""
    seen = []
    x = leaf(torch, 3.0)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: seen.append(1) or t.detach(), lambda t: t):
        thread = threading.Thread(target=x.exp)
        thread.start()
        thread.join()
        assert not seen
        x.exp()
    assert seen == [1]


def test_unpacking(torch):
    """An unpack hook has to return a tensor, and runs once for each use."""
    x = leaf(torch, 3.0)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach(), lambda t: 3.0):
        y = x.exp()
    with pytest.raises(TypeError):
        y.backward()
    unpacked = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach(), lambda t: unpacked.append(1) or t):
        y = x.sin().sum()
    assert not unpacked
    y.backward(retain_graph=True)
    y.backward()
    assert unpacked == [1, 1]


def test_mutation_of_saved_tensors(torch):
    """Under the context manager backward sees the values that were saved, of inputs and of results."""
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        x = leaf(torch, 2.0)
        b = x.clone()
        e = b.exp()
        out = (b**2).sum() + e.sum()
        kept = e.item()
        b.sin_()
        e.mul_(0)
        b[0] = 100.0
        out.backward()
        assert abs(x.grad.item() - 4 - kept) < 1e-12 and b.tolist() == [100]
    b = x.clone()
    out = (b**2).sum()
    b.sin_()
    with pytest.raises(RuntimeError):
        out.backward()


def test_a_written_chain_of_saved_results(torch):
    """Each of several writes in place keeps the value that its own derivative needs."""
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        x = leaf(torch, 0.5)
        y = x * 1
        y.exp_()
        first = y.item()
        y.mul_(2)
        y.exp_()
        y.sum().backward()
        assert abs(x.grad.item() - y.item() * 2 * first) < 1e-9


def test_stream_warnings_can_be_set(torch):
    """It changes nothing that a program sees."""
    torch.autograd.graph.set_warn_on_accumulate_grad_stream_mismatch(True)


def test_what_a_node_saved(torch):
    """It can be looked at until it is freed; a result shares memory with what was returned."""
    x = leaf(torch, 2.0)
    y, z = x.pow(2), x.exp()
    assert y.grad_fn._saved_self is x
    assert z.grad_fn._saved_result.data_ptr() == z.data_ptr()
    assert z.grad_fn._saved_result.grad_fn is z.grad_fn
    (y + z).sum().backward()
    with pytest.raises(RuntimeError):
        _ = y.grad_fn._saved_self
    with pytest.raises(AttributeError):
        _ = (x * 2).sum().grad_fn._saved_what


def test_hooks_on_one_saved_tensor(torch):
    """The pack hook runs at once, the unpack hook at each use, and only for that tensor."""
    x, calls = leaf(torch, 2.0), []
    y = x * x.detach()
    raw = y.grad_fn._raw_saved_other
    raw.register_hooks(
        lambda t: calls.append("pack") or t.detach(), lambda t: calls.append("unpack") or t * 10
    )
    assert calls == ["pack"]
    y.sum().backward()
    assert calls == ["pack", "unpack"] and x.grad.tolist() == [20]
    z = x.exp()
    z.grad_fn._raw_saved_result.register_hooks(lambda t: t.detach(), lambda t: t)
    with pytest.raises(RuntimeError):
        z.grad_fn._raw_saved_result.register_hooks(lambda t: t.detach(), lambda t: t)


def test_saved_tensors_of_a_custom_function(torch):
    """Until backward frees them they can be read from its node."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            ctx.note = "own"
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * g * x

    x = leaf(torch, 3.0)
    y = Square.apply(x)
    assert y.grad_fn.saved_tensors[0] is x and y.grad_fn.note == "own"
    assert y.grad_fn.name() == "SquareBackward"
    y.sum().backward()
    with pytest.raises(RuntimeError):
        _ = y.grad_fn.saved_tensors
    assert x.grad.tolist() == [6]


def test_metadata_and_edges_of_nodes(torch):
    """A node has a dictionary for the user, and leads to the nodes of its inputs."""
    x, w = leaf(torch, 2.0), leaf(torch, 3.0)
    y = x.exp() * w
    node = y.grad_fn
    node.metadata["note"] = 1
    assert y.grad_fn.metadata == {"note": 1}
    (first, nr), (second, _) = node.next_functions
    assert first.name() == "ExpBackward0" and nr == 0
    assert second.variable is w and second.next_functions == ()
    assert isinstance(first, torch.autograd.graph.Node) and isinstance(second, torch.autograd.graph.Node)
    assert [edge for edge in (x * torch.ones(1, dtype=torch.float64)).grad_fn.next_functions][1] == (None, 0)
