"""torch.func.vmap: dimensions, structures, randomness, refusals."""

from __future__ import annotations

import pytest


def matrix(torch):
    return torch.arange(6.0, dtype=torch.float64).reshape(2, 3)


def test_the_function_runs_once(torch):
    """Side effects happen once, whatever the number of slices."""
    calls = []

    def double(x):
        calls.append(x.shape)
        return 2 * x

    assert torch.func.vmap(double)(matrix(torch)).tolist() == [[0, 2, 4], [6, 8, 10]]
    assert calls == [(3,)]
    torch.func.vmap(double, chunk_size=1)(matrix(torch))
    assert len(calls) == 3


def test_dimensions(torch):
    """In and out, negative ones too, one for all or one for each."""
    x, vmap = matrix(torch), torch.func.vmap
    assert vmap(lambda c: c.sum(), in_dims=-1)(x).tolist() == [3, 5, 7]
    assert vmap(lambda r: r, out_dims=-1)(x).tolist() == x.T.tolist()
    first, second = vmap(lambda r, c: (r + 1, r * c), in_dims=(0, None), out_dims=(1, 0))(
        x, torch.tensor(2.0, dtype=torch.float64)
    )
    assert first.tolist() == (x + 1).T.tolist() and second.tolist() == (2 * x).tolist()


def test_structures(torch):
    """Dicts and tuples of inputs and results; keyword arguments are not mapped."""
    x, vmap = matrix(torch), torch.func.vmap

    def function(pair, scale):
        return {"sum": pair["x"] + pair["y"][0], "scaled": pair["x"] * scale}

    y = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64)
    result = vmap(function, in_dims=({"x": 0, "y": None}, None))({"x": x, "y": (y,)}, 2.0)
    assert result["sum"].tolist() == (x + 1).tolist() and result["scaled"].tolist() == (2 * x).tolist()
    assert vmap(lambda x, scale=1.0: x * scale)(x, scale=x).shape == (2, 2, 3)


def test_results_that_depend_on_no_slice(torch):
    """They are repeated, unless out_dims is None; of a mapped result None is refused."""
    x, vmap = matrix(torch), torch.func.vmap
    c = torch.tensor([1.0, 2.0])
    assert vmap(lambda r: c)(x).tolist() == [[1, 2], [1, 2]]
    assert vmap(lambda r: (c, r), out_dims=(None, 0))(x)[0].tolist() == [1, 2]
    with pytest.raises(ValueError):
        vmap(lambda r: r, out_dims=None)(x)


def test_nested(torch):
    """A vmap within a vmap; the inner one captures a slice of the outer."""
    x, vmap = matrix(torch), torch.func.vmap
    assert vmap(vmap(lambda e: e + 1))(x).tolist() == (x + 1).tolist()
    products = vmap(lambda r: vmap(lambda e: e * r)(r))(x)
    assert products.tolist() == (x[:, :, None] * x[:, None, :]).tolist()
    assert vmap(vmap(torch.dot, in_dims=(None, 1)), in_dims=(0, None))(x, x.T).tolist() == (x @ x.T).tolist()


def test_chunks(torch):
    """The same result in pieces."""
    x = torch.arange(5.0)
    for size in (1, 2, 5, 7):
        assert torch.func.vmap(lambda e: e * 2, chunk_size=size)(x).tolist() == [0, 2, 4, 6, 8]
    for size in (0, -1):
        with pytest.raises(ValueError):
            torch.func.vmap(lambda e: e, chunk_size=size)


def test_wrong_inputs(torch):
    """Sizes that differ, nothing to map, structures and dimensions that do not fit."""
    x, vmap = matrix(torch), torch.func.vmap
    for call in (
        lambda: vmap(torch.add)(x, x.T),
        lambda: vmap(torch.add, in_dims=(None, None))(x, x),
        lambda: vmap(lambda: x)(),
        lambda: vmap(torch.add, in_dims=(0,))(x, x),
        lambda: vmap(torch.sin, in_dims=2)(x),
        lambda: vmap(lambda x, k: x * k)(x, 2.0),
        lambda: vmap(torch.sin, in_dims="0")(x),
        lambda: vmap(lambda r: (r, r), out_dims=(0, 0, 0))(x),
        lambda: vmap(lambda r: 1.0)(x),
    ):
        with pytest.raises(ValueError):
            call()
    with pytest.raises(RuntimeError):
        vmap(torch.sin, randomness="some")


def test_values_cannot_be_looked_at(torch):
    """item and control flow on a mapped tensor are refused; on one that is not mapped they are not."""
    x, vmap = matrix(torch), torch.func.vmap
    k = torch.tensor(2.0)
    assert vmap(lambda r: r * k.item() if k > 1 else r)(x).tolist() == (2 * x).tolist()
    for look in (
        lambda e: e.item(),
        lambda e: e if e > 0 else -e,
        lambda e: e * float(e),
        lambda e: torch.tensor(e.tolist()),
        lambda e: e.nonzero(),
    ):
        with pytest.raises(RuntimeError):
            vmap(vmap(look))(x)
    assert vmap(lambda r: r + 1)(x).tolist() == (x + 1).tolist()  # nothing is left of the refused ones


def test_writes(torch):
    """A slice can be written to, and so can what is made like it; a tensor without slices cannot."""
    x, vmap = matrix(torch), torch.func.vmap
    y = x.clone()
    assert vmap(lambda a, b: a.add_(b))(y, x).tolist() == (2 * x).tolist() == y.tolist()
    captured = torch.zeros(3, dtype=torch.float64)
    for write in (
        lambda r: captured.add_(r),
        lambda r: captured.copy_(r),
        lambda r: torch.zeros(3, dtype=torch.float64).mul_(r),
        lambda r: captured.__setitem__(0, r[0]),
    ):
        with pytest.raises(RuntimeError):
            vmap(write)(x)
    assert captured.tolist() == [0, 0, 0]

    def diagonal(r):
        result = r.new_zeros(3, 3)
        result.diagonal().copy_(r)
        result[0, 1] = r[1]
        return result

    expected = torch.stack([torch.diag(row) for row in x])
    expected[:, 0, 1] = x[:, 1]
    assert vmap(diagonal)(x).tolist() == expected.tolist()


def test_randomness(torch):
    """Refused, the same in every slice, or different."""
    x, vmap = torch.zeros(4, 3), torch.func.vmap

    def noisy(r):
        return r + torch.rand(3)

    for draw in (
        noisy,
        lambda r: (
            torch.nn.functional.dropout(r, 0.5) if hasattr(torch.nn.functional, "dropout") else noisy(r)
        ),
        lambda r: torch.rand_like(r),
        lambda r: r.new_zeros(3).uniform_(),
    ):
        with pytest.raises(RuntimeError):
            vmap(draw)(x)
    same = vmap(noisy, randomness="same")(x)
    assert (same == same[0]).all() and len(set(same[0].tolist())) == 3
    different = vmap(noisy, randomness="different")(x)
    assert len(set(different.flatten().tolist())) == 12
    like = vmap(lambda r: torch.rand_like(r), randomness="different")(x)
    assert len(set(like.flatten().tolist())) == 12
    chunked = vmap(noisy, randomness="same", chunk_size=2)(x)
    assert (chunked == chunked[0]).all()
    torch.manual_seed(1)
    once = vmap(noisy, randomness="different")(x)
    torch.manual_seed(1)
    assert vmap(noisy, randomness="different")(x).tolist() == once.tolist()
    assert torch.rand(3).shape == (3,)  # the generator is back


def test_with_derivatives(torch):
    """Per-sample gradients, gradients through vmap, directional derivatives, and of captured tensors."""
    x, (vmap, grad, jvp) = matrix(torch), (torch.func.vmap, torch.func.grad, torch.func.jvp)
    w = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)

    def loss(w, r):
        return (w * r).sum() ** 2

    expected = 2 * (x @ w.detach())[:, None] * x
    assert vmap(grad(loss), in_dims=(None, 0))(w, x).tolist() == expected.tolist()
    assert grad(lambda w: vmap(loss, in_dims=(None, 0))(w, x).sum())(w).tolist() == expected.sum(0).tolist()
    vmap(lambda r: loss(w, r))(x).sum().backward()
    assert w.grad.tolist() == expected.sum(0).tolist()
    slopes = vmap(lambda r: jvp(lambda r: r**3, (r,), (torch.ones_like(r),))[1])(x)
    assert slopes.tolist() == (3 * x**2).tolist()
    assert jvp(vmap(lambda r: r**3), (x,), (torch.ones_like(x),))[1].tolist() == (3 * x**2).tolist()
    assert vmap(torch.func.jacrev(lambda r: r**2))(x).shape == (2, 3, 3)
    assert vmap(torch.func.hessian(lambda r: (r**3).sum()))(x)[1].tolist() == torch.diag(6 * x[1]).tolist()


def test_batched_cotangents(torch):
    """autograd.grad within a vmap over its cotangents, and with is_grads_batched."""
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x**2
    eye = torch.eye(3)
    rows = torch.func.vmap(lambda v: torch.autograd.grad(y, x, v, retain_graph=True)[0])(eye)
    assert rows.tolist() == [[2, 0, 0], [0, 4, 0], [0, 0, 6]]
    (again,) = torch.autograd.grad(y, x, eye, is_grads_batched=True)
    assert again.tolist() == rows.tolist()


def test_nothing_to_map(torch):
    """A dimension of size zero."""
    assert torch.func.vmap(lambda r: r.sum())(torch.zeros(0, 3)).shape == (0,)
    assert torch.func.vmap(lambda r: r * 2, out_dims=1)(torch.zeros(0, 3)).shape == (3, 0)


def test_what_is_inside(torch):
    """The tensor of all slices, for debugging."""
    x, seen = matrix(torch), []
    torch.func.vmap(lambda r: seen.append(torch.func.debug_unwrap(r)) or r)(x)
    torch.func.vmap(torch.func.vmap(lambda e: seen.append(torch.func.debug_unwrap(e)) or e))(x)
    assert [tensor.tolist() for tensor in seen] == [x.tolist()] * 2
