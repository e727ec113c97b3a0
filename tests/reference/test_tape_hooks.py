"""Hooks on tensors, on nodes, on leaves after accumulation, and on what is saved."""

from __future__ import annotations

import pytest

from reference_impls import Reference


def leaf(torch, *values):
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def test_tensor_hooks_run_in_order_and_replace(torch):
    """Each hook sees what the one before it returned."""
    x = leaf(torch, 1.0)
    seen = []
    x.register_hook(lambda g: seen.append(g.item()) or g * 2)
    x.register_hook(lambda g: seen.append(g.item()))
    x.register_hook(lambda g: g + 1)
    (x * 3).sum().backward()
    assert seen == [3, 6] and x.grad.tolist() == [7]


def test_hooks_of_a_leaf_run_for_grad_too(torch):
    """autograd.grad returns what the hooks left."""
    x = leaf(torch, 1.0)
    x.register_hook(lambda g: g * 10)
    assert torch.autograd.grad((x * 3).sum(), x)[0].tolist() == [30]


def test_handles_remove(torch):
    """A removed hook does not run; removing twice is harmless; a handle is a context manager."""
    x = leaf(torch, 1.0)
    handle = x.register_hook(lambda g: g * 2)
    handle.remove()
    handle.remove()
    with x.register_hook(lambda g: g * 5):
        (x * 1).sum().backward()
    (x * 1).sum().backward()
    assert x.grad.tolist() == [6]


def test_removal_while_running(torch):
    """A hook that is removed by another still takes part in the round that is under way."""
    x = leaf(torch, 1.0)
    seen, handles = [], []
    x.register_hook(lambda g: handles[0].remove())
    handles.append(x.register_hook(lambda g: seen.append("second")))
    (x * 1).sum().backward()
    (x * 1).sum().backward()
    assert seen == ["second"]


def test_hooks_stay_with_the_value(torch):
    """A hook registered before an in-place operator sees the gradient of the value before it."""
    x = leaf(torch, 1.0)
    y = x * 1
    seen = []
    y.register_hook(lambda g: seen.append(("before", g.item())))
    y.mul_(5)
    y.register_hook(lambda g: seen.append(("after", g.item())))
    (y * 3).sum().backward()
    assert seen == [("after", 3), ("before", 15)]


def test_hooks_of_a_written_view():
    """The same holds for a view, as documented. (torch 2.13 forgets such a hook.)"""
    torch = Reference().torch
    view = (leaf(torch, 1.0) * 1)[:1]
    seen = []
    view.register_hook(lambda g: seen.append(g.item()))
    view.mul_(5)
    (view * 3).sum().backward()
    assert seen == [15]


def test_retained_gradients(torch):
    """retain_grad keeps what the hooks left, follows in-place operators, and accumulates."""
    x = leaf(torch, 1.0)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.sum().backward(retain_graph=True)
    assert y.retains_grad and y.grad.tolist() == [10]
    y.sum().backward()
    assert y.grad.tolist() == [20]
    z = x * 2
    z.retain_grad()
    z.mul_(4)
    (z * 3).sum().backward()
    assert z.grad.tolist() == [3]


def test_retaining_needs_a_gradient(torch):
    """On a leaf it changes nothing; on a tensor without history it is an error."""
    with pytest.raises(RuntimeError):
        torch.ones(1).retain_grad()
    x = leaf(torch, 1.0)
    x.retain_grad()
    assert not x.retains_grad


def test_hooks_need_a_gradient(torch):
    """A tensor without gradient takes no hooks; only a leaf those that run after accumulation."""
    with pytest.raises(RuntimeError):
        torch.ones(1).register_hook(lambda g: g)
    with pytest.raises(RuntimeError):
        (leaf(torch, 1.0) * 2).register_post_accumulate_grad_hook(lambda t: None)


def test_post_accumulate_hooks(torch):
    """They get the leaf, with its gradient in place, and may free it."""
    x = leaf(torch, 1.0)
    seen = []

    def step(parameter):
        seen.append(parameter.grad.tolist())
        parameter.grad = None

    x.register_post_accumulate_grad_hook(step)
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    assert seen == [[2], [3]] and x.grad is None
    assert torch.autograd.grad((x * 2).sum(), x)[0].tolist() == [2] and len(seen) == 2


def test_node_hooks(torch):
    """Pre-hooks may replace what arrives, hooks what leaves."""
    x = leaf(torch, 2.0)
    y = x * 3
    seen = []
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 2,))
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs[0].item(), outputs[0].item())))
    handle = y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] + 1, *inputs[1:]))
    y.sum().backward(retain_graph=True)
    assert seen == [(6, 2)] and x.grad.tolist() == [7]
    handle.remove()
    y.sum().backward()
    assert x.grad.tolist() == [13]


def test_a_hook_may_differentiate(torch):
    """Under create_graph, what hooks do is recorded."""
    x = leaf(torch, 3.0)
    x.register_hook(lambda g: g * g)
    (g,) = torch.autograd.grad((x**2).sum(), x, create_graph=True)
    assert g.tolist() == [36]
    assert g.requires_grad


def test_wrong_hooks(torch):
    """A hook that changes the shape is refused."""
    x = leaf(torch, 1.0)
    x.register_hook(lambda g: g.expand(2))
    with pytest.raises(RuntimeError):
        (x * 1).sum().backward()


def test_saved_tensors_hooks(torch):
    """Whatever is saved passes through the hooks, which also answer for what they return."""
    x = leaf(torch, 2.0)
    packed = []

    def pack(tensor):
        packed.append(tensor)
        return len(packed) - 1

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda i: packed[i] * 10):
        y = (x * x).sum()
    assert [t.tolist() for t in packed] == [[2], [2]]
    (x * x).sum().backward()
    assert len(packed) == 2 and x.grad.tolist() == [4]
    y.backward()
    assert x.grad.tolist() == [44]


def test_multi_grad_hooks(torch):
    """One call with all gradients, when the last of them is there."""
    x, w, unused = leaf(torch, 1.0), leaf(torch, 2.0), leaf(torch, 3.0)
    seen = []
    hook = seen.append
    torch.autograd.graph.register_multi_grad_hook((x, w, unused), lambda grads: hook(grads))
    (x * w).sum().backward()
    assert [g if g is None else g.item() for g in seen[0]] == [2, 1, None] and len(seen) == 1
    (x * w * unused).sum().backward()
    assert [g.item() for g in seen[1]] == [6, 3, 2]
