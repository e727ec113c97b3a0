"""As much of ``torch.nn`` as programs need to run on the reference: parameters and modules that hold them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import containers, module_hooks
from .hooks import RemovableHandle
from .module_hooks import ForwardHook, ModuleHooks
from .module_state import State
from .module_tree import Tree
from .tensor import Tensor

if TYPE_CHECKING:
    from .reference import Reference


def _parameter_class(ref: Reference) -> type[Tensor]:
    class Parameter(ref.Tensor):  # type: ignore[name-defined]
        """A leaf that a module registers when it is assigned to it; requires grad unless told otherwise."""

        def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
            data = ref.zeros((0,), ref.default_dtype) if data is None else data
            parameter = object.__new__(cls)
            parameter.array, parameter.dtype, parameter.exact = data.array, data.dtype, data.exact
            parameter.cell = [0]
            return parameter.requires_grad_(bool(requires_grad))

        def __repr__(self) -> str:
            return f"Parameter containing:\n{super().__repr__()}"

    return Parameter


def _buffer_class(ref: Reference) -> type[Tensor]:
    class Buffer(ref.Tensor):  # type: ignore[name-defined]
        """A tensor that a module registers as a buffer when it is assigned to it."""

        def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
            data = ref.zeros((0,), ref.default_dtype) if data is None else data
            buffer = object.__new__(cls)
            buffer.array, buffer.dtype, buffer.exact = data.array, data.dtype, data.exact
            buffer.cell = data.cell
            buffer.persistent = persistent
            return buffer

    return Buffer


class Module(Tree, State):
    """A function with state: parameters, buffers and modules inside it."""

    _ref: Reference
    _everywhere: ModuleHooks
    """Hooks of all modules of the reference."""
    training: bool

    def __init__(self) -> None:
        for name in ("_parameters", "_buffers", "_modules"):
            object.__setattr__(self, name, OrderedDict())
        object.__setattr__(self, "_transient", set())
        object.__setattr__(self, "_hooks", ModuleHooks())
        object.__setattr__(self, "training", True)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return module_hooks.call(self, self._everywhere, self._hooks, args, kwargs)

    # Hooks

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """``hook(module, args)`` runs before forward, and may return other arguments."""
        return self._hooks.before.add(ForwardHook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """``hook(module, args, output)`` runs after forward, and may return another output."""
        return self._hooks.after.add(ForwardHook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """``hook(module, grad_output)`` runs before gradients go into the module."""
        return self._hooks.gradients_enter.add(hook, prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """``hook(module, grad_input, grad_output)`` runs when they have come out at its inputs."""
        return self._hooks.gradients_leave.add(hook, prepend)

    # Registration

    def __setattr__(self, name: str, value: Any) -> None:
        members, nn = self.__dict__, self._ref.torch.nn
        if isinstance(value, (nn.Parameter, nn.Buffer, Module)) and "_modules" not in members:
            raise AttributeError("a Module's __init__ has to run before anything is assigned to it")
        if isinstance(value, nn.Parameter):
            self._forget(name, self._parameters)
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._forget(name, self._modules)
            self.register_module(name, value)
        elif isinstance(value, nn.Buffer):
            self._forget(name, self._buffers)
            self.register_buffer(name, value, value.persistent)
        elif name in members.get("_parameters", ()):
            self._only(value is None, value, "parameter", name)
            self._parameters[name] = None
        elif name in members.get("_modules", ()):
            self._only(value is None, value, "module", name)
            self._modules[name] = None
        elif name in members.get("_buffers", ()):
            self._only(value is None or isinstance(value, self._ref.Tensor), value, "buffer", name)
            self._buffers[name] = self._registered("buffer", name, value)
        else:
            object.__setattr__(self, name, value)

    @staticmethod
    def _only(fits: bool, value: Any, kind: str, name: str) -> None:
        if not fits:
            raise TypeError(f"cannot assign {type(value).__name__} as {kind} {name!r}")

    def _forget(self, name: str, but: Any) -> None:
        """Makes way for a new member, which keeps the place of one of its own kind."""
        self.__dict__.pop(name, None)
        for held in (self._parameters, self._buffers, self._modules):
            if held is not but:
                held.pop(name, None)
        if but is not self._buffers:
            self._transient.discard(name)

    def __getattr__(self, name: str) -> Any:
        for held in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__.get(held, ()):
                return self.__dict__[held][name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        for held in (self._parameters, self._buffers, self._modules):
            if name in held:
                del held[name]
                self._transient.discard(name)
                return
        object.__delattr__(self, name)

    def _registered(self, kind: str, name: str, value: Any) -> Any:
        """The value as the hooks of all modules leave it."""
        for hook in self._everywhere.registered[kind].snapshot():
            replaced = hook(self, name, value)
            value = value if replaced is None else replaced
        return value

    def _named(self, name: Any, held: Any) -> None:
        """Refuses a name that no member of a kind can have."""
        if "_modules" not in self.__dict__:
            raise AttributeError("a Module's __init__ has to run before anything is registered with it")
        if not isinstance(name, str):
            raise TypeError(f"a name is a str, not {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"a name is not empty and has no dot: {name!r}")
        if hasattr(self, name) and name not in self.__dict__[held]:
            raise KeyError(f"attribute {name!r} already exists")

    def register_parameter(self, name: str, param: Any) -> None:
        self._named(name, "_parameters")
        if param is not None and not isinstance(param, self._ref.torch.nn.Parameter):
            raise TypeError(f"{type(param).__name__} is no parameter, which {name!r} was to be")
        self._parameters[name] = self._registered("parameter", name, param)

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        self._named(name, "_buffers")
        if tensor is not None and not isinstance(tensor, self._ref.Tensor):
            raise TypeError(f"{type(tensor).__name__} is no tensor, which {name!r} was to be")
        self._buffers[name] = self._registered("buffer", name, tensor)
        (self._transient.discard if persistent else self._transient.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        self._named(name, "_modules")
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is no module, which {name!r} was to be")
        self._modules[name] = self._registered("module", name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Another name of ``add_module``."""
        self.add_module(name, module)

    def extra_repr(self) -> str:
        """What stands in the brackets of its ``repr``."""
        return ""

    def __repr__(self) -> str:
        parts = self.extra_repr().splitlines()
        own = len(parts)
        for name, module in self._modules.items():
            parts.append(f"({name}): " + repr(module).replace("\n", "\n  "))
        within = parts[0] if own == len(parts) == 1 else "".join(f"\n  {part}" for part in parts)
        return f"{type(self).__name__}({within}" + ("\n)" if within.startswith("\n") else ")")


def for_reference(ref: Reference) -> dict[str, Any]:
    """The names of ``torch.nn`` that the tape provides; the others are assembled from the specs."""
    everywhere = ModuleHooks()
    members = {"_ref": ref, "_everywhere": everywhere, "__doc__": Module.__doc__}
    own_module = type("Module", (Module,), members)

    return {
        "Parameter": _parameter_class(ref),
        "Buffer": _buffer_class(ref),
        "Module": own_module,
        **containers.for_module(ref, own_module),
        **{f"modules.module.{name}": hook for name, hook in module_hooks.for_modules(everywhere).items()},
    }
