"""Modules of the reference: parameters and buffers as a spec declares them, its `forward` as the forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from inspect import Parameter as Argument
from inspect import Signature
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from reference_impls import Reference

from .operators import vocabulary_of

if TYPE_CHECKING:
    from ..spec import Member, ModuleSpec, OperatorSpec, Text
    from ..spec.signature import Parameter


def module_classes(spec: ModuleSpec, reference: Reference) -> Iterator[tuple[Text, type]]:
    """The classes that a module spec describes, on the reference's tensors."""
    for name in spec.family:
        yield name, module_class(spec, name, reference)


def module_class(spec: ModuleSpec, name: Text, reference: Reference) -> type:
    """One of them."""
    base: Any = reference.torch.nn.Module
    vocabulary = vocabulary_of(reference)
    constructor = python_signature(spec.signature.parameters.values(), vocabulary)
    call = signature_of(spec.input_names, default=None)

    class Module(base):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__()
            given = constructor.bind(*args, **kwargs)
            given.apply_defaults()
            self.options = options = spec.completed(given.arguments, vocabulary, name)
            for option in {*spec.signature.parameters} - {*spec.members}:
                setattr(self, option, options[option])
            self.own_parameters, self.own_buffers = [], []
            for member, shape, state, names in spec.declared(spec.parameters, options, vocabulary):
                self.own_parameters.append(member)
                values = None if shape is None else initial(state, shape, names, reference)
                inside, last = holder(self, member)
                inside.register_parameter(
                    last, None if values is None else reference.torch.nn.Parameter(values)
                )
            for member, shape, state, names in spec.declared(spec.buffers, options, vocabulary):
                self.own_buffers.append(member)
                values = None if shape is None else initial(state, shape, names, reference)
                inside, last = holder(self, member)
                inside.register_buffer(last, values, persistent=state.persistent)

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            given = call.bind(*args, **kwargs)
            given.apply_defaults()
            state = {name: attrgetter(name)(self) for name in (*self.own_parameters, *self.own_buffers)}
            names = {**self.options, **state, **given.arguments, "training": self.training, "state": state}
            function = spec.forward.function(tuple(names), vocabulary, tuple(self.own_buffers))
            if not self.own_buffers:
                return function(**names)
            result, buffers = function(**names)
            for name, value in buffers.items():
                if value is not None and value is not state[name]:
                    with reference.torch.no_grad():
                        state[name].copy_(value)
            return result

    def holder(module: Any, name: str) -> tuple[Any, str]:
        """The module inside that holds what has a dotted name, made where it is missing; and the end of the name."""
        *path, last = name.split(".")
        for part in path:
            if part not in module._modules:
                module.register_module(part, base())
            module = module._modules[part]
        return module, last

    Module.__name__ = Module.__qualname__ = str(name).rpartition(".")[2]
    return Module


def python_signature(parameters: Iterable[Parameter], vocabulary: dict[str, Any]) -> Signature:
    """The signature of a spec as Python binds it: what nobody takes is refused, not judged by a default."""

    def kind(parameter: Parameter) -> Any:
        variadic = {"*": Argument.VAR_POSITIONAL, "**": Argument.VAR_KEYWORD}
        named = Argument.KEYWORD_ONLY if parameter.keyword_only else Argument.POSITIONAL_OR_KEYWORD
        return variadic.get(parameter.variadic, named)

    def default(parameter: Parameter) -> Any:
        return Argument.empty if parameter.default is None else parameter.default.evaluate(vocabulary)

    return Signature([Argument(str(p.name), kind(p), default=default(p)) for p in parameters])


def signature_of(names: Iterable[str], default: Any) -> Signature:
    """A signature of parameters by these names, all alike."""
    return Signature([Argument(str(name), Argument.POSITIONAL_OR_KEYWORD, default=default) for name in names])


def initial(state: Member, shape: tuple[int, ...], names: dict[str, Any], reference: Reference) -> Any:
    """The values that a parameter or a buffer starts from: a constant, or draws from a distribution.

    A program that compares anything sets the state of both sides first; distributions have clauses of their own.
    """
    torch = reference.torch
    chosen = names.get("dtype") or torch.get_default_dtype()
    label = torch.int64 if state.dtype == "int64" else chosen
    if state.init is None:
        return torch.zeros(shape, dtype=label)
    draws = {
        "uniform": lambda low, high: low + (high - low) * torch.rand(shape, dtype=label),
        "normal": lambda mean, deviation: mean + deviation * torch.randn(shape, dtype=label),
    }
    start = state.init.evaluate({**vocabulary_of(reference), **draws}, **names)
    if not isinstance(start, reference.Tensor) or start.shape != shape:
        start = torch.full(shape, float(start), dtype=label)
    zero = state.zero.evaluate(vocabulary_of(reference), **names) if state.zero else None
    if zero is not None:
        start[zero] = 0
    return start


def functional_module(
    spec: OperatorSpec, name: str, function: Callable[..., Any], reference: Reference
) -> type:
    """The module form of an operator: its call takes the tensors that are required, its constructor the rest."""
    body = next(iter(spec.bodies.values()))
    parameters = body.signature.parameters.values()
    forward = [p.name for p in parameters if p.required and p.name in body.inputs]
    options = body.constructor or [p.name for p in parameters if p.name not in (*forward, "training")]
    constructor = signature_of(options, default=Argument.empty)
    trained = "training" in body.signature.names
    base: Any = reference.torch.nn.Module

    class Functional(base):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__()
            self.options = constructor.bind_partial(*args, **kwargs).arguments

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            mode = {"training": self.training} if trained else {}
            return function(**dict(zip(forward, args, strict=True)), **self.options, **mode, **kwargs)

    Functional.__name__ = Functional.__qualname__ = name.rpartition(".")[2]
    return Functional
