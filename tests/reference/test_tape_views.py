"""Views and in-place operators: what is shared, what is recorded, what is refused."""

from __future__ import annotations

import pytest

from reference_impls import Reference


def leaf(torch, *values):
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def test_views_share_memory_and_versions(torch):
    """A write to a view is a write to its base, and counts for both."""
    x = torch.zeros(4)
    v, w = x[1:3], x.view(2, 2)
    v.add_(1)
    assert x.tolist() == [0, 1, 1, 0] and w.tolist() == [[0, 1], [1, 0]]
    assert x._version == v._version == w._version == 1
    assert v._base is x and v._is_view() and not x._is_view()


def test_write_to_a_view_reaches_the_history_of_the_base(torch):
    """The written part of the base gets the gradient of what was written."""
    x, w = leaf(torch, 1.0, 2.0, 3.0), leaf(torch, 5.0)
    b = x * 1
    v = b[1:2]
    v.mul_(w)
    b.sum().backward()
    assert b.tolist() == [1, 10, 3] and x.grad.tolist() == [1, 5, 1] and w.grad.tolist() == [2]


def test_write_to_the_base_renews_its_views(torch):
    """A view that was made before sees the base's new history."""
    x = leaf(torch, 1.0, 2.0)
    b = x * 1
    v = b[:1]
    b.mul_(3)
    v.sum().backward()
    assert x.grad.tolist() == [3, 0]


def test_a_view_of_memory_that_starts_to_require_grad(torch):
    """Writing a recorded value into a plain tensor makes its views recorded too."""
    w = leaf(torch, 2.0)
    b = torch.zeros(2, dtype=torch.float64)
    v = b[:1]
    b.add_(w)
    assert v.requires_grad
    (v * 3).sum().backward()
    assert w.grad.tolist() == [3]


def test_assignment_by_index(torch):
    """x[i] = v: the old values get no gradient, the new ones that of where they are."""
    x, w = leaf(torch, 1.0, 2.0, 3.0), leaf(torch, 7.0)
    for index in (0, slice(0, 1), torch.tensor([0]), torch.tensor([True, False, False])):
        b = x * 2
        b[index] = w[0]
        x.grad = w.grad = None
        (b * torch.tensor([10.0, 1.0, 1.0], dtype=torch.float64)).sum().backward()
        assert b.tolist() == [7, 4, 6] and x.grad.tolist() == [0, 2, 2] and w.grad.tolist() == [10]


def test_zero_and_fill_cut_the_gradient(torch):
    """The history goes on, with a gradient of zero."""
    x = leaf(torch, 1.0)
    y = x * 1
    y.zero_()
    assert y.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [0]


def test_copy(torch):
    """copy_ broadcasts, converts, and hands the gradient to its source."""
    w = leaf(torch, 2.0)
    y = torch.zeros(3, dtype=torch.float64)
    y.copy_(w)
    y.sum().backward()
    assert w.grad.tolist() == [3]
    n = torch.zeros(2, dtype=torch.int64)
    n.copy_(torch.tensor([1.5, -1.5]))
    assert n.tolist() == [1, -1]


@pytest.mark.parametrize(
    "write",
    [
        lambda torch, x: x.add_(1),
        lambda torch, x: x[0:1].add_(1),
        lambda torch, x: x.__setitem__(0, 2.0),
        lambda torch, x: x.view(-1).mul_(2),
    ],
)
def test_leaves_are_protected(torch, write):
    """A leaf that requires grad, and views of it, are only written to without recording."""
    x = leaf(torch, 1.0)
    with pytest.raises(RuntimeError):
        write(torch, x)
    assert x.tolist() == [1.0]
    with torch.no_grad():
        write(torch, x)
    assert x._version == 1 and x.tolist() == [2.0]


def test_results_of_operators_with_several_views_are_protected(torch):
    """unbind, split and chunk return views that recorded operators may not modify."""
    x = torch.ones(4, dtype=torch.float64, requires_grad=True)
    for name, argument in (("unbind", 0), ("split", 2), ("chunk", 2)):
        part = getattr(x * 1, name)(argument)[0]
        with pytest.raises(RuntimeError):
            part.mul_(2)


def test_views_made_without_recording_are_protected(torch):
    """A view made under no_grad is not modified under recording."""
    b = torch.ones(2, dtype=torch.float64, requires_grad=True) * 1
    with torch.no_grad():
        v = b[:1]
        v.mul_(3)
    with pytest.raises(RuntimeError):
        v.mul_(leaf(torch, 2.0))


def test_expanded_memory_is_protected(torch):
    """An element that stands for several cannot be written to by arithmetic."""
    with pytest.raises(RuntimeError):
        torch.ones(1, 3).expand(2, 3).add_(1)


def test_parts_of_expanded_memory_are_protected():
    """Whoever wants to write has to clone first, as the documentation of expand asks (torch lets it pass)."""
    torch = Reference().torch
    with pytest.raises(RuntimeError):
        torch.ones(1, 3).expand(2, 3)[0] = 5.0


def test_partly_shared_memory_is_refused(torch):
    """An operator does not read what it is overwriting at another place."""
    x = torch.arange(4.0)
    with pytest.raises(RuntimeError):
        x[1:].add_(x[:-1])


def test_in_place_results_have_to_fit(torch):
    """The result keeps the tensor's category and shape."""
    n = torch.ones(2, dtype=torch.int64)
    with pytest.raises(RuntimeError):
        n.mul_(1.5)
    with pytest.raises(RuntimeError):
        n.add_(torch.ones(3, 2, dtype=torch.int64))
    n += 2
    assert n.tolist() == [3, 3] and n.dtype is torch.int64


def test_versions_count_every_write(torch):
    """Under no_grad too."""
    x = torch.ones(2)
    x.add_(1)
    x[0] = 3
    with torch.no_grad():
        x.zero_()
    x.detach().fill_(1)
    assert x._version == 4


def test_in_place_result_is_what_backward_uses(torch):
    """exp_ saves the tensor it wrote to, and watches it."""
    x = leaf(torch, 0.0)
    y = x * 1
    y.exp_()
    y.sum().backward(retain_graph=True)
    assert x.grad.tolist() == [1]
    y.mul_(2)
    with pytest.raises(RuntimeError, match="modified"):
        y.sum().backward()


def test_second_derivative_through_a_written_view(torch):
    """What copies a slice into its base can be differentiated again."""
    x = leaf(torch, 1.0, 2.0)
    b = x * 1
    b[1:].mul_(b[:1].clone() * x[1:])
    (g,) = torch.autograd.grad(b.sum(), x, create_graph=True)
    assert g.tolist() == [5, 4]
    assert torch.autograd.grad(g[1], x)[0].tolist() == [4, 2]


def test_detach_in_place_is_not_for_views(torch):
    """A view cannot leave the graph without its base."""
    b = torch.ones(2, requires_grad=True) * 1
    with pytest.raises(RuntimeError):
        b[:1].detach_()


def test_transposed_base(torch):
    """A write through a reshaped view of a base that is not contiguous."""
    x = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    b = (x * 1).t()
    b.t().view(-1)[1:3].mul_(5)
    b.sum().backward()
    assert x.grad.tolist() == [[1, 5, 5], [1, 1, 1]]
