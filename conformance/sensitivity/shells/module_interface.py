"""Faults of modules themselves: what they register and walk through.

Each breaks a method of the reference's ``torch.nn.Module``, which is that of every module.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .fault import Override
from .interface import Faults, Method

# How a method is broken


def given(change: Callable[..., tuple[tuple, dict]]) -> Override:
    """It works on other arguments."""

    def broken(right: Method) -> Method:
        def faulty(self: Any, *args: Any, **kwargs: Any) -> Any:
            args, kwargs = change(self, *args, **kwargs)
            return right(self, *args, **kwargs)

        return faulty

    return broken


def returned(change: Callable[[Any, Any], Any]) -> Override:
    """What it returns is changed."""
    return lambda right: lambda self, *args, **kwargs: change(self, right(self, *args, **kwargs))


def without(**fixed: Any) -> Override:
    """Options have fixed values, whatever is asked for."""
    return given(lambda self, *args, **kwargs: (args, {**kwargs, **fixed}))


def instead(method: Method) -> Override:
    """Another method takes its place."""
    return lambda right: method


def alone(right: Method) -> Method:
    """It stops at the modules inside."""

    def faulty(self: Any, *args: Any, **kwargs: Any) -> Any:
        inside = self._modules
        object.__setattr__(self, "_modules", OrderedDict())
        try:
            return right(self, *args, **kwargs)
        finally:
            object.__setattr__(self, "_modules", inside)

    return faulty


def accepting(*refusals: type[Exception]) -> Override:
    """What it should refuse goes by in silence."""

    def broken(right: Method) -> Method:
        def faulty(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return right(self, *args, **kwargs)
            except refusals:
                return None

        return faulty

    return broken


def _reversed(self: Any, found: Any) -> Any:
    return iter(list(found)[::-1])


def _ended(change: Callable[[str], str]) -> Override:
    """Names are changed."""
    return returned(lambda self, found: ((change(name), value) for name, value in found))


# Registration


def _persistent(self: Any, name: Any, tensor: Any, persistent: bool = True) -> tuple[tuple, dict]:
    return (name, tensor, True), {}


def _last(kind: str) -> Override:
    """What is assigned anew goes to the end."""

    def __setattr__(right: Method) -> Method:  # noqa: N807
        def faulty(self: Any, name: str, value: Any) -> None:
            held = self.__dict__.get(kind, {})
            if name in held and value is not None:
                del held[name]
                if kind == "_buffers" and isinstance(value, self._ref.Tensor):
                    held[name] = None
            right(self, name, value)
            if name in held:
                held[name] = held.pop(name)

        return faulty

    return __setattr__


def _kept(kind: str) -> Override:
    """What is deleted stays in its list."""

    def __delattr__(right: Method) -> Method:  # noqa: N807
        def faulty(self: Any, name: str) -> None:
            held = getattr(self, kind)
            if name not in held:
                right(self, name)

        return faulty

    return __delattr__


def _plain(*kinds: str) -> Override:
    """Some kinds are assigned like anything else."""

    def __setattr__(right: Method) -> Method:  # noqa: N807
        def faulty(self: Any, name: str, value: Any) -> None:
            nn = self._ref.torch.nn
            if isinstance(value, tuple(getattr(nn, kind) for kind in kinds)):
                object.__setattr__(self, name, value)
            else:
                right(self, name, value)

        return faulty

    return __setattr__


def _lists_too(right: Method) -> Method:
    """Modules in lists are registered as well."""

    def faulty(self: Any, name: str, value: Any) -> None:
        right(self, name, value)
        if isinstance(value, (list, tuple)):
            for place, each in enumerate(value):
                if isinstance(each, (self._ref.torch.nn.Module, self._ref.torch.nn.Parameter)):
                    right(self, f"{name}{place}", each)

    return faulty


def _tensors_too(right: Method) -> Method:
    """Plain tensors are registered as buffers."""

    def faulty(self: Any, name: str, value: Any) -> None:
        if type(value) is self._ref.Tensor and name not in self._buffers and name not in self._parameters:
            self.register_buffer(name, value)
        else:
            right(self, name, value)

    return faulty


def _before_init(right: Method) -> Method:
    def faulty(self: Any, name: str, value: Any) -> None:
        if "_modules" not in self.__dict__:
            object.__setattr__(self, name, value)
        else:
            right(self, name, value)

    return faulty


def _transient_stays(right: Method) -> Method:
    """A name that was once not persistent stays so."""

    def faulty(self: Any, name: str, *rest: Any) -> Any:
        was = name in self.__dict__.get("_transient", ())
        result = right(self, name, *rest)
        if was:
            self._transient.add(name)
        return result

    return faulty


def _replacing_nothing(self: Any, name: str, but: Any) -> None:
    self.__dict__.pop(name, None)


REGISTRATION: Faults = {
    "persistent ignored": ("register_buffer", given(_persistent)),
    "no buffer is persistent": (
        "register_buffer",
        given(lambda self, name, tensor, persistent=True: ((name, tensor, False), {})),
    ),
    "parameters are plain attributes": ("__setattr__", _plain("Parameter")),
    "buffers are plain attributes": ("__setattr__", _plain("Buffer")),
    "modules are plain attributes": ("__setattr__", _plain("Module")),
    "lists are registered": ("__setattr__", _lists_too),
    "tensors are registered": ("__setattr__", _tensors_too),
    "a parameter replaced goes last": ("__setattr__", _last("_parameters")),
    "a buffer replaced goes last": ("__setattr__", _last("_buffers")),
    "a module replaced goes last": ("__setattr__", _last("_modules")),
    "members before the constructor": ("__setattr__", _before_init),
    "assignments not checked": ("__setattr__", accepting(TypeError)),
    "other kinds stay": ("_forget", instead(_replacing_nothing)),
    "transient for good, assigned": ("__setattr__", _transient_stays),
    "transient for good, deleted": ("__delattr__", _transient_stays),
    "transient for good, registered": ("register_buffer", _transient_stays),
    "parameters cannot be deleted": ("__delattr__", _kept("_parameters")),
    "buffers cannot be deleted": ("__delattr__", _kept("_buffers")),
    "modules cannot be deleted": ("__delattr__", _kept("_modules")),
    "deleting what is not there": ("__delattr__", accepting(AttributeError)),
    "parameters not checked": ("register_parameter", accepting(TypeError)),
    "buffers not checked": ("register_buffer", accepting(TypeError)),
    "modules not checked": ("add_module", accepting(TypeError)),
    "names of parameters not checked": ("register_parameter", accepting(KeyError)),
    "names of buffers not checked": ("register_buffer", accepting(KeyError)),
    "names of modules not checked": ("add_module", accepting(KeyError)),
    "registered before the constructor": ("_named", accepting(AttributeError)),
    "extra_repr not shown": ("__repr__", instead(lambda self: f"{type(self).__name__}()")),
    "repr not indented": ("__repr__", returned(lambda self, text: text.replace("  ", ""))),
    "called without forward": ("forward", instead(lambda self, *args, **kwargs: None)),
}


# Walks


def _depth_last(right: Method) -> Method:
    """Modules of one height come before those further in."""
    return lambda self, *args, **kwargs: iter(
        sorted(right(self, *args, **kwargs), key=lambda pair: pair[0].count(".") + bool(pair[0]))
    )


def _by_equality(right: Method) -> Method:
    """Tensors of equal values are taken for one."""

    def faulty(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen: list[Any] = []
        for name, tensor in right(self, *args, **kwargs):
            values = tensor.tolist()
            if values not in seen:
                seen.append(values)
                yield name, tensor

    return faulty


def _twice(right: Method) -> Method:
    """Children that have two names come twice."""
    return lambda self: iter([pair for pair in self._modules.items() if pair[1] is not None])


def _outer_first(self: Any, function: Any) -> Any:
    function(self)
    for module in self.children():
        module.apply(function)
    return self


def _switched_at_once(self: Any, mode: bool = True) -> Any:
    """Modules inside are not asked."""
    for module in self.modules():
        module.training = mode
    return self


def _parameters_of(self: Any, *, also: str = "_buffers") -> Any:
    for module in self.modules():
        yield from (t for t in getattr(module, also).values() if t is not None and t.is_floating_point())


def _with_buffers(right: Method) -> Method:
    def faulty(self: Any, requires_grad: bool = True) -> Any:
        for buffer in _parameters_of(self):
            buffer.requires_grad_(requires_grad)
        return right(self, requires_grad)

    return faulty


def _zeroing(reset: Callable[[Any, Any, bool], None]) -> Override:
    def zero_grad(self: Any, set_to_none: bool = True) -> None:
        for parameter in self.parameters():
            reset(self._ref.torch, parameter, set_to_none)

    return instead(zero_grad)


def _replaced(torch: Any, parameter: Any, set_to_none: bool) -> None:
    if parameter.grad is not None:
        parameter.grad = None if set_to_none else torch.zeros_like(parameter)


def _made(torch: Any, parameter: Any, set_to_none: bool) -> None:
    if set_to_none:
        parameter.grad = None
    elif parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    else:
        parameter.grad.zero_()


def _of_any_kind(self: Any, target: str, held: str) -> Any:
    path, _, name = target.rpartition(".")
    return getattr(self.get_submodule(path), name)


WALKS: Faults = {
    "duplicates of modules stay": ("named_modules", without(remove_duplicate=False)),
    "duplicates of modules never stay": ("named_modules", without(remove_duplicate=True)),
    "duplicates of parameters stay": ("named_parameters", without(remove_duplicate=False)),
    "duplicates of parameters never stay": ("named_parameters", without(remove_duplicate=True)),
    "duplicates of buffers stay": ("named_buffers", without(remove_duplicate=False)),
    "duplicates of buffers never stay": ("named_buffers", without(remove_duplicate=True)),
    "duplicates of children stay": ("named_children", _twice),
    "equal parameters taken for one": ("named_parameters", _by_equality),
    "parameters in reverse": ("named_parameters", returned(_reversed)),
    "buffers in reverse": ("named_buffers", returned(_reversed)),
    "modules in reverse": ("named_modules", returned(_reversed)),
    "children in reverse": ("named_children", returned(_reversed)),
    "one height after the other": ("named_modules", _depth_last),
    "recurse ignored by parameters": ("named_parameters", without(recurse=True)),
    "recurse ignored by buffers": ("named_buffers", without(recurse=True)),
    "parameters here only": ("named_parameters", without(recurse=False)),
    "buffers here only": ("named_buffers", without(recurse=False)),
    "prefix of parameters lost": ("named_parameters", without(prefix="")),
    "prefix of buffers lost": ("named_buffers", without(prefix="")),
    "prefix of modules lost": ("named_modules", without(prefix="")),
    "names end in a dot": ("named_modules", _ended(lambda name: name and name + ".")),
    "memo not used": ("named_modules", without(memo=None)),
    "parameters as a list": ("parameters", returned(lambda self, found: list(found))),
    "submodules not checked": ("get_submodule", accepting(AttributeError)),
    "any attribute is a parameter": ("_member", instead(_of_any_kind)),
    "what is not there is None": ("_member", accepting(AttributeError)),
    "set_submodule sets nothing": ("set_submodule", instead(lambda self, *args, **kwargs: None)),
    "set_submodule always strict": ("set_submodule", without(strict=True)),
    "set_submodule never strict": (
        "set_submodule",
        given(lambda self, target, module, strict=False: ((target, module), {})),
    ),
    "set_submodule not checked": ("set_submodule", accepting(ValueError)),
    "set_submodule on anything": ("set_submodule", accepting(AttributeError)),
    "outer modules first": ("apply", instead(_outer_first)),
    "apply stops at the modules inside": ("apply", alone),
    "apply returns nothing": ("apply", returned(lambda self, result: None)),
    "train stops at the modules inside": ("train", alone),
    "train does not ask": ("train", instead(_switched_at_once)),
    "train takes anything": ("train", accepting(ValueError)),
    "train ignores its mode": ("train", given(lambda self, mode=True: ((True,), {}))),
    "train the other way": ("train", given(lambda self, mode=True: ((not mode,), {}))),
    "train returns nothing": ("train", returned(lambda self, result: None)),
    "eval trains": ("eval", instead(lambda self: self.train())),
    "requires_grad_ here only": ("requires_grad_", alone),
    "requires_grad_ always": ("requires_grad_", given(lambda self, requires_grad=True: ((True,), {}))),
    "requires_grad_ of buffers": ("requires_grad_", _with_buffers),
    "requires_grad_ returns nothing": ("requires_grad_", returned(lambda self, result: None)),
    "zero_grad does nothing": ("zero_grad", _zeroing(lambda torch, parameter, none: None)),
    "zero_grad here only": ("zero_grad", alone),
    "zero_grad keeps tensors": ("zero_grad", without(set_to_none=False)),
    "zero_grad drops tensors": ("zero_grad", without(set_to_none=True)),
    "zero_grad replaces": ("zero_grad", _zeroing(_replaced)),
    "zero_grad makes gradients": ("zero_grad", _zeroing(_made)),
}
