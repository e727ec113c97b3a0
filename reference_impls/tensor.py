"""The tensor: an array, a label, a place in the graph. ``binding`` attaches its operators."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import views
from .conversion import Conversion
from .dtypes import DType
from .hooks import Hooks, RemovableHandle
from .structural import CAST, storage_offset

if TYPE_CHECKING:
    from .reference import Reference
    from .tape import AccumulateGrad, Node
    from .views import View


class Size(tuple):
    """A shape."""

    def numel(self) -> int:
        count = 1
        for n in self:
            count *= n
        return count

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"


class Tensor(Conversion):
    """A tensor of one reference, which is the ``_ref`` of its class.

    ``array`` holds the values in float64, complex128, int64 or bool; ``dtype`` is the label. What a fresh
    result does not have is a default of the class, so that making one is cheap.
    """

    _ref: Reference
    node: Node | None = None
    """The function that made it (of a view: as of ``origin.version``; see ``current_node``)."""
    output_nr: int = 0
    requires_flag: bool = False
    """Whether it is a leaf that needs its gradient."""
    kept_grad: Tensor | None = None
    origin: View | None = None
    retains_grad: bool = False
    specified: np.ndarray | None = None
    """The elements that a tensor of sparse layout has; a dense one has all."""
    inference: bool = False
    tangents: dict[int, Tensor | None] | None = None
    """Its tangent of each level of forward mode (see ``dual``)."""
    transient: bool = False
    """Whether it stood in for an input of a function transform that has returned."""
    leaf_hooks: Hooks | None = None
    post_accumulate: Hooks | None = None
    accumulator: weakref.ref[AccumulateGrad] | None = None

    if TYPE_CHECKING:  # what the vocabulary adds

        def __getattr__(self, name: str) -> Any: ...

        def __getitem__(self, index: Any) -> Tensor: ...

        def __setitem__(self, index: Any, value: Any) -> None: ...

    array: np.ndarray
    dtype: DType
    exact: bool
    cell: list[int]
    """The version counter: a list of one number, shared by all tensors that share memory."""

    def __new__(cls, data: Any = (), *, dtype: Any = None) -> Tensor:
        ref = cls._ref
        made = ref.torch.tensor(data, dtype=dtype or ref.default_dtype)
        tensor = object.__new__(cls)
        tensor.array, tensor.dtype, tensor.exact, tensor.cell = made.array, made.dtype, True, [0]
        return tensor

    # Its place in the graph

    def current_node(self) -> Node | None:
        """The function that made it; renewed first where their memory has been written to since."""
        view = self.origin
        if view is not None and view.version != self.cell[0]:
            views.renew(self)
        return self.node

    @property
    def grad_fn(self) -> Node | None:
        return self.current_node()

    @property
    def requires_grad(self) -> bool:
        return self.requires_flag or (self.node if self.origin is None else self.current_node()) is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    @property
    def is_leaf(self) -> bool:
        return self.current_node() is None

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Starts or stops recording at this leaf."""
        if self.current_node() is not None:
            if requires_grad:
                return self
            raise RuntimeError("you can only change requires_grad flags of leaf variables")
        if requires_grad and self.dtype.category < 2:
            raise RuntimeError(
                f"only tensors of floating point or complex dtype can require gradients, not {self.dtype}"
            )
        if requires_grad and self.inference and not self._ref.modes.inference:
            raise RuntimeError("an inference tensor cannot require gradients outside of inference_mode")
        self.requires_flag = bool(requires_grad)
        return self

    @property
    def grad(self) -> Tensor | None:
        return self.kept_grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, self._ref.Tensor):
                raise TypeError(f"a gradient is a tensor or None, not {type(value).__name__}")
            if value is self:
                raise RuntimeError("a tensor cannot be its own gradient")
            if value.dtype is not self.dtype:
                raise RuntimeError(f"a gradient of {value.dtype} does not fit a tensor of {self.dtype}")
            if value.array.shape != self.array.shape:
                raise RuntimeError(f"a gradient of shape {value.array.shape} does not fit {self.array.shape}")
        self.kept_grad = value

    @grad.deleter
    def grad(self) -> None:
        self.kept_grad = None

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Adds the gradient of this tensor to the ``.grad`` of the leaves."""
        self._ref.backward((self,), (gradient,), retain_graph, create_graph, inputs=inputs)

    def retain_grad(self) -> None:
        """Keeps the gradient of a tensor that is not a leaf."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on a tensor that does not require grad")
        if self.node is not None and not self.retains_grad:
            self.retains_grad = True
            self._keep_at_node()

    def _keep_at_node(self) -> None:
        if self.node is not None:
            self.node.retained = self.node.retained or {}
            self.node.retained[self.output_nr] = weakref.ref(self)

    def rebase(self, node: Node | None, output_nr: int) -> None:
        """A new history. Hooks stay with the old one; keeping the gradient comes along."""
        if self.retains_grad and self.node is not None and self.node.retained is not None:
            self.node.retained.pop(self.output_nr, None)
        self.node, self.output_nr = node, output_nr
        if self.retains_grad:
            self._keep_at_node()

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """``hook(grad)`` runs whenever the gradient of this tensor is known, and may return another one."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self.node is None:
            self.leaf_hooks = self.leaf_hooks or Hooks()
            return self.leaf_hooks.add(hook)
        hooks = self.node.tensor_hooks = self.node.tensor_hooks or {}
        return hooks.setdefault(self.output_nr, Hooks()).add(hook)

    def register_post_accumulate_grad_hook(self, hook: Callable) -> RemovableHandle:
        """``hook(tensor)`` runs after a gradient has been added to this leaf's ``.grad``."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self.node is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        self.post_accumulate = self.post_accumulate or Hooks()
        return self.post_accumulate.add(hook)

    # Leaving the graph

    def detach(self) -> Tensor:
        """The same memory and version counter, without history."""
        detached = self._ref.wrap(self.array, self.dtype, self.exact)
        detached.cell = self.cell
        detached.inference = self.inference
        return detached

    def detach_(self) -> Tensor:
        if self.origin is not None and not self.inference:  # whose views are not tracked
            raise RuntimeError("can't detach views in-place; use detach() instead")
        self.rebase(None, 0)
        self.requires_flag = False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory without history, with a version counter of its own: writes go unnoticed."""
        return self._ref.wrap(self.array, self.dtype, self.exact)

    @data.setter
    def data(self, value: Tensor) -> None:
        self.array, self.dtype, self.exact = value.array, value.dtype, value.exact

    # Views and versions

    def to_dense(self) -> Tensor:
        """The values without the layout."""
        return self._ref.tensor_from(self.array.copy(), self.dtype)

    @property
    def _version(self) -> int:
        if self.inference:
            raise RuntimeError("inference tensors do not track version counter")
        return self.cell[0]

    @property
    def _base(self) -> Tensor | None:
        return None if self.origin is None else self.origin.base

    def _is_view(self) -> bool:
        return self.origin is not None

    def is_inference(self) -> bool:
        return self.inference

    # Values

    @property
    def shape(self) -> Size:
        return Size(self.array.shape)

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def device(self) -> Any:
        return self._ref.cpu

    @property
    def is_cuda(self) -> bool:
        return False

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.array.shape[dim]

    def dim(self) -> int:
        return self.array.ndim

    def numel(self) -> int:
        return self.array.size

    nelement = numel
    ndimension = dim

    def element_size(self) -> int:
        return self.dtype.itemsize

    def stride(self, dim: int | None = None) -> Any:
        strides = tuple(n // self.array.itemsize for n in self.array.strides)
        return strides if dim is None else strides[dim]

    def storage_offset(self) -> int:
        return storage_offset(self.array)

    def is_contiguous(self, memory_format: Any = None) -> bool:
        return self.array.flags.c_contiguous

    def contiguous(self, memory_format: Any = None) -> Tensor:
        return self if self.array.flags.c_contiguous else self.clone()

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        return self.dtype.is_signed

    def data_ptr(self) -> int:
        return self.array.__array_interface__["data"][0]

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The values as an array, which shares this tensor's memory unless ``force`` is given."""
        if force:
            return self._ref.arithmetic.to_numpy(self.array).copy()
        if self.requires_grad:
            raise RuntimeError(
                "can't call numpy() on a tensor that requires grad; use tensor.detach().numpy()"
            )
        return self._ref.arithmetic.to_numpy(self.array)

    def __iter__(self) -> Any:
        if self.array.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self._ref.ops.unbind(self, 0))

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    def __repr__(self) -> str:
        values = np.array2string(self.array, separator=", ", prefix="tensor(")
        note = (
            f", grad_fn={self.node}"
            if self.node is not None
            else ", requires_grad=True"
            if self.requires_flag
            else ""
        )
        return f"tensor({values}, dtype={self.dtype}{note})"

    def __deepcopy__(self, memo: dict) -> Tensor:
        if self.current_node() is not None:
            raise RuntimeError("only tensors created explicitly by the user (graph leaves) support deepcopy")
        if id(self) in memo:
            return memo[id(self)]
        copied = object.__new__(type(self))
        copied.array, copied.dtype, copied.exact, copied.cell = self.array.copy(), self.dtype, self.exact, [0]
        copied.requires_flag = self.requires_flag
        memo[id(self)] = copied
        if self.kept_grad is not None:
            copied.kept_grad = self.kept_grad.__deepcopy__(memo)
        return copied

    # Conversion

    def to(
        self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, **layout: Any
    ) -> Tensor:
        """In another dtype, rounded to it; itself where nothing changes."""
        for argument in args:
            if isinstance(argument, DType):
                dtype = argument
            elif isinstance(argument, Tensor):
                dtype = argument.dtype
        if dtype is None or dtype is self.dtype:
            return self.clone() if copy else self
        return self._ref.apply(CAST, (self,), {"dtype": dtype, "rounded": True})

    def type_as(self, other: Tensor) -> Tensor:
        return self.to(other.dtype)

    def cpu(self) -> Tensor:
        return self
