"""The state of a module as a dictionary: saving it, loading it, and the hooks around both."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .hooks import RemovableHandle
    from .module_hooks import ModuleHooks
    from .reference import Reference

EXTRA = "_extra_state"
"""What the key of extra state ends in."""


class IncompatibleKeys(NamedTuple):
    """Names that a loaded dictionary lacked, and names in it that the module lacks."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class StateDict(OrderedDict[str, Any]):
    """A state with the version of each module that it comes from."""

    _metadata: OrderedDict[str, dict[str, Any]]


class State:
    """The methods of a module that save and load it."""

    _ref: Reference
    _hooks: ModuleHooks
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _transient: set[str]
    """The buffers that are not saved."""
    _version: int = 1

    def get_extra_state(self) -> Any:
        raise NotImplementedError("a module with extra state says what it is")

    def set_extra_state(self, state: Any) -> None:
        raise NotImplementedError("a module with extra state says how it is set")

    def _overrides(self, name: str) -> bool:
        return getattr(type(self), name) is not getattr(State, name)

    def _saved(self) -> Iterator[tuple[dict[str, Any], str, Any]]:
        """What this module itself saves: where it is held, by which name, and the tensor."""
        for held in (self._parameters, self._buffers):
            for name, tensor in held.items():
                if tensor is not None and name not in self._transient:
                    yield held, name, tensor

    def state_dict(self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """Its tensors by name, and those of the modules inside it."""
        state = destination
        if state is None:
            state = StateDict()
            state._metadata = OrderedDict()
        metadata = state._metadata[prefix[:-1]] = {"version": self._version}
        for hook in self._hooks.saving.snapshot():
            hook(self, prefix, keep_vars)
        for _, name, tensor in self._saved():
            state[prefix + name] = tensor if keep_vars else tensor.detach()
        if self._overrides("get_extra_state"):
            state[prefix + EXTRA] = self.get_extra_state()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._hooks.saved.snapshot():
            hook(self, state, prefix, metadata)
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copies values into the parameters and buffers, or with ``assign`` puts the given tensors in their place."""
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"a state is a dict, not {type(state_dict).__name__}")
        versions = getattr(state_dict, "_metadata", {})
        keys = IncompatibleKeys([], [])
        errors: list[str] = []
        with self._ref.no_grad():
            self._load(dict(state_dict), "", versions, keys, errors, assign)
        if strict and (keys.missing_keys or keys.unexpected_keys):
            errors.insert(0, str(keys))
        if errors:
            raise RuntimeError("; ".join(errors))
        return keys

    def _load(
        self,
        state: dict[str, Any],
        prefix: str,
        versions: Mapping[str, Any],
        keys: IncompatibleKeys,
        errors: list[str],
        assign: bool,
    ) -> None:
        metadata = {**versions.get(prefix[:-1], {}), "assign_to_params_buffers": assign}
        for hook in self._hooks.loading.snapshot():
            hook(self, state, prefix, metadata, True, keys.missing_keys, keys.unexpected_keys, errors)
        own = {name for _, name, _ in self._saved()}
        for held, name, tensor in list(self._saved()):
            if prefix + name not in state:
                keys.missing_keys.append(prefix + name)
            elif tensor.shape != state[prefix + name].shape:
                errors.append(f"{prefix + name}: {state[prefix + name].shape} does not fit {tensor.shape}")
            elif assign:
                held[name] = self._taken(tensor, state[prefix + name])
            else:
                tensor.copy_(state[prefix + name])
        if self._overrides("set_extra_state"):
            if prefix + EXTRA in state:
                self.set_extra_state(state[prefix + EXTRA])
            else:
                keys.missing_keys.append(prefix + EXTRA)
            own.add(EXTRA)
        for name in (*self._parameters, *self._buffers):
            if prefix + name in state and getattr(self, name) is None:
                errors.append(f"{prefix + name} is registered as None")
        for key in state:
            first, dot, _ = key.removeprefix(prefix).partition(".")
            if key.startswith(prefix) and (self._modules.get(first) is None if dot else first not in own):
                keys.unexpected_keys.append(key)
        for name, module in self._modules.items():
            if module is not None:
                within = {key: value for key, value in state.items() if key.startswith(f"{prefix}{name}.")}
                module._load(within, f"{prefix}{name}.", versions, keys, errors, assign)
        for hook in self._hooks.loaded.snapshot():
            hook(self, keys)

    def _taken(self, own: Any, value: Any) -> Any:
        """What comes in the place of a tensor: the given one, as a parameter if that is one."""
        parameter = self._ref.torch.nn.Parameter
        if not isinstance(own, parameter):
            return value
        value = value if isinstance(value, parameter) else parameter(value)
        return value.requires_grad_(own.requires_grad)

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """``hook(module, prefix, keep_vars)`` runs before the module is saved."""
        return self._hooks.saving.add(hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """``hook(module, state_dict, prefix, local_metadata)`` runs when it has been, and may change the dictionary."""
        return self._hooks.saved.add(hook)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """``hook(module, state_dict, prefix, …)`` runs before the module is loaded, and may change the dictionary."""
        return self._hooks.loading.add(hook)

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """``hook(module, incompatible_keys)`` runs when it has been, and may change the lists of keys."""
        return self._hooks.loaded.add(hook)
