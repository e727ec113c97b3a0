"""What a module holds, all through the modules inside it: walking, finding, converting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from .reference import Reference


class Tree:
    """The methods of a module that reach the modules inside it."""

    _ref: Reference
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    training: bool

    # Walking

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The modules directly inside, each once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Any]:
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """This module and all inside it, the outer one before the inner."""
        memo = set() if memo is None else memo
        if self not in memo:
            if remove_duplicate:
                memo.add(self)
            yield prefix, self
            for name, module in self._modules.items():
                if module is not None:
                    path = f"{prefix}.{name}" if prefix else name
                    yield from module.named_modules(memo, path, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def _members(
        self, held: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        owners = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else iter([(prefix, self)])
        )
        for path, module in owners:
            for name, tensor in getattr(module, held).items():
                if tensor is not None and id(tensor) not in seen:
                    if remove_duplicate:
                        seen.add(id(tensor))
                    yield f"{path}.{name}" if path else name, tensor

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        return self._members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        return (tensor for _, tensor in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        return self._members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        return (tensor for _, tensor in self.named_buffers(recurse=recurse))

    # Finding

    def get_submodule(self, target: str) -> Any:
        """The module at the end of a dotted path."""
        module: Any = self
        for name in target.split(".") if target else ():
            module = getattr(module, name, None)
            if not isinstance(module, Tree):
                raise AttributeError(f"{name!r} in {target!r} is no module")
        return module

    def _member(self, target: str, held: str) -> Any:
        path, _, name = target.rpartition(".")
        members = getattr(self.get_submodule(path), held)
        if members.get(name) is None:
            raise AttributeError(f"nothing of the kind is at {target!r}")
        return members[name]

    def get_parameter(self, target: str) -> Any:
        return self._member(target, "_parameters")

    def get_buffer(self, target: str) -> Any:
        return self._member(target, "_buffers")

    def set_submodule(self, target: str, module: Any, strict: bool = False) -> None:
        """Another module at the end of a dotted path; with ``strict`` there has to be one already."""
        if not target or not isinstance(module, Tree):
            raise ValueError("a path and a module are needed")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if not isinstance(getattr(parent, name, None if strict else module), Tree):
            raise AttributeError(f"{target!r} is no module")
        setattr(parent, name, module)

    # Changing all of them

    def apply(self, function: Callable[[Any], None]) -> Self:
        for module in self.children():
            module.apply(function)
        function(self)
        return self

    def train(self, mode: bool = True) -> Self:
        if not isinstance(mode, bool):
            raise ValueError("training is either True or False")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.detach_().zero_()

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    # Conversion

    def _converted(self, function: Callable[[Any], Any], recurse: bool = True) -> Self:
        """Gives every parameter other values, and every buffer a successor; parameters stay the same objects."""
        if recurse:
            for module in self.children():
                module._converted(function)
        for parameter in self._parameters.values():
            if parameter is not None:
                gradient = parameter.kept_grad
                parameter.data = function(parameter.detach())
                if gradient is not None:
                    gradient.data = function(gradient.detach())
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = function(buffer)
        return self

    def _floating_to(self, dtype: Any) -> Self:
        return self._converted(lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)

    def to(self, *args: Any, dtype: Any = None, **kwargs: Any) -> Self:
        torch = self._ref.torch
        for given in args:
            if isinstance(given, torch.dtype):
                dtype = given
            elif isinstance(given, torch.Tensor):
                dtype = given.dtype
        if dtype is None:
            return self
        if not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(f"a module becomes floating or complex, not {dtype}")
        return self._converted(
            lambda tensor: tensor.to(dtype) if tensor.is_floating_point() or tensor.is_complex() else tensor
        )

    def type(self, dst_type: Any) -> Self:
        return self._converted(lambda tensor: tensor.to(dst_type))

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        return self._converted(self._ref.torch.empty_like, recurse)

    def cpu(self) -> Self:
        return self

    def double(self) -> Self:
        return self._floating_to(self._ref.torch.float64)

    def float(self) -> Self:
        return self._floating_to(self._ref.torch.float32)

    def half(self) -> Self:
        return self._floating_to(self._ref.torch.float16)

    def bfloat16(self) -> Self:
        return self._floating_to(self._ref.torch.bfloat16)
