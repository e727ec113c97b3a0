"""The interface of optimizers on the reference, where no clause looks: what it refuses, and what it shares."""

from __future__ import annotations

import copy

import pytest

from conformance.assemble.param_groups import shared_names
from reference_impls import Reference


def reference() -> Reference:
    made = Reference()
    for name, value in shared_names(made).items():
        made.define(name, value)
    return made


def leaf(torch, *values):
    return torch.tensor(list(values), dtype=torch.float64, requires_grad=True)


def test_a_refused_group_is_not_added():
    """Nothing of a group that is refused stays behind."""
    torch = reference().torch
    p, q = leaf(torch, 1.0), leaf(torch, 2.0)
    optimizer = torch.optim.Optimizer([p], {"lr": 1.0})
    for group in ({"params": [q, p]}, {"params": [q * 2]}, {"params": {q}}, {"params": [("q", q)]}, [q]):
        with pytest.raises((TypeError, ValueError)):
            optimizer.add_param_group(group)
    assert [len(group["params"]) for group in optimizer.param_groups] == [1]


def test_the_callers_group_is_left_alone():
    """Defaults are filled into a copy of what the caller has."""
    torch = reference().torch
    group = {"params": [leaf(torch, 1.0)]}
    torch.optim.Optimizer([group], {"lr": 1.0})
    assert list(group) == ["params"]


def test_differentiable_optimizers_take_results():
    """Where steps are differentiated, parameters need not be leaves."""
    torch = reference().torch
    result = 2 * leaf(torch, 1.0)
    torch.optim.Optimizer([result], {"differentiable": True})
    with pytest.raises(ValueError, match="leaf"):
        torch.optim.Optimizer([result], {"differentiable": False})


def test_references_do_not_share_hooks():
    """A hook of all optimizers is one of those of its reference."""
    seen = []
    for own in (True, False):
        made = reference()
        torch = made.torch
        if own:
            torch.optim.optimizer.register_optimizer_step_pre_hook(lambda *args: seen.append(args))

        class Nothing(torch.optim.Optimizer):
            def step(self):
                pass

        Nothing([leaf(torch, 1.0)], {}).step()
    assert len(seen) == 1


def test_a_copy_has_no_hooks():
    """Hooks belong to the optimizer that they were registered with."""
    torch = reference().torch
    optimizer = torch.optim.Optimizer([leaf(torch, 1.0)], {})
    seen = []
    optimizer.register_state_dict_pre_hook(seen.append)
    copy.deepcopy(optimizer).state_dict()
    assert not seen
    optimizer.state_dict()
    assert seen == [optimizer]


def test_a_base_without_a_step():
    """Only an algorithm knows how to step."""
    torch = reference().torch
    with pytest.raises(NotImplementedError):
        torch.optim.Optimizer([leaf(torch, 1.0)], {}).step()
