"""Faults in the hooks of optimizers: around a step, around saving and loading.

Each breaks a method of `conformance.assemble.param_groups.Interface`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impls.hooks import Hooks, RemovableHandle

from .fault import Override
from .interface import Faults, Method


def _registering(change: Callable[[Method, Any, Callable, dict[str, Any]], Any]) -> Override:
    """A hook is registered in another way."""
    return lambda right: lambda self, hook, **options: change(right, self, hook, options)


def _unregistered(right: Method, self: Any, hook: Callable, options: dict[str, Any]) -> Any:
    return RemovableHandle(Hooks(), 0)


def _deaf(right: Method, self: Any, hook: Callable, options: dict[str, Any]) -> Any:
    """What the hook returns is ignored."""
    return right(self, lambda *args: (hook(*args), None)[1], **options)


def _lasting(right: Method, self: Any, hook: Callable, options: dict[str, Any]) -> Any:
    """The handle removes nothing."""
    right(self, hook, **options)
    return RemovableHandle(Hooks(), 0)


def _turned(right: Method, self: Any, hook: Callable, options: dict[str, Any]) -> Any:
    """What is to run first runs last, and the other way round."""
    return right(self, hook, prepend=not options.get("prepend", False))


def _appended(right: Method, self: Any, hook: Callable, options: dict[str, Any]) -> Any:
    return right(self, hook)


def _twice(right: Method, self: Any, hook: Callable, options: dict[str, Any]) -> Any:
    return right(self, lambda *args: (hook(*args), hook(*args))[1], **options)


REGISTRATIONS = {
    "step_pre_hook": (_unregistered, _deaf, _lasting, _twice),
    "step_post_hook": (_unregistered, _lasting, _twice),
    "state_dict_pre_hook": (_unregistered, _lasting, _turned, _appended),
    "state_dict_post_hook": (_unregistered, _deaf, _lasting, _turned, _appended),
    "load_state_dict_pre_hook": (_unregistered, _deaf, _lasting, _turned, _appended),
    "load_state_dict_post_hook": (_unregistered, _lasting, _turned, _appended),
}


def _with_the_optimizer(right: Method) -> Method:
    """The optimizer is among the arguments that hooks see, as torch has it."""

    def _before_step(self: Any, args: Any, kwargs: Any) -> Any:
        args, kwargs = right(self, (self, *args), kwargs)
        return args[1:], kwargs

    return _before_step


def _without_globals(right: Method) -> Method:
    def around(self: Any, args: Any, kwargs: Any) -> Any:
        reference, kept = self.reference, vars(self.reference).pop("optimizer_step_hooks")
        try:
            return right(self, args, kwargs)
        finally:
            reference.optimizer_step_hooks = kept

    return around


def _backwards(kind: str, moment: str) -> Override:
    """The hooks run in the reverse of their order."""

    def around(right: Method) -> Method:
        def faulty(self: Any, *args: Any) -> Any:
            hooks = getattr(self._around[kind], moment)
            hooks._hooks = dict(reversed(hooks._hooks.items()))
            try:
                return right(self, *args)
            finally:
                hooks._hooks = dict(reversed(hooks._hooks.items()))

        return faulty

    return around


def _hooked_before(right: Method) -> Method:
    """The hooks after loading run before it."""

    def load_state_dict(self: Any, state_dict: dict[str, Any]) -> None:
        around = self._around["load_state_dict"]
        for hook in around.after.snapshot():
            hook(self)
        kept, around.after = around.after, Hooks()
        try:
            right(self, state_dict)
        finally:
            around.after = kept

    return load_state_dict


def _hooks_shared(right: Method) -> Method:
    """All optimizers have the hooks of the first."""

    def __init__(self: Any, params: Any, defaults: Any) -> None:
        right(self, params, defaults)
        self._around = vars(self.reference).setdefault("shared_hooks", self._around)

    return __init__


HOOKS: Faults = {
    "step hooks see the optimizer": ("_before_step", _with_the_optimizer),
    "no global hooks before": ("_before_step", _without_globals),
    "no global hooks after": ("_after_step", _without_globals),
    "step pre-hooks backwards": ("_before_step", _backwards("step", "before")),
    "step post-hooks backwards": ("_after_step", _backwards("step", "after")),
    "no hooks after a step": ("_after_step", lambda right: lambda self, args, kwargs: None),
    "no hooks before a step": ("_before_step", lambda right: lambda self, args, kwargs: (args, kwargs)),
    "hooks after loading come before": ("load_state_dict", _hooked_before),
    "hooks are shared": ("__init__", _hooks_shared),
}
for _name, _changes in REGISTRATIONS.items():
    for _change in _changes:
        HOOKS[f"{_name}{_change.__name__}"] = (f"register_{_name}", _registering(_change))
