"""The tensors of functional backends: an array that never changes inside a tensor that can be given another."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_impls.conversion import Conversion
from reference_impls.dtypes import COMPLEX, FLOATING, INTEGER, NAMES, DType
from reference_impls.namespace import Device
from reference_impls.tensor import Size

from .contract import Unsupported
from .functional_trace import Value

if TYPE_CHECKING:
    from .functional_shell import Shell

Memory = list["weakref.ref[Tensor]"]
"""The tensors that would share memory in torch."""


@cache
def _labelled(name: str) -> DType:
    """The dtype of a name; one that torch does not have, such as uint64, is an integer of this name here."""
    return NAMES[name] if name in NAMES else DType(name, INTEGER, 64)


class Tensor(Conversion):
    """A tensor of one shell, which is the ``shell`` of its class.

    Operators, methods and properties come from the functions of the framework (see ``Shell``); what stands here
    is the state that autograd needs, and access to shape, dtype and values.
    """

    shell: Shell
    exact: bool = False  # a mark of the reference, whose factories make some of the tensors here

    def __init__(self, value: Value) -> None:
        self.value = value
        self.memory: Memory | None = None
        self.level = self.shell.level
        self.kept_grad: Tensor | None = None

    # Autograd

    @property
    def requires_grad(self) -> bool:
        return self.value.requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        if self.value.call is not None:
            if requires_grad:
                return self
            raise RuntimeError("only a leaf can stop requiring grad; use detach()")
        if requires_grad and self.dtype.category < FLOATING:
            raise RuntimeError(f"only floating and complex tensors can require gradients, not {self.dtype}")
        # What was computed with it before goes on speaking of a constant.
        self.value = Value(self.value.array, leaf=self if requires_grad else None)
        return self

    @property
    def is_leaf(self) -> bool:
        return self.value.call is None

    @property
    def grad_fn(self) -> str | None:
        """The name of the function that made it: all of a node that a functional backend has."""
        return None if self.value.call is None else self.value.call.name

    @property
    def grad(self) -> Tensor | None:
        return self.kept_grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, self.shell.Tensor):
                raise TypeError(f"a gradient is a tensor or None, not a {type(value).__name__}")
            if value.dtype is not self.dtype or value.shape != self.shape:
                raise RuntimeError(
                    f"a gradient of {value.dtype}{value.shape} does not fit {self.dtype}{self.shape}"
                )
        self.kept_grad = value

    def retain_grad(self) -> None:
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on a tensor that does not require grad")
        if not self.is_leaf:
            self.value.keeper = weakref.ref(self)

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        self.shell.note("torch.Tensor.backward")
        self.shell.autograd.backward((self,), (gradient,), retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same values without history. (In torch it shares memory, which only a write would show.)"""
        array = self.value.array
        if self.shell.level:  # inside a transform the framework follows arrays, not tensors
            array = self.shell.function("detach")(array)
        return self.shell.Tensor(Value(array)).join(self)

    def detach_(self) -> Tensor:
        if self.shared():
            raise Unsupported("views: detaching one of several tensors that share memory")
        self.value = Value(self.detach().value.array)
        return self

    @property
    def data(self) -> Tensor:
        return self.detach()

    @data.setter
    def data(self, other: Tensor) -> None:
        self.replace(other.value.array)

    def register_hook(self, hook: Callable[..., Any]) -> Any:
        raise Unsupported("hooks")

    # Writing

    def join(self, other: Tensor) -> Tensor:
        """Remember that this tensor would share memory with another one."""
        if other.memory is None:
            other.memory = [weakref.ref(other)]
        self.memory = other.memory
        self.memory[:] = [*filter(lambda reference: reference() is not None, self.memory), weakref.ref(self)]
        return self

    def shared(self) -> bool:
        """Whether another tensor that still lives would see a write to this one."""
        others = [reference() for reference in self.memory or ()]
        return any(other is not None and other is not self for other in others)

    def replace(self, array: Any) -> None:
        """Another array for this tensor, which stays the leaf that it is."""
        old, self.value = self.value, Value(array, leaf=self.value.leaf)
        old.overwritten = True

    def write(self, name: str, result: Any) -> Tensor:
        """What an in-place operator does: this tensor takes the result, in its own dtype and shape.

        Only where nothing would be recorded and nobody shares the memory: the rest takes more than a function.
        """
        shell = self.shell
        if shell.modes.grad and (self.requires_grad or result.requires_grad):
            raise Unsupported("inplace: a write that autograd would record")
        if self.shared():
            raise Unsupported("views: a write to memory that another tensor shares")
        if result.shape != self.shape:
            raise RuntimeError(f"a result of {result.shape} cannot be stored in a tensor of {self.shape}")
        shell.note(f"torch.Tensor.{name}")
        self.replace(result.to(self.dtype).value.array)
        return self

    def copy_(self, source: Any, non_blocking: bool = False) -> Tensor:
        source = self.shell.as_tensor(source)
        return self.write(
            "copy_", source.to(self.dtype).expand(self.shape) if source.shape != self.shape else source
        )

    def fill_(self, value: Any) -> Tensor:
        return self.write("fill_", self.shell.torch.full(self.shape, value, dtype=self.dtype))

    def zero_(self) -> Tensor:
        return self.fill_(0)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise Unsupported("inplace: assigning to elements")

    # Shape, dtype, values

    @property
    def dtype(self) -> DType:
        return _labelled(self.shell.backend.dtype_name(self.value.array))

    @property
    def device(self) -> Any:
        return Device(self.shell.backend.devices[0])

    @property
    def array(self) -> Any:
        """The framework's array."""
        return self.value.array

    @property
    def shape(self) -> Size:
        return Size(self.value.array.shape)

    @property
    def ndim(self) -> int:
        return len(self.value.array.shape)

    def dim(self) -> int:
        return self.ndim

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        return self.shape.numel()

    def is_floating_point(self) -> bool:
        return self.dtype.category == FLOATING

    def is_complex(self) -> bool:
        return self.dtype.category == COMPLEX

    def is_contiguous(self) -> bool:
        raise Unsupported("strides")

    def data_ptr(self) -> int:
        raise Unsupported("views")

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """A copy of the values (torch's own would share memory)."""
        if self.requires_grad and not force:
            raise RuntimeError(
                "can't call numpy() on a tensor that requires grad; use tensor.detach().numpy()"
            )
        return self.shell.backend.numpy_from(self.value.array)

    def __iter__(self) -> Iterator[Tensor]:
        return iter([self[index] for index in range(len(self))])  # type: ignore[index]

    def __repr__(self) -> str:
        return f"tensor({self.value.array!r})"

    def to(
        self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, **layout: Any
    ) -> Tensor:
        """In another dtype; itself where nothing changes."""
        for argument in args:
            if isinstance(argument, DType):
                dtype = argument
            elif isinstance(argument, Tensor):
                dtype = argument.dtype
        if dtype is None or dtype is self.dtype:
            return self.clone() if copy else self  # type: ignore[attr-defined]
        return self.shell.call("to", self, dtype)

    def type_as(self, other: Tensor) -> Tensor:
        return self.to(other.dtype)

    def cpu(self) -> Tensor:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.value.call is not None:
            raise RuntimeError("only tensors that the user created (leaves) can be copied deeply")
        made = memo[id(self)] = object.__new__(type(self))
        Tensor.__init__(made, Value(self.value.array))
        if self.value.leaf is not None:
            made.value.leaf = made
        if self.kept_grad is not None:
            made.kept_grad = self.kept_grad.__deepcopy__(memo)
        return made

    def __reduce__(self) -> Any:
        raise Unsupported("serialization")
