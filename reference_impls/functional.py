"""``torch.autograd.functional`` by backward passes alone, and ``torch.autograd.forward_ad``."""

from __future__ import annotations

import functools
from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import batching, dual
from .grad_mode import Frame
from .jacobians import Jacobians
from .structural import CLONE

if TYPE_CHECKING:
    from .reference import Reference

UnpackedDualTensor = namedtuple("UnpackedDualTensor", "primal tangent")


class Call(NamedTuple):
    """A function was called with copies of its inputs that record what is done with them."""

    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    output: Any
    """What the function returned: a tensor or a tuple."""


class Functional:
    """Products with Jacobians and Hessians. Without ``create_graph`` the results have no history."""

    def __init__(self, ref: Reference) -> None:
        self._ref = ref

    # What they share

    def _tuple(self, values: Any, what: str) -> tuple[Any, ...]:
        values = values if isinstance(values, tuple) else (values,)
        for value in values:
            if not isinstance(value, self._ref.Tensor):
                raise TypeError(f"{what} is a tensor or a tuple of tensors, not {type(value).__name__}")
        return values

    def _call(self, func: Callable, inputs: Any, create_graph: bool, strict: bool) -> Call:
        given = self._tuple(inputs, "inputs")
        copies = tuple(
            self._ref.apply(CLONE, (x,), {})
            if create_graph and x.requires_grad
            else x.detach().requires_grad_()
            for x in given
        )
        output = func(*copies)
        call = Call(copies, self._tuple(output, "the result of the function"), output)
        if strict:
            self._used(call.outputs, copies, "the function")
        return call

    def _used(self, outputs: Sequence[Any], inputs: Sequence[Any], what: str) -> None:
        """Refuses an input that all outputs are independent of."""
        found = self._pulled(outputs, inputs, [self._ref.ops.ones_like(o) for o in outputs])
        for number, gradient in enumerate(found):
            if gradient is None:
                raise RuntimeError(
                    f"{what} is independent of input {number}, which strict=True does not allow"
                )

    def _scalar(self, call: Call) -> None:
        if isinstance(call.output, tuple) or call.output.array.size != 1:
            raise RuntimeError("the function has to return a tensor of a single element")

    def _pulled(self, outputs: Sequence[Any], inputs: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
        """Gradients with history; None where there is no influence."""
        pairs = [(o, c) for o, c in zip(outputs, cotangents, strict=True) if o.requires_grad]
        if not pairs:
            return [None] * len(inputs)
        own, given = zip(*pairs, strict=True)
        return list(self._ref.torch.autograd.grad(own, inputs, given, create_graph=True, allow_unused=True))

    def _zeros(self, found: Sequence[Any], like: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(
            self._ref.zeros(x.array.shape, x.dtype) if g is None else g
            for g, x in zip(found, like, strict=True)
        )

    def _direction(self, v: Any, like: tuple[Any, ...], what: str) -> tuple[Any, ...]:
        """The vector of a product; without one there has to be a single element, and it is one."""
        if v is None:
            if len(like) != 1 or like[0].array.size != 1:
                raise RuntimeError(f"v is needed where {what} has more than one element")
            return (self._ref.ops.ones_like(like[0].detach()),)
        v = self._tuple(v, "v")
        if [d.array.shape for d in v] != [x.array.shape for x in like]:
            raise RuntimeError(f"v has to have the structure and the sizes of {what}")
        return v

    def _result(self, tree: Any, create_graph: bool) -> Any:
        if isinstance(tree, tuple):
            return tuple(self._result(item, create_graph) for item in tree)
        return tree if create_graph else tree.detach()

    def _as(self, values: tuple[Any, ...], like: Any) -> Any:
        return values if isinstance(like, tuple) else values[0]

    # Products

    def vjp(self, func: Callable, inputs: Any, v: Any = None, create_graph=False, strict=False) -> Any:
        with self._ref.torch.enable_grad():
            call = self._call(func, inputs, create_graph, strict)
            v = self._direction(v, call.outputs, "the result")
            found = self._zeros(self._pulled(call.outputs, call.inputs, v), call.inputs)
        return self._result((call.output, self._as(found, inputs)), create_graph)

    def jvp(self, func: Callable, inputs: Any, v: Any = None, create_graph=False, strict=False) -> Any:
        with self._ref.torch.enable_grad():
            call = self._call(func, inputs, create_graph, strict)
            v = self._direction(v, call.inputs, "the input")
            dummies = [self._ref.zeros(o.array.shape, o.dtype).requires_grad_() for o in call.outputs]
            pulled = self._pulled(call.outputs, call.inputs, dummies)
            found = tuple(dual.pushforward(self._ref, pulled, dummies, v))
        return self._result((call.output, self._as(found, call.output)), create_graph)

    def vhp(self, func: Callable, inputs: Any, v: Any = None, create_graph=False, strict=False) -> Any:
        with self._ref.torch.enable_grad():
            call = self._call(func, inputs, create_graph, strict)
            self._scalar(call)
            v = self._direction(v, call.inputs, "the input")
            one = [self._ref.ops.ones_like(call.output)]
            slope = self._zeros(self._pulled(call.outputs, call.inputs, one), call.inputs)
            if strict:
                self._used(slope, call.inputs, "the gradient of the function")
            found = self._zeros(self._pulled(slope, call.inputs, v), call.inputs)
        return self._result((call.output, self._as(found, inputs)), create_graph)

    hvp = vhp  # a Hessian is symmetric

    # Matrices

    def _matrix(self, outputs: Sequence[Any], inputs: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
        """The Jacobian of each output by each input, a row at a time."""
        ref = self._ref
        matrix = []
        for output in outputs:
            rows: list[tuple[Any, ...]] = []
            for index in range(output.array.size):
                unit = ref.zeros((output.array.size,), output.dtype)
                unit[index] = 1
                unit = ref.ops.reshape(unit, output.array.shape)
                rows.append(self._zeros(self._pulled([output], inputs, [unit]), inputs))
            columns = zip(*rows, strict=True) if rows else [()] * len(inputs)
            matrix.append(
                tuple(
                    ref.ops.reshape(ref.ops.stack(c), (*output.array.shape, *x.array.shape))
                    if c
                    else ref.zeros((*output.array.shape, *x.array.shape), x.dtype)
                    for c, x in zip(columns, inputs, strict=True)
                )
            )
        return tuple(matrix)

    def jacobian(
        self,
        func: Callable,
        inputs: Any,
        create_graph=False,
        strict=False,
        vectorize=False,
        strategy="reverse-mode",
    ) -> Any:
        if self._forward(strategy, "strategy", vectorize, strict):
            if create_graph:
                raise NotImplementedError("create_graph=True and forward-mode are not supported together")
            given = self._tuple(inputs, "inputs")
            by = tuple(range(len(given))) if isinstance(inputs, tuple) else 0
            return self._result(Jacobians(self._ref).jacfwd(func, by)(*given), False)
        with self._ref.torch.enable_grad():
            call = self._call(func, inputs, create_graph, strict)
            rows = tuple(self._as(row, inputs) for row in self._matrix(call.outputs, call.inputs))
        return self._result(self._as(rows, call.output), create_graph)

    def hessian(
        self,
        func: Callable,
        inputs: Any,
        create_graph=False,
        strict=False,
        vectorize=False,
        outer_jacobian_strategy="reverse-mode",
    ) -> Any:
        forward = self._forward(outer_jacobian_strategy, "outer_jacobian_strategy", vectorize, strict)

        def slope(*inputs: Any) -> tuple[Any, ...]:
            with self._ref.torch.enable_grad():
                output = func(*inputs)
                call = Call(inputs, self._tuple(output, "the result of the function"), output)
                self._scalar(call)
                one = [self._ref.ops.ones_like(output)]
                return self._zeros(self._pulled(call.outputs, inputs, one), inputs)

        given = self._tuple(inputs, "inputs")
        if strict:
            self._call(func, inputs, False, True)
        if forward:
            with self._ref.torch.enable_grad():
                copies = tuple(x.detach().requires_grad_() for x in given)
                found = Jacobians(self._ref).jacfwd(slope, tuple(range(len(given))))(*copies)
        else:
            found = self.jacobian(slope, given, create_graph, strict)
        found = found if isinstance(inputs, tuple) else found[0][0]
        return self._result(found, create_graph)

    def _forward(self, strategy: str, name: str, vectorize: bool, strict: bool) -> bool:
        """Whether a strategy is forward mode, provided that the options go together."""
        if strategy not in ("forward-mode", "reverse-mode"):
            raise AssertionError(f"{name} is 'forward-mode' or 'reverse-mode', not {strategy!r}")
        if strict and vectorize:
            raise RuntimeError("strict=True and vectorize=True are not supported together")
        if strategy == "forward-mode" and not vectorize:
            raise NotImplementedError(f"{name}='forward-mode' needs vectorize=True")
        return strategy == "forward-mode"


class ForwardAD:
    """Dual numbers of one level, which the user enters and leaves."""

    def __init__(self, ref: Reference) -> None:
        self._ref = ref
        self._make = batching.paired(ref, functools.partial(dual.make, ref))
        self._unpack = batching.lifted(ref, functools.partial(_unpacked, ref))

    def _current(self) -> Frame | None:
        return next((frame for frame in self._ref.modes.frames if frame.kind == "dual"), None)

    def enter_dual_level(self) -> int:
        if self._current() is not None:
            raise RuntimeError("nested forward mode AD is not supported")
        self._ref.modes.frames = (*self._ref.modes.frames, Frame("dual", self._ref.next_level()))
        return 0

    def exit_dual_level(self, *, level: int | None = None) -> None:
        current = self._current()
        if current is None or level not in (None, 0):
            raise RuntimeError("only the level that was entered last can be left")
        self._ref.modes.frames = tuple(frame for frame in self._ref.modes.frames if frame is not current)
        dual.forget(self._ref, current.level)

    def make_dual(self, tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
        current = self._current()
        if current is None:
            raise RuntimeError("make_dual needs a dual level")
        return self._make(tensor, tangent, current.level)

    def unpack_dual(self, tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
        current = self._current()
        if current is None:
            return UnpackedDualTensor(tensor, None)
        return self._unpack(tensor, current.level)


def _unpacked(ref: Reference, tensor: Any, level: int) -> UnpackedDualTensor:
    return UnpackedDualTensor(dual.primal(ref, tensor, level), dual.tangent(ref, tensor, level))


def for_reference(ref: Reference) -> tuple[dict[str, Any], dict[str, Any]]:
    """The names of ``torch.autograd.functional`` and of ``torch.autograd.forward_ad``."""
    functional, forward = Functional(ref), ForwardAD(ref)

    class dual_level:  # noqa: N801 - torch's name
        """While active, dual tensors can be made."""

        def __enter__(self) -> int:
            return forward.enter_dual_level()

        def __exit__(self, *exception: object) -> None:
            forward.exit_dual_level()

    def names(holder: Any) -> dict[str, Any]:
        return {name: getattr(holder, name) for name in dir(holder) if not name.startswith("_")}

    own = {"dual_level": dual_level, "UnpackedDualTensor": UnpackedDualTensor}
    return names(functional), {**names(forward), **own}
