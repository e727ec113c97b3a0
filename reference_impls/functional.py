"""``torch.autograd.functional`` and ``torch.autograd.forward_ad``, by the transforms of ``torch.func``."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .func import Transforms
from .structural import CLONE

if TYPE_CHECKING:
    from .reference import Reference

UnpackedDualTensor = namedtuple("UnpackedDualTensor", "primal tangent")


class Functional:
    """Products with Jacobians and Hessians. Without ``create_graph`` nothing of them is recorded."""

    def __init__(self, ref: Reference) -> None:
        self._ref = ref
        self._func = Transforms(ref)

    def _tuple(self, values: Any) -> tuple[Any, ...]:
        return values if isinstance(values, tuple) else (values,)

    def _left(self, tree: Any, create_graph: bool) -> Any:
        if isinstance(tree, tuple):
            return tuple(self._left(item, create_graph) for item in tree)
        return tree if create_graph else tree.detach()

    def _scalar(self, func: Callable) -> Callable:
        def checked(*args: Any) -> Any:
            value = func(*args)
            if value.array.size != 1:
                raise RuntimeError("the function has to return a tensor of a single element")
            return self._ref.ops.reshape(value, ())

        return checked

    def _ones(self, output: Any, v: Any) -> Any:
        """The direction; without one the result must be a scalar, and it is one."""
        if v is not None:
            return v
        if output.array.size != 1:
            raise RuntimeError("v is needed where the function does not return a single element")
        return self._ref.ops.ones_like(output)

    def jacobian(
        self,
        func: Callable,
        inputs: Any,
        create_graph=False,
        strict=False,
        vectorize=False,
        strategy="reverse-mode",
    ) -> Any:
        inputs_ = self._tuple(inputs)
        found = self._func.jacrev(func, tuple(range(len(inputs_))))(*inputs_)
        if not isinstance(inputs, tuple):
            # One matrix for each output; a function with one output gives a tuple of tensors.
            found = found[0] if not isinstance(found[0], tuple) else tuple(each[0] for each in found)
        return self._left(found, create_graph)

    def hessian(
        self,
        func: Callable,
        inputs: Any,
        create_graph=False,
        strict=False,
        vectorize=False,
        outer_jacobian_strategy="",
    ) -> Any:
        inputs_ = self._tuple(inputs)
        numbers = tuple(range(len(inputs_)))
        found = self._func.jacrev(self._func.jacrev(self._scalar(func), numbers), numbers)(*inputs_)
        return self._left(found if isinstance(inputs, tuple) else found[0][0], create_graph)

    def vjp(self, func: Callable, inputs: Any, v: Any = None, create_graph=False, strict=False) -> Any:
        output, pullback = self._func.vjp(func, *self._tuple(inputs))
        found = pullback(self._ones(output, v))
        return self._left((output, found if isinstance(inputs, tuple) else found[0]), create_graph)

    def jvp(self, func: Callable, inputs: Any, v: Any = None, create_graph=False, strict=False) -> Any:
        directions = self._tuple(self._ones(inputs, v))
        return self._left(self._func.jvp(func, self._tuple(inputs), directions), create_graph)

    def vhp(self, func: Callable, inputs: Any, v: Any = None, create_graph=False, strict=False) -> Any:
        inputs_ = self._tuple(inputs)
        slope = self._func.grad(self._scalar(func), tuple(range(len(inputs_))))
        _, pullback = self._func.vjp(slope, *inputs_)
        found = pullback(*self._tuple(self._ones(inputs, v)))
        return self._left((func(*inputs_), found if isinstance(inputs, tuple) else found[0]), create_graph)

    hvp = vhp  # a Hessian is symmetric


class ForwardAD:
    """Dual numbers of one level: the tangent of a result is pushed forward when it is asked for.

    Recording has to be on meanwhile, and a dual tensor requires grad: that is how its history is known.
    """

    def __init__(self, ref: Reference) -> None:
        self._ref = ref
        self._func = Transforms(ref)
        self._duals: list[tuple[Any, Any]] | None = None

    def enter_dual_level(self) -> int:
        if self._duals is not None:
            raise RuntimeError("nested forward mode AD is not supported")
        self._duals = []
        return 0

    def exit_dual_level(self, *, level: int | None = None) -> None:
        if self._duals is None:
            raise RuntimeError("no dual level was entered")
        self._duals = None

    def make_dual(self, tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
        if self._duals is None:
            raise RuntimeError("make_dual needs a dual level")
        if tensor.array.shape != tangent.array.shape:
            raise RuntimeError(
                f"a tangent of shape {tangent.array.shape} for a primal of {tensor.array.shape}"
            )
        with self._ref.torch.enable_grad():
            dual = self._ref.apply(CLONE, (self._func._stand_in(tensor),), {})
        self._duals.append((dual, tangent))
        return dual

    def unpack_dual(self, tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
        if not self._duals or not tensor.requires_grad:
            return UnpackedDualTensor(tensor, None)
        for dual, tangent in self._duals:
            if dual is tensor:
                return UnpackedDualTensor(tensor.detach(), tangent)
        duals, tangents = zip(*self._duals, strict=True)
        with self._ref.torch.enable_grad():
            (change,) = self._func._pushed([tensor], list(duals), list(tangents))
        return UnpackedDualTensor(tensor.detach(), change.detach())


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

    return names(functional), {**names(forward), "dual_level": dual_level}
