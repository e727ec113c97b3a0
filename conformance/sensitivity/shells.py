"""Mutants of what surrounds the formulas: parameter groups, state dictionaries, closures, training mode."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from reference_impls import Reference

from ..spec import ModuleSpec, OptimizerSpec, SchedulerSpec, Spec
from ..where import area
from .mutant import Mutant

Override = Callable[[Callable[..., Any]], Callable[..., Any]]
"""From a method to the faulty one."""


def shell_mutants(spec: Spec) -> Iterator[Mutant]:
    """Every mutant of the bookkeeping of the class that a spec is about."""
    if isinstance(spec, OptimizerSpec):
        faults = _optimizer(spec)
    elif isinstance(spec, SchedulerSpec):
        faults = _scheduler()
    elif isinstance(spec, ModuleSpec):
        faults = _module(spec)
    else:
        return
    for mutator, what, method, override in faults:
        yield _mutant(spec, mutator, what, method, override)


def module_mutants() -> Iterator[Mutant]:
    """Every mutant of the bookkeeping that all modules share."""
    for mutator, what, method, override in MODULES:
        prepare = _breaking("torch.nn.Module", method, override)
        yield Mutant("torch.nn", "torch.nn.Module", mutator, what, prepare=prepare)


def _mutant(spec: Spec, mutator: str, what: str, method: str, override: Override) -> Mutant:
    id, name = spec.relative_path, str(spec.name)
    prepare = _breaking(name, method, override)
    return Mutant(area(id), id, mutator, what, prepare=prepare, reach=frozenset({name}))


def _breaking(name: str, method: str, override: Override) -> Callable[[Reference], None]:
    """Overrides a method in the class of this name, which is a fresh one in every reference."""

    def prepare(reference: Reference) -> None:
        owner: Any = reference.torch
        for part in name.split(".")[1:]:
            owner = getattr(owner, part)
        setattr(owner, method, override(getattr(owner, method)))

    return prepare


Fault = tuple[str, str, str, Override]
"""Mutator, what it is about, the method that is broken, and how."""


def _optimizer(spec: OptimizerSpec) -> Iterator[Fault]:
    read = [str(name) for name in spec.hyperparameters if spec.step is not None and name in spec.step.free]
    for option in read:
        yield "group option ignored", option, "update", _ignoring(option)
        yield "state dict without an option", option, "state_dict", _without_option(option)
    for name in spec.state:
        yield "state dict without a state", str(name), "state_dict", _without_state(str(name))
    yield "state not loaded", "", "load_state_dict", _options_only
    yield "later groups not stepped", "", "step", _first_group_only
    yield "missing gradient stepped as zero", "", "step", _zero_for_none
    yield "closure's loss not returned", "", "step", _returning_none
    yield "closure not called", "", "step", _without_closure
    yield "zero_grad does nothing", "", "zero_grad", lambda right: lambda self, set_to_none=True: None
    yield (
        "zero_grad keeps tensors",
        "",
        "zero_grad",
        lambda right: lambda self, set_to_none=True: right(self, False),
    )
    yield (
        "zero_grad drops tensors",
        "",
        "zero_grad",
        lambda right: lambda self, set_to_none=False: right(self, True),
    )
    yield "gradient negated in place", "", "step", _spoiling_gradients


def _ignoring(option: str) -> Override:
    return lambda right: (
        lambda self, param, group: right(self, param, {**group, option: self.options[option]})
    )


def _without_option(option: str) -> Override:
    def state_dict(right: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(self: Any) -> Any:
            saved = right(self)
            groups = [{k: v for k, v in group.items() if k != option} for group in saved["param_groups"]]
            return {**saved, "param_groups": groups}

        return faulty

    return state_dict


def _without_state(name: str) -> Override:
    def state_dict(right: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(self: Any) -> Any:
            saved = right(self)
            state = {
                n: {k: v for k, v in entries.items() if k != name} for n, entries in saved["state"].items()
            }
            return {**saved, "state": state}

        return faulty

    return state_dict


def _options_only(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, state_dict: right(self, {**state_dict, "state": {}})


def _first_group_only(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, closure: Any = None) -> Any:
        groups, self.param_groups = self.param_groups, self.param_groups[:1]
        try:
            return right(self, closure)
        finally:
            self.param_groups = groups

    return step


def _zero_for_none(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, closure: Any = None) -> Any:
        missing = [param for group in self.param_groups for param in group["params"] if param.grad is None]
        if closure is None:
            for param in missing:
                param.grad = self.reference.torch.zeros_like(param)
        result = right(self, closure)
        for param in missing if closure is None else ():
            param.grad = None
        return result

    return step


def _returning_none(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, closure: Any = None) -> None:
        right(self, closure)

    return step


def _without_closure(right: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, closure=None: right(self)


def _spoiling_gradients(right: Callable[..., Any]) -> Callable[..., Any]:
    def step(self: Any, closure: Any = None) -> Any:
        result = right(self, closure)
        with self.reference.torch.no_grad():
            for param in (p for group in self.param_groups for p in group["params"] if p.grad is not None):
                param.grad.neg_()
        return result

    return step


def _scheduler() -> Iterator[Fault]:
    for entry in ("last_epoch", "base_lrs", "_last_lr"):
        yield "state dict without an entry", entry, "state_dict", _without_entry(entry)
    yield "starts an epoch late", "", "__init__", _late
    yield "steps by two epochs", "", "step", lambda right: lambda self: (right(self), right(self))[0]
    yield "only the first group", "", "_apply", _first_group_scheduled
    yield "reported rate not updated", "", "get_last_lr", lambda right: lambda self: self.base_lrs
    yield "state not loaded", "", "load_state_dict", lambda right: lambda self, state: None


def _without_entry(entry: str) -> Override:
    return lambda right: lambda self: {k: v for k, v in right(self).items() if k != entry}


def _late(right: Callable[..., Any]) -> Callable[..., Any]:
    def __init__(self: Any, optimizer: Any, *args: Any, **kwargs: Any) -> None:
        right(self, optimizer, *args, **kwargs)
        self.last_epoch -= 1

    return __init__


def _first_group_scheduled(right: Callable[..., Any]) -> Callable[..., Any]:
    def _apply(self: Any) -> None:
        rest = [(group, group["lr"]) for group in self.optimizer.param_groups[1:]]
        right(self)
        for group, rate in rest:
            group["lr"] = rate

    return _apply


def _module(spec: ModuleSpec) -> Iterator[Fault]:
    for name in (str(name) for name in spec.members if name.isidentifier()):
        yield "state dict without an entry", name, "state_dict", _without_member(name)
        yield "state not loaded", name, "load_state_dict", _not_loading(name)
    yield "parameters without gradients", "", "__init__", _frozen


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
