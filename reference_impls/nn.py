"""As much of ``torch.nn`` as programs need to run on the reference: parameters and modules that hold them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from . import module_hooks
from .hooks import RemovableHandle
from .module_hooks import ForwardHook, ModuleHooks
from .tensor import Tensor

if TYPE_CHECKING:
    from .reference import Reference


class IncompatibleKeys(NamedTuple):
    """Names that a loaded dictionary lacked, and names in it that the module lacks."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def _parameter_class(ref: Reference) -> type[Tensor]:
    class Parameter(ref.Tensor):  # type: ignore[name-defined]
        """A leaf that a module registers when it is assigned to it; requires grad unless told otherwise."""

        def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
            data = ref.zeros((0,), ref.default_dtype) if data is None else data
            parameter = object.__new__(cls)
            parameter.array, parameter.dtype, parameter.exact = data.array, data.dtype, data.exact
            parameter.cell = [0]
            parameter.requires_flag = bool(requires_grad)
            return parameter

    return Parameter


class Module:
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
        members = self.__dict__
        if isinstance(value, (self._ref.torch.nn.Parameter, Module)) and "_modules" not in members:
            raise AttributeError("a Module's __init__ has to run before anything is assigned to it")
        if isinstance(value, self._ref.torch.nn.Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._forget(name, self._modules)
            self.register_module(name, value)
        elif name in members.get("_parameters", ()):
            if value is not None:
                raise TypeError(f"cannot assign {type(value).__name__} as parameter {name!r}")
            self._parameters[name] = None
        elif name in members.get("_buffers", ()):
            self._buffers[name] = self._registered("buffer", name, value)
        else:
            object.__setattr__(self, name, value)

    def _forget(self, name: str, but: Any) -> None:
        """Makes way for a new member, which keeps the place of one of its own kind."""
        self.__dict__.pop(name, None)
        for held in (self._parameters, self._buffers, self._modules):
            if held is not but:
                held.pop(name, None)

    def __getattr__(self, name: str) -> Any:
        for held in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__.get(held, ()):
                return self.__dict__[held][name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __delattr__(self, name: str) -> None:
        for held in (self._parameters, self._buffers, self._modules):
            if name in held:
                del held[name]
                return
        object.__delattr__(self, name)

    def _registered(self, kind: str, name: str, value: Any) -> Any:
        """The value as the hooks of all modules leave it."""
        for hook in self._everywhere.registered[kind].snapshot():
            replaced = hook(self, name, value)
            value = value if replaced is None else replaced
        return value

    def register_parameter(self, name: str, param: Any) -> None:
        self._forget(name, self._parameters)
        self._parameters[name] = self._registered("parameter", name, param)

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        if hasattr(self, name) and name not in self._buffers:
            raise KeyError(f"attribute {name!r} already exists")
        self._buffers[name] = self._registered("buffer", name, tensor)
        (self._transient.discard if persistent else self._transient.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        self._modules[name] = self._registered("module", name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Another name of ``add_module``."""
        self.add_module(name, module)

    # Walking

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((name, module) for name, module in self._modules.items() if module is not None)

    def children(self) -> Iterator[Module]:
        return (module for _, module in self.named_children())

    def named_modules(self, memo: set | None = None, prefix: str = "") -> Iterator[tuple[str, Module]]:
        memo = set() if memo is None else memo
        if self not in memo:
            memo.add(self)
            yield prefix, self
            for name, module in self.named_children():
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def _named(self, held: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix=prefix) if recurse else [(prefix, self)]:
            for name, tensor in getattr(module, held).items():
                if tensor is not None and id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield f"{path}.{name}" if path else name, tensor

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Any]]:
        return self._named("_parameters", prefix, recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        return (tensor for _, tensor in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Any]]:
        return self._named("_buffers", prefix, recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        return (tensor for _, tensor in self.named_buffers(recurse=recurse))

    # State

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> OrderedDict[str, Any]:
        state: OrderedDict[str, Any] = OrderedDict()
        persistent = {name: b for name, b in self._buffers.items() if name not in self._transient}
        for name, tensor in (*self._parameters.items(), *persistent.items()):
            if tensor is not None:
                state[prefix + name] = tensor if keep_vars else tensor.detach()
        for name, module in self.named_children():
            state.update(module.state_dict(prefix=f"{prefix}{name}.", keep_vars=keep_vars))
        return state

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Copies values into the parameters and buffers, or with ``assign`` puts the given tensors in their place."""
        own = self.state_dict(keep_vars=True)
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        wrong = [n for n, t in own.items() if n in state_dict and t.shape != state_dict[n].shape]
        if wrong or (strict and (missing or unexpected)):
            raise RuntimeError(
                f"missing keys: {missing}; unexpected keys: {unexpected}; other shapes: {wrong}"
            )
        with self._ref.no_grad():
            for name, tensor in own.items():
                if name in state_dict and assign:
                    self._assign(name, state_dict[name], tensor.requires_grad)
                elif name in state_dict:
                    tensor.copy_(state_dict[name])
        return IncompatibleKeys(missing, unexpected)

    def _assign(self, path: str, value: Any, requires_grad: bool) -> None:
        *owners, name = path.split(".")
        module = self
        for owner in owners:
            module = module._modules[owner]
        parameter = self._ref.torch.nn.Parameter
        if name in module._parameters:
            value = value if isinstance(value, parameter) else parameter(value)
            module._parameters[name] = value.requires_grad_(requires_grad)
        else:
            module._buffers[name] = value

    def zero_grad(self, set_to_none: bool = True) -> None:
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.detach_().zero_()

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def train(self, mode: bool = True) -> Module:
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        return self.train(False)

    def apply(self, function: Callable[[Module], None]) -> Module:
        for module in self.children():
            module.apply(function)
        function(self)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Module:
        for tensor in (*self.parameters(), *self.buffers()):
            if tensor.dtype.category >= 2:
                tensor.data = tensor.detach().to(*args, **kwargs)
        return self

    def double(self) -> Module:
        return self.to(self._ref.torch.float64)

    def float(self) -> Module:
        return self.to(self._ref.torch.float32)


def for_reference(ref: Reference) -> dict[str, Any]:
    """The names of ``torch.nn`` that the tape provides; the others are assembled from the specs."""
    everywhere = ModuleHooks()
    members = {"_ref": ref, "_everywhere": everywhere, "__doc__": Module.__doc__}
    own_module = type("Module", (Module,), members)

    class Sequential(own_module):  # type: ignore[misc, valid-type]
        """Modules one after the other."""

        def __init__(self, *modules: Any) -> None:
            super().__init__()
            named = (
                modules[0].items()
                if len(modules) == 1 and isinstance(modules[0], dict)
                else enumerate(modules)
            )
            for name, module in named:
                self.add_module(str(name), module)

        def forward(self, input: Any) -> Any:
            for module in self.children():
                input = module(input)
            return input

        def __getitem__(self, index: int) -> Any:
            return list(self.children())[index]

        def __len__(self) -> int:
            return len(self._modules)

        def __iter__(self) -> Iterator[Any]:
            return self.children()

    return {
        "Parameter": _parameter_class(ref),
        "Module": own_module,
        "Sequential": Sequential,
        **{f"modules.module.{name}": hook for name, hook in module_hooks.for_modules(everywhere).items()},
    }
