"""Faults of modules themselves: what they convert, save and load."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from reference_impls.hooks import Hooks, RemovableHandle

from .fault import Override
from .interface import Faults, Method
from .module_interface import accepting, alone, given, instead, returned, without

# Conversion


def _new_parameters(right: Method) -> Method:
    """Conversion makes other parameters."""

    def faulty(self: Any, function: Callable, recurse: bool = True) -> Any:
        right(self, function, recurse)
        parameter = self._ref.torch.nn.Parameter
        for name, old in self._parameters.items():
            if old is not None:
                self._parameters[name] = parameter(old.detach(), old.requires_grad)
                self._parameters[name].kept_grad = old.kept_grad
        return self

    return faulty


def _leaving(part: str) -> Override:
    """One part of a module is not converted."""

    def _converted(right: Method) -> Method:
        def faulty(self: Any, function: Callable, recurse: bool = True) -> Any:
            kept = dict(getattr(self, part))
            getattr(self, part).update(dict.fromkeys(kept))
            try:
                return right(self, function, recurse)
            finally:
                getattr(self, part).update(kept)

        return faulty

    return _converted


def _gradients_stay(right: Method) -> Method:
    def faulty(self: Any, function: Callable, recurse: bool = True) -> Any:
        grads = {p: p.kept_grad for p in self.parameters()}
        for p in grads:
            p.kept_grad = None
        right(self, function, recurse)
        for p, grad in grads.items():
            p.kept_grad = grad
        return self

    return faulty


def _all_require_grad(right: Method) -> Method:
    def faulty(self: Any, function: Callable, recurse: bool = True) -> Any:
        right(self, function, recurse)
        for parameter in self.parameters():
            if parameter.is_floating_point():
                parameter.requires_grad_()
        return self

    return faulty


def _on_a_copy(right: Method) -> Method:
    """The module stays as it is, and another one is returned."""

    def faulty(self: Any, *args: Any, **kwargs: Any) -> Any:
        return right(copy.deepcopy(self), *args, **kwargs)

    return faulty


CONVERSION: Faults = {
    "conversion makes new parameters": ("_converted", _new_parameters),
    "parameters not converted": ("_converted", _leaving("_parameters")),
    "buffers not converted": ("_converted", _leaving("_buffers")),
    "modules inside not converted": ("_converted", _leaving("_modules")),
    "gradients not converted": ("_converted", _gradients_stay),
    "all parameters require grad": ("_converted", _all_require_grad),
    "recurse ignored": ("_converted", given(lambda self, function, recurse=True: ((function,), {}))),
    "converted on a copy": ("_converted", _on_a_copy),
    "integers converted": (
        "_floating_to",
        instead(lambda self, dtype: self._converted(lambda tensor: tensor.to(dtype))),
    ),
    "to converts integers": (
        "to",
        lambda right: (
            lambda self, *args, **kwargs: right(self, *args, **kwargs)._converted(
                lambda tensor: (
                    tensor if tensor.is_floating_point() or tensor.is_complex() else tensor.double()
                )
            )
        ),
    ),
    "to takes integers": ("to", accepting(TypeError)),
    "to does nothing": ("to", instead(lambda self, *args, **kwargs: self)),
    "to returns nothing": ("to", returned(lambda self, result: None)),
    "to knows no tensors": (
        "to",
        given(lambda self, *args, **kw: (tuple(a for a in args if not isinstance(a, self._ref.Tensor)), kw)),
    ),
    "to knows no names": ("to", given(lambda self, *args, dtype=None, **kwargs: (args, kwargs))),
    "to knows the first only": ("to", given(lambda self, *args, **kwargs: (args[:1], kwargs))),
    "float makes double": ("float", instead(lambda self: self.double())),
    "double makes float": ("double", instead(lambda self: self.to(self._ref.torch.float32))),
    "half makes bfloat16": ("half", instead(lambda self: self.bfloat16())),
    "bfloat16 makes half": (
        "bfloat16",
        instead(lambda self: self._floating_to(self._ref.torch.float16)),
    ),
    "type leaves integers": ("type", instead(lambda self, dst_type: self._floating_to(dst_type))),
    "to_empty ignores recurse": ("to_empty", without(recurse=True)),
    "to_empty makes float": ("to_empty", returned(lambda self, result: self.to(self._ref.torch.float64))),
    "cpu returns nothing": ("cpu", instead(lambda self: None)),
}


# Saving and loading


def _saved(change: Callable[[Any], Any]) -> Override:
    """The tensors are saved in another way."""

    def state_dict(self: Any, state: Any) -> Any:
        for name, value in state.items():
            if isinstance(value, self._ref.Tensor):
                state[name] = change(value)
        return state

    return returned(state_dict)


def _reordered(self: Any, state: Any) -> Any:
    for name in sorted(state, key=lambda name: (-name.count("."), name)):
        state.move_to_end(name)
    return state


def _everything(self: Any) -> Any:
    for held in (self._parameters, self._buffers):
        for name, tensor in held.items():
            if tensor is not None:
                yield held, name, tensor


def _buffers_first(self: Any) -> Any:
    for held in (self._buffers, self._parameters):
        for name, tensor in held.items():
            if tensor is not None and name not in self._transient:
                yield held, name, tensor


def _loaded(change: Callable[[Any, Any, Any], None]) -> Override:
    """Something happens to the module, the caller's dictionary and the names that are returned."""

    def load_state_dict(right: Method) -> Method:
        def faulty(self: Any, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
            keys = right(self, state_dict, strict, assign)
            change(self, state_dict, keys)
            return keys

        return faulty

    return load_state_dict


def _emptied(self: Any, state_dict: Any, keys: Any) -> None:
    for name in list(state_dict)[1:]:
        del state_dict[name]


def _own_keys_only(self: Any, state_dict: Any, strict: bool = True, assign: bool = False) -> tuple:
    own = self.state_dict()
    return ({k: v for k, v in state_dict.items() if k in own}, strict, assign), {}


def _own_shapes_only(self: Any, state_dict: Any, strict: bool = True, assign: bool = False) -> tuple:
    own = self.state_dict()
    fits = {
        k: v if k not in own or getattr(v, "shape", 0) == own[k].shape else own[k]
        for k, v in state_dict.items()
    }
    return (type(state_dict)(fits), strict, assign), {}


def _unasked(kind: str) -> Override:
    """Hooks of one kind do not run."""

    def broken(right: Method) -> Method:
        def faulty(self: Any, *args: Any, **kwargs: Any) -> Any:
            kept = {module: getattr(module._hooks, kind) for module in self.modules()}
            for module in kept:
                setattr(module._hooks, kind, Hooks())
            try:
                return right(self, *args, **kwargs)
            finally:
                for module, hooks in kept.items():
                    setattr(module._hooks, kind, hooks)

        return faulty

    return broken


def _lasting(right: Method) -> Method:
    """The handle removes nothing."""

    def register(self: Any, hook: Any) -> Any:
        right(self, hook)
        return RemovableHandle(Hooks(), 0)

    return register


def _first(kind: str) -> Override:
    """A hook runs before those that are there already."""
    return instead(lambda self, hook: getattr(self._hooks, kind).add(hook, True))


def _hooks_first(right: Method) -> Method:
    """Hooks for after loading run before it."""

    def load_state_dict(self: Any, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        keys = self._incompatible([], [])
        for module in self.modules():
            for hook in module._hooks.loaded.snapshot():
                hook(module, keys)
        return _unasked("loaded")(right)(self, state_dict, strict, assign)

    return load_state_dict


def _recorded(right: Method) -> Method:
    """Loading is recorded, as if the parameter were computed from what is loaded."""

    def load_state_dict(self: Any, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        keys = right(self, state_dict, strict, assign)
        for held, name, _ in list(self._saved()):
            source = state_dict.get(name)
            if getattr(source, "requires_grad", False) and not assign:
                object.__setattr__(self, name, source * 1)
                held.pop(name, None)
        return keys

    return load_state_dict


STATE: Faults = {
    "saved copies": ("state_dict", _saved(lambda tensor: tensor.clone())),
    "keep_vars ignored": ("state_dict", without(keep_vars=False)),
    "keep_vars always": ("state_dict", without(keep_vars=True)),
    "prefix ignored": ("state_dict", without(prefix="")),
    "modules inside not saved": ("state_dict", alone),
    "saved in another order": ("state_dict", returned(_reordered)),
    "a plain dictionary": ("state_dict", returned(lambda self, state: dict(state))),
    "all buffers saved": ("_saved", instead(_everything)),
    "buffers before parameters": ("_saved", instead(_buffers_first)),
    "extra state not saved": ("_overrides", instead(lambda self, name: False)),
    "extra state not set": ("_overrides", instead(lambda self, name: name == "get_extra_state")),
    "never strict": ("load_state_dict", without(strict=False)),
    "always strict": (
        "load_state_dict",
        given(lambda self, s, strict=True, assign=False: ((s, True, assign), {})),
    ),
    "never assigned": (
        "load_state_dict",
        given(lambda self, s, strict=True, assign=False: ((s, strict), {})),
    ),
    "always assigned": (
        "load_state_dict",
        given(lambda self, s, strict=True, assign=False: ((s, strict, True), {})),
    ),
    "assigned copies": ("_taken", given(lambda self, own, value: ((own, value.clone()), {}))),
    "assigned as they are": ("_taken", instead(lambda self, own, value: value)),
    "assigned with their flag": (
        "_taken",
        returned(lambda self, value: value.requires_grad_() if value.is_floating_point() else value),
    ),
    "errors kept quiet": ("load_state_dict", accepting(RuntimeError)),
    "only what is known": ("load_state_dict", given(_own_keys_only)),
    "shapes not checked": ("load_state_dict", given(_own_shapes_only)),
    "anything is a dictionary": ("load_state_dict", accepting(TypeError)),
    "missing names not told": (
        "load_state_dict",
        _loaded(lambda self, state, keys: keys.missing_keys.clear()),
    ),
    "unexpected names not told": (
        "load_state_dict",
        _loaded(lambda self, state, keys: keys.unexpected_keys.clear()),
    ),
    "the caller's dictionary emptied": ("load_state_dict", _loaded(_emptied)),
    "loading is recorded": ("load_state_dict", _recorded),
    "loading returns nothing": ("load_state_dict", returned(lambda self, keys: None)),
    "modules inside not loaded": ("_load", alone),
}
for _kind, _method, _name in (
    ("saving", "state_dict", "register_state_dict_pre_hook"),
    ("saved", "state_dict", "register_state_dict_post_hook"),
    ("loading", "load_state_dict", "register_load_state_dict_pre_hook"),
    ("loaded", "load_state_dict", "register_load_state_dict_post_hook"),
):
    STATE[f"hooks not run: {_kind}"] = (_method, _unasked(_kind))
    STATE[f"hooks last for good: {_kind}"] = (_name, _lasting)
    STATE[f"hooks backwards: {_kind}"] = (_name, _first(_kind))
