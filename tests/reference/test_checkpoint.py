"""Checkpoints: what backward needs is computed again, and the result is as without them."""

from __future__ import annotations

import contextlib

import pytest

from reference_impls import Reference

BOTH = pytest.mark.parametrize("use_reentrant", [True, False])


def load(torch):
    if not isinstance(torch, type(pytest)):
        return torch.utils.checkpoint
    import torch.utils.checkpoint

    return torch.utils.checkpoint


def leaf(torch, *values):
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


@BOTH
def test_gradients_and_runs(torch, use_reentrant):
    """The function runs once, and again in backward; gradients reach inputs and weights."""
    x, w, runs = leaf(torch, 2.0), leaf(torch, 3.0), []

    def f(a, n):
        runs.append(torch.is_grad_enabled())
        return (a * w).sin() * n

    y = load(torch).checkpoint(f, x * 1, 4, use_reentrant=use_reentrant)
    assert runs == [not use_reentrant]
    y.sum().backward()
    plain = ((x * w).sin() * 4).sum()
    assert [g.item() for g in torch.autograd.grad(plain, (x, w))] == [x.grad.item(), w.grad.item()]
    assert runs == [not use_reentrant, True]


def test_all_ways_of_backward(torch):
    """Without reentrance: grad, inputs, create_graph, retained graphs and keyword arguments."""
    x, w = leaf(torch, 2.0), leaf(torch, 3.0)
    checkpoint = load(torch).checkpoint

    def f(a, *, b):
        return a**3 * b

    y = checkpoint(f, x, b=w, use_reentrant=False).sum()
    assert torch.autograd.grad(y, x, retain_graph=True)[0].item() == 36
    y.backward(inputs=[w], retain_graph=True)
    assert w.grad.item() == 8 and x.grad is None
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert torch.autograd.grad(g, x)[0].item() == 36


def test_reentrant_needs_backward(torch):
    """The reentrant variant works with backward without inputs only, and without keyword arguments."""
    x = leaf(torch, 2.0)
    checkpoint = load(torch).checkpoint
    for ask in (
        lambda y: torch.autograd.grad(y, x),
        lambda y: y.backward(inputs=[x]),
    ):
        with pytest.raises(RuntimeError):
            ask(checkpoint(lambda a: a**2, x, use_reentrant=True).sum())
    assert x.grad is None
    with pytest.raises(ValueError):
        checkpoint(lambda a, b: a, x, b=x, use_reentrant=True)
    with pytest.raises(ValueError):
        checkpoint(lambda a: a, x, use_reentrant=True, context_fn=lambda: None)


def test_reentrant_needs_an_input_that_requires_grad(torch):
    """Else the weights inside get no gradient; the other variant does without."""
    x, w = torch.ones(1, dtype=torch.float64), leaf(torch, 3.0)
    checkpoint = load(torch).checkpoint
    assert not checkpoint(lambda a: a * w, x, use_reentrant=True).requires_grad
    checkpoint(lambda a: a * w, x, use_reentrant=False).sum().backward()
    assert w.grad.tolist() == [1]


def test_nested_structures(torch):
    """Only the variant without reentrance sees tensors inside of lists."""
    x = leaf(torch, 3.0)
    checkpoint = load(torch).checkpoint
    for use_reentrant in (True, False):
        y = checkpoint(lambda values: values[0] ** 2, [x], use_reentrant=use_reentrant)
        assert y.requires_grad is not use_reentrant
    y.sum().backward()
    assert x.grad.tolist() == [6]


def test_nothing_is_recorded_under_no_grad(torch):
    """Without recording it is a plain call."""
    x = leaf(torch, 3.0)
    with torch.no_grad():
        assert not load(torch).checkpoint(lambda a: a**2, x, use_reentrant=False).requires_grad


@BOTH
def test_random_numbers_are_drawn_again(torch, use_reentrant):
    """The same ones, and the generator goes on where it was; unless told otherwise."""
    x, drawn = leaf(torch, *[1.0] * 4), []

    def f(a):
        drawn.append(torch.rand(4, dtype=torch.float64))
        return (a * drawn[-1]).sin()

    torch.manual_seed(3)
    y = load(torch).checkpoint(f, x, use_reentrant=use_reentrant)
    state = torch.get_rng_state()
    y.sum().backward()
    assert drawn[0].tolist() == drawn[1].tolist()
    assert torch.get_rng_state().tolist() == state.tolist()
    y = load(torch).checkpoint(f, x, use_reentrant=use_reentrant, preserve_rng_state=False)
    y.sum().backward()
    assert drawn[2].tolist() != drawn[3].tolist()


def test_random_states(torch):
    """A state can be read and put back; a fork leaves no trace."""
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = torch.rand(3).tolist()
    torch.set_rng_state(state)
    with torch.random.fork_rng():
        torch.manual_seed(9)
        assert torch.rand(3).tolist() != first
    assert torch.rand(3).tolist() == first
    assert state.dtype == torch.uint8
    torch.set_rng_state(state)
    with torch.random.fork_rng(enabled=False):
        torch.rand(3)
    assert torch.rand(3).tolist() != first


def test_early_stop(torch):
    """What comes after the last saved tensor does not run again, unless early stop is switched off."""
    x, ends = leaf(torch, 1.0), []
    module = load(torch)

    def f(a):
        a = a.sin()
        ends.append(1)
        return a

    module.checkpoint(f, x, use_reentrant=False).sum().backward()
    assert len(ends) == 1
    module.checkpoint(f, x, use_reentrant=False, early_stop=False).sum().backward()
    assert len(ends) == 3
    with module.set_checkpoint_early_stop(False):
        y = module.checkpoint(f, x, use_reentrant=False).sum()
    y.backward()
    assert len(ends) == 5
    with module.set_checkpoint_early_stop(True):
        y = module.checkpoint(f, x, use_reentrant=False, early_stop=False).sum()
    y.backward()
    assert len(ends) == 6


def test_determinism_check(torch):
    """Other shapes are an error, unless the check is switched off; other values are not noticed."""
    module = load(torch)

    def changing(factors):
        runs = iter(factors)
        return lambda a: (a * next(runs)).sum()

    one, other = torch.ones(1, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    x = leaf(torch, 1.0)
    with pytest.raises(module.CheckpointError):
        module.checkpoint(changing([one, other]), x, use_reentrant=False).backward()
    assert x.grad is None and issubclass(module.CheckpointError, RuntimeError)
    module.checkpoint(changing([one, other]), x, use_reentrant=False, determinism_check="none").backward()
    assert x.grad.tolist() == [2]
    module.checkpoint(changing([one, one * 5]), x, use_reentrant=False).backward()
    assert x.grad.tolist() == [7]
    with pytest.raises(ValueError):
        module.checkpoint(lambda a: a, x, use_reentrant=False, determinism_check="maybe")


def test_fewer_tensors_the_second_time(torch):
    """A function that saves fewer tensors when it runs again is an error."""
    module, runs = load(torch), iter([3, 1])

    def f(a):
        for _ in range(next(runs)):
            a = a.sin()
        return a

    y = module.checkpoint(f, leaf(torch, 1.0), use_reentrant=False)
    with pytest.raises(module.CheckpointError):
        y.sum().backward()


def test_contexts(torch):
    """context_fn gives what is around the function: the first time, and when it runs again."""
    module, seen = load(torch), []

    @contextlib.contextmanager
    def noting(word):
        seen.append(word)
        yield
        seen.append(word)

    x = leaf(torch, 1.0)
    y = module.checkpoint(
        lambda a: a.sin(), x, use_reentrant=False, context_fn=lambda: (noting("first"), noting("again"))
    )
    assert seen == ["first", "first"]
    with contextlib.suppress(StopIteration):
        y.sum().backward()
    assert seen[2] == "again"
    for context in module.noop_context_fn():
        with context:
            pass


@BOTH
def test_nested_checkpoints(torch, use_reentrant):
    """A checkpoint inside of a checkpoint."""
    x = leaf(torch, 0.5)
    checkpoint = load(torch).checkpoint

    def inner(a):
        return a.sin() * a

    def outer(a):
        return checkpoint(inner, a.exp(), use_reentrant=use_reentrant).cos()

    checkpoint(outer, x, use_reentrant=use_reentrant).sum().backward()
    plain = inner(x.exp()).cos().sum()
    assert abs(torch.autograd.grad(plain, x)[0].item() - x.grad.item()) < 1e-12


@BOTH
def test_written_inputs(torch, use_reentrant):
    """An input that was modified meanwhile is noticed."""
    h = leaf(torch, 1.0) * 1
    y = load(torch).checkpoint(lambda a: a.sin(), h, use_reentrant=use_reentrant)
    h.add_(1)
    with pytest.raises(RuntimeError):
        y.sum().backward()


def test_several_backward_passes(torch):
    """Each backward through a retained graph computes again."""
    x, runs = leaf(torch, 2.0), []

    def f(a):
        runs.append(1)
        return a**2 * a.sin()

    y = load(torch).checkpoint(f, x, use_reentrant=False).sum()
    y.backward(retain_graph=True)
    first = x.grad.item()
    y.backward()
    assert len(runs) == 3 and x.grad.item() == 2 * first
    with pytest.raises(RuntimeError):
        y.backward()


def test_several_backward_passes_as_one(torch):
    """Under one group the function runs again once, for parts that do not overlap."""
    x, runs, module = leaf(torch, 2.0), [], load(torch)

    def two(a):
        runs.append(1)
        return a**2, a**3

    a, b = module.checkpoint(two, x, use_reentrant=False)
    with module.GraphExecGroup():
        a.sum().backward()
        b.sum().backward()
    assert len(runs) == 2 and x.grad.tolist() == [16]
    a, b = module.checkpoint(two, x, use_reentrant=False)
    for part in (a, b):
        with module.GraphExecGroup():
            part.sum().backward()
    assert len(runs) == 5 and x.grad.tolist() == [32]


@BOTH
def test_sequential(torch, use_reentrant):
    """All segments but the last are checkpointed; the last takes what is left over."""
    runs, x = [], leaf(torch, 0.5)

    def stage(n):
        def run(a):
            runs.append(n)
            return (a * n).sin()

        return run

    stages = [stage(n) for n in (1, 2, 3, 4, 5)]
    y = load(torch).checkpoint_sequential(stages, 2, x, use_reentrant=use_reentrant)
    assert runs == [1, 2, 3, 4, 5]
    y.sum().backward()
    assert runs == [1, 2, 3, 4, 5, 1, 2]
    plain = x
    for f in stages:
        plain = f(plain)
    assert torch.autograd.grad(plain.sum(), x)[0].item() == x.grad.item()
    model = torch.nn.Sequential(torch.nn.Sequential(), torch.nn.Sequential())
    assert load(torch).checkpoint_sequential(model, 2, x * 1, use_reentrant=use_reentrant).tolist() == [0.5]


def test_the_variant_has_to_be_given():
    """As documented for the versions since 2.9. (torch 2.13 still warns only.)"""
    with pytest.raises(ValueError):
        Reference().torch.utils.checkpoint.checkpoint(lambda a: a, 1)
