"""The shell that turns a table of functions into a ``torch``: tensors, a namespace, and a record of what it adds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_impls import creation, dtypes, grad_mode, nn, vocabulary
from reference_impls.composites.registry import COMPOSITES
from reference_impls.dtypes import COMPLEX, FLOATING, DType
from reference_impls.namespace import Device, Namespace, define
from reference_impls.primitives import TABLE
from reference_impls.tensor import Size

from . import functional_tensor
from .contract import Unsupported
from .functional_autograd import Autograd
from .functional_trace import Call, Value

if TYPE_CHECKING:
    from .functional import FunctionalBackend

_SAVES_NOTHING = """
    add broadcast_to cat chunk clone expand flatten getitem imag matrix_transpose mean narrow neg permute real
    reshape reversed_dims select split squeeze stack sub sum t to torch.autograd.grad transpose unbind unsqueeze view
"""
SAVES_NOTHING = frozenset(_SAVES_NOTHING.split())
"""Functions for whose derivative torch keeps no tensor, so that backward can go through them again."""
_VIEWS = """
    adjoint broadcast_to chunk diagonal expand expand_as flatten getitem imag matrix_transpose movedim narrow permute
    real reshape reversed_dims select split squeeze swapaxes t transpose unbind unflatten unsqueeze view view_as
"""
VIEWS = frozenset(_VIEWS.split())
"""Functions whose results share memory with their first argument in torch."""
SLOT = object()
"""Where the arguments of a recorded call had a tensor."""
IN_PLACE = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")


class Shell:
    """One functional backend's ``torch``. It plays the part of a reference where specs are assembled on it.

    ``functions`` of the backend are known by a bare vocabulary name (``add``), which makes them a function of
    ``torch`` and, where torch has one, a method and an operator of tensors; or by a dotted name, and are that only.
    """

    def __init__(self, backend: FunctionalBackend) -> None:
        self.backend = backend
        self.modes = grad_mode.Modes()
        self.default_dtype = dtypes.float32
        self.level = 0
        """How many transforms of functions are under way."""
        self.noted: dict[str, None] = {}
        self.Tensor: type[functional_tensor.Tensor] = type(
            "Tensor",
            (functional_tensor.Tensor,),
            {"shell": self, "__doc__": functional_tensor.Tensor.__doc__},
        )
        self.arithmetic = SimpleNamespace(generator=np.random.default_rng(0))
        """Where the factories of a reference look for their random numbers."""
        self.autograd = Autograd(self)
        self.ops = Namespace("the vocabulary")
        self.torch = Supplying("torch", self)
        self._bind()
        self._supply()
        self._complete()
        self.no_grad = self.torch.no_grad

    # What the suite adds

    def note(self, name: str) -> None:
        """Remember that the suite stood in for the backend."""
        self.noted[name] = None

    def define(self, dotted: str, value: Any) -> None:
        """Supply a name that the framework has no function for; a name that is there is left alone."""
        *path, last = dotted.split(".")
        here: Any = self.torch
        for part in path[1:]:
            here = here.inside(part)
        here.supply(last, value)

    # Calls

    def function(self, name: str) -> Callable[..., Any]:
        """The framework's function of a name."""
        function = self.backend.functions.get(name)
        if function is None:
            raise Unsupported(name if "." in name else f"torch.{name}")
        return function

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Applies a function of the framework to tensors and whatever else it takes."""
        function = self.function(name)
        tensors = [*self.tensors_in(args), *self.tensors_in(kwargs)]
        if self.level and any(t.level < self.level and t.requires_grad for t in tensors):
            raise Unsupported("a transform of a function that captures a tensor which requires grad")
        if self.level and not self.modes.grad:
            raise Unsupported("no_grad inside a transform")
        structure: Any = None
        # The call must not keep the tensors themselves alive: whether one is shared is asked of those that live.
        template = self.mapped((args, kwargs), lambda _: SLOT, _label)

        def flat(*arrays: Any) -> list[Any]:
            nonlocal structure
            source = iter(arrays)
            given, named = self.mapped(template, lambda _: next(source), kind=lambda value: value is SLOT)
            structure = function(*given, **named)
            return list(self.arrays_in(structure))

        made = self.record(name, flat, [tensor.value for tensor in tensors])
        if name in VIEWS and tensors:
            for tensor in made:
                tensor.join(tensors[0])
        source = iter(made)
        return self.mapped(structure, lambda _: next(source), kind=self.backend.is_array)

    def record(
        self,
        name: str,
        function: Callable[..., list[Any]],
        inputs: Sequence[Value],
        recording: bool | None = None,
    ) -> list[Any]:
        """Runs a function of arrays on values, and remembers the call where a gradient may be asked for."""
        arrays = function(*(value.array for value in inputs))
        recording = self.modes.grad if recording is None else recording
        if not recording or not any(value.requires_grad for value in inputs):
            return [self.Tensor(Value(array)) for array in arrays]
        call = Call(name, function, tuple(inputs), name not in SAVES_NOTHING)
        category = self.backend.category
        return [
            self.Tensor(Value(array, call, index) if category(array) >= FLOATING else Value(array))
            for index, array in enumerate(arrays)
        ]

    @contextmanager
    def transforming(self) -> Iterator[None]:
        """While a framework's transform runs a function of tensors."""
        self.level += 1
        try:
            yield
        finally:
            self.level -= 1

    # Structures

    def mapped(
        self,
        structure: Any,
        change: Callable[[Any], Any],
        other: Callable[[Any], Any] = lambda value: value,
        kind: Callable[[Any], bool] | None = None,
    ) -> Any:
        """A nested structure with its tensors changed, in the order in which ``tensors_in`` finds them."""
        return _mapped(structure, kind or self.is_tensor, change, other)

    def _found(self, structure: Any, is_kind: Callable[[Any], bool]) -> Iterator[Any]:
        if is_kind(structure):
            yield structure
        elif isinstance(structure, (tuple, list)):
            for item in structure:
                yield from self._found(item, is_kind)
        elif isinstance(structure, dict):
            for item in structure.values():
                yield from self._found(item, is_kind)
        elif isinstance(structure, slice):
            yield from self._found((structure.start, structure.stop, structure.step), is_kind)

    def tensors_in(self, structure: Any) -> list[functional_tensor.Tensor]:
        return list(self._found(structure, self.is_tensor))

    def arrays_in(self, structure: Any) -> Iterator[Any]:
        return self._found(structure, self.backend.is_array)

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, self.Tensor)

    # Tensors

    def tensor_from(
        self, array: np.ndarray, dtype: DType, requires_grad: bool = False
    ) -> functional_tensor.Tensor:
        """A tensor with the values of a NumPy array (float64, complex128, int64 or bool)."""
        tensor = self.Tensor(Value(self.backend.array_from(np.asarray(array), dtype.name)))
        return tensor.requires_grad_() if requires_grad else tensor

    def as_tensor(self, value: Any) -> functional_tensor.Tensor:
        return value if self.is_tensor(value) else self.torch.tensor(value)

    def result_type(self, *values: Any) -> DType:
        """``torch.result_type``, by the documented rules."""
        ranks = [0 if not self.is_tensor(value) else 2 if value.ndim else 1 for value in values]
        labels = [self.as_tensor(value).dtype for value in values]
        return dtypes.promote(*zip(labels, ranks, strict=True), default=self.default_dtype)

    # The namespace

    def _bind(self) -> None:
        """Everything that the framework's functions give: functions, methods, operators, attributes."""
        for key in self.backend.functions:
            operator = functools.partial(self.call, key)
            if "." in key:
                define(self.torch, key, operator)
            else:
                setattr(self.torch, key, operator)
                setattr(self.ops, key, operator)
        have = vars(self.ops)
        for alias, name in vocabulary.ALIASES.items():
            if name in have and alias not in have:
                have[alias] = vars(self.torch)[alias] = have[name]
        for method, name in {**vocabulary.METHODS, **vocabulary.OPERATORS}.items():
            if name in have:
                setattr(self.Tensor, method, _method(have[name]))
        for method, name in vocabulary.REFLECTED.items():
            if name in have:
                setattr(self.Tensor, method, _reflected(have[name], self))
        for attribute, name in vocabulary.PROPERTIES.items():
            if name in have:
                setattr(self.Tensor, attribute, property(have[name]))
        if "where" in have:
            self.Tensor.where = lambda self, condition, other: have["where"](condition, self, other)  # type: ignore[attr-defined]
        for name in IN_PLACE:
            if hasattr(self.Tensor, f"__{name}__"):
                setattr(self.Tensor, f"__i{name}__", _in_place(f"__i{name}__", f"__{name}__"))
        self.Tensor.__getattr__ = _missing  # type: ignore[attr-defined]

    def _supply(self) -> None:
        """Everything that needs state: tensors from data, grad modes, autograd, ``torch.nn``'s bookkeeping."""
        plain = {
            **{dtype.name: dtype for dtype in dtypes.ALL},
            **dtypes.ALIASES,
            "dtype": DType,
            "Tensor": self.Tensor,
            "Size": Size,
            "device": Device,
            "inf": np.inf,
            "nan": np.nan,
            "pi": np.pi,
            "e": np.e,
            "is_tensor": self.is_tensor,
            "is_floating_point": lambda tensor: tensor.dtype.category == FLOATING,
            "is_complex": lambda tensor: tensor.dtype.category == COMPLEX,
            "numel": lambda tensor: tensor.numel(),
        }
        vars(self.torch).update(plain)
        for name, factory in creation.for_reference(self).items():  # type: ignore[arg-type]
            self.define(f"torch.{name}", factory)
        self.define("torch.result_type", self.result_type)
        modes = grad_mode.for_reference(self.modes)
        modes = {
            name: modes[name] for name in ("no_grad", "enable_grad", "set_grad_enabled", "is_grad_enabled")
        }
        vars(self.torch).update(modes)
        own = {
            "torch.autograd": {"grad": self.autograd.grad, "backward": self.autograd.backward, **modes},
            "torch.func": {
                "grad": self.autograd.func_grad,
                "grad_and_value": self.autograd.grad_and_value,
                "vjp": self.autograd.vjp,
                "jvp": self.autograd.jvp,
            },
            "torch.nn.functional": {},
            "torch.nn": {**nn.for_reference(self), "Parameter": _parameter(self)},  # type: ignore[arg-type]
        }
        for module, members in own.items():
            for name, value in members.items():
                self.define(f"{module}.{name}", value)

    def _complete(self) -> None:
        """The rest of the vocabulary, for the formulas of modules and optimizers that are assembled on this shell.

        A composite of the vocabulary is one of the framework's functions too; a primitive is missing.
        """
        have = vars(self.ops)
        for name, composite in COMPOSITES.items():
            have.setdefault(name, functools.partial(self._composed, name, composite))
        for name in TABLE:
            have.setdefault(name, functools.partial(self.call, name))
        have["as_tensor"] = self.as_tensor

    def _composed(self, name: str, composite: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.note(name)
        return composite(self.ops, *args, **kwargs)


class Supplying(Namespace):
    """A namespace some of whose members come from the suite: whoever asks for one is noted.

    They stand apart from the framework's own, in ``_supplied``, so that only they pass through ``__getattr__``.
    """

    def __init__(self, name: str, shell: Shell) -> None:
        super().__init__(name)
        self._shell = shell
        self._supplied: dict[str, Any] = {}

    def supply(self, name: str, value: Any) -> None:
        if name not in vars(self):
            self._supplied[name] = value

    def inside(self, name: str) -> Supplying:
        """The namespace of this name inside this one, made where it is missing."""
        found = vars(self).get(name)
        if not isinstance(found, Supplying):
            made = Supplying(f"{self.__name__}.{name}", self._shell)
            vars(made).update({k: v for k, v in vars(found).items() if k != "__name__"} if found else {})
            found = vars(self)[name] = made
        return found

    def __getattr__(self, name: str) -> Any:
        supplied = self.__dict__.get("_supplied", {})
        if name not in supplied:
            raise AttributeError(f"{self.__name__}.{name}")
        self._shell.note(f"{self.__name__}.{name}")
        return supplied[name]


def _mapped(value: Any, is_kind: Any, change: Any, other: Any) -> Any:
    # Not a closure: one that calls itself would be a cycle, and keep alive the tensors that it has seen.
    if is_kind(value):
        return change(value)
    if isinstance(value, (tuple, list)):
        parts = [_mapped(item, is_kind, change, other) for item in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: _mapped(item, is_kind, change, other) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(
            *(_mapped(item, is_kind, change, other) for item in (value.start, value.stop, value.step))
        )
    return other(value)


def _label(value: Any) -> Any:
    """A dtype goes to the framework by its name."""
    return value.name if isinstance(value, DType) else value


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: function(self, *args, **kwargs)


def _reflected(function: Callable[..., Any], shell: Shell) -> Callable[..., Any]:
    return lambda self, other: function(other, self)


def _in_place(name: str, plain: str) -> Callable[..., Any]:
    return lambda self, *args, **kwargs: self.write(name, getattr(self, plain)(*args, **kwargs))


def _missing(self: functional_tensor.Tensor, name: str) -> Any:
    """The in-place form of a method; any other name is one that the backend lacks."""
    plain = name[:-1] if name.endswith("_") and not name.endswith("__") else ""
    if not plain or not hasattr(type(self), plain):
        raise AttributeError(f"torch.Tensor.{name}")
    return functools.partial(_in_place(name, plain), self)


def _parameter(shell: Shell) -> type:
    class Parameter(shell.Tensor):  # type: ignore[name-defined]
        """A leaf that a module registers when it is assigned to it; requires grad unless told otherwise."""

        def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
            array = (shell.torch.zeros(0) if data is None else data).value.array
            super().__init__(Value(array))
            if requires_grad:
                self.value.leaf = self

    return Parameter
