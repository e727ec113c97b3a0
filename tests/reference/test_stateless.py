"""torch.func.functional_call and stack_module_state."""

from __future__ import annotations

import pytest


def scaled(torch):
    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor([2.0, 3.0]))
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x, shift=0.0):
            self.calls = self.calls + 1
            return self.weight * x + shift

    return Scaled()


def tied(torch):
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = torch.nn.Parameter(torch.ones(()))
            self.b = self.a

        def forward(self, x):
            return x + self.a + self.b

    return Tied()


def test_other_parameters_for_one_call(torch):
    """The module keeps its own; what the caller passes is differentiated."""
    module, x = scaled(torch), torch.tensor([1.0, 10.0])
    own, weight = module.weight, torch.tensor([5.0, 7.0], requires_grad=True)
    result = torch.func.functional_call(module, {"weight": weight}, (x,), {"shift": 1.0})
    result.sum().backward()
    assert result.tolist() == [6, 71] and weight.grad.tolist() == [1, 10]
    assert module.weight is own and own.grad is None


def test_assigned_state_goes_to_the_dict(torch):
    """A buffer that forward replaces stays as it was in the module, and is new in the dictionary."""
    module = scaled(torch)
    state = {"calls": torch.tensor(5.0)}
    torch.func.functional_call(module, state, torch.zeros(2))
    assert state["calls"].item() == 6 and module.calls.item() == 0
    torch.func.functional_call(module, ({"weight": torch.ones(2)}, {"calls": torch.ones(())}), torch.zeros(2))
    assert module.calls.item() == 0 and module.weight.tolist() == [2, 3]


def test_restored_after_an_exception(torch):
    """The module has its own parameters again, however the call ends."""
    module = scaled(torch)
    own = module.weight
    with pytest.raises(RuntimeError):
        torch.func.functional_call(module, {"weight": torch.ones(2)}, torch.zeros(3))
    assert module.weight is own and isinstance(module.weight, torch.nn.Parameter)


def test_tied_weights(torch):
    """One value for both names, unless tying is switched off; two different ones are refused."""
    module, zero = tied(torch), torch.zeros(())
    call = torch.func.functional_call
    assert call(module, {"a": zero}, zero).item() == call(module, {"b": zero}, zero).item() == 0
    assert call(module, {"a": zero}, zero, tie_weights=False).item() == 1
    with pytest.raises(ValueError):
        call(module, {"a": zero, "b": torch.ones(())}, zero)
    assert call(module, {"a": zero, "b": torch.ones(())}, zero, tie_weights=False).item() == 1
    assert call(module, {"a": zero, "b": zero}, zero).item() == 0


def test_strict(torch):
    """Every name has to be there, and no other."""
    module, x = scaled(torch), torch.zeros(2)
    state = {"weight": torch.ones(2), "calls": torch.zeros(())}
    call = torch.func.functional_call
    assert call(module, dict(state), x, strict=True).tolist() == [0, 0]
    for wrong in ({"weight": torch.ones(2)}, {**state, "other": x}):
        with pytest.raises(RuntimeError):
            call(module, wrong, x, strict=True)
    assert call(module, {**state, "other": x}, x).tolist() == [0, 0]
    with pytest.raises(ValueError):
        call(module, (state, {"weight": torch.ones(2)}), x)


def test_nested_names(torch):
    """A parameter of a module inside goes by the name that it has in the state dict."""
    module = torch.nn.Sequential(scaled(torch), scaled(torch))
    assert torch.func.functional_call(module, {"1.weight": torch.ones(2)}, torch.ones(2)).tolist() == [2, 3]


def test_stack_module_state(torch):
    """Stacked parameters are leaves of their own; vmap runs the ensemble."""
    first = scaled(torch)
    models = [first, type(first)(), type(first)()]
    params, buffers = torch.func.stack_module_state(models)
    assert list(params) == ["weight"] and list(buffers) == ["calls"]
    weight = params["weight"]
    assert weight.shape == (3, 2) and weight.is_leaf and weight.requires_grad
    assert not buffers["calls"].requires_grad

    def one(params, buffers, x):
        return torch.func.functional_call(models[0], (params, buffers), (x,))

    result = torch.func.vmap(one, in_dims=(0, 0, None))(params, buffers, torch.tensor([1.0, 10.0]))
    assert result.tolist() == [[2, 30]] * 3
    result.sum().backward()
    assert weight.grad.tolist() == [[1, 10]] * 3 and models[0].weight.grad is None
    with pytest.raises(RuntimeError):
        torch.func.stack_module_state([])
    models[0].eval()
    with pytest.raises(RuntimeError):
        torch.func.stack_module_state(models)
