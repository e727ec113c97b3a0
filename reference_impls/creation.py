"""Factories: tensors from data, constants and random numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .dtypes import COMPLEX, FLOATING, DType, bool_, float64, int64, of_array, to_complex

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor


def _sizes(size: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as numbers or as one sequence."""
    if len(size) == 1 and not isinstance(size[0], (int, np.integer)) and hasattr(size[0], "__iter__"):
        size = tuple(size[0])
    if any(n < 0 for n in size):
        raise RuntimeError(f"a size cannot be negative: {size}")
    return tuple(int(n) for n in size)


def variable(data: Tensor, requires_grad: bool = False) -> Tensor:
    """``torch.autograd.Variable``, which makes a tensor."""
    return data.detach().requires_grad_(requires_grad)


FORMULA_NAMES = [
    "arange",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "linspace",
    "ones",
    "ones_like",
    "scalar_tensor",
    "tensor",
    "zeros",
    "zeros_like",
]
"""Factories that formulas may use too."""


class Factories:
    """The factory functions of one reference, under torch's names."""

    def __init__(self, ref: Reference) -> None:
        self._ref = ref

    def _made(
        self,
        values: Any,
        dtype: DType | None,
        requires_grad: bool,
        device: Any = None,
        inferred: DType | None = None,
    ) -> Tensor:
        """A leaf with values rounded to its dtype."""
        array = np.asarray(values)
        label = dtype or inferred or self._inferred(array)
        if array.dtype.kind == "c" and label.category < COMPLEX:
            raise RuntimeError(f"complex values cannot be converted to {label}")
        return self._ref.tensor_from(label.round(array.astype(label.storage)), label, requires_grad)

    def _inferred(self, array: np.ndarray) -> DType:
        """The dtype of Python numbers."""
        default = self._ref.default_dtype
        return {"f": default, "c": to_complex(default), "b": bool_}.get(array.dtype.kind, int64)

    def _values(self, data: Any) -> tuple[Any, DType | None]:
        """Nested sequences of numbers, arrays and tensors as an array, and the dtype that these carry."""
        if isinstance(data, self._ref.Tensor):
            return data.array.copy(), data.dtype
        if isinstance(data, (np.ndarray, np.generic)):
            return np.array(data), of_array(np.asarray(data))
        if isinstance(data, (list, tuple)) and any(
            isinstance(item, (self._ref.Tensor, np.ndarray)) for item in data
        ):
            parts = [self._values(item) for item in data]
            return np.array([values for values, _ in parts]), parts[0][1]
        try:
            array = np.array(data if not isinstance(data, (list, tuple)) or len(data) else [], dtype=None)
        except ValueError as error:
            raise ValueError(f"nested sequences of different lengths: {error}") from None
        if array.dtype.kind in "OUS":
            raise TypeError(f"a tensor cannot be made of {data!r}")
        return array, None

    # From data

    def tensor(
        self,
        data: Any,
        *,
        dtype: DType | None = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory=False,
    ) -> Tensor:
        values, known = self._values(data)
        return self._made(values, dtype, requires_grad, device, known)

    def as_tensor(self, data: Any, dtype: DType | None = None, device: Any = None) -> Tensor:
        if isinstance(data, self._ref.Tensor):
            return data if dtype is None else data.to(dtype)
        if isinstance(data, np.ndarray) and (dtype is None or of_array(data) is dtype):
            return self.from_numpy(data)
        return self.tensor(data, dtype=dtype)

    def from_numpy(self, array: np.ndarray) -> Tensor:
        """Shares the memory of the array where its dtype is one that the reference computes in."""
        if not isinstance(array, np.ndarray):
            raise TypeError(f"expected an array, not {type(array).__name__}")
        return self._ref.tensor_from(array, of_array(array))

    asarray = as_tensor

    def scalar_tensor(self, value: Any, *, dtype: DType | None = None, device: Any = None) -> Tensor:
        return self._made(np.asarray(value), dtype or self._ref.default_dtype, False)

    # Constants

    def zeros(
        self, *size: Any, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
    ) -> Tensor:
        return self._made(np.zeros(_sizes(size)), dtype, requires_grad)

    def ones(
        self, *size: Any, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False
    ) -> Tensor:
        return self._made(np.ones(_sizes(size)), dtype, requires_grad)

    empty = zeros

    def full(
        self, size: Sequence[int], fill_value: Any, *, dtype=None, device=None, requires_grad=False
    ) -> Tensor:
        value = fill_value.array if isinstance(fill_value, self._ref.Tensor) else fill_value
        return self._made(np.full(_sizes((size,)), value), dtype, requires_grad)

    def eye(self, n: int, m: int | None = None, *, dtype=None, device=None, requires_grad=False) -> Tensor:
        return self._made(np.eye(n, m), dtype, requires_grad)

    def arange(self, start, end=None, step=1, *, dtype=None, device=None, requires_grad=False) -> Tensor:
        if end is None:
            start, end = 0, start
        start, end, step = (v.item() if isinstance(v, self._ref.Tensor) else v for v in (start, end, step))
        if step == 0 or (end - start) / step < 0:
            raise RuntimeError(f"there is no range from {start} to {end} in steps of {step}")
        count = int(np.ceil((end - start) / step))
        whole = all(isinstance(number, (int, np.integer)) for number in (start, end, step))
        return self._made(np.arange(count) * (step if whole else float(step)) + start, dtype, requires_grad)

    def linspace(self, start, end, steps: int, *, dtype=None, device=None, requires_grad=False) -> Tensor:
        made = self._made(np.linspace(float(start), float(end), steps), dtype, False)
        made.exact = False
        return made.requires_grad_(requires_grad)

    def logspace(
        self, start, end, steps: int, base=10.0, *, dtype=None, device=None, requires_grad=False
    ) -> Tensor:
        made = self._made(np.float_power(base, np.linspace(float(start), float(end), steps)), dtype, False)
        made.exact = False
        return made.requires_grad_(requires_grad)

    # In the image of another tensor

    def _like(self, function: Callable[..., Any]) -> Callable[..., Tensor]:
        def like(
            input: Tensor,
            *args,
            dtype=None,
            device=None,
            requires_grad=False,
            memory_format=None,
            layout=None,
        ):
            return function(input.array.shape, *args, dtype=dtype or input.dtype, requires_grad=requires_grad)

        return like

    def _new(self, function: Callable[..., Any]) -> Callable[..., Tensor]:
        def new(tensor: Tensor, *args, dtype=None, device=None, requires_grad=False):
            return function(*args, dtype=dtype or tensor.dtype, requires_grad=requires_grad)

        return new

    # Random numbers

    def _drawn(self, generator: Any) -> np.random.Generator:
        return self._ref.arithmetic.generator if generator is None else generator.generator

    def rand(self, *size: Any, generator=None, dtype=None, device=None, requires_grad=False) -> Tensor:
        return self._made(self._drawn(generator).random(_sizes(size)), dtype, requires_grad)

    def randn(self, *size: Any, generator=None, dtype=None, device=None, requires_grad=False) -> Tensor:
        shape = _sizes(size)
        values = self._drawn(generator).standard_normal(shape)
        if dtype is not None and dtype.is_complex:
            values = (values + 1j * self._drawn(generator).standard_normal(shape)) / np.sqrt(2)
        return self._made(values, dtype, requires_grad)

    def randint(self, *bounds: Any, generator=None, dtype=None, device=None, requires_grad=False) -> Tensor:
        low, high, size = bounds if len(bounds) == 3 else (0, *bounds)
        return self._made(
            self._drawn(generator).integers(low, high, _sizes((size,))), dtype or int64, requires_grad
        )

    def randperm(self, n: int, *, generator=None, dtype=None, device=None) -> Tensor:
        return self._made(self._drawn(generator).permutation(n), dtype or int64, False)

    def bernoulli(self, input: Tensor, p: float | None = None, *, generator=None) -> Tensor:
        chance = input.array if p is None else p
        return self._made(self._drawn(generator).random(input.array.shape) < chance, input.dtype, False)

    def normal(self, mean: Any, std: Any = 1.0, size: Any = None, *, generator=None, dtype=None) -> Tensor:
        mean, std = (v.array if isinstance(v, self._ref.Tensor) else v for v in (mean, std))
        shape = np.broadcast(mean, std).shape if size is None else _sizes((size,))
        return self._made(mean + std * self._drawn(generator).standard_normal(shape), dtype, False)

    def manual_seed(self, seed: int) -> Any:
        self._ref.arithmetic.generator = np.random.Generator(np.random.PCG64(seed))
        return None

    # Settings and comparisons

    def get_default_dtype(self) -> DType:
        return self._ref.default_dtype

    def set_default_dtype(self, dtype: DType) -> None:
        if dtype.category != FLOATING:
            raise TypeError(f"the default dtype has to be floating, not {dtype}")
        self._ref.default_dtype = dtype

    def equal(self, input: Tensor, other: Tensor) -> bool:
        return bool(np.array_equal(input.array, other.array))

    def allclose(self, input: Tensor, other: Tensor, rtol=1e-05, atol=1e-08, equal_nan=False) -> bool:
        return bool(np.allclose(input.array, other.array, rtol, atol, equal_nan))

    def numel(self, input: Tensor) -> int:
        return input.array.size


class Generator:
    """A random generator of its own. Its stream is NumPy's, not torch's."""

    def __init__(self, device: Any = None) -> None:
        self.manual_seed(0)

    def manual_seed(self, seed: int) -> Generator:
        self._seed = seed
        self.generator = np.random.Generator(np.random.PCG64(seed))
        return self

    def initial_seed(self) -> int:
        return self._seed


def for_reference(ref: Reference) -> dict[str, Any]:
    """The factories of a reference, by torch's name; those that tensors have as methods are attached."""
    factories = Factories(ref)
    names = {name: getattr(factories, name) for name in dir(factories) if not name.startswith("_")}
    like = factories._like
    names |= {
        f"{name}_like": like(names[name]) for name in ("zeros", "ones", "empty", "full", "rand", "randn")
    }
    names["randint_like"] = lambda input, *bounds, dtype=None: factories.randint(
        *bounds, input.array.shape, dtype=dtype or input.dtype
    )
    names["Generator"] = Generator
    for name in FORMULA_NAMES:
        setattr(ref.ops, name, names[name])
    for name in ("zeros", "ones", "empty", "full", "tensor"):
        setattr(ref.Tensor, f"new_{name}", factories._new(names[name]))
    tensor_type: Any = ref.Tensor
    tensor_type.uniform_ = lambda self, a=0.0, b=1.0, *, generator=None: self.copy_(
        factories.rand(self.array.shape, generator=generator, dtype=float64) * (b - a) + a
    )
    tensor_type.normal_ = lambda self, mean=0.0, std=1.0, *, generator=None: self.copy_(
        factories.randn(self.array.shape, generator=generator, dtype=float64) * std + mean
    )
    for name in ("equal", "allclose"):
        setattr(ref.Tensor, name, lambda self, *args, _f=names[name], **kwargs: _f(self, *args, **kwargs))
    for name, dtype in (
        ("double", float64),
        ("float", "float32"),
        ("half", "float16"),
        ("bfloat16", "bfloat16"),
    ):
        _conversion(ref, name, dtype)
    for name, dtype in (("long", int64), ("int", "int32"), ("short", "int16"), ("bool", bool_)):
        _conversion(ref, name, dtype)
    return names


def _conversion(ref: Reference, name: str, dtype: DType | str) -> None:
    from .dtypes import by_name

    label = by_name(dtype) if isinstance(dtype, str) else dtype
    setattr(ref.Tensor, name, lambda self: self.to(label))
