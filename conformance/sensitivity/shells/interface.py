"""Faults in the interface of all optimizers: groups, gradients, dictionaries.

Each breaks a method of `conformance.assemble.param_groups.Interface`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .fault import Override

Method = Callable[..., Any]
Faults = dict[str, tuple[str, Override]]
"""Faults of one class by what they are called: the method that is broken, and how."""

# Groups


def _given(change: Callable[[Any, dict[str, Any]], dict[str, Any]]) -> Override:
    """Another group is added than the one that was given."""
    return lambda right: lambda self, param_group: right(self, change(self, param_group))


def _added(change: Callable[[Any], Any]) -> Override:
    """Something happens to an optimizer when a group was added."""

    def add_param_group(right: Method) -> Method:
        def faulty(self: Any, param_group: Any) -> None:
            right(self, param_group)
            change(self)

        return faulty

    return add_param_group


def _constructed(change: Callable[[Any], Any]) -> Override:
    """The constructor works on other parameters than those that were given."""
    return lambda right: lambda self, params, defaults: right(self, change(params), defaults)


def _unchecked(right: Method) -> Method:
    def add_param_group(self: Any, param_group: Any) -> None:
        try:
            right(self, param_group)
        except (TypeError, ValueError):
            self.param_groups.append({**self.defaults, "params": []})

    return add_param_group


def _accepting_nothing(right: Method) -> Method:
    def __init__(self: Any, params: Any, defaults: Any) -> None:
        try:
            right(self, params, defaults)
        except ValueError:
            if self.param_groups:
                raise

    return __init__


def _taken_over(right: Method) -> Method:
    """The caller's own dictionary becomes the group, as torch has it."""

    def add_param_group(self: Any, param_group: Any) -> None:
        right(self, param_group)
        param_group.update(self.param_groups[-1])
        self.param_groups[-1] = param_group

    return add_param_group


def _inheriting(self: Any, group: dict[str, Any]) -> dict[str, Any]:
    last = self.param_groups[-1] if self.param_groups else {}
    return {**{k: v for k, v in last.items() if k not in ("params", "param_names")}, **group}


GROUPS: Faults = {
    "defaults override the group": (
        "add_param_group",
        _given(lambda self, group: {**group, **self.defaults}),
    ),
    "defaults of the group before": ("add_param_group", _given(_inheriting)),
    "parameters in reverse": (
        "add_param_group",
        _added(lambda self: self.param_groups[-1]["params"].reverse()),
    ),
    "groups in reverse": ("add_param_group", _added(lambda self: self.param_groups.reverse())),
    "later groups ignored": (
        "add_param_group",
        _added(lambda self: self.param_groups.__delitem__(slice(1, None))),
    ),
    "names not kept": (
        "add_param_group",
        _added(lambda self: self.param_groups[-1].pop("param_names", None)),
    ),
    "a group more forgets the state": ("add_param_group", _added(lambda self: self.state.clear())),
    "the caller's group is taken over": ("add_param_group", _taken_over),
    "groups not checked": ("add_param_group", _unchecked),
    "a tensor is a list": (
        "__init__",
        _constructed(lambda given: [given] if hasattr(given, "grad") else given),
    ),
    "a set has an order": (
        "__init__",
        _constructed(lambda given: list(given) if isinstance(given, set) else given),
    ),
    "nothing is enough": ("__init__", _accepting_nothing),
}


# Gradients


def _resetting(reset: Callable[[Any, Any, bool], None], groups: int | None = None) -> Override:
    """Another way to reset the gradient of each parameter."""

    def zero_grad(self: Any, set_to_none: bool = True) -> None:
        for group in self.param_groups[:groups]:
            for param in group["params"]:
                reset(self.reference.torch, param, set_to_none)

    return lambda right: zero_grad


def _right(torch: Any, param: Any, set_to_none: bool) -> None:
    if param.grad is not None:
        param.grad = None if set_to_none else param.grad.detach_().zero_()


def _replaced(torch: Any, param: Any, set_to_none: bool) -> None:
    if param.grad is not None:
        param.grad = None if set_to_none else torch.zeros_like(param)


def _made(torch: Any, param: Any, set_to_none: bool) -> None:
    param.grad = None if set_to_none else torch.zeros_like(param)


def _zeroed_before(torch: Any, param: Any, set_to_none: bool) -> None:
    _right(torch, param, False)
    _right(torch, param, set_to_none)


def _not_detached(torch: Any, param: Any, set_to_none: bool) -> None:
    if set_to_none or param.grad is None:
        _right(torch, param, set_to_none)
    else:
        recorded = param.grad.requires_grad
        param.grad.detach_().zero_().requires_grad_(recorded)


GRADIENTS: Faults = {
    "zero_grad does nothing": ("zero_grad", _resetting(lambda torch, param, none: None)),
    "zero_grad keeps tensors": (
        "zero_grad",
        _resetting(lambda torch, param, none: _right(torch, param, False)),
    ),
    "zero_grad drops tensors": (
        "zero_grad",
        _resetting(lambda torch, param, none: _right(torch, param, True)),
    ),
    "zero_grad reversed": (
        "zero_grad",
        _resetting(lambda torch, param, none: _right(torch, param, not none)),
    ),
    "zero_grad of one group": ("zero_grad", _resetting(_right, 1)),
    "zero_grad replaces": ("zero_grad", _resetting(_replaced)),
    "zero_grad makes gradients": ("zero_grad", _resetting(_made)),
    "zero_grad writes to what it drops": ("zero_grad", _resetting(_zeroed_before)),
    "zero_grad keeps the history": ("zero_grad", _resetting(_not_detached)),
}


# The dictionary


class _Live(dict):
    """A saved group that shows the options that the optimizer has now."""

    def __init__(self, own: dict[str, Any], group: dict[str, Any]) -> None:
        super().__init__(group)
        self._own = own

    def __getitem__(self, key: str) -> Any:
        return super().__getitem__(key) if key == "params" else self._own[key]

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: self[key] for key in self}


def _saved(change: Callable[[Any, Any], Any]) -> Override:
    """What is saved is changed."""
    return lambda right: lambda self: change(self, right(self))


def _live(self: Any, saved: dict[str, Any]) -> dict[str, Any]:
    pairs = zip(self.param_groups, saved["param_groups"], strict=False)
    return {**saved, "param_groups": [_Live(own, group) for own, group in pairs]}


def _each_group(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any, dict[str, Any]], Any]:
    return lambda self, saved: {**saved, "param_groups": [change(group) for group in saved["param_groups"]]}


def _by_tensor(self: Any, saved: dict[str, Any]) -> dict[str, Any]:
    params = [param for group in self.param_groups for param in group["params"]]
    groups = [{**group, "params": [params[id] for id in group["params"]]} for group in saved["param_groups"]]
    return {"state": {params[id]: state for id, state in saved["state"].items()}, "param_groups": groups}


def _with_empty_states(self: Any, saved: dict[str, Any]) -> dict[str, Any]:
    ids = [id for group in saved["param_groups"] for id in group["params"]]
    return {**saved, "state": {id: saved["state"].get(id, {}) for id in ids}}


def _anew(group: dict[str, Any]) -> dict[str, Any]:
    return {**group, "params": list(range(len(group["params"])))}


def _nameless(group: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if key != "param_names"}


SAVING: Faults = {
    "saved groups are the own": ("state_dict", _saved(_live)),
    "saved by tensor": ("state_dict", _saved(_by_tensor)),
    "ids begin anew in a group": ("state_dict", _saved(_each_group(_anew))),
    "empty states saved": ("state_dict", _saved(_with_empty_states)),
    "names not saved": ("state_dict", _saved(_each_group(_nameless))),
    "state not saved": ("state_dict", _saved(lambda self, saved: {**saved, "state": {}})),
    "one group saved": ("state_dict", _saved(lambda self, s: {**s, "param_groups": s["param_groups"][:1]})),
    "copied without state": ("__getstate__", _saved(lambda self, s: {**s, "state": type(s["state"])(dict)})),
}


def _loading(change: Callable[[Any, dict[str, Any]], dict[str, Any]]) -> Override:
    """Another dictionary is loaded than the one that was given."""
    return lambda right: lambda self, state_dict: right(self, change(self, state_dict))


def _loaded(change: Callable[[Any, Any, dict[str, Any]], Any]) -> Override:
    """Something happens to an optimizer and to what it was before, when a dictionary was loaded."""

    def load_state_dict(right: Method) -> Method:
        def faulty(self: Any, state_dict: dict[str, Any]) -> None:
            before = {
                "state": dict(self.state),
                "param_names": [group.get("param_names") for group in self.param_groups],
                "options": [dict(group) for group in self.param_groups],
            }
            right(self, state_dict)
            change(self, state_dict, before)

        return faulty

    return load_state_dict


def _state_shared(self: Any, state_dict: dict[str, Any], before: dict[str, Any]) -> None:
    params = [param for group in self.param_groups for param in group["params"]]
    ids = [id for group in state_dict["param_groups"] for id in group["params"]]
    for id, param in zip(ids, params, strict=True):
        if id in state_dict["state"]:
            self.state[param] = state_dict["state"][id]


def _tensors_shared(right: Method) -> Method:
    """As torch has it: shared unless cast."""

    def _fitted(self: Any, name: str, value: Any, param: Any) -> Any:
        fitted = right(self, name, value, param)
        return value if getattr(value, "dtype", None) == getattr(fitted, "dtype", None) else fitted

    return _fitted


def _groups_shared(self: Any, state_dict: dict[str, Any], before: dict[str, Any]) -> None:
    for number, (own, given) in enumerate(zip(self.param_groups, state_dict["param_groups"], strict=True)):
        params = own["params"]
        given.update(own)
        self.param_groups[number] = given
        given["params"] = params


def _names_as_before(self: Any, state_dict: dict[str, Any], before: dict[str, Any]) -> None:
    for group, names in zip(self.param_groups, before["param_names"], strict=True):
        if names is not None:
            group["param_names"] = names


def _names_lost(self: Any, state_dict: dict[str, Any], before: dict[str, Any]) -> None:
    for group, given in zip(self.param_groups, state_dict["param_groups"], strict=True):
        if "param_names" not in given:
            group.pop("param_names", None)


def _state_as_before(self: Any, state_dict: dict[str, Any], before: dict[str, Any]) -> None:
    self.state.update({**before["state"], **self.state})


def _as_if_named(name: str) -> Override:
    return lambda right: lambda self, _, value, param: right(self, name, value, param)


def _options_as_before(self: Any, state_dict: dict[str, Any], before: dict[str, Any]) -> None:
    for group, options in zip(self.param_groups, before["options"], strict=True):
        group.update(options)


def _numbered(self: Any, state_dict: dict[str, Any]) -> dict[str, Any]:
    """Ids are taken for positions: those that are none are made to be."""
    ids = sorted({id for group in state_dict["param_groups"] for id in group["params"]})
    places = {id: place for place, id in enumerate(ids)}
    groups = [{**g, "params": sorted(places[id] for id in g["params"])} for g in state_dict["param_groups"]]
    return {"state": {places[id]: s for id, s in state_dict["state"].items()}, "param_groups": groups}


def _by_name(self: Any, state_dict: dict[str, Any]) -> dict[str, Any]:
    groups = []
    for own, group in zip(self.param_groups, state_dict["param_groups"], strict=False):
        ids = dict(zip(group.get("param_names", ()), group["params"], strict=False))
        names = own.get("param_names", [])
        known = ids and set(names) == set(ids)
        groups.append({**group, "params": [ids[name] for name in names]} if known else group)
    return {**state_dict, "param_groups": groups + state_dict["param_groups"][len(groups) :]}


def _cut_to_size(self: Any, state_dict: dict[str, Any]) -> dict[str, Any]:
    """Sizes that differ are made to fit."""
    ids = [id for group in state_dict["param_groups"] for id in group["params"]]
    groups, options = [], state_dict["param_groups"]
    for number, own in enumerate(self.param_groups):
        taken, ids = ids[: len(own["params"])], ids[len(own["params"]) :]
        filled = taken + [f"none {number} {i}" for i in range(len(own["params"]) - len(taken))]
        groups.append({**options[min(number, len(options) - 1)], "params": filled})
    known = {id for group in groups for id in group["params"]}
    return {
        "state": {id: s for id, s in state_dict["state"].items() if id in known},
        "param_groups": groups,
    }


LOADING: Faults = {
    "state not loaded": ("load_state_dict", _loading(lambda self, given: {**given, "state": {}})),
    "options not loaded": ("load_state_dict", _loaded(_options_as_before)),
    "old state kept": ("load_state_dict", _loaded(_state_as_before)),
    "state shared with the dictionary": ("load_state_dict", _loaded(_state_shared)),
    "tensors shared with the dictionary": ("_fitted", _tensors_shared),
    "groups shared with the dictionary": ("load_state_dict", _loaded(_groups_shared)),
    "the dictionary emptied": ("load_state_dict", _loaded(lambda self, given, old: given["state"].clear())),
    "names kept": ("load_state_dict", _loaded(_names_as_before)),
    "names lost": ("load_state_dict", _loaded(_names_lost)),
    "ids taken for positions": ("load_state_dict", _loading(_numbered)),
    "state by name": ("load_state_dict", _loading(_by_name)),
    "sizes not checked": ("load_state_dict", _loading(_cut_to_size)),
    "state in its old dtype": ("_fitted", _as_if_named("step")),
    "step counts cast": ("_fitted", _as_if_named("")),
}


INTERFACE: Faults = {**GROUPS, **GRADIENTS, **SAVING, **LOADING}
