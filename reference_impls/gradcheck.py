"""``torch.autograd.gradcheck``: gradients against differences of values.

A complex tensor counts as the real vector of its real and imaginary parts. Then one rule serves all: a row of the
Jacobian is what backward makes of a unit cotangent, a column is what forward mode makes of a unit tangent, and each
is compared with the central differences of the function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .function import FunctionNode

if TYPE_CHECKING:
    from .reference import Reference
    from .tensor import Tensor


class GradcheckError(RuntimeError):
    """A derivative does not fit the function."""


def _flat(array: np.ndarray) -> np.ndarray:
    """An array as a real vector."""
    array = np.asarray(array).reshape(-1)
    return np.stack([array.real, array.imag], -1).reshape(-1) if array.dtype.kind == "c" else array


def _tuple(values: Any) -> tuple[Any, ...]:
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)


class Check:
    """The derivatives of one function at one point."""

    def __init__(self, ref: Reference, func: Callable, inputs: Any, eps: float) -> None:
        self.ref, self.func, self.eps = ref, func, eps
        self.inputs = _tuple(inputs)
        self.checked = [i for i, x in enumerate(self.inputs) if _is_checked(ref, x)]
        if not self.checked:
            raise ValueError("gradcheck needs an input of a floating or complex dtype that requires grad")
        for number in self.checked:
            array = self.inputs[number].array
            if any(n > 1 and s == 0 for n, s in zip(array.shape, array.strides, strict=True)):
                raise GradcheckError(
                    f"input {number} has elements that share memory, which cannot be moved alone"
                )
        self.outputs = self._outputs(self.inputs)

    def _outputs(self, inputs: Sequence[Any]) -> list[Tensor]:
        """The results that can have a derivative."""
        results = _tuple(self.func(*inputs))
        return [r for r in results if isinstance(r, self.ref.Tensor) and r.dtype.category >= 2]

    # Real vectors

    def size(self, tensor: Tensor) -> int:
        return tensor.array.size * (2 if tensor.dtype.is_complex else 1)

    def vector(self, values: np.ndarray, like: Tensor) -> Tensor:
        """The tensor that a real vector stands for."""
        if like.dtype.is_complex:
            values = values[0::2] + 1j * values[1::2]
        return self.ref.tensor_from(values.reshape(like.array.shape), like.dtype)

    def flat(self, tensor: Tensor | None, like: Tensor) -> np.ndarray:
        """A tensor as a real vector, zeros for None."""
        return (
            np.zeros(self.size(like)) if tensor is None else _flat(self.ref.arithmetic.to_numpy(tensor.array))
        )

    # Derivatives

    def numerical(self, number: int, direction: np.ndarray) -> list[np.ndarray]:
        """Central differences of all results along a direction of one input."""
        ends = []
        x = self.inputs[number]
        for sign in (1, -1):
            step = self.vector(direction, x).array * (sign * self.eps)
            moved = list(self.inputs)
            moved[number] = self.ref.tensor_from(x.dtype.round(x.array + step), x.dtype, requires_grad=True)
            ends.append([_flat(y.dtype.round(y.array)) for y in self._outputs(moved)])
        return [(high - low) / (2 * self.eps) for high, low in zip(*ends, strict=True)]

    def backward(self, output: Tensor, cotangent: Tensor) -> list[Tensor | None]:
        """The gradients of one result by the checked inputs."""
        if not output.requires_grad:
            return [None] * len(self.checked)
        inputs = [self.inputs[i] for i in self.checked]
        gradient = self.ref.torch.autograd.grad
        return list(gradient(output, inputs, cotangent, retain_graph=True, allow_unused=True))

    def forward(self, number: int, direction: Tensor) -> list[Tensor | None]:
        """The tangents of all results along a direction of one input."""
        forward = self.ref.torch.autograd.forward_ad
        with forward.dual_level():
            moved = list(self.inputs)
            moved[number] = forward.make_dual(self.inputs[number], direction)
            return [forward.unpack_dual(result).tangent for result in self._outputs(moved)]

    def mapped(self, function: Callable, like: Tensor) -> Iterator[list[Tensor | None]]:
        """A function of each unit vector, by vmap over all of them."""
        ref = self.ref
        units = ref.ops.stack([self.vector(row, like) for row in np.eye(self.size(like))])
        absent: list[bool] = []

        def of_one(unit: Tensor) -> tuple[Tensor, ...]:
            results = function(unit)
            absent[:] = [result is None for result in results]
            return tuple(ref.zeros((), like.dtype) if result is None else result for result in results)

        try:
            columns = ref.torch.func.vmap(of_one)(units)
        except RuntimeError as error:
            raise GradcheckError(f"the derivative cannot be batched: {error}") from error
        for row in range(self.size(like)):
            yield [None if none else column[row] for column, none in zip(columns, absent, strict=True)]


def _is_checked(ref: Reference, value: Any) -> bool:
    return isinstance(value, ref.Tensor) and value.requires_grad and value.dtype.category >= 2


def _compare(found: np.ndarray, expected: np.ndarray, rtol: float, atol: float, what: str) -> None:
    if not np.allclose(found, expected, rtol, atol):
        raise GradcheckError(f"{what}: differences of values give {expected}, and not {found}")


def for_reference(ref: Reference) -> dict[str, Any]:
    """``gradcheck`` and ``gradgradcheck``."""

    def gradcheck(
        func: Callable,
        inputs: Any,
        *,
        eps: float = 1e-6,
        atol: float = 1e-5,
        rtol: float = 1e-3,
        raise_exception: bool = True,
        nondet_tol: float = 0.0,
        check_undefined_grad: bool = True,
        check_grad_dtypes: bool = False,
        check_batched_grad: bool = False,
        check_batched_forward_grad: bool = False,
        check_forward_ad: bool = False,
        check_backward_ad: bool = True,
        fast_mode: bool = False,
        masked: bool | None = None,
    ) -> bool:
        """Whether the derivatives of a function fit its values close to the inputs."""

        def run() -> None:
            check = Check(ref, func, inputs, eps)
            tensors = [*(check.inputs[i] for i in check.checked), *check.outputs]
            if fast_mode and not any(tensor.dtype.is_complex for tensor in tensors):
                _fast(check, rtol, atol, check_backward_ad, check_forward_ad)
            else:
                _slow(check, rtol, atol, check_backward_ad, check_forward_ad)
            if check_backward_ad:
                _repeatable(check, nondet_tol, check_grad_dtypes)
                if check_undefined_grad:
                    _undefined(check)
                if check_batched_grad:
                    for output in check.outputs:
                        _same(check, check.mapped(lambda c, o=output: check.backward(o, c), output), output)
            if check_batched_forward_grad:
                for number in check.checked:
                    x = check.inputs[number]
                    for _ in check.mapped(lambda t, n=number: check.forward(n, t), x):
                        pass

        try:
            run()
        except GradcheckError:
            if raise_exception:
                raise
            return False
        return True

    def gradgradcheck(
        func: Callable,
        inputs: Any,
        grad_outputs: Any = None,
        *,
        gen_non_contig_grad_outputs: bool = False,
        check_fwd_over_rev: bool = False,
        check_rev_over_rev: bool = True,
        **options: Any,
    ) -> bool:
        """The same for the gradient, as a function of the inputs and of the cotangents."""
        inputs = _tuple(inputs)
        if grad_outputs is None:
            made = Check(ref, func, inputs, 1.0).outputs
            cotangents = tuple(_cotangent(ref, y, gen_non_contig_grad_outputs) for y in made)
        else:
            cotangents = _tuple(grad_outputs)

        def gradient(*args: Any) -> tuple[Tensor, ...]:
            own, given = args[: len(inputs)], args[len(inputs) :]
            outputs = [y for y in _tuple(func(*own)) if isinstance(y, ref.Tensor) and y.dtype.category >= 2]
            pairs = [(y, c) for y, c in zip(outputs, given, strict=True) if y.requires_grad]
            wanted = [x for x in own if _is_checked(ref, x)]
            if not pairs:
                return ()
            results, own_given = zip(*pairs, strict=True)
            found = ref.torch.autograd.grad(results, wanted, own_given, create_graph=True, allow_unused=True)
            return tuple(g for g in found if g is not None)

        return gradcheck(
            gradient,
            inputs + cotangents,
            check_forward_ad=check_fwd_over_rev,
            check_backward_ad=check_rev_over_rev,
            **options,
        )

    return {"gradcheck": gradcheck, "gradgradcheck": gradgradcheck}


def _slow(check: Check, rtol: float, atol: float, backward: bool, forward: bool) -> None:
    """Every entry of every Jacobian."""
    for place, number in enumerate(check.checked):
        x = check.inputs[number]
        units = np.eye(check.size(x))
        columns = [check.numerical(number, unit) for unit in units]
        for k, y in enumerate(check.outputs):
            expected = np.array([column[k] for column in columns]).reshape(check.size(x), check.size(y))
            what = f"result {k} by input {number}"
            if backward:
                rows = [check.backward(y, check.vector(unit, y))[place] for unit in np.eye(check.size(y))]
                found = np.array([check.flat(row, x) for row in rows]).reshape(check.size(y), check.size(x))
                _compare(found.T, expected, rtol, atol, f"backward, {what}")
            if forward:
                tangents = [check.forward(number, check.vector(unit, x))[k] for unit in units]
                found = np.array([check.flat(t, y) for t in tangents]).reshape(expected.shape)
                _compare(found, expected, rtol, atol, f"forward mode, {what}")


def _fast(check: Check, rtol: float, atol: float, backward: bool, forward: bool) -> None:
    """One number for each Jacobian: its product with random vectors on both sides."""
    generator = np.random.default_rng(0)
    for place, number in enumerate(check.checked):
        x = check.inputs[number]
        u = generator.standard_normal(check.size(x))
        slopes = check.numerical(number, u)
        tangents = check.forward(number, check.vector(u, x)) if forward else []
        for k, y in enumerate(check.outputs):
            v = generator.standard_normal(check.size(y))
            expected, what = np.array(v @ slopes[k]), f"result {k} by input {number}"
            if backward:
                row = check.flat(check.backward(y, check.vector(v, y))[place], x)
                _compare(np.array(row @ u), expected, rtol, atol, f"backward, {what}")
            if forward:
                _compare(v @ check.flat(tangents[k], y), expected, rtol, atol, f"forward mode, {what}")


def _repeatable(check: Check, tolerance: float, dtypes: bool) -> None:
    """Backward answers the same twice, in the dtypes of the inputs."""
    for y in check.outputs:
        for unit in np.eye(check.size(y)):
            rounds = [check.backward(y, check.vector(unit, y)) for _ in range(2)]
            for number, first, second in zip(check.checked, *rounds, strict=True):
                x = check.inputs[number]
                if np.any(abs(check.flat(first, x) - check.flat(second, x)) > tolerance):
                    raise GradcheckError(
                        "backward is not deterministic: it answered differently the second time"
                    )
                if dtypes and first is not None and first.dtype is not x.dtype:
                    raise GradcheckError(f"a gradient of {first.dtype} for an input of {x.dtype}")


def _undefined(check: Check) -> None:
    """A custom backward that is given no cotangents treats them as zeros."""
    for y in check.outputs:
        node = y.grad_fn
        if isinstance(node, FunctionNode):
            found = node.run(check.ref, [None] * len(node.outputs), [True] * len(node.edges))
            if any(g is not None and np.any(check.ref.arithmetic.to_numpy(g.array)) for g in found):
                raise GradcheckError("backward does not treat cotangents that are None as zeros")


def _same(check: Check, rows: Iterator[list[Tensor | None]], output: Tensor) -> None:
    for unit, row in zip(np.eye(check.size(output)), rows, strict=True):
        single = check.backward(output, check.vector(unit, output))
        for number, one, other in zip(check.checked, row, single, strict=True):
            x = check.inputs[number]
            _compare(check.flat(one, x), check.flat(other, x), 1e-5, 1e-8, "batched backward")


def _cotangent(ref: Reference, output: Tensor, scattered: bool) -> Tensor:
    generator = np.random.default_rng(1)
    shape = output.array.shape
    values = generator.standard_normal(shape)
    if output.dtype.is_complex:
        values = values + 1j * generator.standard_normal(shape)
    made = ref.tensor_from(output.dtype.round(np.asarray(values)), output.dtype)
    if scattered:
        made = ref.wrap(np.repeat(made.array[..., None], 2, -1)[..., 0], made.dtype, True)
    return made.requires_grad_()
