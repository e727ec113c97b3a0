"""Binding the vocabulary to a reference: ``F``, the functions of ``torch`` and the methods of tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from . import inplace, vocabulary
from .composites.registry import COMPOSITES
from .primitive import Primitive
from .tape import Record

if TYPE_CHECKING:
    from .reference import Reference

IN_PLACE_DUNDERS = (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
)


def _caller(ref: Reference, record: Record) -> Callable[..., Any]:
    """A function with the signature of a primitive's forward, whose attributes may also be positional.

    It is generated, as a signature that is only looked at once costs nothing when it is called.
    """
    import inspect

    parameters = list(inspect.signature(record.forward).parameters.values())[1:]
    known: dict[str, Any] = {"_apply": ref.apply, "_record": record, "_nothing": {}}
    inputs: list[str] = []
    attributes: list[str] = []
    signature: list[str] = []
    for parameter in parameters:
        name = parameter.name
        if parameter.kind is parameter.VAR_POSITIONAL:
            signature.append(f"*{name}")
            inputs.append(f"*{name}")
            continue
        (attributes if parameter.kind is parameter.KEYWORD_ONLY else inputs).append(name)
        if parameter.default is parameter.empty:
            signature.append(name)
        else:
            known[f"_{name}"] = parameter.default
            signature.append(f"{name}=_{name}")
    packed = "{" + ", ".join(f"{name!r}: {name}" for name in attributes) + "}" if attributes else "_nothing"
    tensors = "".join(f"{name}, " for name in inputs)
    text = f"def {record.name}({', '.join(signature)}): return _apply(_record, ({tensors}), {packed})"
    exec(text, known)
    return known[record.name]


class Vocabulary:
    """``F``: every name that formulas may use, as functions on tensors, Python numbers and arrays.

    ``public`` has the same names as programs see them: with an operator's boundary.
    """

    def __init__(self, ref: Reference, primitives: Mapping[str, Primitive]) -> None:
        self.apply = ref.apply
        self.to_numpy = lambda value: ref.arithmetic.to_numpy(ref.as_tensor(value).array)
        self.as_tensor = ref.as_tensor
        self.reference = ref
        self.public: dict[str, Callable[..., Any]] = {}
        for name, primitive in primitives.items():
            function = _caller(ref, ref.record_of(primitive))
            setattr(self, name, function)
            self.public[name] = function
        for name, composite in COMPOSITES.items():
            function = functools.partial(composite, self)
            setattr(self, name, function)
            self.public[name] = ref.operator(function, composite.dtype, name)  # type: ignore[attr-defined]
        for alias, name in vocabulary.ALIASES.items():
            setattr(self, alias, getattr(self, name))
            self.public[alias] = self.public[name]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AttributeError(f"the vocabulary has no {name!r}")


def _reflected(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, other: function(other, self)


def attach_methods(ref: Reference) -> None:
    """Gives the reference's tensors their methods, operators, properties and in-place forms."""
    tensor_type: Any = ref.Tensor
    public = ref.ops.public
    for name, known_as in {**vocabulary.METHODS, **vocabulary.OPERATORS}.items():
        if known_as in public:
            setattr(tensor_type, name, public[known_as])
    for name, known_as in vocabulary.REFLECTED.items():
        setattr(tensor_type, name, _reflected(public[known_as]))
    for name, known_as in vocabulary.PROPERTIES.items():
        setattr(tensor_type, name, property(public[known_as]))
    for name in IN_PLACE_DUNDERS:
        forward = getattr(tensor_type, f"__{name}__", None)
        if forward is not None:
            setattr(tensor_type, f"__i{name}__", inplace.derive(ref, forward, name))
    tensor_type.where = lambda self, condition, other: public["where"](condition, self, other)
    tensor_type.__setitem__ = lambda self, index, value: inplace.assign(ref, self, index, value)
    tensor_type.copy_ = lambda self, source, non_blocking=False: inplace.copy_(ref, self, source)
    tensor_type.zero_ = lambda self: inplace.copy_(ref, self, 0)
    tensor_type.fill_ = lambda self, value: inplace.copy_(ref, self, value)

    def missing(self: Any, name: str) -> Any:
        """The in-place form of a method, made when it is first asked for."""
        method = (
            getattr(tensor_type, name[:-1], None) if name.endswith("_") and not name.endswith("__") else None
        )
        if not callable(method):
            raise AttributeError(f"torch.Tensor.{name}")
        setattr(tensor_type, name, inplace.derive(ref, method, name[:-1]))
        return getattr(self, name)

    tensor_type.__getattr__ = missing
