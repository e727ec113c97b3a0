"""Custom functions with a jvp and a rule for vmap, and what function transforms ask of them."""

from __future__ import annotations

import pytest

from reference_impls import Reference


def vector(torch, *values, **options):
    return torch.tensor(list(values), dtype=torch.float64, **options)


def tenfold(torch, **attributes):
    """A square whose derivatives are ten times too large, so that it shows who was asked."""

    class Tenfold(torch.autograd.Function):
        @staticmethod
        def forward(x, factor=1.0):
            return factor * x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(inputs[0])
            ctx.save_for_forward(inputs[0])
            ctx.inputs = len(inputs)

        @staticmethod
        def backward(ctx, g):
            return (20 * ctx.saved_tensors[0] * g, None)[: ctx.inputs]

        @staticmethod
        def jvp(ctx, t, of_factor=None):
            assert of_factor is None
            return 20 * ctx.saved_tensors[0] * t

    return type("Tenfold", (Tenfold,), attributes)


def test_jvp_in_every_forward_mode(torch):
    """Its own directional derivative is asked for, and can itself be differentiated."""
    square, func = tenfold(torch), torch.func
    x, t = vector(torch, 1.0, 2.0), vector(torch, 1.0, 10.0)
    assert func.jvp(square.apply, (x,), (t,))[1].tolist() == [20, 400]

    def slope(x):
        return func.jvp(lambda x: square.apply(x, 2.0), (x,), (t,))[1]

    assert func.grad(lambda x: slope(x).sum())(x).tolist() == [20, 200]
    assert func.jvp(func.grad(lambda x: square.apply(x).sum()), (x,), (t,))[1].tolist() == [20, 200]
    mapped = tenfold(torch, generate_vmap_rule=True)
    assert func.jacfwd(mapped.apply)(x).tolist() == [[20, 0], [0, 40]]
    assert func.linearize(square.apply, x)[1](t).tolist() == [20, 400]
    forward = torch.autograd.forward_ad
    with forward.dual_level():
        result = square.apply(forward.make_dual(x, t))
        assert forward.unpack_dual(result).tangent.tolist() == [20, 400]
        assert not result.requires_grad
        assert forward.unpack_dual(square.apply(x)).tangent is None
        with torch.no_grad():
            assert forward.unpack_dual(square.apply(forward.make_dual(x, t))).tangent.tolist() == [20, 400]


def test_forward_over_forward():
    """Of the reference alone: torch gives zeros (https://github.com/pytorch/pytorch/issues/197867)."""
    torch = Reference().torch
    x, t = vector(torch, 1.0, 2.0), vector(torch, 1.0, 10.0)
    square = tenfold(torch)

    def slope(x):
        return torch.func.jvp(square.apply, (x,), (t,))[1]

    assert torch.func.jvp(slope, (x,), (t,))[1].tolist() == [20, 2000]


def test_wrong_jvp(torch):
    """None at all, too many tangents, a tangent of another shape."""
    x = vector(torch, 1.0, 2.0)
    for jvp, error in (
        (lambda ctx, t, *_: (t, t), RuntimeError),
        (lambda ctx, t, *_: t[:1], RuntimeError),
    ):
        with pytest.raises(error):
            torch.func.jvp(tenfold(torch, jvp=staticmethod(jvp)).apply, (x,), (x,))

    class Without(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return 2 * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

    for call in (
        lambda: torch.func.jvp(Without.apply, (x,), (x,)),
        lambda: torch.func.grad(lambda x: Without.apply(x).sum())(x),
    ):
        with pytest.raises((RuntimeError, NotImplementedError)):
            call()


def test_generated_rule(torch):
    """The function on each slice, with its own derivatives."""
    square, func = tenfold(torch, generate_vmap_rule=True), torch.func
    x = vector(torch, 1.0, 2.0, 3.0)
    assert func.vmap(square.apply)(x).tolist() == [1, 4, 9]
    assert func.vmap(func.grad(square.apply))(x).tolist() == [20, 40, 60]
    assert func.grad(lambda x: func.vmap(square.apply)(x).sum())(x).tolist() == [20, 40, 60]
    assert func.vmap(lambda x: func.jvp(square.apply, (x,), (x,))[1])(x).tolist() == [20, 80, 180]


def test_own_rule(torch):
    """It gets the whole tensors; a derivative within the vmap is still that of the function."""
    calls, func = [], torch.func

    def rule(info, in_dims, x, factor=1.0):
        calls.append((info.batch_size, info.randomness, in_dims, tuple(x.shape), factor))
        return (factor * x * x).movedim(in_dims[0], -1), -1 if x.dim() == 1 else 1

    square = tenfold(torch, vmap=staticmethod(rule))
    x = torch.arange(6.0, dtype=torch.float64).reshape(2, 3)
    found = func.vmap(lambda c: square.apply(c, 2.0), in_dims=1, randomness="same")(x)
    assert found.tolist() == (2 * x**2).T.tolist()
    assert calls == [(3, "same", (1, None), (2, 3), 2.0)]
    slopes = func.vmap(func.grad(lambda c: square.apply(c).sum()), in_dims=1)(x)
    assert slopes.tolist() == (20 * x).T.tolist() and calls[-1][0] == 3 and len(calls) == 2
    outside = func.grad(lambda x: func.vmap(square.apply, in_dims=1)(x).sum())(x)
    assert outside.tolist() == (2 * x).tolist()  # of what the rule does


def test_rules_that_are_missing(torch):
    """No rule, two rules, and forward with ctx."""
    x = vector(torch, 1.0, 2.0)

    class Combined(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    both = {"generate_vmap_rule": True, "vmap": staticmethod(lambda info, in_dims, x: (x, 0))}
    for call in (
        lambda: torch.func.vmap(tenfold(torch).apply)(x),
        lambda: torch.func.vmap(tenfold(torch, **both).apply)(x),
        lambda: torch.func.vmap(tenfold(torch, vmap=staticmethod(lambda *a: a[2])).apply)(x),
        lambda: torch.func.vmap(Combined.apply)(x),
        lambda: torch.func.grad(lambda x: Combined.apply(x).sum())(x),
        lambda: torch.func.jvp(Combined.apply, (x,), (x,)),
    ):
        with pytest.raises((RuntimeError, ValueError)):
            call()
    assert Combined.apply(x).tolist() == [2, 4]
