"""Faults in what modules share: state dictionaries, training mode, gradients."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from typing import Any

from ...spec import ModuleSpec
from ...spec.modules import DISTRIBUTIONS
from .fault import Fault, Override


def module_faults(spec: ModuleSpec) -> Iterator[Fault]:
    for name in (str(name) for name in spec.members if name.isidentifier()):
        yield "state dict without an entry", name, "state_dict", _without_member(name)
        yield "state not loaded", name, "load_state_dict", _not_loading(name)
    for name, member in spec.members.items():
        if member.init is not None and member.init.free & DISTRIBUTIONS:
            yield "initial values a tenth too large", str(name), "__init__", _wide(str(name))
    if spec.members:
        yield "deep copy shares its state", "", "__deepcopy__", _sharing
        yield "loading shares what it is given", "", "load_state_dict", _assigning
    if spec.parameters:
        yield "parameters without gradients", "", "__init__", _frozen
        yield "a call changes parameters", "", "__call__", _drifting
        if "dtype" in spec.signature.names:
            yield "dtype ignored", "", "__init__", _of_the_default_dtype


def _wide(name: str) -> Override:
    def __init__(right: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(self: Any, *args: Any, **kwargs: Any) -> None:
            right(self, *args, **kwargs)
            for full, value in self.state_dict().items():
                if fnmatchcase(full, re.sub(r"{.*?}", "*", name)):
                    value.mul_(1.1)

        return faulty

    return __init__


def _without_member(name: str) -> Override:
    return lambda right: (
        lambda self, **options: {
            k: v for k, v in right(self, **options).items() if k != options.get("prefix", "") + name
        }
    )


def _not_loading(name: str) -> Override:
    def load_state_dict(right: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(self: Any, state_dict: Any, strict: bool = True) -> Any:
            kept = copy.deepcopy(self.state_dict().get(name))
            result = right(self, state_dict, strict)
            if kept is not None:
                with self._ref.no_grad():
                    getattr(self, name).copy_(kept)
            return result

        return faulty

    return load_state_dict


def _copying(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, **options: {name: tensor.clone() for name, tensor in right(self, **options).items()}


def _emptying(right: Callable[..., Any]) -> Callable[..., Any]:
    def load_state_dict(self: Any, state_dict: Any, strict: bool = True) -> Any:
        result = right(self, state_dict, strict)
        state_dict.clear()
        return result

    return load_state_dict


def _evaluating(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        right(self, *args, **kwargs)
        self.training = False

    return __init__


def _frozen(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        right(self, *args, **kwargs)
        for parameter in self.parameters():
            parameter.requires_grad_(False)

    return __init__


def _sharing(right: Any) -> Callable[..., Any]:
    return lambda self, memo: copy.copy(self)


def _assigning(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, state_dict, strict=True: right(self, state_dict, strict, assign=True)


def _drifting(right: Callable[..., Any]) -> Callable[..., Any]:
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = right(self, *args, **kwargs)
        for parameter in self.parameters():
            parameter.data = parameter.detach() * 2
        return result

    return __call__


def _of_the_default_dtype(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, *args: Any, dtype: Any = None, **kwargs: Any) -> None:
        right(self, *args, **kwargs)

    return __init__


def _unrecorded(right: Callable[..., Any]) -> Callable[..., Any]:
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        off: AbstractContextManager = self._ref.torch.no_grad()
        with off:
            return right(self, *args, **kwargs)

    return __call__


MODULES: tuple[Fault, ...] = (
    ("state dict copies", "", "state_dict", _copying),
    (
        "state dict requires grad",
        "",
        "state_dict",
        lambda right: lambda self, **o: right(self, **{**o, "keep_vars": True}),
    ),
    (
        "loading is never strict",
        "",
        "load_state_dict",
        lambda right: lambda self, state, strict=True: right(self, state, False),
    ),
    (
        "loading is always strict",
        "",
        "load_state_dict",
        lambda right: lambda self, state, strict=True: right(self, state),
    ),
    ("loading empties the source", "", "load_state_dict", _emptying),
    ("evaluation does nothing", "", "train", lambda right: lambda self, mode=True: right(self, True)),
    ("training does nothing", "", "train", lambda right: lambda self, mode=True: right(self, False)),
    ("starts in evaluation", "", "__init__", _evaluating),
    ("works under no_grad", "", "__call__", _unrecorded),
)
