"""Hooks of modules: around forward, at the gradients, for one module and for all."""

from __future__ import annotations

import pytest

from reference_impls import Reference


def leaf(torch, *values):
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def scaling(torch, factor=3.0):
    """A module of two inputs and two results."""

    class Scaling(torch.nn.Module):
        def forward(self, x, y=None, *, plus=0.0):
            if y is None:
                return x * factor + plus
            return x * factor + plus, y * 2

    return Scaling()


def test_order_of_forward_hooks(torch):
    """Before and after forward, in the order of registration, unless prepended."""
    m, seen = scaling(torch), []

    def note(word):
        return lambda *args: seen.append(word)

    m.register_forward_pre_hook(note("b"))
    m.register_forward_pre_hook(note("a"), prepend=True)
    m.register_forward_hook(note("y"))
    m.register_forward_hook(note("x"), prepend=True)
    m.register_forward_hook(note("z"))
    m(torch.ones(1))
    assert seen == ["a", "b", "x", "y", "z"]


def test_forward_hooks_replace(torch):
    """What a hook returns takes the place of the arguments, or of the result; one value is wrapped."""
    m = scaling(torch)
    seen = []
    m.register_forward_pre_hook(lambda m, args: args[0] + 1)
    m.register_forward_pre_hook(lambda m, args: (args[0] * 10,))
    m.register_forward_hook(lambda m, args, out: seen.append((args[0].item(), out.item())))
    m.register_forward_hook(lambda m, args, out: out + 0.5)
    assert m(torch.tensor([1.0])).item() == 60.5 and seen == [(20, 60)]


def test_forward_hooks_with_kwargs(torch):
    """Keyword arguments reach only the hooks that ask for them; a pre-hook then returns both."""
    m, seen = scaling(torch), []
    m.register_forward_pre_hook(lambda m, args: seen.append(len(args)))
    m.register_forward_pre_hook(
        lambda m, args, kwargs: (args, {"plus": kwargs["plus"] + 1}), with_kwargs=True
    )
    m.register_forward_hook(
        lambda m, args, kwargs, out: seen.append((kwargs["plus"], out.item())), with_kwargs=True
    )
    assert m(torch.tensor([1.0]), plus=4.0).item() == 8
    assert seen == [1, (5, 8)]
    with (
        m.register_forward_pre_hook(lambda m, args, kwargs: args, with_kwargs=True),
        pytest.raises(RuntimeError),
    ):
        m(torch.tensor([1.0]), plus=4.0)


def test_always_called(torch):
    """A hook that is always called runs once, after an error too; the error is raised all the same."""
    seen = []

    class Failing(torch.nn.Module):
        def forward(self, x):
            raise ValueError("no")

    m = Failing()
    m.register_forward_hook(lambda m, args, out: seen.append("never"))
    m.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(ValueError, match="no"):
        m(torch.ones(1))
    assert seen == [None]

    def fail(m, args, out):
        raise KeyError

    good, seen = scaling(torch), []
    good.register_forward_hook(lambda m, args, out: seen.append("first"), always_call=True)
    good.register_forward_hook(fail)
    good.register_forward_hook(lambda m, args, out: seen.append("last"), always_call=True)
    with pytest.raises(KeyError):
        good(torch.ones(1))
    assert seen == ["first", "last"]


def test_removal_of_module_hooks(torch):
    """A removed hook runs no more; one that another removes still takes part in this round."""
    m, seen, handles = scaling(torch), [], []
    m.register_forward_hook(lambda *args: handles[0].remove())
    handles.append(m.register_forward_hook(lambda *args: seen.append("second")))
    m(torch.ones(1))
    m(torch.ones(1))
    assert seen == ["second"]


def test_hooks_of_all_modules_run_first(torch):
    """The global hooks run before those of the module, whatever was registered first."""
    m, seen = scaling(torch), []
    module = torch.nn.modules.module
    x = leaf(torch, 1.0)

    def note(word):
        return lambda *args: seen.append(word)

    m.register_forward_pre_hook(note("own before"), prepend=True)
    m.register_forward_hook(note("own after"))
    m.register_full_backward_pre_hook(note("own enter"), prepend=True)
    m.register_full_backward_hook(note("own leave"))
    handles = [
        module.register_module_forward_pre_hook(note("before")),
        module.register_module_forward_hook(note("after")),
        module.register_module_full_backward_pre_hook(note("enter")),
        module.register_module_full_backward_hook(note("leave")),
    ]
    try:
        m(x).sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    assert seen == [
        *("before", "own before", "after", "own after"),
        *("enter", "own enter", "leave", "own leave"),
    ]
    m(x).sum().backward()
    assert seen[8:] == ["own before", "own after", "own enter", "own leave"]


def test_registration_hooks(torch):
    """They see what a module comes to hold, and may replace it."""
    module, seen = torch.nn.modules.module, []

    def note(kind, new=None):
        return lambda owner, name, value: seen.append((kind, name)) or new

    other = torch.ones(2)
    handles = [
        module.register_module_parameter_registration_hook(note("parameter")),
        module.register_module_buffer_registration_hook(note("buffer", other)),
        module.register_module_module_registration_hook(note("module")),
    ]
    try:
        m = torch.nn.Module()
        m.w = torch.nn.Parameter(torch.zeros(1))
        m.register_buffer("b", torch.zeros(1))
        m.inner = torch.nn.Module()
    finally:
        for handle in handles:
            handle.remove()
    m.v = torch.nn.Parameter(torch.zeros(1))
    assert seen == [("parameter", "w"), ("buffer", "b"), ("module", "inner")] and m.b is other


def test_members_keep_their_place(torch):
    """A parameter or a module that is assigned anew stays where it was."""
    m = torch.nn.Module()
    m.a, m.b = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    m.p, m.q = torch.nn.Module(), torch.nn.Module()
    m.a, m.p = torch.nn.Parameter(torch.ones(1)), torch.nn.Module()
    assert [n for n, _ in m.named_parameters()] == ["a", "b"]
    assert [n for n, _ in m.named_children()] == ["p", "q"]


def test_states_can_be_assigned(torch):
    """With assign=True the given tensors take the place of the module's own, which say whether they need grad."""
    m = torch.nn.Module()
    m.inner = torch.nn.Module()
    m.inner.w = torch.nn.Parameter(torch.zeros(2), requires_grad=False)
    m.register_buffer("b", torch.zeros(1))
    state = {"inner.w": torch.ones(2, dtype=torch.float64), "b": torch.ones(1)}
    m.load_state_dict(state, assign=True)
    assert m.b is state["b"] and isinstance(m.inner.w, torch.nn.Parameter)
    assert m.inner.w.dtype == torch.float64 and m.inner.w.data_ptr() == state["inner.w"].data_ptr()
    assert not m.inner.w.requires_grad
    handle = m.register_forward_hook(lambda *args: None)
    assert isinstance(handle, torch.utils.hooks.RemovableHandle)


def test_full_backward_hooks(torch):
    """They see the gradients of the outputs and of the inputs; one entry for each positional argument."""
    m, seen = scaling(torch), []
    m.register_full_backward_pre_hook(lambda m, out: seen.append(("enter", [g.tolist() for g in out])))
    m.register_full_backward_hook(
        lambda m, inputs, out: seen.append(("leave", [g.tolist() for g in inputs], [g.tolist() for g in out]))
    )
    x, y = leaf(torch, 1.0), leaf(torch, 1.0)
    a, b = m(x, y)
    (a * 5 + b * 7).sum().backward()
    assert seen == [("enter", [[5], [7]]), ("leave", [[15], [14]], [[5], [7]])]
    assert x.grad.tolist() == [15] and y.grad.tolist() == [14]


def test_full_backward_hooks_replace(torch):
    """A pre-hook replaces what goes in, a hook what comes out; later hooks see it."""
    m, seen = scaling(torch), []
    m.register_full_backward_pre_hook(lambda m, out: (out[0] * 2,))
    m.register_full_backward_pre_hook(lambda m, out: (out[0] + 1,))
    m.register_full_backward_hook(lambda m, inputs, out: seen.append((inputs[0].item(), out[0].item())))
    m.register_full_backward_hook(lambda m, inputs, out: (inputs[0] + 0.5,))
    m.register_full_backward_hook(lambda m, inputs, out: seen.append(inputs[0].item()))
    x = leaf(torch, 1.0)
    m(x).sum().backward()
    assert seen == [(9, 3), 9.5] and x.grad.tolist() == [9.5]


def test_one_gradient_for_one_output():
    """A pre-hook may return a tensor in place of a tuple of one, as documented. (torch 2.13 takes its first row.)"""
    torch = Reference().torch
    m = scaling(torch)
    m.register_full_backward_pre_hook(lambda m, out: out[0] * 2)
    x = leaf(torch, 1.0)
    m(x).sum().backward()
    assert x.grad.tolist() == [6]


def test_backward_hooks_can_be_prepended(torch):
    """As forward hooks can."""
    m, seen = scaling(torch), []
    m.register_full_backward_hook(lambda *args: seen.append("b"))
    m.register_full_backward_hook(lambda *args: seen.append("a"), prepend=True)
    m.register_full_backward_pre_hook(lambda *args: seen.append(2))
    m.register_full_backward_pre_hook(lambda *args: seen.append(1), prepend=True)
    m(leaf(torch, 1.0)).sum().backward()
    assert seen == [1, 2, "a", "b"]


def test_inputs_without_gradient(torch):
    """Where no input needs a gradient, the hook runs when that of the outputs is known."""

    class Own(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.tensor([2.0]))

        def forward(self, x):
            return x * self.w

    m, seen = Own(), []
    m.register_full_backward_hook(lambda m, inputs, out: seen.append((inputs, out[0].item())))
    m(torch.tensor([3.0])).sum().backward()
    assert seen == [((None,), 1)] and m.w.grad.tolist() == [3]
    m.requires_grad_(False)
    m(torch.tensor([3.0]))
    assert len(seen) == 1


def test_arguments_that_are_no_tensors(torch):
    """They have None in their place, and keyword arguments have none."""

    class Mixed(torch.nn.Module):
        def forward(self, x, n, *, y):
            return x * n + y, n

    m, seen = Mixed(), []
    m.register_full_backward_hook(lambda m, inputs, out: seen.append((inputs, out)))
    x = leaf(torch, 1.0)
    m(x, 4, y=torch.ones(1))[0].sum().backward()
    ((inputs, out),) = seen
    assert inputs[0].item() == 4 and inputs[1] is None and len(inputs) == 2
    assert out[0].item() == 1 and out[1] is None
    assert x.grad.tolist() == [4]


def test_one_input_without_gradient(torch):
    """Beside one that needs it, a tensor that does not has an entry, and still no gradient."""
    m, seen = scaling(torch), []
    m.register_full_backward_hook(lambda m, inputs, out: seen.append(inputs))
    x, y = leaf(torch, 1.0), torch.ones(1, dtype=torch.float64)
    a, b = m(x, y)
    assert not y.requires_grad
    (a.sum() + b.sum()).backward()
    assert len(seen[0]) == 2 and seen[0][0].item() == 3
    assert y.grad is None and x.grad.tolist() == [3]


def test_wrong_number_of_gradients(torch):
    """A backward hook returns as many gradients as there are."""
    for register in ("register_full_backward_hook", "register_full_backward_pre_hook"):
        m = scaling(torch)
        getattr(m, register)(lambda m, *grads: (grads[0][0], grads[0][0]))
        with pytest.raises(RuntimeError):
            m(leaf(torch, 1.0)).sum().backward()


def test_nested_modules_and_two_calls(torch):
    """Outer enters first and leaves last; each call of a module is one call of its hooks."""
    inner, seen = scaling(torch), []
    outer = torch.nn.Sequential(inner, inner)

    def note(word):
        return lambda *args: seen.append(word)

    outer.register_full_backward_pre_hook(note("outer enter"))
    outer.register_full_backward_hook(note("outer leave"))
    inner.register_full_backward_pre_hook(note("inner enter"))
    inner.register_full_backward_hook(lambda m, inputs, out: seen.append((inputs[0].item(), out[0].item())))
    x = leaf(torch, 1.0)
    y = outer(x).sum()
    y.backward(retain_graph=True)
    assert seen == ["outer enter", "inner enter", (3, 1), "inner enter", (9, 3), "outer leave"]
    y.backward()
    assert seen[6:] == seen[:6] and x.grad.tolist() == [18]


def test_writes_at_the_gates_are_refused(torch):
    """With backward hooks, inputs and outputs cannot be modified in place."""

    class Writing(torch.nn.Module):
        def forward(self, x):
            return x.mul_(2)

    m = Writing()
    x = leaf(torch, 1.0) * 1
    with m.register_full_backward_hook(lambda *args: None), pytest.raises(RuntimeError):
        m(x)
    good = scaling(torch)
    with good.register_full_backward_hook(lambda *args: None), pytest.raises(RuntimeError):
        good(x).mul_(2)


def test_double_backward_through_gates(torch):
    """Under create_graph the gates can be differentiated, and what hooks do is recorded."""

    class Cube(torch.nn.Module):
        def forward(self, x):
            return x**3

    m = Cube()
    m.register_full_backward_hook(lambda m, inputs, out: (inputs[0] * 2,))
    x = leaf(torch, 2.0)
    (g,) = torch.autograd.grad(m(x).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    assert g.tolist() == [24] and h.tolist() == [24]
