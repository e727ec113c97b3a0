"""The reference: one NumPy ``torch``. Nothing is global; any number of references can live side by side."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from . import batching, dual, grad_mode, namespace, noise, saving, views
from .arithmetic import Arithmetic, Float64
from .binding import Vocabulary, attach_methods
from .dtypes import DType, float32, of_array
from .labels import CATEGORY, label
from .primitive import Primitive
from .primitives import TABLE
from .structural import CAST
from .tape import AccumulateGrad, PrimitiveNode, Record
from .tensor import Tensor


def apart(result: Any, arrays: list[np.ndarray]) -> Any:
    """A result in memory of its own: only a view shares that of an input."""
    for array in arrays:
        if result is array or (getattr(result, "base", None) is not None and views.shares(result, array)):
            return result.copy()
    return result


class Reference:
    """A define-by-run autograd over arrays of one arithmetic, with torch's dtype labels.

    ``ops`` is the vocabulary of definitions, ``torch`` the namespace of programs, ``Tensor`` the class of its
    tensors. ``primitives`` replaces the tables (a faulty reference changes one entry).
    """

    def __init__(
        self, arithmetic: Arithmetic | None = None, primitives: Mapping[str, Primitive] | None = None
    ) -> None:
        self.arithmetic: Any = Float64() if arithmetic is None else arithmetic
        self.modes = grad_mode.Modes()
        self.default_dtype = float32
        self.cpu = namespace.Device("cpu")
        self.next_sequence = itertools.count(1).__next__
        self.next_level = itertools.count(1).__next__
        self.tangents: dict[int, list[Any]] = {}
        """What has a tangent, for each level of forward mode that is active."""
        self._records: dict[int, Record] = {}
        self.Tensor: type[Tensor] = type("Tensor", (Tensor,), {"_ref": self, "__doc__": Tensor.__doc__})
        self.noise = noise.Silent()
        self.ops = Vocabulary(self, TABLE if primitives is None else primitives)
        attach_methods(self)
        self.Batched = batching.class_for(self)
        self.torch = namespace.build(self)
        self.backward = self.torch.autograd.backward
        self.no_grad = self.torch.no_grad

    # Noise

    @property
    def noise(self) -> noise.Base | noise.Noisy:
        """The noise of the current run."""
        return self.arithmetic.noise

    @noise.setter
    def noise(self, value: noise.Base | noise.Noisy) -> None:
        self.arithmetic.noise = value
        self._perturbs = isinstance(value, noise.Noisy)
        self._records_decisions = not isinstance(value, noise.Silent)

    @contextmanager
    def _run(self, current: Any) -> Iterator[Any]:
        before = self.noise
        self.noise = current
        try:
            with np.errstate(all="ignore"):
                yield current
        finally:
            self.noise = before

    def base(self) -> Any:
        """A run as exact as the arithmetic; yields its ``Base`` with the decisions that it takes."""
        return self._run(noise.Base())

    def noisy(self, dtype: DType, seed: int, decisions: list[np.ndarray], free: bool = False) -> Any:
        """A run with rounding noise of ``dtype`` that replays ``decisions``, or compares its own with them if it is
        ``free``; yields its ``Noisy``."""
        return self._run(noise.Noisy(dtype, seed, decisions, free))

    # Tensors

    def wrap(self, array: np.ndarray, dtype: DType, exact: bool) -> Tensor:
        """A tensor without history around an array that is already in this reference's arithmetic."""
        tensor = object.__new__(self.Tensor)
        tensor.array = array
        tensor.dtype = dtype
        tensor.exact = exact
        tensor.cell = [0]
        return tensor

    def tensor_from(self, array: np.ndarray, dtype: DType, requires_grad: bool = False) -> Tensor:
        """A leaf with the values of an array, as they are: rounding to the label is the caller's business."""
        array = np.asarray(array)
        if array.dtype != object and array.dtype != dtype.storage:
            array = array.astype(dtype.storage)
        tensor = self.wrap(self.arithmetic.from_numpy(array), dtype, True)
        if self.modes.inference:
            tensor.inference = True
        return tensor.requires_grad_() if requires_grad else tensor

    def as_tensor(self, value: Any) -> Tensor:
        """A tensor, or a Python number or array as a constant."""
        if isinstance(value, Tensor):
            return value
        array = np.asarray(value)
        if array.dtype == object:
            return self.wrap(array, self.default_dtype, True)
        dtype = self.default_dtype if array.dtype.kind == "f" else of_array(array)
        return self.tensor_from(array, dtype)

    def zeros(self, shape: Sequence[int], dtype: DType) -> Tensor:
        return self.tensor_from(np.zeros(shape, dtype.storage), dtype)

    # The one path by which every primitive runs

    def record_of(self, primitive: Primitive) -> Record:
        """The compiled form of a primitive."""
        record = self._records.get(id(primitive))
        if record is None:
            record = self._records[id(primitive)] = Record(primitive)
        return record

    def apply(self, record: Record | Primitive, tensors: Sequence[Any], attributes: dict[str, Any]) -> Any:
        """Runs a primitive on tensors, numbers and arrays, and records it where a gradient is needed."""
        if not isinstance(record, Record):
            record = self.record_of(record)
        if self.modes.frames:
            if any(type(tensor) is self.Batched for tensor in tensors):
                return batching.over_slices(self, self.apply, (record, tensors, attributes), {})
            if record.name.startswith("random_"):
                return batching.draw(self, lambda: self._applied(record, tensors, attributes))
            for level in dual.levels(self):
                if any(isinstance(t, Tensor) and dual.tangent(self, t, level) is not None for t in tensors):
                    return dual.apply(self, record, tensors, attributes, level)
        return self._applied(record, tensors, attributes)

    def _applied(self, record: Record, tensors: Sequence[Any], attributes: dict[str, Any]) -> Any:
        """The same where no function transform has a part in it."""
        xp = self.arithmetic
        arrays = []
        own: list[Tensor] = []
        exact = True
        common: DType | None = None  # the label that all tensors have
        for tensor in tensors:
            if isinstance(tensor, Tensor):
                arrays.append(tensor.array)
                if common is not tensor.dtype:
                    common = None if own else tensor.dtype
                own.append(tensor)
                if not tensor.exact:
                    exact = False
            else:
                arrays.append(xp.from_numpy(np.asarray(tensor)))
        try:
            result = record.forward(xp, *arrays, **attributes)
        except ValueError as error:  # NumPy's word for shapes that do not fit
            if isinstance(error, IndexError):  # and for axes out of range
                raise
            raise RuntimeError(str(error)) from None
        mask = self._differentiated(record, tensors) if self.modes.grad and record.differentiable else 0
        many = type(result) is tuple
        if not record.view:
            result = tuple(apart(r, arrays) for r in result) if many else apart(result, arrays)
        if many:
            made = [self._result(record, r, own, common, exact, attributes) for r in result]
        else:
            made = [self._result(record, result, own, common, exact, attributes)]
        if mask:
            self._attach(record, mask, tensors, made, attributes, many)
        if record.view:
            for index, view in enumerate(made):
                views.derive(self, own[0], view, record, attributes, index if many else None)
        return tuple(made) if many else made[0]

    def _differentiated(self, record: Record, tensors: Sequence[Any]) -> int:
        """One bit for each input that needs a gradient and has a formula for it."""
        mask, bit = 0, 1
        for tensor in tensors:
            if isinstance(tensor, Tensor) and (
                tensor.requires_flag
                or (tensor.node if tensor.origin is None else tensor.current_node()) is not None
            ):
                mask |= bit
            bit <<= 1
        return mask if record.variadic else mask & record.differentiable

    def _result(
        self,
        record: Record,
        array: Any,
        own: list[Tensor],
        common: DType | None,
        exact: bool,
        attributes: dict[str, Any],
    ) -> Tensor:
        if type(array) is not np.ndarray:
            array = np.asarray(array)
        if record.inexact:
            if self._perturbs:
                array = self.arithmetic.result(array)
            exact = array.dtype.kind in "biu"
        elif record.decision:
            if self._records_decisions:
                array = self.arithmetic.decide(array)
            exact = True
        wanted = attributes.get("dtype") if attributes else None
        if wanted is not None:
            if CATEGORY.get(array.dtype.kind, wanted.category) != wanted.category:
                array = array.astype(wanted.storage)
        elif (
            common is not None and CATEGORY.get(array.dtype.kind) == common.category and record.dtype != "sum"
        ):
            wanted = common  # the usual case of ``label``
        else:
            wanted = label(record.dtype, own, array, self.default_dtype)
        tensor = object.__new__(self.Tensor)
        tensor.array = array
        tensor.dtype = wanted
        tensor.exact = exact
        tensor.cell = [0]
        if self.modes.inference:
            tensor.inference = True
        return tensor

    def _attach(
        self,
        record: Record,
        mask: int,
        tensors: Sequence[Any],
        made: list[Tensor],
        attributes: dict[str, Any],
        many: bool,
    ) -> None:
        """Makes the node of an application, with its edges and what it saves."""
        edges: list[Any] = []
        for i, tensor in enumerate(tensors):
            if not mask >> i & 1:
                edges.append(None)
            elif tensor.node is not None and tensor.origin is None:
                edges.append((tensor.node, tensor.output_nr))
            else:
                edges.append(self.edge(tensor))
        outputs = [(tensor.array.shape, tensor.dtype) for tensor in made]
        node = PrimitiveNode(self.next_sequence(), edges, outputs, record, attributes, many)
        node.save(self, mask, tensors, made)
        for index, tensor in enumerate(made):
            if tensor.dtype.category >= 2:  # integers and bools are not differentiable
                tensor.node = node
                tensor.output_nr = index

    def edge(self, tensor: Tensor) -> Any:
        """Where the cotangent of a tensor goes, as (node, index of its result); None where it needs none."""
        node = tensor.current_node()
        if node is not None:
            return node, tensor.output_nr
        if not tensor.requires_flag:
            return None
        found = tensor.accumulator
        accumulator = found and found()
        if accumulator is None:
            accumulator = AccumulateGrad(self.next_sequence(), tensor)
            tensor.accumulator = weakref.ref(accumulator)
        return accumulator, 0

    # Operators

    def operator(
        self, function: Callable[..., Any], dtype_rule: str | Sequence[str] = "promote", name: str = ""
    ) -> Callable[..., Any]:
        """The boundary of an operator: labels that flowed through its definition are replaced by its own."""

        def operator(*args: Any, **kwargs: Any) -> Any:
            if self.modes.frames and batching.present(self, (args, kwargs)):
                return batching.over_slices(self, operator, args, kwargs)
            result = function(*args, **kwargs)
            if dtype_rule == "none" and isinstance(result, Tensor):
                return result
            own: list[Tensor] = []
            wanted = kwargs.get("dtype")
            for argument in (*args, *kwargs.values()) if kwargs else args:
                if isinstance(argument, Tensor):
                    own.append(argument)
                elif type(argument) in (tuple, list):
                    own.extend(item for item in argument if isinstance(item, Tensor))
                elif type(argument) is DType:
                    wanted = argument
            return self._stamp(result, dtype_rule, own, wanted)

        operator.__name__ = operator.__qualname__ = name or getattr(function, "__name__", "operator")
        operator.__doc__ = function.__doc__
        return saving.as_one_operator(self, operator, function, name)

    def _stamp(self, result: Any, rule: str | Sequence[str], own: list[Tensor], wanted: DType | None) -> Any:
        if not isinstance(rule, str):  # one for each of several results; the first for a result that is alone
            if isinstance(result, Tensor):
                return self._stamp(result, rule[0], own, wanted)
            stamped = [self._stamp(part, r, own, wanted) for part, r in zip(result, rule, strict=True)]
            return type(result)(stamped) if type(result) in (tuple, list) else type(result)(*stamped)
        if isinstance(result, Tensor):
            if wanted is None and rule == "none":
                return result
            if wanted is None:
                wanted = label(rule, own, result.array, self.default_dtype) if own else result.dtype
            if result.dtype is wanted:
                return result
            kind = result.array.dtype.kind
            if CATEGORY.get(kind, wanted.category) != wanted.category or any(
                result is tensor for tensor in own
            ):
                return self.apply(CAST, (result,), {"dtype": wanted})
            result.dtype = wanted
            if result.tangents:
                dual.relabel(result)
            if result.node is not None:
                result.node.outputs[result.output_nr] = (result.array.shape, wanted)
            return result
        if type(result) in (tuple, list):
            stamped = type(result)(self._stamp(item, rule, own, wanted) for item in result)
            for item in stamped:
                if isinstance(item, Tensor) and item.origin is not None:
                    item.origin.refusal = item.origin.refusal or views.MULTIPLE
            return stamped
        if isinstance(result, tuple):  # a named tuple
            return type(result)(*(self._stamp(item, rule, own, wanted) for item in result))
        return result

    def define(self, dotted: str, value: Any) -> None:
        """Puts a value into the namespace: ``define("torch.nn.functional.softplus", function)``."""
        namespace.define(self.torch, dotted, value)
