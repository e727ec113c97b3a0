"""Faults of modules that hold modules or parameters; and which topic each fault of modules belongs to."""

from __future__ import annotations

import copy
from typing import Any

from .interface import Faults, Method
from .module_interface import REGISTRATION, WALKS, accepting, given, instead, returned
from .module_saving import CONVERSION, STATE

# Containers


def _renamed(right: Method) -> Method:
    """Places are not counted anew."""

    def faulty(self: Any, index: Any) -> None:
        for name in [list(self._modules)[index]] if isinstance(index, int) else list(self._modules)[index]:
            del self._modules[name]

    return faulty


def _as_plain_list(self: Any, index: Any) -> Any:
    return list(self)[index]


def _unchanged(self: Any, *args: Any) -> Any:
    return self


LISTS: Faults = {
    "slices are plain lists": ("__getitem__", instead(_as_plain_list)),
    "slices begin at one more": (
        "__getitem__",
        given(
            lambda self, i: ((slice((i.start or 0) + 1, i.stop, i.step) if isinstance(i, slice) else i,), {})
        ),
    ),
    "indexes from the end off by one": (
        "__getitem__",
        given(lambda self, i: ((i - 1 if isinstance(i, int) and -len(self) < i < 0 else i,), {})),
    ),
    "indexes not checked": ("__getitem__", accepting(IndexError)),
    "assigned indexes not checked": ("__setitem__", accepting(IndexError)),
    "nothing assigned": ("__setitem__", instead(_unchanged)),
    "nothing extended": ("extend", instead(_unchanged)),
    "extended backwards": ("extend", given(lambda self, values: ((list(values)[::-1],), {}))),
    "append returns nothing": ("append", returned(lambda self, result: None)),
    "extend returns nothing": ("extend", returned(lambda self, result: None)),
    "+= makes another": ("__iadd__", instead(lambda self, values: type(self)([*self, *values]))),
    "length off": ("__len__", returned(lambda self, length: length + 1)),
    "walked backwards": ("__iter__", returned(lambda self, found: iter(list(found)[::-1]))),
}
MODULE_LISTS: Faults = {
    **LISTS,
    "places not counted anew": ("__delitem__", _renamed),
    "nothing deleted": ("__delitem__", instead(_unchanged)),
    "pop leaves it": ("pop", instead(lambda self, key: self[key])),
    "inserted behind": ("insert", given(lambda self, index, module: ((index + 1, module), {}))),
    "+ extends": ("__add__", instead(lambda self, other: self.extend(other))),
}
ROWS: Faults = {
    **{
        name: fault
        for name, fault in MODULE_LISTS.items()
        if name not in ("+= makes another", "slices are plain lists")
    },
    "called backwards": (
        "forward",
        instead(
            lambda self, input: (
                [input := module(input) for module in list(self)[::-1]][-1] if len(self) else input
            )
        ),
    ),
    "the last is not called": ("forward", lambda right: lambda self, input: right(self[:-1], input)),
    "* repeats once less": ("_times", lambda right: staticmethod(lambda times: max(times - 1, 1))),
    "*= makes another": ("__imul__", instead(lambda self, times: self * times)),
    "names of slices lost": (
        "__getitem__",
        lambda right: lambda self, i: type(self)(*list(self)[i]) if isinstance(i, slice) else right(self, i),
    ),
    "insert returns nothing": ("insert", returned(lambda self, result: None)),
}
DICTIONARIES: Faults = {
    "update sorts": (
        "update",
        given(
            lambda self, values: (
                (sorted(getattr(values, "items", lambda: values)(), key=lambda pair: pair[0]),),
                {},
            )
        ),
    ),
    "update does nothing": ("update", instead(_unchanged)),
    "a key assigned anew goes last": (
        "__setitem__",
        lambda right: (
            lambda self, key, value: (self.pop(key) if key in self else None, right(self, key, value))[1]
        ),
    ),
    "keys backwards": ("keys", returned(lambda self, keys: list(keys)[::-1])),
    "values backwards": ("values", returned(lambda self, values: list(values)[::-1])),
    "items backwards": ("items", returned(lambda self, items: list(items)[::-1])),
    "every key is there": ("__contains__", instead(lambda self, key: True)),
    "missing keys are None": ("__getitem__", accepting(KeyError)),
    "missing keys can be deleted": ("__delitem__", accepting(KeyError)),
    "missing keys can be popped": ("pop", accepting(KeyError)),
    "pop leaves the key": ("pop", lambda right: lambda self, key: self[key]),
    "nothing cleared": ("clear", instead(_unchanged)),
    "length off": ("__len__", returned(lambda self, length: length + 1)),
}
PARAMETER_DICTIONARIES: Faults = {
    **{name: fault for name, fault in DICTIONARIES.items() if name != "missing keys can be popped"},
    "popitem takes the first": ("popitem", instead(lambda self: (key := next(iter(self)), self.pop(key)))),
    "get adds": ("get", instead(lambda self, key, default=None: self.setdefault(key, default))),
    "get without a default": ("get", given(lambda self, key, default=None: ((key,), {}))),
    "setdefault overwrites": (
        "setdefault",
        instead(lambda self, key, default=None: (self.update([(key, default)]), self[key])[1]),
    ),
    "setdefault adds nothing": (
        "setdefault",
        instead(lambda self, key, default=None: self.get(key, default)),
    ),
    "copy is the same": ("copy", instead(_unchanged)),
    "copy is deep": ("copy", returned(lambda self, other: copy.deepcopy(other))),
    "fromkeys without a default": ("fromkeys", given(lambda self, keys, default=None: ((keys,), {}))),
    "the left side wins": ("__or__", lambda right: lambda self, other: right(right(self, other), self)),
    "| changes the left side": ("__or__", instead(lambda self, other: (self.update(other), self)[1])),
    "|= makes another": ("__ior__", instead(lambda self, other: self | other)),
    "not reversed": ("__reversed__", instead(lambda self: iter(self.keys()))),
}

MODULE_TOPICS: dict[str, dict[str, Faults]] = {
    "torch/nn/Module/registration": {"torch.nn.Module": REGISTRATION},
    "torch/nn/Module/traversal": {"torch.nn.Module": WALKS},
    "torch/nn/Module/conversion": {"torch.nn.Module": CONVERSION},
    "torch/nn/Module/state_dict": {"torch.nn.Module": STATE},
    "torch/nn/containers": {
        "torch.nn.Sequential": ROWS,
        "torch.nn.ModuleList": MODULE_LISTS,
        "torch.nn.ModuleDict": DICTIONARIES,
    },
    "torch/nn/parameter_containers": {
        "torch.nn.ParameterList": LISTS,
        "torch.nn.ParameterDict": PARAMETER_DICTIONARIES,
    },
}
"""For each topic about modules the faults of what it is about, by class."""
