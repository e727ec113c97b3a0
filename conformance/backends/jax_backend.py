"""JAX as a functional backend, on the CPU and with float64 switched on.

Every function is JAX's own under the name that JAX has for it; what stands between the two is the arguments. What
JAX itself has no function for (``linear``, ``mse_loss``, ``cross_entropy``, ``dropout``) is not here.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reference_impls.dtypes import NAMES

from .contract import Unsupported
from .functional import LACKS, Function, FunctionalBackend

Extremum = namedtuple("Extremum", "values indices")

jax.config.update("jax_enable_x64", True)


def _axis(dim: Any) -> Any:
    return tuple(dim) if isinstance(dim, (list, tuple)) else dim


def _sizes(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (list, tuple)) else sizes


def _only(name: str, **given: tuple[Any, Any]) -> None:
    """Raises where an argument that JAX's function does not have is not at its default."""
    for argument, (value, default) in given.items():
        if value != default:
            raise Unsupported(f"{name} with {argument}=")


def _reduction(function: Callable[..., Any]) -> Callable[..., Any]:
    def reduction(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: str | None = None) -> Any:
        options = {} if dtype is None else {"dtype": dtype}
        return function(input, axis=_axis(dim), keepdims=keepdim, **options)

    return reduction


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    def spread(
        input: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: Any = None
    ) -> Any:
        ddof = int(unbiased) if correction is None else correction
        return function(input, axis=_axis(dim), ddof=ddof, keepdims=keepdim)

    return spread


def _extremum(whole: Any, position: Any, between: Any) -> Callable[..., Any]:
    def extremum(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        if other is not None or isinstance(dim, jax.Array):
            return between(input, dim if other is None else other)
        if dim is None:
            return whole(input)
        return Extremum(whole(input, axis=dim, keepdims=keepdim), position(input, axis=dim, keepdims=keepdim))

    return extremum


def _softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    _only("torch.nn.functional.softplus", beta=(beta, 1.0), threshold=(threshold, 20.0))
    return jax.nn.softplus(input)


def _relu(input: Any, inplace: bool = False) -> Any:
    if inplace:
        raise Unsupported("inplace")
    return jax.nn.relu(input)


def _conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Any:
    pair = lambda value: (value, value) if isinstance(value, int) else tuple(value)  # noqa: E731
    around = padding.upper() if isinstance(padding, str) else [(p, p) for p in pair(padding)]
    batch = input if input.ndim == 4 else input[None]
    result = jax.lax.conv_general_dilated(
        batch, weight, pair(stride), around, rhs_dilation=pair(dilation), feature_group_count=groups
    )
    result = result if bias is None else result + bias[:, None, None]
    return result if input.ndim == 4 else result[0]


def _layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05) -> Any:
    axes = tuple(range(-len(normalized_shape), 0))
    if input.shape[input.ndim - len(axes) :] != tuple(normalized_shape):
        raise ValueError(f"{normalized_shape} is not how the shape {input.shape} ends")
    result = jax.nn.standardize(input, axis=axes, epsilon=eps)
    result = result if weight is None else result * weight
    return result if bias is None else result + bias


def _add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return jnp.add(input, other if alpha == 1 else alpha * other)


def _sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return jnp.subtract(input, other if alpha == 1 else alpha * other)


def _clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    return jnp.clip(input, min, max)


def _where(condition: Any, input: Any, other: Any) -> Any:
    return jnp.where(condition, input, other)


def _squeeze(input: Any, dim: Any = None) -> Any:
    if dim is None:
        return jnp.squeeze(input)
    dims = dim if isinstance(dim, tuple) else (dim,)
    return jnp.squeeze(input, tuple(d for d in dims if input.shape[d] == 1))


def _flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    start, end = start_dim % max(input.ndim, 1), end_dim % max(input.ndim, 1)
    return jnp.reshape(input, (*input.shape[:start], -1, *input.shape[end + 1 :]))


def _split(input: Any, split_size: Any, dim: int = 0) -> tuple[Any, ...]:
    sizes = split_size if isinstance(split_size, (list, tuple)) else None
    stops = np.cumsum(sizes)[:-1] if sizes else np.arange(split_size, input.shape[dim], split_size)
    return tuple(jnp.split(input, stops.tolist(), axis=dim))


def _chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    return _split(input, -(-input.shape[dim] // chunks), dim)


def _gather(input: Any, dim: int, index: Any) -> Any:
    return jnp.take_along_axis(input, index, axis=dim)


def _expand(input: Any, *sizes: Any) -> Any:
    wanted = _sizes(sizes)
    held = (1,) * (len(wanted) - input.ndim) + input.shape
    return jnp.broadcast_to(input, tuple(h if w == -1 else w for w, h in zip(wanted, held, strict=True)))


ELEMENTWISE = """
    abs acos acosh asin asinh atan atan2 atanh bitwise_and bitwise_not bitwise_or bitwise_xor cbrt ceil conj
    copysign cos cosh deg2rad exp exp2 expm1 floor floor_divide fmax fmin fmod gcd heaviside hypot i0 imag
    isfinite isinf isnan lcm ldexp log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not
    logical_or logical_xor matmul maximum minimum outer positive pow rad2deg real reciprocal remainder round
    sign signbit sin sinc sinh sqrt square tan tanh true_divide trunc
"""
"""Names that NumPy, JAX and torch agree on."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(jnp, name) for name in ELEMENTWISE.split()},
    **dict(add=_add, sub=_sub, subtract=_sub, mul=jnp.multiply, multiply=jnp.multiply, neg=jnp.negative),
    **dict(
        div=jnp.true_divide,
        dot=jnp.dot,
        mm=jnp.matmul,
        bmm=jnp.matmul,
        angle=jnp.angle,
        nan_to_num=jnp.nan_to_num,
    ),
    **dict(
        eq=jnp.equal, ne=jnp.not_equal, lt=jnp.less, le=jnp.less_equal, gt=jnp.greater, ge=jnp.greater_equal
    ),
    **dict(rsqrt=jax.lax.rsqrt, erf=jax.lax.erf, erfc=jax.lax.erfc, erfinv=jax.lax.erf_inv),
    **dict(lgamma=jax.lax.lgamma, digamma=jax.lax.digamma, sigmoid=jax.nn.sigmoid, relu=_relu),
    **dict(
        sum=_reduction(jnp.sum),
        mean=_reduction(jnp.mean),
        prod=_reduction(jnp.prod),
        amax=_reduction(jnp.max),
    ),
    **dict(amin=_reduction(jnp.min), all=_reduction(jnp.all), any=_reduction(jnp.any), var=_spread(jnp.var)),
    **dict(
        std=_spread(jnp.std),
        argmax=lambda input, dim=None, keepdim=False: jnp.argmax(input, dim, keepdims=keepdim),
    ),
    "argmin": lambda input, dim=None, keepdim=False: jnp.argmin(input, dim, keepdims=keepdim),
    "max": _extremum(jnp.max, jnp.argmax, jnp.maximum),
    "min": _extremum(jnp.min, jnp.argmin, jnp.minimum),
    "logsumexp": lambda input, dim, keepdim=False: jax.nn.logsumexp(input, _axis(dim), keepdims=keepdim),
    "softmax": lambda input, dim: jax.nn.softmax(input, axis=dim),
    "log_softmax": lambda input, dim: jax.nn.log_softmax(input, axis=dim),
    "cumsum": lambda input, dim: jnp.cumsum(input, axis=dim),
    "cumprod": lambda input, dim: jnp.cumprod(input, axis=dim),
    "where": _where,
    "clamp": _clamp,
    "clip": _clamp,
    "to": lambda input, dtype: input.astype(dtype),
    "clone": jnp.copy,
    "detach": jax.lax.stop_gradient,
    "getitem": lambda input, index: input[index],
    "reshape": lambda input, *shape: jnp.reshape(input, _sizes(shape)),
    "view": lambda input, *shape: jnp.reshape(input, _sizes(shape)),
    "flatten": _flatten,
    "transpose": lambda input, dim0, dim1: jnp.swapaxes(input, dim0, dim1),
    "permute": lambda input, *dims: jnp.transpose(input, _sizes(dims)),
    "t": jnp.transpose,
    "reversed_dims": jnp.transpose,
    "matrix_transpose": jnp.matrix_transpose,
    "adjoint": lambda input: jnp.conj(jnp.matrix_transpose(input)),
    "movedim": jnp.moveaxis,
    "flip": lambda input, *dims: jnp.flip(input, _sizes(dims)),
    "roll": lambda input, shifts, dims=None: jnp.roll(input, shifts, dims),
    "unsqueeze": jnp.expand_dims,
    "squeeze": _squeeze,
    "expand": _expand,
    "expand_as": lambda input, other: jnp.broadcast_to(input, other.shape),
    "cat": lambda tensors, dim=0: jnp.concatenate(tensors, axis=dim),
    "stack": lambda tensors, dim=0: jnp.stack(tensors, axis=dim),
    "split": _split,
    "chunk": _chunk,
    "unbind": lambda input, dim=0: tuple(jnp.moveaxis(input, dim, 0)),
    "select": lambda input, dim, index: jax.lax.index_in_dim(input, index, dim, keepdims=False),
    "narrow": lambda input, dim, start, length: jax.lax.slice_in_dim(input, start, start + length, axis=dim),
    "gather": _gather,
    "index_select": lambda input, dim, index: jnp.take(input, index, axis=dim),
    "sort": lambda input, dim=-1: Extremum(jnp.sort(input, axis=dim), jnp.argsort(input, axis=dim)),
    "tril": lambda input, diagonal=0: jnp.tril(input, diagonal),
    "triu": lambda input, diagonal=0: jnp.triu(input, diagonal),
    "torch.nn.functional.softplus": _softplus,
    "torch.nn.functional.relu": _relu,
    "torch.nn.functional.conv2d": _conv2d,
    "torch.nn.functional.layer_norm": _layer_norm,
    "torch.nn.functional.softmax": lambda input, dim: jax.nn.softmax(input, axis=dim),
    "torch.nn.functional.log_softmax": lambda input, dim: jax.nn.log_softmax(input, axis=dim),
    "torch.nn.functional.sigmoid": jax.nn.sigmoid,
    "torch.nn.functional.silu": lambda input, inplace=False: jax.nn.silu(input),
    "torch.nn.functional.gelu": lambda input, approximate="none": jax.nn.gelu(
        input, approximate=approximate == "tanh"
    ),
}
"""JAX's functions by torch's names."""


class JaxBackend(FunctionalBackend):
    """The installed JAX."""

    name = "jax"
    version = str(jax.__version__)
    functions = FUNCTIONS
    deviations = (Path(__file__).with_name("jax.deviations.yaml"),)
    dtypes = frozenset(NAMES)
    lacks = LACKS | {
        "randomness": "the random numbers of JAX take a key, which programs in torch's words do not pass"
    }

    def vjp(
        self, function: Function, primals: Sequence[Any]
    ) -> tuple[list[Any], Callable[[list[Any]], Sequence[Any]]]:
        outputs, transpose = jax.vjp(lambda *inputs: list(function(*inputs)), *primals)

        def pull_back(cotangents: list[Any]) -> list[Any]:
            # JAX transposes where torch takes the adjoint.
            return [jnp.conj(g) for g in transpose([jnp.conj(c) for c in cotangents])]

        return outputs, pull_back

    def jvp(
        self, function: Function, primals: Sequence[Any], tangents: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        return jax.jvp(lambda *inputs: list(function(*inputs)), tuple(primals), tuple(tangents))

    def array_from(self, values: np.ndarray, dtype: str) -> jax.Array:
        return jnp.asarray(values.astype(jnp.dtype(dtype)))

    def numpy_from(self, array: jax.Array) -> np.ndarray:
        values = np.asarray(array)
        kind = (
            "float64" if jnp.issubdtype(array.dtype, jnp.floating) else WIDE.get(values.dtype.kind, "int64")
        )
        return values.astype(kind)

    def dtype_name(self, array: jax.Array) -> str:
        return array.dtype.name

    def is_array(self, value: Any) -> bool:
        return isinstance(value, jax.Array)

    def is_unsupported(self, error: Exception) -> str | None:
        if isinstance(error, (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)):
            return "a decision by the values of an array that JAX traces"
        return super().is_unsupported(error)

    def describe(self) -> dict[str, str]:
        return super().describe() | {"x64": str(jax.config.jax_enable_x64), "platform": jax.default_backend()}


WIDE = {"b": "bool", "c": "complex128"}
