"""Views by sizes and strides of memory."""

from __future__ import annotations

import pytest


def leaf(torch):
    return torch.arange(12, dtype=torch.float64).reshape(3, 4).requires_grad_()


def test_any_part_of_memory(torch):
    """Sizes, steps and a beginning; by default it begins where the tensor does."""
    x = torch.arange(12, dtype=torch.float64).reshape(3, 4)
    assert x.as_strided((2, 2), (1, 2)).tolist() == [[0, 2], [1, 3]]
    assert torch.as_strided(x, (2, 2), (4, 1), 5).tolist() == [[5, 6], [9, 10]]
    part = x[1:, 1:]
    assert part.storage_offset() == 5 and x.storage_offset() == 0
    assert part.as_strided((2,), (1,)).tolist() == [5, 6]
    assert part.as_strided((2,), (1,), 0).tolist() == [0, 1]
    assert x.t().as_strided((3,), (1,)).tolist() == [0, 1, 2]
    assert part.as_strided((2,), (3,), 0).as_strided((2,), (4,)).tolist() == [0, 4]


def test_it_shares_memory(torch):
    """A write goes both ways, and has a history."""
    x = leaf(torch)
    b = x * 1
    v = b.as_strided((2,), (5,), 1)
    v.mul_(10)
    b.sum().backward()
    assert b.tolist()[0][1] == 10 and b.tolist()[1][2] == 60 and v._base is b
    assert x.grad.tolist() == [[1, 10, 1, 1], [1, 1, 10, 1], [1, 1, 1, 1]]


def test_gradients_add_up_where_elements_meet(torch):
    """An element that is read several times gets the sum."""
    x = leaf(torch)
    (
        x.as_strided((2, 2), (1, 1)) * torch.tensor([[1.0, 2.0], [4.0, 8.0]], dtype=torch.float64)
    ).sum().backward()
    assert x.grad.tolist() == [[1, 6, 8, 0], [0] * 4, [0] * 4]


def test_second_order(torch):
    """The adjoint can be differentiated."""
    x = leaf(torch)
    y = (x.as_strided((3,), (2,), 1) ** 3).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    assert h.tolist() == [[0, 6, 0, 18], [0, 30, 0, 0], [0] * 4]


def test_of_a_transposed_tensor(torch):
    """Steps are those of memory, whatever the order of dimensions."""
    x = leaf(torch)
    (x * 1).t().as_strided((2, 2), (1, 2)).sum().backward()
    assert x.grad.tolist() == [[1, 1, 1, 1], [0] * 4, [0] * 4]


def test_what_is_refused(torch):
    """Memory that is not there, negative steps, and lists of different lengths."""
    x = leaf(torch)
    for wrong in (
        ((13,), (1,)),
        ((2,), (12,)),
        ((2,), (-1,)),
        ((2,), (1, 1)),
        ((2,), (1,), -1),
        ((2,), (1,), 11),
    ):
        with pytest.raises(RuntimeError):
            x.as_strided(*wrong)
