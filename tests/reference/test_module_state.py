"""The state of a module: what is saved, how it is loaded, and the hooks around both."""

from __future__ import annotations

from collections import OrderedDict

import pytest


def model(torch):
    """A module with a parameter, a buffer, one that is not saved, and the same once more inside."""

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
            self.register_buffer("count", torch.tensor(3))
            self.register_buffer("scratch", torch.tensor(4.0), persistent=False)
            self.register_parameter("bias", None)

    outer = Layer()
    outer.inner = Layer()
    return outer


def counting(torch):
    """A module that saves a number of its own."""

    class Counting(torch.nn.Module):
        calls = 7

        def get_extra_state(self):
            return {"calls": self.calls}

        def set_extra_state(self, state):
            self.calls = state["calls"]

    return Counting()


NAMES = ["weight", "count", "inner.weight", "inner.count"]


# Saving


def test_what_is_saved(torch):
    """Parameters before buffers, the outer module before the inner; None and passing buffers are left out."""
    m = model(torch)
    assert list(m.state_dict()) == NAMES
    assert list(m.state_dict(prefix="net.")) == [f"net.{name}" for name in NAMES]


def test_saved_values_share_memory(torch):
    """They are detached, unless the variables themselves are asked for."""
    m = model(torch)
    state = m.state_dict()
    assert not state["weight"].requires_grad and m.state_dict(keep_vars=True)["weight"] is m.weight
    with torch.no_grad():
        m.weight.add_(1.0)
    assert state["weight"].tolist() == [2, 3]


def test_into_a_dictionary(torch):
    """A dictionary of the caller's is filled and returned."""
    given = OrderedDict(there=1)
    given._metadata = OrderedDict()
    found = model(torch).state_dict(destination=given, prefix="net.")
    assert found is given and list(given) == ["there", *(f"net.{name}" for name in NAMES)]


def test_versions(torch):
    """Every module states the version of its format."""
    m = model(torch)
    type(m)._version = 5
    versions = {path: each["version"] for path, each in m.state_dict()._metadata.items()}
    assert versions == {"": 5, "inner": 5}


# Loading


def test_values_are_copied(torch):
    """Into the tensors that are there, in their dtype; the dictionary stays as it is."""
    m = model(torch)
    weight, state = m.weight, m.state_dict()
    state["weight"] = torch.tensor([8.0, 9.0], dtype=torch.float64)
    keys = m.load_state_dict(state)
    assert m.weight is weight and weight.dtype is torch.float32 and weight.tolist() == [8, 9]
    assert (keys.missing_keys, keys.unexpected_keys) == ([], []) and list(state) == NAMES


def test_values_are_assigned(torch):
    """As parameters where those were, which require grad as they did."""
    m = model(torch)
    m.inner.weight.requires_grad_(False)
    state = {name: torch.ones(each.shape, dtype=torch.float64) for name, each in m.state_dict().items()}
    m.load_state_dict(state, assign=True)
    assert m.count is state["count"] and m.weight.dtype is torch.float64
    assert isinstance(m.weight, torch.nn.Parameter)
    assert (m.weight.requires_grad, m.inner.weight.requires_grad) == (True, False)


def test_missing_and_unexpected_keys(torch):
    """They are refused, or told; the others are loaded."""
    m = model(torch)
    state = {
        "weight": torch.zeros(2),
        "inner.other": torch.ones(1),
        "third.weight": torch.ones(1),
        "scratch": 1,
    }
    with pytest.raises(RuntimeError):
        m.load_state_dict(state)
    missing, unexpected = m.load_state_dict(state, strict=False)
    assert missing == NAMES[1:] and sorted(unexpected) == ["inner.other", "scratch", "third.weight"]
    assert m.weight.tolist() == [0, 0] and m.scratch.item() == 4


def test_shapes_have_to_fit(torch):
    """However strict it is."""
    for strict in (True, False):
        m = model(torch)
        state = {**m.state_dict(), "inner.weight": torch.ones(3)}
        with pytest.raises(RuntimeError):
            m.load_state_dict(state, strict=strict)
        assert m.inner.weight.tolist() == [1, 2]


def test_refuses_what_is_no_dictionary(torch):
    m = model(torch)
    with pytest.raises(TypeError):
        m.load_state_dict(list(m.state_dict().items()))


def test_names_of_a_neighbour(torch):
    """A module whose name begins like another's gets its own state."""
    m = torch.nn.Module()
    m.a, m.ab = model(torch), model(torch)
    state = {**m.state_dict(), "ab.weight": torch.zeros(2)}
    m.load_state_dict(state)
    assert m.a.weight.tolist() == [1, 2] and m.ab.weight.tolist() == [0, 0]


# Extra state


def test_extra_state(torch):
    """It stands under a name of its own, and is set when it is loaded."""
    m, outer = counting(torch), torch.nn.Module()
    outer.inner = m
    state = outer.state_dict()
    assert dict(state) == {"inner._extra_state": {"calls": 7}}
    state["inner._extra_state"] = {"calls": 9}
    outer.load_state_dict(state)
    assert m.calls == 9
    assert outer.load_state_dict({}, strict=False).missing_keys == ["inner._extra_state"]


# Hooks


def test_hooks_of_saving(torch):
    """Those before see the module; those after may change the dictionary, of each module by itself."""
    m, seen = model(torch), []

    def drop(module, state, prefix, metadata):
        del state[f"{prefix}count"]

    m.inner.register_state_dict_pre_hook(lambda module, prefix, keep: seen.append((prefix, keep)))
    handle = m.inner.register_state_dict_post_hook(drop)
    assert list(m.state_dict(keep_vars=True)) == NAMES[:-1] and seen == [("inner.", True)]
    handle.remove()
    assert list(m.state_dict()) == NAMES


def test_hooks_before_loading(torch):
    """What they change is seen by the module and those inside, and not by the caller."""
    m = model(torch)

    def rename(module, state, prefix, *rest):
        state[f"{prefix}weight"] = state.pop(f"{prefix}old")

    for each in (m, m.inner):
        each.register_load_state_dict_pre_hook(rename)
    state = {name.replace("weight", "old"): value * 0 for name, value in m.state_dict().items()}
    given = list(state)
    m.load_state_dict(state)
    assert m.weight.tolist() == m.inner.weight.tolist() == [0, 0] and list(state) == given


def test_hooks_after_loading(torch):
    """They may clear what is missing."""
    m = model(torch)
    m.register_load_state_dict_post_hook(lambda module, keys: keys.missing_keys.clear())
    assert m.load_state_dict({"weight": torch.zeros(2)}).missing_keys == []
